//! The engine: one lane per endpoint, one for awards that are to be routed, and the scan. Lanes are tasks of their own
//! and share nothing that one of them could hold up.

use super::lane::Lane;
use super::{Options, Schedule};
use crate::koi::Koi;
use crate::ports::{Clock, Fulfilment};
use domain::ids::EndpointId;
use rustc_hash::FxHashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{AbortHandle, JoinSet};

/// What lanes share.
pub(super) struct Works {
    pub koi: Koi,
    pub carrier: Arc<dyn Fulfilment>,
    pub schedule: Schedule,
    pub concurrency: usize,
    pub scan_every: Duration,
}

/// Delivers until it is dropped.
pub struct Engine {
    works: Arc<Works>,
}

impl Engine {
    /// An engine over the use cases and a carrier.
    pub fn new(koi: Koi, carrier: Arc<dyn Fulfilment>, options: &Options) -> Self {
        // A second engine of the same process would be a mistake, and harmless: the first one's carrier checks URLs.
        _ = koi.dispatch().carrier.set(carrier.clone());
        let works = Works {
            koi,
            carrier,
            schedule: options.schedule(),
            concurrency: options.concurrency.max(1),
            scan_every: Duration::from_secs(options.scan_seconds.max(1)),
        };
        Self { works: Arc::new(works) }
    }

    /// Works until the task is dropped, and its lanes with it.
    pub async fn run(self) {
        let mut tasks = JoinSet::new();
        let mut lanes: FxHashMap<EndpointId, AbortHandle> = FxHashMap::default();
        tasks.spawn(Lane::new(self.works.clone(), None).run());
        tasks.spawn(super::scan::run(self.works.clone()));
        let mut bell = self.works.koi.dispatch().subscriptions.bell();
        loop {
            let endpoints = self.works.koi.dispatch().subscriptions.now();
            for endpoint in endpoints.0.iter() {
                lanes
                    .entry(endpoint.id)
                    .or_insert_with(|| tasks.spawn(Lane::new(self.works.clone(), Some(endpoint.id)).run()));
            }
            lanes.retain(|id, lane| {
                let there = endpoints.0.iter().any(|e| e.id == *id);
                if !there {
                    lane.abort();
                }
                there
            });
            while let Some(ended) = tasks.try_join_next() {
                if let Err(error) = ended
                    && error.is_panic()
                {
                    tracing::error!(%error, "a lane of fulfilment ended badly; its deliveries wait for the next start");
                }
            }
            if bell.changed().await.is_err() {
                return;
            }
        }
    }
}

impl Works {
    pub fn now_ms(&self) -> i64 {
        Clock::now_ms(&*self.koi.parts().clock)
    }
}
