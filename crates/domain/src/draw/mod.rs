//! Deciding one draw: rules, strategy, a snapshot of the shopper, a roll and the shelf go in, the outcome comes out.
//!
//! [`decide`] is pure. It refuses only before the roll; after it there are only outcomes, so no shopper can roll, see
//! and roll again. Whatever a flow leaves out, three things hold: a campaign that is not open refuses, a shopper without
//! chances refuses, and no prize is given without a unit of it or beyond the budget.

mod path;
mod refusal;
mod snapshot;

pub use path::{Path, Step};
pub use refusal::{Limit, Refusal, Suspicion, Unmet};
pub use snapshot::{Civil, Dry, Fresh, NOBODY, Person, Risk, Snapshot};

use crate::campaign::{PrizeIx, PrizeKind, Rules, State, TierIx};
use crate::fairness::Roll;
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

/// Whether a unit of a prize is at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Free,
    SoldOut,
    /// Only the stock row knows: the owner fetches a unit, then decides again with the same roll.
    Unknown,
}

/// Where units come from. Asked only about prizes with a stock or a release.
pub trait Shelf {
    /// Whether a unit of the prize's stock is to be had.
    fn unit(&self, prize: PrizeIx) -> Unit;

    /// The same while only `released` units of it may have been given in all: what a phased release has opened so far.
    fn unit_within(&self, prize: PrizeIx, released: u64) -> Unit;
}

/// A shelf that never runs out, for questions that stock has no part in.
struct Endless;

impl Shelf for Endless {
    fn unit(&self, _: PrizeIx) -> Unit {
        Unit::Free
    }

    fn unit_within(&self, _: PrizeIx, _: u64) -> Unit {
        Unit::Free
    }
}

/// What a draw came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// The odds that were rolled: a place in [`Rules::pools`].
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
    /// The risk rule wants a person to look at the award before it is given.
    pub held: bool,
    pub path: Path,
}

impl Outcome {
    /// The outcome of the first draw after an instant-win moment: its prize instead of what the roll gave. A shopper on points
    /// only wins none, and leaves the moment to the next draw.
    pub fn at_moment(self, prize: PrizeIx) -> Option<Outcome> {
        let only_points = |step: &Step| matches!(step, Step::PointsOnly | Step::RiskPointsOnly | Step::OnlyPoints);
        if self.path.steps().iter().any(only_points) {
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
    /// There is no roll: the question was only what comes before it.
    Rolls,
}

/// One draw being decided; the rules read and change it.
pub struct Run<'a, S> {
    pub(crate) rules: &'a Rules,
    pub(crate) strategy: &'a Strategy,
    pub(crate) snapshot: &'a Snapshot<'a>,
    /// Absent where only what comes before it is asked.
    pub(crate) roll: Option<&'a mut Roll>,
    pub(crate) shelf: &'a S,
    pub(crate) n: u32,
    pub(crate) points_only: bool,
    /// Every prize at most once, not only those that say so.
    pub(crate) once_all: bool,
    pub(crate) held: bool,
    /// The group of the last split.
    pub(crate) group: u8,
    /// The spend threshold whose odds count, from 1; 0 is the usual odds.
    pub(crate) by_spend: u8,
    /// The pool whose condition was true, and the odds to roll: the same unless a spend threshold or a guarantee counts.
    pub(crate) chosen: u8,
    pub(crate) pool: u8,
    pub(crate) hit_slot: u8,
    pub(crate) hit_tier: TierIx,
    pub(crate) hit_prize: Option<PrizeIx>,
    pub(crate) locked: bool,
    /// The prize at hand, and the tier it came from.
    pub(crate) prize: Option<PrizeIx>,
    pub(crate) tier: Option<TierIx>,
    /// The prize at hand is known to be had.
    pub(crate) secured: bool,
    pub(crate) path: Path,
}

impl<'a, S: Shelf> Run<'a, S> {
    fn new(
        rules: &'a Rules,
        strategy: &'a Strategy,
        snapshot: &'a Snapshot<'a>,
        roll: Option<&'a mut Roll>,
        shelf: &'a S,
    ) -> Self {
        Run {
            rules,
            strategy,
            snapshot,
            roll,
            shelf,
            n: snapshot.n(),
            points_only: false,
            once_all: false,
            held: false,
            group: 0,
            by_spend: 0,
            chosen: 0,
            pool: 0,
            hit_slot: 0,
            hit_tier: 0,
            hit_prize: None,
            locked: false,
            prize: None,
            tier: None,
            secured: false,
            path: Path::default(),
        }
    }

    /// The condition `sold_out`: there is no prize at hand any more.
    pub(crate) fn sold_out(&self) -> bool {
        self.prize.is_none()
    }

    /// Whether the shopper can have a unit of `prize`.
    pub(crate) fn available(&self, prize: PrizeIx) -> Result<bool, Stop> {
        let what = self.rules.prize(prize);
        let barred = self.points_only && !matches!(what.kind, PrizeKind::Points { .. } | PrizeKind::None);
        if barred || self.too_dear(prize) || self.had(prize) {
            return Ok(false);
        }
        let unit = match (what.stock, what.released(self.snapshot.now_ms)) {
            (None, None) => return Ok(true),
            (_, Some(0)) => return Ok(false),
            (stock, Some(released)) if stock.is_none_or(|stock| released < stock) => {
                self.shelf.unit_within(prize, released)
            }
            _ => self.shelf.unit(prize),
        };
        match unit {
            Unit::Free => Ok(true),
            Unit::SoldOut => Ok(false),
            Unit::Unknown => Err(Stop::Needs(prize)),
        }
    }

    /// Whether the budget no longer pays for `prize`.
    pub(crate) fn too_dear(&self, prize: PrizeIx) -> bool {
        let cost = self.rules.prize(prize).cost_cents;
        self.snapshot.budget_left_cents.is_some_and(|left| cost > 0 && cost > left)
    }

    /// Whether the shopper won `prize` before and may win it only once.
    pub(crate) fn had(&self, prize: PrizeIx) -> bool {
        let what = self.rules.prize(prize);
        let counts = what.once || (self.once_all && !matches!(what.kind, PrizeKind::Points { .. } | PrizeKind::None));
        counts && self.snapshot.has_won(prize)
    }

    /// Whether any prize of `tier` is to be had.
    pub(crate) fn any_of(&self, tier: TierIx) -> Result<bool, Stop> {
        for prize in &self.rules.tiers[usize::from(tier)].candidates {
            if self.available(*prize)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes back what was hit.
    pub(crate) fn take_back(&mut self) {
        (self.prize, self.tier, self.secured) = (None, None, false);
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
            Some(PrizeKind::Points { min, max }) => {
                min + self.roll.as_mut().map_or(0, |roll| roll.below(max - min + 1))
            }
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
            held: self.held,
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
    snapshot: &Snapshot<'_>,
    roll: &mut Roll,
    shelf: &impl Shelf,
) -> Decision {
    if let Some(refusal) = closed(rules, snapshot) {
        return Decision::Refused(refusal);
    }
    roll.rewind();
    let mut run = Run::new(rules, strategy, snapshot, Some(roll), shelf);
    match rules.plan.run(&mut run).and_then(|()| run.settle()) {
        Ok(outcome) => Decision::Drawn(outcome),
        Err(Stop::Refuse(refusal)) => Decision::Refused(refusal),
        Err(Stop::Needs(prize)) => Decision::Needs(prize),
        Err(Stop::Rolls) => unreachable!("invariant: there is a roll, so the draw takes it"),
    }
}

/// Whether `count` draws in a row would be refused, told before any of them rolls: all or none.
///
/// What a flow asks before the roll never depends on what earlier draws of the same command won, so what is admitted
/// here is not refused later.
pub fn admit(rules: &Rules, strategy: &Strategy, snapshot: &Snapshot<'_>, count: u32) -> Result<(), Refusal> {
    let mut snapshot = *snapshot;
    for _ in 0..count {
        if let Some(refusal) = closed(rules, &snapshot) {
            return Err(refusal);
        }
        let mut run = Run::new(rules, strategy, &snapshot, None, &Endless);
        if let Err(Stop::Refuse(refusal)) = rules.plan.run(&mut run) {
            return Err(refusal);
        }
        snapshot = snapshot.after(0, None, None);
    }
    Ok(())
}

/// The odds that the next draw would roll, as a place in [`Rules::pools`]: what a shopper is shown. Nothing where no
/// pool is open to it.
pub fn forecast(rules: &Rules, strategy: &Strategy, snapshot: &Snapshot<'_>, shelf: &impl Shelf) -> Option<u8> {
    // Chances and opening hours do not change what a draw would roll.
    let asked =
        Snapshot { left: 1, now_ms: snapshot.now_ms.clamp(rules.starts_at_ms, rules.ends_at_ms - 1), ..*snapshot };
    let mut run = Run::new(rules, strategy, &asked, None, shelf);
    match rules.plan.run(&mut run) {
        Err(Stop::Rolls | Stop::Needs(_)) => Some(run.pool),
        _ => rules.pool_for(&asked).map(|pool| pool as u8),
    }
}

/// An operator's acts count whatever the flow says. A scheduled campaign opens with its window, without a further act.
fn closed(rules: &Rules, snapshot: &Snapshot<'_>) -> Option<Refusal> {
    match snapshot.state {
        State::Draft => Some(Refusal::Draft),
        State::Paused => Some(Refusal::Paused),
        State::Ended | State::Archived => Some(Refusal::Over),
        State::Scheduled if snapshot.now_ms < rules.starts_at_ms => Some(Refusal::NotStarted),
        State::Scheduled | State::Live => None,
    }
}
