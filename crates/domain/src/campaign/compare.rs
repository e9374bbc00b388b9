//! What a change of published rules means for shoppers: in their favour, none of their business, or against them.
//!
//! A rule that was published is a promise. More stock, more chances, a longer window keep it; whatever could make one
//! shopper worse off does not, even where it makes another better off. Where it cannot be told, it counts as against:
//! so does every field that [`effect`] does not name.

use super::{Definition, Finding, Severity, Time, against, flow_worsens_between, odds};
use serde::Serialize;
use serde_json::Value;

/// What a change means for shoppers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = RuleEffect))]
pub enum Effect {
    /// Decides nothing about a draw: a name, a picture.
    Neutral,
    /// No shopper is worse off, some are better off.
    Favours,
    /// Some shopper may be worse off.
    Against,
}

/// One difference between two versions of a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = RuleChange))]
pub struct Change {
    /// Where, like `prizes[2].stock`.
    pub field: String,
    pub effect: Effect,
    /// What stood there; null where there was nothing.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub before: Value,
    /// What stands there now; null where there is nothing.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub after: Value,
}

impl Change {
    /// The names on the way to the field, without places in lists.
    pub(super) fn names(&self) -> Vec<&str> {
        self.field.split('.').map(|name| name.split_once('[').map_or(name, |(name, _)| name)).collect()
    }
}

/// Every difference from `old` to `new`, by the names of the fields; empty where they say the same.
pub fn compare(old: &Definition, new: &Definition) -> Vec<Change> {
    let value =
        |it: &Definition| serde_json::to_value(it).expect("invariant: a definition that was read can be written");
    let mut changes = Vec::new();
    walk(&mut Vec::new(), &value(old), &value(new), &mut changes);
    for change in changes.iter_mut().filter(|change| change.effect != Effect::Neutral) {
        change.effect = in_context(change, old, new);
    }
    changes
}

/// What a change means beside the rest of both definitions, where its own two values do not tell.
fn in_context(change: &Change, old: &Definition, new: &Definition) -> Effect {
    let found = |worse: bool| if worse { Effect::Against } else { Effect::Favours };
    let names = change.names();
    match change.field.as_str() {
        "flow" => found(!flow_worsens_between(old, new).is_empty()),
        // The one pool that was meant all along, written out.
        "pools[0]" if old.pools.is_empty() && spelled_out(new) => Effect::Neutral,
        // An alternate moves up only when a winner's time to claim is over.
        field if field.ends_with("claim_days") && old.entry.as_ref().is_some_and(|entry| entry.alternates > 0) => {
            Effect::Against
        }
        _ if against::of_odds(&names) => found(!against::odds_worsen(old, new).is_empty()),
        field if matches!(names[..], ["prizes", "release" | "once" | "substitute", ..]) => {
            let place = field.strip_prefix("prizes[").and_then(|rest| rest.split_once(']')?.0.parse::<usize>().ok());
            let both = place.and_then(|place| old.prizes.get(place).zip(new.prizes.get(place)));
            found(both.is_none_or(|(was, is)| against::prize_worsens(was, is)))
        }
        _ => change.effect,
    }
}

/// Whether the only pool is the one that a definition without pools means, whatever it is called.
fn spelled_out(it: &Definition) -> bool {
    matches!(&it.pools[..], [pool] if pool.when.is_none() && pool.tiers == odds::default_pool(it).tiers)
}

/// The worst of all changes; nothing changed is neutral.
pub fn worst(changes: &[Change]) -> Effect {
    changes.iter().map(|change| change.effect).max().unwrap_or(Effect::Neutral)
}

/// What cannot change from one published version to the next, whatever the notice: results refer to prizes and tiers by
/// place, and amounts are in one currency. New ones come after the old ones; old ones leave by their weight or stock.
pub fn moved(old: &Definition, new: &Definition) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut keep = |code: &'static str, list: &str, old: Vec<&String>, new: Vec<&String>| {
        for (i, was) in old.iter().enumerate().filter(|(i, was)| new.get(*i) != Some(was)) {
            let detail = format!("{was} keeps its place; new {list} come after those that were published");
            findings.push(Finding { code, severity: Severity::Error, detail, field: Some(format!("{list}[{i}]")) });
        }
    };
    fn prizes(it: &Definition) -> Vec<&String> {
        it.prizes.iter().map(|prize| &prize.code).collect()
    }
    fn tiers(it: &Definition) -> Vec<&String> {
        it.tiers.iter().map(|tier| &tier.code).collect()
    }
    keep("prize_moved", "prizes", prizes(old), prizes(new));
    keep("tier_moved", "tiers", tiers(old), tiers(new));
    let timed = |it: &Definition| it.prizes.iter().map(|prize| prize.moments).collect::<Vec<_>>();
    let window = |it: &Definition| (it.starts_at, it.ends_at);
    let any = old.prizes.iter().any(|prize| prize.moments.is_some());
    let news = new.prizes.iter().skip(old.prizes.len()).any(|prize| prize.moments.is_some());
    if news || (any && (window(old) != window(new) || !timed(new).starts_with(&timed(old)))) {
        let detail =
            "the moments were fixed and committed to for this window when the campaign was published".to_owned();
        let field = Some("prizes".to_owned());
        findings.push(Finding { code: "moments_frozen", severity: Severity::Error, detail, field });
    }
    if old.currency != new.currency {
        let detail = "costs were counted in the old currency; make a new campaign".to_owned();
        let field = Some("currency".to_owned());
        findings.push(Finding { code: "currency_changed", severity: Severity::Error, detail, field });
    }
    findings
}

/// One step of a path: a member's name, or a place in a list.
#[derive(Clone, Copy)]
enum Step<'a> {
    Name(&'a str),
    Place(usize),
}

/// Goes down both trees at once, as deep as both have something there. The depth is the definition's own.
fn walk<'a>(path: &mut Vec<Step<'a>>, old: &'a Value, new: &'a Value, changes: &mut Vec<Change>) {
    match (old, new) {
        (Value::Object(before), Value::Object(after)) => {
            let added = after.keys().filter(|name| !before.contains_key(*name));
            for name in before.keys().chain(added) {
                let of = |map: &'a serde_json::Map<String, Value>| map.get(name).unwrap_or(&Value::Null);
                path.push(Step::Name(name));
                walk(path, of(before), of(after), changes);
                path.pop();
            }
        }
        (Value::Array(before), Value::Array(after)) => {
            for i in 0..before.len().max(after.len()) {
                path.push(Step::Place(i));
                walk(path, before.get(i).unwrap_or(&Value::Null), after.get(i).unwrap_or(&Value::Null), changes);
                path.pop();
            }
        }
        (before, after) if before != after => {
            let names: Vec<&str> =
                path.iter().filter_map(|s| if let Step::Name(name) = s { Some(*name) } else { None }).collect();
            changes.push(Change {
                field: written(path),
                effect: effect(&names, before, after),
                before: before.clone(),
                after: after.clone(),
            });
        }
        _ => {}
    }
}

fn written(path: &[Step<'_>]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Name(name) if text.is_empty() => text.push_str(name),
            Step::Name(name) => text.extend([".", name]),
            Step::Place(i) => text.push_str(&format!("[{i}]")),
        }
    }
    text
}

/// What it means that `before` became `after` at the member `names`; null is absent.
fn effect(names: &[&str], before: &Value, after: &Value) -> Effect {
    match names {
        ["name" | "description" | "skin" | "strict" | "expected_draws"]
        | ["composition", ..]
        | ["prizes", "category" | "skus"] => Effect::Neutral,
        ["starts_at" | "visible_from"] => earlier(before, after),
        ["ends_at" | "visible_until"] => earlier(after, before),
        ["flow"] => crate::flow::compare(before.as_str().unwrap_or_default(), after.as_str().unwrap_or_default()),
        // What keeps a shopper away: the less the better, and absent is not at all.
        ["limits", "cooldown_seconds"] => better(bound(after, 0), bound(before, 0)),
        ["limits", "new_shoppers"] if after.as_bool() != Some(true) => Effect::Favours,
        // A promise that stood, kept sooner; a new one changes what is rolled from.
        ["tiers", "guarantee_after"] if !before.is_null() => better(bound(after, i128::MAX), bound(before, i128::MAX)),
        ["claim_days"] => better(bound(before, i128::MAX), bound(after, i128::MAX)),
        // Absent means the campaign's, which may be either.
        ["prizes", "claim_days"] if !before.is_null() && !after.is_null() => better(bound(before, 0), bound(after, 0)),
        // Without a bound there is all of it.
        ["prizes", "stock"]
        | ["limits", "per_shopper" | "per_day" | "per_week" | "per_campaign" | "global" | "global_per_day"]
        | ["limits", "budget_cents"] => better(bound(before, i128::MAX), bound(after, i128::MAX)),
        ["entry", "winners" | "alternates"] => better(bound(before, 0), bound(after, 0)),
        // The cost only counts against the budget: the less, the longer it lasts.
        ["prizes", "cost_cents"] | ["tiers", "unlock_after"] => better(bound(after, 0), bound(before, 0)),
        ["prizes", "points", "min" | "max"] => better(bound(before, 0), bound(after, 0)),
        // What is given: the more the better, and absent is nothing.
        ["chances", "sign_in"] | ["chances", "points_on_sign_in" | "points_on_purchase", "min" | "max"] => {
            better(bound(before, 0), bound(after, 0))
        }
        ["chances", "points_on_sign_in" | "points_on_purchase"] if before.is_null() => Effect::Favours,
        // What is asked: the less the better, and absent is not to be had.
        ["chances", "per_purchase_cents" | "points_price" | "paid_price_cents"] => {
            better(bound(after, i128::MAX), bound(before, i128::MAX))
        }
        _ => Effect::Against,
    }
}

/// Only numbers and nothing can be compared; all else is no number that any bound allows.
fn bound(value: &Value, absent: i128) -> Option<i128> {
    match value {
        Value::Null => Some(absent),
        Value::Number(number) => number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from)),
        _ => None,
    }
}

fn better(before: Option<i128>, after: Option<i128>) -> Effect {
    match before.zip(after) {
        Some((before, after)) if after >= before => Effect::Favours,
        _ => Effect::Against,
    }
}

/// Whether `after` lies before `before`.
fn earlier(before: &Value, after: &Value) -> Effect {
    let time = |value: &Value| value.as_str().and_then(Time::parse);
    match (time(before), time(after)) {
        (Some(before), Some(after)) if after < before => Effect::Favours,
        _ => Effect::Against,
    }
}
