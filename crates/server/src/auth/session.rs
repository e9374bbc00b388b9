//! The cookie of a session and the header that proves a change was meant.
//!
//! The cookie is HttpOnly and SameSite=Strict. The CSRF token is a hash of the cookie's value: the console reads it from
//! `GET /session`, another site can neither read nor derive it, and the server keeps nothing more.

use axum::http::{HeaderMap, HeaderValue, header};
use sha2::{Digest, Sha256};
use std::time::Duration;
use subtle::ConstantTimeEq;

/// The cookie's name.
pub const COOKIE: &str = "koi_session";
/// The header's name.
pub const CSRF_HEADER: &str = "x-csrf-token";
/// Characters of a session's token: 32 bytes in hex.
const TOKEN_CHARS: usize = 64;

/// The session's token among the cookies; nothing where it is of another form or comes twice.
pub(super) fn of_cookies(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut found = pairs.filter(|(name, _)| *name == COOKIE).map(|(_, token)| token);
    match (found.next(), found.next()) {
        (Some(token), None) if token.len() == TOKEN_CHARS && token.bytes().all(|b| b.is_ascii_hexdigit()) => {
            Some(token)
        }
        _ => None,
    }
}

/// The header's value for a session.
pub fn csrf_token(session: &str) -> String {
    let hash: [u8; 32] = Sha256::new().chain_update("koi csrf ").chain_update(session).finalize().into();
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a value is the session's, in constant time.
pub fn is_csrf_token(session: &str, given: &str) -> bool {
    csrf_token(session).as_bytes().ct_eq(given.as_bytes()).into()
}

/// `Set-Cookie` for a session that lasts so long, or for none.
pub fn session_cookie(token: Option<&str>, lasts: Duration, secure: bool) -> HeaderValue {
    let (value, seconds) = token.map_or(("", 0), |token| (token, lasts.as_secs()));
    let secure = if secure { "; Secure" } else { "" };
    let text = format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&text).expect("invariant: hex digits and fixed words")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_read_strictly() {
        let token = "ab".repeat(32);
        for (lines, want) in [
            (vec![format!("koi_session={token}")], true),
            (vec![format!("x=1; koi_session={token}; y=2")], true),
            (vec!["x=1".to_owned(), format!("koi_session={token}")], true),
            (vec![format!("koi_session={token}; koi_session={token}")], false),
            (vec![format!("koi_session={}", &token[1..])], false),
            (vec![format!("koi_session={}!", &token[1..])], false),
            (vec![format!("xkoi_session={token}")], false),
            (vec![], false),
        ] {
            let mut headers = HeaderMap::new();
            for line in &lines {
                headers.append(header::COOKIE, HeaderValue::from_str(line).unwrap());
            }
            assert_eq!(of_cookies(&headers), want.then_some(token.as_str()), "{lines:?}");
        }
    }

    #[test]
    fn csrf_tokens_belong_to_one_session() {
        let (a, b) = ("a".repeat(64), "b".repeat(64));
        assert!(is_csrf_token(&a, &csrf_token(&a)));
        for given in [csrf_token(&b), String::new(), a.clone(), csrf_token(&a).to_uppercase()] {
            assert!(!is_csrf_token(&a, &given), "{given}");
        }
    }

    #[test]
    fn cookies_are_out_of_reach_of_scripts_and_other_sites() {
        let cookie = session_cookie(Some("ab"), Duration::from_secs(60), true);
        assert_eq!(cookie, "koi_session=ab; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure");
        let gone = session_cookie(None, Duration::from_secs(60), false);
        assert_eq!(gone, "koi_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
    }
}
