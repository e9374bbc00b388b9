//! Records: SeaORM over SQLite, a file of its own, or over the MySQL protocol, shared by the nodes of a cluster.
//!
//! Rows carry `part`. What projection writes goes through one connection with synchronous=NORMAL, since the ledger
//! repeats what a power cut takes; facts that are acknowledged outside the ledger (campaigns, people, API keys) go
//! through another one with synchronous=FULL. Keys of 16 bytes are two BIGINTs and texts are TEXT: the forms that every
//! database behind this port passes unchanged.

mod accounts;
mod audit;
mod awards;
mod browse;
mod bulk;
mod campaigns;
mod codes;
mod connection;
mod coupons;
mod deliveries;
mod dialect;
mod drawings;
mod endpoints;
mod erase;
mod escrow;
mod exchange;
mod heardings;
mod import;
mod lists;
mod models;
mod operators;
mod orders;
mod projection;
mod registry;
mod schema;
mod segments;
mod shelves;
mod tables;
mod timers;

pub use import::ImportBatch;
pub use tables::{SHARDED, distribution, doubling};

use crate::vault::Vault;
use app::fulfil::{Dispatch, Subscriptions};
use app::ports::{PortError, PortResult};
use connection::Connection;
use domain::record::KeyHash;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, QueryResult, Statement,
    TryGetable, Value,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

/// The file's name in a data directory.
pub const RECORDS_FILE: &str = "records.db";
/// Ids of erased shoppers, one a line.
pub const TOMBSTONES_FILE: &str = "tombstones";
/// Reading connections.
const READERS: u32 = 4;
/// How long a connection to a server is waited for: whoever asks is told 503 after it.
const AWAY: Duration = Duration::from_secs(3);
/// A connection that rested for so long is asked whether it still is one before it is used; one in use says so by itself, and a
/// question more for every statement is a quarter of what it costs through the proxy.
const IDLE: Duration = Duration::from_secs(1);
/// Connections to a server of the MySQL protocol.
const CONNECTIONS: u32 = 16;
/// How long a statement waits for another connection's lock, or for a connection.
const BUSY: Duration = Duration::from_secs(5);
/// Pages of the write-ahead log (16 KiB each) at which it is brought into the file: 128 MiB, so that pages which many
/// commits touch (accounts, indexes) reach the file once for all of them.
const LOG_PAGES: &str = "8192";
/// KiB of pages that a connection keeps, as SQLite wants it written.
const CACHE: &str = "-65536";
/// The same for the projection's connection: the indexes by shopper are touched all
/// over by a commit of many draws, and what does not fit is written and read several times within it.
const WRITE_CACHE: &str = "-262144";
/// Statements kept prepared per connection.
const STATEMENTS: usize = 128;

/// Why records cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    #[error("the endpoints in the records {path} cannot be read; was master.key replaced?")]
    Endpoints { path: String },
    #[error("records are kept in a directory or at mysql://USER:PASSWORD@HOST:PORT/DATABASE, not at {scheme}://")]
    Scheme { scheme: String },
    #[error("the records {path} cannot be opened: {source}")]
    Open { path: String, source: DbErr },
    #[error(
        "the records {path} were written by a newer koi (layout {found}, this one knows {known}); run that version"
    )]
    Newer { path: String, found: i64, known: i64 },
}

/// All ports that records serve.
#[derive(Clone)]
pub struct Store {
    /// Projection and import.
    write: Connection,
    /// What must be durable when a call returns.
    durable: Connection,
    read: Connection,
    vault: Vault,
    subscriptions: Subscriptions,
    /// The log whose projection this end writes; embedded there is one.
    log: u8,
    /// The partition that this log is, where there are several.
    part: Option<u8>,
    /// The fence that it put up; 0 where none is needed.
    fence: Arc<AtomicU32>,
    /// Who was erased, in a file that no backup holds; on a server it is a table, which none may hold either.
    tombstones: Option<PathBuf>,
}

impl Store {
    /// Opens or makes the records of a data directory and migrates them.
    ///
    /// # Errors
    /// [`RecordsError`].
    pub async fn open(data: &Path, vault: Vault) -> Result<Self, RecordsError> {
        let path = data.join(RECORDS_FILE);
        let shown = path.display().to_string();
        let connect = async |connections, synchronous| {
            let opened = Database::connect(options(&path, connections, synchronous, CACHE)).await;
            opened.map_err(|source| RecordsError::Open { path: shown.clone(), source })
        };
        let write = connect_giving_way(options(&path, 1, SqliteSynchronous::Normal, WRITE_CACHE)).await;
        let write = write.map_err(|source| RecordsError::Open { path: shown.clone(), source })?;
        schema::migrate(&write, &shown).await?;
        let durable = Connection(connect(1, SqliteSynchronous::Full).await?);
        let read = Connection(connect(READERS, SqliteSynchronous::Normal).await?);
        let tombstones = Some(data.join(TOMBSTONES_FILE));
        Self::over([Connection(write), durable, read], vault, tombstones, &shown).await
    }

    /// Connects to records on the MySQL protocol, a database directly or several behind ShardingSphere-Proxy, and makes or
    /// migrates their tables. `url` is `mysql://user:password@host:port/database`; what is shown of it leaves the password
    /// out. One pool serves all logs of a process: see [`Store::of_log`].
    ///
    /// # Errors
    /// [`RecordsError`]; unless the tables are newer, another attempt may succeed.
    pub async fn connect(url: &str, vault: Vault) -> Result<Self, RecordsError> {
        if let Some((scheme, _)) = url.split_once("://").filter(|(scheme, _)| *scheme != "mysql") {
            return Err(RecordsError::Scheme { scheme: scheme.to_owned() });
        }
        let shown = url.rsplit('@').next().unwrap_or_default().to_owned();
        let open = |source| RecordsError::Open { path: shown.clone(), source };
        let mut options = ConnectOptions::new(url);
        options.max_connections(CONNECTIONS).min_connections(1).sqlx_logging(false).acquire_timeout(AWAY);
        options.test_before_acquire_if_idle_for(IDLE);
        let pool = Connection(Database::connect(options).await.map_err(open)?);
        schema::migrate_mysql(&pool, &shown).await?;
        // The server decides what is durable, and it is all of it.
        Self::over([pool.clone(), pool.clone(), pool], vault, None, &shown).await
    }

    async fn over(
        [write, durable, read]: [Connection; 3],
        vault: Vault,
        tombstones: Option<PathBuf>,
        shown: &str,
    ) -> Result<Self, RecordsError> {
        let (subscriptions, fence) = (Subscriptions::default(), Arc::default());
        let store = Self { write, durable, read, vault, subscriptions, log: 0, part: None, fence, tombstones };
        store.read_endpoints().await.map_err(|_| RecordsError::Endpoints { path: shown.into() })?;
        Ok(store)
    }

    /// The same records for the projection of one log among several, that of the partition of the same number.
    #[must_use]
    pub fn of_log(&self, log: u8) -> Self {
        Self { log, part: Some(log), fence: Arc::default(), ..self.clone() }
    }

    /// The shop's endpoints as they are now.
    pub fn subscriptions(&self) -> Subscriptions {
        self.subscriptions.clone()
    }

    /// What the use cases of fulfilment stand on.
    pub fn dispatch(&self) -> Dispatch {
        let store = Arc::new(self.clone());
        Dispatch {
            endpoints: store.clone(),
            deliveries: store.clone(),
            coupons: store.clone(),
            awards: store,
            subscriptions: self.subscriptions(),
            carrier: Default::default(),
        }
    }

    /// Closes all connections.
    pub async fn close(&self) {
        for connection in [&self.read, &self.durable, &self.write] {
            if let Err(error) = connection.0.close_by_ref().await {
                tracing::warn!(%error, "a connection to the records did not close");
            }
        }
    }

    async fn all<T>(
        &self,
        sql: &str,
        values: Vec<Value>,
        row: impl Fn(&QueryResult) -> Result<T, DbErr>,
    ) -> PortResult<Vec<T>> {
        let rows = self.read.query_all_raw(statement(sql, values)).await.map_err(|error| failed(&error))?;
        rows.iter().map(row).collect::<Result<_, _>>().map_err(|error| damaged(&error))
    }

    async fn one<T>(
        &self,
        sql: &str,
        values: Vec<Value>,
        row: impl Fn(&QueryResult) -> Result<T, DbErr>,
    ) -> PortResult<Option<T>> {
        let found = self.read.query_one_raw(statement(sql, values)).await.map_err(|error| failed(&error))?;
        found.as_ref().map(row).transpose().map_err(|error| damaged(&error))
    }

    /// Runs one statement that is durable when it returns, and says how many rows it touched.
    async fn durably(&self, sql: &str, values: Vec<Value>) -> PortResult<u64> {
        let done = self.durable.run(statement(sql, values)).await.map_err(|error| failed(&error))?;
        Ok(done.rows_affected())
    }
}

/// Connects from a thread that gives way to others: the connection's own thread inherits that.
async fn connect_giving_way(options: ConnectOptions) -> Result<DatabaseConnection, DbErr> {
    let handle = tokio::runtime::Handle::current();
    let (done, connected) = tokio::sync::oneshot::channel();
    let work = move || {
        crate::background::give_way();
        _ = done.send(handle.block_on(Database::connect(options)));
    };
    let refused = |_| DbErr::Custom("no thread to connect from".into());
    std::thread::Builder::new()
        .name("koi-connect".into())
        .spawn(work)
        .map_err(|error| DbErr::Custom(error.to_string()))?;
    connected.await.map_err(refused)?
}

fn options(path: &Path, connections: u32, synchronous: SqliteSynchronous, cache: &'static str) -> ConnectOptions {
    let file = path.to_owned();
    let mut options = ConnectOptions::new("sqlite::memory:");
    options
        .max_connections(connections)
        .min_connections(1)
        .sqlx_logging(false)
        .acquire_timeout(BUSY)
        .test_before_acquire(false);
    options.idle_timeout(None).max_lifetime(None);
    options.map_sqlx_sqlite_opts(move |sqlite| {
        sqlite
            .filename(&file)
            .in_memory(false)
            .shared_cache(false)
            .create_if_missing(true)
            .page_size(16_384)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(synchronous)
            .busy_timeout(BUSY)
            .foreign_keys(false)
            .statement_cache_capacity(STATEMENTS)
            .pragma("cache_size", cache)
            .pragma("mmap_size", "1073741824")
            .pragma("temp_store", "MEMORY")
            // What is deleted is overwritten where that costs no extra write: an erased name shall not lie about in pages.
            .pragma("secure_delete", "FAST")
            .pragma("wal_autocheckpoint", LOG_PAGES)
    });
    options
}

fn statement(sql: &str, values: Vec<Value>) -> Statement {
    Statement::from_sql_and_values(DbBackend::Sqlite, sql, values)
}

/// A driver's words stay in the log.
fn failed(error: &DbErr) -> PortError {
    tracing::warn!(%error, "the records failed");
    PortError::Unreachable("the records")
}

fn damaged(error: &DbErr) -> PortError {
    tracing::error!(%error, "a row cannot be read");
    PortError::Damaged("the records")
}

/// A column by its place.
fn get<T: TryGetable>(row: &QueryResult, at: usize) -> Result<T, DbErr> {
    row.try_get_by_index(at)
}

/// An id, offset or other number that is never negative.
fn big(row: &QueryResult, at: usize) -> Result<u64, DbErr> {
    let number: i64 = get(row, at)?;
    u64::try_from(number).map_err(|_| DbErr::Type("a negative number where none can be".into()))
}

fn number<T: TryFrom<i64>>(row: &QueryResult, at: usize) -> Result<T, DbErr> {
    let number: i64 = get(row, at)?;
    T::try_from(number).map_err(|_| DbErr::Type("a number out of range".into()))
}

/// Unsigned numbers are stored as the same 64 bits.
fn bits(value: u64) -> Value {
    Value::from(value as i64)
}

/// A key's two halves.
fn halves(hash: &KeyHash) -> (i64, i64) {
    let (high, low) = hash.split_at(8);
    let half = |bytes: &[u8]| i64::from_be_bytes(bytes.try_into().expect("invariant: half of 16 bytes"));
    (half(high), half(low))
}

fn whole(row: &QueryResult, at: usize) -> Result<KeyHash, DbErr> {
    let (high, low): (i64, i64) = (get(row, at)?, get(row, at + 1)?);
    let mut hash = [0; 16];
    hash[..8].copy_from_slice(&high.to_be_bytes());
    hash[8..].copy_from_slice(&low.to_be_bytes());
    Ok(hash)
}
