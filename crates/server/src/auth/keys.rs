//! API keys: `koi_sk_` and a secret, kept only as SHA-256.

use app::desk::{Caller, Who};
use app::{Error, Koi};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::operator::{Rights, Scope};
use moka::sync::Cache;
use sha2::{Digest, Sha256};
use std::time::Duration;
use subtle::ConstantTimeEq;

/// What every key starts with.
pub const PREFIX: &str = "koi_sk_";

/// Fewer characters could be guessed.
const BOOTSTRAP_MIN: usize = 24;
/// How long a key that was revoked elsewhere may still be believed.
const CACHE_TTL: Duration = Duration::from_secs(30);
/// A shop has a handful of keys; more than this many in use at once only cost a look-up each.
const CACHE_MAX: u64 = 1_024;

/// Why `KOI_BOOTSTRAP_KEY` is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("KOI_BOOTSTRAP_KEY must be at least {BOOTSTRAP_MIN} printable ASCII characters and start with {PREFIX}")]
pub struct BadBootstrapKey;

/// Knows which keys may do what.
pub struct ApiKeys {
    bootstrap: Option<[u8; 32]>,
    /// Only keys that exist: a stream of wrong ones cannot push them out.
    known: Cache<[u8; 32], Known>,
}

/// A key as it was found.
#[derive(Debug, Clone)]
struct Known {
    id: String,
    rights: Rights,
    /// Unix milliseconds.
    ends_ms: Option<i64>,
}

impl ApiKeys {
    /// Keys with the bootstrap key of the environment, where set.
    ///
    /// # Errors
    /// A bootstrap key that is too short or of another form.
    pub fn new(bootstrap: Option<&str>) -> Result<Self, BadBootstrapKey> {
        let good = |key: &&str| {
            key.len() >= BOOTSTRAP_MIN && key.starts_with(PREFIX) && key.bytes().all(|b| b.is_ascii_graphic())
        };
        let bootstrap = match bootstrap {
            None | Some("") => None,
            Some(key) => Some(hash_key(Some(key).filter(good).ok_or(BadBootstrapKey)?)),
        };
        let known = Cache::builder().max_capacity(CACHE_MAX).time_to_live(CACHE_TTL).build();
        Ok(ApiKeys { bootstrap, known })
    }

    /// Who calls with the key and what they may do, `None` for an unknown one or one that is over.
    ///
    /// # Errors
    /// `Unavailable` where the keys cannot be read.
    pub async fn find(&self, koi: &Koi, key: &str, request_id: &str) -> Result<Option<Caller>, Error> {
        let hash = hash_key(key);
        // Hashes are compared, and in constant time: the time taken says nothing about the key.
        if self.bootstrap.is_some_and(|own| bool::from(own.ct_eq(&hash))) {
            return Ok(Some(Caller::new(Who::Bootstrap, Rights::EVERY, true, request_id)));
        }
        let known = match self.known.get(&hash) {
            Some(known) => known,
            None => {
                let Some((key, ends_ms)) = koi.find_api_key(hash).await? else { return Ok(None) };
                let known = Known { rights: Scope::rights_of(&key.scopes), id: key.id, ends_ms };
                self.known.insert(hash, known.clone());
                known
            }
        };
        if known.ends_ms.is_some_and(|ends| ends <= koi.now_ms()) {
            return Ok(None);
        }
        // A key has no password to give once more: what it may do, it may do at any time.
        Ok(Some(Caller::new(Who::ApiKey(known.id), known.rights, true, request_id)))
    }

    /// Forgets what was cached, so that a revoked key stops at once here.
    pub fn forget(&self) {
        self.known.invalidate_all();
    }
}

/// SHA-256 of a key: what is stored. The keys are random, so no salt and no slow hash is needed.
pub fn hash_key(key: &str) -> [u8; 32] {
    Sha256::digest(key).into()
}

/// A new key of 256 random bits.
///
/// # Errors
/// The system gives no randomness.
pub fn make_key() -> Result<String, getrandom::Error> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)?;
    Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(secret)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bootstrap_keys_have_a_form() {
        for (key, ok) in [
            (None, true),
            (Some(""), true),
            (Some("koi_sk_0123456789abcdefg"), true),
            (Some("koi_sk_0123456789abcdef"), false),
            (Some("xoi_sk_0123456789abcdefghijk"), false),
            (Some("koi_sk_0123456789 abcdefghijk"), false),
        ] {
            assert_eq!(ApiKeys::new(key).is_ok(), ok, "{key:?}");
        }
    }

    #[test]
    fn keys_are_long_and_differ() {
        let (a, b) = (make_key().unwrap(), make_key().unwrap());
        assert_ne!(a, b);
        assert_eq!(a.len(), PREFIX.len() + 43);
        assert_ne!(hash_key(&a), hash_key(&b));
    }
}
