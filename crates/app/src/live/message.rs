//! Records as messages.

use super::message_id;
use crate::error::{Error, Result};
use crate::koi::Koi;
use crate::rows::{AwardRow, Projected, draw_in};
use crate::time::rfc3339;
use crate::views::{AwardView, LivePoints, PrizeView};
use bytes::Bytes;
use domain::ids::{AwardId, CampaignId, ShopperId};
use domain::record::{Fact, Record};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use smallvec::SmallVec;

/// What a message tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    DrawResult,
    AwardUpdated,
    PointsChanged,
    StrategyReady,
    BigWin,
    CampaignFigures,
}

impl MessageKind {
    /// The word of the API.
    pub fn word(self) -> &'static str {
        match self {
            MessageKind::DrawResult => "draw.result",
            MessageKind::AwardUpdated => "award.updated",
            MessageKind::PointsChanged => "points.changed",
            MessageKind::StrategyReady => "strategy.ready",
            MessageKind::BigWin => "big_win",
            MessageKind::CampaignFigures => "campaign.figures",
        }
    }
}

/// One message to one socket.
#[derive(Debug, Clone)]
pub struct Message {
    pub id: u64,
    pub kind: MessageKind,
    pub at_ms: i64,
    /// JSON.
    pub data: Box<RawValue>,
}

impl Message {
    /// A message of plain data.
    pub fn new(id: u64, kind: MessageKind, at_ms: i64, data: &impl Serialize) -> Self {
        let text = serde_json::to_string(data).expect("invariant: a view can always be written as JSON");
        let data = RawValue::from_string(text).expect("invariant: what was just written is JSON");
        Self { id, kind, at_ms, data }
    }

    /// The text that goes over the wire.
    pub fn text(&self) -> String {
        format!(
            "{{\"id\":\"{}\",\"type\":\"{}\",\"at\":\"{}\",\"data\":{}}}",
            self.id,
            self.kind.word(),
            rfc3339(self.at_ms),
            self.data.get()
        )
    }
}

/// A durable record of a shopper with something to tell.
#[derive(Debug, Clone)]
pub struct Heard {
    pub shopper: ShopperId,
    pub offset: u64,
    pub at_ms: i64,
    pub facts: SmallVec<[Fact; 2]>,
    /// The record's answer, a copy of its own: a slice would keep the whole batch in memory.
    pub answer: Bytes,
}

/// Whether facts have anything to tell their shopper.
pub fn tells(facts: &[Fact]) -> bool {
    facts.iter().any(|fact| matches!(fact, Fact::Drawn(_) | Fact::AwardMoved { .. } | Fact::Points(_)))
}

/// A win that everybody may hear of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BigWin {
    pub campaign: CampaignId,
    pub award: AwardId,
    pub prize: u16,
    /// Who won it, masked.
    pub shopper: String,
    pub at_ms: i64,
}

/// An external id of which only the ends are left, and of a short one less; its length is not told either.
pub fn mask(external_id: &str) -> String {
    let count = external_id.chars().count();
    let first: String = external_id.chars().take(1).collect();
    let last: String = if count >= 5 { external_id.chars().skip(count - 1).collect() } else { String::new() };
    format!("{first}***{last}")
}

impl Heard {
    /// The rows of the record: the same that projection makes.
    fn rows(&self) -> Projected {
        let mut rows = Projected::default();
        rows.take(
            self.offset,
            &Record {
                epoch: 0,
                owner: 0,
                part: self.shopper.partition(),
                at_ms: self.at_ms,
                shopper: self.shopper,
                keys: SmallVec::new(),
                facts: self.facts.clone(),
                answer: &self.answer,
            },
        );
        rows
    }
}

impl Koi {
    /// What a record tells its shopper, in order: draws, awards, then what became of the points. The places are the
    /// record's alone, so that the same record always has the same ids.
    ///
    /// # Errors
    /// Where an award that the record moved cannot be read now.
    pub async fn messages(&self, heard: &Heard) -> Result<Vec<Message>> {
        const LOST: Error = Error::Unavailable("stored data cannot be read");
        let rows = heard.rows();
        let mut messages = Vec::new();
        let mut place = 0;
        let mut id = || {
            place += 1;
            message_id(heard.offset, place - 1)
        };
        for draw in &rows.draws {
            let object = draw_in(&heard.answer, draw.id).ok_or(LOST)?;
            let text = std::str::from_utf8(object).map_err(|_| LOST)?;
            let data = RawValue::from_string(text.to_owned()).map_err(|_| LOST)?;
            messages.push(Message { id: id(), kind: MessageKind::DrawResult, at_ms: heard.at_ms, data });
        }
        for award in &rows.awards {
            let view = self.award_view(&award.clone().after(&rows.award_moves));
            messages.extend(updated(id(), heard.at_ms, view));
        }
        for moved in rows.award_moves.iter().filter(|m| !rows.awards.iter().any(|a| a.id == m.award)) {
            let (id, row) = (id(), self.award(heard.shopper, moved.award).await);
            let row = match row {
                Ok(row) => row,
                // Its record was erased, or its campaign is gone.
                Err(Error::NotFound { .. }) => continue,
                Err(error) => return Err(error),
            };
            // As it was then, not as it is by now.
            let row = AwardRow { state: moved.state, claim_by_ms: moved.claim_by_ms.or(row.claim_by_ms), ..row };
            messages.extend(updated(id, heard.at_ms, self.award_view(&row)));
        }
        if let Some(last) = rows.entries.last() {
            let amount = rows.entries.iter().map(|entry| entry.amount).sum();
            let data = LivePoints { balance: last.balance, amount, reason: last.reason.clone(), entry_id: last.id };
            messages.push(Message::new(id(), MessageKind::PointsChanged, heard.at_ms, &data));
        }
        Ok(messages)
    }

    /// A big win as everybody may see it; nothing where its campaign is gone.
    pub fn big_win_view(&self, win: &BigWin) -> Option<crate::views::BigWinView> {
        let runtime = self.runtime(win.campaign)?;
        let prize: PrizeView = crate::koi::prize_view(&runtime, domain::campaign::PrizeIx(win.prize));
        Some(crate::views::BigWinView {
            campaign_id: win.campaign,
            shopper: win.shopper.clone(),
            prize,
            at: rfc3339(win.at_ms),
        })
    }
}

fn updated(id: u64, at_ms: i64, view: Option<AwardView>) -> Option<Message> {
    view.map(|view| Message::new(id, MessageKind::AwardUpdated, at_ms, &view))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_leaves_the_ends_of_a_long_name_alone() {
        for (name, want) in
            [("ada", "a***"), ("", "***"), ("锦", "锦***"), ("13800138000", "1***0"), ("ab-cd", "a***d")]
        {
            assert_eq!(mask(name), want, "{name:?}");
        }
    }
}
