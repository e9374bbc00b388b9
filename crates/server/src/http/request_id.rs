//! The id by which a request is found in the logs: the caller's own, if it is sane, or a new one.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use domain::ids::mix;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The header that brings and returns it.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

const LONGEST: usize = 64;
const HEX: &[u8; 16] = b"0123456789abcdef";

/// A request's id, ready to be sent back.
#[derive(Debug, Clone)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The caller's id where it has 1 to 64 characters of `[A-Za-z0-9_-]`, else a new one.
    pub fn of(headers: &HeaderMap) -> Self {
        match headers.get(HEADER).filter(|given| is_sane(given.as_bytes())) {
            Some(given) => RequestId(given.clone()),
            None => RequestId::make(),
        }
    }

    /// A new id: 16 hex digits, unique within a process and most probably across all.
    pub fn make() -> Self {
        static START: OnceLock<u64> = OnceLock::new();
        static COUNT: AtomicU64 = AtomicU64::new(0);
        // Without randomness the clock must do: the id guards nothing.
        let start = START.get_or_init(|| getrandom::u64().unwrap_or_else(|_| crate::clock::now_ms().unsigned_abs()));
        let value = mix(start.wrapping_add(COUNT.fetch_add(1, Ordering::Relaxed)));
        let mut text = [0; 16];
        for (ix, digit) in text.iter_mut().enumerate() {
            *digit = HEX[(value >> (60 - 4 * ix)) as usize & 15];
        }
        RequestId(HeaderValue::from_bytes(&text).expect("invariant: hex digits are a header value"))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        self.0.to_str().expect("invariant: made of ASCII only")
    }

    /// As a header's value.
    pub fn into_header(self) -> HeaderValue {
        self.0
    }
}

fn is_sane(id: &[u8]) -> bool {
    (1..=LONGEST).contains(&id.len()) && id.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sane_ids_are_echoed() {
        for (given, echoed) in [
            ("abc-DEF_123", true),
            (&"x".repeat(64)[..], true),
            (&"x".repeat(65)[..], false),
            ("", false),
            ("a b", false),
            ("a\"b", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, HeaderValue::from_str(given).unwrap());
            assert_eq!(RequestId::of(&headers).as_str() == given, echoed, "{given:?}");
        }
        let (a, b) = (RequestId::make(), RequestId::make());
        assert_ne!(a.as_str(), b.as_str());
        assert_eq!(a.as_str().len(), 16);
    }
}
