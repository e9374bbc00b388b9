//! The compensating scan: finds what was left behind and finishes it. Nothing it does is needed while all goes well.

use super::engine::Works;
use super::outbox;
use crate::error::{Error, Result};
use crate::ports::Hurry;
use domain::award::AwardEvent;
use domain::ids::AwardId;
use metrics::gauge;
use std::sync::Arc;

/// Awards of one page.
const PAGE: u32 = 200;
/// Pages of one kind in one scan: the rest is left to the next one.
const PAGES: usize = 50;
/// Messages forgotten in one statement.
const FORGET: u32 = 1_000;
/// How long messages are listed, by their state.
const KEEP_DONE_MS: i64 = 3 * 86_400_000;
const KEEP_PARKED_MS: i64 = 30 * 86_400_000;

/// Scans until the task is dropped.
pub(super) async fn run(works: Arc<Works>) {
    let mut tick = tokio::time::interval(works.scan_every);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if !works.koi.leads() {
            continue;
        }
        for result in [
            expire(&works).await,
            remember(&works).await,
            wake(&works).await,
            forget(&works).await,
            measure(&works).await,
        ] {
            if let Err(error) = result {
                tracing::warn!(%error, "the scan of awards comes again");
            }
        }
    }
}

/// Lets awards expire whose deadline has passed. The owner decides: a claim that came first stands.
async fn expire(works: &Works) -> Result<()> {
    for _ in 0..PAGES {
        let due = works.koi.dispatch().awards.overdue(works.now_ms(), PAGE).await?;
        let mut moved = 0;
        for row in &due {
            match works.koi.move_award(row, AwardEvent::Expire).await {
                Ok(_) => moved += 1,
                // Claimed meanwhile, which is not projected yet.
                Err(Error::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        if due.len() < PAGE as usize || moved == 0 {
            break;
        }
        // Rows leave the page when their moves are projected.
        works.koi.projected().await;
    }
    Ok(())
}

/// Posts open awards that no delivery will fulfil.
async fn remember(works: &Works) -> Result<()> {
    let desk = works.koi.dispatch();
    let mut after = AwardId(0);
    for _ in 0..PAGES {
        let forgotten = desk.awards.forgotten(after, PAGE).await?;
        let Some(last) = forgotten.last() else { break };
        after = last.id;
        tracing::warn!(awards = forgotten.len(), "open awards without a delivery get one");
        desk.deliveries.put(forgotten.iter().map(outbox::fulfil).collect()).await?;
        desk.subscriptions.nudge();
    }
    Ok(())
}

/// Calls back awards whose pool was filled, or whose endpoint came, in the very moment in which they began to wait.
async fn wake(works: &Works) -> Result<()> {
    let (desk, now_ms) = (works.koi.dispatch(), works.now_ms());
    let mut woken = desk.deliveries.hurry(Hurry::Pools, now_ms).await?;
    if desk.subscriptions.now().fulfiller().is_some() {
        woken += desk.deliveries.hurry(Hurry::Receivers, now_ms).await?;
    }
    if woken > 0 {
        desk.subscriptions.nudge();
    }
    Ok(())
}

async fn forget(works: &Works) -> Result<()> {
    let now_ms = works.now_ms();
    for _ in 0..PAGES {
        let desk = works.koi.dispatch();
        if desk.deliveries.forget(now_ms - KEEP_DONE_MS, now_ms - KEEP_PARKED_MS, FORGET).await? < u64::from(FORGET) {
            break;
        }
    }
    Ok(())
}

async fn measure(works: &Works) -> Result<()> {
    let backlog = works.koi.dispatch().deliveries.backlog().await?;
    gauge!("koi_deliveries_pending").set(backlog.pending as f64);
    gauge!("koi_deliveries_parked").set(backlog.parked as f64);
    gauge!("koi_coupons_awaited").set(backlog.pool_empty as f64);
    let age_ms = backlog.oldest_open_ms.map_or(0, |won| (works.now_ms() - won).max(0));
    gauge!("koi_awards_oldest_open_seconds").set(age_ms as f64 / 1_000.0);
    Ok(())
}
