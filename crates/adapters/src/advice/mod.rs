//! The file of advice, `advice.db`: what language models cost, what was learned from them, and the embedded topics of
//! questions and answers ([`topics`]).
//!
//! A file of its own, written with synchronous=FULL: a budget is set aside before every question, and no draw shall wait
//! for that. It is in no backup; a restored directory starts the day's budget anew.

#[cfg(feature = "kafka")]
mod bridge;
mod start;
mod topics;

#[cfg(feature = "kafka")]
pub use bridge::Bridge;
pub use start::{AdviceError, Analyst, start};

use app::ports::{PortError, PortResult, Spent};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The file's name in a data directory.
pub const ADVICE_FILE: &str = "advice.db";
/// How long a statement waits for another process.
const BUSY: Duration = Duration::from_secs(2);
/// Days of which the cost is kept.
const DAYS_KEPT: i64 = 400;
const DAY_MS: i64 = 86_400_000;

/// One entry per layout version, applied in order; entries are never changed once released.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE spending (day INTEGER PRIMARY KEY, tokens INTEGER NOT NULL, microcents INTEGER NOT NULL);
    CREATE TABLE questions (id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, body TEXT NOT NULL);
    CREATE TABLE answers (question INTEGER PRIMARY KEY, at INTEGER NOT NULL, body TEXT NOT NULL);
    CREATE TABLE teacher (id INTEGER PRIMARY KEY CHECK (id = 1), body TEXT NOT NULL);
",
    // What the topics of advice on Kafka need: which node's questions these are, and how far they have been told.
    "
    CREATE TABLE bridge (id INTEGER PRIMARY KEY CHECK (id = 1), tag INTEGER NOT NULL, told INTEGER NOT NULL);
",
];

/// Why the file cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum AdviceFileError {
    #[error("the file of advice {path} cannot be opened: {source}")]
    Open { path: String, source: rusqlite::Error },
    #[error("the file of advice {path} was written by a newer koi (layout {found}); run that version")]
    Newer { path: String, found: i64 },
}

/// The opened file, shared.
#[derive(Clone)]
pub struct AdviceFile {
    connection: Arc<Mutex<Connection>>,
}

/// The most that one day may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    pub tokens: u64,
    pub microcents: u64,
}

/// What a question costs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    pub tokens: u64,
    pub microcents: u64,
}

impl AdviceFile {
    /// Opens or makes the file of a data directory.
    ///
    /// # Errors
    /// [`AdviceFileError`].
    pub fn open(data: &Path) -> Result<Self, AdviceFileError> {
        // A node of a cluster may keep nothing else there. What is wrong with the folder, opening the file says.
        _ = std::fs::create_dir_all(data);
        let path = data.join(ADVICE_FILE);
        let shown = path.display().to_string();
        let open = |source| AdviceFileError::Open { path: shown.clone(), source };
        let mut connection = Connection::open(&path).map_err(open)?;
        connection.busy_timeout(BUSY).map_err(open)?;
        connection.pragma_update(None, "journal_mode", "wal").map_err(open)?;
        connection.pragma_update(None, "synchronous", "full").map_err(open)?;
        let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(open)?;
        if found > MIGRATIONS.len() as i64 {
            return Err(AdviceFileError::Newer { path: shown, found });
        }
        for (at, migration) in MIGRATIONS.iter().enumerate().skip(usize::try_from(found).unwrap_or(0)) {
            let transaction = connection.transaction().map_err(open)?;
            transaction.execute_batch(migration).map_err(open)?;
            transaction.pragma_update(None, "user_version", at as i64 + 1).map_err(open)?;
            transaction.commit().map_err(open)?;
        }
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    /// Runs `work` on the connection, beside the runtime's threads.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> PortResult<T> {
        const WHERE: &str = "the file of advice";
        let connection = self.connection.clone();
        let done =
            tokio::task::spawn_blocking(move || work(&mut connection.lock().unwrap_or_else(PoisonError::into_inner)));
        done.await.map_err(|_| PortError::Unreachable(WHERE))?.map_err(|error| {
            tracing::warn!(%error, "the file of advice failed");
            PortError::Unreachable(WHERE)
        })
    }

    /// Sets `cost` aside for a question of that moment, durably. False where the day's bounds would be passed; then
    /// nothing was set aside.
    pub async fn set_aside(&self, now_ms: i64, cost: Cost, bounds: Bounds) -> PortResult<bool> {
        let day = now_ms.div_euclid(DAY_MS);
        self.with(move |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let spent = spent_on(&transaction, day)?;
            let tokens = spent.tokens.saturating_add(cost.tokens);
            let microcents = spent.microcents.saturating_add(cost.microcents);
            if tokens > bounds.tokens || microcents > bounds.microcents {
                return Ok(false);
            }
            let sql = "INSERT INTO spending VALUES (?1, ?2, ?3)
                       ON CONFLICT (day) DO UPDATE SET tokens = excluded.tokens, microcents = excluded.microcents";
            transaction.execute(sql, params![day, tokens as i64, microcents as i64])?;
            transaction.execute("DELETE FROM spending WHERE day < ?1", [day - DAYS_KEPT])?;
            transaction.commit()?;
            Ok(true)
        })
        .await
    }

    /// Replaces what was set aside by what it came to. Where that is more, the day's bounds may be passed: by what the
    /// endpoint says it took beyond what it was asked for.
    pub async fn settle(&self, asked_ms: i64, aside: Cost, real: Cost) -> PortResult<()> {
        let day = asked_ms.div_euclid(DAY_MS);
        self.with(move |connection| {
            let sql = "UPDATE spending SET tokens = MAX(0, tokens - ?2 + ?3), microcents = MAX(0, microcents - ?4 + ?5) WHERE day = ?1";
            let numbers = [aside.tokens, real.tokens, aside.microcents, real.microcents].map(|n| n as i64);
            connection.execute(sql, params![day, numbers[0], numbers[1], numbers[2], numbers[3]]).map(|_| ())
        })
        .await
    }

    /// What the day of that moment has cost so far.
    pub async fn spent(&self, now_ms: i64, bounds: Bounds) -> PortResult<Spent> {
        let day = now_ms.div_euclid(DAY_MS);
        let cost = self.with(move |connection| spent_on(connection, day)).await?;
        Ok(Spent {
            tokens: cost.tokens,
            microcents: cost.microcents,
            tokens_max: bounds.tokens,
            microcents_max: bounds.microcents,
        })
    }
}

fn spent_on(connection: &Connection, day: i64) -> rusqlite::Result<Cost> {
    let row = |row: &rusqlite::Row<'_>| {
        let number = |at: usize| row.get::<_, i64>(at).map(|n| u64::try_from(n).unwrap_or(0));
        Ok(Cost { tokens: number(0)?, microcents: number(1)? })
    };
    let found =
        connection.query_row("SELECT tokens, microcents FROM spending WHERE day = ?1", [day], row).optional()?;
    Ok(found.unwrap_or_default())
}
