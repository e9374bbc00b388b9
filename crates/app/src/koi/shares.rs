//! A walk that nodes share: each walks the shoppers of the logs that the group lets it own, so that the group divides the
//! work as it divides the logs, and a node that dies leaves its part to whoever owns its logs next.
//!
//! The leader opens a walk where the nodes' hints are kept: from which id to which. Each partition has a cursor there, moved
//! on after its strategies are in the records. Without a place for hints that all nodes see, or where it forgets the walk,
//! the leader opens it anew or walks alone: work is done twice, nothing is left out.

use super::Koi;
use super::strategist::{CHUNK, Composer};
use crate::error::{Error, Result};
use crate::failpoint;
use crate::ports::JobCursor;
use crate::runtime::Runtime;
use domain::ids::{CampaignId, PARTITIONS, ShopperId};
use recommend::fit::Who;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// After so long without a step of anybody the leader walks alone: an owner may be of a release that does not share.
const STUCK: Duration = Duration::from_secs(60);
/// Stands for the start in a walk that has begun: below every shopper's id.
const BEGUN: ShopperId = ShopperId(1);

/// What the leader saw of each walk, and since when.
#[derive(Default)]
pub(super) struct Watch(Mutex<FxHashMap<CampaignId, (u64, Instant)>>);

impl Watch {
    /// Whether `steps` have been the same for too long.
    fn is_stuck(&self, campaign: CampaignId, steps: u64, now: Instant) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, since) = seen.entry(campaign).or_insert((steps, now));
        if *last != steps {
            (*last, *since) = (steps, now);
        }
        now.duration_since(*since) > STUCK
    }

    fn forget(&self, campaign: CampaignId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&campaign);
    }
}

/// An open walk, as the hints keep it in a cursor of the whole campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Walk {
    campaign: CampaignId,
    generation: u32,
    /// Where it begins, and the highest id there was when it was opened.
    from: ShopperId,
    to: ShopperId,
    /// Shoppers that were done when it was opened.
    before: u64,
    finished: bool,
}

impl From<Walk> for JobCursor {
    fn from(walk: Walk) -> Self {
        let Walk { campaign, generation, from, to, before, finished } = walk;
        JobCursor { campaign, after: to, done: from.0, total: before, generation, finished }
    }
}

impl From<JobCursor> for Walk {
    fn from(kept: JobCursor) -> Self {
        let JobCursor { campaign, after, done, total, generation, finished } = kept;
        Walk { campaign, generation, from: ShopperId(done), to: after, before: total, finished }
    }
}

/// A partition's part of a walk: its last shopper who is done, how many were, and up to where the walk is complete.
#[derive(Debug, Clone, Copy)]
struct Part {
    after: ShopperId,
    done: u64,
    complete_to: u64,
}

impl Part {
    /// As the hints have it, or from the walk's start where they have none of this generation.
    fn of(walk: &Walk, kept: Option<JobCursor>) -> Self {
        match kept.filter(|kept| kept.generation == walk.generation) {
            None => Self { after: walk.from, done: 0, complete_to: 0 },
            // Of an earlier opening: what was done then is counted in `before`.
            Some(kept) if kept.finished && kept.total < walk.to.0 => {
                Self { after: kept.after.max(walk.from), done: 0, complete_to: 0 }
            }
            Some(kept) => {
                Self { after: kept.after, done: kept.done, complete_to: if kept.finished { kept.total } else { 0 } }
            }
        }
    }

    fn is_complete(&self, walk: &Walk) -> bool {
        self.complete_to >= walk.to.0
    }

    fn kept(&self, walk: &Walk) -> JobCursor {
        JobCursor {
            campaign: walk.campaign,
            after: self.after,
            done: self.done,
            total: self.complete_to,
            generation: walk.generation,
            finished: self.complete_to > 0,
        }
    }
}

impl Koi {
    /// Opens a walk for all nodes, looks after one, or closes it; what the leader does every second. False where it has to
    /// walk alone. `row` is the job as the records have it.
    pub(super) async fn lead_shared(&self, runtime: &Runtime, row: Option<JobCursor>) -> Result<bool> {
        if self.owners().one().is_some() {
            return Ok(false);
        }
        let row = match row {
            Some(row) if row.finished => match self.left_behind(row).await? {
                None => return Ok(true),
                Some(next) => next,
            },
            Some(row) => row,
            None => JobCursor {
                campaign: runtime.id,
                after: ShopperId(0),
                done: 0,
                total: 0,
                generation: 0,
                finished: false,
            },
        };
        let open = self.parts().hot.cursor(runtime.id, None).await.map(Walk::from);
        match open.filter(|walk| !walk.finished && walk.generation == row.generation && row.after.0 != 0) {
            Some(walk) => self.look_after(&walk, row).await,
            None => self.open_walk(row).await,
        }
    }

    async fn open_walk(&self, row: JobCursor) -> Result<bool> {
        let whole = row.after.0 == 0;
        let walk = Walk {
            campaign: row.campaign,
            generation: row.generation + u32::from(whole),
            from: row.after.max(BEGUN),
            to: ShopperId(self.parts().accounts.newest_id().await?),
            before: if whole { 0 } else { row.done },
            finished: false,
        };
        // Nobody walks before it is open: a place for hints that is this node's own, or away, opens nothing.
        if let Some(noted) = self.parts().hot.advance(None, walk.into()) {
            noted.await;
        }
        if self.parts().hot.cursor(walk.campaign, None).await.map(Walk::from) != Some(walk) {
            return Ok(false);
        }
        let total = self.parts().accounts.names_count().await?;
        let begun = JobCursor {
            campaign: walk.campaign,
            after: walk.from,
            done: walk.before,
            total,
            generation: walk.generation,
            finished: false,
        };
        self.parts().shelves.put_strategies(Vec::new(), begun).await?;
        self.inner.shares.forget(walk.campaign);
        tracing::debug!(campaign = %walk.campaign, generation = walk.generation, "a walk is open to all nodes");
        Ok(true)
    }

    /// Closes a walk whose parts are all complete, and tells how far it is.
    async fn look_after(&self, walk: &Walk, row: JobCursor) -> Result<bool> {
        let all = futures_util::future::join_all((0..PARTITIONS).map(|part| self.part_of_walk(walk, part))).await;
        let steps = all.iter().fold(0u64, |sum, part| sum.wrapping_add(part.after.0).wrapping_add(part.complete_to));
        let done = walk.before + all.iter().map(|part| part.done).sum::<u64>();
        let complete = all.iter().all(|part| part.is_complete(walk));
        if !complete && self.inner.shares.is_stuck(walk.campaign, steps, Instant::now()) {
            tracing::warn!(campaign = %walk.campaign, "a walk that nodes share stands still; this node walks alone");
            return Ok(false);
        }
        if complete || done != row.done {
            let reached = all.iter().map(|part| part.after).max().unwrap_or(walk.from);
            let after = if complete { reached } else { row.after };
            let now = JobCursor { after, done, total: row.total.max(done), finished: complete, ..row };
            self.parts().shelves.put_strategies(Vec::new(), now).await?;
        }
        if complete {
            if let Some(noted) = self.parts().hot.advance(None, Walk { finished: true, ..*walk }.into()) {
                noted.await;
            }
            self.inner.shares.forget(walk.campaign);
        }
        Ok(true)
    }

    async fn part_of_walk(&self, walk: &Walk, part: u8) -> Part {
        Part::of(walk, self.parts().hot.cursor(walk.campaign, Some(part)).await)
    }

    /// Walks the partitions that are owned here, of every open walk.
    ///
    /// # Errors
    /// Records are out of reach; the next call goes on.
    pub(super) async fn walk_shares(&self) -> Result<()> {
        if self.owners().one().is_some() {
            return Ok(());
        }
        for runtime in self.open_campaigns() {
            let open = self.parts().hot.cursor(runtime.id, None).await.map(Walk::from);
            if let Some(walk) = open.filter(|walk| !walk.finished) {
                self.walk_share(&runtime, walk).await?;
            }
        }
        Ok(())
    }

    async fn walk_share(&self, runtime: &Arc<Runtime>, walk: Walk) -> Result<()> {
        let here: Vec<u8> = (0..PARTITIONS).filter(|part| self.owners().are_here(*part)).collect();
        let kept = futures_util::future::join_all(here.iter().map(|part| self.part_of_walk(&walk, *part))).await;
        let mut mine: BTreeMap<u8, Part> =
            here.into_iter().zip(kept).filter(|(_, part)| !part.is_complete(&walk)).collect();
        if mine.is_empty() {
            return Ok(());
        }
        let policy = self.supply_policy(runtime).await?;
        let mut composer = Composer::new(self.fitted().await?, runtime.clone(), policy, self.orders_of_prizes())?;
        while let Some(from) = mine.values().map(|part| part.after).min() {
            let page = self.parts().accounts.names(from, CHUNK).await?;
            let end = page.len() < CHUNK as usize;
            let reached = page.last().map_or(from, |(id, _)| *id);
            let due = |id: &ShopperId| mine.get(&id.partition()).is_some_and(|part| part.after < *id);
            let who: Vec<ShopperId> = page.iter().map(|(id, _)| *id).filter(due).collect();
            let row = self.parts().shelves.cursor(walk.campaign).await?;
            let Some(row) = row.filter(|row| row.generation == walk.generation && !row.finished && row.after.0 != 0)
            else {
                // Begun anew, by another model or from the start: its own walk is opened.
                return Ok(());
            };
            let (shoppers, generation) = (who.clone(), walk.generation);
            let work = tokio::task::spawn_blocking(move || {
                // Of whom nothing is known nothing personal can be said: they keep the random template.
                let known = shoppers.into_iter().filter(|shopper| composer.knows(*shopper)).collect::<Vec<_>>();
                let rows = known.into_iter().map(|shopper| composer.row(shopper, Who::Shopper(shopper), generation));
                let rows = rows.collect();
                (composer, rows)
            });
            let (back, rows) = work.await.map_err(|_| Error::Unavailable("strategies could not be composed"))?;
            composer = back;
            failpoint::hit("share");
            self.store(rows, row).await?;
            metrics::counter!("koi_walked_shoppers_total").increment(who.len() as u64);
            self.move_on(&walk, &mut mine, &who, (reached, end)).await;
            if end {
                return Ok(());
            }
        }
        Ok(())
    }

    /// A page is in the records: moves the cursors of the partitions behind it, and lets go of those that are complete or
    /// owned elsewhere by now.
    async fn move_on(
        &self,
        walk: &Walk,
        mine: &mut BTreeMap<u8, Part>,
        who: &[ShopperId],
        (reached, end): (ShopperId, bool),
    ) {
        let mut noted = Vec::new();
        for (number, part) in mine.iter_mut().filter(|(_, part)| part.after < reached || end) {
            part.done += who.iter().filter(|shopper| shopper.partition() == *number).count() as u64;
            part.after = part.after.max(reached);
            if end || reached >= walk.to {
                part.complete_to = walk.to.0;
            }
            noted.extend(self.parts().hot.advance(Some(*number), part.kept(walk)));
        }
        futures_util::future::join_all(noted).await;
        mine.retain(|number, part| !part.is_complete(walk) && self.owners().are_here(*number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALK: Walk = Walk {
        campaign: CampaignId(7),
        generation: 3,
        from: ShopperId(100),
        to: ShopperId(900),
        before: 5,
        finished: false,
    };

    #[test]
    fn a_walk_survives_where_it_is_kept() {
        assert_eq!(Walk::from(JobCursor::from(WALK)), WALK);
    }

    #[test]
    fn a_part_goes_on_where_it_was_and_never_counts_twice() {
        let kept = |generation, after, done, complete_to: u64| JobCursor {
            campaign: WALK.campaign,
            after: ShopperId(after),
            done,
            total: complete_to,
            generation,
            finished: complete_to > 0,
        };
        for (name, kept, (after, done, complete)) in [
            ("nothing is known", None, (100, 0, false)),
            ("of another generation", Some(kept(2, 500, 9, 900)), (100, 0, false)),
            ("under way", Some(kept(3, 500, 9, 0)), (500, 9, false)),
            ("complete", Some(kept(3, 880, 9, 900)), (880, 9, true)),
            ("complete when fewer were there", Some(kept(3, 500, 9, 600)), (500, 0, false)),
        ] {
            let part = Part::of(&WALK, kept);
            assert_eq!((part.after.0, part.done, part.is_complete(&WALK)), (after, done, complete), "{name}");
        }
    }

    #[test]
    fn a_walk_is_stuck_when_nothing_moves_for_long() {
        let (watch, start) = (Watch::default(), Instant::now());
        let id = CampaignId(1);
        for (steps, after_s, stuck) in [(5, 0, false), (5, 59, false), (6, 100, false), (6, 161, true), (7, 300, false)]
        {
            assert_eq!(watch.is_stuck(id, steps, start + Duration::from_secs(after_s)), stuck, "{steps} {after_s}");
        }
        watch.forget(id);
        assert!(!watch.is_stuck(id, 7, start + Duration::from_secs(900)));
    }
}
