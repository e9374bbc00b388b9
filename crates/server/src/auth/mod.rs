//! Who calls: a shop's server with an API key, a shopper with a token of ours or of the shop, or an operator with a session.
//! Keys and tokens come as `Authorization: Bearer …` and are told apart by their form; a session is a cookie.
//!
//! | caller | may |
//! |---|---|
//! | API key | what its scopes open (`domain::operator::Scope`) |
//! | operator's session | what the role's row allows, bans taken off (`domain::operator::ROLES`); changes want the CSRF header |
//! | shopper's token | me, draws, awards, orders, own points |
//! | nobody | operations, and signing in |

mod jwt;
mod keys;
mod session;
mod token;

pub use jwt::{JwtConfig, JwtError, ShopperJwt, Unknown};
pub use keys::{ApiKeys, BadBootstrapKey, hash_key, make_key};
pub use session::{COOKIE, CSRF_HEADER, csrf_token, is_csrf_token, session_cookie};
pub use token::{TokenError, Tokens};

use axum::http::{HeaderMap, header::AUTHORIZATION};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The credential of a request, as far as its form tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential<'a> {
    /// `kst_…`
    ShopperToken(&'a str),
    /// Three parts with dots between: a JSON Web Token of the shop.
    Jwt(&'a str),
    /// `koi_sk_…`
    ApiKey(&'a str),
    /// No `Authorization` but the cookie of a session.
    Session(&'a str),
    /// Absent, twice, not `Bearer`, too long, or of no known kind.
    None,
}

/// Longest credential that is looked at; keys have 50 characters and tokens 48, a shop's own bootstrap key may be longer.
const CREDENTIAL_MAX: usize = 256;
/// The same for a shop's own tokens, which carry claims.
const JWT_MAX: usize = 8 * 1024;

/// What `Authorization` holds, else the session's cookie.
pub fn credential(headers: &HeaderMap) -> Credential<'_> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let only = match (all.next(), all.next()) {
        (Some(only), None) => only,
        (None, _) => return session::of_cookies(headers).map_or(Credential::None, Credential::Session),
        _ => return Credential::None,
    };
    let Ok(text) = only.to_str() else { return Credential::None };
    let Some((scheme, secret)) = text.split_once(' ') else { return Credential::None };
    let secret = secret.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || secret.len() > JWT_MAX {
        Credential::None
    } else if secret.len() <= CREDENTIAL_MAX && secret.starts_with(token::PREFIX) {
        Credential::ShopperToken(secret)
    } else if secret.len() <= CREDENTIAL_MAX && secret.starts_with(keys::PREFIX) {
        Credential::ApiKey(secret)
    } else if secret.bytes().filter(|b| *b == b'.').count() == 2 {
        Credential::Jwt(secret)
    } else {
        Credential::None
    }
}

/// The API key that comes as the user of HTTP Basic (RFC 7617) with an empty password, as trackers send it.
pub fn basic_key(headers: &HeaderMap) -> Option<String> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let (Some(only), None) = (all.next(), all.next()) else { return None };
    let (scheme, encoded) = only.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") || encoded.len() > CREDENTIAL_MAX * 2 {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let user = decoded.strip_suffix(':')?;
    (user.len() <= CREDENTIAL_MAX && user.starts_with(keys::PREFIX) && !user.contains(':')).then(|| user.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn a_trackers_key_is_the_user_of_basic() {
        let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        for (value, want) in [
            (basic("koi_sk_abc:"), Some("koi_sk_abc")),
            (basic("koi_sk_abc:").replace("Basic", "basic"), Some("koi_sk_abc")),
            (basic("koi_sk_abc:secret"), None),
            (basic("koi_sk_abc"), None),
            (basic("koi_sk_a:b:"), None),
            (basic("kst_abc:"), None),
            (basic(":"), None),
            (basic(&format!("koi_sk_{}:", "x".repeat(CREDENTIAL_MAX))), None),
            ("Basic koi_sk_abc:".to_owned(), None),
            ("Basic".to_owned(), None),
            ("Bearer koi_sk_abc".to_owned(), None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, HeaderValue::from_str(&value).unwrap());
            assert_eq!(basic_key(&headers).as_deref(), want, "{value}");
        }
    }

    #[test]
    fn credentials_are_told_apart_by_prefix() {
        let long = format!("Bearer koi_sk_{}", "x".repeat(CREDENTIAL_MAX));
        for (value, want) in [
            ("Bearer kst_abc", Credential::ShopperToken("kst_abc")),
            ("bearer  kst_abc ", Credential::ShopperToken("kst_abc")),
            ("Bearer koi_sk_abc", Credential::ApiKey("koi_sk_abc")),
            ("Bearer abc", Credential::None),
            ("Bearer", Credential::None),
            ("Basic koi_sk_abc", Credential::None),
            ("", Credential::None),
            (long.as_str(), Credential::None),
            ("Bearer eyJh.eyJz.c2ln", Credential::Jwt("eyJh.eyJz.c2ln")),
            ("Bearer a.b", Credential::None),
            ("Bearer a.b.c.d", Credential::None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
            assert_eq!(credential(&headers), want, "{value:?}");
        }
        let mut twice = HeaderMap::new();
        twice.append(AUTHORIZATION, HeaderValue::from_static("Bearer kst_a"));
        twice.append(AUTHORIZATION, HeaderValue::from_static("Bearer kst_b"));
        assert_eq!(credential(&twice), Credential::None, "two credentials are none");
        let token = "0123456789abcdef".repeat(4);
        let mut cookie = HeaderMap::new();
        cookie.append("cookie", HeaderValue::from_str(&format!("a=b; {COOKIE}={token}; c=d")).unwrap());
        assert_eq!(credential(&cookie), Credential::Session(&token));
        cookie.append(AUTHORIZATION, HeaderValue::from_static("Bearer kst_a"));
        assert_eq!(credential(&cookie), Credential::ShopperToken("kst_a"), "what is sent on purpose counts");
    }
}
