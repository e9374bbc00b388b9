//! Versions of the model.

use super::{Store, damaged, failed, get, number, statement};
use app::ports::{ModelRow, ModelState, Models, PortResult};
use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DbErr, QueryResult};

const COLUMNS: &str = "version, kind, until_at, fitted_at, shoppers, baskets, items, state, held, comparison, drift";

fn row(row: &QueryResult) -> Result<ModelRow, DbErr> {
    let state = ModelState::named(&get::<String>(row, 7)?).ok_or_else(|| DbErr::Type("a state of no model".into()))?;
    let comparison: Option<String> = get(row, 9)?;
    Ok(ModelRow {
        version: number(row, 0)?,
        kind: get(row, 1)?,
        until_ms: get(row, 2)?,
        fitted_at_ms: get(row, 3)?,
        shoppers: get::<i64>(row, 4)?.unsigned_abs(),
        baskets: get::<i64>(row, 5)?.unsigned_abs(),
        items: get::<i64>(row, 6)?.unsigned_abs(),
        state,
        held: get::<i64>(row, 8)? != 0,
        comparison: comparison.and_then(|text| serde_json::from_str(&text).ok()),
        drift: get(row, 10)?,
    })
}

impl Store {
    /// By the connection that writes them, since a reader may still see what was there before.
    async fn models(&self, rest: &str, values: Vec<sea_orm::Value>) -> PortResult<Vec<ModelRow>> {
        let sql = format!("SELECT {COLUMNS} FROM models {rest}");
        let rows = self.durable.query_all_raw(statement(&sql, values)).await.map_err(|error| failed(&error))?;
        rows.iter().map(row).collect::<Result<_, _>>().map_err(|error| damaged(&error))
    }
}

#[async_trait]
impl Models for Store {
    async fn versions(&self, before: u32, limit: u32) -> PortResult<Vec<ModelRow>> {
        let values = vec![i64::from(before).into(), i64::from(limit).into()];
        self.models("WHERE version < ? ORDER BY version DESC LIMIT ?", values).await
    }

    async fn version(&self, version: u32) -> PortResult<Option<ModelRow>> {
        Ok(self.models("WHERE version = ?", vec![i64::from(version).into()]).await?.pop())
    }

    async fn in_service(&self) -> PortResult<Option<ModelRow>> {
        Ok(self.models("WHERE state = 'in_service'", vec![]).await?.pop())
    }

    async fn add(&self, row: &ModelRow, keep: u32) -> PortResult<()> {
        let transaction = self.durable.begin().await.map_err(|error| failed(&error))?;
        if row.state == ModelState::InService {
            let sql = "UPDATE models SET state = 'retired', held = 0 WHERE state = 'in_service'";
            transaction.execute_raw(statement(sql, vec![])).await.map_err(|error| failed(&error))?;
        }
        let sql = format!("INSERT INTO models ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
        let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let values = vec![
            i64::from(row.version).into(),
            row.kind.clone().into(),
            row.until_ms.into(),
            row.fitted_at_ms.into(),
            count(row.shoppers).into(),
            count(row.baskets).into(),
            count(row.items).into(),
            row.state.word().into(),
            i64::from(row.held).into(),
            row.comparison.and_then(|comparison| serde_json::to_string(&comparison).ok()).into(),
            row.drift.into(),
        ];
        transaction.execute_raw(statement(&sql, values)).await.map_err(|error| failed(&error))?;
        let sql = "DELETE FROM models WHERE state <> 'in_service' AND version <= ?";
        let oldest = i64::from(row.version.saturating_sub(keep));
        transaction.execute_raw(statement(sql, vec![oldest.into()])).await.map_err(|error| failed(&error))?;
        transaction.commit().await.map_err(|error| failed(&error))
    }

    async fn activate(&self, version: u32, held: bool) -> PortResult<bool> {
        let transaction = self.durable.begin().await.map_err(|error| failed(&error))?;
        let sql = "UPDATE models SET state = 'retired', held = 0 WHERE state = 'in_service' AND version <> ?";
        let of = i64::from(version);
        transaction.execute_raw(statement(sql, vec![of.into()])).await.map_err(|error| failed(&error))?;
        let sql = "UPDATE models SET state = 'in_service', held = ? WHERE version = ?";
        let values = vec![i64::from(held).into(), of.into()];
        let done = transaction.execute_raw(statement(sql, values)).await.map_err(|error| failed(&error))?;
        if done.rows_affected() == 0 {
            // Nothing is retired for a version that is not there.
            transaction.rollback().await.map_err(|error| failed(&error))?;
            return Ok(false);
        }
        transaction.commit().await.map_err(|error| failed(&error))?;
        Ok(true)
    }
}
