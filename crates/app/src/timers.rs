//! Durable timers (R10): due times are rows that projection writes beside what they concern. A bounded scanner asks the
//! owner about each that is due; the owner checks its account and appends what the time brings, or says that nothing is
//! to be done any more. A row that comes back after a crash only asks once more.
//!
//! A new kind is a variant of [`DueKind`], an arm of [`due_of`] (and of [`undue_of`], to keep the table small) and an
//! arm of `owner/due.rs`.

use crate::command::{Reply, Who, Work};
use crate::error::Error;
use crate::koi::Koi;
use crate::ports::PortResult;
use domain::ids::{CampaignId, CodeUseId, ShopperId};
use domain::order::{OrderEvent, OrderKind};
use domain::points::{Cause, Contra};
use domain::record::Fact;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Rows of one pass. What is left is taken by the next one, at once.
const PASS: u32 = 512;
/// Owners' answers awaited at once.
const AT_ONCE: usize = 64;
/// How often due rows are looked for.
const EVERY: Duration = Duration::from_secs(1);

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DueKind {
    /// An unpaid order closes; `id` is the order's.
    Unpaid,
    /// Chances expire; `id` is the order of their lot.
    Chances,
    /// Points expire; `id` is the moment, Unix milliseconds.
    Points,
    /// Points set aside come back; `id` is the hold's.
    Hold,
    /// A shopper is to be rewarded for another one; `id` is who is rewarded, `shopper` who came.
    Referral,
    /// A counted use of a code whose order has not come; `id` is the use's.
    Redeem,
}

impl DueKind {
    const ALL: [DueKind; 6] =
        [DueKind::Unpaid, DueKind::Chances, DueKind::Points, DueKind::Hold, DueKind::Referral, DueKind::Redeem];

    /// The word that storage uses.
    pub fn word(self) -> &'static str {
        match self {
            DueKind::Unpaid => "unpaid",
            DueKind::Chances => "chances",
            DueKind::Points => "points",
            DueKind::Hold => "hold",
            DueKind::Referral => "referral",
            DueKind::Redeem => "redeem",
        }
    }

    /// The kind behind a stored word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// What names a timer: the same one set again is put off to the later time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DueKey {
    pub kind: DueKind,
    pub id: u64,
    pub shopper: ShopperId,
}

/// One timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DueRow {
    pub key: DueKey,
    /// Zero where it concerns none.
    pub campaign: CampaignId,
    /// Unix milliseconds.
    pub at_ms: i64,
}

/// The timer that a fact sets.
pub fn due_of(shopper: ShopperId, recorded_ms: i64, fact: &Fact) -> Option<DueRow> {
    let row = |kind, id, campaign, at_ms| DueRow { key: DueKey { kind, id, shopper }, campaign, at_ms };
    match fact {
        Fact::Billed(b) => Some(row(DueKind::Unpaid, b.order.0, b.campaign, b.pay_by_ms)),
        Fact::Granted(g) if g.chances > 0 => Some(row(DueKind::Chances, g.lot.0, g.campaign, g.expires_at_ms?)),
        Fact::Points(e) if e.amount > 0 => {
            let at_ms = e.expires_at_ms?;
            Some(row(DueKind::Points, u64::try_from(at_ms).ok()?, CampaignId(0), at_ms))
        }
        Fact::Points(e) => match (e.contra, &e.cause) {
            (Contra::Held, Cause::Held { until_ms: Some(at_ms), .. }) => {
                Some(row(DueKind::Hold, e.id.0, CampaignId(0), *at_ms))
            }
            _ => None,
        },
        Fact::Referred { campaign, by } => Some(row(DueKind::Referral, by.0, *campaign, recorded_ms)),
        _ => None,
    }
}

/// The timer that a fact settles. Chances that are drawn leave theirs: it is dropped when it fires, and a draw stays
/// cheap.
pub fn undue_of(shopper: ShopperId, fact: &Fact) -> Option<DueKey> {
    let key = |kind, id| DueKey { kind, id, shopper };
    match fact {
        Fact::Granted(g) if g.kind == OrderKind::Paid => Some(key(DueKind::Unpaid, g.order.0)),
        Fact::OrderMoved(m) => match m.event {
            OrderEvent::Cancel | OrderEvent::TimeOut => Some(key(DueKind::Unpaid, m.order.0)),
            OrderEvent::Expire | OrderEvent::TakeBack => Some(key(DueKind::Chances, m.order.0)),
            _ => None,
        },
        Fact::Points(e) => match e.cause {
            Cause::Released { hold } => Some(key(DueKind::Hold, hold.0)),
            _ => None,
        },
        Fact::HoldSettled { hold } => Some(key(DueKind::Hold, hold.0)),
        Fact::Redeemed { used, .. } => Some(key(DueKind::Redeem, used.0)),
        _ => None,
    }
}

/// Timers as records hold them.
#[async_trait::async_trait]
pub trait Timers: Send + Sync {
    /// The first `limit` timers that are due at `now_ms`, oldest first.
    async fn due(&self, now_ms: i64, limit: u32) -> PortResult<Vec<DueRow>>;

    /// Forgets timers, unless they were put off meanwhile. Forgetting one that is not there is fine.
    async fn forget(&self, settled: &[DueRow]) -> PortResult<()>;
}

/// Asks the owners about whatever is due, every second, until the task is dropped. Of several processes one does so: a
/// second one would only ask in vain.
pub async fn scan(koi: Koi) {
    loop {
        if !koi.leads() {
            tokio::time::sleep(EVERY).await;
            continue;
        }
        match koi.fire_due().await {
            // A full pass: there may be more.
            Ok(fired) if fired >= PASS as usize => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "timers wait; again in a second"),
        }
        tokio::time::sleep(EVERY).await;
    }
}

impl Koi {
    /// One pass over what is due: returns how many timers were settled.
    ///
    /// # Errors
    /// Where records are out of reach. Timers whose owner is, are left for the next pass.
    pub async fn fire_due(&self) -> crate::error::Result<usize> {
        let now_ms = self.now_ms();
        let due = self.parts().timers.due(now_ms, PASS).await?;
        let mut settled = Vec::with_capacity(due.len());
        for chunk in due.chunks(AT_ONCE) {
            let mut running = tokio::task::JoinSet::new();
            for row in chunk.iter().copied() {
                let koi = self.clone();
                running.spawn(async move { (row, koi.fire(row).await) });
            }
            while let Some(done) = running.join_next().await {
                match done {
                    Ok((row, Ok(true))) => settled.push(row),
                    Ok((_, Ok(false))) => {}
                    Ok((row, Err(error))) => {
                        tracing::debug!(%error, kind = row.key.kind.word(), "a timer waits for its owner");
                    }
                    Err(error) => tracing::error!(%error, "a timer failed"),
                }
            }
        }
        if !settled.is_empty() {
            self.parts().timers.forget(&settled).await?;
            metrics::counter!("koi_timers_fired_total").increment(settled.len() as u64);
        }
        Ok(settled.len())
    }

    /// Fires one timer; says whether it is settled.
    async fn fire(&self, row: DueRow) -> crate::error::Result<bool> {
        let (who, work) = match row.key.kind {
            // Across shoppers only forward (R7): the one who is rewarded has a record of their own.
            DueKind::Referral => {
                (ShopperId(row.key.id), Work::Reward { campaign: row.campaign, referred: row.key.shopper })
            }
            // The use is counted; all that is left is to go forward.
            DueKind::Redeem => match self.parts().codes.code_use(CodeUseId(row.key.id)).await? {
                Some(used) if used.order.is_none() => (used.shopper, Work::Redeem { used }),
                _ => return Ok(true),
            },
            _ => (row.key.shopper, Work::Due { row }),
        };
        match self.ask(Who::Id(who), work).await {
            Ok(Reply::NotYet) => Ok(false),
            Ok(_) | Err(Error::NotFound { .. }) => Ok(true),
            Err(error) => Err(error),
        }
    }
}
