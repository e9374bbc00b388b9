//! The HTTP server: routes, one module per resource, and what stands around them.

pub mod body;
pub mod cors;
pub mod extract;
pub mod front;
pub mod list;
pub mod listen;
pub mod live;
pub mod openapi;
pub mod pages;
pub mod paging;
pub mod problem;
pub mod reply;
pub mod request_id;
pub mod routes;
pub mod schema;
pub mod table;
pub mod timing;

use self::problem::Problem;
use crate::auth::{ApiKeys, ShopperJwt, Tokens};
use app::Koi;
use axum::http::{HeaderMap, StatusCode};
use domain::ids::ShopperId;
use metrics_exporter_prometheus::PrometheusHandle;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// What handlers share.
pub struct Shared {
    pub koi: Koi,
    pub keys: ApiKeys,
    pub tokens: Tokens,
    pub metrics: PrometheusHandle,
    pub edge: Edge,
    draining: watch::Sender<bool>,
}

/// `[limits]`: requests a second of one caller, and how many may come at once; 0 is no limit. Requests that carry an
/// Idempotency-Key are never refused for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    pub shopper_per_second: u32,
    pub shopper_burst: u32,
    pub key_per_second: u32,
    pub key_burst: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { shopper_per_second: 0, shopper_burst: 20, key_per_second: 0, key_burst: 200 }
    }
}

/// How callers reach the server, and who besides us vouches for shoppers.
#[derive(Default)]
pub struct Edge {
    /// Cookies are for TLS alone.
    pub secure_cookies: bool,
    /// A proxy in front names the caller's address.
    pub forwarded_for: bool,
    /// Pages of other origins that may call us.
    pub embed_origins: cors::Origins,
    /// The shop's own tokens, where it makes some.
    pub jwt: Option<ShopperJwt>,
    pub limits: Limits,
}

/// Whose requests are counted together.
#[derive(Debug, Clone, Copy)]
pub enum Who<'a> {
    Shopper(ShopperId),
    /// An API key, by the word of the audit.
    Key(&'a str),
}

/// A cheap handle on [`Shared`].
pub type App = Arc<Shared>;

impl Shared {
    /// The state of a server that serves `koi`.
    pub fn new(koi: Koi, keys: ApiKeys, metrics: PrometheusHandle, edge: Edge) -> App {
        let tokens = Tokens::new(koi.token_secret());
        Arc::new(Shared { koi, keys, tokens, metrics, edge, draining: watch::Sender::new(false) })
    }

    /// Lets a request of a caller go on, or says when to ask again. What carries an Idempotency-Key always goes on: its
    /// caller may be asking what became of it.
    pub async fn admit(&self, caller: Who<'_>, headers: &HeaderMap) -> Result<(), Problem> {
        let (bucket, per_second, burst) = match caller {
            Who::Shopper(id) => (id.0, self.edge.limits.shopper_per_second, self.edge.limits.shopper_burst),
            Who::Key(word) => {
                (domain::ids::hash_text(word), self.edge.limits.key_per_second, self.edge.limits.key_burst)
            }
        };
        if per_second == 0 || headers.contains_key("idempotency-key") {
            return Ok(());
        }
        match self.koi.admit_request(bucket, per_second, burst).await {
            None => Ok(()),
            Some(after_ms) => {
                let detail = format!("more than {per_second} requests a second; wait before the next one");
                let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail);
                Err(Problem { after_s: Some(after_ms.div_ceil(1_000).max(1)), ..problem })
            }
        }
    }

    /// From here on the server is not ready: it only answers what is in flight.
    pub fn drain(&self) {
        self.draining.send_replace(true);
        self.koi.hang_up();
    }

    /// Why they should not.
    pub fn why_not_ready(&self) -> &'static str {
        match (*self.draining.borrow() || self.koi.is_draining(), self.koi.owners().one()) {
            (true, _) => "this process is stopping",
            (false, Some(_)) => "the ledger is in doubt; this process ends",
            (false, None) => "this process is starting: not every log has an owner yet that it can reach",
        }
    }

    /// Returns `grace` after the server began to stop, and never while it does not.
    pub async fn stopping(&self, grace: Duration) {
        let mut draining = self.draining.subscribe();
        // The sender is ours, so this only fails when nobody is left to ask.
        _ = draining.wait_for(|draining| *draining).await;
        tokio::time::sleep(grace).await;
    }

    /// Whether new requests should come here.
    pub fn is_ready(&self) -> bool {
        !*self.draining.borrow() && self.koi.is_ready()
    }
}
