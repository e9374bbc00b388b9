//! Why a draw is not made.

/// Which limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Limit {
    PerShopper,
    PerDay,
    PerWeek,
    /// All shoppers of the campaign together.
    PerCampaign,
    /// One shopper over all campaigns.
    Global,
    GlobalPerDay,
    /// Too soon after the draw before; in `left_s` seconds (rounded up) it is no longer.
    Cooldown {
        left_s: u32,
    },
}

impl Limit {
    fn text(self) -> &'static str {
        match self {
            Limit::PerShopper => "the campaign's draws per shopper are used up",
            Limit::PerDay => "today's draws are used up",
            Limit::PerWeek => "this week's draws are used up",
            Limit::PerCampaign => "the campaign's draws are used up",
            Limit::Global => "this shopper's draws over all campaigns are used up",
            Limit::GlobalPerDay => "today's draws over all campaigns are used up",
            Limit::Cooldown { .. } => "the last draw was a moment ago; wait a little",
        }
    }
}

/// What a shopper or a draw does not meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Unmet {
    /// No pool's condition is true.
    Pool,
    /// What `qualified` asks of the shopper.
    Shopper,
    /// Registered before the campaign began, which is for those who came later.
    NewShopper,
    /// An expression of the flow, or its `refuse`.
    Flow,
}

impl Unmet {
    fn text(self) -> &'static str {
        match self {
            Unmet::Pool => "no pool is open to this draw",
            Unmet::Shopper => "the campaign is for other shoppers: this one does not meet what it asks",
            Unmet::NewShopper => "the campaign is for new shoppers: this one registered before it started",
            Unmet::Flow => "this draw does not meet a condition of the campaign's flow",
        }
    }
}

/// What speaks against a shopper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Suspicion {
    Score,
    Flag,
    Device,
    Address,
}

impl Suspicion {
    /// The word shown to the shopper and kept in the draw's path.
    pub fn word(self) -> &'static str {
        match self {
            Suspicion::Score => "score",
            Suspicion::Flag => "flag",
            Suspicion::Device => "device",
            Suspicion::Address => "address",
        }
    }
}

/// Why a draw is not made. It uses no chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, thiserror::Error)]
pub enum Refusal {
    #[error("no such campaign")]
    Draft,
    #[error("the campaign has not started")]
    NotStarted,
    #[error("the campaign is paused")]
    Paused,
    #[error("the campaign is over")]
    Over,
    #[error("the campaign is not drawn from at this hour")]
    OutsideHours,
    #[error("this shopper may not draw")]
    Blocked,
    /// The word is a reason that the shopper can bring before the shop.
    #[error("this draw was stopped to protect the campaign (reason: {}); the shop can review it", .0.word())]
    Suspected(Suspicion),
    #[error("{}", .0.text())]
    NotQualified(Unmet),
    #[error("{}", which.text())]
    LimitReached { which: Limit },
    #[error("no chances left")]
    NoChances,
}

impl Refusal {
    /// The same without what differs from draw to draw, to be counted by.
    #[must_use]
    pub fn kind(self) -> Self {
        match self {
            Refusal::LimitReached { which: Limit::Cooldown { .. } } => {
                Refusal::LimitReached { which: Limit::Cooldown { left_s: 0 } }
            }
            other => other,
        }
    }

    /// The API's stable word.
    pub fn code(self) -> &'static str {
        match self {
            Refusal::Draft => "campaign_unknown",
            Refusal::NotStarted => "campaign_not_started",
            Refusal::Paused => "campaign_paused",
            Refusal::Over => "campaign_over",
            Refusal::OutsideHours => "outside_hours",
            Refusal::Blocked | Refusal::Suspected(_) => "blocked",
            Refusal::NotQualified(_) => "not_qualified",
            Refusal::LimitReached { .. } => "limit_reached",
            Refusal::NoChances => "no_chances",
        }
    }
}
