//! Campaigns: written as drafts, frozen by publishing, then moved by acts that every owner reads back (R9).

use super::Koi;
use crate::command::Input;
use crate::error::{Error, Result};
use crate::ports::CampaignRow;
use crate::runtime::{Counters, Runtime, state_at};
use crate::time::rfc3339;
use crate::views::{CampaignView, GenerationView, GrantedUsed, Page, PageAsk, PrizeReport, ReportView, TierReport};
use domain::campaign::{Definition, Finding, Severity, State};
use domain::fairness::CampaignSeed;
use domain::ids::CampaignId;
use serde_json::{Map, Value};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// How long an act waits for the owner.
const ACT_DEADLINE: Duration = Duration::from_secs(10);

fn definition(row: &CampaignRow) -> Result<Definition> {
    serde_json::from_str(&row.definition).map_err(|_| Error::Unavailable("a stored campaign cannot be read"))
}

fn text(definition: &Definition) -> String {
    String::from_utf8(definition.canonical()).expect("invariant: JSON is UTF-8")
}

/// Lets an edit or an act come to its end though its caller goes away: a write that is under way cannot be taken back,
/// and whoever comes next must find it done, not happening.
async fn to_its_end<T: Send + 'static>(act: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    tokio::spawn(act).await.map_err(|_| Error::Unavailable("the act was cut short; ask again"))?
}

impl Koi {
    /// A new draft.
    pub async fn create_campaign(&self, definition: Definition) -> Result<CampaignView> {
        let (reply, answer) = oneshot::channel();
        self.send(Input::MakeId { reply })?;
        let id = answer.await.map_err(|_| Error::Unavailable("the owner stopped"))?;
        let row = CampaignRow {
            id: CampaignId(id),
            version: 1,
            state: State::Draft,
            definition: text(&definition),
            seed: CampaignSeed::new(crate::random::bytes32()),
            created_at_ms: self.now_ms(),
            published_at_ms: None,
        };
        self.parts().campaigns.insert(&row).await?;
        self.view(&row, None)
    }

    /// Campaigns, newest first.
    pub async fn campaigns(&self, page: PageAsk) -> Result<Page<CampaignView>> {
        let before = page.before.unwrap_or(i64::MAX as u64).min(i64::MAX as u64);
        let mut rows = self.parts().campaigns.list(before, page.limit + 1).await?;
        let more = rows.len() > page.limit as usize;
        rows.truncate(page.limit as usize);
        let next_cursor = if more { rows.last().map(|r| r.id.to_string()) } else { None };
        let data = rows.iter().map(|row| self.view(row, None)).collect::<Result<_>>()?;
        Ok(Page { data, next_cursor })
    }

    /// One campaign.
    pub async fn campaign(&self, id: CampaignId) -> Result<CampaignView> {
        self.view(&self.row(id).await?, None)
    }

    async fn row(&self, id: CampaignId) -> Result<CampaignRow> {
        self.parts().campaigns.load(id).await?.ok_or(Error::no_campaign())
    }

    /// Changes a draft by a JSON merge patch (RFC 7396) of its definition.
    pub async fn edit_campaign(
        &self,
        id: CampaignId,
        if_match: Option<u32>,
        patch: Map<String, Value>,
    ) -> Result<CampaignView> {
        let koi = self.clone();
        to_its_end(async move { koi.edit(id, if_match, patch).await }).await
    }

    async fn edit(&self, id: CampaignId, if_match: Option<u32>, patch: Map<String, Value>) -> Result<CampaignView> {
        let _one_at_a_time = self.inner.acts.lock().await;
        let row = self.row(id).await?;
        if if_match.is_some_and(|version| version != row.version) {
            return Err(Error::Stale);
        }
        if row.state != State::Draft {
            let detail = "only a draft can be edited; published rules are frozen".into();
            return Err(Error::Conflict { code: "campaign_not_draft", detail });
        }
        let mut whole: Value = serde_json::from_str(&row.definition)
            .map_err(|_| Error::Unavailable("a stored campaign cannot be read"))?;
        merge(&mut whole, Value::Object(patch));
        let edited: Definition = serde_json::from_value(whole).map_err(|error| Error::Invalid {
            code: "invalid_body",
            field: None,
            detail: error.to_string(),
        })?;
        let row = CampaignRow { version: row.version + 1, definition: text(&edited), ..row };
        self.parts().campaigns.update(&row).await?;
        self.view(&row, None)
    }

    /// Publishes a draft: checks it, freezes it by hash, and lets every owner read it back.
    pub async fn publish(&self, id: CampaignId, acknowledge: &[String]) -> Result<CampaignView> {
        let (koi, acknowledge) = (self.clone(), acknowledge.to_vec());
        to_its_end(async move { koi.make_public(id, &acknowledge).await }).await
    }

    async fn make_public(&self, id: CampaignId, acknowledge: &[String]) -> Result<CampaignView> {
        let _one_at_a_time = self.inner.acts.lock().await;
        let row = self.row(id).await?;
        let definition = definition(&row)?;
        if row.state != State::Draft {
            if self.unread(&row) {
                // An earlier publish was stored but its callers were told 503: it is finished now.
                self.inner.unconfirmed.store(true, Ordering::Release);
                self.confirm(&row, &definition).await?;
                return self.view(&row, Some(definition.check()));
            }
            return Err(Error::Conflict {
                code: "campaign_not_draft",
                detail: format!("the campaign is {} already", row.state.word()),
            });
        }
        let findings = definition.check();
        let blocked = |f: &&Finding| match f.severity {
            Severity::Error => true,
            Severity::Warning => definition.strict && !acknowledge.iter().any(|code| code == f.code),
        };
        let blocking: Vec<Finding> = findings.iter().filter(blocked).cloned().collect();
        if !blocking.is_empty() {
            return Err(Error::Findings(blocking));
        }
        let now_ms = self.now_ms();
        if definition.ends_at.as_ms() <= now_ms {
            return Err(Error::invalid("window_over", "ends_at", "the campaign's window is over already"));
        }
        let row = CampaignRow { version: row.version + 1, state: State::Live, published_at_ms: Some(now_ms), ..row };
        self.act(&row, &definition).await?;
        self.parts().wishes.campaign();
        self.view(&row, Some(findings))
    }

    /// Stops a campaign's draws for now.
    pub async fn pause(&self, id: CampaignId) -> Result<CampaignView> {
        self.change_state(id, State::Paused).await
    }

    /// Lets a paused campaign go on.
    pub async fn resume(&self, id: CampaignId) -> Result<CampaignView> {
        self.change_state(id, State::Live).await
    }

    /// Ends a campaign for good and reveals its seed.
    pub async fn end(&self, id: CampaignId) -> Result<CampaignView> {
        self.change_state(id, State::Ended).await
    }

    async fn change_state(&self, id: CampaignId, to: State) -> Result<CampaignView> {
        let koi = self.clone();
        to_its_end(async move { koi.bring_to(id, to).await }).await
    }

    async fn bring_to(&self, id: CampaignId, to: State) -> Result<CampaignView> {
        let _one_at_a_time = self.inner.acts.lock().await;
        let row = self.row(id).await?;
        match (row.state, to) {
            (State::Draft, _) => {
                return Err(Error::Conflict {
                    code: "campaign_not_published",
                    detail: "the campaign is a draft; publish it first".into(),
                });
            }
            (State::Ended | State::Archived, State::Ended) => return self.view(&row, None),
            (State::Ended | State::Archived, _) => {
                return Err(Error::Conflict { code: "campaign_over", detail: "the campaign is over".into() });
            }
            // A repeat may come after a crash between the row and its record: the act is sent again.
            _ => {}
        }
        let definition = definition(&row)?;
        let row = CampaignRow { version: row.version + 1, state: to, ..row };
        self.act(&row, &definition).await?;
        self.view(&row, None)
    }

    /// A copy as a new draft with a seed of its own.
    pub async fn copy_campaign(&self, id: CampaignId) -> Result<CampaignView> {
        let row = self.row(id).await?;
        self.create_campaign(definition(&row)?).await
    }

    /// Commits the row, then waits until the owner has read the act back. A crash in between is mended at the next
    /// start, which sends the acts of all rows again; a 503 in between by `finish_acts`.
    async fn act(&self, row: &CampaignRow, definition: &Definition) -> Result<()> {
        Runtime::new(row, definition).map_err(Error::Findings)?;
        // Before the row is written, so that no failure in between is kept from the sweeper.
        self.inner.unconfirmed.store(true, Ordering::Release);
        self.parts().campaigns.update(row).await?;
        self.confirm(row, definition).await
    }

    /// Whether the owner may not have read back what the table says.
    fn unread(&self, row: &CampaignRow) -> bool {
        self.runtime(row.id).is_none_or(|r| r.version < row.version)
    }

    /// R9's sweeper: sends the acts again that were stored but not confirmed. Returns how many.
    pub async fn finish_acts(&self) -> Result<usize> {
        if !self.inner.unconfirmed.swap(false, Ordering::AcqRel) {
            return Ok(0);
        }
        let _one_at_a_time = self.inner.acts.lock().await;
        let finished = self.confirm_unread().await;
        if finished.is_err() {
            self.inner.unconfirmed.store(true, Ordering::Release);
        }
        finished
    }

    async fn confirm_unread(&self) -> Result<usize> {
        let mut finished = 0;
        for row in self.parts().campaigns.published().await?.iter().filter(|row| self.unread(row)) {
            self.confirm(row, &definition(row)?).await?;
            finished += 1;
        }
        Ok(finished)
    }

    async fn confirm(&self, row: &CampaignRow, definition: &Definition) -> Result<()> {
        let runtime = Arc::new(Runtime::new(row, definition).map_err(Error::Findings)?);
        let (reply, answer) = oneshot::channel();
        self.send(Input::Act { runtime: runtime.clone(), reply })?;
        tokio::time::timeout(ACT_DEADLINE, answer)
            .await
            .map_err(|_| Error::Unavailable("the act was stored but no owner confirmed it in time; ask again"))?
            .map_err(|_| Error::Unavailable("the owner stopped; ask again"))??;
        let mut published = self.inner.published.write().unwrap_or_else(PoisonError::into_inner);
        published.insert(row.id, runtime);
        Ok(())
    }

    fn view(&self, row: &CampaignRow, findings: Option<Vec<Finding>>) -> Result<CampaignView> {
        let definition = definition(row)?;
        let state = state_at(row.state, definition.starts_at.as_ms(), definition.ends_at.as_ms(), self.now_ms());
        // The window's end alone reveals nothing: every owner must have read the end back first (R9).
        let over = matches!(row.state, State::Ended | State::Archived);
        Ok(CampaignView {
            id: row.id,
            state,
            version: row.version,
            rules_hash: hex::encode(definition.hash()),
            seed_hash: (row.state != State::Draft).then(|| hex::encode(row.seed.commitment())),
            campaign_seed: over.then(|| hex::encode(row.seed.reveal())),
            created_at: rfc3339(row.created_at_ms),
            definition,
            findings,
        })
    }

    /// What a campaign has come to. May lag behind a draw's answer by nothing: it asks the owner.
    pub async fn report(&self, id: CampaignId) -> Result<ReportView> {
        let row = self.row(id).await?;
        let definition = definition(&row)?;
        let (reply, answer) = oneshot::channel();
        self.send(Input::Counters { campaign: id, reply })?;
        let counters = answer.await.map_err(|_| Error::Unavailable("the owner stopped"))?.unwrap_or_default();
        let tiers = self.runtime(id).map(|r| tiers(&r, &counters)).unwrap_or_default();
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

/// Promised against met: the odds of the pools that were drawn from, weighted by how often, and the share of rolls.
fn tiers(runtime: &Runtime, counters: &Counters) -> Vec<TierReport> {
    let rules = &runtime.rules;
    let mut promised = vec![0.0f64; rules.tiers.len()];
    for (pool, draws) in counters.pools.iter().enumerate().filter(|(pool, _)| *pool < rules.pools.len()) {
        for (slot, odds) in rules.odds(pool).iter().enumerate() {
            let Some(tier) = rules.tiers.iter().position(|t| t.slot_range().contains(&slot)) else { continue };
            let share = f64::from(odds.weight) / f64::from(odds.weight_sum.max(1)) / f64::from(odds.slots.max(1));
            promised[tier] += share * *draws as f64;
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

/// RFC 7396.
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else { return };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(&name);
        } else {
            merge(target.entry(name).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn patches_merge_as_rfc_7396_says() {
        for (mut target, patch, want) in [
            (json!({"a": 1, "b": {"c": 2}}), json!({"b": {"d": 3}}), json!({"a": 1, "b": {"c": 2, "d": 3}})),
            (json!({"a": 1}), json!({"a": null, "z": null}), json!({})),
            (json!({"a": [1]}), json!({"a": [2, 3]}), json!({"a": [2, 3]})),
            (json!({"a": "x"}), json!({"a": {"b": null, "c": 1}}), json!({"a": {"c": 1}})),
        ] {
            merge(&mut target, patch);
            assert_eq!(target, want);
        }
    }
}
