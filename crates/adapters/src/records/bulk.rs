//! Many rows in few statements.

use super::statement;
use sea_orm::{ConnectionTrait, DbErr, Value};

/// Rows of one statement: a few sizes, so that each statement is prepared once and kept.
const SIZES: [usize; 3] = [128, 16, 1];

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
    /// Writes all rows; `values` holds them one behind the other.
    pub async fn write(&self, connection: &impl ConnectionTrait, values: Vec<Value>) -> Result<(), DbErr> {
        let mut left = values.len() / self.columns;
        let mut values = values.into_iter();
        for size in SIZES {
            if left < size {
                continue;
            }
            let row = format!("({})", vec!["?"; self.columns].join(","));
            let sql = format!("{} VALUES {} {}", self.insert, vec![row; size].join(","), self.conflict);
            while left >= size {
                let some: Vec<Value> = values.by_ref().take(size * self.columns).collect();
                connection.execute_raw(statement(&sql, some)).await?;
                left -= size;
            }
        }
        Ok(())
    }
}

/// `?, ?, …`.
pub(super) fn marks(count: usize) -> String {
    vec!["?"; count].join(",")
}
