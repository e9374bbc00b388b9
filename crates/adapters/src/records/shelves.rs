//! Behaviour, profiles and strategies.

use super::bulk::{Table, marks};
use super::deliveries::{self, DELIVERIES};
use super::projection::part;
use super::{Store, big, bits, failed, get, number, statement};
use app::fulfil::{MessageType, Subscribed};
use app::ports::{History, JobCursor, NewDelivery, OutcomeRow, PortResult, Shelves, StrategyRow};
use async_trait::async_trait;
use domain::behaviour::{Action, Behaviour};
use domain::ids::{CampaignId, DrawId, ShopperId};
use rustc_hash::FxHashMap;
use sea_orm::{ConnectionTrait, QueryResult};

const STRATEGIES: Table = Table {
    insert: "INSERT INTO strategies (shopper, campaign, part, generation, stale, slots, message, at)",
    columns: 8,
    conflict: "ON CONFLICT (shopper, campaign) DO UPDATE SET generation = excluded.generation, stale = 0, slots = excluded.slots,
               message = excluded.message, at = excluded.at",
};

/// Behaviours of one shopper that a history holds, the latest ones: a house account's millions would fill the memory.
const HISTORY_MAX: i64 = 200_000;

/// Shoppers whose purchases are read at a time: below SQLite's bound of parameters.
const AT_ONCE: usize = 500;

#[async_trait]
impl Shelves for Store {
    async fn profile(&self, shopper: ShopperId) -> PortResult<Option<String>> {
        let sql = "SELECT state FROM profiles WHERE shopper = ? AND part = ?";
        self.one(sql, vec![bits(shopper.0), part(shopper)], |row| get(row, 0)).await
    }

    async fn histories(&self, after: ShopperId, limit: u32) -> PortResult<Vec<History>> {
        let sql = "SELECT shopper, payload FROM behaviours WHERE shopper > ? ORDER BY shopper, at LIMIT ?";
        let row = |row: &QueryResult| Ok((ShopperId(big(row, 0)?), get::<String>(row, 1)?));
        let rows = self.all(sql, vec![bits(after.0), i64::from(limit).into()], row).await?;
        let cut = rows.len() == limit as usize;
        let mut histories: Vec<History> = Vec::new();
        for (shopper, payload) in rows {
            match histories.last_mut() {
                Some((last, payloads)) if *last == shopper => payloads.push(payload),
                _ => histories.push((shopper, vec![payload])),
            }
        }
        // The page's last shopper may be cut in two: left to the next page, or read whole where there is no other.
        if cut && histories.len() > 1 {
            histories.pop();
        } else if let (true, Some((shopper, payloads))) = (cut, histories.first_mut()) {
            let whole = "SELECT payload FROM behaviours WHERE shopper = ? AND part = ? ORDER BY at DESC LIMIT ?";
            let values = vec![bits(shopper.0), part(*shopper), HISTORY_MAX.into()];
            *payloads = self.all(whole, values, |row| get(row, 0)).await?;
            payloads.reverse();
        }
        Ok(histories)
    }

    async fn strategy(&self, shopper: ShopperId, campaign: CampaignId) -> PortResult<Option<StrategyRow>> {
        let sql =
            "SELECT slots, generation, message, at FROM strategies WHERE shopper = ? AND part = ? AND campaign = ?";
        let row = |row: &QueryResult| {
            Ok(StrategyRow {
                shopper,
                campaign,
                slots: get(row, 0)?,
                generation: number(row, 1)?,
                message: big(row, 2)?,
                at_ms: get(row, 3)?,
            })
        };
        self.one(sql, vec![bits(shopper.0), part(shopper), bits(campaign.0)], row).await
    }

    async fn put_strategies(&self, rows: Vec<StrategyRow>, cursor: JobCursor) -> PortResult<()> {
        let mut transaction = self.write.begin().await.map_err(|error| failed(&error))?;
        let mut values = Vec::with_capacity(rows.len() * STRATEGIES.columns);
        let posted = ready(&self.subscriptions.now(), &rows);
        for r in rows {
            values.extend([
                bits(r.shopper.0),
                bits(r.campaign.0),
                part(r.shopper),
                i64::from(r.generation).into(),
                0i64.into(),
                r.slots.into(),
                bits(r.message),
                r.at_ms.into(),
            ]);
        }
        STRATEGIES.write(&transaction, values).await.map_err(|error| failed(&error))?;
        DELIVERIES.write(&transaction, deliveries::values(&posted)).await.map_err(|error| failed(&error))?;
        if self.write.is_mysql() {
            // The cursor may lie in another database, and two do not commit as one: the cursor last, since what it has
            // passed is not made again.
            transaction.commit().await.map_err(|error| failed(&error))?;
            transaction = self.write.begin().await.map_err(|error| failed(&error))?;
        }
        let sql = "INSERT INTO jobs (campaign, after_id, done, total, generation, finished) VALUES (?, ?, ?, ?, ?, ?)
                   ON CONFLICT (campaign) DO UPDATE SET after_id = excluded.after_id, done = excluded.done, total = excluded.total,
                   generation = excluded.generation, finished = excluded.finished";
        let values = vec![
            bits(cursor.campaign.0),
            bits(cursor.after.0),
            bits(cursor.done),
            bits(cursor.total),
            i64::from(cursor.generation).into(),
            i64::from(cursor.finished).into(),
        ];
        transaction.execute_raw(statement(sql, values)).await.map_err(|error| failed(&error))?;
        transaction.commit().await.map_err(|error| failed(&error))?;
        if !posted.is_empty() {
            self.subscriptions.nudge();
        }
        Ok(())
    }

    async fn cursor(&self, campaign: CampaignId) -> PortResult<Option<JobCursor>> {
        let sql = "SELECT after_id, done, total, generation, finished FROM jobs WHERE campaign = ?";
        let row = |row: &QueryResult| {
            Ok(JobCursor {
                campaign,
                after: ShopperId(big(row, 0)?),
                done: big(row, 1)?,
                total: big(row, 2)?,
                generation: number(row, 3)?,
                finished: get::<i64>(row, 4)? != 0,
            })
        };
        self.one(sql, vec![bits(campaign.0)], row).await
    }

    async fn with_strategy(&self, campaign: CampaignId, after: ShopperId, limit: u32) -> PortResult<Vec<ShopperId>> {
        let sql = "SELECT shopper FROM strategies WHERE shopper > ? AND campaign = ? ORDER BY shopper LIMIT ?";
        let values = vec![bits(after.0), bits(campaign.0), i64::from(limit).into()];
        self.all(sql, values, |row| Ok(ShopperId(big(row, 0)?))).await
    }

    async fn stale(&self, campaign: CampaignId, limit: u32) -> PortResult<Vec<ShopperId>> {
        let sql = "SELECT shopper FROM strategies WHERE campaign = ? AND stale = 1 ORDER BY shopper LIMIT ?";
        self.all(sql, vec![bits(campaign.0), i64::from(limit).into()], |row| Ok(ShopperId(big(row, 0)?))).await
    }

    async fn outcomes(&self, campaign: CampaignId, limit: u32) -> PortResult<Vec<OutcomeRow>> {
        let sql = "SELECT shopper, min(id) FROM draws WHERE campaign = ? GROUP BY shopper ORDER BY shopper LIMIT ?";
        let first = |row: &QueryResult| Ok((ShopperId(big(row, 0)?), DrawId(big(row, 1)?).at_ms()));
        let drew = self.all(sql, vec![bits(campaign.0), i64::from(limit).into()], first).await?;
        let mut outcomes = Vec::with_capacity(drew.len());
        for some in drew.chunks(AT_ONCE) {
            let sql = format!(
                "SELECT shopper, at, payload FROM behaviours WHERE shopper IN ({}) AND at > ? AND payload LIKE '%purchase%'",
                marks(some.len())
            );
            let earliest = some.iter().map(|(_, at_ms)| *at_ms).min().unwrap_or_default();
            let values = some.iter().map(|(shopper, _)| bits(shopper.0)).chain([earliest.into()]).collect();
            let row = |row: &QueryResult| Ok((ShopperId(big(row, 0)?), get::<i64>(row, 1)?, get::<String>(row, 2)?));
            let mut bought: FxHashMap<ShopperId, Vec<(i64, i64)>> = FxHashMap::default();
            for (shopper, at_ms, payload) in self.all(&sql, values, row).await? {
                // The word alone may stand in a search as well.
                if let Ok(Behaviour { action: action @ Action::Purchase { .. }, .. }) = serde_json::from_str(&payload) {
                    bought.entry(shopper).or_default().push((at_ms, action.total_cents()));
                }
            }
            outcomes.extend(some.iter().map(|(shopper, drawn_ms)| {
                let of_shopper = bought.get(shopper).into_iter().flatten().filter(|(at_ms, _)| at_ms > drawn_ms);
                let (count, spend_cents) =
                    of_shopper.fold((0u32, 0i64), |sum, (_, cents)| (sum.0 + 1, sum.1.saturating_add(*cents)));
                OutcomeRow { shopper: *shopper, bought: count > 0, spend_cents }
            }));
        }
        Ok(outcomes)
    }
}

/// The messages that strategies are ready, for whoever wants them.
fn ready(to: &Subscribed, rows: &[StrategyRow]) -> Vec<NewDelivery> {
    let mut posted = Vec::new();
    let at_ms = app::ports::Clock::now_ms(&crate::clock::SystemClock);
    for row in rows {
        to.post(&mut posted, MessageType::StrategyReady, || NewDelivery {
            endpoint: None,
            message: format!("strategy_{}_{}_{}", row.campaign, row.shopper, row.generation),
            kind: MessageType::StrategyReady,
            campaign: row.campaign,
            shopper: row.shopper,
            award: None,
            data: serde_json::json!({"campaign_id": row.campaign, "generation": row.generation}).to_string(),
            at_ms,
        });
    }
    posted
}
