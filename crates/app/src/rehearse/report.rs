//! What the rounds came to.

use super::Ask;
use super::spread::{Interval, Spread};
use crate::koi::tiers_met;
use crate::owner::Play;
use crate::runtime::{Counters, Runtime};
use crate::time::rfc3339;
use crate::views::{RefusalShare, RehearsalView, RehearsedPrize, SoldOut, TimeInterval};
use domain::draw::{Limit, Refusal, Unmet};
use rustc_hash::FxHashSet;

pub(super) fn view(ask: &Ask, runtime: &Runtime, plays: &[Play]) -> RehearsalView {
    let spread = |figure: &dyn Fn(&Play) -> u64| {
        Spread::of(plays.iter().map(|play| i64::try_from(figure(play)).unwrap_or(i64::MAX)))
    };
    let prizes = runtime.rules.prizes.iter().enumerate().map(|(ix, prize)| RehearsedPrize {
        code: prize.code.to_string(),
        stock: prize.stock,
        won: spread(&|play| play.counters.won(ix)),
        sold_out: sold_out(plays, ix),
    });
    RehearsalView {
        name: ask.definition.name.clone(),
        rules_hash: hex::encode(ask.definition.hash()),
        shoppers: ask.crowd.members(),
        draws: ask.draws,
        rounds: plays.len() as u64,
        seed: ask.seed.to_string(),
        made: spread(&|play| play.counters.draws),
        refused: spread(&|play| play.refused.values().sum()),
        cost_cents: Spread::of(plays.iter().map(|play| play.counters.cost_cents)),
        points_won: spread(&|play| play.counters.points_won),
        prizes: prizes.collect(),
        tiers: tiers_met(&runtime.rules, &in_all(plays)),
        refusals: refusals(plays),
    }
}

/// The draws of all rounds together.
fn in_all(plays: &[Play]) -> Counters {
    let mut all = Counters::default();
    let add = |sums: &mut Vec<u64>, counts: &[u64]| {
        sums.resize(sums.len().max(counts.len()), 0);
        sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    };
    for play in plays {
        all.draws += play.counters.draws;
        add(&mut all.tiers, &play.counters.tiers);
        add(&mut all.pools, &play.counters.pools);
    }
    all
}

/// When a prize ran out, over the rounds in which it did.
fn sold_out(plays: &[Play], prize: usize) -> Option<SoldOut> {
    let mut times: Vec<i64> = plays.iter().filter_map(|play| play.sold_out_ms[prize]).collect();
    times.sort_unstable();
    let middle = *times.get(times.len() / 2)?;
    let Interval { low, high } = Spread::of(times.iter().copied()).interval_90;
    // Times are no counts: an interval never reaches beyond the rounds.
    let (first, last) = (times[0], times[times.len() - 1]);
    Some(SoldOut {
        share: times.len() as f64 / plays.len() as f64,
        at: rfc3339(middle),
        interval_90: TimeInterval { low: rfc3339(low.max(first)), high: rfc3339(high.min(last)) },
    })
}

fn refusals(plays: &[Play]) -> Vec<RefusalShare> {
    let kinds: FxHashSet<Refusal> = plays.iter().flat_map(|play| play.refused.keys().copied()).collect();
    let mut shares: Vec<RefusalShare> = kinds
        .into_iter()
        .map(|refusal| RefusalShare {
            rule: rule_of(refusal),
            code: refusal.code(),
            detail: refusal.to_string(),
            draws: Spread::of(plays.iter().map(|play| *play.refused.get(&refusal).unwrap_or(&0) as i64)),
        })
        .collect();
    shares.sort_by(|a, b| b.draws.mean.total_cmp(&a.draws.mean).then_with(|| a.detail.cmp(&b.detail)));
    shares
}

/// The rule that refuses so.
fn rule_of(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Draft | Refusal::NotStarted | Refusal::Paused | Refusal::Over | Refusal::OutsideHours => "window",
        Refusal::Blocked => "blacklist",
        Refusal::Suspected(_) => "risk",
        Refusal::NotQualified(Unmet::Pool) => "pool",
        Refusal::NotQualified(Unmet::Shopper) => "qualified",
        Refusal::NotQualified(Unmet::NewShopper) => "limits",
        Refusal::NotQualified(Unmet::Flow) => "when",
        Refusal::LimitReached { which: Limit::Cooldown { .. } } => "cooldown",
        Refusal::LimitReached { .. } => "limits",
        Refusal::NoChances => "draw",
    }
}
