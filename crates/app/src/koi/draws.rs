//! Drawing.

use super::{Answer, Koi};
use crate::command::{Once, Reply, Who, Work};
use crate::error::{Error, Result};
use crate::keys::{KeyKind, hash, request_hash};
use crate::ports::Hints;
use crate::runtime::Runtime;
use domain::draw::Refusal;
use domain::ids::{CampaignId, ShopperId};
use std::sync::Arc;

/// A draw that was noted as running, until it is answered or its caller goes away.
struct Drawing {
    hints: Arc<dyn Hints>,
    shopper: ShopperId,
    ended: bool,
}

impl Drawing {
    /// # Errors
    /// `InFlight` where another draw of this shopper began a moment ago: the owner would say the same, a queue later.
    async fn begin(hints: Arc<dyn Hints>, shopper: ShopperId) -> Result<Self> {
        if hints.begin_drawing(shopper).await {
            Ok(Self { hints, shopper, ended: false })
        } else {
            Err(Error::InFlight)
        }
    }

    /// Before the answer: else the shopper's next draw, on another node, could be refused for this one.
    async fn end(mut self) {
        self.ended = true;
        if let Some(noted) = self.hints.end_drawing(self.shopper) {
            noted.await;
        }
    }
}

impl Drop for Drawing {
    fn drop(&mut self) {
        if !self.ended {
            drop(self.hints.end_drawing(self.shopper));
        }
    }
}

impl Koi {
    /// Draws once, or `count` times as one act. The answer's bytes are the ledger's.
    pub async fn draw(
        &self,
        id: CampaignId,
        shopper: ShopperId,
        key: &str,
        client_seed: Option<String>,
        count: Option<u8>,
    ) -> Result<Answer> {
        let Some(runtime) = self.published(id).await? else { return Err(Error::Refused(Refusal::Draft)) };
        let seed = client_seed.as_deref().unwrap_or("");
        let once = Once {
            hash: hash(KeyKind::Draw, id, key.as_bytes()),
            request: request_hash(&[&[u8::from(client_seed.is_some()), count.unwrap_or(0)], seed.as_bytes()]),
        };
        // Of several nodes the one with the owner asks nobody: its owner refuses a second draw as fast as a hint does.
        let owners = self.owners();
        if owners.one().is_none() && owners.are_here(shopper.partition()) {
            return self.draw_noted(&runtime, shopper, once, seed, count.unwrap_or(1)).await;
        }
        let drawing = Drawing::begin(self.parts().hints.clone(), shopper).await?;
        let drawn = self.draw_noted(&runtime, shopper, once, seed, count.unwrap_or(1)).await;
        drawing.end().await;
        drawn
    }

    async fn draw_noted(
        &self,
        runtime: &Runtime,
        shopper: ShopperId,
        once: Once,
        seed: &str,
        count: u8,
    ) -> Result<Answer> {
        self.inner.heat.drew(shopper, runtime.id);
        let (shown, person) = self.gather(runtime, shopper).await?;
        let strategy = shown.strategy.clone();
        let work = Work::Draw { campaign: runtime.id, once, client_seed: seed.into(), count, strategy, person };
        match self.ask(Who::Id(shopper), work).await? {
            Reply::Done { status, body } => Ok(Answer { status, body, replayed: false }),
            other => self.answered(other, None).await,
        }
    }
}
