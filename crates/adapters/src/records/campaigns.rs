//! Campaigns and the versions of their rules: durable when a call returns, seeds sealed.

use super::{Store, big, bits, failed, get, number, statement};
use app::ports::{CampaignRow, Campaigns, PortError, PortResult, RuleVersion, VersionState};
use async_trait::async_trait;
use domain::campaign::State;
use domain::fairness::CampaignSeed;
use domain::ids::CampaignId;
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};

const SELECT: &str = "SELECT id, version, state, definition, seed, created_at, published_at, rules_version, author, ended_at, ended_by FROM campaigns";
const SELECT_RULES: &str = "SELECT campaign, version, state, hash, definition, effective_at, created_at, announced_at, author, publisher FROM rule_versions";
const PUT_RULES: &str = "INSERT OR REPLACE INTO rule_versions (campaign, version, state, hash, definition, effective_at, created_at, announced_at, author, publisher) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

fn rule_values(rules: &RuleVersion) -> Vec<Value> {
    vec![
        bits(rules.campaign.0),
        i64::from(rules.version).into(),
        rules.state.word().into(),
        hex::encode(rules.hash).into(),
        rules.definition.clone().into(),
        rules.effective_at_ms.into(),
        rules.created_at_ms.into(),
        rules.announced_at_ms.into(),
        rules.author.clone().into(),
        rules.publisher.clone().into(),
    ]
}

fn rule_version(row: &QueryResult) -> Result<RuleVersion, DbErr> {
    let wrong = |what: &str| DbErr::Type(format!("a version of rules has no readable {what}"));
    let (state, hash): (String, String) = (get(row, 2)?, get(row, 3)?);
    let hash = hex::decode(hash).ok().and_then(|bytes| bytes.try_into().ok());
    Ok(RuleVersion {
        campaign: CampaignId(big(row, 0)?),
        version: number(row, 1)?,
        state: VersionState::named(&state).ok_or_else(|| wrong("state"))?,
        hash: hash.ok_or_else(|| wrong("hash"))?,
        definition: get(row, 4)?,
        effective_at_ms: get(row, 5)?,
        created_at_ms: get(row, 6)?,
        announced_at_ms: get(row, 7)?,
        author: get(row, 8)?,
        publisher: get(row, 9)?,
    })
}

impl Store {
    fn campaign(&self, row: &QueryResult) -> Result<CampaignRow, DbErr> {
        let sealed: String = get(row, 4)?;
        let id: u64 = big(row, 0)?;
        let seeds = self.vault.open_sealed(&sealed).and_then(|bytes| self.seeds(id, &bytes));
        let (seed, late_seed) =
            seeds.ok_or_else(|| DbErr::Type("a campaign's seeds do not open under this master key".into()))?;
        let word: String = get(row, 2)?;
        let state = serde_json::from_value::<State>(word.into()).map_err(|error| DbErr::Json(error.to_string()))?;
        Ok(CampaignRow {
            id: CampaignId(id),
            version: number(row, 1)?,
            state,
            definition: get(row, 3)?,
            seed,
            late_seed,
            created_at_ms: get(row, 5)?,
            published_at_ms: get(row, 6)?,
            rules_version: number(row, 7)?,
            author: get(row, 8)?,
            ended_at_ms: get(row, 9)?,
            ended_by: get(row, 10)?,
        })
    }

    /// Both seeds of a campaign. One that was written before there were two has a late one that follows from the master
    /// key, so that it is as secret and always the same.
    fn seeds(&self, campaign: u64, bytes: &[u8]) -> Option<(CampaignSeed, CampaignSeed)> {
        let (seed, late) = bytes.split_first_chunk::<32>()?;
        let late = match late {
            [] => self.vault.derive(&format!("late seed of campaign {campaign}")),
            late => late.try_into().ok()?,
        };
        Some((CampaignSeed::new(*seed), CampaignSeed::new(late)))
    }
}

#[async_trait]
impl Campaigns for Store {
    async fn insert(&self, row: &CampaignRow) -> PortResult<()> {
        let sql = "INSERT INTO campaigns (id, version, state, definition, seed, created_at, published_at, rules_version, author, ended_at, ended_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        let sealed = self.vault.seal(&[&row.seed.reveal()[..], row.late_seed.reveal()].concat());
        let values = vec![
            bits(row.id.0),
            i64::from(row.version).into(),
            row.state.word().into(),
            row.definition.clone().into(),
            sealed.into(),
            row.created_at_ms.into(),
            row.published_at_ms.into(),
            i64::from(row.rules_version).into(),
            row.author.clone().into(),
            row.ended_at_ms.into(),
            row.ended_by.clone().into(),
        ];
        self.durably(sql, values).await.map(|_| ())
    }

    async fn update(&self, row: &CampaignRow, rules: Option<&RuleVersion>) -> PortResult<()> {
        let sql = "UPDATE campaigns SET version = ?, state = ?, definition = ?, published_at = ?, rules_version = ?, author = ?, ended_at = ?, ended_by = ? WHERE id = ? AND version = ?";
        let values = vec![
            i64::from(row.version).into(),
            row.state.word().into(),
            row.definition.clone().into(),
            row.published_at_ms.into(),
            i64::from(row.rules_version).into(),
            row.author.clone().into(),
            row.ended_at_ms.into(),
            row.ended_by.clone().into(),
            bits(row.id.0),
            (i64::from(row.version) - 1).into(),
        ];
        let transaction = self.durable.begin().await.map_err(|error| failed(&error))?;
        let done = transaction.execute_raw(statement(sql, values)).await.map_err(|error| failed(&error))?;
        if done.rows_affected() != 1 {
            return Err(PortError::Stale("the campaign"));
        }
        if let Some(rules) = rules {
            let put = statement(PUT_RULES, rule_values(rules));
            transaction.execute_raw(put).await.map_err(|error| failed(&error))?;
        }
        transaction.commit().await.map_err(|error| failed(&error))
    }

    async fn rules(&self, id: CampaignId, version: u32) -> PortResult<Option<RuleVersion>> {
        let sql = format!("{SELECT_RULES} WHERE campaign = ? AND version = ?");
        self.one(&sql, vec![bits(id.0), i64::from(version).into()], rule_version).await
    }

    async fn versions(&self, id: CampaignId, before: u32, limit: u32) -> PortResult<Vec<RuleVersion>> {
        let sql = format!("{SELECT_RULES} WHERE campaign = ? AND version < ? ORDER BY version DESC LIMIT ?");
        self.all(&sql, vec![bits(id.0), i64::from(before).into(), i64::from(limit).into()], rule_version).await
    }

    async fn announced(&self) -> PortResult<Vec<RuleVersion>> {
        let sql = format!("{SELECT_RULES} WHERE state = 'announced' ORDER BY effective_at, campaign, version");
        self.all(&sql, vec![], rule_version).await
    }

    async fn load(&self, id: CampaignId) -> PortResult<Option<CampaignRow>> {
        self.one(&format!("{SELECT} WHERE id = ?"), vec![bits(id.0)], |row| self.campaign(row)).await
    }

    async fn list(&self, before: u64, limit: u32) -> PortResult<Vec<CampaignRow>> {
        let sql = format!("{SELECT} WHERE id < ? ORDER BY id DESC LIMIT ?");
        self.all(&sql, vec![bits(before), i64::from(limit).into()], |row| self.campaign(row)).await
    }

    async fn published(&self) -> PortResult<Vec<CampaignRow>> {
        self.all(&format!("{SELECT} WHERE published_at IS NOT NULL ORDER BY id"), vec![], |row| self.campaign(row))
            .await
    }
}
