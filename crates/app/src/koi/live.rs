//! Sockets: tickets that open them, who listens, and what everybody may hear.

use super::Koi;
use crate::command::{Who, Work};
use crate::error::{Error, Result};
use crate::live::Listener;
use crate::ports::{Crowded, TicketFor};
use crate::time::rfc3339;
use crate::views::{FiguresView, GenerationView, GrantedUsed, PrizeReport};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::{CampaignId, ShopperId};
use sha2::{Digest, Sha256};

/// Characters of a ticket: 32 random bytes.
const TICKET_CHARS: usize = 43;

fn hashed(ticket: &str) -> [u8; 32] {
    Sha256::digest(ticket.as_bytes()).into()
}

impl Koi {
    /// A ticket that opens one socket within [`crate::live::TICKET_LIFE`]. Only its hash is kept.
    pub async fn make_ticket(&self, of: TicketFor) -> Result<String> {
        if let TicketFor::Figures(campaign) = of {
            self.campaign(campaign).await?;
        }
        let ticket = URL_SAFE_NO_PAD.encode(crate::random::bytes32());
        let put = self.parts().hints.put_ticket(hashed(&ticket), of).await;
        put.map_err(|_| Error::Unavailable("no ticket can be kept at the moment"))?;
        Ok(ticket)
    }

    /// What a ticket opens. It is used up by this.
    pub async fn take_ticket(&self, ticket: &str) -> Result<TicketFor> {
        const BAD: Error = Error::Unauthenticated {
            code: "ticket_invalid",
            detail: "the ticket was used, or is too old, or never was; make a new one",
        };
        if ticket.len() != TICKET_CHARS {
            return Err(BAD);
        }
        let taken = self.parts().hints.take_ticket(hashed(ticket)).await;
        taken.map_err(|_| Error::Unavailable("tickets cannot be read at the moment"))?.ok_or(BAD)
    }

    /// Whether a shopper whom a ticket names is still there: it outlives an erasure by its 30 seconds.
    ///
    /// # Errors
    /// `ticket_invalid` where the shopper was erased.
    pub async fn check_there(&self, shopper: ShopperId) -> Result<()> {
        match self.ask(Who::Id(shopper), Work::Look).await {
            Ok(_) => Ok(()),
            Err(Error::NotFound { .. }) => Err(Error::Unauthenticated {
                code: "ticket_invalid",
                detail: "whom this ticket was made for is not there any more",
            }),
            Err(error) => Err(error),
        }
    }

    /// Listens for a shopper.
    ///
    /// # Errors
    /// [`Crowded`].
    pub fn listen(&self, shopper: ShopperId) -> std::result::Result<Listener, Crowded> {
        self.parts().notifier.listen(shopper)
    }

    /// Tells all open sockets to go: whoever was there comes back to the next process with the last id.
    pub fn hang_up(&self) {
        self.parts().notifier.dismiss(None);
    }

    /// Milliseconds to wait where a bucket of requests is empty; see [`crate::ports::Hints::admit`].
    pub async fn admit_request(&self, bucket: u64, per_second: u32, burst: u32) -> Option<u32> {
        self.parts().hints.admit(bucket, per_second, burst).await
    }

    /// What a campaign has come to at this moment, cheap enough to be asked every second.
    pub async fn figures(&self, id: CampaignId) -> Result<FiguresView> {
        let runtime = self.known_campaign(id).await?;
        let counters = self.counters_of(id).await?;
        let cursor = self.parts().shelves.cursor(id).await?;
        let now_ms = self.now_ms();
        let prizes = runtime.rules.prizes.iter().enumerate().map(|(i, prize)| PrizeReport {
            code: prize.code.to_string(),
            stock: prize.stock,
            won: counters.won(i),
            left: prize.stock.map(|stock| stock.saturating_sub(counters.won(i))),
        });
        Ok(FiguresView {
            campaign_id: id,
            state: runtime.state_at(now_ms),
            draws: counters.draws,
            draws_per_second: 0.0,
            wins: counters.won.iter().sum(),
            cost_cents: counters.cost_cents,
            budget_cents: runtime.rules.limits.budget_cents,
            points_won: counters.points_won,
            chances: GrantedUsed {
                granted: counters.granted,
                used: counters.draws,
                expired: counters.expired,
                taken_back: counters.taken_back,
            },
            prizes: prizes.collect(),
            generation: cursor.map_or_else(GenerationView::default, |c| GenerationView {
                total: c.total,
                done: c.done,
                stale: 0,
            }),
            at: rfc3339(now_ms),
        })
    }
}
