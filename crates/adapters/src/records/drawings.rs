//! Entry drawings and the awards of their ranks.

use super::bulk::Table;
use super::connection::Tx;
use super::lists::named;
use super::projection::part;
use super::{Store, big, bits, get, number};
use app::ports::{DrawingRow, Drawings, EntryWin, PortResult};
use app::rows::EntryWinRow;
use async_trait::async_trait;
use domain::ids::{AwardId, CampaignId, ShopperId};
use sea_orm::{DbErr, Value};

const WINS: Table = Table {
    insert: "INSERT OR IGNORE INTO entry_wins (campaign, place, part, shopper, award)",
    columns: 5,
    conflict: "",
};

/// What projection writes of them.
pub(super) async fn write(to: &Tx, wins: &[EntryWinRow]) -> Result<(), DbErr> {
    let values = wins.iter().flat_map(|win| {
        let (campaign, rank) = (bits(win.campaign.0), i64::from(win.rank).into());
        [campaign, rank, part(win.shopper), bits(win.shopper.0), bits(win.award.0)]
    });
    WINS.write(to, values.collect::<Vec<Value>>()).await
}

#[async_trait]
impl Drawings for Store {
    async fn keep(&self, row: &DrawingRow, proof: &str) -> PortResult<()> {
        let sql =
            "INSERT OR IGNORE INTO entry_drawings (campaign, outcome, proof, made_at, open) VALUES (?, ?, ?, ?, ?)";
        let (outcome, open) = (row.outcome.clone().into(), i32::from(row.open).into());
        let values = vec![bits(row.campaign.0), outcome, proof.into(), row.made_at_ms.into(), open];
        self.durably(sql, values).await.map(|_| ())
    }

    async fn proof(&self, campaign: CampaignId) -> PortResult<Option<String>> {
        let sql = "SELECT proof FROM entry_drawings WHERE campaign = ?";
        self.one(sql, vec![bits(campaign.0)], |row| get(row, 0)).await
    }

    async fn drawing(&self, campaign: CampaignId) -> PortResult<Option<DrawingRow>> {
        let sql = "SELECT campaign, outcome, made_at, open FROM entry_drawings WHERE campaign = ?";
        let read = |row: &_| {
            Ok(DrawingRow {
                campaign: CampaignId(big(row, 0)?),
                outcome: get(row, 1)?,
                made_at_ms: get(row, 2)?,
                open: get::<i32>(row, 3)? != 0,
            })
        };
        self.one(sql, vec![bits(campaign.0)], read).await
    }

    async fn open(&self, limit: u32) -> PortResult<Vec<CampaignId>> {
        let sql = "SELECT campaign FROM entry_drawings WHERE open = 1 ORDER BY campaign LIMIT ?";
        self.all(sql, vec![i64::from(limit).into()], |row| Ok(CampaignId(big(row, 0)?))).await
    }

    async fn close(&self, campaign: CampaignId) -> PortResult<()> {
        self.durably("UPDATE entry_drawings SET open = 0 WHERE campaign = ?", vec![bits(campaign.0)]).await.map(|_| ())
    }

    async fn wins(&self, campaign: CampaignId) -> PortResult<Vec<EntryWin>> {
        let sql = "SELECT w.place, w.shopper, w.award, a.state FROM entry_wins w JOIN awards a ON a.id = w.award AND a.part = w.part
                   WHERE w.campaign = ? ORDER BY w.place";
        let read = |row: &_| {
            Ok(EntryWin {
                rank: number(row, 0)?,
                shopper: ShopperId(big(row, 1)?),
                award: AwardId(big(row, 2)?),
                state: named(&get::<String>(row, 3)?)?,
            })
        };
        self.all(sql, vec![bits(campaign.0)], read).await
    }
}
