//! Deciding one draw: rules, strategy, a snapshot of the shopper, a roll and the shelf go in, the outcome comes out.
//!
//! [`decide`] is pure. It refuses only before the roll; after it there are only outcomes, so no shopper can roll, see
//! and roll again. Whatever a flow leaves out, three things hold: a campaign that is not open refuses, a shopper without
//! chances refuses, and no prize is given without a unit of it or beyond the budget.

use crate::campaign::{PrizeIx, PrizeKind, Rules, State, TierIx};
use crate::fairness::Roll;
use crate::flow::rules;
use crate::strategy::Strategy;

/// How a blacklisted shopper is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum BlacklistMode {
    /// Draws go on, but only points can be won.
    PointsOnly,
    /// Draws are refused.
    Refuse,
}

/// What the account says about a shopper in one campaign before a draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Snapshot {
    /// Chances used; this draw's ordinal is one more.
    pub used: u32,
    /// Chances left.
    pub left: u32,
    /// Draws on the campaign's present local day.
    pub draws_today: u32,
    pub blacklist: Option<BlacklistMode>,
    /// Unix milliseconds.
    pub now_ms: i64,
    pub state: State,
    /// What the campaign may still spend, minor units; `None` is without bound.
    pub budget_left_cents: Option<i64>,
}

impl Snapshot {
    /// This draw's ordinal: 1, 2, 3 ...
    pub fn n(&self) -> u32 {
        self.used.saturating_add(1)
    }

    /// The snapshot that the next of several draws starts from, `cost_cents` having been spent.
    pub fn after(self, cost_cents: i64) -> Snapshot {
        Snapshot {
            used: self.used.saturating_add(1),
            left: self.left.saturating_sub(1),
            draws_today: self.draws_today.saturating_add(1),
            budget_left_cents: self.budget_left_cents.map(|left| left.saturating_sub(cost_cents)),
            ..self
        }
    }
}

/// Whether a unit of a prize is at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Free,
    SoldOut,
    /// Only the stock row knows: the owner fetches a unit, then decides again with the same roll.
    Unknown,
}

/// Where units come from. Asked only about prizes with a stock.
pub trait Shelf {
    fn unit(&self, prize: PrizeIx) -> Unit;
}

/// Which limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limit {
    PerShopper,
    PerDay,
}

/// Why a draw is not made. It uses no chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    #[error("no such campaign")]
    Draft,
    #[error("the campaign has not started")]
    NotStarted,
    #[error("the campaign is paused")]
    Paused,
    #[error("the campaign is over")]
    Over,
    #[error("this shopper may not draw")]
    Blocked,
    #[error("no pool is open to this draw")]
    NotQualified,
    #[error("{}", match which { Limit::PerShopper => "the campaign's draws per shopper are used up", Limit::PerDay => "today's draws are used up" })]
    LimitReached { which: Limit },
    #[error("no chances left")]
    NoChances,
}

impl Refusal {
    /// The API's stable word.
    pub fn code(self) -> &'static str {
        match self {
            Refusal::Draft => "campaign_unknown",
            Refusal::NotStarted => "campaign_not_started",
            Refusal::Paused => "campaign_paused",
            Refusal::Over => "campaign_over",
            Refusal::Blocked => "blocked",
            Refusal::NotQualified => "not_qualified",
            Refusal::LimitReached { .. } => "limit_reached",
            Refusal::NoChances => "no_chances",
        }
    }
}

/// What a rule did, for the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    Blacklist,
    PointsOnly,
    Window,
    Limits,
    Pool,
    Draw,
    Unlock,
    Locked,
    Stock,
    SoldOut,
    StockSkipped,
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

impl Step {
    /// A short word; what comes after the colon is what was unusual.
    pub fn word(self) -> &'static str {
        match self {
            Step::Blacklist => "blacklist",
            Step::PointsOnly => "blacklist:points_only",
            Step::Window => "window",
            Step::Limits => "limits",
            Step::Pool => "pool",
            Step::Draw => "draw",
            Step::Unlock => "unlock",
            Step::Locked => "unlock:locked",
            Step::Stock => "stock",
            Step::SoldOut => "stock:sold_out",
            Step::StockSkipped => "stock:skipped",
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
            "thanks" | "points" | "moment" | "fallback:tier" | "fallback:lower" | "fallback:points" | "fallback:thanks"
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
    /// Most steps kept: three times the usual flow. A longer flow decides just the same, its path ends in `...`.
    pub const BOUND: usize = 24;

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

/// What a draw came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    pub pool: u8,
    /// The slot that the roll hit: what published odds count.
    pub hit_slot: u8,
    /// Its tier.
    pub hit_tier: TierIx,
    /// The slot where the wheel stops: one that shows the prize won, `None` where no slot does.
    pub slot: Option<u8>,
    /// The tier that the prize came from, `None` for points and thanks given instead.
    pub tier: Option<TierIx>,
    /// `None` is thanks: nothing was to be had.
    pub prize: Option<PrizeIx>,
    /// Amount where the prize is points, else 0.
    pub points: u32,
    pub path: Path,
}

impl Outcome {
    /// The outcome of the first draw after an instant-win moment: its prize instead of what the roll gave. A shopper on points
    /// only wins none, and leaves the moment to the next draw.
    pub fn at_moment(self, prize: PrizeIx) -> Option<Outcome> {
        if self.path.steps().contains(&Step::PointsOnly) {
            return None;
        }
        let mut path = self.path;
        path.push(Step::Moment);
        Some(Outcome { slot: None, tier: None, prize: Some(prize), points: 0, path, ..self })
    }
}

/// What [`decide`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Nothing happened, no chance is used.
    Refused(Refusal),
    /// The owner must find out about a unit of this prize and decide again with the same roll.
    Needs(PrizeIx),
    Drawn(Outcome),
}

/// Why a run of the plan ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    Refuse(Refusal),
    Needs(PrizeIx),
}

/// One draw being decided; the rules read and change it.
pub struct Run<'a, S> {
    pub(crate) rules: &'a Rules,
    pub(crate) strategy: &'a Strategy,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) roll: &'a mut Roll,
    pub(crate) shelf: &'a S,
    pub(crate) n: u32,
    pub(crate) points_only: bool,
    pub(crate) pool: u8,
    pub(crate) hit_slot: u8,
    pub(crate) hit_tier: TierIx,
    pub(crate) locked: bool,
    /// The prize at hand, and the tier it came from.
    pub(crate) prize: Option<PrizeIx>,
    pub(crate) tier: Option<TierIx>,
    /// The prize at hand is known to be had.
    pub(crate) secured: bool,
    pub(crate) path: Path,
}

impl<S: Shelf> Run<'_, S> {
    /// The condition `sold_out`: there is no prize at hand any more.
    pub(crate) fn sold_out(&self) -> bool {
        self.prize.is_none()
    }

    /// Whether the shopper can have a unit of `prize`.
    pub(crate) fn available(&self, prize: PrizeIx) -> Result<bool, Stop> {
        let what = self.rules.prize(prize);
        let barred = self.points_only && !matches!(what.kind, PrizeKind::Points { .. } | PrizeKind::None);
        let dear = self.snapshot.budget_left_cents.is_some_and(|left| what.cost_cents > 0 && what.cost_cents > left);
        if barred || dear {
            return Ok(false);
        }
        if what.stock.is_none() {
            return Ok(true);
        }
        match self.shelf.unit(prize) {
            Unit::Free => Ok(true),
            Unit::SoldOut => Ok(false),
            Unit::Unknown => Err(Stop::Needs(prize)),
        }
    }

    /// Gives `prize` from `tier` instead of what was hit.
    pub(crate) fn give(&mut self, prize: PrizeIx, tier: Option<TierIx>) {
        (self.prize, self.tier, self.secured) = (Some(prize), tier, true);
    }

    /// The first points prize to be had.
    pub(crate) fn some_points(&self) -> Result<Option<PrizeIx>, Stop> {
        for prize in &self.rules.points_prizes {
            if self.available(*prize)? {
                return Ok(Some(*prize));
            }
        }
        Ok(None)
    }

    /// What must hold whatever the flow left out, then the points, then the outcome.
    fn settle(mut self) -> Result<Outcome, Stop> {
        if let Some(prize) = self.prize
            && !self.secured
            && !self.available(prize)?
        {
            self.prize = None;
        }
        if self.prize.is_none() {
            self.tier = None;
            match if self.points_only { self.some_points()? } else { None } {
                Some(prize) => {
                    self.give(prize, None);
                    self.path.push(Step::Points);
                }
                None if self.path.steps().last() == Some(&Step::FallbackThanks) => {}
                None => self.path.push(Step::Thanks),
            }
        }
        let points = match self.prize.map(|prize| self.rules.prize(prize).kind) {
            Some(PrizeKind::Points { min, max }) => min + self.roll.below(max - min + 1),
            _ => 0,
        };
        let shows = |slot: &u8| Some(self.strategy.slots[usize::from(*slot)].prize) == self.prize;
        let slot = Some(self.hit_slot).filter(shows).or_else(|| (0..self.strategy.slots.len() as u8).find(shows));
        Ok(Outcome {
            pool: self.pool,
            hit_slot: self.hit_slot,
            hit_tier: self.hit_tier,
            slot,
            tier: self.tier,
            prize: self.prize,
            points,
            path: self.path,
        })
    }
}

/// Decides the draw after `snapshot.used`. `strategy` must fit `rules` ([`Strategy::fits`]).
///
/// The roll is read from its start, so a decision repeated with the same arguments is the same.
pub fn decide(
    rules: &Rules,
    strategy: &Strategy,
    snapshot: &Snapshot,
    roll: &mut Roll,
    shelf: &impl Shelf,
) -> Decision {
    if let Some(refusal) = closed(rules, snapshot) {
        return Decision::Refused(refusal);
    }
    roll.rewind();
    let mut run = Run {
        rules,
        strategy,
        snapshot,
        roll,
        shelf,
        n: snapshot.n(),
        points_only: false,
        pool: 0,
        hit_slot: 0,
        hit_tier: 0,
        locked: false,
        prize: None,
        tier: None,
        secured: false,
        path: Path::default(),
    };
    match rules.plan.run(&mut run).and_then(|()| run.settle()) {
        Ok(outcome) => Decision::Drawn(outcome),
        Err(Stop::Refuse(refusal)) => Decision::Refused(refusal),
        Err(Stop::Needs(prize)) => Decision::Needs(prize),
    }
}

/// Whether `count` draws in a row would be refused, told before any of them rolls: all or none.
pub fn admit(rules: &Rules, snapshot: &Snapshot, count: u32) -> Result<(), Refusal> {
    let mut snapshot = *snapshot;
    for _ in 0..count {
        let by_rule = || rules.plan.before_draw().find_map(|rule| rule.refuses(rules, &snapshot));
        let refusal = closed(rules, &snapshot).or_else(by_rule).or_else(|| rules::draw::refuses(&snapshot));
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
        snapshot = snapshot.after(0);
    }
    Ok(())
}

/// An operator's acts count whatever the flow says. A scheduled campaign opens with its window, without a further act.
fn closed(rules: &Rules, snapshot: &Snapshot) -> Option<Refusal> {
    match snapshot.state {
        State::Draft => Some(Refusal::Draft),
        State::Paused => Some(Refusal::Paused),
        State::Ended | State::Archived => Some(Refusal::Over),
        State::Scheduled if snapshot.now_ms < rules.starts_at_ms => Some(Refusal::NotStarted),
        State::Scheduled | State::Live => None,
    }
}
