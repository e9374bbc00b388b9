//! The rules that a flow is made of, one per file. Each opens with what it means and an example.

pub mod blacklist;
pub mod budget;
pub mod cooldown;
pub mod draw;
pub mod fallback;
pub mod guarantee;
pub mod limits;
pub mod once;
pub mod points_only;
pub mod pool;
pub mod qualified;
pub mod refuse;
pub mod release;
pub mod risk;
pub mod split;
pub mod stock;
pub mod substitute;
pub mod unlock;
pub mod weight;
pub mod when;
pub mod window;

use super::expression::Test;
use super::field::Needs;
use crate::draw::{Run, Shelf, Stop};
use serde::de::DeserializeOwned;

/// When a rule may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It may refuse, so it comes before the roll.
    Before,
    /// It chooses the odds: after `pool`, before the roll.
    Odds,
    /// It is the roll.
    Draw,
    /// It judges or replaces what the roll hit, and never refuses.
    After,
    /// Anywhere.
    Any,
}

/// A rule's card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// The word in EL.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub does: &'static str,
    /// An example of its `.data('…')`; empty where it takes none.
    pub takes: &'static str,
    pub stage: Stage,
}

/// One of the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RuleKind {
    Blacklist,
    Window,
    Qualified,
    Limits,
    Cooldown,
    Risk,
    When,
    Refuse,
    PointsOnly,
    Split,
    Pool,
    Weight,
    Guarantee,
    Draw,
    Unlock,
    Once,
    Release,
    Stock,
    Budget,
    Substitute,
    Fallback,
}

use RuleKind as K;

const KINDS: [RuleKind; 21] = [
    K::Blacklist,
    K::Window,
    K::Qualified,
    K::Limits,
    K::Cooldown,
    K::Risk,
    K::When,
    K::Refuse,
    K::PointsOnly,
    K::Split,
    K::Pool,
    K::Weight,
    K::Guarantee,
    K::Draw,
    K::Unlock,
    K::Once,
    K::Release,
    K::Stock,
    K::Budget,
    K::Substitute,
    K::Fallback,
];

static CARDS: [About; 21] = [
    blacklist::ABOUT,
    window::ABOUT,
    qualified::ABOUT,
    limits::ABOUT,
    cooldown::ABOUT,
    risk::ABOUT,
    when::ABOUT,
    refuse::ABOUT,
    points_only::ABOUT,
    split::ABOUT,
    pool::ABOUT,
    weight::ABOUT,
    guarantee::ABOUT,
    draw::ABOUT,
    unlock::ABOUT,
    once::ABOUT,
    release::ABOUT,
    stock::ABOUT,
    budget::ABOUT,
    substitute::ABOUT,
    fallback::ABOUT,
];

/// Every rule in the order in which a flow usually has them.
pub fn all() -> &'static [About] {
    &CARDS
}

impl RuleKind {
    /// Every rule, in the order of [`all`].
    pub fn kinds() -> &'static [RuleKind] {
        &KINDS
    }

    /// The rule of that name.
    pub fn named(name: &str) -> Option<RuleKind> {
        KINDS.into_iter().find(|rule| rule.about().name == name)
    }

    /// Its card.
    pub fn about(self) -> &'static About {
        &CARDS[self as usize]
    }

    /// Whether it may refuse a draw (that a shopper would otherwise have).
    pub(crate) fn may_refuse(self) -> bool {
        self.about().stage == Stage::Before && !matches!(self, K::PointsOnly)
    }
}

/// A rule with its parameters read.
#[derive(Debug, Clone)]
pub(crate) enum Rule {
    Blacklist,
    Window(Box<window::Settings>),
    Qualified(Box<qualified::Settings>),
    Limits(Box<limits::Settings>),
    Cooldown(cooldown::Settings),
    Risk(Box<risk::Settings>),
    When(Box<Test>),
    Refuse,
    PointsOnly,
    Split(Box<split::Settings>),
    Pool,
    Weight,
    Guarantee,
    Draw,
    Unlock,
    Once(once::Settings),
    Release,
    Stock,
    Budget,
    Substitute,
    Fallback,
}

/// The parameters of a rule; without `.data` the usual ones.
fn settings<T: DeserializeOwned + Default>(data: Option<&str>) -> Result<T, String> {
    let Some(data) = data else { return Ok(T::default()) };
    // `{}` means the same as no data, whatever the settings' own defaults are.
    serde_json::from_str(data).map_err(|error| {
        let text = error.to_string();
        text.split_once(" at line ").map_or(text.as_str(), |(what, _)| what).to_owned()
    })
}

impl Rule {
    /// A rule with its `.data('…')`; on failure what does not fit.
    pub(crate) fn read(kind: RuleKind, data: Option<&str>) -> Result<Rule, String> {
        if let (Some(_), "") = (data, kind.about().takes) {
            return Err("it takes none".to_owned());
        }
        Ok(match kind {
            K::Blacklist => Rule::Blacklist,
            K::Window => Rule::Window(Box::new(settings(data)?)),
            K::Qualified => Rule::Qualified(Box::new(settings(data)?)),
            K::Limits => Rule::Limits(Box::new(settings(data)?)),
            K::Cooldown => Rule::Cooldown(settings(data)?),
            K::Risk => Rule::Risk(Box::new(settings(data)?)),
            K::When => return Err("it is written when(\"...\")".to_owned()),
            K::Refuse => Rule::Refuse,
            K::PointsOnly => Rule::PointsOnly,
            K::Split => Rule::Split(Box::new(settings(data)?)),
            K::Pool => Rule::Pool,
            K::Weight => Rule::Weight,
            K::Guarantee => Rule::Guarantee,
            K::Draw => Rule::Draw,
            K::Unlock => Rule::Unlock,
            K::Once => Rule::Once(settings(data)?),
            K::Release => Rule::Release,
            K::Stock => Rule::Stock,
            K::Budget => Rule::Budget,
            K::Substitute => Rule::Substitute,
            K::Fallback => Rule::Fallback,
        })
    }

    pub(crate) fn kind(&self) -> RuleKind {
        match self {
            Rule::Blacklist => K::Blacklist,
            Rule::Window(_) => K::Window,
            Rule::Qualified(_) => K::Qualified,
            Rule::Limits(_) => K::Limits,
            Rule::Cooldown(_) => K::Cooldown,
            Rule::Risk(_) => K::Risk,
            Rule::When(_) => K::When,
            Rule::Refuse => K::Refuse,
            Rule::PointsOnly => K::PointsOnly,
            Rule::Split(_) => K::Split,
            Rule::Pool => K::Pool,
            Rule::Weight => K::Weight,
            Rule::Guarantee => K::Guarantee,
            Rule::Draw => K::Draw,
            Rule::Unlock => K::Unlock,
            Rule::Once(_) => K::Once,
            Rule::Release => K::Release,
            Rule::Stock => K::Stock,
            Rule::Budget => K::Budget,
            Rule::Substitute => K::Substitute,
            Rule::Fallback => K::Fallback,
        }
    }

    /// What must be gathered for it.
    pub(crate) fn needs(&self) -> Needs {
        match self {
            Rule::Window(settings) => Needs { calendar: settings.needs_calendar(), ..Needs::default() },
            Rule::Qualified(settings) => Needs { person: settings.needs_person(), ..Needs::default() },
            Rule::Risk(settings) => Needs { velocity: settings.needs_velocity(), ..Needs::default() },
            Rule::When(test) => test.needs(),
            _ => Needs::default(),
        }
    }

    pub(crate) fn run<S: Shelf>(&self, run: &mut Run<'_, S>) -> Result<(), Stop> {
        match self {
            Rule::Blacklist => blacklist::run(run),
            Rule::Window(settings) => window::run(run, settings),
            Rule::Qualified(settings) => qualified::run(run, settings),
            Rule::Limits(settings) => limits::run(run, settings),
            Rule::Cooldown(settings) => cooldown::run(run, settings),
            Rule::Risk(settings) => risk::run(run, settings),
            Rule::When(test) => when::run(run, test),
            Rule::Refuse => refuse::run(),
            Rule::PointsOnly => points_only::run(run),
            Rule::Split(settings) => split::run(run, settings),
            Rule::Pool => pool::run(run),
            Rule::Weight => weight::run(run),
            Rule::Guarantee => guarantee::run(run),
            Rule::Draw => draw::run(run),
            Rule::Unlock => unlock::run(run),
            Rule::Once(settings) => once::run(run, *settings),
            Rule::Release => release::run(run),
            Rule::Stock => stock::run(run),
            Rule::Budget => budget::run(run),
            Rule::Substitute => substitute::run(run),
            Rule::Fallback => fallback::run(run),
        }
    }
}
