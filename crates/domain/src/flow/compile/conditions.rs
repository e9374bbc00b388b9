//! Conditions as jumps, and the loops that ask them.

use super::*;

impl<'f> Compiler<'f> {
    pub(super) fn repeat(&mut self, times: u32, body: &'f Node, until: Option<&'f Cond>) {
        let mut leave = Vec::new();
        self.around.push("FOR");
        for _ in 0..times {
            if self.full {
                break;
            }
            self.node(body);
            if let Some(until) = until {
                leave.extend(self.jump(until, true));
            }
        }
        self.around.pop();
        self.land(&leave);
    }

    pub(super) fn expression(&mut self, text: &str, at: At) -> Option<Test> {
        match Test::compile(text) {
            Ok(test) => Some(test),
            Err((message, hint)) => {
                self.wrong(at, message, &hint);
                None
            }
        }
    }

    /// Whether a condition is always the same. Wrong ones are told where they are compiled.
    pub(super) fn constant(&self, cond: &Cond) -> Option<bool> {
        match cond {
            Cond::Expression(text, _) => Test::compile(text).ok()?.constant(),
            Cond::Not(inner) => self.constant(inner).map(|truth| !truth),
            Cond::And(parts) | Cond::Or(parts) => {
                let settles = matches!(cond, Cond::Or(_));
                let known: Vec<Option<bool>> = parts.iter().map(|part| self.constant(part)).collect();
                if known.contains(&Some(settles)) {
                    return Some(settles);
                }
                known.iter().all(Option::is_some).then_some(!settles)
            }
            Cond::Ask(..) => None,
        }
    }

    /// Jumps, still without an aim, where `cond` is `on`; falls through where it is not.
    pub(super) fn jump(&mut self, cond: &Cond, on: bool) -> Vec<usize> {
        match cond {
            Cond::Not(inner) => self.jump(inner, !on),
            Cond::And(parts) | Cond::Or(parts) => {
                // Any part settles an `OR` when true and an `AND` when false; the last one settles the rest.
                let settles = matches!(cond, Cond::Or(_));
                let Some((last, first)) = parts.split_last() else { return Vec::new() };
                let mut early: Vec<usize> = Vec::new();
                for part in first {
                    early.extend(self.jump(part, settles));
                }
                let mut late = self.jump(last, on);
                if settles == on {
                    late.extend(early);
                } else {
                    self.land(&early);
                }
                late
            }
            Cond::Ask(word, at) => match Ask::named(word) {
                Some(ask) => {
                    self.may_ask(ask, *at);
                    self.probe(Probe::Ask(ask), on)
                }
                None => {
                    self.wrong(*at, format!("expected a condition, found `{word}`"), &condition::hint());
                    Vec::new()
                }
            },
            Cond::Expression(text, at) => match self.expression(text, *at) {
                Some(test) => self.probe(Probe::Test(Box::new(test)), on),
                None => Vec::new(),
            },
        }
    }

    pub(super) fn probe(&mut self, probe: Probe, on: bool) -> Vec<usize> {
        self.probes.push(probe);
        let probe = (self.probes.len() - 1) as u16;
        vec![self.push(Op::JumpIf { probe, on, to: 0 })]
    }

    pub(super) fn may_ask(&mut self, ask: Ask, at: At) {
        let word = ask.word();
        if ask.is_late() && !self.reached.doubt {
            let hint = if ask == Ask::Locked { "put `unlock` before it" } else { "put `unlock` or `stock` before it" };
            self.wrong(at, format!("`{word}` is asked before anything can be"), hint);
        } else if ask == Ask::Locked && !self.reached.unlocked {
            self.wrong(at, "`locked` is asked before anything can be".to_owned(), "put `unlock` before it");
        }
    }

    pub(super) fn unreached(&mut self, node: &Node, why: &str) {
        self.wrong(node.at, format!("{} is never reached", describe(node)), why);
    }
}
