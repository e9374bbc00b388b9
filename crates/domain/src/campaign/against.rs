//! Whether a change of published rules is against the shopper.
//!
//! [`against_shopper`] is a pure comparison of two definitions: everything that the new one makes worse for anyone who can draw
//! under the old one. Nothing found means that the change may be made while the campaign is live. Where it cannot tell
//! (a pool's condition was reworded, say) it answers that the change is worse: a promise is only replaced by what surely
//! keeps it.

mod chain;

use super::definition::{PrizeDef, TierDef};
use super::odds::{OddsOf, Pool};
use super::rules::compiled_tiers;
use super::{Chances, Definition, Limits, bounds, odds};
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

/// All that `new` makes worse for shoppers than `old`, both of which compile. Empty where nothing is.
pub fn against_shopper(old: &Definition, new: &Definition) -> Vec<Worse> {
    let mut found = Found::default();
    if new.starts_at > old.starts_at || new.ends_at < old.ends_at {
        found.add("window_shorter", "ends_at", "the window becomes shorter");
    }
    if new.currency != old.currency || new.time_zone != old.time_zone {
        found.add("window_shorter", "time_zone", "currency and time zone stay as they were published");
    }
    prizes(old, new, &mut found);
    if tiers(old, new, &mut found) {
        all_odds(old, new, &mut found);
    }
    limits(&old.limits, &new.limits, &mut found);
    chances(&old.chances, &new.chances, &mut found);
    chain::compare(&old.flow, &new.flow, &idle(old, new), &mut found);
    found.0
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

fn prizes(old: &Definition, new: &Definition, found: &mut Found) {
    for (i, was) in old.prizes.iter().enumerate() {
        let field = format!("prizes[{i}]");
        match new.prizes.get(i) {
            // Places count: records name a prize by its place.
            Some(is) if is.code == was.code => prize(was, is, &field, found),
            _ => found.add("prize_removed", field, format!("{} is gone or stands elsewhere", was.code)),
        }
    }
}

fn prize(was: &PrizeDef, is: &PrizeDef, field: &str, found: &mut Found) {
    let code = &was.code;
    if is.kind != was.kind || is.name != was.name || is.value_cents < was.value_cents || is.cost_cents > was.cost_cents
    {
        found.add(
            "prize_worse",
            field,
            format!("{code} becomes another thing, or worth less, or dearer to the budget"),
        );
    }
    if let (Some(was), Some(is)) = (was.points, is.points)
        && (is.min < was.min || is.max < was.max)
    {
        found.add("prize_worse", format!("{field}.points"), format!("{code} gives fewer points"));
    }
    if tighter(was.stock, is.stock) {
        found.add("stock_lower", format!("{field}.stock"), format!("there are fewer units of {code}"));
    }
    if is.once && !was.once {
        found.add("prize_worse", format!("{field}.once"), format!("{code} can be won only once"));
    }
    if was.substitute.is_some() && is.substitute != was.substitute {
        found.add("promise_dropped", format!("{field}.substitute"), format!("{code} has another substitute"));
    }
    let open =
        |prize: &PrizeDef, at| prize.release.iter().filter(|step| step.at <= at).map(|step| step.units).sum::<u64>();
    let later = was.release.iter().any(|step| open(is, step.at) < open(was, step.at));
    if !is.release.is_empty() && (was.release.is_empty() || later) {
        found.add("stock_lower", format!("{field}.release"), format!("{code} is released later"));
    }
}

/// Whether the tiers are the same places on the wheel, so that odds can be compared.
fn tiers(old: &Definition, new: &Definition, found: &mut Found) -> bool {
    let shape = |tier: &TierDef| (tier.code.clone(), tier.slots);
    if !old.tiers.iter().map(shape).eq(new.tiers.iter().map(shape)) {
        found.add("strategy_moved", "tiers", "tiers and their slots stay as they were published");
        return false;
    }
    let members = |definition: &Definition| super::rules::candidates(definition);
    let (before, after) = (members(old), members(new));
    for (i, (was, is)) in old.tiers.iter().zip(&new.tiers).enumerate() {
        let field = |name: &str| format!("tiers[{i}].{name}");
        if is.unlock_after.unwrap_or(0) > was.unlock_after.unwrap_or(0) {
            found.add("odds_worse", field("unlock_after"), format!("{} opens later", was.code));
        }
        match (was.guarantee_after, is.guarantee_after) {
            (Some(_), None) => {
                found.add(
                    "guarantee_weaker",
                    field("guarantee_after"),
                    format!("{} is no longer guaranteed", was.code),
                );
            }
            (Some(was_after), Some(is_after)) if is_after > was_after => {
                found.add("guarantee_weaker", field("guarantee_after"), format!("{} is guaranteed later", was.code));
            }
            _ => {}
        }
        if before[i].iter().any(|prize| !after[i].contains(prize)) {
            found.add("prize_removed", field("prizes"), format!("{} loses prizes", was.code));
        }
        let value = |definition: &Definition, ix: &super::PrizeIx| definition.prizes[ix.ix()].value_cents;
        let least = before[i].iter().map(|ix| value(old, ix)).min().unwrap_or(0);
        if after[i].iter().any(|ix| !before[i].contains(ix) && value(new, ix) < least) {
            found.add("prize_worse", field("prizes"), format!("{} gains a poorer prize", was.code));
        }
    }
    true
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

fn limits(old: &Limits, new: &Limits, found: &mut Found) {
    for (field, worse) in [
        ("per_shopper", tighter(old.per_shopper, new.per_shopper)),
        ("per_day", tighter(old.per_day, new.per_day)),
        ("per_week", tighter(old.per_week, new.per_week)),
        ("per_campaign", tighter(old.per_campaign, new.per_campaign)),
        ("global", tighter(old.global, new.global)),
        ("global_per_day", tighter(old.global_per_day, new.global_per_day)),
        ("new_shoppers", new.new_shoppers && !old.new_shoppers),
        ("cooldown_seconds", new.cooldown_seconds.unwrap_or(0) > old.cooldown_seconds.unwrap_or(0)),
        ("budget_cents", tighter(old.budget_cents, new.budget_cents)),
    ] {
        if worse {
            found.add("limits_tighter", format!("limits.{field}"), format!("{field} becomes tighter"));
        }
    }
}

/// What gives chances or points may only give more.
fn chances(old: &Chances, new: &Chances, found: &mut Found) {
    let fewer = |old: Option<u32>, new: Option<u32>| new.unwrap_or(0) < old.unwrap_or(0);
    let dearer = |old: Option<i64>, new: Option<i64>| match (old, new) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(old), Some(new)) => new > old,
    };
    let poorer = |old: Option<super::PointsRange>, new: Option<super::PointsRange>| match (old, new) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(old), Some(new)) => new.min < old.min || new.max < old.max,
    };
    for (field, worse) in [
        ("sign_in", fewer(old.sign_in, new.sign_in)),
        ("per_purchase_cents", dearer(old.per_purchase_cents, new.per_purchase_cents)),
        ("points_price", dearer(old.points_price, new.points_price)),
        ("paid_price_cents", dearer(old.paid_price_cents, new.paid_price_cents)),
        ("points_on_sign_in", poorer(old.points_on_sign_in, new.points_on_sign_in)),
        ("points_on_purchase", poorer(old.points_on_purchase, new.points_on_purchase)),
    ] {
        if worse {
            found.add("chances_fewer", format!("chances.{field}"), format!("{field} gives less"));
        }
    }
}
