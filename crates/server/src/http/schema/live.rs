//! Messages of sockets.

use super::{Award, Draw, Generation, GrantedUsed, Prize, PrizeReport};
use domain::campaign::State;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub struct Ticket {
    pub ticket: String,
}

/// Points after a record that moved some.
#[derive(Serialize, ToSchema)]
pub struct LivePoints {
    pub balance: i64,
    /// What was added and taken at once, signed.
    pub amount: i64,
    /// Of the last entry.
    pub reason: String,
    pub entry_id: String,
}

/// A personal strategy that the shopper's next `me` shows.
#[derive(Serialize, ToSchema)]
pub struct LiveStrategy {
    pub campaign_id: String,
    pub generation: u32,
}

/// A win that everybody may hear of.
#[derive(Serialize, ToSchema)]
pub struct BigWin {
    pub campaign_id: String,
    /// Who won, masked.
    #[schema(example = "1***0")]
    pub shopper: String,
    pub prize: Prize,
    #[schema(format = DateTime)]
    pub at: String,
}

/// A campaign at this moment.
#[derive(Serialize, ToSchema)]
pub struct Figures {
    pub campaign_id: String,
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
    pub generation: Generation,
    #[schema(format = DateTime)]
    pub at: String,
}

// `$word` is a token, not a literal: wrapped as a literal, the derive of the schema would not see it.
macro_rules! messages {
    ($($(#[$doc:meta])* $name:ident $kind:ident $word:tt $data:ident;)+) => {$(
        #[derive(Serialize, ToSchema)]
        pub enum $kind {
            #[serde(rename = $word)]
            Is,
        }

        $(#[$doc])*
        #[derive(Serialize, ToSchema)]
        pub struct $name {
            /// Grows per shopper; what `after` names.
            pub id: String,
            pub r#type: $kind,
            #[schema(format = DateTime)]
            pub at: String,
            pub data: $data,
        }
    )+};
}

messages! {
    /// A draw as it was answered.
    DrawResultMessage DrawResultType "draw.result" Draw;
    /// An award that was made or moved, as it was then; a coupon's code is in `GET /awards`.
    AwardUpdatedMessage AwardUpdatedType "award.updated" Award;
    /// What became of the shopper's points.
    PointsChangedMessage PointsChangedType "points.changed" LivePoints;
    /// A new personal strategy.
    StrategyReadyMessage StrategyReadyType "strategy.ready" LiveStrategy;
    /// Somebody's win. Not resumed.
    BigWinMessage BigWinType "big_win" BigWin;
    /// A campaign's figures, for operators, once a second. Not resumed.
    CampaignFiguresMessage CampaignFiguresType "campaign.figures" Figures;
}

/// One text frame.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum LiveMessage {
    DrawResult(Box<DrawResultMessage>),
    AwardUpdated(Box<AwardUpdatedMessage>),
    PointsChanged(Box<PointsChangedMessage>),
    StrategyReady(Box<StrategyReadyMessage>),
    BigWin(Box<BigWinMessage>),
    CampaignFigures(Box<CampaignFiguresMessage>),
}
