//! Whether a flow's rules make sense together: one roll, nothing refused after it, nothing asked before it is known.

use super::lexer::At;
use super::parser::Node;
use super::plan::Ask;
use super::rules::{RuleKind, Stage};
use super::{FlowError, bounds};

/// What has surely or possibly happened when a part of the flow is reached.
#[derive(Debug, Clone, Copy, Default)]
struct Before {
    pool: bool,
    draw: bool,
    /// A rule ran that can take the prize away, so `sold_out` means something.
    doubt: bool,
}

impl Node {
    /// All that is wrong with the flow, in reading order.
    pub fn check(&self) -> Vec<FlowError> {
        let mut errors = Vec::new();
        let mut before = Before::default();
        walk(self, &mut before, &mut errors);
        if !before.draw {
            let hint = "every flow rolls once, like THEN(pool, draw)";
            errors.push(FlowError::new(self.at(), "the flow has no `draw`".to_owned(), hint));
        }
        if self.size() > bounds::STEPS {
            let message = format!("the flow has more than {} parts", bounds::STEPS);
            errors.push(FlowError::new(self.at(), message, ""));
        }
        errors
    }

    /// Parts in the tree.
    fn size(&self) -> usize {
        match self {
            Node::Then(nodes, _) => 1 + nodes.iter().map(Node::size).sum::<usize>(),
            Node::If(_, then, otherwise, _) => 1 + then.size() + otherwise.as_ref().map_or(0, |node| node.size()),
            Node::Rule(..) => 1,
        }
    }
}

fn walk(node: &Node, before: &mut Before, errors: &mut Vec<FlowError>) {
    match node {
        Node::Then(nodes, _) => nodes.iter().for_each(|node| walk(node, before, errors)),
        Node::Rule(rule, at) => step(*rule, *at, before, errors),
        Node::If(Ask::SoldOut, then, otherwise, at) => {
            if !before.doubt {
                let hint = "put `unlock` or `stock` before it";
                errors.push(FlowError::new(*at, "`sold_out` is asked before anything can be".to_owned(), hint));
            }
            let mut other = *before;
            walk(then, before, errors);
            if let Some(otherwise) = otherwise {
                walk(otherwise, &mut other, errors);
            }
            before.draw |= other.draw;
            before.doubt |= other.doubt;
        }
    }
}

fn step(rule: RuleKind, at: At, before: &mut Before, errors: &mut Vec<FlowError>) {
    let name = rule.about().name;
    let mut wrong = |message: String, hint: &str| errors.push(FlowError::new(at, message, hint));
    match rule.about().stage {
        Stage::Before if before.draw => {
            let hint = "after the roll a refusal would let a shopper roll until the result pleases";
            wrong(format!("`{name}` comes after `draw`"), hint);
        }
        Stage::After if !before.draw => wrong(format!("`{name}` comes before `draw`"), "it judges what the roll hit"),
        Stage::Draw if before.draw => wrong("`draw` comes twice".to_owned(), "a draw rolls once"),
        Stage::Draw if !before.pool => wrong("`draw` has no `pool` before it".to_owned(), "write pool, draw"),
        _ => {}
    }
    match rule {
        RuleKind::Pool => before.pool = true,
        RuleKind::Draw => before.draw = true,
        RuleKind::Unlock | RuleKind::Stock => before.doubt = true,
        _ => {}
    }
}
