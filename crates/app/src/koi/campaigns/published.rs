//! The published rules as anyone may read them: odds, quantities, limits, terms and the hash that freezes them. Neither
//! what prizes cost the shop nor any seed is in them.

use super::definition;
use crate::error::{Error, Result};
use crate::koi::Koi;
use crate::ports::{CampaignRow, RuleVersion};
use crate::runtime::state_at;
use crate::time::rfc3339;
use crate::views::{
    AnnouncedView, MomentView, MomentsView, PoolOdds, RulePrize, RuleTier, RulesView, SpendOdds, TierOdds,
};
use domain::campaign::compare::{Change, compare};
use domain::campaign::{Definition, Odds, PoolDef, PrizeDef, Rules, SpendWeightsDef, State, TierDef};
use domain::ids::CampaignId;
use domain::moments::Moment;
use serde_json::{Map, Value};

/// Members of a definition that are the shop's own business.
const OWN: [&str; 5] = ["cost_cents", "budget_cents", "expected_draws", "strict", "composition"];

impl Koi {
    /// The rules of a published campaign, from when on it is shown.
    pub async fn published_rules(&self, id: CampaignId) -> Result<RulesView> {
        let row = self.row(id).await?;
        let rules = definition(&row)?;
        let hidden = rules.visible_from.is_some_and(|from| self.now_ms() < from.as_ms());
        if row.published_at_ms.is_none() || row.state == State::Draft || hidden {
            return Err(Error::no_campaign());
        }
        let in_force = self.parts().campaigns.rules(id, row.rules_version).await?;
        let announced = self.announced_of(id).await?;
        let announced = announced.map(|next| announced_view(&rules, &next)).transpose()?;
        let effective_at_ms = in_force.map_or(row.published_at_ms.unwrap_or_default(), |rules| rules.effective_at_ms);
        let state = state_at(row.state, rules.starts_at.as_ms(), rules.ends_at.as_ms(), self.now_ms());
        let row = CampaignRow { state: self.read_back(&row), ..row };
        Ok(view(&row, &rules, state, effective_at_ms, announced))
    }
}

fn announced_view(rules: &Definition, next: &RuleVersion) -> Result<AnnouncedView> {
    let read: Definition =
        serde_json::from_str(&next.definition).map_err(|_| Error::Unavailable("stored rules cannot be read"))?;
    let shown = |change: &Change| !OWN.iter().any(|own| change.field.ends_with(own));
    Ok(AnnouncedView {
        version: next.version,
        rules_hash: hex::encode(next.hash),
        effective_at: rfc3339(next.effective_at_ms),
        changes: compare(rules, &read).into_iter().filter(shown).map(without_own).collect(),
    })
}

/// A whole prize that comes or goes is shown without its cost.
fn without_own(mut change: Change) -> Change {
    for side in [&mut change.before, &mut change.after] {
        if let Value::Object(members) = side {
            members.retain(|name, _| !OWN.contains(&name.as_str()));
        }
    }
    change
}

/// Rules as anyone may read them once they are published. `row.state` is the one that every owner has read back: it
/// decides what is revealed.
pub(super) fn view(
    row: &CampaignRow,
    rules: &Definition,
    state: State,
    effective_at_ms: i64,
    announced: Option<AnnouncedView>,
) -> RulesView {
    let members = Rules::members(rules);
    let code = |ix: &domain::campaign::PrizeIx| rules.prizes[ix.ix()].code.clone();
    RulesView {
        campaign_id: row.id,
        name: rules.name.clone(),
        description: rules.description.clone(),
        state,
        rules_version: row.rules_version,
        rules_hash: hex::encode(rules.hash()),
        seed_hash: hex::encode(row.seed.commitment()),
        campaign_seed: matches!(row.state, State::Ended | State::Archived).then(|| hex::encode(row.seed.reveal())),
        late_seed_hash: hex::encode(row.late_seed.commitment()),
        late_seed: (row.state == State::Archived).then(|| hex::encode(row.late_seed.reveal())),
        moments: moments(row, rules),
        entry: rules.entry.clone(),
        skin: rules.skin,
        effective_at: rfc3339(effective_at_ms),
        starts_at: rfc3339(rules.starts_at.as_ms()),
        ends_at: rfc3339(rules.ends_at.as_ms()),
        time_zone: rules.time_zone.clone(),
        currency: rules.currency.clone(),
        prizes: rules.prizes.iter().map(|from| prize(rules, from)).collect(),
        tiers: rules
            .tiers
            .iter()
            .zip(&members)
            .map(|(tier, members)| RuleTier {
                code: tier.code.clone(),
                slots: tier.slots,
                unlock_after: tier.unlock_after.unwrap_or(0),
                prizes: members.iter().map(code).collect(),
            })
            .collect(),
        pools: pools(rules, |tier| tier.weight),
        spend_odds: rules.spend_weights.iter().map(|table| spend_odds(rules, table)).collect(),
        limits: public(&rules.limits),
        chances: public(&rules.chances),
        flow: rules.flow.clone(),
        claim_terms: rules.claim_terms.clone(),
        announced,
    }
}

/// The moments' commitment, and once all owners have read the campaign's end the moments themselves.
fn moments(row: &CampaignRow, rules: &Definition) -> Option<MomentsView> {
    let all = crate::runtime::moments(&row.seed, row.id, rules);
    if all.is_empty() {
        return None;
    }
    let shown = |moment: &Moment| MomentView {
        at: rfc3339(moment.at_ms),
        prize: rules.prizes[usize::from(moment.prize)].code.clone(),
    };
    let over = matches!(row.state, State::Ended | State::Archived);
    Some(MomentsView {
        hash: hex::encode(all.commitment()),
        count: all.len(),
        times: over.then(|| all.reveal().iter().map(shown).collect()),
    })
}

fn prize(rules: &Definition, from: &PrizeDef) -> RulePrize {
    RulePrize {
        code: from.code.clone(),
        name: from.name.clone(),
        kind: from.kind.word(),
        value_cents: from.value_cents,
        quantity: rules.units(from),
        by_time: from.moments.is_some(),
        points: from.points,
    }
}

/// A part of the definition as JSON, without what is the shop's own business.
fn public(part: &impl serde::Serialize) -> Map<String, Value> {
    match serde_json::to_value(part) {
        Ok(Value::Object(mut members)) => {
            members.retain(|name, _| !OWN.contains(&name.as_str()));
            members
        }
        _ => Map::new(),
    }
}

/// The pools under one spend threshold: a tier that it does not name keeps its weight.
fn spend_odds(rules: &Definition, table: &SpendWeightsDef) -> SpendOdds {
    let weight = |tier: &TierDef| table.weights.get(&tier.code).copied().unwrap_or(tier.weight);
    SpendOdds { from_cents: table.from_cents, pools: pools(rules, weight) }
}

fn pools(rules: &Definition, weight_of: impl Fn(&TierDef) -> u64) -> Vec<PoolOdds> {
    let all = || rules.tiers.iter().map(|tier| tier.code.clone()).collect();
    let written = match rules.pools.as_slice() {
        [] => vec![PoolDef { code: "all".to_owned(), when: None, tiers: all() }],
        pools => pools.to_vec(),
    };
    written
        .into_iter()
        .map(|pool| {
            let weight = |code: &String| rules.tiers.iter().find(|tier| tier.code == *code).map_or(0, &weight_of);
            let sum: u64 = pool.tiers.iter().map(weight).sum();
            let odds = |code: &String| TierOdds {
                tier: code.clone(),
                weight: weight(code),
                // The check bounds sums of weights to 32 bits.
                probability: Odds { weight: weight(code) as u32, weight_sum: (sum as u32).max(1), slots: 1 }.decimal(),
            };
            PoolOdds { odds: pool.tiers.iter().map(odds).collect(), code: pool.code, when: pool.when }
        })
        .collect()
}
