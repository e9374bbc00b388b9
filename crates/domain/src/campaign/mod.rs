//! A campaign: what an operator writes ([`Definition`]), what is wrong with it ([`Finding`]), and the frozen form that
//! draws are decided by ([`Rules`]).

mod against;
mod check;
pub mod compare;
mod composition;
mod definition;
pub mod life;
mod odds;
mod rules;
mod template;
pub mod templates;
mod time;

pub use against::{Worse, against_shopper, flow_worsens, flow_worsens_between};
pub use check::{Finding, Severity, bounds};
pub use composition::Composition;
pub use definition::{
    Band, Chances, Definition, EntryDef, Kind, Limits, PointsRange, PoolDef, PrizeDef, ReleaseDef, Skin, SpendPoints,
    SpendWeightsDef, Streak, TierDef,
};
pub use odds::{Guarantee, Odds, OddsOf, Pool};
pub use rules::{LocalDay, Prize, PrizeIx, PrizeKind, Rules, Tier, TierIx};
pub use template::pools_by_draws;
pub use time::Time;

use serde::{Deserialize, Serialize};

/// Where a campaign stands. Only a live one is drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = CampaignState))]
pub enum State {
    /// Being written; shoppers cannot see it.
    Draft,
    /// Published, before its window.
    Scheduled,
    /// Published, inside its window.
    Live,
    /// Stopped for now by an operator.
    Paused,
    /// Past its window, or ended by an operator. For good.
    Ended,
    /// Put away; its idempotency keys are forgotten.
    Archived,
}

impl State {
    /// The word that API and storage use.
    pub fn word(self) -> &'static str {
        match self {
            State::Draft => "draft",
            State::Scheduled => "scheduled",
            State::Live => "live",
            State::Paused => "paused",
            State::Ended => "ended",
            State::Archived => "archived",
        }
    }
}
