//! Ranks of entry drawings as rows.

use super::{AwardRow, Projected};
use domain::ids::{AwardId, CampaignId, DrawId, ShopperId};
use domain::record::EntryWon;

/// A rank of an entry drawing that was given its award.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryWinRow {
    pub campaign: CampaignId,
    pub rank: u32,
    pub shopper: ShopperId,
    pub award: AwardId,
}

impl Projected {
    /// A rank that won, and its award.
    pub(super) fn take_entry(&mut self, shopper: ShopperId, at_ms: i64, won: &EntryWon) {
        let EntryWon { campaign, rules, prize, rank, award, state, .. } = *won;
        self.entry_wins.push(EntryWinRow { campaign, rank, shopper, award });
        self.awards.push(AwardRow {
            id: award,
            shopper,
            campaign,
            // No draw won it.
            draw: DrawId(0),
            order: None,
            rules,
            prize,
            points: 0,
            birth: state,
            state,
            at_ms,
            claim_by_ms: None,
            held: false,
        });
    }
}
