//! Shoppers by the shop's own tokens: JSON Web Tokens (RFC 7519) signed by a key of its JWKS (RFC 7517).
//!
//! Only asymmetric algorithms are taken, and the key decides which: neither `none` nor a public key used as an HMAC secret
//! passes. A token that was verified is remembered for a minute, so that a draw pays for a signature once.

use crate::http::problem::Problem;
use crate::validate;
use app::{Koi, ShopperInput};
use axum::http::StatusCode;
use domain::ids::ShopperId;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use moka::sync::Cache;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// What is taken at all.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];
/// Keys of a set; a shop has two while it rotates.
const KEYS_MAX: usize = 32;
/// Bytes of a set.
const SET_MAX: usize = 256 * 1024;
/// How long a fetch may take.
const FETCH_DEADLINE: Duration = Duration::from_secs(5);
/// Keys this old are fetched again, with the next token.
const KEYS_FRESH: Duration = Duration::from_secs(600);
/// Where the shop cannot be reached, keys this old are still believed; then callers get 503.
const KEYS_STALE: Duration = Duration::from_secs(24 * 3_600);
/// Between two fetches: a stream of unknown key ids does not become a stream of requests to the shop.
const FETCH_PAUSE: Duration = Duration::from_secs(10);
/// Verified tokens that are remembered, and for how long.
const KNOWN_MAX: u64 = 65_536;
const KNOWN_FOR: Duration = Duration::from_secs(60);
/// Seconds by which the clocks may differ at most.
const SKEW_MAX_S: u64 = 300;

/// What becomes of a shopper whom the shop vouches for but never told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// 403 `shopper_unknown`.
    #[default]
    Refuse,
    /// They are registered under the subject.
    Register,
}

/// `[shoppers.jwt]`; without an issuer the shop's tokens are not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JwtConfig {
    pub issuer: String,
    pub audience: String,
    pub jwks_url: String,
    pub jwks_file: PathBuf,
    pub subject_claim: String,
    pub clock_skew_seconds: u64,
    pub unknown: Unknown,
}

impl Default for JwtConfig {
    fn default() -> Self {
        JwtConfig {
            issuer: String::new(),
            audience: String::new(),
            jwks_url: String::new(),
            jwks_file: PathBuf::new(),
            subject_claim: "sub".to_owned(),
            clock_skew_seconds: 30,
            unknown: Unknown::Refuse,
        }
    }
}

impl JwtConfig {
    /// What is wrong, in words; nothing where it is off.
    pub fn wrong(&self) -> Option<&'static str> {
        let (url, file) = (!self.jwks_url.is_empty(), !self.jwks_file.as_os_str().is_empty());
        if self.issuer.is_empty() {
            return (url || file || !self.audience.is_empty()).then_some("issuer is missing");
        }
        if self.audience.is_empty() {
            return Some("audience is missing: a token for another service would be taken");
        }
        if url == file {
            return Some("name either jwks_url or jwks_file");
        }
        if url && !is_safe_url(&self.jwks_url) {
            return Some("jwks_url is https, or http on this machine: keys that come over open http are anybody's");
        }
        if self.subject_claim.is_empty() {
            return Some("subject_claim is missing");
        }
        (self.clock_skew_seconds > SKEW_MAX_S).then_some("clock_skew_seconds is at most 300")
    }
}

fn is_safe_url(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else { return false };
    let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    url.scheme() == "https" || (url.scheme() == "http" && local)
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    #[error("the token is not one of the shop's for this service")]
    Bad,
    #[error("the token has expired; ask the shop for a new one")]
    Expired,
    #[error("the token names no shopper: its subject is no id")]
    Subject,
    #[error("the shop has not registered this shopper")]
    Unknown,
    #[error("the shop's keys are out of reach")]
    Keys,
}

impl From<JwtError> for Problem {
    fn from(error: JwtError) -> Self {
        let (status, code) = match error {
            JwtError::Bad | JwtError::Subject => (StatusCode::UNAUTHORIZED, "unauthorized"),
            JwtError::Expired => (StatusCode::UNAUTHORIZED, "token_expired"),
            JwtError::Unknown => (StatusCode::FORBIDDEN, "shopper_unknown"),
            JwtError::Keys => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        };
        Problem::new(status, code, error.to_string())
    }
}

/// A key of the shop.
struct Key {
    id: Option<String>,
    /// The only algorithms it may be used with.
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

/// The keys as they were last fetched.
#[derive(Default)]
struct Keys {
    all: Vec<Key>,
    fetched: Option<Instant>,
}

/// Verifies the shop's tokens.
pub struct ShopperJwt {
    config: JwtConfig,
    client: reqwest::Client,
    keys: RwLock<Arc<Keys>>,
    /// One fetch at a time; when the last one began.
    fetching: tokio::sync::Mutex<Option<Instant>>,
    /// By the SHA-256 of the token: whose it is and when it ends (Unix seconds).
    known: Cache<[u8; 32], (ShopperId, u64)>,
}

impl ShopperJwt {
    /// A verifier where the config names an issuer.
    ///
    /// # Errors
    /// No client for HTTP can be made.
    pub fn new(config: &JwtConfig) -> Result<Option<Self>, reqwest::Error> {
        if config.issuer.is_empty() {
            return Ok(None);
        }
        let client = reqwest::Client::builder()
            .timeout(FETCH_DEADLINE)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("koi/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Some(ShopperJwt {
            config: config.clone(),
            client,
            keys: RwLock::default(),
            fetching: tokio::sync::Mutex::default(),
            known: Cache::builder().max_capacity(KNOWN_MAX).time_to_live(KNOWN_FOR).build(),
        }))
    }

    /// The shopper whom a token names.
    ///
    /// # Errors
    /// A [`JwtError`] or what the use case says, as a problem.
    pub async fn shopper(&self, koi: &Koi, token: &str, now_s: u64) -> Result<ShopperId, Problem> {
        let hash: [u8; 32] = Sha256::digest(token).into();
        if let Some((shopper, ends_s)) = self.known.get(&hash) {
            return if now_s < ends_s { Ok(shopper) } else { Err(JwtError::Expired.into()) };
        }
        let (subject, ends_s) = self.verify(token).await?;
        let shopper = match (koi.find_shopper(&subject).await?, self.config.unknown) {
            (Some(shopper), _) => shopper,
            (None, Unknown::Refuse) => return Err(JwtError::Unknown.into()),
            (None, Unknown::Register) => koi.put_shopper(&subject, ShopperInput::default()).await?.0.id,
        };
        self.known.insert(hash, (shopper, ends_s));
        Ok(shopper)
    }

    /// The subject of a good token, and when it ends with the clocks' difference added.
    async fn verify(&self, token: &str) -> Result<(String, u64), JwtError> {
        let header = decode_header(token).map_err(|_| JwtError::Bad)?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(JwtError::Bad);
        }
        let keys = self.keys_for(header.kid.as_deref()).await?;
        // Where a token names no key, each that may have signed it is tried: there are few.
        let fits = |key: &&Key| {
            key.algorithms.contains(&header.alg) && header.kid.as_ref().is_none_or(|id| key.id.as_ref() == Some(id))
        };
        let mut why = JwtError::Bad;
        for key in keys.all.iter().filter(fits) {
            match self.decoded(token, header.alg, &key.key) {
                Ok(found) => return Ok(found),
                Err(JwtError::Bad) => {}
                Err(other) => why = other,
            }
        }
        Err(why)
    }

    fn decoded(&self, token: &str, algorithm: Algorithm, key: &DecodingKey) -> Result<(String, u64), JwtError> {
        let mut rules = Validation::new(algorithm);
        rules.set_issuer(&[&self.config.issuer]);
        rules.set_audience(&[&self.config.audience]);
        rules.set_required_spec_claims(&["exp", "iss", "aud"]);
        rules.validate_nbf = true;
        rules.leeway = self.config.clock_skew_seconds;
        let claims = decode::<serde_json::Value>(token, key, &rules).map_err(|error| match error.kind() {
            jsonwebtoken::errors::ErrorKind::ExpiredSignature => JwtError::Expired,
            _ => JwtError::Bad,
        })?;
        let claims = claims.claims;
        let subject = claims.get(&self.config.subject_claim).and_then(serde_json::Value::as_str);
        let subject = subject.filter(|id| validate::external_id("subject", id).is_ok()).ok_or(JwtError::Subject)?;
        // An end may be written with a fraction; it was checked as such.
        let ends_s = claims.get("exp").and_then(serde_json::Value::as_f64).unwrap_or(0.0) as u64;
        Ok((subject.to_owned(), ends_s.saturating_add(self.config.clock_skew_seconds)))
    }

    /// Keys that are fresh enough and, where they can be had, hold the one asked for.
    async fn keys_for(&self, id: Option<&str>) -> Result<Arc<Keys>, JwtError> {
        let now = self.current();
        if now.is_fresh() && now.holds(id) {
            return Ok(now);
        }
        let mut last = self.fetching.lock().await;
        let now = self.current();
        let waits = last.is_some_and(|began| began.elapsed() < FETCH_PAUSE);
        if (now.is_fresh() && now.holds(id)) || (waits && now.is_usable()) {
            return Ok(now);
        }
        if waits {
            return Err(JwtError::Keys);
        }
        *last = Some(Instant::now());
        match self.fetch().await {
            Some(all) => {
                let keys = Arc::new(Keys { all, fetched: Some(Instant::now()) });
                *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys.clone();
                Ok(keys)
            }
            None if now.is_usable() => Ok(now),
            None => Err(JwtError::Keys),
        }
    }

    fn current(&self) -> Arc<Keys> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn fetch(&self) -> Option<Vec<Key>> {
        let text = match tokio::time::timeout(FETCH_DEADLINE, self.set()).await {
            Ok(Ok(text)) => text,
            Ok(Err(why)) => {
                tracing::warn!(why, "the shop's keys could not be fetched");
                return None;
            }
            Err(_) => {
                tracing::warn!("the shop's keys took too long");
                return None;
            }
        };
        let Ok(set) = serde_json::from_slice::<JwkSet>(&text) else {
            tracing::warn!("what the shop gave is no set of keys");
            return None;
        };
        let all: Vec<Key> = set.keys.iter().filter_map(key).take(KEYS_MAX).collect();
        tracing::info!(keys = all.len(), of = set.keys.len(), "the shop's keys were read");
        Some(all)
    }

    async fn set(&self) -> Result<Vec<u8>, &'static str> {
        if self.config.jwks_url.is_empty() {
            let text = tokio::fs::read(&self.config.jwks_file).await.map_err(|_| "the file cannot be read")?;
            return if text.len() <= SET_MAX { Ok(text) } else { Err("the file is too long") };
        }
        let asked = self.client.get(&self.config.jwks_url).send().await;
        let mut answer = asked.map_err(|_| "nobody answers at jwks_url")?;
        if answer.status() != reqwest::StatusCode::OK {
            return Err("jwks_url is not answered with 200");
        }
        let mut text = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|_| "the answer broke off")? {
            if text.len() + chunk.len() > SET_MAX {
                return Err("the answer is too long");
            }
            text.extend_from_slice(&chunk);
        }
        Ok(text)
    }
}

impl Keys {
    fn age(&self) -> Option<Duration> {
        self.fetched.map(|at| at.elapsed())
    }

    fn is_fresh(&self) -> bool {
        self.age().is_some_and(|age| age < KEYS_FRESH)
    }

    fn is_usable(&self) -> bool {
        self.age().is_some_and(|age| age < KEYS_STALE)
    }

    fn holds(&self, id: Option<&str>) -> bool {
        id.is_none_or(|id| self.all.iter().any(|key| key.id.as_deref() == Some(id)))
    }
}

/// A key that may verify signatures, with the algorithms of its kind. Secrets and keys for encryption are left out.
fn key(jwk: &Jwk) -> Option<Key> {
    if jwk.common.public_key_use.as_ref().is_some_and(|r#use| *r#use != PublicKeyUse::Signature) {
        return None;
    }
    use Algorithm::*;
    let kind: &[Algorithm] = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => &[RS256, RS384, RS512, PS256, PS384, PS512],
        AlgorithmParameters::EllipticCurve(curve) => match curve.curve {
            jsonwebtoken::jwk::EllipticCurve::P256 => &[ES256],
            jsonwebtoken::jwk::EllipticCurve::P384 => &[ES384],
            _ => return None,
        },
        AlgorithmParameters::OctetKeyPair(_) => &[EdDSA],
        _ => return None,
    };
    // Where the set says which algorithm, only that one: its word is that of RFC 7518, as the library writes it.
    let said = jwk.common.key_algorithm.as_ref().map(|said| format!("{said:?}"));
    let algorithms: Vec<Algorithm> =
        kind.iter().copied().filter(|a| said.as_ref().is_none_or(|said| *said == format!("{a:?}"))).collect();
    let key = DecodingKey::from_jwk(jwk).ok()?;
    (!algorithms.is_empty()).then_some(Key { id: jwk.common.key_id.clone(), algorithms, key })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_configured_must_be_whole() {
        let good = JwtConfig {
            issuer: "https://shop".into(),
            audience: "koi".into(),
            jwks_url: "https://shop/jwks".into(),
            ..JwtConfig::default()
        };
        let file = PathBuf::from("jwks.json");
        for (config, wrong) in [
            (JwtConfig::default(), None),
            (good.clone(), None),
            (JwtConfig { jwks_url: String::new(), jwks_file: file.clone(), ..good.clone() }, None),
            (JwtConfig { jwks_url: "http://127.0.0.1:9/jwks".into(), ..good.clone() }, None),
            (JwtConfig { issuer: String::new(), ..good.clone() }, Some("issuer")),
            (JwtConfig { audience: String::new(), ..good.clone() }, Some("audience")),
            (JwtConfig { jwks_file: file, ..good.clone() }, Some("either")),
            (JwtConfig { jwks_url: String::new(), ..good.clone() }, Some("either")),
            (JwtConfig { jwks_url: "http://shop/jwks".into(), ..good.clone() }, Some("https")),
            (JwtConfig { jwks_url: "http://127.0.0.1.evil/jwks".into(), ..good.clone() }, Some("https")),
            (JwtConfig { jwks_url: "file:///etc/passwd".into(), ..good.clone() }, Some("https")),
            (JwtConfig { subject_claim: String::new(), ..good.clone() }, Some("subject_claim")),
            (JwtConfig { clock_skew_seconds: 301, ..good }, Some("300")),
        ] {
            let got = config.wrong();
            assert_eq!(got.is_some(), wrong.is_some(), "{config:?}: {got:?}");
            assert!(wrong.is_none_or(|word| got.unwrap().contains(word)), "{config:?}: {got:?}");
        }
    }

    #[test]
    fn only_keys_for_signatures_are_taken() {
        let rsa = |more: &str| format!(r#"{{"kty":"RSA","n":"{}","e":"AQAB"{more}}}"#, "A".repeat(342));
        for (jwk, want) in [
            (rsa(""), Some(6)),
            (rsa(r#","alg":"RS256""#), Some(1)),
            (rsa(r#","alg":"RS256","use":"sig""#), Some(1)),
            (rsa(r#","use":"enc""#), None),
            (rsa(r#","alg":"ES256""#), None),
            (r#"{"kty":"oct","k":"c2VjcmV0","alg":"HS256"}"#.to_owned(), None),
        ] {
            let jwk: Jwk = serde_json::from_str(&jwk).unwrap();
            assert_eq!(key(&jwk).map(|key| key.algorithms.len()), want, "{jwk:?}");
        }
    }
}
