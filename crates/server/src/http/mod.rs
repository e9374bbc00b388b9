//! The HTTP server: routes, one module per resource, and what stands around them.

pub mod body;
pub mod cors;
pub mod extract;
pub mod front;
pub mod listen;
pub mod openapi;
pub mod pages;
pub mod paging;
pub mod problem;
pub mod reply;
pub mod request_id;
pub mod routes;
pub mod schema;
pub mod timing;

use crate::auth::{ApiKeys, ShopperJwt, Tokens};
use app::Koi;
use metrics_exporter_prometheus::PrometheusHandle;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What handlers share.
pub struct Shared {
    pub koi: Koi,
    pub keys: ApiKeys,
    pub tokens: Tokens,
    pub metrics: PrometheusHandle,
    pub edge: Edge,
    draining: AtomicBool,
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
}

/// A cheap handle on [`Shared`].
pub type App = Arc<Shared>;

impl Shared {
    /// The state of a server that serves `koi`.
    pub fn new(koi: Koi, keys: ApiKeys, metrics: PrometheusHandle, edge: Edge) -> App {
        let tokens = Tokens::new(koi.token_secret());
        Arc::new(Shared { koi, keys, tokens, metrics, edge, draining: AtomicBool::new(false) })
    }

    /// From here on the server is not ready: it only answers what is in flight.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether new requests should come here.
    pub fn is_ready(&self) -> bool {
        !self.draining.load(Ordering::Relaxed) && self.koi.is_ready()
    }
}
