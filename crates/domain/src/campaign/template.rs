//! The usual pools: better tiers come with more draws.

use super::rules::{candidates, compiled_tiers};
use super::{Definition, Kind, PoolDef};
use std::cmp::Reverse;

/// Pools by draw count for the tiers of a definition, the most valuable tier being the first:
///
/// | when | tiers |
/// |---|---|
/// | the shopper is on the blacklist | those that hold points only |
/// | exactly the 50th draw | the first and the second |
/// | from the 20th on | all |
/// | from the 10th to the 19th | all but the first |
/// | before | the lower half of them |
///
/// A definition without a tier of points only has no pool for the blacklist; the rule `blacklist` sees to it then.
pub fn pools_by_draws(definition: &Definition) -> Vec<PoolDef> {
    let tiers = compiled_tiers(definition);
    let mut order: Vec<usize> = (0..tiers.len()).collect();
    order.sort_by_key(|tier| (Reverse(tiers[*tier].value_cents), tiers[*tier].weight));
    let codes = |places: &[usize]| places.iter().map(|place| definition.tiers[*place].code.clone()).collect::<Vec<_>>();
    let pool = |code: &str, when: Option<&str>, tiers: Vec<String>| PoolDef {
        code: code.to_owned(),
        when: when.map(str::to_owned),
        tiers,
    };
    let members = candidates(definition);
    let only_points = |tier: &&usize| members[**tier].iter().all(|ix| definition.prizes[ix.ix()].kind == Kind::Points);
    let points: Vec<usize> = order.iter().filter(only_points).copied().collect();
    let mut pools = Vec::new();
    if !points.is_empty() {
        pools.push(pool("blacklisted", Some("blacklisted"), codes(&points)));
    }
    if order.len() > 2 {
        pools.push(pool("fiftieth", Some("n == 50"), codes(&order[..2])));
    }
    if order.len() > 1 {
        pools.push(pool("all", Some("n >= 20"), codes(&order)));
        pools.push(pool("middle", Some("n >= 10"), codes(&order[1..])));
    }
    pools.push(pool("start", None, codes(&order[order.len() / 2..])));
    pools
}
