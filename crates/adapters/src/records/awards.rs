//! Awards as operators and the compensating scan see them, and where they are to be sent.

use super::deliveries::SETTLING_MS;
use super::lists::{AWARD, award};
use super::projection::part;
use super::{Store, bits, get};
use app::ports::{AwardDesk, Clock, PortError, PortResult};
use app::rows::AwardRow;
use async_trait::async_trait;
use domain::ids::{AwardId, ShopperId};

#[async_trait]
impl AwardDesk for Store {
    async fn find(&self, id: AwardId) -> PortResult<Option<AwardRow>> {
        let part = i32::from(id.partition());
        self.one(&format!("{AWARD} WHERE id = ? AND part = ?"), vec![bits(id.0), part.into()], award).await
    }

    async fn forgotten(&self, after: AwardId, limit: u32) -> PortResult<Vec<AwardRow>> {
        let sql = format!(
            "{AWARD} a WHERE state IN ('granting', 'failed') AND held = 0 AND id > ? AND NOT EXISTS (SELECT 1 FROM deliveries d
             WHERE d.part = a.part AND d.subscription = 0 AND d.message = concat('award_', a.id) AND (d.state <> 'done' OR d.moved_at > ?))
             ORDER BY id LIMIT ?"
        );
        let settled_ms = crate::clock::SystemClock.now_ms() - SETTLING_MS;
        self.all(&sql, vec![bits(after.0), settled_ms.into(), i64::from(limit).into()], award).await
    }

    async fn held(&self, before: u64, limit: u32) -> PortResult<Vec<AwardRow>> {
        let sql = format!("{AWARD} WHERE held = 1 AND id < ? ORDER BY id DESC LIMIT ?");
        self.all(&sql, vec![bits(before), i64::from(limit).into()], award).await
    }

    async fn overdue(&self, now_ms: i64, limit: u32) -> PortResult<Vec<AwardRow>> {
        let sql = format!(
            "{AWARD} WHERE state = 'granted' AND claim_by IS NOT NULL AND claim_by <= ? ORDER BY claim_by LIMIT ?"
        );
        self.all(&sql, vec![now_ms.into(), i64::from(limit).into()], award).await
    }

    async fn put_address(&self, award: AwardId, shopper: ShopperId, sealed: &[u8]) -> PortResult<()> {
        let sql = "INSERT INTO addresses (award, part, shopper, sealed) VALUES (?, ?, ?, ?)
                   ON CONFLICT (award) DO UPDATE SET sealed = excluded.sealed";
        let values = vec![bits(award.0), part(shopper), bits(shopper.0), hex::encode(sealed).into()];
        self.durably(sql, values).await.map(|_| ())
    }

    async fn address(&self, award: AwardId) -> PortResult<Option<Vec<u8>>> {
        let sql = "SELECT sealed FROM addresses WHERE award = ? AND part = ?";
        let part = i32::from(award.partition());
        let text = self.one(sql, vec![bits(award.0), part.into()], |row| get::<String>(row, 0)).await?;
        text.map(|text| hex::decode(text).map_err(|_| PortError::Damaged("an address"))).transpose()
    }
}
