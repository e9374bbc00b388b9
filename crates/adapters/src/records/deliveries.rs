//! Messages on their way. A row is written by projection beside what it tells of; `subscription` and `message` make it
//! unique for ever, while `endpoint` says in whose lane it is now.

use super::bulk::{Table, marks};
use super::projection::part;
use super::{Store, big, bits, failed, get, number, statement};
use app::fulfil::MessageType;
use app::ports::{Backlog, Deliveries, Delivery, DeliveryState, Hurry, NewDelivery, PortError, PortResult, Settled};
use async_trait::async_trait;
use domain::ids::{AwardId, CampaignId, DeliveryId, EndpointId, ShopperId};
use sea_orm::{DbErr, QueryResult, Value};

pub(super) const DELIVERIES: Table = Table {
    insert: "INSERT OR IGNORE INTO deliveries (subscription, message, endpoint, kind, campaign, shopper, part, award, data, at, state, attempts, due, moved_at)",
    columns: 14,
    conflict: "",
};
/// What compensation writes: a delivery that was done although its award is open is done again.
const AGAIN: Table = Table {
    insert: "INSERT INTO deliveries (subscription, message, endpoint, kind, campaign, shopper, part, award, data, at, state, attempts, due, moved_at)",
    columns: 14,
    conflict: "ON CONFLICT (subscription, message) DO UPDATE SET state = 'pending', due = excluded.due, attempts = 0 WHERE deliveries.state = 'done'",
};
/// Deliveries that one statement forgets.
const FORGOTTEN: usize = 500;
/// A delivery that was done so lately is not missed: projection may not have come to its award's move.
pub(super) const SETTLING_MS: i64 = 60_000;

/// The rows' values, one behind the other.
pub(super) fn values(rows: &[NewDelivery]) -> Vec<Value> {
    let mut values = Vec::with_capacity(rows.len() * DELIVERIES.columns);
    for d in rows {
        let lane = bits(d.endpoint.map_or(0, |e| e.0));
        values.extend([lane.clone(), d.message.clone().into(), lane, d.kind.word().into(), bits(d.campaign.0)]);
        values.extend([bits(d.shopper.0), part(d.shopper), d.award.map(|a| a.0 as i64).into(), d.data.clone().into()]);
        values.extend([
            d.at_ms.into(),
            DeliveryState::Pending.word().into(),
            0i64.into(),
            d.at_ms.into(),
            d.at_ms.into(),
        ]);
    }
    values
}

const DELIVERY: &str = "SELECT id, message, endpoint, kind, campaign, shopper, award, data, at, state, attempts, due, problem FROM deliveries";

fn endpoint(row: &QueryResult, at: usize) -> Result<Option<EndpointId>, DbErr> {
    Ok(Some(big(row, at)?).filter(|id| *id != 0).map(EndpointId))
}

fn delivery(row: &QueryResult) -> Result<Delivery, DbErr> {
    let kind: String = get(row, 3)?;
    let state: String = get(row, 9)?;
    let new = NewDelivery {
        endpoint: endpoint(row, 2)?,
        message: get(row, 1)?,
        kind: MessageType::parse(&kind).ok_or_else(|| DbErr::Type("no message's type".into()))?,
        campaign: CampaignId(big(row, 4)?),
        shopper: ShopperId(big(row, 5)?),
        award: get::<Option<i64>>(row, 6)?.map(|id| AwardId(id as u64)),
        data: get(row, 7)?,
        at_ms: get(row, 8)?,
    };
    Ok(Delivery {
        id: DeliveryId(big(row, 0)?),
        new,
        state: DeliveryState::parse(&state).ok_or_else(|| DbErr::Type("no delivery's state".into()))?,
        attempts: number(row, 10)?,
        due_ms: get(row, 11)?,
        problem: get(row, 12)?,
    })
}

fn lane(endpoint: Option<EndpointId>) -> Value {
    bits(endpoint.map_or(0, |e| e.0))
}

impl Store {
    async fn change_deliveries(&self, sql: &str, values: Vec<Value>) -> PortResult<u64> {
        let done = self.write.run(statement(sql, values)).await.map_err(|error| failed(&error))?;
        Ok(done.rows_affected())
    }
}

#[async_trait]
impl Deliveries for Store {
    async fn put(&self, rows: Vec<NewDelivery>) -> PortResult<()> {
        let transaction = self.write.begin().await.map_err(|error| failed(&error))?;
        AGAIN.write(&transaction, values(&rows)).await.map_err(|error| failed(&error))?;
        transaction.commit().await.map_err(|error| failed(&error))
    }

    async fn due(&self, endpoint: Option<EndpointId>, now_ms: i64, limit: u32) -> PortResult<Vec<Delivery>> {
        let sql = format!("{DELIVERY} WHERE endpoint = ? AND state = 'pending' AND due <= ? ORDER BY due, id LIMIT ?");
        self.all(&sql, vec![lane(endpoint), now_ms.into(), i64::from(limit).into()], delivery).await
    }

    async fn next_due(&self, endpoint: Option<EndpointId>) -> PortResult<Option<i64>> {
        let sql = "SELECT min(due) FROM deliveries WHERE endpoint = ? AND state = 'pending'";
        Ok(self.one(sql, vec![lane(endpoint)], |row| get::<Option<i64>>(row, 0)).await?.flatten())
    }

    async fn settle(&self, settled: &Settled) -> PortResult<()> {
        let sql = "UPDATE deliveries SET state = ?, attempts = ?, due = ?, problem = ?, endpoint = ?, moved_at = ?
                   WHERE id = ? AND state = 'pending'";
        let values = vec![
            settled.state.word().into(),
            i64::from(settled.attempts).into(),
            settled.due_ms.into(),
            settled.problem.clone().into(),
            lane(settled.endpoint),
            app::ports::Clock::now_ms(&crate::clock::SystemClock).into(),
            bits(settled.id.0),
        ];
        self.change_deliveries(sql, values).await.map(|_| ())
    }

    async fn list(&self, state: Option<DeliveryState>, before: u64, limit: u32) -> PortResult<Vec<Delivery>> {
        let limit = Value::from(i64::from(limit));
        match state {
            None => {
                let sql = format!("{DELIVERY} WHERE id < ? ORDER BY id DESC LIMIT ?");
                self.all(&sql, vec![bits(before), limit], delivery).await
            }
            Some(state) => {
                let sql = format!("{DELIVERY} WHERE state = '{}' AND id < ? ORDER BY id DESC LIMIT ?", state.word());
                self.all(&sql, vec![bits(before), limit], delivery).await
            }
        }
    }

    async fn hurry(&self, which: Hurry, now_ms: i64) -> PortResult<u64> {
        let now = Value::from(now_ms);
        match which {
            Hurry::One(id) => {
                let sql =
                    "UPDATE deliveries SET state = 'pending', due = ?, attempts = 0 WHERE id = ? AND state <> 'done'";
                self.change_deliveries(sql, vec![now, bits(id.0)]).await
            }
            Hurry::Pool(campaign) => {
                let sql = "UPDATE deliveries SET due = ? WHERE endpoint = 0 AND state = 'pending' AND campaign = ? AND problem = 'pool_empty'";
                self.change_deliveries(sql, vec![now, bits(campaign.0)]).await
            }
            Hurry::Pools => {
                let free = "SELECT DISTINCT campaign FROM coupons WHERE award IS NULL";
                let free: Vec<i64> = self.all(free, vec![], |row| get(row, 0)).await?;
                if free.is_empty() {
                    return Ok(0);
                }
                let sql = format!(
                    "UPDATE deliveries SET due = ? WHERE endpoint = 0 AND state = 'pending' AND due > ? AND problem = 'pool_empty'
                     AND campaign IN ({})",
                    marks(free.len())
                );
                let values = [now.clone(), now].into_iter().chain(free.into_iter().map(Value::from));
                self.change_deliveries(&sql, values.collect()).await
            }
            Hurry::Receivers => {
                let sql = "UPDATE deliveries SET due = ? WHERE endpoint = 0 AND state = 'pending' AND problem = 'no_receiver'";
                self.change_deliveries(sql, vec![now]).await
            }
        }
    }

    async fn forget(&self, done_ms: i64, parked_ms: i64, limit: u32) -> PortResult<u64> {
        let old = "SELECT id FROM deliveries WHERE state <> 'pending' AND moved_at < ?
                   AND (state = 'done' OR (moved_at < ? AND kind <> 'award.fulfil')) ORDER BY moved_at LIMIT ?";
        let values = vec![done_ms.max(parked_ms).into(), parked_ms.into(), i64::from(limit).into()];
        let old: Vec<i64> = self.all(old, values, |row| get(row, 0)).await?;
        let mut gone = 0;
        for some in old.chunks(FORGOTTEN) {
            // One that has moved since stays.
            let sql = format!("DELETE FROM deliveries WHERE state <> 'pending' AND id IN ({})", marks(some.len()));
            gone += self.change_deliveries(&sql, some.iter().copied().map(Value::from).collect()).await?;
        }
        Ok(gone)
    }

    async fn backlog(&self) -> PortResult<Backlog> {
        // Plain counts and a plain minimum, each by itself: what several databases say of them can be put together.
        let of = |condition| format!("SELECT count(*) FROM deliveries WHERE {condition}");
        let count = async |condition| {
            Ok::<u64, PortError>(self.one(&of(condition), vec![], |row| big(row, 0)).await?.unwrap_or(0))
        };
        let oldest = "SELECT min(at) FROM awards WHERE state IN ('granting', 'failed')";
        Ok(Backlog {
            pending: count("state = 'pending'").await?,
            parked: count("state = 'parked'").await?,
            pool_empty: count("endpoint = 0 AND state = 'pending' AND problem = 'pool_empty'").await?,
            oldest_open_ms: self.one(oldest, vec![], |row| get::<Option<i64>>(row, 0)).await?.flatten(),
        })
    }
}
