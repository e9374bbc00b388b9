//! What projection writes: one transaction per batch, idempotent rows, the position last.

use super::bulk::Table;
use super::connection::Tx;
use super::deliveries::DELIVERIES;
use super::{Store, big, bits, failed, get, halves, number, statement};
use app::ports::{PortError, PortResult, Position, Projection};
use app::rows::{AnswerRow, AwardRow, DrawRow, EntryRow, Projected};
use async_trait::async_trait;
use domain::ids::{CampaignId, ShopperId};
use sea_orm::{ConnectionTrait, DbErr, Value};
use std::sync::atomic::Ordering;

pub(super) const ACCOUNTS: Table = Table {
    insert: "INSERT INTO accounts (id, part, external_id, next, state)",
    columns: 5,
    conflict: "ON CONFLICT (id) DO UPDATE SET next = excluded.next, state = excluded.state",
};
const DRAWS: Table = Table {
    insert: "INSERT OR IGNORE INTO draws (id, part, shopper, campaign, n, key_high, key_low, request, pos, award)",
    columns: 10,
    conflict: "",
};
const AWARDS: Table = Table {
    insert: "INSERT OR IGNORE INTO awards (id, part, shopper, campaign, draw, rules, prize, points, state, at, birth, claim_by, held, order_id)",
    columns: 14,
    conflict: "",
};
const ENTRIES: Table = Table {
    insert: "INSERT OR IGNORE INTO entries (id, part, shopper, amount, balance, contra, business_key, reason, expires_at, receipt, at)",
    columns: 11,
    conflict: "",
};
const ANSWERS: Table = Table {
    insert: "INSERT OR IGNORE INTO answers (shopper, key_high, key_low, part, request, status, pos)",
    columns: 7,
    conflict: "",
};
pub(super) const BEHAVIOURS: Table = Table {
    insert: "INSERT OR IGNORE INTO behaviours (shopper, key_high, key_low, part, at, payload)",
    columns: 6,
    conflict: "",
};
pub(super) const PROFILES: Table = Table {
    insert: "INSERT INTO profiles (shopper, part, state)",
    columns: 3,
    conflict: "ON CONFLICT (shopper) DO UPDATE SET state = excluded.state",
};
const COUNTERS: Table = Table {
    insert: "INSERT INTO counters (campaign, log, state)",
    columns: 3,
    conflict: "ON CONFLICT (campaign, log) DO UPDATE SET state = excluded.state",
};

/// A log's position where it has none yet.
const ROW: &str = "INSERT OR IGNORE INTO projection (id, next, epoch, owner, fence) VALUES (?, 0, 0, 0, 0)";

pub(super) fn part(shopper: ShopperId) -> Value {
    Value::from(i32::from(shopper.partition()))
}

/// Answers and payloads are JSON that this process wrote.
pub(super) fn text(bytes: Vec<u8>) -> Result<Value, DbErr> {
    String::from_utf8(bytes).map(Value::from).map_err(|_| DbErr::Type("not UTF-8".into()))
}

#[async_trait]
impl Projection for Store {
    async fn position(&self) -> PortResult<Position> {
        let row =
            |row: &_| Ok(Position { next: big(row, 0)?, epoch: number(row, 1)?, owner: get::<i64>(row, 2)? as u64 });
        let log = vec![i64::from(self.log).into()];
        let found = self.one("SELECT next, epoch, owner FROM projection WHERE id = ?", log, row).await?;
        Ok(found.unwrap_or_default())
    }

    async fn fence(&self, epoch: u32) -> PortResult<()> {
        let (log, epoch_value) = (Value::from(i64::from(self.log)), Value::from(i64::from(epoch)));
        self.durably(ROW, vec![log.clone()]).await?;
        let raise = "UPDATE projection SET fence = ? WHERE id = ? AND fence < ?";
        if self.durably(raise, vec![epoch_value.clone(), log.clone(), epoch_value]).await? == 0 {
            // Mine already, where an earlier attempt's answer was lost: the log gives an epoch to one owner only.
            let found = self.one("SELECT fence FROM projection WHERE id = ?", vec![log], |row| number(row, 0)).await?;
            if found != Some(epoch) {
                return Err(PortError::Stale("the projection's fence"));
            }
        }
        self.fence.store(epoch, Ordering::Release);
        Ok(())
    }

    async fn counters(&self) -> PortResult<Vec<(CampaignId, String)>> {
        let log = vec![i64::from(self.log).into()];
        let row = |row: &_| Ok((CampaignId(big(row, 0)?), get(row, 1)?));
        self.all("SELECT campaign, state FROM counters WHERE log = ?", log, row).await
    }

    async fn apply(&self, mut batch: Projected) -> PortResult<()> {
        self.before(&mut batch).await?;
        let place = Place { log: self.log, fence: self.fence.load(Ordering::Acquire) };
        if self.write.is_mysql() && place.fence == 0 {
            // Nobody has put a fence up and the row with it.
            self.durably(ROW, vec![i64::from(self.log).into()]).await?;
        }
        let transaction = self.write.begin().await.map_err(|error| failed(&error))?;
        write(&transaction, batch, place).await.map_err(|error| failed(&error))?;
        app::failpoint::hit("projection_between");
        transaction.commit().await.map_err(|error| failed(&error))
    }
}

impl Store {
    /// What a batch changes in tables that may lie in another database than its own rows: true for ever since its records
    /// are valid, harmless again, and done first, since two databases do not commit as one. In a file it is all one.
    async fn before(&self, batch: &mut Projected) -> PortResult<()> {
        if !self.write.is_mysql() || (batch.code_uses.is_empty() && batch.erased.is_empty()) {
            return Ok(());
        }
        let transaction = self.write.begin().await.map_err(|error| failed(&error))?;
        super::codes::complete(&transaction, batch).await.map_err(|error| failed(&error))?;
        for shopper in &batch.erased {
            super::erase::singles(&transaction, *shopper).await.map_err(|error| failed(&error))?;
        }
        transaction.commit().await.map_err(|error| failed(&error))
    }
}

/// The row of the projection's position, and what its fence must say.
#[derive(Clone, Copy)]
struct Place {
    log: u8,
    fence: u32,
}

async fn write(to: &Tx, batch: Projected, place: Place) -> Result<(), DbErr> {
    let mut values = Vec::with_capacity(batch.accounts.len() * ACCOUNTS.columns);
    for stored in &batch.accounts {
        let account = &stored.account;
        let state = serde_json::to_string(account).map_err(|error| DbErr::Json(error.to_string()))?;
        let name = if account.erased { super::erase::nameless(account.id) } else { account.external_id.clone() };
        values.extend([bits(account.id.0), part(account.id), name.into(), bits(stored.next), state.into()]);
    }
    ACCOUNTS.write(to, values).await?;
    DRAWS.write(to, batch.draws.iter().flat_map(draw)).await?;
    AWARDS.write(to, batch.awards.iter().flat_map(award)).await?;
    for m in &batch.award_moves {
        let sql =
            "UPDATE awards SET state = ?, claim_by = coalesce(?, claim_by) WHERE id = ? AND shopper = ? AND part = ?";
        let mut values = vec![m.state.word().into(), m.claim_by_ms.into(), bits(m.award.0), bits(m.shopper.0)];
        values.push(part(m.shopper));
        to.execute_raw(statement(sql, values)).await?;
    }
    for (shopper, award) in &batch.reviewed {
        let sql = "UPDATE awards SET held = 0 WHERE id = ? AND shopper = ? AND part = ?";
        to.execute_raw(statement(sql, vec![bits(award.0), bits(shopper.0), part(*shopper)])).await?;
    }
    super::drawings::write(to, &batch.entry_wins).await?;
    DELIVERIES.write(to, super::deliveries::values(&batch.deliveries)).await?;
    write_rest(to, batch, place).await
}

fn draw(row: &DrawRow) -> [Value; DRAWS.columns] {
    let (high, low) = halves(&row.key);
    [
        bits(row.id.0),
        part(row.shopper),
        bits(row.shopper.0),
        bits(row.campaign.0),
        bits(row.n),
        high.into(),
        low.into(),
        bits(row.request),
        bits(row.offset),
        row.award.map(|award| award.0 as i64).into(),
    ]
}

fn award(row: &AwardRow) -> [Value; AWARDS.columns] {
    [
        bits(row.id.0),
        part(row.shopper),
        bits(row.shopper.0),
        bits(row.campaign.0),
        bits(row.draw.0),
        i64::from(row.rules).into(),
        i64::from(row.prize).into(),
        i64::from(row.points).into(),
        row.state.word().into(),
        row.at_ms.into(),
        row.birth.word().into(),
        row.claim_by_ms.into(),
        i32::from(row.held).into(),
        row.order.map(|order| order.0 as i64).into(),
    ]
}

fn entry(row: EntryRow) -> [Value; ENTRIES.columns] {
    [
        bits(row.id.0),
        part(row.shopper),
        bits(row.shopper.0),
        row.amount.into(),
        row.balance.into(),
        row.contra.word().into(),
        row.business_key.into(),
        row.reason.into(),
        row.expires_at_ms.into(),
        row.receipt.into(),
        row.at_ms.into(),
    ]
}

fn stored_answer(row: &AnswerRow) -> [Value; ANSWERS.columns] {
    let (high, low) = halves(&row.key.hash);
    [
        bits(row.shopper.0),
        high.into(),
        low.into(),
        part(row.shopper),
        bits(row.key.request),
        i64::from(row.key.status).into(),
        bits(row.offset),
    ]
}

/// What draws do not write, or not each.
async fn write_rest(to: &Tx, mut batch: Projected, place: Place) -> Result<(), DbErr> {
    super::orders::write(to, &mut batch).await?;
    super::codes::complete(to, &mut batch).await?;
    super::heardings::write(to, &mut batch).await?;
    ENTRIES.write(to, batch.entries.into_iter().flat_map(entry)).await?;
    ANSWERS.write(to, batch.answers.iter().flat_map(stored_answer)).await?;
    let mut stale: Vec<ShopperId> = batch.behaviours.iter().map(|b| b.shopper).collect();
    let mut values = Vec::with_capacity(batch.behaviours.len() * BEHAVIOURS.columns);
    for b in batch.behaviours {
        let (high, low) = halves(&b.key);
        values.extend([bits(b.shopper.0), high.into(), low.into(), part(b.shopper), b.at_ms.into(), text(b.payload)?]);
    }
    BEHAVIOURS.write(to, values).await?;
    stale.sort_unstable();
    stale.dedup();
    mark_stale(to, &stale).await?;
    let profiles =
        batch.profiles.into_iter().flat_map(|(shopper, state)| [bits(shopper.0), part(shopper), state.into()]);
    PROFILES.write(to, profiles).await?;
    let log = i64::from(place.log);
    let counters = batch.counters.into_iter().flat_map(|(id, state)| [bits(id.0), log.into(), state.into()]);
    COUNTERS.write(to, counters).await?;
    for shopper in batch.erased {
        super::erase::rows(to, shopper).await?;
    }
    let Position { next, epoch, owner } = batch.position;
    // The fence: a projector that lost its place to another one finds a higher fence or position and writes nothing.
    let mut values = vec![bits(next), i64::from(epoch).into(), bits(owner), log.into(), bits(next)];
    values.push(i64::from(place.fence).into());
    let moved = to
        .execute_raw(statement(
            "UPDATE projection SET next = ?, epoch = ?, owner = ? WHERE id = ? AND next < ? AND fence = ?",
            values,
        ))
        .await?;
    if moved.rows_affected() == 1 {
        Ok(())
    } else {
        Err(DbErr::Custom("the projection's position is ahead of this batch".into()))
    }
}

/// Strategies of shoppers who behaved anew.
pub(super) async fn mark_stale(to: &Tx, shoppers: &[ShopperId]) -> Result<(), DbErr> {
    for shopper in shoppers {
        to.execute_raw(statement(
            "UPDATE strategies SET stale = 1 WHERE shopper = ? AND part = ? AND stale = 0",
            vec![bits(shopper.0), part(*shopper)],
        ))
        .await?;
    }
    Ok(())
}
