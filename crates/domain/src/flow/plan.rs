//! A checked flow as a flat list of steps, which a draw runs from start to end without allocating.

use super::FlowError;
use super::condition::Ask;
use super::expression::Test;
use super::field::Needs;
use super::parser::parse;
use super::rules::{Rule, RuleKind};
use super::tree::Flow;
use super::{bounds, compile};
use crate::draw::{Refusal, Run, Shelf, Stop};
use std::fmt;

/// What a jump depends on.
#[derive(Debug, Clone)]
pub(crate) enum Probe {
    Ask(Ask),
    Test(Box<Test>),
    /// The group of the last split.
    Group(u8),
    Segment(Box<str>),
    /// The code of the pool whose condition was true.
    Pool(Box<str>),
    /// The code of the tier that was hit.
    Tier(Box<str>),
}

impl Probe {
    fn holds<S: Shelf>(&self, run: &Run<'_, S>) -> bool {
        match self {
            Probe::Ask(ask) => ask.holds(run),
            Probe::Test(test) => test.holds(run.snapshot),
            Probe::Group(group) => run.group == *group,
            Probe::Segment(segment) => run.snapshot.person.segment == **segment,
            Probe::Pool(code) => *run.rules.pools[usize::from(run.chosen)].code == **code,
            Probe::Tier(code) => *run.rules.tiers[usize::from(run.hit_tier)].code == **code,
        }
    }
}

/// One step. Jumps only go forward, so every run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Rule(u16),
    /// Goes on at `to` where the probe's answer is `on`.
    JumpIf {
        probe: u16,
        on: bool,
        to: u16,
    },
    Jump(u16),
    /// Refuses where a part of the `WHEN` of that depth did.
    Raise(u8),
}

/// Where a refusal goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Catcher {
    /// Kept for the `WHEN` of that depth; a `CATCH` drops it.
    pub hold: Option<u8>,
    pub to: u16,
}

/// No catcher: the refusal is the draw's.
pub(crate) const UNCAUGHT: u16 = u16::MAX;

/// A flow ready to run: exactly one roll, every refusal before it.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(super) ops: Box<[Op]>,
    /// For every op, who catches what it refuses.
    pub(super) caught_by: Box<[u16]>,
    pub(super) catchers: Box<[Catcher]>,
    pub(super) rules: Box<[Rule]>,
    pub(super) probes: Box<[Probe]>,
    pub(super) needs: Needs,
}

impl Plan {
    /// Parses, checks and flattens a flow; on failure all that is wrong, in reading order.
    pub fn compile(text: &str) -> Result<Plan, Vec<FlowError>> {
        Plan::of(&parse(text).map_err(|error| vec![error])?)
    }

    /// Checks and flattens a flow that was read.
    pub fn of(flow: &Flow) -> Result<Plan, Vec<FlowError>> {
        compile::compile(flow)
    }

    /// Whether the flow holds that rule.
    pub fn has(&self, rule: RuleKind) -> bool {
        self.rules.iter().any(|known| known.kind() == rule)
    }

    /// How many rules it has, sub-flows and rounds written out.
    pub fn rule_count(&self) -> usize {
        self.rules.len()
    }

    /// What must be gathered before a draw.
    pub fn needs(&self) -> Needs {
        self.needs
    }

    /// Runs all steps for one draw.
    pub(crate) fn run<S: Shelf>(&self, run: &mut Run<'_, S>) -> Result<(), Stop> {
        let mut held: [Option<Refusal>; bounds::WHENS] = [None; bounds::WHENS];
        let mut at = 0usize;
        while let Some(op) = self.ops.get(at) {
            let refused = match *op {
                Op::Rule(rule) => match self.rules[usize::from(rule)].run(run) {
                    Ok(()) => None,
                    Err(Stop::Refuse(refusal)) => Some(refusal),
                    Err(stop) => return Err(stop),
                },
                Op::JumpIf { probe, on, to } => {
                    at = if self.probes[usize::from(probe)].holds(run) == on { usize::from(to) } else { at + 1 };
                    continue;
                }
                Op::Jump(to) => {
                    at = usize::from(to);
                    continue;
                }
                Op::Raise(depth) => held[usize::from(depth)].take(),
            };
            at = match refused {
                None => at + 1,
                Some(refusal) => match self.catchers.get(usize::from(self.caught_by[at])) {
                    None => return Err(Stop::Refuse(refusal)),
                    Some(catcher) => {
                        if let Some(depth) = catcher.hold {
                            held[usize::from(depth)].get_or_insert(refusal);
                        }
                        usize::from(catcher.to)
                    }
                },
            };
        }
        Ok(())
    }
}

/// The steps in one line, like `pool draw ?sold_out-4 stock`: a number is the step that a jump goes to.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, op) in self.ops.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { " " })?;
            match *op {
                Op::Rule(rule) => f.write_str(self.rules[usize::from(rule)].kind().about().name)?,
                Op::JumpIf { probe, on, to } => {
                    let sign = if on { '?' } else { '!' };
                    match &self.probes[usize::from(probe)] {
                        Probe::Ask(ask) => write!(f, "{sign}{}", ask.word())?,
                        Probe::Test(_) => write!(f, "{sign}when")?,
                        Probe::Group(group) => {
                            write!(f, "{sign}split={}", super::rules::split::GROUPS[usize::from(*group)])?
                        }
                        Probe::Segment(word) => write!(f, "{sign}segment={word}")?,
                        Probe::Pool(word) => write!(f, "{sign}pool={word}")?,
                        Probe::Tier(word) => write!(f, "{sign}tier={word}")?,
                    }
                    write!(f, "-{to}")?;
                }
                Op::Jump(to) => write!(f, "-{to}")?,
                Op::Raise(_) => f.write_str("raise")?,
            }
            if let Some(catcher) = self.catchers.get(usize::from(self.caught_by[at])) {
                write!(f, "^{}", catcher.to)?;
            }
        }
        Ok(())
    }
}
