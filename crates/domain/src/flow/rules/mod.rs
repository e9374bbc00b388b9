//! The rules that a flow is made of, one per file. Each opens with what it means and an example.

pub mod blacklist;
pub mod draw;
pub mod fallback;
pub mod limits;
pub mod pool;
pub mod stock;
pub mod unlock;
pub mod window;

use crate::campaign::Rules;
use crate::draw::{Refusal, Run, Shelf, Snapshot, Stop};

/// When a rule may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It may refuse, so it comes before the roll.
    Before,
    /// It is the roll.
    Draw,
    /// It judges or replaces what the roll hit, and never refuses.
    After,
}

/// A rule's card.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// The word in EL.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub does: &'static str,
    pub stage: Stage,
}

/// One of the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RuleKind {
    Blacklist,
    Window,
    Limits,
    Pool,
    Draw,
    Unlock,
    Stock,
    Fallback,
}

const KINDS: [RuleKind; 8] = [
    RuleKind::Blacklist,
    RuleKind::Window,
    RuleKind::Limits,
    RuleKind::Pool,
    RuleKind::Draw,
    RuleKind::Unlock,
    RuleKind::Stock,
    RuleKind::Fallback,
];

static CARDS: [About; 8] = [
    blacklist::ABOUT,
    window::ABOUT,
    limits::ABOUT,
    pool::ABOUT,
    draw::ABOUT,
    unlock::ABOUT,
    stock::ABOUT,
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

    pub(crate) fn run<S: Shelf>(self, run: &mut Run<'_, S>) -> Result<(), Stop> {
        match self {
            RuleKind::Blacklist => blacklist::run(run),
            RuleKind::Window => window::run(run),
            RuleKind::Limits => limits::run(run),
            RuleKind::Pool => pool::run(run),
            RuleKind::Draw => draw::run(run),
            RuleKind::Unlock => unlock::run(run),
            RuleKind::Stock => stock::run(run),
            RuleKind::Fallback => fallback::run(run),
        }
    }

    /// What it would refuse, without drawing. Rules after the roll refuse nothing.
    pub(crate) fn refuses(self, rules: &Rules, snapshot: &Snapshot) -> Option<Refusal> {
        match self {
            RuleKind::Blacklist => blacklist::refuses(snapshot),
            RuleKind::Window => window::refuses(rules, snapshot),
            RuleKind::Limits => limits::refuses(rules, snapshot),
            RuleKind::Pool => pool::refuses(rules, snapshot),
            RuleKind::Draw => draw::refuses(snapshot),
            RuleKind::Unlock | RuleKind::Stock | RuleKind::Fallback => None,
        }
    }
}
