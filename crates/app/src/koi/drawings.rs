//! Entry drawings (R9): a campaign that is over gets one row with the frozen list and its ranks, then every owner concerned
//! an idempotent command for each prize. Whatever breaks off in between is taken up again from the row.

use super::Koi;
use super::campaigns::{definition, to_its_end};
use crate::command::{Who, Work};
use crate::error::{Error, Result};
use crate::ports::{CampaignRow, DrawingRow, EntryWin};
use crate::runtime::state_at;
use crate::time::rfc3339;
use crate::views::{DrawingView, DrawingWinnerView, Page, PageAsk};
use domain::account::Enrolment;
use domain::award::AwardState;
use domain::campaign::{EntryDef, State};
use domain::entry::{Drawing, Holder, TicketsBy, bounds, holders};
use domain::ids::{CampaignId, ShopperId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Accounts read from records at a time.
const PAGE: u32 = 500;
/// Owners' answers awaited at once.
const AT_ONCE: usize = 64;
/// Drawings of one sweep; the rest is left to the next.
const SWEEP: u32 = 16;

/// What a shopper's standing is worth in tickets. Neither count can change once the campaign has ended: draws and grants
/// are refused from then on, a purchase that is told later gives no chance where chances are tickets, and what a return takes
/// back is not counted out.
pub(super) fn tickets_of(enrolment: &Enrolment, by: TicketsBy) -> u64 {
    match by {
        TicketsBy::Draws => enrolment.used,
        TicketsBy::Chances => enrolment.granted,
    }
}

fn no_drawing() -> Error {
    Error::NotFound { code: "drawing_unknown", detail: "the campaign has no entry drawing yet" }
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("invariant: numbers and texts can be written")
}

/// What is kept of a drawing beside its proof, whose list may be long.
#[derive(Serialize, Deserialize)]
struct Outcome {
    winners: u32,
    ranks: Vec<ShopperId>,
    holders: u64,
    tickets: u64,
    seed_hash: String,
    list_hash: String,
}

impl Outcome {
    fn of(drawing: &Drawing) -> Self {
        Outcome {
            winners: drawing.winners,
            ranks: drawing.ranks.clone(),
            holders: drawing.list.len() as u64,
            tickets: drawing.list.iter().map(|holder| u64::from(holder.1)).sum(),
            seed_hash: drawing.seed_hash.clone(),
            list_hash: drawing.list_hash.clone(),
        }
    }
}

/// A drawing with what has become of it, as far as records know: an award that they do not know yet is given once more,
/// which its owner finds done.
struct Present {
    row: DrawingRow,
    drawing: Outcome,
    wins: BTreeMap<u32, EntryWin>,
}

impl Present {
    /// For each prize the rank that it is with now.
    fn holders(&self) -> Vec<Option<usize>> {
        let winners = self.drawing.winners as usize;
        holders(self.drawing.ranks.len(), winners, |rank| {
            self.win(rank).is_some_and(|win| win.state == AwardState::Expired)
        })
    }

    fn win(&self, rank: usize) -> Option<&EntryWin> {
        self.wins.get(&u32::try_from(rank).ok()?)
    }
}

impl Koi {
    /// Draws the winners of a campaign that is over and gives them their prizes; says whether this call made the drawing.
    /// Done again it shows the same drawing.
    pub async fn draw_entry(&self, id: CampaignId) -> Result<(DrawingView, bool)> {
        let koi = self.clone();
        let made = to_its_end(async move { koi.make_drawing(id).await }).await?;
        self.hand_out(id).await?;
        Ok((self.entry_drawing(id).await?, made))
    }

    async fn entry_of(&self, id: CampaignId) -> Result<(CampaignRow, EntryDef)> {
        let row = self.row(id).await?;
        let entry = definition(&row)?.entry.ok_or_else(|| {
            let detail = "the campaign's rules have no `entry`".into();
            Error::Conflict { code: "no_entry_drawing", detail }
        })?;
        Ok((row, entry))
    }

    async fn make_drawing(&self, id: CampaignId) -> Result<bool> {
        let (row, entry) = self.entry_of(id).await?;
        if self.parts().drawings.drawing(id).await?.is_some() {
            return Ok(false);
        }
        let rules = definition(&row)?;
        match state_at(row.state, rules.starts_at.as_ms(), rules.ends_at.as_ms(), self.now_ms()) {
            // All owners read the end back before the list is taken: what it counts does not change any more.
            State::Ended => _ = self.end(id).await?,
            State::Archived if row.published_at_ms.is_some() => {}
            other => {
                let detail = format!("the campaign is {}; its tickets are drawn when it is over", other.word());
                return Err(Error::Conflict { code: "campaign_not_over", detail });
            }
        }
        let _one_at_a_time = self.inner.acts.lock().await;
        if self.parts().drawings.drawing(id).await?.is_some() {
            return Ok(false);
        }
        let list = self.tickets(id, entry.tickets).await?;
        let campaign_seed = row.seed.clone();
        let made = tokio::task::spawn_blocking(move || {
            Drawing::make(&campaign_seed, id, list, entry.winners, entry.alternates)
        });
        let made = made.await.map_err(|_| Error::Unavailable("the drawing broke off; ask again"))?;
        let drawing =
            made.map_err(|error| Error::Conflict { code: "drawing_impossible", detail: error.to_string() })?;
        let outcome = text(&Outcome::of(&drawing));
        let row = DrawingRow { campaign: id, outcome, made_at_ms: self.now_ms(), open: true };
        self.parts().drawings.keep(&row, &text(&drawing)).await?;
        crate::failpoint::hit("after_drawing");
        tracing::info!(campaign = %id, winners = drawing.winners, "an entry drawing is made");
        Ok(true)
    }

    /// Records hold everything that was durable when this was called, else 503: a list may not lack anybody.
    async fn all_projected(&self) -> Result<()> {
        const LAG: Error = Error::Unavailable("the records lag behind the ledger; ask again");
        if self.projected().await { Ok(()) } else { Err(LAG) }
    }

    /// The frozen list: every shopper with a ticket, in the order of ids.
    async fn tickets(&self, id: CampaignId, by: TicketsBy) -> Result<Vec<Holder>> {
        self.all_projected().await?;
        let accounts = &self.parts().accounts;
        let (mut list, mut after) = (Vec::new(), ShopperId(0));
        loop {
            let page = accounts.names(after, PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            after = *last;
            let ids: Vec<ShopperId> = page.iter().map(|(id, _)| *id).collect();
            for stored in accounts.by_ids(&ids).await? {
                let tickets = stored.account.enrolment(id).map_or(0, |e| tickets_of(e, by));
                if tickets > 0 {
                    list.push(Holder(stored.account.id, u32::try_from(tickets).unwrap_or(u32::MAX)));
                }
            }
            if list.len() as u64 > bounds::HOLDERS {
                let detail = format!("more than {} shoppers hold tickets", bounds::HOLDERS);
                return Err(Error::Conflict { code: "drawing_impossible", detail });
            }
        }
        list.sort_unstable_by_key(|holder| holder.0);
        Ok(list)
    }

    async fn present(&self, id: CampaignId) -> Result<Present> {
        let row = self.parts().drawings.drawing(id).await?.ok_or_else(no_drawing)?;
        let drawing = serde_json::from_str(&row.outcome).map_err(|error| {
            tracing::error!(%error, campaign = %id, "a kept drawing cannot be read");
            Error::Unavailable("stored data cannot be read")
        })?;
        let wins = self.parts().drawings.wins(id).await?.into_iter().map(|win| (win.rank, win)).collect();
        Ok(Present { row, drawing, wins })
    }

    /// Gives every prize to whom it is with now, and closes the drawing once nothing can change any more.
    async fn hand_out(&self, id: CampaignId) -> Result<()> {
        let present = self.present(id).await?;
        let given = present.holders();
        let wanting: Vec<usize> = given.iter().flatten().copied().filter(|rank| present.win(*rank).is_none()).collect();
        for chunk in wanting.chunks(AT_ONCE) {
            let mut running = tokio::task::JoinSet::new();
            for rank in chunk {
                let (koi, shopper) = (self.clone(), present.drawing.ranks[*rank]);
                let work = Work::WinEntry { campaign: id, rank: u32::try_from(*rank).unwrap_or(u32::MAX) };
                running.spawn(async move { koi.ask(Who::Id(shopper), work).await });
            }
            while let Some(done) = running.join_next().await {
                done.map_err(|_| Error::Unavailable("a prize was not given; ask again"))??;
                crate::failpoint::hit("entry_given");
            }
            crate::failpoint::hit("between_wins");
        }
        let (_, entry) = self.entry_of(id).await?;
        let deadline = self.runtime(id).and_then(|runtime| {
            let prize = runtime.rules.prize_by_code(&entry.prize)?;
            runtime.rules.prize(prize).claim_days
        });
        let settled =
            |rank: &usize| present.win(*rank).is_some_and(|win| win.state == AwardState::Claimed || deadline.is_none());
        if present.row.open && wanting.is_empty() && given.iter().flatten().all(settled) {
            self.parts().drawings.close(id).await?;
        }
        Ok(())
    }

    /// The sweeper's part: prizes that a crash kept from their winners, and those that go to alternates. Returns how many
    /// drawings were looked after.
    pub async fn continue_drawings(&self) -> Result<usize> {
        let open = self.parts().drawings.open(SWEEP).await?;
        for id in &open {
            self.hand_out(*id).await?;
        }
        Ok(open.len())
    }

    /// A campaign's drawing, without its list.
    pub async fn entry_drawing(&self, id: CampaignId) -> Result<DrawingView> {
        self.all_projected().await?;
        let present = self.present(id).await?;
        let (_, entry) = self.entry_of(id).await?;
        let given = present.holders();
        let Present { row, drawing, .. } = &present;
        let with_somebody = given.iter().filter(|rank| rank.is_some()).count() as u64;
        Ok(DrawingView {
            campaign_id: id,
            state: if row.open { "open" } else { "closed" },
            made_at: rfc3339(row.made_at_ms),
            prize: entry.prize,
            tickets_by: entry.tickets,
            holders: drawing.holders,
            tickets: drawing.tickets,
            winners: drawing.winners,
            alternates: (drawing.ranks.len() as u64).saturating_sub(u64::from(drawing.winners)),
            given: with_somebody,
            left_over: given.len() as u64 - with_somebody,
            seed_hash: drawing.seed_hash.clone(),
            list_hash: drawing.list_hash.clone(),
        })
    }

    /// The ranks that were called, from the first on; the cursor counts those shown.
    pub async fn drawing_winners(&self, id: CampaignId, page: PageAsk) -> Result<Page<DrawingWinnerView>> {
        self.all_projected().await?;
        let present = self.present(id).await?;
        let (from, limit) = (page.before.unwrap_or(0) as usize, page.limit as usize);
        let shown: Vec<&EntryWin> = present.wins.values().skip(from).take(limit).collect();
        let ids: Vec<ShopperId> = shown.iter().map(|win| win.shopper).collect();
        let names = self.parts().accounts.by_ids(&ids).await?;
        let name = |id: ShopperId| {
            let found = names.iter().find(|stored| stored.account.id == id);
            found.map(|stored| stored.account.external_id.clone()).unwrap_or_default()
        };
        let view = |win: &&EntryWin| DrawingWinnerView {
            rank: win.rank,
            shopper: name(win.shopper),
            award_id: win.award,
            state: win.state,
        };
        let more = present.wins.len() > from.saturating_add(shown.len());
        let next_cursor = more.then(|| (from + shown.len()).to_string());
        Ok(Page { data: shown.iter().map(view).collect(), next_cursor })
    }

    /// Everything that is needed to recompute a drawing, as JSON: what `koi verify-receipt` reads. For anyone.
    pub async fn drawing_proof(&self, id: CampaignId) -> Result<String> {
        self.parts().drawings.proof(id).await?.ok_or_else(no_drawing)
    }
}
