//! Stock in escrow (R6): a row for each good, in it how much there is, what is out, and what each log has ever taken and given
//! back. So a take or a return is one conditional statement that is its own transaction: whoever is paused or cut off between
//! any two lines of this file holds no lock, and what was sent happens whole or not at all.
//!
//! Numbers of a log only grow and a statement names the one that its caller believes, so it takes effect once however often
//! it arrives, and an answer that was lost is settled by reading.

use super::{Store, big, bits, failed, statement};
use app::ports::{Escrow, Good, Holding, PortError, PortResult, Share, Take};
use async_trait::async_trait;
use domain::ids::CampaignId;
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};

fn key(campaign: CampaignId, good: Good) -> [Value; 2] {
    [bits(campaign.0), i64::from(good.number()).into()]
}

/// What a good's row says to one log.
#[derive(Default)]
struct Row {
    total: u64,
    given: u64,
    holding: Holding,
}

fn row(row: &QueryResult) -> Result<Row, DbErr> {
    let holding = Holding { taken: big(row, 2)?, returned: big(row, 3)? };
    Ok(Row { total: big(row, 0)?, given: big(row, 1)?, holding })
}

impl Store {
    /// Runs a statement that reaches one row of a table in one database, by itself, and says whether it did.
    async fn one_row(&self, sql: &str, values: Vec<Value>) -> PortResult<bool> {
        let done = self.durable.execute_raw(statement(sql, values)).await.map_err(|error| failed(&error))?;
        Ok(done.rows_affected() > 0)
    }

    async fn row_of(&self, share: Share) -> PortResult<Row> {
        let Share { campaign, good, part } = share;
        let sql = format!(
            "SELECT total, given, taken_{part}, returned_{part} FROM stock_shares WHERE campaign = ? AND good = ?"
        );
        Ok(self.one(&sql, key(campaign, good).into(), row).await?.unwrap_or_default())
    }
}

#[async_trait]
impl Escrow for Store {
    async fn stock(&self, campaign: CampaignId, good: Good, total: u64) -> PortResult<bool> {
        let [campaign, good] = key(campaign, good);
        let add = "INSERT OR IGNORE INTO stock_shares (campaign, good, total, given) VALUES (?, ?, 0, 0)";
        self.one_row(add, vec![campaign.clone(), good.clone()]).await?;
        let values = vec![bits(total), campaign.clone(), good.clone(), bits(total)];
        let set = "UPDATE stock_shares SET total = ? WHERE campaign = ? AND good = ? AND given <= ?";
        if self.one_row(set, values).await? {
            return Ok(true);
        }
        // Whether rows that stay as they are count differs between engines.
        let now = "SELECT total FROM stock_shares WHERE campaign = ? AND good = ?";
        Ok(self.one(now, vec![campaign, good], |row| big(row, 0)).await? == Some(total))
    }

    async fn take(&self, share: Share, taken: u64, units: u64, within: u64) -> PortResult<Take> {
        let Share { campaign, good, part } = share;
        let [campaign, good] = key(campaign, good);
        let (more, within_value) = (bits(units), bits(within.min(i64::MAX.unsigned_abs())));
        let sql = format!(
            "UPDATE stock_shares SET given = given + ?, taken_{part} = taken_{part} + ? \
             WHERE campaign = ? AND good = ? AND taken_{part} = ? AND given + ? <= total AND given + ? <= ?"
        );
        let values = vec![more.clone(), more.clone(), campaign, good, bits(taken), more.clone(), more, within_value];
        if units > 0 && self.one_row(&sql, values).await? {
            return Ok(Take::Taken { taken: taken + units });
        }
        let Row { total, given, holding } = self.row_of(share).await?;
        if holding.taken != taken {
            return Ok(Take::Moved { holding });
        }
        Ok(Take::Short { left: total.min(within).saturating_sub(given) })
    }

    async fn holding(&self, share: Share) -> PortResult<Holding> {
        Ok(self.row_of(share).await?.holding)
    }

    async fn give_back(&self, share: Share, returned: u64) -> PortResult<()> {
        let Share { campaign, good, part } = share;
        let [campaign, good] = key(campaign, good);
        // What is assigned first is computed from what was there before, in every engine.
        let sql = format!(
            "UPDATE stock_shares SET given = given - (? - returned_{part}), returned_{part} = ? \
             WHERE campaign = ? AND good = ? AND returned_{part} < ? AND taken_{part} >= ?"
        );
        let number = bits(returned);
        let values = vec![number.clone(), number.clone(), campaign, good, number.clone(), number];
        if self.one_row(&sql, values).await? {
            return Ok(());
        }
        let Holding { taken, returned: before } = self.row_of(share).await?.holding;
        match returned {
            _ if returned <= before => Ok(()),
            _ if returned > taken => Err(PortError::Damaged("what a log has taken and given back")),
            // The row has changed between the two statements: whoever owes it asks again.
            _ => Err(PortError::Unreachable("the records")),
        }
    }

    async fn left(&self, campaign: CampaignId, good: Good) -> PortResult<Option<u64>> {
        let sql = "SELECT total - given FROM stock_shares WHERE campaign = ? AND good = ?";
        self.one(sql, key(campaign, good).into(), |row| big(row, 0)).await
    }
}
