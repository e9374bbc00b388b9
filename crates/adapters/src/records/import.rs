//! What `koi import` writes: behaviours and profiles, with what makes a repeat harmless, in one transaction.

use super::bulk::{Table, marks};
use super::connection::Tx;
use super::projection::{ACCOUNTS, BEHAVIOURS, PROFILES, mark_stale, part, text};
use super::{Store, bits, failed, get, halves, statement};
use app::ports::{PortError, PortResult, StoredAccount};
use app::rows::BehaviourRow;
use domain::ids::ShopperId;
use sea_orm::{DbErr, QueryResult, Value};

const IMPORTS: Table = Table {
    insert: "INSERT INTO imports (source, order_id, ordinals)",
    columns: 3,
    conflict: "ON CONFLICT (source, order_id) DO UPDATE SET ordinals = excluded.ordinals",
};

/// One transaction of an import.
#[derive(Debug, Default)]
pub struct ImportBatch {
    pub source: &'static str,
    /// Shoppers who are new.
    pub accounts: Vec<StoredAccount>,
    pub behaviours: Vec<BehaviourRow>,
    pub profiles: Vec<(ShopperId, String)>,
    /// By order: the ordinals imported by now.
    pub ordinals: Vec<(String, String)>,
}

impl Store {
    /// The internal ids of external ones that exist.
    ///
    /// # Errors
    /// `Unreachable`.
    pub async fn ids_of(&self, names: &[String]) -> PortResult<Vec<(String, ShopperId)>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!("SELECT external_id, id FROM accounts WHERE external_id IN ({})", marks(names.len()));
        let row = |row: &QueryResult| Ok((get(row, 0)?, ShopperId(get::<i64>(row, 1)? as u64)));
        self.all(&sql, names.iter().map(|n| n.clone().into()).collect(), row).await
    }

    /// Profiles by shopper, as JSON.
    ///
    /// # Errors
    /// `Unreachable`.
    pub async fn profiles_of(&self, shoppers: &[ShopperId]) -> PortResult<Vec<(ShopperId, String)>> {
        if shoppers.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!("SELECT shopper, state FROM profiles WHERE shopper IN ({})", marks(shoppers.len()));
        let row = |row: &QueryResult| Ok((ShopperId(get::<i64>(row, 0)? as u64), get(row, 1)?));
        self.all(&sql, shoppers.iter().map(|s| bits(s.0)).collect(), row).await
    }

    /// Which ordinals of orders were imported before.
    ///
    /// # Errors
    /// `Unreachable`.
    pub async fn ordinals_of(&self, source: &str, orders: &[String]) -> PortResult<Vec<(String, String)>> {
        if orders.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT order_id, ordinals FROM imports WHERE source = ? AND order_id IN ({})",
            marks(orders.len())
        );
        let values = std::iter::once(source).chain(orders.iter().map(String::as_str)).map(Value::from).collect();
        self.all(&sql, values, |row: &QueryResult| Ok((get(row, 0)?, get(row, 1)?))).await
    }

    /// Writes a batch: all of it or nothing.
    ///
    /// # Errors
    /// `Unreachable`.
    pub async fn import(&self, batch: ImportBatch) -> PortResult<()> {
        let transaction = self.write.begin().await.map_err(|error| failed(&error))?;
        write(&transaction, batch).await.map_err(|error| failed(&error))?;
        transaction.commit().await.map_err(|error| failed(&error))
    }

    /// Makes everything written so far durable: a full checkpoint, fsynced.
    ///
    /// # Errors
    /// `Unreachable`.
    pub async fn sync(&self) -> PortResult<()> {
        use sea_orm::ConnectionTrait;
        if self.durable.is_mysql() {
            return Ok(());
        }
        let done = self
            .durable
            .query_one_raw(statement("PRAGMA wal_checkpoint(TRUNCATE)", vec![]))
            .await
            .map_err(|error| failed(&error))?;
        let busy = done.map(|row| get::<i32>(&row, 0)).transpose().map_err(|error| failed(&error))?;
        // Busy: another connection kept part of the log from the file.
        if busy == Some(0) { Ok(()) } else { Err(PortError::Unreachable("the records")) }
    }
}

async fn write(to: &Tx, batch: ImportBatch) -> Result<(), DbErr> {
    let mut values = Vec::new();
    for stored in &batch.accounts {
        let state = serde_json::to_string(&stored.account).map_err(|error| DbErr::Json(error.to_string()))?;
        let id = stored.account.id;
        values.extend([
            bits(id.0),
            part(id),
            stored.account.external_id.clone().into(),
            bits(stored.next),
            state.into(),
        ]);
    }
    ACCOUNTS.write(to, values).await?;
    let shoppers: Vec<ShopperId> = batch.profiles.iter().map(|(id, _)| *id).collect();
    let mut values = Vec::new();
    for b in batch.behaviours {
        let (high, low) = halves(&b.key);
        values.extend([bits(b.shopper.0), high.into(), low.into(), part(b.shopper), b.at_ms.into(), text(b.payload)?]);
    }
    BEHAVIOURS.write(to, values).await?;
    let profiles =
        batch.profiles.into_iter().flat_map(|(shopper, state)| [bits(shopper.0), part(shopper), state.into()]);
    PROFILES.write(to, profiles).await?;
    let ordinals =
        batch.ordinals.into_iter().flat_map(|(order, ordinals)| [batch.source.into(), order.into(), ordinals.into()]);
    IMPORTS.write(to, ordinals).await?;
    mark_stale(to, &shoppers).await
}
