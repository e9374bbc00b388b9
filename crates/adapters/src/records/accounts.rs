//! Cold accounts and their keys.

use super::bulk::marks;
use super::projection::part;
use super::{Store, big, bits, get, halves, number, whole};
use app::ports::{Accounts, PortResult, StoredAccount, StoredKey};
use async_trait::async_trait;
use domain::ids::ShopperId;
use domain::record::KeyHash;
use sea_orm::{DbErr, QueryResult, Value};

/// What a draw's answer had for a status.
const DRAWN: u16 = 201;

fn account(row: &QueryResult) -> Result<StoredAccount, DbErr> {
    let state: String = get(row, 1)?;
    let account = serde_json::from_str(&state).map_err(|error| DbErr::Json(error.to_string()))?;
    Ok(StoredAccount { account, next: big(row, 0)? })
}

fn answer_key(row: &QueryResult) -> Result<StoredKey, DbErr> {
    Ok(StoredKey {
        hash: whole(row, 0)?,
        request: get::<i64>(row, 2)? as u64,
        status: number(row, 4)?,
        offset: big(row, 3)?,
    })
}

fn draw_key(row: &QueryResult) -> Result<StoredKey, DbErr> {
    Ok(StoredKey { hash: whole(row, 0)?, request: get::<i64>(row, 2)? as u64, status: DRAWN, offset: big(row, 3)? })
}

#[async_trait]
impl Accounts for Store {
    async fn by_ids(&self, ids: &[ShopperId]) -> PortResult<Vec<StoredAccount>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!("SELECT next, state FROM accounts WHERE id IN ({})", marks(ids.len()));
        self.all(&sql, ids.iter().map(|id| bits(id.0)).collect(), account).await
    }

    async fn by_name(&self, external_id: &str) -> PortResult<Option<StoredAccount>> {
        let sql = "SELECT next, state FROM accounts WHERE external_id = ? AND part = ?";
        let part = i32::from(domain::ids::partition_of(external_id));
        self.one(sql, vec![external_id.into(), part.into()], account).await
    }

    async fn keys(&self, shopper: ShopperId, limit: u32) -> PortResult<Vec<StoredKey>> {
        let (id, limit_value) = (bits(shopper.0), Value::from(i64::from(limit)));
        // The draws of one command share its key; ten is the most that one command draws, so the newest `10 * limit`
        // draws hold `limit` keys where there are that many.
        let draws = "SELECT key_high, key_low, request, pos FROM
                     (SELECT key_high, key_low, request, pos FROM draws WHERE shopper = ? AND part = ? ORDER BY id DESC LIMIT ?) AS newest
                     GROUP BY pos, key_high, key_low, request ORDER BY pos DESC LIMIT ?";
        let answers = "SELECT key_high, key_low, request, pos, status FROM answers WHERE shopper = ? AND part = ? ORDER BY pos DESC LIMIT ?";
        let newest = Value::from(i64::from(limit) * 10);
        let mut keys = self.all(draws, vec![id.clone(), part(shopper), newest, limit_value.clone()], draw_key).await?;
        keys.extend(self.all(answers, vec![id, part(shopper), limit_value], answer_key).await?);
        keys.sort_by_key(|k| std::cmp::Reverse(k.offset));
        keys.truncate(limit as usize);
        Ok(keys)
    }

    async fn key(&self, shopper: ShopperId, hash: KeyHash) -> PortResult<Option<StoredKey>> {
        let (high, low) = halves(&hash);
        let values = || vec![bits(shopper.0), part(shopper), high.into(), low.into()];
        let answers = "SELECT key_high, key_low, request, pos, status FROM answers WHERE shopper = ? AND part = ? AND key_high = ? AND key_low = ?";
        if let Some(key) = self.one(answers, values(), answer_key).await? {
            return Ok(Some(key));
        }
        let draws = "SELECT key_high, key_low, request, pos FROM draws WHERE shopper = ? AND part = ? AND key_high = ? AND key_low = ? LIMIT 1";
        self.one(draws, values(), draw_key).await
    }

    async fn names(&self, after: ShopperId, limit: u32) -> PortResult<Vec<(ShopperId, String)>> {
        let values = vec![bits(after.0), i64::from(limit).into()];
        let row = |row: &QueryResult| Ok((ShopperId(big(row, 0)?), get(row, 1)?));
        self.all(
            "SELECT id, external_id FROM accounts WHERE id > ? AND external_id > '\u{1f}' ORDER BY id LIMIT ?",
            values,
            row,
        )
        .await
    }

    async fn names_count(&self) -> PortResult<u64> {
        Ok(self
            .one("SELECT count(*) FROM accounts WHERE external_id > '\u{1f}'", vec![], |row| big(row, 0))
            .await?
            .unwrap_or(0))
    }

    async fn newest_id(&self) -> PortResult<u64> {
        let mut newest = 0;
        for table in [
            "accounts",
            "campaigns",
            "draws",
            "awards",
            "entries",
            "orders",
            "refunds",
            "endpoints",
            "code_batches",
            "code_uses",
            "exchange_items",
        ] {
            let id = self
                .one(&format!("SELECT max(id) FROM {table}"), vec![], |row| get::<Option<i64>>(row, 0))
                .await?
                .flatten();
            newest = newest.max(id.map_or(0, |id| id as u64));
        }
        Ok(newest)
    }
}
