//! A checked flow as a flat list of steps, which a draw runs from start to end without allocating.

use super::FlowError;
use super::parser::{Node, parse};
use super::rules::RuleKind;
use crate::draw::{Run, Shelf, Stop};

/// A condition of the flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Whether the prize that the roll hit is not to be had: sold out, or in a locked slot.
    SoldOut,
}

impl Ask {
    /// The word in EL.
    pub fn word(self) -> &'static str {
        match self {
            Ask::SoldOut => "sold_out",
        }
    }

    pub(super) fn named(word: &str) -> Option<Ask> {
        (word == Ask::SoldOut.word()).then_some(Ask::SoldOut)
    }
}

/// One step. Jumps only go forward, so every run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Rule(RuleKind),
    /// Goes on at that step where the condition is false.
    Unless(Ask, u16),
    Jump(u16),
}

/// A flow ready to run: exactly one roll, every refusal before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    ops: Box<[Op]>,
}

impl Plan {
    /// Parses, checks and flattens a flow; on failure all that is wrong, in reading order.
    pub fn compile(text: &str) -> Result<Plan, Vec<FlowError>> {
        let tree = parse(text).map_err(|error| vec![error])?;
        let errors = tree.check();
        if !errors.is_empty() {
            return Err(errors);
        }
        let mut ops = Vec::new();
        flatten(&tree, &mut ops);
        Ok(Plan { ops: ops.into() })
    }

    /// Whether the flow holds that rule.
    pub fn has(&self, rule: RuleKind) -> bool {
        self.ops.contains(&Op::Rule(rule))
    }

    /// The rules before the roll, in order; the checker sees to it that nothing branches there.
    pub(crate) fn before_draw(&self) -> impl Iterator<Item = RuleKind> {
        let rules = self.ops.iter().filter_map(|op| if let Op::Rule(rule) = op { Some(*rule) } else { None });
        rules.take_while(|rule| *rule != RuleKind::Draw)
    }

    /// Runs all steps for one draw.
    pub(crate) fn run<S: Shelf>(&self, run: &mut Run<'_, S>) -> Result<(), Stop> {
        let mut next = 0usize;
        while let Some(op) = self.ops.get(next) {
            next += 1;
            match *op {
                Op::Rule(rule) => rule.run(run)?,
                Op::Unless(Ask::SoldOut, to) if !run.sold_out() => next = usize::from(to),
                Op::Unless(..) => {}
                Op::Jump(to) => next = usize::from(to),
            }
        }
        Ok(())
    }
}

/// At most two ops per part and at most `bounds::STEPS` parts: positions fit 16 bits.
fn flatten(node: &Node, ops: &mut Vec<Op>) {
    match node {
        Node::Then(nodes, _) => nodes.iter().for_each(|node| flatten(node, ops)),
        Node::Rule(rule, _) => ops.push(Op::Rule(*rule)),
        Node::If(ask, then, otherwise, _) => {
            let fork = ops.len();
            ops.push(Op::Unless(*ask, 0));
            flatten(then, ops);
            if let Some(otherwise) = otherwise {
                let leave = ops.len();
                ops.push(Op::Jump(0));
                ops[fork] = Op::Unless(*ask, ops.len() as u16);
                flatten(otherwise, ops);
                ops[leave] = Op::Jump(ops.len() as u16);
            } else {
                ops[fork] = Op::Unless(*ask, ops.len() as u16);
            }
        }
    }
}
