//! One lane: attempts what is due for one endpoint, or routes awards that nobody is to fulfil yet.

use super::MessageType;
use super::engine::Works;
use crate::error::Error;
use crate::ports::{Delivery, DeliveryState, Letter, PortResult, Settled};
use domain::award::AwardEvent;
use domain::campaign::PrizeKind;
use domain::ids::EndpointId;
use futures_util::{StreamExt, stream};
use metrics::counter;
use std::sync::Arc;
use std::time::Duration;

/// Deliveries read at a time.
const PAGE: u32 = 64;
/// Nudges closer together than this are heard as one.
const COLLECT: Duration = Duration::from_millis(20);
/// The wait after records failed.
const AGAIN: Duration = Duration::from_secs(1);
/// The wait of a delivery whose receiver has it but whose award the owner could not move: its own failure, not the
/// receiver's, so it does not count as an attempt.
const OWNER_BUSY_MS: i64 = 1_000;

/// What nobody can fulfil is not looked at more often than that: it is called back when somebody can.
const STARVED_MS: i64 = 1_000;

/// Why an award waits without an attempt being made.
pub const POOL_EMPTY: &str = "pool_empty";
pub const NO_RECEIVER: &str = "no_receiver";

pub(super) struct Lane {
    works: Arc<Works>,
    endpoint: Option<EndpointId>,
}

impl Lane {
    pub fn new(works: Arc<Works>, endpoint: Option<EndpointId>) -> Self {
        Self { works, endpoint }
    }

    pub async fn run(self) {
        let mut bell = self.works.koi.dispatch().subscriptions.bell();
        loop {
            bell.mark_unchanged();
            match self.turn().await {
                Ok(0) => {
                    let wait = self.until_next_due().await;
                    tokio::select! {
                        heard = bell.changed() => if heard.is_err() { return },
                        () = tokio::time::sleep(wait) => {}
                    }
                    tokio::time::sleep(COLLECT).await;
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "deliveries wait for the records");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    /// Attempts one page of what is due; how many.
    async fn turn(&self) -> PortResult<usize> {
        if !self.works.koi.leads() {
            // Another node delivers for all.
            tokio::time::sleep(AGAIN).await;
            return Ok(0);
        }
        let deliveries = &self.works.koi.dispatch().deliveries;
        let due = deliveries.due(self.endpoint, self.works.now_ms(), PAGE).await?;
        let count = due.len();
        let attempts = stream::iter(due).map(async |delivery| match self.endpoint {
            Some(endpoint) => self.send(endpoint, delivery).await,
            None => self.route(delivery).await,
        });
        let mut attempts = std::pin::pin!(attempts.buffer_unordered(self.works.concurrency));
        while let Some(settled) = attempts.next().await {
            deliveries.settle(&settled).await?;
        }
        Ok(count)
    }

    /// How long nothing is due here; no longer than a scan's interval, since clocks can be set.
    async fn until_next_due(&self) -> Duration {
        let next = self.works.koi.dispatch().deliveries.next_due(self.endpoint).await.ok().flatten();
        let wait = next.map(|due| Duration::from_millis((due - self.works.now_ms()).max(0) as u64));
        wait.map_or(self.works.scan_every, |wait| wait.min(self.works.scan_every))
    }

    /// One attempt at an endpoint.
    async fn send(&self, id: EndpointId, delivery: Delivery) -> Settled {
        let subscribed = self.works.koi.dispatch().subscriptions.now();
        let Some(endpoint) = subscribed.0.iter().find(|e| e.id == id) else {
            return self.later(&delivery, "endpoint_gone", OWNER_BUSY_MS);
        };
        let fulfils = delivery.new.kind == MessageType::AwardFulfil;
        if fulfils && let Some(settled) = self.settled_already(&delivery).await {
            return settled;
        }
        let body = match self.works.koi.message_body(&delivery).await {
            Ok(body) => body,
            Err(error) => {
                tracing::warn!(%error, delivery = delivery.id.0, "a message cannot be made yet");
                return self.later(&delivery, "not_readable", OWNER_BUSY_MS);
            }
        };
        let (url, secrets, id) = (&*endpoint.url, &endpoint.secrets[..], &*delivery.new.message);
        let letter = Letter { url, secrets, id, at_s: self.works.now_ms() / 1_000, body: &body };
        let handed = self.works.carrier.hand_over(letter).await;
        let kind = delivery.new.kind.word();
        match handed {
            Ok(()) => {
                counter!("koi_deliveries_total", "result" => "delivered", "type" => kind).increment(1);
                crate::failpoint::hit("delivered");
                if fulfils { self.fulfilled(&delivery).await } else { done(&delivery) }
            }
            Err(problem) => {
                counter!("koi_deliveries_total", "result" => "failed", "type" => kind).increment(1);
                if fulfils {
                    self.tell_failed(&delivery).await;
                }
                self.failed(&delivery, problem.0)
            }
        }
    }

    /// After a failed attempt: pending again after a wait, or parked.
    fn failed(&self, delivery: &Delivery, problem: String) -> Settled {
        let attempts = delivery.attempts.saturating_add(1);
        let wait = self.works.schedule.wait_ms(delivery.id, attempts);
        if wait.is_none() {
            let (delivery, kind) = (delivery.id.0, delivery.new.kind.word());
            tracing::warn!(delivery, kind, problem, "a delivery is parked; replay it when its receiver is well");
            counter!("koi_deliveries_total", "result" => "parked", "type" => kind).increment(1);
        }
        Settled {
            id: delivery.id,
            state: if wait.is_some() { DeliveryState::Pending } else { DeliveryState::Parked },
            attempts,
            due_ms: self.works.now_ms().saturating_add(wait.map_or(0, |w| i64::try_from(w).unwrap_or(i64::MAX))),
            problem: Some(problem),
            endpoint: delivery.new.endpoint,
        }
    }

    /// Not an attempt: looked at again after a wait.
    fn later(&self, delivery: &Delivery, problem: &str, wait_ms: i64) -> Settled {
        Settled {
            id: delivery.id,
            state: DeliveryState::Pending,
            attempts: delivery.attempts,
            due_ms: self.works.now_ms().saturating_add(wait_ms),
            problem: Some(problem.to_owned()),
            endpoint: delivery.new.endpoint,
        }
    }

    /// Whoever fulfils the award has it: the owner is told. Where it cannot be told the message goes out again, under the
    /// same id.
    async fn fulfilled(&self, delivery: &Delivery) -> Settled {
        match self.works.koi.move_open_award(delivery, AwardEvent::Fulfil).await {
            Ok(_) => done(delivery),
            // It was fulfilled before, and has moved on.
            Err(Error::Conflict { .. }) => done(delivery),
            Err(error) => {
                tracing::warn!(%error, delivery = delivery.id.0, "a fulfilled award waits for its owner");
                self.later(delivery, "owner_unavailable", OWNER_BUSY_MS)
            }
        }
    }

    /// The shopper sees from the first failure on that the award is late.
    async fn tell_failed(&self, delivery: &Delivery) {
        if let Err(error) = self.works.koi.move_open_award(delivery, AwardEvent::Fail).await
            && !matches!(error, Error::Conflict { .. })
        {
            tracing::warn!(%error, delivery = delivery.id.0, "a failed award waits for its owner");
        }
    }

    /// Whether the award needs nothing any more: a crash between the owner's record and the delivery's row.
    async fn settled_already(&self, delivery: &Delivery) -> Option<Settled> {
        let award = delivery.new.award?;
        match self.works.koi.award(delivery.new.shopper, award).await {
            Ok(row) if !row.state.is_open() => Some(done(delivery)),
            Ok(_) => None,
            Err(_) => Some(self.later(delivery, "not_readable", OWNER_BUSY_MS)),
        }
    }

    /// Finds out who fulfils an award: a pool does at once, anybody else gets it into their lane.
    async fn route(&self, delivery: Delivery) -> Settled {
        if let Some(settled) = self.settled_already(&delivery).await {
            return settled;
        }
        let koi = &self.works.koi;
        let row = match delivery.new.award {
            Some(award) => koi.parts().lists.award(delivery.new.shopper, award).await.ok().flatten(),
            None => None,
        };
        let Some((row, (_, prize))) = row.and_then(|row| koi.prize_of(&row).map(|prize| (row, prize))) else {
            return self.later(&delivery, "not_readable", OWNER_BUSY_MS);
        };
        if prize.kind != PrizeKind::Coupon {
            return match koi.dispatch().subscriptions.now().fulfiller() {
                Some(endpoint) => {
                    Settled { endpoint: Some(endpoint.id), problem: None, attempts: 0, ..self.later(&delivery, "", 0) }
                }
                None => self.starved(&delivery, NO_RECEIVER).await,
            };
        }
        match koi.dispatch().coupons.assign(row.campaign, &prize.code, row.id).await {
            Ok(true) => {
                crate::failpoint::hit("coupon_assigned");
                counter!("koi_deliveries_total", "result" => "delivered", "type" => "coupon").increment(1);
                self.fulfilled(&delivery).await
            }
            Ok(false) => self.starved(&delivery, POOL_EMPTY).await,
            Err(_) => self.later(&delivery, "not_readable", OWNER_BUSY_MS),
        }
    }

    /// Nobody can fulfil it now. It is never parked: whoever fills the pool or registers an endpoint calls it back.
    async fn starved(&self, delivery: &Delivery, problem: &'static str) -> Settled {
        self.tell_failed(delivery).await;
        let attempts = delivery.attempts.saturating_add(1);
        let wait = self.works.schedule.unlimited_wait_ms(delivery.id, attempts);
        let later = self.later(delivery, problem, i64::try_from(wait).unwrap_or(i64::MAX).max(STARVED_MS));
        Settled { attempts, ..later }
    }
}

fn done(delivery: &Delivery) -> Settled {
    Settled {
        id: delivery.id,
        state: DeliveryState::Done,
        attempts: delivery.attempts,
        due_ms: delivery.due_ms,
        problem: None,
        endpoint: delivery.new.endpoint,
    }
}
