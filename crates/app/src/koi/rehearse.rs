//! Rehearsing a stored campaign beside the server's own work: bounded, one at a time, on a thread that may wait.

use super::Koi;
use crate::error::{Error, Result};
use crate::rehearse::crowd::Crowd;
use crate::rehearse::{Ask, RehearseError, bounds, rehearse};
use crate::views::RehearsalView;
use domain::ids::CampaignId;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Tells a rehearsal to stop when nobody waits for it any more.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Koi {
    /// Plays a campaign as it stands, a draft too, with a synthetic crowd. Changes nothing.
    ///
    /// # Errors
    /// `Busy` while another one runs on this node: each takes a core for seconds. The findings of a campaign that could
    /// not be published.
    pub async fn rehearse(&self, id: CampaignId, shoppers: u32, draws: u32, seed: u64) -> Result<RehearsalView> {
        for (field, count, most) in
            [("shoppers", shoppers, bounds::HTTP_SHOPPERS), ("draws", draws, bounds::HTTP_DRAWS)]
        {
            if !(1..=most).contains(&count) {
                return Err(Error::invalid("invalid_body", field, format!("`{field}` is 1 to {most}")));
            }
        }
        let definition = self.campaign(id).await?.definition;
        let Ok(permit) = self.inner.rehearsing.clone().try_acquire_owned() else {
            return Err(Error::Busy("a rehearsal is running on this node; ask again when it is done"));
        };
        let stop = Arc::new(AtomicBool::new(false));
        let _stopped_with_the_caller = StopOnDrop(stop.clone());
        let ask = Ask { definition, crowd: Crowd::Synthetic { shoppers }, draws, seed, threads: 1 };
        let played = tokio::task::spawn_blocking(move || {
            let played = rehearse(&ask, &stop);
            // Held to the end of the work, not to the end of the wait for it.
            drop(permit);
            played
        });
        match played.await.map_err(|_| Error::Unavailable("the rehearsal broke off"))? {
            Ok(view) => Ok(view),
            Err(RehearseError::Findings(findings)) => Err(Error::Findings(findings)),
            Err(RehearseError::OutOfBounds { .. } | RehearseError::Stopped) => {
                Err(Error::Unavailable("the rehearsal was stopped"))
            }
        }
    }
}
