//! Numbers and times as files write them.

/// Highest price of one unit, in minor units: a thousand million of the major one. Totals stay far below 2^63.
pub const MAX_PRICE_CENTS: i64 = 100_000_000_000;
/// Most units of one line.
pub const MAX_QUANTITY: i64 = 1_000_000;

const MS_PER_DAY: i64 = 86_400_000;
/// Years that a purchase can be of; outside, a date is a mistake.
const YEARS: std::ops::RangeInclusive<i64> = 1970..=2199;

/// A decimal number of the major unit as minor units; a third decimal and beyond round half away from zero. No
/// exponent, no thousands separators.
pub fn cents(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut sum = unsigned(whole)?;
    let mut decimals = fraction.bytes();
    for _ in 0..2 {
        sum = sum.checked_mul(10)?.checked_add(digit(decimals.next().unwrap_or(b'0'))?)?;
    }
    let rounds_up = decimals.next().map(digit).map_or(Some(false), |d| d.map(|d| d >= 5))?;
    if !decimals.all(|b| b.is_ascii_digit()) {
        return None;
    }
    sum += i64::from(rounds_up);
    (sum <= MAX_PRICE_CENTS).then_some(if negative { -sum } else { sum })
}

/// A whole number, also with the `.0` that spreadsheets add to columns with gaps.
pub fn whole(text: &str) -> Option<i64> {
    let text = without_point_zero(text.trim());
    match text.strip_prefix('-') {
        Some("") => None,
        Some(rest) => unsigned(rest).map(|n| -n),
        None if text.is_empty() => None,
        None => unsigned(text),
    }
}

/// `17850.0` as `17850`; any other text as it is.
pub fn without_point_zero(text: &str) -> &str {
    match text.strip_suffix(".0") {
        Some(number) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b == b'-') => number,
        _ => text,
    }
}

/// Unix milliseconds of `2011-02-01 11:20`, `2011-02-01T11:20:00.5+08:00`, `2011-02-01` or `2/1/2011 11:20` (month
/// first). A time without an offset is UTC.
pub fn time_ms(text: &str) -> Option<i64> {
    let text = text.trim();
    let end = text.find(['T', ' ', 't']).unwrap_or(text.len());
    let (date, clock) = text.split_at(end);
    let day = days(date)?;
    let ms = match clock.get(1..) {
        None => 0,
        Some(clock) => clock_ms(clock)?,
    };
    Some(day * MS_PER_DAY + ms)
}

/// Milliseconds from midnight UTC of `HH:MM[:SS[.fraction]][Z|±HH:MM]`, below 0 or above a day where an offset says so.
fn clock_ms(clock: &str) -> Option<i64> {
    let (clock, offset_min) = match clock.find(['Z', 'z', '+', '-']) {
        None => (clock, 0),
        Some(at) => match &clock[at..] {
            "Z" | "z" => (&clock[..at], 0),
            offset => {
                let (h, m) = offset[1..].split_once(':')?;
                let minutes = bounded(h, 2, 2, 23)? * 60 + bounded(m, 2, 2, 59)?;
                (&clock[..at], if offset.starts_with('-') { -minutes } else { minutes })
            }
        },
    };
    let mut parts = clock.splitn(3, ':');
    let hour = bounded(parts.next()?, 1, 2, 23)?;
    let minute = bounded(parts.next()?, 2, 2, 59)?;
    let (second, fraction) = match parts.next() {
        None => (0, 0),
        Some(text) => match text.split_once('.') {
            None => (bounded(text, 2, 2, 59)?, 0),
            Some((second, fraction)) => (bounded(second, 2, 2, 59)?, millis(fraction)?),
        },
    };
    Some(((hour * 60 + minute - offset_min) * 60 + second) * 1000 + fraction)
}

/// Days from 1970-01-01 of `2011-02-01` or `2/1/2011`.
fn days(date: &str) -> Option<i64> {
    let (year, month, day) = if date.contains('/') {
        let mut parts = date.splitn(3, '/');
        let (month, day) = (bounded(parts.next()?, 1, 2, 12)?, bounded(parts.next()?, 1, 2, 31)?);
        (bounded(parts.next()?, 4, 4, 9999)?, month, day)
    } else {
        let mut parts = date.splitn(3, '-');
        let year = bounded(parts.next()?, 4, 4, 9999)?;
        (year, bounded(parts.next()?, 2, 2, 12)?, bounded(parts.next()?, 2, 2, 31)?)
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let month_days = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    (YEARS.contains(&year) && month >= 1 && (1..=month_days).contains(&day)).then(|| days_from_civil(year, month, day))
}

/// Howard Hinnant, "chrono-compatible low-level date algorithms" (2013), for years after 0.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year / 400;
    let year_of_era = year - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn millis(fraction: &str) -> Option<i64> {
    if fraction.is_empty() || fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let kept = &fraction[..fraction.len().min(3)];
    Some(unsigned(kept)? * [100, 10, 1][kept.len() - 1])
}

/// A number of `min_len` to `max_len` digits, at most `max`.
fn bounded(text: &str, min_len: usize, max_len: usize, max: i64) -> Option<i64> {
    let n = unsigned(text)?;
    ((min_len..=max_len).contains(&text.len()) && n <= max).then_some(n)
}

/// Digits only; the empty text is 0. At most 15 digits, so sums of a few cannot overflow.
fn unsigned(text: &str) -> Option<i64> {
    if text.len() > 15 {
        return None;
    }
    text.bytes().try_fold(0i64, |sum, b| Some(sum * 10 + digit(b)?))
}

fn digit(byte: u8) -> Option<i64> {
    byte.is_ascii_digit().then(|| i64::from(byte - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices() {
        let check = |text, expect| assert_eq!(cents(text), expect, "{text:?}");
        check("2.55", Some(255));
        check("0", Some(0));
        check("0.0", Some(0));
        check("3", Some(300));
        check(".5", Some(50));
        check("5.", Some(500));
        check(" 7.95 ", Some(795));
        check("-11062.06", Some(-1_106_206));
        check("0.001", Some(0));
        check("0.005", Some(1));
        check("-0.005", Some(-1));
        check("1.1234567", Some(112));
        check("1000000000", Some(MAX_PRICE_CENTS));
        check("1000000000.01", None);
        for bad in
            ["", ".", "-", "1e3", "1,5", "1.2.3", "1.2x", "1.234x", "+1", "--1", "NaN", "99999999999999999999", "٣"]
        {
            check(bad, None);
        }
    }

    #[test]
    fn whole_numbers() {
        let check = |text, expect| assert_eq!(whole(text), expect, "{text:?}");
        check("6", Some(6));
        check("-80995", Some(-80_995));
        check("6.0", Some(6));
        check(" 0 ", Some(0));
        for bad in ["", "-", "6.5", "six", "6e2", ".0", "9999999999999999", "--6"] {
            check(bad, None);
        }
    }

    #[test]
    fn times() {
        let check = |text, expect| assert_eq!(time_ms(text), expect, "{text:?}");
        check("1970-01-01", Some(0));
        check("2010-12-01 08:26:00", Some(1_291_191_960_000));
        check("2010-12-01T08:26:00Z", Some(1_291_191_960_000));
        check("2010-12-01 08:26", Some(1_291_191_960_000));
        check("12/1/2010 8:26", Some(1_291_191_960_000));
        check("2010-12-01T16:26:00+08:00", Some(1_291_191_960_000));
        check("2010-11-30T23:26:00.25-09:00", Some(1_291_191_960_250));
        check("2010-12-01T08:26:00.123456789Z", Some(1_291_191_960_123));
        check("2000-02-29", Some(951_782_400_000));
        check("2199-12-31 23:59:59", Some(7_258_118_399_000));
        for bad in [
            "",
            "2010",
            "2010-12",
            "2010-13-01",
            "2010-00-10",
            "2010-02-30",
            "2011-02-29",
            "2100-02-29",
            "1969-12-31",
            "2200-01-01",
            "2010-12-01 24:00:00",
            "2010-12-01 08:60",
            "2010-12-01 08:26:60",
            "2010-12-01 8",
            "2010-12-01T",
            "2010-1-1",
            "2010-12-01T08:26:00+8",
            "2010-12-01T08:26:00+08:00x",
            "2010-12-01T08:26:00.",
            "1/2/10 8:26",
            "锦-鲤-锦",
            "-1-01-01",
        ] {
            check(bad, None);
        }
    }
}
