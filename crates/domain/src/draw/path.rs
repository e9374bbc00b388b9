//! What each rule did, in order.

/// What a rule did, for the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    Blacklist,
    PointsOnly,
    Qualified,
    Window,
    Limits,
    Cooldown,
    Risk,
    RiskPointsOnly,
    RiskHold,
    /// Only points from here on, whatever the shopper did.
    OnlyPoints,
    /// In which group of the split, from 0.
    Split(u8),
    When,
    Pool,
    Weight,
    /// The odds of a spend threshold, from 1.
    WeightBy(u8),
    Guarantee,
    GuaranteeDue,
    GuaranteeSoldOut,
    Draw,
    Unlock,
    Locked,
    Once,
    HadBefore,
    Release,
    Unreleased,
    Stock,
    SoldOut,
    StockSkipped,
    Budget,
    BudgetSpent,
    Substitute,
    SubstituteNone,
    SubstituteIdle,
    FallbackTier,
    FallbackLower,
    FallbackPoints,
    FallbackThanks,
    FallbackIdle,
    /// After the flow: the prize could not be had and nothing replaced it.
    Thanks,
    /// After the flow: the same, for a shopper on points only, who gets points.
    Points,
    /// After all: an instant-win moment had come, and this draw was the first after it.
    Moment,
}

/// The words of groups and spend thresholds: both are few and named by their place.
const SPLITS: [&str; 8] = ["split:a", "split:b", "split:c", "split:d", "split:e", "split:f", "split:g", "split:h"];
const WEIGHTS: [&str; 8] =
    ["weight:0", "weight:1", "weight:2", "weight:3", "weight:4", "weight:5", "weight:6", "weight:7"];

impl Step {
    /// A short word; what comes after the colon is what was unusual.
    pub fn word(self) -> &'static str {
        match self {
            Step::Blacklist => "blacklist",
            Step::PointsOnly => "blacklist:points_only",
            Step::Qualified => "qualified",
            Step::Window => "window",
            Step::Limits => "limits",
            Step::Cooldown => "cooldown",
            Step::Risk => "risk",
            Step::RiskPointsOnly => "risk:points_only",
            Step::RiskHold => "risk:hold",
            Step::OnlyPoints => "points_only",
            Step::Split(group) => SPLITS[usize::from(group) % SPLITS.len()],
            Step::When => "when",
            Step::Pool => "pool",
            Step::Weight => "weight",
            Step::WeightBy(table) => WEIGHTS[usize::from(table) % WEIGHTS.len()],
            Step::Guarantee => "guarantee",
            Step::GuaranteeDue => "guarantee:due",
            Step::GuaranteeSoldOut => "guarantee:sold_out",
            Step::Draw => "draw",
            Step::Unlock => "unlock",
            Step::Locked => "unlock:locked",
            Step::Once => "once",
            Step::HadBefore => "once:had",
            Step::Release => "release",
            Step::Unreleased => "release:later",
            Step::Stock => "stock",
            Step::SoldOut => "stock:sold_out",
            Step::StockSkipped => "stock:skipped",
            Step::Budget => "budget",
            Step::BudgetSpent => "budget:spent",
            Step::Substitute => "substitute:given",
            Step::SubstituteNone => "substitute:none",
            Step::SubstituteIdle => "substitute",
            Step::FallbackTier => "fallback:tier",
            Step::FallbackLower => "fallback:lower",
            Step::FallbackPoints => "fallback:points",
            Step::FallbackThanks => "fallback:thanks",
            Step::FallbackIdle => "fallback:idle",
            Step::Thanks => "thanks",
            Step::Points => "points",
            Step::Moment => "moment",
        }
    }

    /// Whether from here on another prize than the hit slot's may have been given.
    pub fn replaces(word: &str) -> bool {
        matches!(
            word,
            "thanks"
                | "points"
                | "moment"
                | "substitute:given"
                | "fallback:tier"
                | "fallback:lower"
                | "fallback:points"
                | "fallback:thanks"
        )
    }
}

/// What each rule did, in order. Held inline so that a draw does not allocate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Path {
    steps: [Step; Path::BOUND],
    len: u8,
    /// More steps than fit were taken.
    cut: bool,
}

impl Default for Path {
    fn default() -> Self {
        Path { steps: [Step::Draw; Path::BOUND], len: 0, cut: false }
    }
}

impl Path {
    /// Most steps kept: twice the usual flow. A longer flow decides just the same, its path ends in `...`.
    pub const BOUND: usize = 32;

    /// The steps kept.
    pub fn steps(&self) -> &[Step] {
        &self.steps[..usize::from(self.len)]
    }

    pub(crate) fn push(&mut self, step: Step) {
        match self.steps.get_mut(usize::from(self.len)) {
            Some(place) => (*place, self.len) = (step, self.len + 1),
            None => self.cut = true,
        }
    }

    /// Appends the path as one JSON string of words with spaces between them.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        for (i, step) in self.steps().iter().enumerate() {
            if i > 0 {
                out.push(b' ');
            }
            out.extend_from_slice(step.word().as_bytes());
        }
        out.extend_from_slice(if self.cut { b" ...\"" } else { b"\"" });
    }
}
