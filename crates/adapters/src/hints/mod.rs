//! Hints in the memory of one process, or in a Redis that all nodes share.

mod memory;
mod redis;

pub use self::redis::{Redis, Tuning};
pub use memory::Memory;

use app::ports::{Clock, Hints, Hot};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// Shoppers that one set of shared hints can be laid out for.
const SHOPPERS_MAX: u64 = 10_000_000_000;

/// The `[hints]` section of the config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// `memory`; `redis://[user:password@]host:port[/database]`, one server; or
    /// `redis-cluster://[user:password@]host:port,host:port`, some nodes of a cluster.
    pub url: String,
    /// How long a request waits for a hint, 1 to 1,000; then it goes on without.
    pub wait_ms: u32,
    /// What all keys start with: two installations may share an engine.
    pub prefix: String,
    /// How many shoppers the layout is made for. More are right as well, but take more time and room each. All nodes
    /// must say the same; changing it forgets all marks.
    pub shoppers: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { url: "memory".to_owned(), wait_ms: 50, prefix: "koi".to_owned(), shoppers: 1_000_000 }
    }
}

/// The engines, told apart by their URLs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Engine {
    Memory,
    /// One server, or some nodes of a cluster, by the driver's URLs.
    One(String),
    Cluster(Vec<String>),
}

/// Why options name no engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadOptions {
    #[error("hints.url is \"memory\", \"redis://host:port\" or \"redis-cluster://host:port,host:port\"")]
    Url,
    #[error("hints.url: this build speaks to Redis without TLS; put a TLS proxy beside koi and name that")]
    Tls,
    #[error("hints.wait_ms is 1 to 1000")]
    Wait,
    #[error("hints.prefix is 1 to 32 of a-z, A-Z, 0-9, '.', '_' and '-'")]
    Prefix,
    #[error("hints.shoppers is 1 to 10000000000")]
    Shoppers,
}

impl Options {
    /// The engine that the URL names.
    ///
    /// # Errors
    /// A value that cannot be meant; without the URL, which may hold a password.
    pub fn engine(&self) -> Result<Engine, BadOptions> {
        if !(1..=1_000).contains(&self.wait_ms) {
            return Err(BadOptions::Wait);
        }
        if !(1..=SHOPPERS_MAX).contains(&self.shoppers) {
            return Err(BadOptions::Shoppers);
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if !(1..=32).contains(&self.prefix.len()) || !self.prefix.bytes().all(plain) {
            return Err(BadOptions::Prefix);
        }
        match self.url.split_once("://") {
            None if self.url == "memory" => Ok(Engine::Memory),
            Some(("redis", _)) => checked(&self.url).map(Engine::One),
            Some(("redis-cluster", nodes)) => {
                let (account, nodes) = match nodes.rsplit_once('@') {
                    Some((account, nodes)) => (format!("{account}@"), nodes),
                    None => (String::new(), nodes),
                };
                let urls: Result<Vec<_>, _> =
                    nodes.split(',').map(|node| checked(&format!("redis://{account}{node}"))).collect();
                urls.map(Engine::Cluster)
            }
            Some(("rediss" | "rediss-cluster", _)) => Err(BadOptions::Tls),
            _ => Err(BadOptions::Url),
        }
    }

    fn wait(&self) -> Duration {
        Duration::from_millis(self.wait_ms.into())
    }
}

fn checked(url: &str) -> Result<String, BadOptions> {
    match url::Url::parse(url) {
        Ok(parsed) if parsed.host_str().is_some_and(|host| !host.is_empty()) => Ok(url.to_owned()),
        _ => Err(BadOptions::Url),
    }
}

/// Hints as the use cases take them.
pub struct Opened {
    pub hints: Arc<dyn Hints>,
    pub hot: Arc<dyn Hot>,
}

/// Opens what the options name. An engine that is away is no error: it is used as soon as it answers.
///
/// # Errors
/// [`BadOptions`].
pub async fn open(options: &Options, clock: Arc<dyn Clock>) -> Result<Opened, BadOptions> {
    match options.engine()? {
        Engine::Memory => {
            let memory = Arc::new(Memory::new(clock));
            Ok(Opened { hints: memory.clone(), hot: memory })
        }
        engine => {
            let redis = Arc::new(Redis::start(engine, options, Tuning::default(), clock).await?);
            Ok(Opened { hints: redis.clone(), hot: redis })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_names_the_engine() {
        let one = |url: &str| Ok(Engine::One(url.to_owned()));
        let many = |urls: &[&str]| Ok(Engine::Cluster(urls.iter().map(|url| (*url).to_owned()).collect()));
        for (url, want) in [
            ("memory", Ok(Engine::Memory)),
            ("redis://127.0.0.1:6379", one("redis://127.0.0.1:6379")),
            ("redis://koi:secret@cache/2", one("redis://koi:secret@cache/2")),
            ("redis-cluster://a:1,b:2", many(&["redis://a:1", "redis://b:2"])),
            ("redis-cluster://u:p@a:1,b:2", many(&["redis://u:p@a:1", "redis://u:p@b:2"])),
            ("redis-cluster://a:1,", Err(BadOptions::Url)),
            ("redis://", Err(BadOptions::Url)),
            ("rediss://a", Err(BadOptions::Tls)),
            ("memcached://a", Err(BadOptions::Url)),
            ("", Err(BadOptions::Url)),
        ] {
            let options = Options { url: url.to_owned(), ..Options::default() };
            assert_eq!(options.engine(), want, "{url:?}");
        }
    }

    #[test]
    fn values_out_of_range_are_named() {
        let good = Options::default();
        for (options, want) in [
            (Options { wait_ms: 0, ..good.clone() }, BadOptions::Wait),
            (Options { wait_ms: 1_001, ..good.clone() }, BadOptions::Wait),
            (Options { prefix: String::new(), ..good.clone() }, BadOptions::Prefix),
            (Options { prefix: "a{b".to_owned(), ..good.clone() }, BadOptions::Prefix),
            (Options { shoppers: 0, ..good }, BadOptions::Shoppers),
        ] {
            assert_eq!(options.engine(), Err(want));
        }
    }
}
