//! The audit: appended only. No statement here updates or deletes.

use super::bulk::{Table, marks};
use super::{Store, big, bits, failed, get};
use app::desk::{AuditFilter, AuditLog, AuditRow};
use app::ports::PortResult;
use async_trait::async_trait;
use sea_orm::{DbErr, QueryResult, Value};

const ENTRIES: Table = Table {
    insert: "INSERT INTO audit (seq, at, who, act, target, of_seq, hash, body)",
    columns: 8,
    // A number that is taken fails the batch: two writers never both continue one entry.
    conflict: "",
};
const SELECT: &str = "SELECT seq, at, who, act, target, of_seq, hash, body FROM audit";

fn entry(row: &QueryResult) -> Result<AuditRow, DbErr> {
    let of: Option<i64> = get(row, 5)?;
    Ok(AuditRow {
        seq: big(row, 0)?,
        at_ms: get(row, 1)?,
        who: get(row, 2)?,
        act: get(row, 3)?,
        target: get(row, 4)?,
        of: of.and_then(|of| u64::try_from(of).ok()),
        hash: get(row, 6)?,
        body: get(row, 7)?,
    })
}

fn values(row: &AuditRow) -> [Value; 8] {
    [
        bits(row.seq),
        row.at_ms.into(),
        row.who.clone().into(),
        row.act.clone().into(),
        row.target.clone().into(),
        row.of.map(|of| of as i64).into(),
        row.hash.clone().into(),
        row.body.clone().into(),
    ]
}

#[async_trait]
impl AuditLog for Store {
    async fn append(&self, rows: &[AuditRow]) -> PortResult<()> {
        let transaction = self.durable.begin().await.map_err(|error| failed(&error))?;
        let all = rows.iter().flat_map(values);
        ENTRIES.write(&transaction, all).await.map_err(|error| failed(&error))?;
        transaction.commit().await.map_err(|error| failed(&error))
    }

    async fn tip(&self) -> PortResult<Option<(u64, String)>> {
        let tip = |row: &QueryResult| Ok((big(row, 0)?, get(row, 1)?));
        self.one("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1", vec![], tip).await
    }

    async fn acts(&self, filter: &AuditFilter, behind: Option<u64>, limit: u32) -> PortResult<Vec<AuditRow>> {
        let (than, order) = if filter.oldest_first { (">", "ASC") } else { ("<", "DESC") };
        let mut sql = format!("{SELECT} WHERE of_seq IS NULL");
        let mut asked: Vec<Value> = Vec::new();
        if let Some(behind) = behind {
            sql.push_str(&format!(" AND seq {than} ?"));
            asked.push(bits(behind));
        }
        let equal = [("who", &filter.who), ("act", &filter.act)];
        for (column, wanted) in equal.into_iter().filter_map(|(column, wanted)| Some((column, wanted.as_ref()?))) {
            sql.push_str(&format!(" AND {column} = ?"));
            asked.push(wanted.clone().into());
        }
        if let Some(target) = &filter.target {
            // What an act made is named by its outcome.
            sql.push_str(
                " AND (target = ? OR seq IN (SELECT of_seq FROM audit WHERE target = ? AND of_seq IS NOT NULL))",
            );
            asked.extend([Value::from(target.clone()), target.clone().into()]);
        }
        for (bound, wanted) in [("at >= ?", filter.from_ms), ("at < ?", filter.until_ms)] {
            if let Some(ms) = wanted {
                sql.push_str(&format!(" AND {bound}"));
                asked.push(ms.into());
            }
        }
        sql.push_str(&format!(" ORDER BY seq {order} LIMIT ?"));
        asked.push(i64::from(limit).into());
        self.all(&sql, asked, entry).await
    }

    async fn outcomes(&self, of: &[u64]) -> PortResult<Vec<AuditRow>> {
        if of.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!("{SELECT} WHERE of_seq IN ({})", marks(of.len()));
        self.all(&sql, of.iter().map(|seq| bits(*seq)).collect(), entry).await
    }

    async fn entries(&self, after: u64, limit: u32) -> PortResult<Vec<AuditRow>> {
        let sql = format!("{SELECT} WHERE seq > ? ORDER BY seq LIMIT ?");
        self.all(&sql, vec![bits(after), i64::from(limit).into()], entry).await
    }
}
