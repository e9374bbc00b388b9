//! Stock in escrow (R6): two conditional updates in one transaction, each of exactly one row or nothing.

use super::connection::Tx;
use super::{Store, big, bits, failed, statement};
use app::ports::{Escrow, Good, Holding, PortError, PortResult, Share, Take};
use async_trait::async_trait;
use domain::ids::CampaignId;
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};

const HOLDING: &str = "SELECT taken, returned FROM escrow WHERE campaign = ? AND prize = ? AND part = ?";

fn number_of(good: Good) -> Value {
    i64::from(good.number()).into()
}

fn key(share: Share) -> [Value; 3] {
    let Share { campaign, good, part } = share;
    [bits(campaign.0), number_of(good), i64::from(part).into()]
}

fn holding(row: &QueryResult) -> Result<Holding, DbErr> {
    Ok(Holding { taken: big(row, 0)?, returned: big(row, 1)? })
}

/// Runs a statement that must touch one row; says whether it did.
async fn one_row(to: &Tx, sql: &str, values: Vec<Value>) -> Result<bool, DbErr> {
    to.execute_raw(statement(sql, values)).await.map(|done| done.rows_affected() == 1)
}

/// Takes, or says by `false` that the rows did not allow it.
async fn take(to: &Tx, share: Share, taken: u64, units: u64, within: u64) -> Result<bool, DbErr> {
    let [campaign, prize, part] = key(share);
    let units_value = bits(units);
    let within = bits(within.min(i64::MAX.unsigned_abs()));
    let values = vec![units_value.clone(), campaign.clone(), prize.clone(), units_value.clone(), units_value, within];
    let stock =
        "UPDATE stock SET given = given + ? WHERE campaign = ? AND prize = ? AND given + ? <= total AND given + ? <= ?";
    if !one_row(to, stock, values).await? {
        return Ok(false);
    }
    let row = "INSERT OR IGNORE INTO escrow (campaign, prize, part, taken, returned) VALUES (?, ?, ?, 0, 0)";
    to.execute_raw(statement(row, vec![campaign.clone(), prize.clone(), part.clone()])).await?;
    let values = vec![bits(taken + units), campaign, prize, part, bits(taken)];
    one_row(to, "UPDATE escrow SET taken = ? WHERE campaign = ? AND prize = ? AND part = ? AND taken = ?", values).await
}

/// Gives back; `false` where the row says at least as much already.
async fn give_back(to: &Tx, share: Share, before: Holding, returned: u64) -> Result<bool, DbErr> {
    let [campaign, prize, part] = key(share);
    let values = vec![bits(returned), campaign.clone(), prize.clone(), part, bits(before.returned)];
    let row = "UPDATE escrow SET returned = ? WHERE campaign = ? AND prize = ? AND part = ? AND returned = ?";
    if !one_row(to, row, values).await? {
        return Ok(false);
    }
    let values = vec![bits(returned - before.returned), campaign, prize];
    one_row(to, "UPDATE stock SET given = given - ? WHERE campaign = ? AND prize = ?", values).await
}

#[async_trait]
impl Escrow for Store {
    async fn stock(&self, campaign: CampaignId, good: Good, total: u64) -> PortResult<bool> {
        let (campaign, prize) = (bits(campaign.0), number_of(good));
        let row = "INSERT OR IGNORE INTO stock (campaign, prize, total, given) VALUES (?, ?, 0, 0)";
        self.durably(row, vec![campaign.clone(), prize.clone()]).await?;
        let values = vec![bits(total), campaign, prize, bits(total)];
        let set = "UPDATE stock SET total = ? WHERE campaign = ? AND prize = ? AND given <= ?";
        Ok(self.durably(set, values).await? == 1)
    }

    async fn take(&self, share: Share, taken: u64, units: u64, within: u64) -> PortResult<Take> {
        let transaction = self.durable.begin().await.map_err(|error| failed(&error))?;
        if take(&transaction, share, taken, units, within).await.map_err(|error| failed(&error))? {
            transaction.commit().await.map_err(|error| failed(&error))?;
            return Ok(Take::Taken { taken: taken + units });
        }
        transaction.rollback().await.map_err(|error| failed(&error))?;
        let holding = self.holding(share).await?;
        if holding.taken != taken {
            return Ok(Take::Moved { holding });
        }
        let [campaign, prize, _] = key(share);
        let out = "SELECT total, given FROM stock WHERE campaign = ? AND prize = ?";
        let row = |row: &QueryResult| Ok((big(row, 0)?, big(row, 1)?));
        let (total, given) = self.one(out, vec![campaign, prize], row).await?.unwrap_or_default();
        Ok(Take::Short { left: total.min(within).saturating_sub(given) })
    }

    async fn holding(&self, share: Share) -> PortResult<Holding> {
        Ok(self.one(HOLDING, key(share).into(), holding).await?.unwrap_or_default())
    }

    async fn give_back(&self, share: Share, returned: u64) -> PortResult<()> {
        loop {
            let before = self.holding(share).await?;
            if returned <= before.returned {
                return Ok(());
            }
            if returned > before.taken {
                return Err(PortError::Damaged("what a log has taken and given back"));
            }
            let transaction = self.durable.begin().await.map_err(|error| failed(&error))?;
            if give_back(&transaction, share, before, returned).await.map_err(|error| failed(&error))? {
                return transaction.commit().await.map_err(|error| failed(&error));
            }
            // Somebody else has raised it meanwhile; it only ever grows, so this ends.
            transaction.rollback().await.map_err(|error| failed(&error))?;
        }
    }

    async fn left(&self, campaign: CampaignId, good: Good) -> PortResult<Option<u64>> {
        let values = vec![bits(campaign.0), number_of(good)];
        self.one("SELECT total - given FROM stock WHERE campaign = ? AND prize = ?", values, |row| big(row, 0)).await
    }
}
