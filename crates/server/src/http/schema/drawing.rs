//! Entry drawings, as they are answered.

use super::AwardStateWord;
use domain::entry::TicketsBy;
use serde::Serialize;
use utoipa::ToSchema;

/// A campaign's entry drawing, without its list.
#[derive(Serialize, ToSchema)]
pub struct EntryDrawing {
    pub campaign_id: String,
    /// `open` while prizes may still go to alternates, else `closed`.
    pub state: String,
    #[schema(format = DateTime)]
    pub made_at: String,
    /// Code of the prize.
    pub prize: String,
    pub tickets_by: TicketsBy,
    /// Shoppers with a ticket.
    pub holders: u64,
    pub tickets: u64,
    pub winners: u32,
    /// How many were picked to stand by.
    pub alternates: u64,
    /// Prizes that are with somebody now.
    pub given: u64,
    /// Prizes that nobody was left for.
    pub left_over: u64,
    /// SHA-256 of the campaign's seed, hex: published with the rules from the start.
    pub seed_hash: String,
    /// SHA-256 of the frozen list, hex.
    pub list_hash: String,
}

/// A rank that was called.
#[derive(Serialize, ToSchema)]
pub struct EntryWinner {
    /// From 0; below `winners` it won, above it stands in for somebody who did not claim.
    pub rank: u32,
    /// External id.
    pub shopper: String,
    pub award_id: String,
    pub state: AwardStateWord,
}

#[derive(Serialize, ToSchema)]
pub struct EntryWinners {
    pub data: Vec<EntryWinner>,
    pub next_cursor: Option<String>,
}

/// Everything that is needed to recompute a drawing: `koi verify-receipt` reads it, `domain/src/entry.rs` says how.
#[derive(Serialize, ToSchema)]
pub struct EntryProof {
    /// Form of the proof, 1.
    pub v: u32,
    pub campaign: String,
    pub seed_hash: String,
    /// Hex.
    pub campaign_seed: String,
    pub list_hash: String,
    /// Every holder in the order of ids: shopper and tickets.
    #[schema(value_type = Vec<Object>)]
    pub list: Vec<serde_json::Value>,
    pub winners: u32,
    /// The holders by rank.
    pub ranks: Vec<String>,
    pub places: u32,
}
