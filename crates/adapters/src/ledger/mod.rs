//! The embedded ledger: one SQLite file in WAL mode with synchronous=FULL, one writer, a row per batch.
//!
//! A batch is one row and one implicit transaction, so group commit costs one statement and one fsync. There is no
//! secondary index. Checkpoints run on a thread of their own; only when the log has grown past a bound does the writer
//! finish one between two batches, so that the log can start over.

mod archive;
mod checkpoint;

pub use archive::{ArchiveError, archive};

use app::ports::{AppendError, Ledger, LedgerReader, PortError, PortResult, StoredBatch};
use checkpoint::Checkpointer;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, params};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The file's name in a data directory.
pub const LEDGER_FILE: &str = "ledger.db";
/// The version of the file's layout.
const LAYOUT: i64 = 2;
/// The log's size at which the writer lets it start over. Small, since a log that is written over changes no size and
/// allocates nothing: its fdatasync then waits for its own bytes only, not for the file system's journal and what other
/// files have in it.
const LOG_MAX: usize = 64 << 20;
/// How long a statement waits for another connection's lock.
const BUSY: Duration = Duration::from_secs(5);
/// Reading connections kept open.
const READERS: usize = 4;

/// Why the ledger cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("the ledger {path} cannot be opened: {source}")]
    Open { path: String, source: rusqlite::Error },
    #[error("the ledger {path} was written by a newer koi (layout {found}, this one knows {LAYOUT}); run that version")]
    Newer { path: String, found: i64 },
    #[error("the ledger {path} could not be brought into its file: its write-ahead log is not durable; check the disk")]
    Checkpoint { path: String },
}

/// The writing end.
pub struct SqliteLedger {
    connection: Connection,
    end: u64,
    /// Bytes appended since the log last started over.
    logged: usize,
    checkpointer: Checkpointer,
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    // Counts for a new file only. Small, since every commit writes three pages besides its batch.
    connection.pragma_update(None, "page_size", 8_192)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    Ok(connection)
}

impl SqliteLedger {
    /// Opens or makes the ledger of a data directory. What the last process left in the log is brought into the file,
    /// durably, before anything of it is taken for true (R5).
    ///
    /// # Errors
    /// [`LedgerError`]; the caller must not serve then.
    pub fn open(data: &Path) -> Result<Self, LedgerError> {
        let path = data.join(LEDGER_FILE);
        let shown = path.display().to_string();
        let open = |source| LedgerError::Open { path: shown.clone(), source };
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = connect(&path, flags).map_err(open)?;
        let busy: i64 = connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
            .map_err(|_| LedgerError::Checkpoint { path: shown.clone() })?;
        if busy != 0 {
            return Err(LedgerError::Checkpoint { path: shown });
        }
        let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(open)?;
        if found > LAYOUT {
            return Err(LedgerError::Newer { path: shown, found });
        }
        connection
            .execute_batch(&format!(
                "CREATE TABLE IF NOT EXISTS batches (first INTEGER PRIMARY KEY, count INTEGER NOT NULL, at INTEGER NOT NULL, data BLOB NOT NULL);
                 CREATE TABLE IF NOT EXISTS archived (until INTEGER NOT NULL);
                 CREATE TABLE IF NOT EXISTS answers (offset INTEGER PRIMARY KEY, body BLOB NOT NULL);
                 PRAGMA user_version = {LAYOUT};"
            ))
            .map_err(open)?;
        let last = connection
            .query_row("SELECT first + count FROM batches ORDER BY first DESC LIMIT 1", [], |row| row.get::<_, i64>(0))
            .optional()
            .map_err(open)?;
        let archived: Option<i64> =
            connection.query_row("SELECT max(until) FROM archived", [], |row| row.get(0)).map_err(open)?;
        let end = last.or(archived).unwrap_or(0) as u64;
        let checkpointer = Checkpointer::start(path);
        Ok(Self { connection, end, logged: 0, checkpointer })
    }

    fn insert(&self, data: &[u8], count: u32) -> rusqlite::Result<()> {
        let at = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64);
        let mut insert =
            self.connection.prepare_cached("INSERT INTO batches (first, count, at, data) VALUES (?, ?, ?, ?)")?;
        insert.execute(params![self.end as i64, count, at, data]).map(|_| ())
    }
}

/// A full disk and a busy file leave nothing behind; whatever else fails leaves doubt.
fn judge(error: &rusqlite::Error) -> AppendError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => AppendError::Nothing("the disk is full"),
        Some(ErrorCode::TooBig) => AppendError::Nothing("the batch is too big for one row"),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            AppendError::Nothing("the ledger's file is locked")
        }
        Some(ErrorCode::SystemIoFailure) => AppendError::InDoubt("the disk failed"),
        _ => AppendError::InDoubt("the ledger failed"),
    }
}

impl Ledger for SqliteLedger {
    fn append(&mut self, data: &[u8], count: u32) -> Result<u64, AppendError> {
        if let Err(error) = self.insert(data, count) {
            tracing::error!(%error, "the ledger could not take a batch");
            let rolled_back = self.connection.is_autocommit() || self.connection.execute_batch("ROLLBACK").is_ok();
            return Err(if rolled_back {
                judge(&error)
            } else {
                AppendError::InDoubt("the batch could not be rolled back")
            });
        }
        let first = self.end;
        self.end += u64::from(count);
        self.logged += data.len();
        Ok(first)
    }

    fn end(&self) -> u64 {
        self.end
    }

    fn between_batches(&mut self) {
        self.checkpointer.nudge(self.logged);
        if self.logged > LOG_MAX {
            // Most of the log is in the file already; what is left is copied here, and the next batch starts it over.
            let done = self.connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |row| row.get::<_, i64>(0));
            match done {
                Ok(0) => self.logged = 0,
                // A reader is in the way, or the disk is full: again after as many bytes.
                Ok(_) => self.logged = LOG_MAX / 2,
                Err(error) => {
                    tracing::warn!(%error, "the ledger's log could not start over");
                    self.logged = LOG_MAX / 2;
                }
            }
        }
    }
}

/// The reading end: a few connections of its own.
pub struct SqliteLedgerReader {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl SqliteLedgerReader {
    /// A reader of the ledger of a data directory; the file must be there.
    pub fn new(data: &Path) -> Self {
        Self { path: data.join(LEDGER_FILE), idle: Mutex::new(Vec::new()) }
    }

    fn with<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> PortResult<T> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => {
                let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                connect(&self.path, flags).map_err(|error| unreachable_ledger(&error))?
            }
        };
        let result = read(&connection).map_err(|error| unreachable_ledger(&error));
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < READERS {
            idle.push(connection);
        }
        result
    }
}

fn unreachable_ledger(error: &rusqlite::Error) -> PortError {
    tracing::warn!(%error, "the ledger could not be read");
    PortError::Unreachable("the ledger")
}

fn stored(row: &rusqlite::Row<'_>) -> rusqlite::Result<StoredBatch> {
    let (first, count) = (row.get::<_, i64>(0)? as u64, row.get::<_, u32>(1)?);
    Ok(StoredBatch { first, count, next: first + u64::from(count), data: row.get(2)? })
}

impl LedgerReader for SqliteLedgerReader {
    fn batches(&self, offset: u64, max_bytes: usize) -> PortResult<Vec<StoredBatch>> {
        self.with(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT first, count, data FROM batches
                 WHERE first >= coalesce((SELECT max(first) FROM batches WHERE first <= ?1), ?1) ORDER BY first",
            )?;
            let mut rows = select.query([offset as i64])?;
            let (mut batches, mut bytes) = (Vec::new(), 0);
            while let Some(row) = rows.next()? {
                let batch = stored(row)?;
                if batch.first + u64::from(batch.count) > offset {
                    bytes += batch.data.len();
                    batches.push(batch);
                }
                if bytes >= max_bytes {
                    break;
                }
            }
            Ok(batches)
        })
    }

    fn record(&self, offset: u64) -> PortResult<Option<Vec<u8>>> {
        self.with(|connection| {
            // One read transaction: the batch must not be archived between being found and being read.
            let snapshot = connection.unchecked_transaction()?;
            record_in(&snapshot, offset)
        })
    }

    fn answer(&self, offset: u64) -> PortResult<Option<Vec<u8>>> {
        let found = self.with(|connection| {
            let snapshot = connection.unchecked_transaction()?;
            match record_in(&snapshot, offset)? {
                Some(record) => Ok(Some(Found::Record(record))),
                None => {
                    let mut select = snapshot.prepare_cached("SELECT body FROM answers WHERE offset = ?1")?;
                    let kept = select.query_row([offset as i64], |row| row.get(0)).optional()?;
                    Ok(kept.map(Found::Answer))
                }
            }
        })?;
        match found {
            None => Ok(None),
            Some(Found::Answer(answer)) => Ok(Some(answer)),
            Some(Found::Record(bytes)) => match domain::record::decode(&bytes) {
                Ok(record) => Ok(Some(record.answer.to_vec())),
                Err(_) => Err(PortError::Damaged("the ledger")),
            },
        }
    }
}

/// What an offset leads to: its record, or what is kept of an archived one.
enum Found {
    Record(Vec<u8>),
    Answer(Vec<u8>),
}

/// Reads one record out of its batch without reading the others.
fn record_in(connection: &Connection, offset: u64) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut select =
        connection.prepare_cached("SELECT first, count FROM batches WHERE first <= ?1 ORDER BY first DESC LIMIT 1")?;
    let batch =
        select.query_row([offset as i64], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))).optional()?;
    let Some((first, count)) = batch else { return Ok(None) };
    if offset as i64 >= first + count {
        return Ok(None);
    }
    let blob = connection.blob_open("main", "batches", "data", first, true)?;
    let (mut at, mut length) = (0, [0; 4]);
    for _ in first..offset as i64 {
        blob.read_at_exact(&mut length, at)?;
        at += 4 + u32::from_le_bytes(length) as usize;
    }
    blob.read_at_exact(&mut length, at)?;
    let mut record = vec![0; (u32::from_le_bytes(length) as usize).min(blob.len())];
    blob.read_at_exact(&mut record, at + 4)?;
    Ok(Some(record))
}
