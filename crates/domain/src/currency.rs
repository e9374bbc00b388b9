//! Amounts as people write them, in a currency's minor units: decimal throughout, since a float has no 0.1.

/// Characters of a decimal number that are read; no price needs more.
const DECIMAL_CHARS: usize = 64;
/// How far an exponent may move the point.
const EXPONENT_MAX: i32 = 30;

/// The active alphabetic codes of ISO 4217, in order: list one as its maintenance agency (SIX) published it on 2026-01-01.
#[rustfmt::skip]
const CODES: [&str; 178] = [
    "AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BHD", "BIF", "BMD", "BND",
    "BOB", "BOV", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHE", "CHF", "CHW", "CLF", "CLP", "CNY",
    "COP", "COU", "CRC", "CUP", "CVE", "CZK", "DJF", "DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP",
    "GBP", "GEL", "GHS", "GIP", "GMD", "GNF", "GTQ", "GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "IQD",
    "IRR", "ISK", "JMD", "JOD", "JPY", "KES", "KGS", "KHR", "KMF", "KPW", "KRW", "KWD", "KYD", "KZT", "LAK", "LBP",
    "LKR", "LRD", "LSL", "LYD", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR", "MWK", "MXN",
    "MXV", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "OMR", "PAB", "PEN", "PGK", "PHP", "PKR", "PLN",
    "PYG", "QAR", "RON", "RSD", "RUB", "RWF", "SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SHP", "SLE", "SOS", "SRD",
    "SSP", "STN", "SVC", "SYP", "SZL", "THB", "TJS", "TMT", "TND", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "UGX",
    "USD", "USN", "UYI", "UYU", "UYW", "UZS", "VED", "VES", "VND", "VUV", "WST", "XAD", "XAF", "XAG", "XAU", "XBA",
    "XBB", "XBC", "XBD", "XCD", "XCG", "XDR", "XOF", "XPD", "XPF", "XPT", "XSU", "XTS", "XUA", "XXX", "YER", "ZAR",
    "ZMW", "ZWG",
];

/// Whether `code` is an active alphabetic code of ISO 4217.
pub fn is_currency(code: &str) -> bool {
    CODES.binary_search(&code).is_ok()
}

/// Digits of a currency's minor unit after ISO 4217 (2, but for those named here).
pub fn minor_digits(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI" | "VND"
        | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

/// A decimal number of the major unit (`19.99`, `-3`, `1.5e3`) in minor units of `digits` digits; what lies beyond them
/// rounds half away from zero. `None` for anything else, and where it passes 64 bits.
pub fn minor_units(text: &str, digits: u32) -> Option<i64> {
    if text.len() > DECIMAL_CHARS {
        return None;
    }
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (number, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], exponent(&unsigned[at + 1..])?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    // The point stands behind this many of all digits once the number counts minor units.
    let point = i32::try_from(whole.len()).ok()? + exponent + i32::try_from(digits).ok()?;
    let mut sum: i64 = 0;
    let all = whole.bytes().chain(fraction.bytes());
    for (place, digit) in (0i32..).zip(all.chain(std::iter::repeat(b'0'))) {
        if place >= point {
            // The first digit behind the point decides; where the point stands before all digits it is a 0.
            let up = place == point && digit >= b'5';
            sum = sum.checked_add(i64::from(up))?;
            break;
        }
        sum = sum.checked_mul(10)?.checked_add(i64::from(digit - b'0'))?;
    }
    Some(if negative { -sum } else { sum })
}

fn exponent(text: &str) -> Option<i32> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || digits.len() > 4 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let size: i32 = digits.parse().ok().filter(|size| *size <= EXPONENT_MAX)?;
    Some(if text.starts_with('-') { -size } else { size })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact() {
        for (text, digits, want) in [
            ("19.99", 2, Some(1_999)),
            ("1.1", 2, Some(110)),
            ("4.35", 2, Some(435)),
            ("1.005", 2, Some(101)),
            ("1.0049999", 2, Some(100)),
            ("-2.5", 0, Some(-3)),
            ("0", 2, Some(0)),
            ("7", 2, Some(700)),
            ("7.", 2, Some(700)),
            ("1299", 0, Some(1_299)),
            ("1.2345", 3, Some(1_235)),
            ("1.5e3", 2, Some(150_000)),
            ("1999E-2", 2, Some(1_999)),
            ("5e-3", 2, Some(1)),
            ("4e-3", 2, Some(0)),
            ("9e-30", 2, Some(0)),
            ("0.000000000000000000000000000001", 2, Some(0)),
            ("92233720368547758.07", 2, Some(i64::MAX)),
            ("92233720368547758.08", 2, None),
            ("1e30", 2, None),
            ("1e999999999", 2, None),
            ("", 2, None),
            ("-", 2, None),
            (".5", 2, None),
            ("+1", 2, None),
            ("1,299.00", 2, None),
            ("1.2.3", 2, None),
            ("$5", 2, None),
            ("NaN", 2, None),
            ("1e", 2, None),
            ("１２", 2, None),
            (&"1".repeat(65), 2, None),
        ] {
            assert_eq!(minor_units(text, digits), want, "{text} with {digits}");
        }
    }

    #[test]
    fn currencies_have_their_digits() {
        for (code, want) in [("CNY", 2), ("USD", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("XXX", 2)] {
            assert_eq!(minor_digits(code), want, "{code}");
        }
    }

    #[test]
    fn codes_of_the_standard() {
        assert!(CODES.is_sorted(), "they are searched by halving");
        for (code, known) in [
            ("CNY", true),
            ("AED", true),
            ("ZWG", true),
            ("XXQ", false),
            ("HRK", false),
            ("cny", false),
            ("CN", false),
            ("", false),
        ] {
            assert_eq!(is_currency(code), known, "{code:?}");
        }
    }
}
