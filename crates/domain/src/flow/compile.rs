//! A tree to a plan in one walk: whether its parts make sense together (one roll, nothing refused after it, nothing asked
//! before it is known, nothing never reached), and its steps. Sub-flows and loops are written out: jumps go forward only.

mod conditions;

use super::condition::{self, Ask};
use super::expression::Test;
use super::field::Needs;
use super::lexer::At;
use super::names::{self, unknown_rule};
use super::plan::{Catcher, Op, Plan, Probe, UNCAUGHT};
use super::rules::split::GROUPS;
use super::rules::{Rule, RuleKind, Stage};
use super::tree::{Call, Cond, Flow, Node, NodeKind};
use super::{FlowError, bounds};

/// What has surely happened when a part of the flow is reached.
#[derive(Debug, Clone, Copy)]
struct Reached {
    /// Anything comes here at all.
    live: bool,
    pool: bool,
    /// A spend threshold or a guarantee has chosen the odds.
    weighed: bool,
    guaranteed: bool,
    draw: Drawn,
    /// A rule ran that can take the prize away, so `sold_out` means something.
    doubt: bool,
    unlocked: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Drawn {
    No,
    Yes,
    /// On some ways here, not on all.
    Perhaps,
}

impl Reached {
    const START: Reached = Reached {
        live: true,
        pool: false,
        weighed: false,
        guaranteed: false,
        draw: Drawn::No,
        doubt: false,
        unlocked: false,
    };

    /// What has happened after one of two ways.
    fn or(self, other: Reached) -> Reached {
        match (self.live, other.live) {
            (false, _) => other,
            (true, false) => self,
            (true, true) => Reached {
                live: true,
                pool: self.pool && other.pool,
                weighed: self.weighed || other.weighed,
                guaranteed: self.guaranteed || other.guaranteed,
                draw: if self.draw == other.draw { self.draw } else { Drawn::Perhaps },
                doubt: self.doubt || other.doubt,
                unlocked: self.unlocked || other.unlocked,
            },
        }
    }
}

/// Parts looked at: names that mean nothing come to no step, and sub-flows of them could be walked for ever.
const VISITS: usize = 4 * bounds::STEPS;

struct Compiler<'f> {
    flow: &'f Flow,
    used: Vec<bool>,
    /// Sub-flows being written out, outermost first.
    open: Vec<usize>,
    /// Words of the parts around that a draw may not be inside of.
    around: Vec<&'static str>,
    catcher: u16,
    whens: u8,
    reached: Reached,
    errors: Vec<FlowError>,
    /// Parts looked at, those that come to no step included.
    visits: usize,
    /// Too many of them: nothing more is written out.
    full: bool,
    ops: Vec<Op>,
    caught_by: Vec<u16>,
    catchers: Vec<Catcher>,
    rules: Vec<Rule>,
    probes: Vec<Probe>,
}

/// Checks and flattens `flow`.
pub(super) fn compile(flow: &Flow) -> Result<Plan, Vec<FlowError>> {
    let mut compiler = Compiler {
        flow,
        used: vec![false; flow.subs.len()],
        open: Vec::new(),
        around: Vec::new(),
        catcher: UNCAUGHT,
        whens: 0,
        reached: Reached::START,
        errors: Vec::new(),
        visits: 0,
        full: false,
        ops: Vec::new(),
        caught_by: Vec::new(),
        catchers: Vec::new(),
        rules: Vec::new(),
        probes: Vec::new(),
    };
    compiler.names();
    compiler.node(&flow.main);
    compiler.finish()
}

impl<'f> Compiler<'f> {
    /// Names of sub-flows: each once, none that something else has.
    fn names(&mut self) {
        let flow = self.flow;
        if flow.subs.len() > bounds::SUBS {
            let message = format!("{} sub-flows, more than {}", flow.subs.len(), bounds::SUBS);
            return self.wrong(flow.subs[bounds::SUBS].at, message, "");
        }
        for (i, sub) in flow.subs.iter().enumerate() {
            if let Some(what) = names::taken(&sub.name) {
                let message = format!("`{}` is {what} already", sub.name);
                self.wrong(sub.at, message, "give the sub-flow another name");
            } else if flow.subs[..i].iter().any(|other| other.name == sub.name) {
                self.wrong(sub.at, format!("`{}` is defined twice", sub.name), "give the sub-flow another name");
            }
        }
    }

    fn finish(mut self) -> Result<Plan, Vec<FlowError>> {
        for (sub, used) in self.flow.subs.iter().zip(std::mem::take(&mut self.used)) {
            if !used && !self.full {
                let hint = "name it in the flow, or leave it out";
                self.wrong(sub.at, format!("the sub-flow `{}` is never reached", sub.name), hint);
            }
        }
        self.errors.sort_by_key(|error| (error.line, error.column));
        self.errors.dedup();
        // What concerns the whole stands last: often it only follows from a name above that nobody knows.
        let at = self.flow.main.at;
        match (self.reached.live, self.reached.draw) {
            (false, _) | (true, Drawn::Yes) => {}
            (true, Drawn::No) => {
                self.wrong(at, "the flow has no `draw`".to_owned(), "every flow rolls once, like THEN(pool, draw)");
            }
            (true, Drawn::Perhaps) => {
                let hint = "every way through the flow rolls once";
                self.wrong(at, "the flow may end without `draw`".to_owned(), hint);
            }
        }
        if self.errors.is_empty() {
            let needs = self.rules.iter().fold(Needs::default(), |needs, rule| needs.with(rule.needs()));
            let needs = self.probes.iter().fold(needs, |needs, probe| match probe {
                Probe::Test(test) => needs.with(test.needs()),
                Probe::Segment(_) => Needs { person: true, ..needs },
                _ => needs,
            });
            return Ok(Plan {
                ops: self.ops.into(),
                caught_by: self.caught_by.into(),
                catchers: self.catchers.into(),
                rules: self.rules.into(),
                probes: self.probes.into(),
                needs,
            });
        }
        Err(self.errors)
    }

    fn wrong(&mut self, at: At, message: String, hint: &str) {
        // A part that is written out often is wrong once.
        let error = FlowError::new(at, message, hint);
        if self.errors.len() < bounds::ERRORS && !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }

    fn push(&mut self, op: Op) -> usize {
        if self.ops.len() >= bounds::STEPS {
            self.overflow();
            return 0;
        }
        self.ops.push(op);
        self.caught_by.push(self.catcher);
        self.ops.len() - 1
    }

    /// Too much: tells so once and lets the walk end.
    fn overflow(&mut self) {
        if !std::mem::replace(&mut self.full, true) {
            let message = format!("the flow has more than {} parts", bounds::STEPS);
            self.wrong(self.flow.main.at, message, "sub-flows and rounds of loops are counted each time");
        }
    }

    /// Lets the jumps at `places` go on here.
    fn land(&mut self, places: &[usize]) {
        let here = self.ops.len() as u16;
        for place in places {
            if let Some(Op::JumpIf { to, .. } | Op::Jump(to)) = self.ops.get_mut(*place) {
                *to = here;
            }
        }
    }

    fn node(&mut self, node: &'f Node) {
        self.visits += 1;
        if self.visits > VISITS {
            self.overflow();
        }
        if self.full {
            return;
        }
        if !self.reached.live {
            let what = describe(node);
            self.wrong(node.at, format!("{what} is never reached"), "what stands before it always refuses");
            // Told once; what follows in it would be told again.
            self.reached.live = true;
        }
        match &node.kind {
            NodeKind::Then(parts) => parts.iter().for_each(|part| self.node(part)),
            NodeKind::When(parts) => self.when(node.at, parts),
            NodeKind::If { branches, otherwise } => self.branches(branches, otherwise.as_deref()),
            NodeKind::Switch { selector, cases, otherwise } => self.switch(selector, cases, otherwise.as_deref()),
            NodeKind::Catch { body, rescue } => self.catch(body, rescue.as_deref()),
            NodeKind::For { times, body, until } => self.repeat(*times, body, until.as_ref()),
            NodeKind::Call(call) => self.call(call),
            NodeKind::Expression(text) => {
                if let Some(test) = self.expression(text, node.at) {
                    if let Some(truth) = test.constant() {
                        let hint = "ask for shopper, profile, campaign or now";
                        self.wrong(node.at, format!("`when` is always {truth}"), hint);
                    }
                    self.rule(Rule::When(Box::new(test)), node.at);
                }
            }
        }
    }

    fn call(&mut self, call: &'f Call) {
        if let Some(kind) = RuleKind::named(&call.name) {
            match Rule::read(kind, call.data.as_ref().map(|(data, _)| data.as_str())) {
                Ok(rule) => self.rule(rule, call.at),
                Err(what) => {
                    let at = call.data.as_ref().map_or(call.at, |(_, at)| *at);
                    let takes = kind.about().takes;
                    let hint = if takes.is_empty() { String::new() } else { format!("it takes {takes}") };
                    self.wrong(at, format!("the data of `{}` does not fit: {what}", call.name), &hint);
                    // What the rule would have done to the rest is still judged.
                    self.judge(kind, call.at);
                }
            }
            return;
        }
        let flow = self.flow;
        let Some(ix) = flow.subs.iter().position(|sub| sub.name == call.name) else {
            let error = unknown_rule(&call.name, call.at, &flow.subs);
            return self.wrong(call.at, error.message, &error.hint);
        };
        if let Some((_, at)) = &call.data {
            let hint = "write it behind the rules in the sub-flow";
            self.wrong(*at, format!("`{}` is a sub-flow and takes no data", call.name), hint);
        }
        self.sub(ix, call.at);
    }

    fn sub(&mut self, ix: usize, at: At) {
        let sub = &self.flow.subs[ix];
        self.used[ix] = true;
        if let Some(from) = self.open.iter().position(|open| *open == ix) {
            let flow = self.flow;
            let names: Vec<&str> = self.open[from..].iter().map(|i| flow.subs[*i].name.as_str()).collect();
            let cycle = format!("{} -> {}", names.join(" -> "), sub.name);
            return self.wrong(at, format!("sub-flows go round: {cycle}"), "a sub-flow may not come back to itself");
        }
        if self.open.len() >= bounds::SUB_DEPTH {
            let message = format!("sub-flows nested deeper than {}", bounds::SUB_DEPTH);
            return self.wrong(at, message, "");
        }
        self.open.push(ix);
        self.node(&sub.node);
        self.open.pop();
    }

    fn rule(&mut self, rule: Rule, at: At) {
        self.judge(rule.kind(), at);
        self.rules.push(rule);
        let ix = (self.rules.len() - 1) as u16;
        self.push(Op::Rule(ix));
    }

    /// Whether a rule may stand here, and what is known after it.
    fn judge(&mut self, kind: RuleKind, at: At) {
        let (name, before) = (kind.about().name, self.reached);
        let late = "after the roll a refusal would let a shopper roll until the result pleases";
        match kind.about().stage {
            Stage::Before | Stage::Odds if before.draw != Drawn::No => {
                self.wrong(at, format!("`{name}` comes after `draw`"), late);
            }
            Stage::Odds if !before.pool => {
                self.wrong(at, format!("`{name}` has no `pool` before it"), "write pool, weight, guarantee, draw");
            }
            Stage::After if before.draw != Drawn::Yes => {
                self.wrong(at, format!("`{name}` comes before `draw`"), "it judges what the roll hit");
            }
            Stage::Draw if before.draw != Drawn::No => {
                self.wrong(at, "`draw` comes twice".to_owned(), "a draw rolls once")
            }
            Stage::Draw if !before.pool => {
                self.wrong(at, "`draw` has no `pool` before it".to_owned(), "write pool, draw");
            }
            _ => {}
        }
        match kind {
            RuleKind::Pool if before.weighed || before.guaranteed => {
                self.wrong(
                    at,
                    "`pool` comes after the odds were chosen".to_owned(),
                    "write pool, weight, guarantee, draw",
                );
            }
            RuleKind::Weight if before.guaranteed => {
                self.wrong(at, "`weight` comes after `guarantee`".to_owned(), "write pool, weight, guarantee, draw");
            }
            RuleKind::Draw => {
                if let Some(word) = self.around.last() {
                    let message = format!("`draw` stands inside {word}");
                    self.wrong(at, message, "the roll is made once, where nothing catches or repeats it");
                }
            }
            _ => {}
        }
        let reached = &mut self.reached;
        match kind {
            RuleKind::Pool => reached.pool = true,
            RuleKind::Weight => reached.weighed = true,
            RuleKind::Guarantee => reached.guaranteed = true,
            RuleKind::Draw => reached.draw = Drawn::Yes,
            RuleKind::Unlock => (reached.doubt, reached.unlocked) = (true, true),
            RuleKind::Once | RuleKind::Release | RuleKind::Stock | RuleKind::Budget => reached.doubt = true,
            RuleKind::Refuse => reached.live = false,
            _ => {}
        }
    }

    fn when(&mut self, at: At, parts: &'f [Node]) {
        let depth = self.whens;
        if usize::from(depth) >= bounds::WHENS {
            return self.wrong(at, format!("WHEN nested deeper than {}", bounds::WHENS), "");
        }
        self.whens += 1;
        self.around.push("WHEN");
        let outer = self.catcher;
        for part in parts {
            self.catchers.push(Catcher { hold: Some(depth), to: 0 });
            let mine = (self.catchers.len() - 1) as u16;
            self.catcher = mine;
            self.node(part);
            // Whatever a part refuses, the next one runs.
            self.reached.live = true;
            self.catchers[usize::from(mine)].to = self.ops.len() as u16;
        }
        self.catcher = outer;
        self.around.pop();
        self.whens -= 1;
        self.push(Op::Raise(depth));
    }

    fn catch(&mut self, body: &'f Node, rescue: Option<&'f Node>) {
        let (before, outer) = (self.reached, self.catcher);
        self.catchers.push(Catcher { hold: None, to: 0 });
        let mine = (self.catchers.len() - 1) as u16;
        self.catcher = mine;
        self.around.push("CATCH");
        self.node(body);
        self.around.pop();
        self.catcher = outer;
        let after = self.reached;
        let leave: Vec<usize> = rescue.iter().map(|_| self.push(Op::Jump(0))).collect();
        self.catchers[usize::from(mine)].to = self.ops.len() as u16;
        // The body may have been left anywhere: nothing of it is sure.
        self.reached = Reached { live: true, ..before };
        if let Some(rescue) = rescue {
            self.around.push("CATCH");
            self.node(rescue);
            self.around.pop();
        }
        self.land(&leave);
        self.reached = after.or(self.reached);
    }

    fn branches(&mut self, branches: &'f [(Cond, Node)], otherwise: Option<&'f Node>) {
        let (mut leave, mut after) = (Vec::new(), None::<Reached>);
        let join = |after: &mut Option<Reached>, way: Reached| *after = Some(after.map_or(way, |known| known.or(way)));
        for (i, (cond, node)) in branches.iter().enumerate() {
            let known = self.constant(cond);
            let before = self.reached;
            let skip = self.jump(cond, false);
            if known == Some(false) {
                self.unreached(node, "its condition is never true");
            }
            self.node(node);
            join(&mut after, self.reached);
            if i + 1 < branches.len() || otherwise.is_some() {
                leave.push(self.push(Op::Jump(0)));
            }
            self.land(&skip);
            self.reached = before;
            if let (Some(true), Some(next)) = (known, branches.get(i + 1).map(|(_, node)| node).or(otherwise)) {
                self.unreached(next, "the condition before it is always true");
            }
        }
        if let Some(otherwise) = otherwise {
            self.node(otherwise);
        }
        self.land(&leave);
        let here = self.reached;
        join(&mut after, here);
        self.reached = after.unwrap_or(here);
    }

    fn switch(&mut self, selector: &'f Call, cases: &'f [Node], otherwise: Option<&'f Node>) {
        let probe: fn(&str) -> Option<Probe> = match selector.name.as_str() {
            "split" => |label| GROUPS.iter().position(|group| *group == label).map(|at| Probe::Group(at as u8)),
            "segment" => |label| Some(Probe::Segment(label.into())),
            "pool" => |label| Some(Probe::Pool(label.into())),
            "tier" => |label| Some(Probe::Tier(label.into())),
            other => {
                let message = format!("`{other}` selects nothing");
                return self.wrong(selector.at, message, "the selectors are: split, segment, pool, tier");
            }
        };
        match selector.name.as_str() {
            "split" | "pool" => self.call(selector),
            "tier" if self.reached.draw != Drawn::Yes => {
                self.wrong(selector.at, "`tier` is asked before `draw`".to_owned(), "the roll hits it");
            }
            _ => {}
        }
        let groups = match self.rules.last() {
            Some(Rule::Split(settings)) if selector.name == "split" => settings.shares.len(),
            _ => GROUPS.len(),
        };
        let before = self.reached;
        let (mut leave, mut after, mut seen) = (Vec::new(), None::<Reached>, Vec::new());
        for (i, case) in cases.iter().enumerate() {
            let Some(label) = case.label() else {
                let hint = "tag it, like THEN(stock, fallback).tag(\"a\")";
                self.wrong(case.at, "a part of SWITCH has no label".to_owned(), hint);
                continue;
            };
            let probe = probe(label);
            match &probe {
                _ if seen.contains(&label) => self.unreached(case, "an earlier part has the same label"),
                Some(Probe::Group(group)) if usize::from(*group) >= groups => {
                    self.unreached(case, &format!("the split has only the groups {}", GROUPS[..groups].join(", ")));
                }
                None => self.unreached(case, &format!("the groups of a split are {}", GROUPS[..groups].join(", "))),
                _ => {}
            }
            seen.push(label);
            let Some(probe) = probe else { continue };
            self.probes.push(probe);
            let probe = (self.probes.len() - 1) as u16;
            let skip = self.push(Op::JumpIf { probe, on: false, to: 0 });
            self.node(case);
            after = Some(after.map_or(self.reached, |known| known.or(self.reached)));
            if i + 1 < cases.len() || otherwise.is_some() {
                leave.push(self.push(Op::Jump(0)));
            }
            self.land(&[skip]);
            self.reached = before;
        }
        if let Some(otherwise) = otherwise {
            self.node(otherwise);
        }
        self.land(&leave);
        self.reached = after.map_or(self.reached, |known| known.or(self.reached));
    }
}

/// A part, for messages.
fn describe(node: &Node) -> String {
    match &node.kind {
        NodeKind::Then(_) => "THEN(...)".to_owned(),
        NodeKind::When(_) => "WHEN(...)".to_owned(),
        NodeKind::If { .. } => "IF(...)".to_owned(),
        NodeKind::Switch { .. } => "SWITCH(...)".to_owned(),
        NodeKind::Catch { .. } => "CATCH(...)".to_owned(),
        NodeKind::For { .. } => "FOR(...)".to_owned(),
        NodeKind::Expression(_) => "`when`".to_owned(),
        NodeKind::Call(call) => format!("`{}`", call.name),
    }
}
