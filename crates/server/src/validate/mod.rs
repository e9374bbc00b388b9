//! What the edge checks before a use case sees it: lengths, ranges and forms, each refused by field.

pub mod events;
pub mod tracker;

use crate::http::problem::Problem;
use domain::campaign::Time;

/// Characters of ids that a shop chooses: shoppers, orders, business keys.
pub const ID_CHARS: usize = 128;
/// Characters of names.
pub const NAME_CHARS: usize = 200;
/// Characters of a reason.
pub const REASON_CHARS: usize = 500;
/// Characters of a client seed.
pub const CLIENT_SEED_CHARS: usize = 64;
/// Draws of one request.
pub const COUNT: std::ops::RangeInclusive<u64> = 2..=10;
/// Chances of one grant.
pub const CHANCES: std::ops::RangeInclusive<u32> = 1..=1_000_000;
/// Points of one entry, either way.
pub const POINTS_MAX: i64 = 1_000_000_000_000;
/// Seconds that a shopper's token may live: 30 days.
pub const TTL_SECONDS: std::ops::RangeInclusive<u64> = 1..=86_400 * 30;
/// Bytes of a shopper's attributes, as JSON.
pub const ATTRIBUTES_BYTES: usize = 16 * 1024;

/// A text of 1 to `max` characters without control characters.
pub fn text(field: &str, value: &str, max: usize) -> Result<(), Problem> {
    match wrong_with_text(value, max) {
        None => Ok(()),
        Some(wrong) => Err(Problem::invalid(field, format!("`{field}` {wrong}"))),
    }
}

/// The same, but may be empty.
pub fn optional_text(field: &str, value: &str, max: usize) -> Result<(), Problem> {
    if value.is_empty() { Ok(()) } else { text(field, value, max) }
}

/// The shop's id of a shopper.
pub fn external_id(field: &str, value: &str) -> Result<(), Problem> {
    text(field, value, ID_CHARS)
}

/// What is wrong with a text, as what follows its name.
fn wrong_with_text(value: &str, max: usize) -> Option<String> {
    // Bytes first: nobody's megabytes are counted by character.
    if value.is_empty() || value.len() > max * 4 || value.chars().count() > max {
        Some(format!("has 1 to {max} characters"))
    } else if value.chars().any(char::is_control) {
        Some("has no control characters".to_owned())
    } else {
        None
    }
}

/// Whether a text can be an `Idempotency-Key`.
pub fn is_idempotency_key(key: &str) -> bool {
    (1..=ID_CHARS).contains(&key.len()) && key.bytes().all(|b| (b' '..=b'~').contains(&b))
}

/// Whether a text can be a client seed: at most 64 printable characters, possibly none.
pub fn is_client_seed(seed: &str) -> bool {
    seed.len() <= CLIENT_SEED_CHARS * 4
        && seed.chars().count() <= CLIENT_SEED_CHARS
        && !seed.chars().any(char::is_control)
}

/// A number within a range.
pub fn range<T: PartialOrd + std::fmt::Display>(
    field: &str,
    value: &T,
    range: &std::ops::RangeInclusive<T>,
) -> Result<(), Problem> {
    if range.contains(value) {
        Ok(())
    } else {
        Err(Problem::invalid(field, format!("`{field}` is {} to {}", range.start(), range.end())))
    }
}

/// A moment, Unix milliseconds; before 1970 there was nothing to sell.
pub fn time(field: &str, value: &str) -> Result<i64, Problem> {
    parse_time(value).ok_or_else(|| {
        Problem::invalid(field, format!("`{field}` is a time since 1970 like 2026-01-31T08:00:00Z (RFC 3339)"))
    })
}

/// RFC 3339 as Unix milliseconds.
pub fn parse_time(value: &str) -> Option<i64> {
    Time::parse(value).map(Time::as_ms).filter(|ms| *ms >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_bounded_by_characters() {
        for (value, max, ok) in [
            ("a", 1, true),
            ("", 1, false),
            ("ab", 1, false),
            ("锦鲤", 2, true),
            ("锦鲤!", 2, false),
            ("a\0", 9, false),
            ("a\nb", 9, false),
            ("a\u{85}b", 9, false),
            (&"é".repeat(128), 128, true),
        ] {
            assert_eq!(text("name", value, max).is_ok(), ok, "{value:?} within {max}");
        }
        assert!(optional_text("name", "", 1).is_ok());
    }

    #[test]
    fn times_are_rfc_3339_since_1970() {
        for (value, want) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2026-01-01T08:00:00+08:00", Some(1_767_225_600_000)),
            ("1969-12-31T23:59:59Z", None),
            ("yesterday", None),
            ("2026-01-01", None),
        ] {
            assert_eq!(time("at", value).ok(), want, "{value}");
        }
    }
}
