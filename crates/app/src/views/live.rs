//! What live messages show.

use super::{GenerationView, GrantedUsed, PrizeReport, PrizeView};
use domain::campaign::State;
use domain::ids::{CampaignId, EntryId};
use serde::Serialize;

/// Points after a record that moved some.
#[derive(Debug, Clone, Serialize)]
pub struct LivePoints {
    pub balance: i64,
    /// What was added and taken at once, signed.
    pub amount: i64,
    /// Of the last entry.
    pub reason: String,
    pub entry_id: EntryId,
}

/// A personal strategy that a shopper's next `me` shows.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct LiveStrategy {
    pub campaign_id: CampaignId,
    pub generation: u32,
}

/// A win that everybody may hear of.
#[derive(Debug, Clone, Serialize)]
pub struct BigWinView {
    pub campaign_id: CampaignId,
    /// Masked.
    pub shopper: String,
    pub prize: PrizeView,
    pub at: String,
}

/// A campaign at this moment.
#[derive(Debug, Clone, Serialize)]
pub struct FiguresView {
    pub campaign_id: CampaignId,
    pub state: State,
    pub draws: u64,
    /// Since the message before.
    pub draws_per_second: f64,
    /// Draws that won something.
    pub wins: u64,
    pub cost_cents: i64,
    /// Null without a budget.
    pub budget_cents: Option<i64>,
    pub points_won: u64,
    pub chances: GrantedUsed,
    pub prizes: Vec<PrizeReport>,
    pub generation: GenerationView,
    pub at: String,
}
