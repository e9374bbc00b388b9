//! Fulfilment: every award that needs somebody else gets to them, and every message of the shop's subscriptions to its
//! endpoint; at least once, under one id, however often a receiver fails, hangs or the process dies.
//!
//! Projection writes deliveries beside the rows they tell of ([`outbox`]). Each endpoint has a [`lane`] of its own that
//! attempts what is due, so no receiver delays another. A [`scan`] finds what was left behind.

mod engine;
mod lane;
mod message;
pub mod outbox;
mod payload;
mod scan;
mod schedule;

pub use engine::Engine;
pub use message::MessageType;
pub use schedule::Schedule;

use crate::ports::{AwardDesk, CouponPools, Deliveries, Endpoint, Endpoints, Fulfilment, NewDelivery};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::watch;

/// Endpoints that a shop may have at once: each has a lane.
pub const ENDPOINTS_MAX: usize = 64;

/// The `[fulfilment]` section of the config.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Whether messages may go to private and loopback addresses.
    pub private_addresses: bool,
    /// How long one attempt may take, connecting included.
    pub timeout_ms: u64,
    /// Attempts under way at once per endpoint.
    pub concurrency: usize,
    /// Attempts before a delivery is parked.
    pub attempts: u32,
    /// The longest wait before the second attempt; later waits grow threefold, jittered from zero.
    pub first_retry_ms: u64,
    /// No wait is longer.
    pub longest_retry_ms: u64,
    /// What jitter is made of; 0 picks a seed at every start.
    pub jitter_seed: u64,
    /// How often stuck awards, passed deadlines and old messages are looked for.
    pub scan_seconds: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            private_addresses: true,
            timeout_ms: 15_000,
            concurrency: 4,
            attempts: 12,
            first_retry_ms: 5_000,
            longest_retry_ms: 6 * 3_600_000,
            jitter_seed: 0,
            scan_seconds: 10,
        }
    }
}

impl Options {
    /// The waits between attempts.
    pub fn schedule(&self) -> Schedule {
        Schedule {
            attempts: self.attempts.max(1),
            first_ms: self.first_retry_ms,
            longest_ms: self.longest_retry_ms.max(self.first_retry_ms),
            seed: if self.jitter_seed == 0 { crate::random::word() } else { self.jitter_seed },
        }
    }

    /// How long one attempt may take.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms.max(1))
    }
}

/// The endpoints as they are now, for whoever writes messages, and a bell for whoever delivers them.
#[derive(Debug, Clone)]
pub struct Subscriptions {
    now: Arc<RwLock<Subscribed>>,
    bell: Arc<watch::Sender<u64>>,
}

/// Endpoints at one moment, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Subscribed(pub Arc<[Endpoint]>);

impl Default for Subscriptions {
    fn default() -> Self {
        Self { now: Arc::default(), bell: Arc::new(watch::channel(0).0) }
    }
}

impl Subscriptions {
    /// The endpoints.
    pub fn now(&self) -> Subscribed {
        self.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces them.
    pub fn set(&self, endpoints: Vec<Endpoint>) {
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Subscribed(endpoints.into());
        self.nudge();
    }

    /// Something may be due.
    pub fn nudge(&self) {
        self.bell.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Hears nudges.
    pub fn bell(&self) -> watch::Receiver<u64> {
        self.bell.subscribe()
    }
}

impl Subscribed {
    /// Whether anybody takes messages of this type.
    pub fn anybody(&self, kind: MessageType) -> bool {
        self.0.iter().any(|e| e.types.contains(&kind))
    }

    /// Adds a message for every endpoint that takes its type; made only where there is one.
    pub fn post(&self, to: &mut Vec<NewDelivery>, kind: MessageType, make: impl FnOnce() -> NewDelivery) {
        if !self.anybody(kind) {
            return;
        }
        let message = make();
        for endpoint in self.0.iter().filter(|e| e.types.contains(&kind)) {
            to.push(NewDelivery { endpoint: Some(endpoint.id), ..message.clone() });
        }
    }

    /// Who fulfils awards: the oldest endpoint that says so, else the oldest that hears of awards. Only one, since
    /// whoever takes the message gives the prize.
    pub fn fulfiller(&self) -> Option<&Endpoint> {
        let taking = |kind| self.0.iter().find(|e: &&Endpoint| e.types.contains(&kind));
        taking(MessageType::AwardFulfil).or_else(|| taking(MessageType::AwardUpdated))
    }
}

/// All that the use cases of fulfilment stand on.
pub struct Dispatch {
    pub endpoints: Arc<dyn Endpoints>,
    pub deliveries: Arc<dyn Deliveries>,
    pub coupons: Arc<dyn CouponPools>,
    pub awards: Arc<dyn AwardDesk>,
    pub subscriptions: Subscriptions,
    /// Who carries messages, once the engine runs.
    pub carrier: OnceLock<Arc<dyn Fulfilment>>,
}
