//! A moment as the API writes it (RFC 3339) and as the core counts it (Unix milliseconds).

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

/// A moment in Unix milliseconds. Travels as RFC 3339 text, always written in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

impl Time {
    /// Unix milliseconds.
    pub fn as_ms(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339 with an offset or `Z`; what is finer than a millisecond is cut off.
    pub fn parse(text: &str) -> Option<Time> {
        // jiff reads more than RFC 3339 (a space or nothing between date and time, zone names in brackets, signed years).
        let bytes = text.as_bytes();
        let plain = bytes.len() >= "2026-01-01T00:00:00Z".len()
            && bytes[0].is_ascii_digit()
            && matches!(bytes[10], b'T' | b't')
            && bytes[13] == b':'
            && bytes[16] == b':'
            && !text.contains('[');
        let moment = plain.then(|| text.parse::<Timestamp>().ok()).flatten()?;
        Some(Time(moment.as_millisecond()))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let moment = Timestamp::from_millisecond(self.0).map_err(ser::Error::custom)?;
        to.collect_str(&moment)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
        Time::parse(&text).ok_or_else(|| de::Error::custom("not a time: expected RFC 3339, like 2026-01-31T08:00:00Z"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_and_written_in_utc() {
        for (text, want) in [
            ("2026-01-01T00:00:00Z", Some("2026-01-01T00:00:00Z")),
            ("2026-01-01T08:00:00+08:00", Some("2026-01-01T00:00:00Z")),
            ("2026-01-01t00:00:00.5z", Some("2026-01-01T00:00:00.5Z")),
            ("2026-01-01T00:00:00.123456Z", Some("2026-01-01T00:00:00.123Z")),
            ("2026-01-01 00:00:00Z", None),
            ("2026-01-01T00:00:00", None),
            ("2026-01-01T00:00:00+08:00[Asia/Shanghai]", None),
            ("2026-02-30T00:00:00Z", None),
            ("20260101T000000Z", None),
            ("1767225600", None),
            ("", None),
        ] {
            let got = serde_json::from_value::<Time>(text.into()).ok().map(|time| serde_json::json!(time));
            assert_eq!(got, want.map(|want| serde_json::json!(want)), "{text:?}");
        }
    }
}
