//! Entry drawings as they are shown.

use domain::award::AwardState;
use domain::entry::TicketsBy;
use domain::ids::{AwardId, CampaignId};
use serde::Serialize;

/// A drawing, without its list.
#[derive(Debug, Clone, Serialize)]
pub struct DrawingView {
    pub campaign_id: CampaignId,
    /// `open` while prizes may still go to alternates, else `closed`.
    pub state: &'static str,
    pub made_at: String,
    /// Code of the prize.
    pub prize: String,
    pub tickets_by: TicketsBy,
    /// Shoppers with a ticket, and their tickets.
    pub holders: u64,
    pub tickets: u64,
    /// How many win, and how many were picked to stand by.
    pub winners: u32,
    pub alternates: u64,
    /// Prizes that are with somebody now, and those that nobody was left for.
    pub given: u64,
    pub left_over: u64,
    /// Hex.
    pub seed_hash: String,
    pub list_hash: String,
}

/// A rank that was called.
#[derive(Debug, Clone, Serialize)]
pub struct DrawingWinnerView {
    /// From 0; below `winners` it won, above it stands in for somebody who did not claim.
    pub rank: u32,
    /// External id.
    pub shopper: String,
    pub award_id: AwardId,
    pub state: AwardState,
}
