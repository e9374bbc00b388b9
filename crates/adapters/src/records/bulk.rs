//! Many rows in few statements.

use super::statement;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Value};

/// Rows of one statement: a few sizes, so that each statement is prepared once and kept.
const SIZES: [usize; 3] = [128, 16, 1];
/// The same to a server, where every statement is a journey, through a proxy two.
const FAR_SIZES: [usize; 4] = [512, 64, 8, 1];

/// Where many rows go.
pub(super) struct Table {
    /// `INSERT OR IGNORE INTO … (…)` for rows that never change: unlike an `ON CONFLICT` clause it cannot fail half-way,
    /// so SQLite keeps no copy of every page that the statement touches.
    pub insert: &'static str,
    pub columns: usize,
    /// `ON CONFLICT …` for rows that do: writing a row again must be harmless.
    pub conflict: &'static str,
}

impl Table {
    /// Writes all rows; `values` gives them one behind the other, and no more of them are held than two statements take.
    pub async fn write(
        &self,
        connection: &impl ConnectionTrait,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<(), DbErr> {
        let mut values = values.into_iter();
        let far = connection.get_database_backend() != DbBackend::Sqlite;
        let sizes: &[usize] = if far { &FAR_SIZES } else { &SIZES };
        let (full, many) = (self.sql(sizes[0]), sizes[0] * self.columns);
        let mut next = || {
            let mut some: Vec<Value> = Vec::with_capacity(many);
            some.extend(values.by_ref().take(many));
            some
        };
        let mut some = next();
        while some.len() == many {
            // The next rows are made while the engine's own thread, or a server, takes these: `join` polls in order.
            let (done, made) = tokio::join!(connection.execute_raw(statement(&full, some)), async { next() });
            done?;
            some = made;
        }
        self.write_rest(connection, &sizes[1..], some).await
    }

    /// The last rows, fewer than the largest statement takes.
    async fn write_rest(
        &self,
        connection: &impl ConnectionTrait,
        sizes: &[usize],
        values: Vec<Value>,
    ) -> Result<(), DbErr> {
        let mut left = values.len() / self.columns;
        let mut values = values.into_iter();
        for size in sizes {
            while left >= *size {
                let some: Vec<Value> = values.by_ref().take(size * self.columns).collect();
                connection.execute_raw(statement(&self.sql(*size), some)).await?;
                left -= size;
            }
        }
        Ok(())
    }

    fn sql(&self, rows: usize) -> String {
        let row = format!("({})", marks(self.columns));
        format!("{} VALUES {} {}", self.insert, vec![row; rows].join(","), self.conflict)
    }
}

/// `?, ?, …`.
pub(super) fn marks(count: usize) -> String {
    vec!["?"; count].join(",")
}
