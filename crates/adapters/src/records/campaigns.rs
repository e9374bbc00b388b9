//! Campaigns: durable when a call returns, seeds sealed.

use super::{Store, big, bits, get, number};
use app::ports::{CampaignRow, Campaigns, PortError, PortResult};
use async_trait::async_trait;
use domain::campaign::State;
use domain::fairness::CampaignSeed;
use domain::ids::CampaignId;
use sea_orm::{DbErr, QueryResult};

const SELECT: &str = "SELECT id, version, state, definition, seed, created_at, published_at FROM campaigns";

impl Store {
    fn campaign(&self, row: &QueryResult) -> Result<CampaignRow, DbErr> {
        let sealed: String = get(row, 4)?;
        let seed = self.vault.open_sealed(&sealed).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let word: String = get(row, 2)?;
        let state = serde_json::from_value::<State>(word.into()).map_err(|error| DbErr::Json(error.to_string()))?;
        Ok(CampaignRow {
            id: CampaignId(big(row, 0)?),
            version: number(row, 1)?,
            state,
            definition: get(row, 3)?,
            seed: CampaignSeed::new(
                seed.ok_or_else(|| DbErr::Type("a campaign's seed does not open under this master key".into()))?,
            ),
            created_at_ms: get(row, 5)?,
            published_at_ms: get(row, 6)?,
        })
    }
}

#[async_trait]
impl Campaigns for Store {
    async fn insert(&self, row: &CampaignRow) -> PortResult<()> {
        let sql = "INSERT INTO campaigns (id, version, state, definition, seed, created_at, published_at) VALUES (?, ?, ?, ?, ?, ?, ?)";
        let sealed = self.vault.seal(row.seed.reveal());
        let values = vec![
            bits(row.id.0),
            i64::from(row.version).into(),
            row.state.word().into(),
            row.definition.clone().into(),
            sealed.into(),
            row.created_at_ms.into(),
            row.published_at_ms.into(),
        ];
        self.durably(sql, values).await.map(|_| ())
    }

    async fn update(&self, row: &CampaignRow) -> PortResult<()> {
        let sql = "UPDATE campaigns SET version = ?, state = ?, definition = ?, published_at = ? WHERE id = ? AND version = ?";
        let values = vec![
            i64::from(row.version).into(),
            row.state.word().into(),
            row.definition.clone().into(),
            row.published_at_ms.into(),
            bits(row.id.0),
            (i64::from(row.version) - 1).into(),
        ];
        if self.durably(sql, values).await? == 1 { Ok(()) } else { Err(PortError::Stale("the campaign")) }
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
