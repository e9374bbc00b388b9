//! Which records of a shopper had something to tell: those of draws are known by the draws' rows, the others by rows of
//! their own, which are kept for as long as a socket may resume.

use super::bulk::Table;
use super::connection::Tx;
use super::projection::part;
use super::{Store, big, bits, failed, get, number, statement};
use app::ports::{Heardings, PortResult, Readied};
use app::rows::Projected;
use async_trait::async_trait;
use domain::ids::{CampaignId, DrawId, ShopperId};
use sea_orm::{DbErr, QueryResult};

const NOTICES: Table =
    Table { insert: "INSERT OR IGNORE INTO notices (shopper, pos, part, at)", columns: 4, conflict: "" };

pub(super) async fn write(to: &Tx, batch: &mut Projected) -> Result<(), DbErr> {
    let notices = std::mem::take(&mut batch.notices).into_iter();
    let values = notices.flat_map(|n| [bits(n.shopper.0), bits(n.offset), part(n.shopper), n.at_ms.into()]);
    NOTICES.write(to, values).await
}

impl Store {
    /// Forgets what no socket resumes any more.
    ///
    /// # Errors
    /// Where the records are out of reach.
    pub async fn forget_notices(&self, before_ms: i64) -> PortResult<()> {
        let sql = "DELETE FROM notices WHERE at < ?";
        self.write.run(statement(sql, vec![before_ms.into()])).await.map_err(|error| failed(&error))?;
        Ok(())
    }
}

#[async_trait]
impl Heardings for Store {
    async fn offsets(&self, shopper: ShopperId, since_ms: i64, from: u64, limit: u32) -> PortResult<Vec<u64>> {
        let draws = "SELECT pos FROM draws WHERE shopper = ? AND part = ? AND id >= ? AND pos >= ? GROUP BY pos ORDER BY min(id) LIMIT ?";
        let notices =
            "SELECT pos FROM notices WHERE shopper = ? AND part = ? AND pos >= ? AND at >= ? ORDER BY pos LIMIT ?";
        let first = bits(DrawId::first_at(since_ms).0);
        let limit_value = || i64::from(limit).into();
        let row = |row: &QueryResult| big(row, 0);
        let mut offsets =
            self.all(draws, vec![bits(shopper.0), part(shopper), first, bits(from), limit_value()], row).await?;
        let values = vec![bits(shopper.0), part(shopper), bits(from), since_ms.into(), limit_value()];
        offsets.extend(self.all(notices, values, row).await?);
        offsets.sort_unstable();
        offsets.dedup();
        offsets.truncate(limit as usize);
        Ok(offsets)
    }

    async fn strategies(&self, shopper: ShopperId, since_ms: i64, after: u64) -> PortResult<Vec<Readied>> {
        let sql = "SELECT campaign, generation, message, at FROM strategies
                   WHERE shopper = ? AND part = ? AND message > ? AND at >= ? ORDER BY message";
        let row = |row: &QueryResult| {
            Ok(Readied {
                campaign: CampaignId(big(row, 0)?),
                generation: number(row, 1)?,
                message: big(row, 2)?,
                at_ms: get(row, 3)?,
            })
        };
        self.all(sql, vec![bits(shopper.0), part(shopper), bits(after), since_ms.into()], row).await
    }
}
