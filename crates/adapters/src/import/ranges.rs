//! Which rows of one order are imported already: a set of ordinals as short sorted ranges.

use std::fmt;
use std::str::FromStr;

/// A set of ordinals, kept as sorted ranges that neither overlap nor touch. A whole order is one range, so the set is
/// as short as its text (`0-12,14`), however long the order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ranges {
    /// First and last ordinal of each, both inside.
    spans: Vec<(u32, u32)>,
}

/// Why a text is no set of ranges.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a set of ranges: {part:?}, expected something like 0-12,14")]
pub struct BadRanges {
    part: String,
}

impl Ranges {
    /// Adds `first` to `last`, both inside; an empty range (`last < first`) adds nothing. Returns how many ordinals
    /// are new.
    pub fn insert_range(&mut self, first: u32, last: u32) -> u64 {
        if last < first {
            return 0;
        }
        let before = self.len();
        // Those that touch count as overlapping, so that neighbours melt into one.
        let from = self.spans.partition_point(|&(_, l)| l.checked_add(1).is_some_and(|after| after < first));
        let to = self.spans.partition_point(|&(f, _)| last.checked_add(1).is_none_or(|after| f <= after));
        let merged = match self.spans.get(from..to) {
            Some([only]) => (only.0.min(first), only.1.max(last)),
            Some([head, .., tail]) => (head.0.min(first), tail.1.max(last)),
            _ => (first, last),
        };
        self.spans.splice(from..to, [merged]);
        self.len() - before
    }

    /// Adds one ordinal; says whether it is new.
    pub fn insert(&mut self, ordinal: u32) -> bool {
        self.insert_range(ordinal, ordinal) == 1
    }

    /// Whether the ordinal is in the set.
    pub fn contains(&self, ordinal: u32) -> bool {
        let after = self.spans.partition_point(|&(first, _)| first <= ordinal);
        after > 0 && ordinal <= self.spans[after - 1].1
    }

    /// How many ordinals the set holds.
    pub fn len(&self) -> u64 {
        self.spans.iter().map(|&(first, last)| u64::from(last - first) + 1).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }
}

impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, &(first, last)) in self.spans.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            if first == last {
                write!(f, "{comma}{first}")?;
            } else {
                write!(f, "{comma}{first}-{last}")?;
            }
        }
        Ok(())
    }
}

impl FromStr for Ranges {
    type Err = BadRanges;

    /// Reads what `Display` writes; the empty text is the empty set. Ranges may stand in any order and overlap.
    fn from_str(text: &str) -> Result<Ranges, BadRanges> {
        let mut ranges = Ranges::default();
        for part in text.split(',').filter(|_| !text.is_empty()) {
            let bad = || BadRanges { part: part.to_owned() };
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (number(first).ok_or_else(bad)?, number(last).ok_or_else(bad)?);
            if last < first {
                return Err(bad());
            }
            ranges.insert_range(first, last);
        }
        Ok(ranges)
    }
}

/// Digits only: `u32::from_str` would take a plus sign.
fn number(text: &str) -> Option<u32> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ranges_melt() {
        let check = |inserts: &[(u32, u32, u64)], expect: &str| {
            let mut ranges = Ranges::default();
            for &(first, last, new) in inserts {
                assert_eq!(ranges.insert_range(first, last), new, "{first}-{last} into {inserts:?}");
            }
            assert_eq!(ranges.to_string(), expect);
        };
        check(&[], "");
        check(&[(5, 5, 1)], "5");
        check(&[(5, 4, 0)], "");
        check(&[(0, 12, 13), (14, 14, 1)], "0-12,14");
        check(&[(0, 12, 13), (14, 14, 1), (13, 13, 1)], "0-14");
        check(&[(0, 3, 4), (10, 12, 3), (20, 20, 1), (2, 15, 9)], "0-15,20");
        check(&[(0, 3, 4), (0, 3, 0), (1, 2, 0)], "0-3");
        check(&[(7, 9, 3), (0, 5, 6), (6, 6, 1)], "0-9");
        check(&[(u32::MAX, u32::MAX, 1), (0, 0, 1), (u32::MAX - 1, u32::MAX - 1, 1)], "0,4294967294-4294967295");
        check(&[(5, 6, 2), (0, u32::MAX, u64::from(u32::MAX) + 1 - 2)], "0-4294967295");
    }

    #[test]
    fn texts_are_read_or_refused() {
        let check = |text: &str, expect: Option<&str>| {
            let got = text.parse::<Ranges>().map(|r| r.to_string()).ok();
            assert_eq!(got.as_deref(), expect, "{text:?}");
        };
        check("", Some(""));
        check("0-12,14", Some("0-12,14"));
        check("14,0-12,13", Some("0-14"));
        for bad in [",", "1,", "-", "1-", "-1", "2-1", "+1", "1 ", "x", "1-2-3", "4294967296"] {
            check(bad, None);
        }
    }

    #[test]
    fn ranges_agree_with_a_plain_set() {
        let mut state = 7u64;
        let mut next = move |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ((state >> 33) % below) as u32
        };
        for _ in 0..200 {
            let (mut ranges, mut plain) = (Ranges::default(), BTreeSet::new());
            for _ in 0..20 {
                let first = next(60);
                let last = first + next(8);
                let new = (first..=last).filter(|&n| plain.insert(n)).count() as u64;
                assert_eq!(ranges.insert_range(first, last), new);
            }
            assert!((0..80).all(|n| ranges.contains(n) == plain.contains(&n)), "{ranges} against {plain:?}");
            assert_eq!((ranges.len(), ranges.to_string().parse()), (plain.len() as u64, Ok(ranges.clone())));
            assert!(ranges.spans.windows(2).all(|w| w[0].1 + 1 < w[1].0), "{ranges} has ranges that touch");
        }
    }
}
