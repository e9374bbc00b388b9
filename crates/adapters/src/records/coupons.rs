//! Pools of coupon codes, sealed at rest. A pool knows a code again by its mark, a keyed hash, so a dump of the records
//! cannot be searched for codes.

use super::bulk::{Table, marks};
use super::{Store, big, bits, damaged, failed, get, statement};
use app::ports::{CouponPools, PortError, PortResult};
use async_trait::async_trait;
use domain::ids::{AwardId, CampaignId};
use hmac::{Hmac, Mac};
use sea_orm::{ConnectionTrait, QueryResult};
use sha2::Sha256;

const COUPONS: Table =
    Table { insert: "INSERT OR IGNORE INTO coupons (campaign, prize, mark, sealed)", columns: 4, conflict: "" };
/// Codes of one transaction, so that an upload does not keep projection waiting for long.
const CHUNK: usize = 2_000;
/// Attempts to take a code on a server before the award's message is left for its next turn.
const ATTEMPTS: usize = 5;

impl Store {
    async fn has_coupon(&self, award: AwardId) -> PortResult<bool> {
        Ok(self.one("SELECT 1 FROM coupons WHERE award = ?", vec![bits(award.0)], |_| Ok(())).await?.is_some())
    }

    /// On a server many reach for the first free code at once: whoever locks it first has it, the others go on to the next.
    /// Of two attempts of one award the unique key lets one through, and the other finds what it has.
    async fn assign_on_server(&self, campaign: CampaignId, prize: &str, award: AwardId) -> PortResult<bool> {
        for _ in 0..ATTEMPTS {
            if self.has_coupon(award).await? {
                return Ok(true);
            }
            let transaction = self.durable.begin_alone().await.map_err(|error| failed(&error))?;
            let sql = format!(
                "SELECT id FROM coupons WHERE campaign = ? AND prize = ? AND award IS NULL ORDER BY id LIMIT 1{}",
                transaction.locking()
            );
            let free = transaction.query_one_raw(statement(&sql, vec![bits(campaign.0), prize.into()])).await;
            let Ok(free) = free else { continue };
            let Some(free) = free else {
                transaction.rollback().await.map_err(|error| failed(&error))?;
                return self.has_coupon(award).await;
            };
            let id: i64 = get(&free, 0).map_err(|error| damaged(&error))?;
            let sql = "UPDATE coupons SET award = ? WHERE id = ? AND award IS NULL";
            let taken = transaction.execute_raw(statement(sql, vec![bits(award.0), id.into()])).await;
            match taken {
                Ok(done) if done.rows_affected() == 1 => {
                    transaction.commit().await.map_err(|error| failed(&error))?;
                    return Ok(true);
                }
                // Another attempt for this award, or one that stood in this one's way: what came of it is read.
                _ => drop(transaction),
            }
        }
        Err(PortError::Unreachable("the records"))
    }
}

#[async_trait]
impl CouponPools for Store {
    async fn add(&self, campaign: CampaignId, prize: &str, codes: &[String]) -> PortResult<u64> {
        let before = CouponPools::count(self, campaign, prize).await?;
        let key = Hmac::<Sha256>::new_from_slice(&self.vault.derive("coupon marks"));
        let key = key.map_err(|_| PortError::Damaged("the key of coupon marks"))?;
        for chunk in codes.chunks(CHUNK) {
            let mut values = Vec::with_capacity(chunk.len() * COUPONS.columns);
            for code in chunk {
                let mut mac = key.clone();
                mac.update(code.as_bytes());
                let mark = hex::encode(&mac.finalize().into_bytes()[..16]);
                values.extend([bits(campaign.0), prize.into(), mark.into(), self.vault.seal(code.as_bytes()).into()]);
            }
            let transaction = self.durable.begin().await.map_err(|error| failed(&error))?;
            COUPONS.write(&transaction, values).await.map_err(|error| failed(&error))?;
            transaction.commit().await.map_err(|error| failed(&error))?;
        }
        let after = CouponPools::count(self, campaign, prize).await?;
        Ok((after.0 + after.1).saturating_sub(before.0 + before.1))
    }

    async fn assign(&self, campaign: CampaignId, prize: &str, award: AwardId) -> PortResult<bool> {
        if self.durable.is_mysql() {
            return self.assign_on_server(campaign, prize, award).await;
        }
        // One statement is one transaction: nobody else can take the code in between, and an award that has one takes
        // no other.
        let sql = "UPDATE coupons SET award = ? WHERE award IS NULL
                   AND id = (SELECT id FROM (SELECT id FROM coupons WHERE campaign = ? AND prize = ? AND award IS NULL ORDER BY id LIMIT 1) AS free)
                   AND NOT EXISTS (SELECT 1 FROM (SELECT award FROM coupons WHERE award = ? LIMIT 1) AS given)";
        let values = vec![bits(award.0), bits(campaign.0), prize.into(), bits(award.0)];
        if self.durably(sql, values).await? == 1 {
            return Ok(true);
        }
        self.has_coupon(award).await
    }

    async fn of_awards(&self, awards: &[AwardId]) -> PortResult<Vec<(AwardId, String)>> {
        if awards.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!("SELECT award, sealed FROM coupons WHERE award IN ({})", marks(awards.len()));
        let row = |row: &QueryResult| Ok((AwardId(big(row, 0)?), get::<String>(row, 1)?));
        let sealed = self.all(&sql, awards.iter().map(|a| bits(a.0)).collect(), row).await?;
        let open = |(award, text): (AwardId, String)| {
            let code = self.vault.open_sealed(&text).and_then(|bytes| String::from_utf8(bytes).ok());
            code.map(|code| (award, code)).ok_or(PortError::Damaged("a coupon"))
        };
        sealed.into_iter().map(open).collect()
    }

    async fn count(&self, campaign: CampaignId, prize: &str) -> PortResult<(u64, u64)> {
        let sql = "SELECT count(*) - count(award), count(award) FROM coupons WHERE campaign = ? AND prize = ?";
        let row = |row: &QueryResult| Ok((big(row, 0)?, big(row, 1)?));
        Ok(self.one(sql, vec![bits(campaign.0), prize.into()], row).await?.unwrap_or_default())
    }
}
