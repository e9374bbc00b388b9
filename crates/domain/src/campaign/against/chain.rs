//! The rule chain's part: every rule stands under guards, the conditions on the way to it.
//!
//! A refusing rule of the new chain must stand in the old one under the same guards or none, with the same parameters or
//! looser ones. A rule that is to the shopper's good must stand in the new chain under the same guards or none.

use super::{Found, tighter};
use crate::flow::parse;
use crate::flow::rules::{Rule, RuleKind, cooldown, limits};
use crate::flow::tree::{Flow, Node, NodeKind};

/// A rule with the conditions on the way to it.
struct Guarded {
    kind: RuleKind,
    /// Its parameters, or its expression, as written.
    data: Option<String>,
    guards: Vec<String>,
}

/// `idle` names the rules that have nothing to do in either campaign: they are as good as not there.
pub(super) fn compare(old: &str, new: &str, idle: &[RuleKind], found: &mut Found) {
    if old == new {
        return;
    }
    let (Ok(was), Ok(is)) = (parse(old), parse(new)) else {
        return found.add("flow_stricter", "flow", "the flows cannot be compared");
    };
    if loops(&was.main, &was) != loops(&is.main, &is) {
        found.add("flow_stricter", "flow", "how often a part is tried again has changed");
    }
    let acts = |rule: &Guarded| !idle.contains(&rule.kind);
    let (mut was, mut is) = (list(&was), list(&is));
    was.retain(acts);
    is.retain(acts);
    for rule in is.iter().filter(|rule| against(rule.kind)) {
        let known = was.iter().any(|other| covers(other, rule) && at_least_as_strict(other, rule));
        if !known {
            let name = rule.kind.about().name;
            found.add("flow_stricter", "flow", format!("`{name}` is new or stricter"));
        }
    }
    // What it rolls instead may not be to be had: the slot it hits, not the tier.
    let is_new = |rule: &Guarded| rule.kind == RuleKind::Guarantee && !was.iter().any(|other| covers(other, rule));
    if is.iter().any(is_new) && !makes_good(new) {
        found.add("flow_stricter", "flow", "`guarantee` is new, and nothing makes good for it where it gives nothing");
    }
    for (i, rule) in was.iter().enumerate().filter(|(_, rule)| favours(rule.kind)) {
        // What nothing replaces is looked for at the end of every draw anyway.
        if rule.kind == RuleKind::Stock && !was[i..].iter().any(|then| replaces(then.kind)) {
            continue;
        }
        if !is.iter().any(|other| covers(other, rule)) {
            let name = rule.kind.about().name;
            let code = if rule.kind == RuleKind::Guarantee { "guarantee_weaker" } else { "promise_dropped" };
            found.add(code, "flow", format!("`{name}` is gone or stands under another condition"));
        }
    }
    behind(&was, &is, found);
    order(&was, &is, found);
}

/// Whether every draw that loses what it hit finds something else in lower tiers or among points: the last unguarded
/// `fallback` stands behind `stock` and whatever else takes a prize back.
pub(super) fn makes_good(flow: &str) -> bool {
    let Ok(flow) = parse(flow) else { return false };
    let rules = list(&flow);
    let always = |rule: &Guarded| rule.guards.iter().all(|guard| guard == "sold_out");
    let fallback = |rule: &Guarded| rule.kind == RuleKind::Fallback && always(rule);
    let Some(at) = rules.iter().rposition(fallback) else { return false };
    let stock = rules[..at].iter().any(|rule| rule.kind == RuleKind::Stock && rule.guards.is_empty());
    stock && !rules[at..].iter().any(|rule| undoes(rule.kind, RuleKind::Fallback))
}

/// Rules that can take something from a shopper.
fn against(kind: RuleKind) -> bool {
    kind.may_refuse() && kind != RuleKind::Pool
        || matches!(kind, RuleKind::PointsOnly | RuleKind::Unlock | RuleKind::Once)
}

/// Rules that give something to a shopper.
fn favours(kind: RuleKind) -> bool {
    // Stock gives by taking: what is not to be had makes room for what replaces it.
    matches!(kind, RuleKind::Weight | RuleKind::Guarantee | RuleKind::Stock) || replaces(kind)
}

/// Rules that give another prize where there is none at hand.
fn replaces(kind: RuleKind) -> bool {
    matches!(kind, RuleKind::Fallback | RuleKind::Substitute)
}

/// Whether `first` undoes what `then` gives unless it comes before it.
fn undoes(first: RuleKind, then: RuleKind) -> bool {
    use RuleKind as K;
    match then {
        K::Fallback | K::Substitute => matches!(first, K::Unlock | K::Once | K::Release | K::Stock | K::Budget),
        K::Guarantee => matches!(first, K::Pool | K::Weight),
        K::Weight => first == K::Pool,
        _ => false,
    }
}

/// Whether `outer` acts wherever `inner` does.
fn covers(outer: &Guarded, inner: &Guarded) -> bool {
    // That no prize is at hand guards nothing that only then gives one.
    let free = |guard: &String| replaces(outer.kind) && guard == "sold_out";
    outer.kind == inner.kind && outer.guards.iter().all(|guard| free(guard) || inner.guards.contains(guard))
}

/// Whether what was there refuses everything that `is` refuses.
fn at_least_as_strict(was: &Guarded, is: &Guarded) -> bool {
    if was.data == is.data {
        return true;
    }
    let read = |rule: &Guarded| Rule::read(rule.kind, rule.data.as_deref()).ok();
    match (read(was), read(is)) {
        (Some(Rule::Limits(was)), Some(Rule::Limits(is))) => looser_limits(&was, &is),
        (Some(Rule::Cooldown(was)), Some(Rule::Cooldown(is))) => looser_cooldown(was, is),
        (Some(Rule::Risk(was)), Some(Rule::Risk(is))) => is.at_most_as_strict_as(&was),
        _ => false,
    }
}

fn looser_limits(was: &limits::Settings, is: &limits::Settings) -> bool {
    !(tighter(was.per_shopper, is.per_shopper)
        || tighter(was.per_day, is.per_day)
        || tighter(was.per_week, is.per_week)
        || tighter(was.per_campaign, is.per_campaign)
        || tighter(was.global, is.global)
        || tighter(was.global_per_day, is.global_per_day)
        || (is.new_shoppers && !was.new_shoppers))
}

fn looser_cooldown(was: cooldown::Settings, is: cooldown::Settings) -> bool {
    is.seconds <= was.seconds
}

/// What takes something away still stands before what makes good for it, unless it never did.
fn behind(was: &[Guarded], is: &[Guarded], found: &mut Found) {
    for (i, first) in is.iter().enumerate() {
        for then in was.iter().filter(|then| undoes(first.kind, then.kind)) {
            let mut before = was.iter().enumerate().filter(|(_, rule)| rule.kind == first.kind).peekable();
            let known = before.peek().is_some();
            let never = known && before.all(|(i, _)| was[i..].iter().all(|rule| rule.kind != then.kind));
            let gone = !is.iter().any(|rule| covers(rule, then));
            if !never && !gone && !is[i..].iter().any(|rule| covers(rule, then)) {
                let (first, then) = (first.kind.about().name, then.kind.about().name);
                return found.add("promise_dropped", "flow", format!("`{then}` no longer comes after `{first}`"));
            }
        }
    }
}

/// A substitute is worth what it stands in for, a fallback may not be: the one that came first still does.
fn order(was: &[Guarded], is: &[Guarded], found: &mut Found) {
    let place = |rules: &[Guarded], kind| rules.iter().position(|rule| rule.kind == kind);
    let late = |rules: &[Guarded]| {
        place(rules, RuleKind::Fallback)
            .is_some_and(|fallback| place(rules, RuleKind::Substitute).is_none_or(|substitute| fallback < substitute))
    };
    if place(was, RuleKind::Substitute).is_some() && !late(was) && late(is) {
        found.add("promise_dropped", "flow", "`fallback` comes before `substitute`");
    }
}

/// Every loop as written, in order: fewer rounds are fewer tries, and more of them may end in less.
fn loops(node: &Node, flow: &Flow) -> Vec<String> {
    match &node.kind {
        NodeKind::For { .. } => vec![node.to_string()],
        NodeKind::Then(parts) | NodeKind::When(parts) => parts.iter().flat_map(|part| loops(part, flow)).collect(),
        NodeKind::If { branches, otherwise } => {
            branches.iter().map(|(_, then)| then).chain(otherwise.as_deref()).flat_map(|it| loops(it, flow)).collect()
        }
        NodeKind::Switch { cases, otherwise, .. } => {
            cases.iter().chain(otherwise.as_deref()).flat_map(|it| loops(it, flow)).collect()
        }
        NodeKind::Catch { body, rescue } => {
            std::iter::once(&**body).chain(rescue.as_deref()).flat_map(|it| loops(it, flow)).collect()
        }
        NodeKind::Call(call) => {
            flow.subs.iter().find(|sub| sub.name == call.name).map_or_else(Vec::new, |sub| loops(&sub.node, flow))
        }
        NodeKind::Expression(_) => Vec::new(),
    }
}

fn list(flow: &Flow) -> Vec<Guarded> {
    let mut rules = Vec::new();
    walk(flow, &flow.main, &mut Vec::new(), &mut rules);
    rules
}

fn walk(flow: &Flow, node: &Node, guards: &mut Vec<String>, rules: &mut Vec<Guarded>) {
    match &node.kind {
        NodeKind::Then(parts) | NodeKind::When(parts) => parts.iter().for_each(|part| walk(flow, part, guards, rules)),
        NodeKind::If { branches, otherwise } => {
            let depth = guards.len();
            for (cond, then) in branches {
                let height = guards.len();
                guards.push(cond.to_string());
                walk(flow, then, guards, rules);
                guards.truncate(height);
                guards.push(format!("not {cond}"));
            }
            if let Some(otherwise) = otherwise {
                walk(flow, otherwise, guards, rules);
            }
            guards.truncate(depth);
        }
        NodeKind::Switch { selector, cases, otherwise } => {
            if selector.name == "pool" || selector.name == "split" {
                push(&selector.name, selector.data.as_ref().map(|(data, _)| data.clone()), guards, rules);
            }
            let depth = guards.len();
            for case in cases {
                // Whoever is in the group is so by the parameters too: other shares are other shoppers.
                guards.push(format!("{selector} is {}", case.label().unwrap_or_default()));
                walk(flow, case, guards, rules);
                guards.truncate(depth);
            }
            if let Some(otherwise) = otherwise {
                guards.push(format!("{selector} is another"));
                walk(flow, otherwise, guards, rules);
                guards.truncate(depth);
            }
        }
        NodeKind::Catch { body, rescue } => {
            let rescued = rescue.as_ref().map(ToString::to_string).unwrap_or_default();
            guards.push(format!("caught by {rescued}"));
            walk(flow, body, guards, rules);
            guards.pop();
            if let Some(rescue) = rescue {
                guards.push(format!("after {body}"));
                walk(flow, rescue, guards, rules);
                guards.pop();
            }
        }
        NodeKind::For { body, until, .. } => {
            let depth = guards.len();
            if let Some(until) = until {
                guards.push(format!("until {until}"));
            }
            walk(flow, body, guards, rules);
            guards.truncate(depth);
        }
        NodeKind::Call(call) => match flow.subs.iter().find(|sub| sub.name == call.name) {
            Some(sub) => walk(flow, &sub.node, guards, rules),
            None => push(&call.name, call.data.as_ref().map(|(data, _)| data.clone()), guards, rules),
        },
        NodeKind::Expression(text) => push("when", Some(text.clone()), guards, rules),
    }
}

fn push(name: &str, data: Option<String>, guards: &[String], rules: &mut Vec<Guarded>) {
    if let Some(kind) = RuleKind::named(name) {
        rules.push(Guarded { kind, data, guards: guards.to_vec() });
    }
}
