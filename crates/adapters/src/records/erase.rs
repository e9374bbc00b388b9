//! Erasing a shopper: the rows, then the key that opens what the ledger holds sealed; and tombstones, which outlive both.

use super::{Store, bits, failed, statement};
use app::ports::{PortError, PortResult};
use domain::ids::ShopperId;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, TransactionTrait};
use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Write};

/// Where something of a shopper is kept, by the column that names the shopper. The key is last.
const TABLES: [(&str, &str); 16] = [
    ("entry_wins", "shopper"),
    ("code_uses", "shopper"),
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

/// What an erased account's row has for a name: none that a shop can give, since it begins with a control character.
pub(super) fn nameless(shopper: ShopperId) -> String {
    format!("\u{1}{shopper}")
}

/// Deletes a shopper's rows and key. Doing it again changes nothing.
pub(super) async fn rows(to: &DatabaseTransaction, shopper: ShopperId) -> Result<(), DbErr> {
    let id = || bits(shopper.0);
    // The codes that the shopper's awards took stay taken, but name nobody.
    to.execute_raw(statement(
        "UPDATE coupons SET award = -award WHERE award IN (SELECT id FROM awards WHERE shopper = ?)",
        vec![id()],
    ))
    .await?;
    to.execute_raw(statement("DELETE FROM strategies WHERE shopper = ?", vec![id()])).await?;
    for (table, column) in TABLES {
        to.execute_raw(statement(&format!("DELETE FROM {table} WHERE {column} = ?"), vec![id()])).await?;
    }
    let sql = "UPDATE accounts SET external_id = ? WHERE id = ?";
    to.execute_raw(statement(sql, vec![nameless(shopper).into(), id()])).await.map(|_| ())
}

impl Store {
    pub(super) async fn delete_again(&self, shopper: ShopperId) -> PortResult<()> {
        let transaction = self.write.begin().await.map_err(|error| failed(&error))?;
        rows(&transaction, shopper).await.map_err(|error| failed(&error))?;
        transaction.commit().await.map_err(|error| failed(&error))
    }

    /// Adds a line, durable when it returns.
    pub(super) async fn add_tombstone(&self, shopper: ShopperId) -> PortResult<()> {
        let path = self.tombstones.clone();
        on_disk(move || {
            let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
            file.write_all(format!("{shopper}\n").as_bytes())?;
            file.sync_all()?;
            // The file's name is durable only with its directory.
            path.parent().map_or(Ok(()), |folder| std::fs::File::open(folder)?.sync_all())
        })
        .await
    }

    /// All lines. A last one that a crash cut in two names nobody: its shopper's erasure was not answered.
    pub(super) async fn tombstones(&self) -> PortResult<Vec<ShopperId>> {
        let path = self.tombstones.clone();
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
