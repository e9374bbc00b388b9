//! Redeem codes, sealed at rest and known again by a mark, a keyed hash, so that a dump of the records cannot be searched
//! for codes. A use is counted in one transaction that takes the write lock first: nobody counts beside it.

use super::bulk::{Table, marks};
use super::connection::Tx;
use super::projection::part;
use super::{Store, big, bits, damaged, failed, get, halves, number, statement, whole};
use app::ports::{Added, Claim, ClaimAsk, CodeBatch, CodeUse, Codes, PortError, PortResult};
use app::rows::Projected;
use app::timers::DueKind;
use async_trait::async_trait;
use domain::code::{Terms, Used};
use domain::ids::{BatchId, CampaignId, CodeUseId, OrderId, ShopperId};
use hmac::{Hmac, Mac};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};
use sha2::Sha256;

const CODES: Table =
    Table { insert: "INSERT INTO codes (campaign, batch, mark, sealed, used)", columns: 5, conflict: "" };
/// Marks looked for in one statement.
const CHUNK: usize = 500;
/// Known codes that are named.
const NAMED: usize = 8;
/// How long a use waits for its record before the sweeper looks: sooner it would nearly always ask in vain.
const SWEEP_AFTER_MS: i64 = 5_000;
/// The same where the timer is set in a transaction before the use's: longer than any transaction is under way.
const SWEEP_AFTER_SERVER_MS: i64 = 60_000;

const BATCH: &str = "SELECT id, campaign, imported, chances, uses, per_shopper, starts_at, ends_at, count, used, created_at FROM code_batches";
const USE: &str = "SELECT id, campaign, shopper, chances, key_high, key_low, request, order_id FROM code_uses";

/// The terms from the column `at` on.
fn terms(row: &QueryResult, at: usize) -> Result<Terms, DbErr> {
    let per_shopper: Option<i64> = get(row, at + 2)?;
    Ok(Terms {
        chances: number(row, at)?,
        uses: number(row, at + 1)?,
        per_shopper: per_shopper.and_then(|n| u32::try_from(n).ok()),
        starts_at_ms: get(row, at + 3)?,
        ends_at_ms: get(row, at + 4)?,
    })
}

fn batch(row: &QueryResult) -> Result<CodeBatch, DbErr> {
    Ok(CodeBatch {
        id: BatchId(big(row, 0)?),
        campaign: CampaignId(big(row, 1)?),
        imported: get::<i32>(row, 2)? != 0,
        terms: terms(row, 3)?,
        count: big(row, 8)?,
        used: big(row, 9)?,
        created_at_ms: get(row, 10)?,
    })
}

fn code_use(row: &QueryResult) -> Result<CodeUse, DbErr> {
    Ok(CodeUse {
        id: CodeUseId(big(row, 0)?),
        campaign: CampaignId(big(row, 1)?),
        shopper: ShopperId(big(row, 2)?),
        chances: number(row, 3)?,
        key: whole(row, 4)?,
        request: get::<i64>(row, 6)? as u64,
        order: get::<Option<i64>>(row, 7)?.map(|id| OrderId(id as u64)),
    })
}

/// Uses that a batch of records has completed.
pub(super) async fn complete(to: &Tx, batch: &mut Projected) -> Result<(), DbErr> {
    for (used, order) in std::mem::take(&mut batch.code_uses) {
        let values = vec![bits(order.0), bits(used.0)];
        to.execute_raw(statement("UPDATE code_uses SET order_id = ? WHERE id = ?", values)).await?;
    }
    Ok(())
}

/// A code as the campaign knows it, its batch's terms from the column 3 on.
struct Found {
    code: u64,
    batch: u64,
    used: u64,
    terms: Terms,
}

impl Store {
    /// A transaction that nobody writes beside. One that reads first and writes later could find that somebody had.
    async fn alone(&self) -> PortResult<Tx> {
        self.durable.begin_alone().await.map_err(|error| failed(&error))
    }

    /// Each code's mark, and the code sealed.
    fn marked_and_sealed(&self, codes: &[String]) -> PortResult<(Vec<String>, Vec<String>)> {
        let mark = self.code_marker()?;
        Ok(codes.iter().map(|code| (mark(code), self.vault.seal(code.as_bytes()))).unzip())
    }

    fn code_marker(&self) -> PortResult<impl Fn(&str) -> String> {
        let key = Hmac::<Sha256>::new_from_slice(&self.vault.derive("redeem code marks"));
        let key = key.map_err(|_| PortError::Damaged("the key of code marks"))?;
        Ok(move |code: &str| {
            let mut mac = key.clone();
            mac.update(code.as_bytes());
            hex::encode(&mac.finalize().into_bytes()[..16])
        })
    }
}

async fn rows(on: &Tx, sql: &str, values: Vec<Value>) -> PortResult<Vec<QueryResult>> {
    on.query_all_raw(statement(sql, values)).await.map_err(|error| failed(&error))
}

async fn count(on: &Tx, sql: &str, values: Vec<Value>) -> PortResult<u64> {
    let found = rows(on, sql, values).await?;
    found.first().map_or(Ok(0), |row| big(row, 0).map_err(|error| damaged(&error)))
}

async fn run(on: &Tx, sql: &str, values: Vec<Value>) -> PortResult<()> {
    on.execute_raw(statement(sql, values)).await.map(|_| ()).map_err(|error| failed(&error))
}

/// Of what was typed, the code that the campaign has.
async fn find(on: &Tx, campaign: CampaignId, of: &[String]) -> PortResult<Option<Found>> {
    let sql = format!(
        "SELECT c.id, c.batch, c.used, b.chances, b.uses, b.per_shopper, b.starts_at, b.ends_at FROM codes c
         JOIN code_batches b ON b.id = c.batch WHERE c.campaign = ? AND c.mark IN ({}) ORDER BY c.id LIMIT 1{}",
        marks(of.len()),
        on.locking()
    );
    let values = [bits(campaign.0)].into_iter().chain(of.iter().map(|mark| mark.as_str().into()));
    let found = rows(on, &sql, values.collect()).await?;
    let read = |row: &QueryResult| {
        Ok(Found { code: big(row, 0)?, batch: big(row, 1)?, used: big(row, 2)?, terms: terms(row, 3)? })
    };
    found.first().map(read).transpose().map_err(|error| damaged(&error))
}

/// The use that an earlier attempt of the same request counted.
async fn own(on: &Tx, code: u64, ask: &ClaimAsk) -> PortResult<Option<CodeUse>> {
    let (high, low) = halves(&ask.key);
    let sql = format!("{USE} WHERE code = ? AND shopper = ? AND key_high = ? AND key_low = ?");
    let found = rows(on, &sql, vec![bits(code), bits(ask.shopper.0), high.into(), low.into()]).await?;
    found.first().map(code_use).transpose().map_err(|error| damaged(&error))
}

async fn used(on: &Tx, found: &Found, shopper: ShopperId) -> PortResult<Used> {
    let by_batch = "SELECT count(*) FROM code_uses WHERE batch = ? AND shopper = ?";
    let by_code = "SELECT count(*) FROM code_uses WHERE code = ? AND shopper = ?";
    Ok(Used {
        code: found.used,
        batch_by_shopper: count(on, by_batch, vec![bits(found.batch), bits(shopper.0)]).await?,
        code_by_shopper: count(on, by_code, vec![bits(found.code), bits(shopper.0)]).await?,
    })
}

/// Counts the use.
async fn take(on: &Tx, found: &Found, ask: &ClaimAsk) -> PortResult<()> {
    run(on, "UPDATE codes SET used = used + 1 WHERE id = ?", vec![bits(found.code)]).await?;
    run(on, "UPDATE code_batches SET used = used + 1 WHERE id = ?", vec![bits(found.batch)]).await?;
    let (high, low) = halves(&ask.key);
    let sql =
        "INSERT INTO code_uses (id, part, code, batch, campaign, shopper, chances, key_high, key_low, request, at)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let mut values = vec![bits(ask.new_id.0), part(ask.shopper), bits(found.code), bits(found.batch)];
    values.extend([bits(ask.campaign.0), bits(ask.shopper.0), i64::from(found.terms.chances).into()]);
    values.extend([high.into(), low.into(), bits(ask.request), ask.now_ms.into()]);
    run(on, sql, values).await
}

/// Sets the timer of a use that may be left incomplete.
async fn set_timer(on: &Tx, ask: &ClaimAsk, after_ms: i64) -> PortResult<()> {
    let sql = "INSERT OR IGNORE INTO due (kind, id, shopper, part, campaign, at) VALUES (?, ?, ?, ?, ?, ?)";
    let mut values = vec![DueKind::Redeem.word().into(), bits(ask.new_id.0), bits(ask.shopper.0), part(ask.shopper)];
    values.extend([bits(ask.campaign.0), ask.now_ms.saturating_add(after_ms).into()]);
    run(on, sql, values).await
}

#[async_trait]
impl Codes for Store {
    async fn add(&self, batch: &CodeBatch, codes: &[String]) -> PortResult<Added> {
        // A hundred thousand of them keep a core busy for a second: not one that answers requests.
        let (store, plain) = (self.clone(), codes.to_vec());
        let sealed = tokio::task::spawn_blocking(move || store.marked_and_sealed(&plain)).await;
        let (marked, sealed) = sealed.map_err(|_| PortError::Unreachable("the sealing of codes"))??;
        let mut values = Vec::with_capacity(codes.len() * CODES.columns);
        for (mark, sealed) in marked.iter().zip(sealed) {
            values.extend([bits(batch.campaign.0), bits(batch.id.0), mark.as_str().into(), sealed.into()]);
            values.push(0i64.into());
        }
        let transaction = self.alone().await?;
        let mut known = Vec::new();
        for (nth, chunk) in marked.chunks(CHUNK).enumerate() {
            let sql = format!("SELECT mark FROM codes WHERE campaign = ? AND mark IN ({})", marks(chunk.len()));
            let asked = [bits(batch.campaign.0)].into_iter().chain(chunk.iter().map(|mark| mark.as_str().into()));
            for row in rows(&transaction, &sql, asked.collect()).await? {
                let mark: String = get(&row, 0).map_err(|error| damaged(&error))?;
                known.extend(chunk.iter().position(|m| *m == mark).map(|at| nth * CHUNK + at));
            }
            if known.len() > NAMED {
                break;
            }
        }
        if !known.is_empty() {
            transaction.rollback().await.map_err(|error| failed(&error))?;
            known.sort_unstable();
            return Ok(Added::Known(known));
        }
        let t = &batch.terms;
        let sql = "INSERT INTO code_batches (id, campaign, imported, chances, uses, per_shopper, starts_at, ends_at, count, used, created_at)
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)";
        let mut of_batch = vec![bits(batch.id.0), bits(batch.campaign.0), i32::from(batch.imported).into()];
        of_batch.extend([i64::from(t.chances).into(), i64::from(t.uses).into(), t.per_shopper.map(i64::from).into()]);
        of_batch.extend([t.starts_at_ms.into(), t.ends_at_ms.into(), bits(codes.len() as u64)]);
        of_batch.push(batch.created_at_ms.into());
        run(&transaction, sql, of_batch).await?;
        CODES.write(&transaction, values).await.map_err(|error| failed(&error))?;
        transaction.commit().await.map_err(|error| failed(&error))?;
        Ok(Added::All)
    }

    async fn batches(&self, campaign: CampaignId, before: u64, limit: u32) -> PortResult<Vec<CodeBatch>> {
        let sql = format!("{BATCH} WHERE campaign = ? AND id < ? ORDER BY id DESC LIMIT ?");
        self.all(&sql, vec![bits(campaign.0), bits(before), i64::from(limit).into()], batch).await
    }

    async fn batch(&self, id: BatchId) -> PortResult<Option<CodeBatch>> {
        self.one(&format!("{BATCH} WHERE id = ?"), vec![bits(id.0)], batch).await
    }

    async fn codes(&self, batch: BatchId, after: u64, limit: u32) -> PortResult<Vec<(u64, String, u64)>> {
        let sql = "SELECT id, sealed, used FROM codes WHERE batch = ? AND id > ? ORDER BY id LIMIT ?";
        let row = |row: &QueryResult| Ok((big(row, 0)?, get::<String>(row, 1)?, big(row, 2)?));
        let sealed = self.all(sql, vec![bits(batch.0), bits(after), i64::from(limit).into()], row).await?;
        let open = |(id, text, used): (u64, String, u64)| {
            let code = self.vault.open_sealed(&text).and_then(|bytes| String::from_utf8(bytes).ok());
            code.map(|code| (id, code, used)).ok_or(PortError::Damaged("a redeem code"))
        };
        sealed.into_iter().map(open).collect()
    }

    async fn claim(&self, ask: &ClaimAsk) -> PortResult<Claim> {
        let mark = self.code_marker()?;
        let typed: Vec<String> = ask.codes.iter().map(|code| mark(code)).collect();
        // A guess takes no lock.
        let sql = format!("SELECT 1 FROM codes WHERE campaign = ? AND mark IN ({}) LIMIT 1", marks(typed.len()));
        let asked = [bits(ask.campaign.0)].into_iter().chain(typed.iter().map(|mark| mark.as_str().into()));
        if self.one(&sql, asked.collect(), |_| Ok(())).await?.is_none() {
            return Ok(Claim::Unknown);
        }
        if self.durable.is_mysql() {
            // Timers may lie in another database, and two do not commit as one: the timer first, since one without a use
            // is forgotten when it fires, while a use without one would be. On a connection that is given back before the
            // next is taken, so that many claims do not wait for each other's second one.
            let timer = self.durable.begin().await.map_err(|error| failed(&error))?;
            set_timer(&timer, ask, SWEEP_AFTER_SERVER_MS).await?;
            timer.commit().await.map_err(|error| failed(&error))?;
        }
        let transaction = self.alone().await?;
        let Some(found) = find(&transaction, ask.campaign, &typed).await? else { return Ok(Claim::Unknown) };
        if let Some(own) = own(&transaction, found.code, ask).await? {
            let same = own.request == ask.request;
            return Ok(if same { Claim::Counted(own) } else { Claim::KeyReused });
        }
        if let Err(why) = found.terms.admit(used(&transaction, &found, ask.shopper).await?, ask.now_ms) {
            return Ok(Claim::Unusable(why));
        }
        if !self.durable.is_mysql() {
            set_timer(&transaction, ask, SWEEP_AFTER_MS).await?;
        }
        take(&transaction, &found, ask).await?;
        transaction.commit().await.map_err(|error| failed(&error))?;
        let ClaimAsk { campaign, shopper, key, request, new_id: id, .. } = *ask;
        let chances = found.terms.chances;
        Ok(Claim::Counted(CodeUse { id, campaign, shopper, chances, key, request, order: None }))
    }

    async fn code_use(&self, id: CodeUseId) -> PortResult<Option<CodeUse>> {
        self.one(&format!("{USE} WHERE id = ?"), vec![bits(id.0)], code_use).await
    }
}
