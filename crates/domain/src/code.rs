//! Redeem codes: how one looks, what guards it against typing errors, and whether a batch's terms let a shopper use it.

/// Crockford's base 32 (2002): no letter that is mistaken for a digit, and no U.
pub const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Random symbols of a generated code: 75 bits, so that nobody guesses one however long they try.
pub const RANDOM: usize = 15;
/// Symbols of a generated code: the random ones and the check.
const LENGTH: usize = RANDOM + 1;
/// Symbols between two hyphens.
const GROUP: usize = 4;
/// Characters of a code that a shop brings along.
pub const IMPORTED_CHARS: std::ops::RangeInclusive<usize> = 4..=64;

/// The value of a typed symbol, either case; O is read as 0, I and L as 1.
pub fn digit(byte: u8) -> Option<u8> {
    let meant = match byte.to_ascii_uppercase() {
        b'O' => b'0',
        b'I' | b'L' => b'1',
        other => other,
    };
    DIGITS.iter().position(|d| *d == meant).map(|at| at as u8)
}

/// Times the generator of GF(32), modulo x^5 + x^2 + 1.
fn times_generator(value: u8) -> u8 {
    let double = value << 1;
    if double & 0b10_0000 == 0 { double } else { double ^ 0b10_0101 }
}

/// The check symbol: a Reed-Solomon code (Reed, Solomon 1960) of distance 2 over GF(32). Each place has a weight of its
/// own, so any wrong symbol and any two that changed places are noticed.
fn check(values: impl Iterator<Item = u8>) -> u8 {
    values.fold(0, |sum, value| times_generator(sum ^ value))
}

/// The code of the lowest 75 of these bits: `XXXX-XXXX-XXXX-XXXX`.
pub fn of_bits(bits: u128) -> String {
    let values = || (0..RANDOM).map(|at| (bits >> (5 * at)) as u8 & 31);
    let all = values().chain([check(values())]);
    let mut text = String::with_capacity(LENGTH + LENGTH / GROUP);
    for (at, value) in all.enumerate() {
        if at > 0 && at % GROUP == 0 {
            text.push('-');
        }
        text.push(char::from(DIGITS[usize::from(value)]));
    }
    text
}

/// A generated code as it was made, from what somebody typed; nothing where it is none or was mistyped.
fn as_generated(typed: &str) -> Option<String> {
    let mut values = [0; LENGTH];
    let mut count = 0;
    for byte in typed.bytes().filter(|b| !matches!(b, b'-' | b' ')) {
        *values.get_mut(count)? = digit(byte)?;
        count += 1;
    }
    let (random, last) = values.split_at(RANDOM);
    let right = count == LENGTH && check(random.iter().copied()) == last[0];
    right.then(|| of_bits(random.iter().rev().fold(0, |bits, value| bits << 5 | u128::from(*value))))
}

/// Whether a shop may bring this code along. What spreadsheets take for a formula is none.
pub fn is_importable(code: &str) -> bool {
    IMPORTED_CHARS.contains(&code.len())
        && code.starts_with(|c: char| c.is_ascii_alphanumeric())
        && code.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// The codes that somebody who typed this may mean: one that a shop brought along, to the letter, or one that was made
/// here, as people type it. None where it can be no code at all.
pub fn meant(typed: &str) -> Vec<String> {
    let typed = typed.trim();
    let mut codes: Vec<String> = is_importable(typed).then(|| typed.to_owned()).into_iter().collect();
    codes.extend(as_generated(typed).filter(|code| code != typed));
    codes
}

/// What a batch's codes give, and to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Chances of one use, above 0.
    pub chances: u32,
    /// How often each code can be used, above 0.
    pub uses: u32,
    /// How many uses of the batch one shopper has; `None` is unlimited.
    pub per_shopper: Option<u32>,
    /// Unix milliseconds, inclusive.
    pub starts_at_ms: Option<i64>,
    /// Exclusive.
    pub ends_at_ms: Option<i64>,
}

/// What was used so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    /// Uses of the code.
    pub code: u64,
    /// Uses of the batch by the shopper.
    pub batch_by_shopper: u64,
    /// Uses of the code by the shopper.
    pub code_by_shopper: u64,
}

/// Why a code that exists cannot be used. Knowing it is no guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    #[error("the code cannot be used yet")]
    NotStarted,
    #[error("the code's time is over")]
    Over,
    #[error("the code is used up")]
    UsedUp,
    #[error("this shopper has used the code as often as one may")]
    UsedByShopper,
    #[error("this shopper has used as many codes of this kind as one may")]
    ShopperLimit,
}

impl Terms {
    /// Whether a shopper may use a code now.
    ///
    /// # Errors
    /// Why not.
    pub fn admit(&self, used: Used, now_ms: i64) -> Result<(), Unusable> {
        if self.starts_at_ms.is_some_and(|at| now_ms < at) {
            Err(Unusable::NotStarted)
        } else if self.ends_at_ms.is_some_and(|at| now_ms >= at) {
            Err(Unusable::Over)
        } else if used.code >= u64::from(self.uses) {
            Err(Unusable::UsedUp)
        } else if self.per_shopper.is_some_and(|most| used.batch_by_shopper >= u64::from(most)) {
            Err(if used.code_by_shopper > 0 { Unusable::UsedByShopper } else { Unusable::ShopperLimit })
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BITS: u128 = 0x1234_5678_9abc_def0_1234;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = of_bits(BITS);
        assert_eq!(code.len(), 19, "{code}");
        for typed in [
            code.clone(),
            code.to_lowercase(),
            code.replace('-', ""),
            code.replace('-', " "),
            code.replace('0', "o").replace('1', "L"),
            format!("  {code}\t"),
        ] {
            assert!(meant(&typed).contains(&code), "{typed}");
        }
        assert_eq!(meant("spring-2026"), ["spring-2026"], "a shop's own code is taken to the letter");
        for nobody in ["", "abc", "锦鲤锦鲤", "=1+1", "-abcd", "a b c d", &"x".repeat(65)] {
            assert!(meant(nobody).is_empty(), "{nobody}");
        }
    }

    #[test]
    fn every_slip_of_one_symbol_and_every_swap_is_noticed() {
        for bits in [0, 1, BITS, u128::MAX, 31 << 70] {
            let code: Vec<u8> = of_bits(bits).bytes().filter(|b| *b != b'-').collect();
            let read = |bytes: &[u8]| as_generated(std::str::from_utf8(bytes).expect("ASCII"));
            assert!(read(&code).is_some());
            for at in 0..LENGTH {
                for other in DIGITS.iter().filter(|d| **d != code[at]) {
                    let mut wrong = code.clone();
                    wrong[at] = *other;
                    assert_eq!(read(&wrong), None, "symbol {at} of {bits:x}");
                }
                for with in (0..at).filter(|with| code[*with] != code[at]) {
                    let mut wrong = code.clone();
                    wrong.swap(at, with);
                    assert_eq!(read(&wrong), None, "{at} and {with} of {bits:x} changed places");
                }
            }
            assert_eq!(read(&code[1..]), None);
            assert_eq!(read(&[&code[..], b"0"].concat()), None);
        }
    }

    #[test]
    fn terms_say_who_may_use_a_code() {
        let once = Terms { chances: 1, uses: 1, per_shopper: None, starts_at_ms: None, ends_at_ms: None };
        let many = Terms { uses: 3, per_shopper: Some(1), ..once };
        let timed = Terms { starts_at_ms: Some(10), ends_at_ms: Some(20), ..once };
        let used = |code, batch_by_shopper, code_by_shopper| Used { code, batch_by_shopper, code_by_shopper };
        for (terms, used, now_ms, want) in [
            (once, used(0, 0, 0), 0, Ok(())),
            (once, used(0, 5, 0), 0, Ok(())),
            (once, used(1, 0, 0), 0, Err(Unusable::UsedUp)),
            (many, used(2, 0, 0), 0, Ok(())),
            (many, used(3, 0, 0), 0, Err(Unusable::UsedUp)),
            (many, used(1, 1, 1), 0, Err(Unusable::UsedByShopper)),
            (many, used(1, 1, 0), 0, Err(Unusable::ShopperLimit)),
            (timed, used(0, 0, 0), 9, Err(Unusable::NotStarted)),
            (timed, used(0, 0, 0), 10, Ok(())),
            (timed, used(0, 0, 0), 19, Ok(())),
            (timed, used(0, 0, 0), 20, Err(Unusable::Over)),
        ] {
            assert_eq!(terms.admit(used, now_ms), want, "{terms:?} {used:?} at {now_ms}");
        }
    }
}
