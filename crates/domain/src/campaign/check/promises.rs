//! What goes beyond plain odds: spend thresholds, guarantees, releases, substitutes, and the rules that see to them.

use super::{Findings, bounds};
use crate::campaign::odds::guarantee_code;
use crate::campaign::{Definition, PrizeDef};
use crate::flow::Plan;
use crate::flow::rules::RuleKind;

pub(super) fn check(definition: &Definition, findings: &mut Findings) {
    spend_weights(definition, findings);
    guarantees(definition, findings);
    for (i, prize) in definition.prizes.iter().enumerate().take(bounds::PRIZES) {
        release(prize, &format!("prizes[{i}]"), findings);
        substitute(definition, prize, &format!("prizes[{i}].substitute"), findings);
    }
    let written = definition.pools.len().max(1);
    let promised = definition.tiers.iter().filter(|tier| tier.guarantee_after.is_some()).count();
    let odds = written * (1 + definition.spend_weights.len()) + promised;
    if odds > bounds::ODDS {
        let detail = format!("pools under every spend threshold make {odds} lists of odds, more than {}", bounds::ODDS);
        findings.error("odds_too_many", "spend_weights", detail);
    }
}

fn spend_weights(definition: &Definition, findings: &mut Findings) {
    let tables = &definition.spend_weights;
    if tables.len() > bounds::SPEND_STEPS {
        let detail = format!("{} thresholds, more than {}", tables.len(), bounds::SPEND_STEPS);
        return findings.error("spend_weights_too_many", "spend_weights", detail);
    }
    let mut last = 0;
    for (i, table) in tables.iter().enumerate() {
        let field = |name: &str| format!("spend_weights[{i}].{name}");
        if table.from_cents <= last || table.from_cents > bounds::CENTS {
            let detail = format!("thresholds are above 0, ascending and at most {}", bounds::CENTS);
            findings.error("spend_threshold_invalid", field("from_cents"), detail);
        }
        last = table.from_cents;
        for (code, weight) in &table.weights {
            if !definition.tiers.iter().any(|tier| tier.code == *code) {
                let detail = format!("no tier has the code {}", code.escape_debug());
                findings.error("tier_unknown", field("weights"), detail);
            }
            if *weight > bounds::WEIGHT {
                findings.error("weight_too_large", field("weights"), format!("more than {}", bounds::WEIGHT));
            }
        }
        let weight = |code: &str| {
            let own = definition.tiers.iter().find(|tier| tier.code == code).map_or(0, |tier| tier.weight);
            table.weights.get(code).copied().unwrap_or(own)
        };
        let sum =
            |codes: &mut dyn Iterator<Item = &String>| codes.fold(0u64, |sum, code| sum.saturating_add(weight(code)));
        if sum(&mut definition.tiers.iter().map(|tier| &tier.code)) > u64::from(u32::MAX) {
            let detail = format!("the weights add up to more than {}", u32::MAX);
            findings.error("weights_overflow", field("weights"), detail);
        }
        let empty = |codes: &mut dyn Iterator<Item = &String>| sum(codes) == 0;
        let unrollable = match definition.pools.is_empty() {
            true => empty(&mut definition.tiers.iter().map(|tier| &tier.code)),
            false => definition.pools.iter().any(|pool| empty(&mut pool.tiers.iter())),
        };
        if unrollable && !definition.tiers.is_empty() {
            let detail = "with these weights those of a pool add up to 0, so nothing can be rolled";
            findings.error("weights_zero", field("weights"), detail);
        }
    }
}

fn guarantees(definition: &Definition, findings: &mut Findings) {
    for (i, tier) in definition.tiers.iter().enumerate().take(bounds::TIERS) {
        let Some(after) = tier.guarantee_after else { continue };
        let field = format!("tiers[{i}].guarantee_after");
        if !(1..=bounds::GUARANTEE).contains(&after) {
            findings.error(
                "guarantee_invalid",
                field.as_str(),
                format!("a guarantee waits 1 to {} draws", bounds::GUARANTEE),
            );
        }
        let pooled = definition.pools.is_empty() || definition.pools.iter().any(|pool| pool.tiers.contains(&tier.code));
        if !pooled {
            let detail = format!("no pool holds the tier {}, so its guarantee waits for ever", tier.code);
            findings.error("guarantee_unreached", field, detail);
        }
        let reserved = guarantee_code(&tier.code);
        if let Some(at) = definition.pools.iter().position(|pool| pool.code == reserved) {
            let detail = format!("{reserved} names the odds of the guarantee");
            findings.error("code_reserved", format!("pools[{at}].code"), detail);
        }
    }
}

fn release(prize: &PrizeDef, at: &str, findings: &mut Findings) {
    if prize.release.len() > bounds::RELEASES {
        let detail = format!("{} steps, more than {}", prize.release.len(), bounds::RELEASES);
        return findings.error("release_too_long", format!("{at}.release"), detail);
    }
    if prize.release.windows(2).any(|pair| pair[0].at >= pair[1].at) {
        findings.error("release_disordered", format!("{at}.release"), "the steps of a release are in order of `at`");
    }
    let units = prize.release.iter().fold(0u64, |sum, step| sum.saturating_add(step.units));
    if units > bounds::STOCK {
        findings.error("stock_too_large", format!("{at}.release"), format!("more than {} units", bounds::STOCK));
    } else if let Some(stock) = prize.stock
        && !prize.release.is_empty()
        && units < stock
    {
        let detail = format!("{units} units are ever released of a stock of {stock}");
        findings.warn("release_short", format!("{at}.release"), detail);
    }
}

fn substitute(definition: &Definition, prize: &PrizeDef, field: &str, findings: &mut Findings) {
    let Some(code) = &prize.substitute else { return };
    match definition.prizes.iter().find(|other| other.code == *code) {
        None => {
            findings.error("prize_unknown", field, format!("no prize has the code {}", code.escape_debug()));
        }
        Some(other) if other.code == prize.code => {
            findings.error("substitute_itself", field, format!("{} cannot stand in for itself", prize.code));
        }
        Some(other) if other.value_cents < prize.value_cents => {
            let detail = format!("{} is worth less than {}", other.code, prize.code);
            findings.warn("substitute_poorer", field, detail);
        }
        Some(_) => {}
    }
}

/// Rules without which a setting of the campaign does nothing.
pub(super) fn missing_rules(definition: &Definition, plan: &Plan, findings: &mut Findings) {
    let limits = &definition.limits;
    let counted = [
        limits.per_shopper.is_some(),
        limits.per_day.is_some(),
        limits.per_week.is_some(),
        limits.per_campaign.is_some(),
        limits.global.is_some(),
        limits.global_per_day.is_some(),
        limits.new_shoppers,
    ];
    let promised = definition.tiers.iter().any(|tier| tier.guarantee_after.is_some());
    for (rule, matters, detail) in [
        (RuleKind::Blacklist, true, "without `blacklist` blacklisted shoppers draw like all others"),
        (RuleKind::Window, true, "without `window` draws go on after ends_at until someone ends the campaign"),
        (RuleKind::Limits, counted.contains(&true), "without `limits` the limits on draws do nothing"),
        (
            RuleKind::Cooldown,
            limits.cooldown_seconds.is_some(),
            "without `cooldown` limits.cooldown_seconds does nothing",
        ),
        (
            RuleKind::Unlock,
            definition.tiers.iter().any(|tier| tier.unlock_after.is_some_and(|after| after > 0)),
            "without `unlock` every tier is open from the first draw",
        ),
        (RuleKind::Weight, !definition.spend_weights.is_empty(), "without `weight` the spend thresholds do nothing"),
        (RuleKind::Guarantee, promised, "without `guarantee` no tier is guaranteed"),
        (
            RuleKind::Fallback,
            promised,
            "without `fallback` a guaranteed tier may come to a slot whose prize is not to be had",
        ),
        (
            RuleKind::Substitute,
            definition.prizes.iter().any(|prize| prize.substitute.is_some()),
            "without `substitute` no substitute is given",
        ),
    ] {
        if matters && !plan.has(rule) {
            findings.warn("flow_without_rule", "flow", detail);
        }
    }
}
