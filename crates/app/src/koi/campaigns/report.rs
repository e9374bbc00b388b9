//! What a campaign has come to.

use super::definition;
use crate::error::Result;
use crate::koi::Koi;
use crate::runtime::{Counters, state_at};
use crate::views::{GenerationView, GrantedUsed, PrizeReport, ReportView, TierReport};
use domain::campaign::Rules;
use domain::ids::CampaignId;

impl Koi {
    /// What a campaign has come to. May lag behind a draw's answer by nothing: it asks the owner.
    pub async fn report(&self, id: CampaignId) -> Result<ReportView> {
        let row = self.row(id).await?;
        let definition = definition(&row)?;
        let counters = self.counters_of(id).await?;
        let tiers = match self.runtime(id) {
            Some(runtime) => tiers_met(&runtime.rules, &counters),
            // A draft promises what it would be published with; one that could not be published promises nothing.
            None => Rules::compile(id, row.rules_version, &definition)
                .map(|rules| tiers_met(&rules, &counters))
                .unwrap_or_default(),
        };
        let prizes = definition.prizes.iter().enumerate().map(|(i, p)| PrizeReport {
            code: p.code.clone(),
            stock: p.stock,
            won: counters.won(i),
            left: p.stock.map(|s| s.saturating_sub(counters.won(i))),
        });
        let cursor = self.parts().shelves.cursor(id).await?;
        let total = self.parts().accounts.names_count().await?;
        let generation = cursor.map_or(GenerationView { total, done: 0, stale: 0 }, |c| GenerationView {
            total: total.max(c.done),
            done: c.done,
            stale: 0,
        });
        let stale = self.parts().shelves.stale(id, 10_000).await?.len() as u64;
        Ok(ReportView {
            id,
            state: state_at(row.state, definition.starts_at.as_ms(), definition.ends_at.as_ms(), self.now_ms()),
            draws: counters.draws,
            cost_cents: counters.cost_cents,
            points_won: counters.points_won,
            prizes: prizes.collect(),
            tiers,
            chances: GrantedUsed {
                granted: counters.granted,
                used: counters.draws,
                expired: counters.expired,
                taken_back: counters.taken_back,
            },
            generation: GenerationView { stale, ..generation },
        })
    }
}

/// Promised against met: the odds of the pools that were drawn from, weighted by how often, and the share of rolls. Before
/// any draw, the odds of the first pool that a first draw may use.
pub(crate) fn tiers_met(rules: &Rules, counters: &Counters) -> Vec<TierReport> {
    let mut promised = vec![0.0f64; rules.tiers.len()];
    let drawn =
        counters.pools.iter().copied().enumerate().filter(|(pool, draws)| *pool < rules.pools.len() && *draws > 0);
    let mut drawn: Vec<(usize, u64)> = drawn.collect();
    if drawn.is_empty() {
        drawn.extend((0..rules.written_pools).find(|pool| rules.pool_possible(*pool, 1)).map(|pool| (pool, 1)));
    }
    for (pool, draws) in drawn {
        for (slot, odds) in rules.odds(pool).iter().enumerate() {
            let Some(tier) = rules.tiers.iter().position(|t| t.slot_range().contains(&slot)) else { continue };
            let share = f64::from(odds.weight) / f64::from(odds.weight_sum.max(1)) / f64::from(odds.slots.max(1));
            promised[tier] += share * draws as f64;
        }
    }
    let draws = counters.draws.max(1) as f64;
    rules
        .tiers
        .iter()
        .enumerate()
        .map(|(i, tier)| TierReport {
            code: tier.code.to_string(),
            promised: format!("{:.6}", promised[i] / draws),
            met: format!("{:.6}", counters.tiers.get(i).copied().unwrap_or(0) as f64 / draws),
        })
        .collect()
}
