//! The lists that shoppers see.

use super::bulk::marks;
use super::projection::part;
use super::{Store, big, bits, get, number, whole};
use app::ports::{Lists, PortResult};
use app::rows::{AwardRow, DrawRow, EntryRow};
use async_trait::async_trait;
use domain::award::AwardState;
use domain::ids::{AwardId, CampaignId, DrawId, EntryId, OrderId, ShopperId};
use domain::points::Contra;
use sea_orm::{DbErr, QueryResult};

fn state(row: &QueryResult, at: usize) -> Result<AwardState, DbErr> {
    named(&get::<String>(row, at)?)
}

pub(super) fn named(word: &str) -> Result<AwardState, DbErr> {
    AwardState::parse(word).ok_or_else(|| DbErr::Type("no award's state".into()))
}

pub(super) fn award(row: &QueryResult) -> Result<AwardRow, DbErr> {
    Ok(AwardRow {
        id: AwardId(big(row, 0)?),
        shopper: ShopperId(big(row, 1)?),
        campaign: CampaignId(big(row, 2)?),
        draw: DrawId(big(row, 3)?),
        rules: number(row, 4)?,
        prize: number(row, 5)?,
        points: number(row, 6)?,
        state: state(row, 7)?,
        at_ms: get(row, 8)?,
        birth: match get::<Option<String>>(row, 9)? {
            Some(word) => named(&word)?,
            // From before births were kept: nothing but claims moved awards then.
            None if state(row, 7)?.is_open() => AwardState::Granting,
            None => AwardState::Granted,
        },
        claim_by_ms: get(row, 10)?,
        held: get::<i32>(row, 11)? != 0,
        order: get::<Option<i64>>(row, 12)?.map(|id| OrderId(id as u64)),
    })
}

pub(super) const AWARD: &str =
    "SELECT id, shopper, campaign, draw, rules, prize, points, state, at, birth, claim_by, held, order_id FROM awards";

#[async_trait]
impl Lists for Store {
    async fn draws(
        &self,
        shopper: ShopperId,
        campaign: CampaignId,
        before: u64,
        limit: u32,
    ) -> PortResult<Vec<DrawRow>> {
        let sql = "SELECT id, n, key_high, key_low, request, pos, award FROM draws
                   WHERE shopper = ? AND part = ? AND id < ? AND campaign = ? ORDER BY id DESC LIMIT ?";
        let values = vec![bits(shopper.0), part(shopper), bits(before), bits(campaign.0), i64::from(limit).into()];
        let row = |row: &QueryResult| {
            Ok(DrawRow {
                id: DrawId(big(row, 0)?),
                shopper,
                campaign,
                n: big(row, 1)?,
                key: whole(row, 2)?,
                request: get::<i64>(row, 4)? as u64,
                offset: big(row, 5)?,
                award: get::<Option<i64>>(row, 6)?.map(|id| AwardId(id as u64)),
            })
        };
        self.all(sql, values, row).await
    }

    async fn awards(&self, shopper: ShopperId, before: u64, limit: u32) -> PortResult<Vec<AwardRow>> {
        let sql = format!("{AWARD} WHERE shopper = ? AND part = ? AND id < ? ORDER BY id DESC LIMIT ?");
        let values = vec![bits(shopper.0), part(shopper), bits(before), i64::from(limit).into()];
        self.all(&sql, values, award).await
    }

    async fn award(&self, shopper: ShopperId, id: AwardId) -> PortResult<Option<AwardRow>> {
        let values = vec![bits(id.0), bits(shopper.0), part(shopper)];
        self.one(&format!("{AWARD} WHERE id = ? AND shopper = ? AND part = ?"), values, award).await
    }

    async fn award_states(&self, shopper: ShopperId, awards: &[AwardId]) -> PortResult<Vec<(AwardId, AwardState)>> {
        if awards.is_empty() {
            return Ok(Vec::new());
        }
        let sql =
            format!("SELECT id, state FROM awards WHERE shopper = ? AND part = ? AND id IN ({})", marks(awards.len()));
        let values = [bits(shopper.0), part(shopper)].into_iter().chain(awards.iter().map(|a| bits(a.0))).collect();
        self.all(&sql, values, |row| Ok((AwardId(big(row, 0)?), state(row, 1)?))).await
    }

    async fn entries(&self, shopper: ShopperId, before: u64, limit: u32) -> PortResult<Vec<EntryRow>> {
        let sql = "SELECT id, amount, balance, contra, business_key, reason, expires_at, receipt, at FROM entries
                   WHERE shopper = ? AND part = ? AND id < ? ORDER BY id DESC LIMIT ?";
        let row = |row: &QueryResult| {
            Ok(EntryRow {
                shopper,
                id: EntryId(big(row, 0)?),
                amount: get(row, 1)?,
                balance: get(row, 2)?,
                contra: Contra::parse(&get::<String>(row, 3)?)
                    .ok_or_else(|| DbErr::Type("no contra account".into()))?,
                business_key: get(row, 4)?,
                reason: get(row, 5)?,
                expires_at_ms: get(row, 6)?,
                receipt: get(row, 7)?,
                at_ms: get(row, 8)?,
            })
        };
        self.all(sql, vec![bits(shopper.0), part(shopper), bits(before), i64::from(limit).into()], row).await
    }
}
