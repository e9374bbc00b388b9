//! Timers (R10): rows beside what they concern, written in its transaction.

use super::bulk::Table;
use super::connection::Tx;
use super::projection::part;
use super::{Store, big, bits, failed, get, statement};
use app::ports::{PortResult, Timers};
use app::rows::Projected;
use app::timers::{DueKey, DueKind, DueRow};
use async_trait::async_trait;
use domain::ids::{CampaignId, ShopperId};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};

const DUE: Table = Table {
    insert: "INSERT INTO due (kind, id, shopper, part, campaign, at)",
    columns: 6,
    // A time is only ever put off.
    conflict: "ON CONFLICT (kind, id, shopper) DO UPDATE SET at = max(at, excluded.at)",
};

/// Writes a batch's new timers, then forgets those that it settles.
pub(super) async fn write(to: &Tx, batch: &mut Projected) -> Result<(), DbErr> {
    let mut values = Vec::with_capacity(batch.dues.len() * DUE.columns);
    for due in std::mem::take(&mut batch.dues) {
        let DueKey { kind, id, shopper } = due.key;
        values.extend([kind.word().into(), bits(id), bits(shopper.0), part(shopper), bits(due.campaign.0)]);
        values.push(due.at_ms.into());
    }
    DUE.write(to, values).await?;
    for DueKey { kind, id, shopper } in std::mem::take(&mut batch.undue) {
        let values = vec![kind.word().into(), bits(id), bits(shopper.0), part(shopper)];
        to.execute_raw(statement("DELETE FROM due WHERE kind = ? AND id = ? AND shopper = ? AND part = ?", values))
            .await?;
    }
    Ok(())
}

#[async_trait]
impl Timers for Store {
    async fn due(&self, now_ms: i64, limit: u32) -> PortResult<Vec<DueRow>> {
        // Of one log among several only what is its own: another one's is its owner's to ask.
        let here = self.part.map_or_else(String::new, |part| format!(" AND part = {part}"));
        let sql = format!(
            "SELECT kind, id, shopper, campaign, at FROM due WHERE at <= ?{here} ORDER BY at, kind, id LIMIT ?"
        );
        let row = |row: &QueryResult| {
            let kind = DueKind::parse(&get::<String>(row, 0)?).ok_or_else(|| DbErr::Type("no timer's kind".into()))?;
            let key = DueKey { kind, id: big(row, 1)?, shopper: ShopperId(big(row, 2)?) };
            Ok(DueRow { key, campaign: CampaignId(big(row, 3)?), at_ms: get(row, 4)? })
        };
        self.all(&sql, vec![now_ms.into(), i64::from(limit).into()], row).await
    }

    async fn forget(&self, settled: &[DueRow]) -> PortResult<()> {
        // Not durable at once: a timer that comes back only asks again.
        let transaction = self.write.begin().await.map_err(|error| failed(&error))?;
        for due in settled {
            let DueKey { kind, id, shopper } = due.key;
            let sql = "DELETE FROM due WHERE kind = ? AND id = ? AND shopper = ? AND part = ? AND at <= ?";
            let values = vec![kind.word().into(), bits(id), bits(shopper.0), part(shopper), due.at_ms.into()];
            transaction.execute_raw(statement(sql, values)).await.map_err(|error| failed(&error))?;
        }
        transaction.commit().await.map_err(|error| failed(&error))
    }
}
