//! Operators, their sessions, and API keys: durable when a call returns.

use super::{Store, big, bits, damaged, failed, get, number, statement};
use app::desk::{KeyRow, KeyStore, OperatorRow, Operators, SecretRow, SessionRow, Sessions};
use app::ports::{PortError, PortResult};
use async_trait::async_trait;
use domain::ids::OperatorId;
use domain::operator::{Ban, Role};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};

/// Keys that are listed at once.
const KEYS_MAX: u32 = 1_000;
/// Sessions of one person that are listed at once; their number is bounded far below.
const SESSIONS_MAX: u32 = 1_000;

const OPERATOR: &str = "o.id, o.version, o.login, o.name, o.role, o.password, o.bans, o.created_at";
const SESSION: &str = "s.id, s.operator, s.created_at, s.seen_at, s.fresh_at, s.address";
const KEY: &str = "k.id, k.name, k.scopes, k.created_at, k.expires_at, k.last_used_at";

/// An operator from the column `at` on.
fn operator(row: &QueryResult, at: usize) -> Result<OperatorRow, DbErr> {
    let (role, bans): (String, String) = (get(row, at + 4)?, get(row, at + 6)?);
    let bans: Vec<Ban> = serde_json::from_str(&bans).map_err(|error| DbErr::Json(error.to_string()))?;
    Ok(OperatorRow {
        id: OperatorId(big(row, at)?),
        version: number(row, at + 1)?,
        login: get(row, at + 2)?,
        name: get(row, at + 3)?,
        role: Role::of_word(&role).ok_or_else(|| DbErr::Type("a role that this build does not know".into()))?,
        password: get(row, at + 5)?,
        bans,
        created_at_ms: get(row, at + 7)?,
    })
}

fn session(row: &QueryResult) -> Result<SessionRow, DbErr> {
    Ok(SessionRow {
        id: get(row, 0)?,
        operator: OperatorId(big(row, 1)?),
        created_at_ms: get(row, 2)?,
        seen_at_ms: get(row, 3)?,
        fresh_at_ms: get(row, 4)?,
        address_hash: get(row, 5)?,
    })
}

fn bans(row: &OperatorRow) -> Value {
    serde_json::to_string(&row.bans).expect("invariant: bans are plain data").into()
}

#[async_trait]
impl Operators for Store {
    async fn insert(&self, row: &OperatorRow) -> PortResult<bool> {
        let sql = "INSERT INTO operators (id, version, login, name, role, password, bans, created_at)
                   SELECT ?, ?, ?, ?, ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM operators WHERE login = ?)";
        let values = vec![
            bits(row.id.0),
            i64::from(row.version).into(),
            row.login.clone().into(),
            row.name.clone().into(),
            row.role.word().into(),
            row.password.clone().into(),
            bans(row),
            row.created_at_ms.into(),
            row.login.clone().into(),
        ];
        Ok(self.durably(sql, values).await? == 1)
    }

    async fn update(&self, row: &OperatorRow) -> PortResult<()> {
        let sql =
            "UPDATE operators SET version = ?, name = ?, role = ?, password = ?, bans = ? WHERE id = ? AND version = ?";
        let values = vec![
            i64::from(row.version).into(),
            row.name.clone().into(),
            row.role.word().into(),
            row.password.clone().into(),
            bans(row),
            bits(row.id.0),
            (i64::from(row.version) - 1).into(),
        ];
        if self.durably(sql, values).await? == 1 { Ok(()) } else { Err(PortError::Stale("the operator")) }
    }

    async fn delete(&self, id: OperatorId) -> PortResult<bool> {
        let transaction = self.durable.begin().await.map_err(|error| failed(&error))?;
        let mut gone = 0;
        for sql in ["DELETE FROM sessions WHERE operator = ?", "DELETE FROM operators WHERE id = ?"] {
            let done = transaction.execute_raw(statement(sql, vec![bits(id.0)])).await;
            gone = done.map_err(|error| failed(&error))?.rows_affected();
        }
        transaction.commit().await.map_err(|error| failed(&error))?;
        Ok(gone == 1)
    }

    async fn by_id(&self, id: OperatorId) -> PortResult<Option<OperatorRow>> {
        let sql = format!("SELECT {OPERATOR} FROM operators o WHERE o.id = ?");
        self.one(&sql, vec![bits(id.0)], |row| operator(row, 0)).await
    }

    async fn by_login(&self, login: &str) -> PortResult<Option<OperatorRow>> {
        let sql = format!("SELECT {OPERATOR} FROM operators o WHERE o.login = ?");
        self.one(&sql, vec![login.into()], |row| operator(row, 0)).await
    }

    async fn list(&self, before: u64, limit: u32) -> PortResult<Vec<OperatorRow>> {
        let sql = format!("SELECT {OPERATOR} FROM operators o WHERE o.id < ? ORDER BY o.id DESC LIMIT ?");
        self.all(&sql, vec![bits(before), i64::from(limit).into()], |row| operator(row, 0)).await
    }

    async fn of_role(&self, role: Role) -> PortResult<Vec<OperatorRow>> {
        let sql = format!("SELECT {OPERATOR} FROM operators o WHERE o.role = ?");
        self.all(&sql, vec![role.word().into()], |row| operator(row, 0)).await
    }
}

#[async_trait]
impl Sessions for Store {
    async fn insert(&self, row: &SessionRow, sha256: [u8; 32], max: u32) -> PortResult<()> {
        let transaction = self.durable.begin().await.map_err(|error| failed(&error))?;
        let insert = "INSERT INTO sessions (id, sha256, operator, created_at, seen_at, fresh_at, address) VALUES (?, ?, ?, ?, ?, ?, ?)";
        let values = vec![
            row.id.clone().into(),
            hex::encode(sha256).into(),
            bits(row.operator.0),
            row.created_at_ms.into(),
            row.seen_at_ms.into(),
            row.fresh_at_ms.into(),
            row.address_hash.clone().into(),
        ];
        transaction.execute_raw(statement(insert, values)).await.map_err(|error| failed(&error))?;
        // The new one stays, whatever the clock says.
        let oldest = "DELETE FROM sessions WHERE operator = ? AND id <> ? AND id NOT IN
            (SELECT id FROM (SELECT id FROM sessions WHERE operator = ? AND id <> ? ORDER BY created_at DESC, id DESC LIMIT ?) AS newest)";
        let (who, id) = (bits(row.operator.0), Value::from(row.id.clone()));
        let values = vec![who.clone(), id.clone(), who, id, i64::from(max.saturating_sub(1)).into()];
        transaction.execute_raw(statement(oldest, values)).await.map_err(|error| failed(&error))?;
        transaction.commit().await.map_err(|error| failed(&error))
    }

    async fn find(&self, sha256: [u8; 32]) -> PortResult<Option<(SessionRow, OperatorRow)>> {
        let sql = format!(
            "SELECT {SESSION}, {OPERATOR} FROM sessions s JOIN operators o ON o.id = s.operator WHERE s.sha256 = ?"
        );
        let both = |row: &QueryResult| Ok((session(row)?, operator(row, 6)?));
        self.one(&sql, vec![hex::encode(sha256).into()], both).await
    }

    async fn of_operator(&self, operator: OperatorId) -> PortResult<Vec<SessionRow>> {
        let sql = format!(
            "SELECT {SESSION} FROM sessions s WHERE s.operator = ? ORDER BY s.created_at DESC, s.id DESC LIMIT {SESSIONS_MAX}"
        );
        self.all(&sql, vec![bits(operator.0)], session).await
    }

    async fn touch(&self, id: &str, seen_at_ms: i64, fresh_at_ms: i64) -> PortResult<()> {
        let sql = "UPDATE sessions SET seen_at = ?, fresh_at = ? WHERE id = ?";
        self.durably(sql, vec![seen_at_ms.into(), fresh_at_ms.into(), id.into()]).await.map(|_| ())
    }

    async fn delete(&self, operator: OperatorId, id: &str) -> PortResult<bool> {
        let sql = "DELETE FROM sessions WHERE operator = ? AND id = ?";
        Ok(self.durably(sql, vec![bits(operator.0), id.into()]).await? == 1)
    }

    async fn delete_all(&self, operator: OperatorId, except: Option<&str>) -> PortResult<u64> {
        let sql = "DELETE FROM sessions WHERE operator = ? AND id <> ?";
        self.durably(sql, vec![bits(operator.0), except.unwrap_or_default().into()]).await
    }

    async fn delete_before(&self, created_at_ms: i64) -> PortResult<u64> {
        self.durably("DELETE FROM sessions WHERE created_at < ?", vec![created_at_ms.into()]).await
    }
}

fn key(row: &QueryResult) -> Result<KeyRow, DbErr> {
    let scopes: String = get(row, 2)?;
    Ok(KeyRow {
        id: get(row, 0)?,
        name: get(row, 1)?,
        scopes: scopes.split_whitespace().map(str::to_owned).collect(),
        created_at: get(row, 3)?,
        expires_at_ms: get(row, 4)?,
        last_used_at_ms: get(row, 5)?,
        secrets: Vec::new(),
    })
}

impl Store {
    /// The secrets of keys, newest first, with the key of each.
    async fn secrets(&self, of: &str, values: Vec<Value>) -> PortResult<Vec<(String, SecretRow)>> {
        let sql = format!(
            "SELECT api_key, created_at, expires_at FROM api_key_secrets {of} ORDER BY created_at DESC, sha256"
        );
        let row = |row: &QueryResult| {
            Ok((get(row, 0)?, SecretRow { created_at_ms: get(row, 1)?, expires_at_ms: get(row, 2)? }))
        };
        self.all(&sql, values, row).await
    }
}

#[async_trait]
impl KeyStore for Store {
    async fn insert_key(&self, key: &KeyRow, sha256: [u8; 32], created_at_ms: i64) -> PortResult<()> {
        let transaction = self.durable.begin().await.map_err(|error| failed(&error))?;
        let sql = "INSERT INTO api_keys (id, sha256, name, scopes, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)";
        let values = vec![
            key.id.clone().into(),
            hex::encode(sha256).into(),
            key.name.clone().into(),
            key.scopes.join(" ").into(),
            key.created_at.clone().into(),
            key.expires_at_ms.into(),
        ];
        transaction.execute_raw(statement(sql, values)).await.map_err(|error| failed(&error))?;
        let sql = "INSERT INTO api_key_secrets (sha256, api_key, created_at) VALUES (?, ?, ?)";
        let values = vec![hex::encode(sha256).into(), key.id.clone().into(), created_at_ms.into()];
        transaction.execute_raw(statement(sql, values)).await.map_err(|error| failed(&error))?;
        transaction.commit().await.map_err(|error| failed(&error))
    }

    async fn key(&self, sha256: [u8; 32]) -> PortResult<Option<KeyRow>> {
        let sql = format!(
            "SELECT {KEY}, s.created_at, s.expires_at FROM api_key_secrets s JOIN api_keys k ON k.id = s.api_key WHERE s.sha256 = ?"
        );
        let row = |row: &QueryResult| {
            let secret = SecretRow { created_at_ms: get(row, 6)?, expires_at_ms: get(row, 7)? };
            Ok(KeyRow { secrets: vec![secret], ..key(row)? })
        };
        self.one(&sql, vec![hex::encode(sha256).into()], row).await
    }

    async fn key_by_id(&self, id: &str) -> PortResult<Option<KeyRow>> {
        let sql = format!("SELECT {KEY} FROM api_keys k WHERE k.id = ?");
        let Some(found) = self.one(&sql, vec![id.into()], key).await? else { return Ok(None) };
        let secrets = self.secrets("WHERE api_key = ?", vec![id.into()]).await?;
        Ok(Some(KeyRow { secrets: secrets.into_iter().map(|(_, secret)| secret).collect(), ..found }))
    }

    async fn keys(&self) -> PortResult<Vec<KeyRow>> {
        let sql = format!("SELECT {KEY} FROM api_keys k ORDER BY k.created_at DESC, k.id LIMIT {KEYS_MAX}");
        let mut found = self.all(&sql, vec![], key).await?;
        for (id, secret) in self.secrets("", vec![]).await? {
            if let Some(key) = found.iter_mut().find(|key| key.id == id) {
                key.secrets.push(secret);
            }
        }
        Ok(found)
    }

    async fn rotate(&self, id: &str, sha256: [u8; 32], now_ms: i64, overlap_until_ms: i64) -> PortResult<bool> {
        let transaction = self.durable.begin().await.map_err(|error| failed(&error))?;
        let newest = "SELECT sha256 FROM api_key_secrets WHERE api_key = ? ORDER BY created_at DESC, expires_at IS NOT NULL, sha256 LIMIT 1";
        let newest = transaction.query_one_raw(statement(newest, vec![id.into()])).await;
        let Some(newest) = newest.map_err(|error| failed(&error))? else { return Ok(false) };
        let newest: String = get(&newest, 0).map_err(|error| damaged(&error))?;
        let steps: [(&str, Vec<Value>); 3] = [
            ("DELETE FROM api_key_secrets WHERE api_key = ? AND sha256 <> ?", vec![id.into(), newest.clone().into()]),
            (
                "UPDATE api_key_secrets SET expires_at = MIN(COALESCE(expires_at, ?), ?) WHERE sha256 = ?",
                vec![overlap_until_ms.into(), overlap_until_ms.into(), newest.into()],
            ),
            (
                "INSERT INTO api_key_secrets (sha256, api_key, created_at) VALUES (?, ?, ?)",
                vec![hex::encode(sha256).into(), id.into(), now_ms.into()],
            ),
        ];
        for (sql, values) in steps {
            transaction.execute_raw(statement(sql, values)).await.map_err(|error| failed(&error))?;
        }
        transaction.commit().await.map_err(|error| failed(&error))?;
        Ok(true)
    }

    async fn delete_key(&self, id: &str) -> PortResult<bool> {
        let transaction = self.durable.begin().await.map_err(|error| failed(&error))?;
        let mut gone = 0;
        for sql in ["DELETE FROM api_key_secrets WHERE api_key = ?", "DELETE FROM api_keys WHERE id = ?"] {
            let done = transaction.execute_raw(statement(sql, vec![id.into()])).await;
            gone = done.map_err(|error| failed(&error))?.rows_affected();
        }
        transaction.commit().await.map_err(|error| failed(&error))?;
        Ok(gone == 1)
    }

    async fn touch_key(&self, id: &str, used_at_ms: i64) -> PortResult<()> {
        let sql = "UPDATE api_keys SET last_used_at = ? WHERE id = ?";
        self.durably(sql, vec![used_at_ms.into(), id.into()]).await.map(|_| ())
    }
}
