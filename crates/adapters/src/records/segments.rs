//! Named segments.

use super::{Store, failed, get, statement};
use app::ports::{PortResult, SegmentRow, Segments};
use async_trait::async_trait;
use sea_orm::ConnectionTrait;

#[async_trait]
impl Segments for Store {
    async fn segments(&self) -> PortResult<Vec<SegmentRow>> {
        // By the connection that writes them, since a reader may still see what was there before.
        let sql = "SELECT name, expression, description, updated_at FROM segments ORDER BY name";
        let rows = self.durable.query_all_raw(statement(sql, vec![])).await.map_err(|error| failed(&error))?;
        let row = |row: &sea_orm::QueryResult| {
            Ok(SegmentRow {
                name: get(row, 0)?,
                expression: get(row, 1)?,
                description: get(row, 2)?,
                updated_at_ms: get(row, 3)?,
            })
        };
        rows.iter().map(row).collect::<Result<_, sea_orm::DbErr>>().map_err(|error| failed(&error))
    }

    async fn put_segment(&self, row: &SegmentRow) -> PortResult<bool> {
        let transaction = self.durable.begin().await.map_err(|error| failed(&error))?;
        let sql = "UPDATE segments SET expression = ?, description = ?, updated_at = ? WHERE name = ?";
        let values = vec![
            row.expression.clone().into(),
            row.description.clone().into(),
            row.updated_at_ms.into(),
            row.name.clone().into(),
        ];
        let done = transaction.execute_raw(statement(sql, values)).await.map_err(|error| failed(&error))?;
        let is_new = done.rows_affected() == 0;
        if is_new {
            let sql = "INSERT INTO segments (name, expression, description, updated_at) VALUES (?, ?, ?, ?)";
            let values = vec![
                row.name.clone().into(),
                row.expression.clone().into(),
                row.description.clone().into(),
                row.updated_at_ms.into(),
            ];
            transaction.execute_raw(statement(sql, values)).await.map_err(|error| failed(&error))?;
        }
        transaction.commit().await.map_err(|error| failed(&error))?;
        Ok(is_new)
    }

    async fn delete_segment(&self, name: &str) -> PortResult<bool> {
        let sql = "DELETE FROM segments WHERE name = ?";
        Ok(self.durably(sql, vec![name.into()]).await? > 0)
    }
}
