//! One way to speak to SQLite and to the MySQL protocol: statements are written once, in SQLite's words, and a transaction
//! is what this module makes of it.

use super::dialect::mysql;
use sea_orm::sqlx::mysql::MySql;
use sea_orm::sqlx::pool::PoolConnection;
use sea_orm::sqlx::{AssertSqlSafe, Executor, query_with};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait, Values,
};
use sea_query_sqlx::SqlxValues;
use std::time::Duration;
use tokio::sync::Mutex;

/// A pool of connections.
#[derive(Clone, Debug)]
pub(super) struct Connection(pub DatabaseConnection);

/// An open transaction; dropped without [`Tx::commit`] nothing of it happens.
pub(super) enum Tx {
    Sqlite(DatabaseTransaction),
    /// ShardingSphere-Proxy does not answer a BEGIN as the driver's own transactions want it answered, so it is said by
    /// hand, on a connection that is held and, unless it was committed, closed.
    MySql(Held),
}

pub(super) struct Held(Mutex<Option<PoolConnection<MySql>>>);

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(mut connection) = self.0.get_mut().take() {
            connection.close_on_drop();
        }
    }
}

fn failed(error: sea_orm::sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(error.into()))
}

/// How long a server may take for one statement. One that is stopped, or behind a cut cable, answers never.
const PATIENCE: Duration = Duration::from_secs(10);

/// Waits for a server within [`PATIENCE`].
async fn bounded<T>(work: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
    let late = |_| DbErr::Custom(format!("no answer within {PATIENCE:?}"));
    tokio::time::timeout(PATIENCE, work).await.map_err(late)?
}

fn gone() -> DbErr {
    DbErr::Custom("the transaction is over".into())
}

fn values(statement: &mut Statement) -> SqlxValues {
    SqlxValues(statement.values.take().unwrap_or_else(|| Values(Vec::new())))
}

fn spoken(mut statement: Statement) -> Statement {
    statement.sql = mysql(&statement.sql);
    statement.db_backend = DbBackend::MySql;
    statement
}

impl Connection {
    /// Begins a transaction on a connection of its own.
    pub async fn begin(&self) -> Result<Tx, DbErr> {
        if self.0.get_database_backend() != DbBackend::MySql {
            return self.0.begin().await.map(Tx::Sqlite);
        }
        let connection = self.0.get_mysql_connection_pool().acquire().await.map_err(failed)?;
        let held = Held(Mutex::new(Some(connection)));
        held.say("BEGIN").await?;
        Ok(Tx::MySql(held))
    }

    /// Begins a transaction that reads first and writes later: on SQLite it takes the write lock at once, on a server what
    /// is read with [`Tx::locking`] stays as it is.
    pub async fn begin_alone(&self) -> Result<Tx, DbErr> {
        if self.is_mysql() {
            return self.begin().await;
        }
        let sqlite_transaction_mode = Some(SqliteTransactionMode::Immediate);
        let options = TransactionOptions { sqlite_transaction_mode, ..TransactionOptions::default() };
        self.0.begin_with_options(options).await.map(Tx::Sqlite)
    }

    pub fn is_mysql(&self) -> bool {
        self.0.get_database_backend() == DbBackend::MySql
    }

    /// Runs one statement that changes rows, in a transaction: outside of one the proxy tells of the first database's
    /// success even where another one failed.
    pub async fn run(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        if !self.is_mysql() {
            return self.0.execute_raw(statement).await;
        }
        let transaction = self.begin().await?;
        let done = transaction.execute_raw(statement).await?;
        transaction.commit().await?;
        Ok(done)
    }
}

impl Held {
    async fn say(&self, sql: &'static str) -> Result<ExecResult, DbErr> {
        let mut held = self.0.lock().await;
        let connection = held.as_mut().ok_or_else(gone)?;
        bounded(async { (&mut **connection).execute(sql).await.map(Into::into).map_err(failed) }).await
    }
}

impl Tx {
    /// What ends a query whose rows nobody else may change until this is over.
    pub fn locking(&self) -> &'static str {
        match self {
            Tx::Sqlite(_) => "",
            Tx::MySql(_) => " FOR UPDATE",
        }
    }

    /// Makes nothing of it happen, for certain when it returns.
    pub async fn rollback(self) -> Result<(), DbErr> {
        match self {
            Tx::Sqlite(transaction) => transaction.rollback().await,
            Tx::MySql(held) => {
                held.say("ROLLBACK").await?;
                drop(held.0.lock().await.take());
                Ok(())
            }
        }
    }

    /// Makes all of it happen. Where this fails it may have happened nevertheless.
    pub async fn commit(self) -> Result<(), DbErr> {
        match self {
            Tx::Sqlite(transaction) => transaction.commit().await,
            Tx::MySql(held) => {
                held.say("COMMIT").await?;
                // Given back to the pool; only now, since whoever gives up waiting must not leave it there half asked.
                drop(held.0.lock().await.take());
                Ok(())
            }
        }
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Connection {
    fn get_database_backend(&self) -> DbBackend {
        self.0.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        if self.is_mysql() {
            return bounded(self.0.execute_raw(spoken(statement))).await;
        }
        self.0.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.0.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        if self.is_mysql() {
            return bounded(self.0.query_one_raw(spoken(statement))).await;
        }
        self.0.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        if self.is_mysql() {
            return bounded(self.0.query_all_raw(spoken(statement))).await;
        }
        self.0.query_all_raw(statement).await
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Tx {
    fn get_database_backend(&self) -> DbBackend {
        match self {
            Tx::Sqlite(transaction) => transaction.get_database_backend(),
            Tx::MySql(_) => DbBackend::MySql,
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match self {
            Tx::Sqlite(transaction) => transaction.execute_raw(statement).await,
            Tx::MySql(held) => {
                let mut statement = spoken(statement);
                let values = values(&mut statement);
                let mut held = held.0.lock().await;
                let connection = held.as_mut().ok_or_else(gone)?;
                let query = query_with(AssertSqlSafe(statement.sql), values);
                bounded(async { query.execute(&mut **connection).await.map(Into::into).map_err(failed) }).await
            }
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match self {
            Tx::Sqlite(transaction) => transaction.execute_unprepared(sql).await,
            Tx::MySql(held) => {
                let mut held = held.0.lock().await;
                let connection = held.as_mut().ok_or_else(gone)?;
                (&mut **connection).execute(AssertSqlSafe(sql.to_owned())).await.map(Into::into).map_err(failed)
            }
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.query_all_raw(statement).await.map(|rows| rows.into_iter().next())
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Tx::Sqlite(transaction) => transaction.query_all_raw(statement).await,
            Tx::MySql(held) => {
                let mut statement = spoken(statement);
                let values = values(&mut statement);
                let mut held = held.0.lock().await;
                let connection = held.as_mut().ok_or_else(gone)?;
                let query = query_with(AssertSqlSafe(statement.sql), values);
                let rows = bounded(async { query.fetch_all(&mut **connection).await.map_err(failed) }).await?;
                Ok(rows.into_iter().map(Into::into).collect())
            }
        }
    }
}
