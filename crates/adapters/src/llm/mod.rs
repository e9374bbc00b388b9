//! Language models behind OpenAI-compatible endpoints, asked in the order of their priority.
//!
//! A question goes to the first endpoint that may be asked; where that has no answer, to the next one, all within the
//! caller's deadline. Each endpoint remembers in which form it can be asked ([`wire::WAYS`]) and is left alone after
//! failures in a row ([`breaker`]). Redirects are not followed: a question goes where the configuration says.

mod breaker;
mod endpoint;
mod options;
mod wire;

pub use options::{Endpoint as EndpointOptions, Key, Options};

use crate::advice::{AdviceFile, Bounds};
use app::ports::{Ask, Clock, LanguageModel, PortResult, Said, Silence, Spent};
use async_trait::async_trait;
use endpoint::{Endpoint, Means};
use moka::sync::Cache;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

/// Bytes that an answer in memory counts for beside its texts.
const ANSWER_BYTES: u32 = 512;
/// Connections kept open per endpoint.
const IDLE_MAX: usize = 8;

/// See the module.
pub struct Models {
    endpoints: Vec<Endpoint>,
    means: Means,
    turns: Semaphore,
    /// By what was asked of whom.
    answers: Cache<[u8; 32], Said>,
}

/// No client for HTTP can be made.
#[derive(Debug, thiserror::Error)]
#[error("no client for language models can be made: {0}")]
pub struct NoClient(#[from] reqwest::Error);

impl Models {
    /// The models that the options name, their costs kept in `file`.
    ///
    /// # Errors
    /// [`NoClient`].
    pub fn new(options: &Options, file: AdviceFile, clock: Arc<dyn Clock>) -> Result<Self, NoClient> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(options.attempt())
            .pool_max_idle_per_host(IDLE_MAX)
            .user_agent(concat!("koi/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let mut configured: Vec<_> = options.endpoints.iter().collect();
        configured.sort_by_key(|(name, endpoint)| (endpoint.priority, (*name).clone()));
        let weigh = |_: &[u8; 32], said: &Said| ANSWER_BYTES.saturating_add(format!("{:?}", said.answer).len() as u32);
        let answers = Cache::builder()
            .max_capacity(u64::from(options.cache_kib) * 1_024)
            .weigher(weigh)
            .time_to_live(Duration::from_secs(u64::from(options.cache_minutes) * 60))
            .build();
        Ok(Self {
            endpoints: configured.iter().map(|(name, endpoint)| Endpoint::new(name, endpoint, options)).collect(),
            means: Means {
                client,
                file,
                clock,
                attempt: options.attempt(),
                answer_bytes: options.answer_bytes(),
                bounds: Bounds {
                    tokens: options.tokens_per_day,
                    microcents: options.cents_per_day.saturating_mul(1_000_000),
                },
            },
            turns: Semaphore::new(options.concurrency as usize),
            answers,
        })
    }

    /// An answer that is remembered, of the first endpoint that has one.
    fn remembered(&self, ask: &Ask) -> Option<Said> {
        let said = self.endpoints.iter().find_map(|endpoint| self.answers.get(&hash(ask, endpoint)))?;
        Some(Said { tokens: 0, microcents: 0, cached: true, ..said })
    }
}

/// What makes an answer: the question and who answers it.
fn hash(ask: &Ask, endpoint: &Endpoint) -> [u8; 32] {
    let shape = format!("{:?} {}", ask.shape, ask.answer_tokens);
    let identity = endpoint.identity();
    let parts: [&str; 5] = [ask.prompt, &ask.instruction, &ask.data, &shape, &identity];
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

#[async_trait]
impl LanguageModel for Models {
    async fn ask(&self, ask: &Ask, within: Duration) -> Result<Said, Silence> {
        let until = Instant::now() + within;
        if self.endpoints.is_empty() {
            return Err(Silence::Off);
        }
        if let Some(said) = self.remembered(ask) {
            return Ok(said);
        }
        let turn = timeout_at(until, self.turns.acquire()).await.map_err(|_| Silence::Busy)?;
        let _turn = turn.map_err(|_| Silence::Down)?;
        let mut last = Silence::Down;
        for endpoint in &self.endpoints {
            match endpoint.ask(ask, &self.means, until).await {
                Ok(said) => {
                    self.answers.insert(hash(ask, endpoint), said.clone());
                    metrics::counter!("koi_llm_tokens_total").increment(said.tokens);
                    return Ok(said);
                }
                // The next one may be cheaper.
                Err(silence) => last = silence,
            }
            if Instant::now() >= until {
                return Err(Silence::Late);
            }
        }
        Err(last)
    }

    async fn spent(&self) -> PortResult<Spent> {
        self.means.file.spent(self.means.clock.now_ms(), self.means.bounds).await
    }
}
