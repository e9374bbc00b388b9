//! Awards: the fulfilment of a win. Every win makes exactly one, in the same record as its draw.

use serde::{Deserialize, Serialize};

/// Where an award stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AwardState {
    /// Won; what fulfils it has not answered yet.
    Granting,
    /// The shopper has it, or may claim it.
    Granted,
    /// Fulfilment failed and will be tried again.
    Failed,
    /// The shopper has taken it.
    Claimed,
    /// Not claimed in time.
    Expired,
}

impl AwardState {
    /// The state in which an award of this kind of prize is born: points and goods are granted by the win itself,
    /// what needs somebody else (a coupon pool, a webhook) starts as `Granting`.
    pub fn at_birth(kind: &crate::campaign::PrizeKind) -> Self {
        use crate::campaign::PrizeKind::*;
        match kind {
            Points { .. } | Goods | None => AwardState::Granted,
            Coupon | Webhook => AwardState::Granting,
        }
    }

    /// The word that API and storage use.
    pub fn word(self) -> &'static str {
        match self {
            AwardState::Granting => "granting",
            AwardState::Granted => "granted",
            AwardState::Failed => "failed",
            AwardState::Claimed => "claimed",
            AwardState::Expired => "expired",
        }
    }

    /// The state behind a stored word.
    pub fn parse(word: &str) -> Option<Self> {
        use AwardState::*;
        [Granting, Granted, Failed, Claimed, Expired].into_iter().find(|s| s.word() == word)
    }
}
