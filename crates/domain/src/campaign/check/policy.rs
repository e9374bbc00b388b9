//! What a campaign must say and may promise once shoppers are to see it. A draft may still lack it, and what was published
//! before stays readable: these checks stand between a draft and the public only.

use super::{Finding, Findings, bounds};
use crate::campaign::rules::candidates;
use crate::campaign::{Definition, Kind, PoolDef, PrizeDef, PrizeIx, Time};
use std::collections::HashSet;

impl Definition {
    /// All that is wrong with publishing at `now_ms`: what [`Definition::check`] finds, and what the law, the budget and the
    /// calendar say. Expectations are linear: draws times odds.
    pub fn check_publish(&self, now_ms: i64) -> Vec<Finding> {
        let found = self.check();
        let mut findings = Findings::default();
        window(self, now_ms, &mut findings);
        values(self, &mut findings);
        terms(self, &mut findings);
        // Of weights and tiers that make no sense no odds can be expected.
        if !found.iter().any(|finding| finding.severity == super::Severity::Error) {
            reach(self, &mut findings);
            shown(self, &mut findings);
            expectation(self, &mut findings);
        }
        found.into_iter().chain(findings.0).collect()
    }
}

fn window(definition: &Definition, now_ms: i64, findings: &mut Findings) {
    if definition.ends_at.as_ms() <= now_ms {
        findings.error("window_over", "ends_at", "the campaign's window is over already");
    }
    if definition.visible_from.is_some_and(|from| from > definition.starts_at) {
        let detail = "shoppers would draw before they can see the campaign; it is shown from its start at the latest";
        findings.error("visible_too_late", "visible_from", detail);
    }
    if definition.visible_until.is_some_and(|until| until < definition.ends_at) {
        let detail = "shoppers would draw after the campaign is hidden; it is shown to its end at least";
        findings.error("visible_too_short", "visible_until", detail);
    }
    let longest = Time(definition.starts_at.as_ms().saturating_add(bounds::WINDOW_MS));
    if definition.ends_at > longest {
        findings.warn("window_long", "ends_at", "the window is longer than a year; is the year right?");
    }
}

/// The law's cap is on what one draw may win.
fn values(definition: &Definition, findings: &mut Findings) {
    for (i, prize) in definition.prizes.iter().enumerate() {
        if definition.currency == "CNY" && prize.value_cents > bounds::LEGAL_VALUE_CENTS {
            let detail = format!("{} is worth more than CNY 50,000, the legal most for a prize of a draw", prize.code);
            findings.error("value_above_legal", format!("prizes[{i}].value_cents"), detail);
        }
        let worthless = prize.value_cents == 0 && matches!(prize.kind, Kind::Goods | Kind::Coupon | Kind::Webhook);
        if worthless && prize.cost_cents > 0 {
            let detail =
                format!("{} costs money but has no value: shoppers are to be told what it is worth", prize.code);
            findings.warn("value_missing", format!("prizes[{i}].value_cents"), detail);
        }
    }
}

/// How and until when a prize is claimed has to be known before anybody draws.
fn terms(definition: &Definition, findings: &mut Findings) {
    let claimed = |prize: &&PrizeDef| matches!(prize.kind, Kind::Goods | Kind::Coupon | Kind::Webhook);
    if let Some(prize) = definition.prizes.iter().find(claimed)
        && definition.claim_terms.as_deref().is_none_or(|terms| terms.trim().is_empty())
    {
        let detail = format!("nothing says how and until when {} is claimed", prize.code);
        findings.warn("claim_terms_missing", "claim_terms", detail);
    }
}

/// The pools as drawn from: those written, else one of all tiers.
fn pools(definition: &Definition) -> Vec<PoolDef> {
    if !definition.pools.is_empty() {
        return definition.pools.clone();
    }
    let tiers = definition.tiers.iter().map(|tier| tier.code.clone()).collect();
    vec![PoolDef { code: "all".to_owned(), when: None, tiers }]
}

/// Every tier's share of a pool's rolls, in the order of the definition.
fn shares(definition: &Definition, pool: &PoolDef) -> Vec<f64> {
    let weight = |code: &str| if pool.tiers.iter().any(|c| c == code) { 1.0 } else { 0.0 };
    let weights: Vec<f64> = definition.tiers.iter().map(|tier| tier.weight as f64 * weight(&tier.code)).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| if sum > 0.0 { weight / sum } else { 0.0 }).collect()
}

/// Tiers that nothing leads to.
fn reach(definition: &Definition, findings: &mut Findings) {
    let pools = pools(definition);
    for (i, tier) in definition.tiers.iter().enumerate() {
        let field = format!("tiers[{i}]");
        if !pools.iter().any(|pool| pool.tiers.contains(&tier.code)) {
            findings.warn("tier_unreached", field.clone(), format!("the tier {} is in no pool", tier.code));
        } else if tier.weight == 0 {
            findings.warn("tier_unreached", field.clone(), format!("the tier {} has a weight of 0", tier.code));
        }
        if let (Some(after), Some(most)) = (tier.unlock_after, definition.limits.per_shopper)
            && after >= most
        {
            let detail = format!("the tier {} opens after {after} draws, but a shopper has {most}", tier.code);
            findings.warn("unlock_unreached", format!("{field}.unlock_after"), detail);
        }
    }
}

/// Of every prize that can be won its odds or its quantity are published.
fn shown(definition: &Definition, findings: &mut Findings) {
    let pools = pools(definition);
    let drawn = definition
        .tiers
        .iter()
        .zip(candidates(definition))
        .filter(|(tier, _)| tier.weight > 0 && pools.iter().any(|pool| pool.tiers.contains(&tier.code)));
    let with_odds: HashSet<PrizeIx> = drawn.flat_map(|(_, candidates)| candidates).collect();
    for (i, prize) in definition.prizes.iter().enumerate() {
        // Only points are given outside of any tier: to who is on points only, and where all else is sold out.
        if prize.kind == Kind::Points && prize.stock.is_none() && !with_odds.contains(&PrizeIx(i as u16)) {
            let detail =
                format!("{} is given as a substitute only; neither odds nor a quantity of it can be shown", prize.code);
            findings.warn("odds_or_quantity_missing", format!("prizes[{i}].stock"), detail);
        }
    }
}

/// Stock and budget against the draws that are expected, by the pool that is worst for them.
fn expectation(definition: &Definition, findings: &mut Findings) {
    let Some(draws) = definition.expected_draws.map(|draws| draws as f64) else { return };
    let candidates = candidates(definition);
    let pools = pools(definition);
    let prize = |ix: &PrizeIx| &definition.prizes[ix.ix()];
    let all: Vec<Vec<f64>> = pools.iter().map(|pool| shares(definition, pool)).collect();
    for (i, tier) in definition.tiers.iter().enumerate() {
        let share = all.iter().map(|shares| shares[i]).fold(0.0, f64::max);
        let stock: Option<u64> = candidates[i].iter().map(|ix| prize(ix).stock).sum();
        if let Some(stock) = stock.filter(|stock| !candidates[i].is_empty() && draws * share > *stock as f64) {
            let wins = (draws * share).ceil();
            let detail =
                format!("some {wins} wins of the tier {} are expected, but its prizes are {stock} in all", tier.code);
            findings.warn("stock_short", format!("tiers[{i}]"), detail);
        }
    }
    let Some(budget) = definition.limits.budget_cents else { return };
    // Within a tier every prize is equally probable on average over shoppers.
    let mean = |members: &Vec<PrizeIx>| {
        members.iter().map(|ix| prize(ix).cost_cents as f64).sum::<f64>() / members.len().max(1) as f64
    };
    let costs: Vec<f64> = candidates.iter().map(mean).collect();
    let cost = |shares: &Vec<f64>| shares.iter().zip(&costs).map(|(share, cost)| share * cost).sum::<f64>() * draws;
    let dearest = all.iter().map(cost).fold(0.0, f64::max);
    if dearest > budget as f64 {
        let detail = format!("{draws} draws cost some {dearest:.0}, more than the budget of {budget}");
        findings.warn("expected_cost_over_budget", "limits.budget_cents", detail);
    }
}
