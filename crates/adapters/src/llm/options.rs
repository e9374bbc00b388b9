//! The `[llm]` section of the configuration.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;
use url::Url;

/// Endpoints at most.
const ENDPOINTS_MAX: usize = 8;
/// Bytes of an endpoint's answer at most that may be configured.
const ANSWER_KIB_MAX: u32 = 16_384;

/// `[llm]`; without endpoints nothing is ever asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Whether choices are put to the model.
    pub choices: bool,
    /// Whether it is also asked to explain them.
    pub explanations: bool,
    /// Whether it is asked in which order a shopper would want a campaign's prizes.
    pub strategies: bool,
    /// How long one attempt may take, connecting included.
    pub attempt_ms: u32,
    /// Questions under way at once.
    pub concurrency: u32,
    /// Bytes of an answer that are read, in KiB; a longer one is none.
    pub answer_kib: u32,
    /// Failures in a row from which on an endpoint is left alone, and for how long.
    pub failures: u32,
    pub pause_ms: u32,
    /// The most that a day (UTC) may take. 0 asks nothing.
    pub tokens_per_day: u64,
    pub cents_per_day: u64,
    /// Memory of answers, in KiB, and for how long one is remembered.
    pub cache_kib: u32,
    pub cache_minutes: u32,
    /// By name.
    pub endpoints: BTreeMap<String, Endpoint>,
}

/// `[llm.endpoints.NAME]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Endpoint {
    /// The base of an OpenAI-compatible API, up to and with `/v1`.
    pub url: String,
    pub model: String,
    /// Sent as a bearer token; empty sends none.
    pub key: Key,
    /// The lowest one is asked first.
    pub priority: u32,
    /// Cents of the budget's currency for a million tokens.
    pub input_cents_per_million: u64,
    pub output_cents_per_million: u64,
}

/// A secret. It is never printed: neither in logs nor in an error nor where the configuration is shown.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Key(pub(super) String);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "none" } else { "secret" })
    }
}

impl Serialize for Key {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("")
    }
}

impl From<&str> for Key {
    fn from(key: &str) -> Self {
        Key(key.to_owned())
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            choices: true,
            explanations: false,
            strategies: false,
            attempt_ms: 2_500,
            concurrency: 8,
            answer_kib: 256,
            failures: 5,
            pause_ms: 10_000,
            tokens_per_day: 1_000_000,
            cents_per_day: 500,
            cache_kib: 16_384,
            cache_minutes: 1_440,
            endpoints: BTreeMap::new(),
        }
    }
}

impl Options {
    pub(super) fn attempt(&self) -> Duration {
        Duration::from_millis(self.attempt_ms.into())
    }

    pub(super) fn pause(&self) -> Duration {
        Duration::from_millis(self.pause_ms.into())
    }

    pub(super) fn answer_bytes(&self) -> usize {
        self.answer_kib as usize * 1_024
    }

    /// What is wrong, in words; nothing where it can be used.
    pub fn wrong(&self) -> Option<String> {
        let ranges = [
            ("attempt_ms", self.attempt_ms, 100, 120_000),
            ("concurrency", self.concurrency, 1, 256),
            ("answer_kib", self.answer_kib, 1, ANSWER_KIB_MAX),
            ("failures", self.failures, 1, 1_000),
            ("pause_ms", self.pause_ms, 100, 3_600_000),
            ("cache_kib", self.cache_kib, 0, 4_194_304),
            ("cache_minutes", self.cache_minutes, 1, 100_000),
        ];
        for (name, value, from, to) in ranges {
            if !(from..=to).contains(&value) {
                return Some(format!("{name} is {from} to {to}"));
            }
        }
        if self.endpoints.len() > ENDPOINTS_MAX {
            return Some(format!("at most {ENDPOINTS_MAX} endpoints"));
        }
        // Sums of a day are stored as signed 64 bits, cents in millionths.
        if self.tokens_per_day > 1 << 40 || self.cents_per_day > 1 << 40 {
            return Some("a day's budget is at most 2^40".into());
        }
        self.endpoints
            .iter()
            .find_map(|(name, endpoint)| endpoint.wrong().map(|why| format!("endpoints.{name}: {why}")))
    }
}

impl Endpoint {
    fn wrong(&self) -> Option<&'static str> {
        let Ok(url) = Url::parse(&self.url) else {
            return Some("url is missing or no URL; one looks like \"https://models.example/v1\"");
        };
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Some("url is http or https and names a host");
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() || url.query().is_some() {
            return Some("url holds no user, password, query or fragment; the key has a place of its own");
        }
        let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if url.scheme() == "http" && !local && !self.key.0.is_empty() {
            return Some("url is https where there is a key: over open http it is anybody's");
        }
        if self.key.0.chars().any(|c| !c.is_ascii_graphic()) {
            return Some("key has characters that no key has");
        }
        if self.model.is_empty() {
            return Some("model is missing");
        }
        let dear = self.input_cents_per_million.max(self.output_cents_per_million) > 1_000_000_000;
        dear.then_some("a million tokens cost at most 10^9 cents")
    }

    /// Where completions of a chat are asked for.
    pub(super) fn completions(&self) -> String {
        format!("{}/chat/completions", self.url.trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_checked_and_keys_are_not_shown() {
        let good = Endpoint {
            url: "https://models.example/v1".into(),
            model: "m".into(),
            key: "sk-very-secret".into(),
            ..Endpoint::default()
        };
        let local = Endpoint { url: "http://127.0.0.1:1/v1/".into(), ..good.clone() };
        assert_eq!(local.completions(), "http://127.0.0.1:1/v1/chat/completions");
        for (name, endpoint, ok) in [
            ("good", good.clone(), true),
            ("local", local, true),
            ("no url", Endpoint::default(), false),
            ("no model", Endpoint { model: String::new(), ..good.clone() }, false),
            ("a key over open http", Endpoint { url: "http://models.example/v1".into(), ..good.clone() }, false),
            ("open http", Endpoint { url: "http://models.example/v1".into(), key: "".into(), ..good.clone() }, true),
            ("a file", Endpoint { url: "file:///etc/passwd".into(), ..good.clone() }, false),
            ("a password", Endpoint { url: "https://a:b@models.example/v1".into(), ..good.clone() }, false),
            ("a query", Endpoint { url: "https://models.example/v1?key=x".into(), ..good.clone() }, false),
            ("a key of two lines", Endpoint { key: "a\nb".into(), ..good }, false),
        ] {
            let options = Options { endpoints: [("one".to_owned(), endpoint)].into(), ..Options::default() };
            assert_eq!(options.wrong().is_none(), ok, "{name}: {:?}", options.wrong());
            let shown = format!("{options:?} {} {:?}", serde_json::to_string(&options).expect("JSON"), options.wrong());
            assert!(!shown.contains("very-secret"), "{name}");
        }
        for wrong in [
            Options { attempt_ms: 0, ..Options::default() },
            Options { concurrency: 0, ..Options::default() },
            Options { tokens_per_day: u64::MAX, ..Options::default() },
        ] {
            assert!(wrong.wrong().is_some(), "{wrong:?}");
        }
    }
}
