//! Erasing a shopper: the rows, then the key that opens what the ledger holds sealed; and tombstones, which outlive both.

use super::bulk::marks;
use super::connection::Tx;
use super::projection::part;
use super::{Store, big, bits, failed, get, statement};
use app::ports::{PortError, PortResult};
use domain::ids::ShopperId;
use sea_orm::{ConnectionTrait, DbErr, Value};
use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Write};

/// Where something of a shopper is kept, by the column that names the shopper. The key is last.
const TABLES: [(&str, &str); 15] = [
    ("entry_wins", "shopper"),
    ("draws", "shopper"),
    ("awards", "shopper"),
    ("entries", "shopper"),
    ("orders", "shopper"),
    ("refunds", "shopper"),
    ("due", "shopper"),
    ("answers", "shopper"),
    ("notices", "shopper"),
    ("deliveries", "shopper"),
    ("addresses", "shopper"),
    ("behaviours", "shopper"),
    ("profiles", "shopper"),
    ("people", "shopper"),
    ("sealing_keys", "shopper"),
];

/// Awards whose coupons one statement lets go of.
const AWARDS: usize = 500;

/// What an erased account's row has for a name: none that a shop can give, since it begins with a control character.
pub(super) fn nameless(shopper: ShopperId) -> String {
    format!("\u{1}{shopper}")
}

/// What of a shopper lies in tables that may be in another database than the rest. The coupons that the shopper's awards
/// took stay taken, but name nobody.
pub(super) async fn singles(to: &Tx, shopper: ShopperId) -> Result<(), DbErr> {
    let sql = "SELECT id FROM awards WHERE shopper = ? AND part = ?";
    let awards = to.query_all_raw(statement(sql, vec![bits(shopper.0), part(shopper)])).await?;
    let awards: Vec<Value> = awards.iter().map(|row| get::<i64>(row, 0).map(Value::from)).collect::<Result<_, _>>()?;
    for some in awards.chunks(AWARDS) {
        let sql = format!("UPDATE coupons SET award = -award WHERE award IN ({})", marks(some.len()));
        to.execute_raw(statement(&sql, some.to_vec())).await?;
    }
    let uses = "DELETE FROM code_uses WHERE shopper = ?";
    to.execute_raw(statement(uses, vec![bits(shopper.0)])).await.map(|_| ())
}

/// Deletes a shopper's rows and key. Doing it again changes nothing.
pub(super) async fn rows(to: &Tx, shopper: ShopperId) -> Result<(), DbErr> {
    let id = || vec![bits(shopper.0), part(shopper)];
    singles(to, shopper).await?;
    to.execute_raw(statement("DELETE FROM strategies WHERE shopper = ? AND part = ?", id())).await?;
    for (table, column) in TABLES {
        let sql = format!("DELETE FROM {table} WHERE {column} = ? AND part = ?");
        to.execute_raw(statement(&sql, id())).await?;
    }
    let sql = "UPDATE accounts SET external_id = ? WHERE id = ? AND part = ?";
    let values = [Value::from(nameless(shopper))].into_iter().chain(id());
    to.execute_raw(statement(sql, values.collect())).await.map(|_| ())
}

impl Store {
    pub(super) async fn delete_again(&self, shopper: ShopperId) -> PortResult<()> {
        let transaction = self.write.begin().await.map_err(|error| failed(&error))?;
        rows(&transaction, shopper).await.map_err(|error| failed(&error))?;
        transaction.commit().await.map_err(|error| failed(&error))
    }

    /// Adds a line or row, durable when it returns.
    pub(super) async fn add_tombstone(&self, shopper: ShopperId) -> PortResult<()> {
        let Some(path) = self.tombstones.clone() else {
            let sql = "INSERT INTO tombstones (shopper) VALUES (?) ON CONFLICT (shopper) DO UPDATE SET shopper = excluded.shopper";
            return self.durably(sql, vec![bits(shopper.0)]).await.map(|_| ());
        };
        on_disk(move || {
            let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
            file.write_all(format!("{shopper}\n").as_bytes())?;
            file.sync_all()?;
            // The file's name is durable only with its directory.
            path.parent().map_or(Ok(()), |folder| std::fs::File::open(folder)?.sync_all())
        })
        .await
    }

    /// All of them. A last line that a crash cut in two names nobody: its shopper's erasure was not answered.
    pub(super) async fn tombstones(&self) -> PortResult<Vec<ShopperId>> {
        let Some(path) = self.tombstones.clone() else {
            let sql = "SELECT shopper FROM tombstones ORDER BY shopper";
            return self.all(sql, vec![], |row| Ok(ShopperId(big(row, 0)?))).await;
        };
        on_disk(move || {
            let mut text = String::new();
            match OpenOptions::new().read(true).open(&path) {
                Ok(mut file) => file.read_to_string(&mut text)?,
                Err(error) if error.kind() == ErrorKind::NotFound => 0,
                Err(error) => return Err(error),
            };
            let whole = text.rfind('\n').map_or("", |end| &text[..end]);
            Ok(whole.lines().filter_map(|line| line.parse().ok()).collect())
        })
        .await
    }
}

async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> PortResult<T> {
    const GONE: PortError = PortError::Unreachable("the tombstones");
    let done = tokio::task::spawn_blocking(work).await.map_err(|_| GONE)?;
    done.map_err(|error| {
        tracing::warn!(%error, "the tombstones cannot be read or written");
        GONE
    })
}
