//! Weights, pools and the flow.

use super::promises::missing_rules;
use super::shape::codes;
use super::{Findings, bounds};
use crate::campaign::{Definition, PoolDef};
use crate::flow::{Plan, pool_condition::Condition};
use std::collections::{HashMap, HashSet};

pub(super) fn check(definition: &Definition, findings: &mut Findings) {
    let sum = definition.tiers.iter().fold(0u64, |sum, tier| sum.saturating_add(tier.weight));
    if sum == 0 && !definition.tiers.is_empty() {
        findings.error("weights_zero", "tiers", "the weights add up to 0, so nothing can be rolled");
    } else if sum > u64::from(u32::MAX) {
        findings.error("weights_overflow", "tiers", format!("the weights add up to more than {}", u32::MAX));
    }
    if definition.pools.len() > bounds::POOLS {
        let detail = format!("{} pools, more than {}", definition.pools.len(), bounds::POOLS);
        findings.error("pools_too_many", "pools", detail);
        return;
    }
    codes("pools", definition.pools.iter().map(|pool| &pool.code), findings);
    let weights = definition.tiers.iter().map(|tier| (tier.code.as_str(), tier.weight)).collect();
    for (i, pool) in definition.pools.iter().enumerate() {
        check_pool(pool, &format!("pools[{i}]"), &weights, findings);
    }
    order(&definition.pools, findings);
    check_flow(definition, findings);
}

fn check_pool(pool: &PoolDef, at: &str, weights: &HashMap<&str, u64>, findings: &mut Findings) {
    if let Some(Err(error)) = pool.when.as_deref().map(Condition::parse) {
        findings.error("pool_condition_invalid", format!("{at}.when"), error.to_string());
    }
    let mut seen = HashSet::new();
    for (i, code) in pool.tiers.iter().enumerate() {
        let field = || format!("{at}.tiers[{i}]");
        if !weights.contains_key(code.as_str()) {
            findings.error("tier_unknown", field(), format!("no tier has the code {}", code.escape_debug()));
        } else if !seen.insert(code) {
            findings.error("tier_repeated", field(), format!("the pool names {code} twice"));
        }
    }
    let known = |code: &String| weights.get(code.as_str()).copied().unwrap_or(0);
    if pool.tiers.is_empty() {
        findings.error("pool_empty", format!("{at}.tiers"), format!("the pool {} has no tiers", pool.code));
    } else if pool.tiers.iter().all(|code| known(code) == 0) {
        let detail = format!("the weights of the pool {} add up to 0", pool.code);
        findings.error("weights_zero", format!("{at}.tiers"), detail);
    }
}

/// The first true pool wins, so one without a condition ends the list.
fn order(pools: &[PoolDef], findings: &mut Findings) {
    let Some(always) = pools.iter().position(|pool| pool.when.is_none()) else {
        if !pools.is_empty() {
            let detail = "every pool has a condition; a draw that meets none is refused as not_qualified";
            findings.warn("pools_gap", "pools", detail);
        }
        return;
    };
    for (i, pool) in pools.iter().enumerate().skip(always + 1) {
        let detail =
            format!("the pool {} is never reached: {} comes before and is always true", pool.code, pools[always].code);
        findings.warn("pool_unreached", format!("pools[{i}]"), detail);
    }
}

fn check_flow(definition: &Definition, findings: &mut Findings) {
    let plan = match Plan::compile(&definition.flow) {
        Ok(plan) => plan,
        Err(errors) => {
            for error in errors {
                findings.error("flow_invalid", "flow", error.to_string());
            }
            return;
        }
    };
    missing_rules(definition, &plan, findings);
}
