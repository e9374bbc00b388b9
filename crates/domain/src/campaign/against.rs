//! What has to be judged together: whether odds, promises about prizes and the rule chain of published rules become worse.
//!
//! The judgement of a change as a whole is [`super::compare::compare`], field by field; the fields whose values alone do not
//! tell (a weight, a pool's condition, a flow) are looked at here, between the two definitions. Where it cannot be told (a
//! pool's condition was reworded, say) the change counts as worse: a promise is only replaced by what surely keeps it.

mod chain;

use super::compare::{Change, Effect, compare};
use super::definition::{PrizeDef, TierDef};
use super::odds::{OddsOf, Pool};
use super::rules::compiled_tiers;
use super::{Definition, Severity, bounds, odds};
use crate::flow::rules::RuleKind;
use serde::Serialize;
use std::cmp::Reverse;

/// One thing that a change makes worse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Worse {
    /// Stable snake_case word: `odds_worse`, `limits_tighter`, `guarantee_weaker`, `pools_changed`, `prize_worse`,
    /// `prize_removed`, `stock_lower`, `window_shorter`, `chances_fewer`, `flow_stricter`, `strategy_moved`,
    /// `promise_dropped`.
    pub code: &'static str,
    /// A lowercase fragment.
    pub detail: String,
    /// Where, like `tiers[2].weight`.
    pub field: String,
}

/// What is worse so far.
#[derive(Default)]
struct Found(Vec<Worse>);

impl Found {
    fn add(&mut self, code: &'static str, field: impl Into<String>, detail: impl Into<String>) {
        self.0.push(Worse { code, detail: detail.into(), field: field.into() });
    }
}

/// All that `new` makes worse for shoppers than `old`, both of which compile: the changes that [`compare`] finds against
/// them, under stable words. Empty where nothing is.
pub fn against_shopper(old: &Definition, new: &Definition) -> Vec<Worse> {
    let against = compare(old, new).into_iter().filter(|change| change.effect == Effect::Against);
    against.flat_map(|change| named(&change, old, new)).collect()
}

/// What a change that is against the shopper is called.
fn named(change: &Change, old: &Definition, new: &Definition) -> Vec<Worse> {
    let detail = format!("{} instead of {}", change.after, change.before);
    let names = change.names();
    let together = match &names[..] {
        ["flow"] => flow_worsens_between(old, new),
        names if of_odds(names) => odds_worsen(old, new),
        _ => Vec::new(),
    };
    if !together.is_empty() {
        return together;
    }
    let code = match &names[..] {
        ["starts_at" | "ends_at" | "visible_from" | "visible_until" | "currency" | "time_zone"] => "window_shorter",
        ["prizes"] | ["prizes", "code"] | ["tiers", "prizes" | "value_cents", ..] => "prize_removed",
        ["prizes", "stock" | "release" | "moments", ..] => "stock_lower",
        ["prizes", "substitute"] => "promise_dropped",
        ["prizes", ..] => "prize_worse",
        ["tiers", "guarantee_after"] => "guarantee_weaker",
        ["tiers", "weight" | "unlock_after"] | ["spend_weights", ..] => "odds_worse",
        ["tiers", ..] => "strategy_moved",
        ["pools", ..] => "pools_changed",
        ["limits", ..] => "limits_tighter",
        ["chances", ..] => "chances_fewer",
        ["flow"] => "flow_stricter",
        _ => "promise_dropped",
    };
    vec![Worse { code, detail, field: change.field.clone() }]
}

/// Whether a field is one of those that make the odds together.
pub(super) fn of_odds(names: &[&str]) -> bool {
    matches!(names, ["tiers", "weight"] | ["pools" | "spend_weights", ..])
}

/// What becomes worse of the odds, whatever a draw's ordinal and its shopper's spend.
pub(super) fn odds_worsen(old: &Definition, new: &Definition) -> Vec<Worse> {
    let mut found = Found::default();
    let sound = |it: &Definition| it.check().iter().all(|finding| finding.severity != Severity::Error);
    if !sound(old) || !sound(new) {
        found.add("pools_changed", "pools", "odds that have errors cannot be compared");
    } else if same_places(old, new) {
        all_odds(old, new, &mut found);
    } else {
        found.add("strategy_moved", "tiers", "odds can only be compared between the same tiers with the same prizes");
    }
    found.0
}

/// Whether a prize's release, being won once, or its substitute becomes worse.
pub(super) fn prize_worsens(was: &PrizeDef, is: &PrizeDef) -> bool {
    let open =
        |prize: &PrizeDef, at| prize.release.iter().filter(|step| step.at <= at).map(|step| step.units).sum::<u64>();
    let later = was.release.iter().any(|step| open(is, step.at) < open(was, step.at));
    (is.once && !was.once)
        || (was.substitute.is_some() && is.substitute != was.substitute)
        || (!is.release.is_empty() && (was.release.is_empty() || later))
}

/// What the flow of `new` makes worse than that of `old`. Rules for which neither definition has anything to do may go.
pub fn flow_worsens_between(old: &Definition, new: &Definition) -> Vec<Worse> {
    let mut found = Found::default();
    chain::compare(&old.flow, &new.flow, &idle(old, new), &mut found);
    found.0
}

/// The rules that find nothing to do under either definition.
fn idle(old: &Definition, new: &Definition) -> Vec<RuleKind> {
    let promises = |it: &Definition| it.tiers.iter().any(|tier| tier.guarantee_after.is_some());
    let mut idle = Vec::new();
    if old.spend_weights.is_empty() && new.spend_weights.is_empty() {
        idle.push(RuleKind::Weight);
    }
    if !promises(old) && !promises(new) {
        idle.push(RuleKind::Guarantee);
    }
    idle
}

/// The part of [`against_shopper`] that the flows alone tell.
pub fn flow_worsens(old: &str, new: &str) -> Vec<Worse> {
    let mut found = Found::default();
    chain::compare(old, new, &[], &mut found);
    found.0
}

/// An upper bound that may only rise or go.
fn tighter<T: PartialOrd + Copy>(old: Option<T>, new: Option<T>) -> bool {
    match (old, new) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(old), Some(new)) => new < old,
    }
}

/// Whether the tiers are the same places on the wheel with the same prizes, so that odds can be compared.
fn same_places(old: &Definition, new: &Definition) -> bool {
    let shape = |tier: &TierDef| (tier.code.clone(), tier.slots, tier.value_cents);
    old.tiers.iter().map(shape).eq(new.tiers.iter().map(shape))
        && super::rules::candidates(old) == super::rules::candidates(new)
}

/// Whatever the ordinal of the draw and whatever the spend, the new odds are at least as good as the old ones: for every
/// value, a prize of a tier of that value or more is at least as probable (first-order dominance).
fn all_odds(old: &Definition, new: &Definition, found: &mut Found) {
    let (was, is) = (odds::compile(old, &compiled_tiers(old)), odds::compile(new, &compiled_tiers(new)));
    let value: Vec<i64> = compiled_tiers(old).iter().map(|tier| tier.value_cents).collect();
    let (was_written, is_written) = (&was.pools[..was.written], &is.pools[..is.written]);
    let mut turns: Vec<u32> = vec![1];
    for when in was_written.iter().chain(is_written).filter_map(|pool| pool.when.as_ref()) {
        when.turns(&mut turns);
    }
    let near: Vec<u32> = turns.iter().flat_map(|n| [n.saturating_sub(1), *n, n.saturating_add(1)]).collect();
    let by_n = |pools: &[Pool]| {
        pools.iter().all(|pool| pool.when.as_ref().is_none_or(|when| near.iter().all(|n| when.by_n(*n).is_some())))
    };
    let chosen = |pools: &[Pool], n: u32| {
        pools.iter().position(|pool| pool.when.as_ref().is_none_or(|when| when.by_n(n) == Some(true)))
    };
    let same_conditions =
        was_written.len() == is_written.len() && was_written.iter().zip(is_written).all(|(a, b)| a.when == b.when);
    let pairs: Vec<(Option<usize>, Option<usize>)> = if same_conditions {
        (0..was_written.len()).map(|pool| (Some(pool), Some(pool))).collect()
    } else if by_n(was_written) && by_n(is_written) {
        near.iter().filter(|n| **n > 0).map(|n| (chosen(was_written, *n), chosen(is_written, *n))).collect()
    } else {
        return found.add("pools_changed", "pools", "conditions beyond the draw's ordinal stay as they were published");
    };
    let moved = |a: &Pool, b: &Pool| a.code != b.code;
    if was_written.len() > is_written.len() || was_written.iter().zip(is_written).any(|(a, b)| moved(a, b)) {
        found.add("pools_changed", "pools", "a pool that was published keeps its place");
    }
    let rescued = chain::makes_good(&new.flow);
    for (old_pool, new_pool) in pairs {
        match (old_pool, new_pool) {
            (None, _) => {}
            (Some(pool), None) => {
                found.add(
                    "pools_changed",
                    "pools",
                    format!("draws of the pool {} have none any more", was_written[pool].code),
                );
            }
            (Some(a), Some(b)) => {
                for spend in thresholds(old, new) {
                    let (one, other) =
                        (under(&was.pools, was.written, a, old, spend), under(&is.pools, is.written, b, new, spend));
                    if let Some(worst) = worse_odds(one, other, &value) {
                        let code = &old.tiers[worst].code;
                        found.add(
                            "odds_worse",
                            "tiers",
                            format!("in the pool {} the tier {code} or better becomes less probable", one.code),
                        );
                        return;
                    }
                    if let Some(empty) = gains(one, other).find(|tier| !rescued && may_be_empty(new, *tier)) {
                        let code = &old.tiers[empty].code;
                        let detail = format!(
                            "{code} becomes more probable, and nothing makes good for it where it gives nothing"
                        );
                        return found.add("odds_worse", "tiers", detail);
                    }
                }
            }
        }
    }
}

/// Every spend at which anything changes, and none at all.
fn thresholds(old: &Definition, new: &Definition) -> Vec<i64> {
    let mut spends = vec![0];
    spends.extend(old.spend_weights.iter().chain(&new.spend_weights).map(|table| table.from_cents));
    spends
}

fn under<'p>(pools: &'p [Pool], written: usize, pool: usize, definition: &Definition, spend: i64) -> &'p Pool {
    let step = definition.spend_weights.iter().take_while(|table| spend >= table.from_cents).count();
    let found = &pools[pool + step * written];
    debug_assert!(!matches!(found.of, OddsOf::Guarantee(_)), "thresholds stand before guarantees");
    found
}

/// The tiers that are more probable than they were.
fn gains<'p>(was: &'p Pool, is: &'p Pool) -> impl Iterator<Item = usize> + 'p {
    let of = |pool: &Pool, tier| {
        pool.weights().find(|(member, _)| *member == tier).map_or(0, |(_, weight)| u128::from(weight))
    };
    let (before, after) = (u128::from(was.weight_sum), u128::from(is.weight_sum));
    let more = move |(tier, weight): &(super::TierIx, u32)| u128::from(*weight) * before > of(was, *tier) * after;
    is.weights().filter(more).map(|(tier, _)| usize::from(tier))
}

/// Whether a draw that hits the tier may find nothing there.
fn may_be_empty(it: &Definition, tier: usize) -> bool {
    let scarce = |prize: &PrizeDef| prize.stock.is_some() || !prize.release.is_empty() || prize.once;
    it.limits.budget_cents.is_some()
        || it.tiers[tier].unlock_after.unwrap_or(0) > 0
        || super::rules::candidates(it)[tier].iter().any(|ix| scarce(&it.prizes[ix.ix()]))
}

/// The tier from which on `is` is less probable than `was`, where there is one.
fn worse_odds(was: &Pool, is: &Pool, value: &[i64]) -> Option<usize> {
    let mut order: Vec<usize> = (0..value.len().min(bounds::TIERS)).collect();
    order.sort_by_key(|tier| Reverse(value[*tier]));
    let weight = |pool: &Pool, tier: usize| {
        pool.weights().find(|(member, _)| usize::from(*member) == tier).map_or(0, |(_, weight)| u128::from(weight))
    };
    let (mut before, mut after) = (0u128, 0u128);
    for (i, tier) in order.iter().enumerate() {
        before += weight(was, *tier);
        after += weight(is, *tier);
        let level = order.get(i + 1).is_some_and(|next| value[*next] == value[*tier]);
        if !level && after * u128::from(was.weight_sum) < before * u128::from(is.weight_sum) {
            return Some(*tier);
        }
    }
    None
}
