//! Who calls: a shop's server with an API key, or a shopper with a token. Both come as `Authorization: Bearer …` and
//! are told apart by their prefix.
//!
//! | route | wants |
//! |---|---|
//! | shoppers, tokens, profile, recommendations, blacklist | key with `shoppers` |
//! | events | key with `events` |
//! | points of a shopper | key with `points` |
//! | campaigns, publish and its siblings, grants, report | key with `campaigns` |
//! | API keys | key with `admin` |
//! | me, draws, awards, orders, own points | shopper's token |
//! | operations | nothing |

mod keys;
mod scope;
mod token;

pub use keys::{ApiKeys, BadBootstrapKey, hash_key, make_key};
pub use scope::{Scope, ScopeSet, UnknownScope};
pub use token::{TokenError, Tokens};

use axum::http::{HeaderMap, header::AUTHORIZATION};

/// The credential of a request, as far as its prefix tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential<'a> {
    /// `kst_…`
    ShopperToken(&'a str),
    /// `koi_sk_…`
    ApiKey(&'a str),
    /// Absent, twice, not `Bearer`, too long, or of no known kind.
    None,
}

/// Longest credential that is looked at; keys have 50 characters and tokens 48, a shop's own bootstrap key may be longer.
const CREDENTIAL_MAX: usize = 256;

/// What `Authorization` holds.
pub fn credential(headers: &HeaderMap) -> Credential<'_> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let (Some(only), None) = (all.next(), all.next()) else { return Credential::None };
    let Ok(text) = only.to_str() else { return Credential::None };
    let Some((scheme, secret)) = text.split_once(' ') else { return Credential::None };
    let secret = secret.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || secret.len() > CREDENTIAL_MAX {
        Credential::None
    } else if secret.starts_with(token::PREFIX) {
        Credential::ShopperToken(secret)
    } else if secret.starts_with(keys::PREFIX) {
        Credential::ApiKey(secret)
    } else {
        Credential::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

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
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
            assert_eq!(credential(&headers), want, "{value:?}");
        }
        let mut twice = HeaderMap::new();
        twice.append(AUTHORIZATION, HeaderValue::from_static("Bearer kst_a"));
        twice.append(AUTHORIZATION, HeaderValue::from_static("Bearer kst_b"));
        assert_eq!(credential(&twice), Credential::None, "two credentials are none");
    }
}
