//! [`Drawings`]: a campaign's first drawing stands for ever, and its ranks are read back with their awards.

use app::ports::{DrawingRow, Drawings, Projection};
use app::rows::{AwardRow, EntryWinRow, Projected};
use domain::award::AwardState;
use domain::ids::{AwardId, CampaignId, DrawId, ShopperId};

fn row(campaign: u64, outcome: &str) -> DrawingRow {
    DrawingRow { campaign: CampaignId(campaign), outcome: outcome.into(), made_at_ms: 7, open: true }
}

fn win(rank: u32, award: u64) -> (EntryWinRow, AwardRow) {
    let (campaign, shopper, award) = (CampaignId(1), ShopperId(u64::from(rank) + 100), AwardId(award));
    let state = AwardState::Granted;
    let row = AwardRow {
        id: award,
        shopper,
        campaign,
        draw: DrawId(0),
        order: None,
        rules: 1,
        prize: 0,
        points: 0,
        birth: state,
        state,
        at_ms: 9,
        claim_by_ms: None,
        held: false,
    };
    (EntryWinRow { campaign, rank, shopper, award }, row)
}

/// What is kept is read back, also after reopening; a second drawing of a campaign changes nothing.
pub async fn keeps_the_first_drawing<D: Drawings + Projection>(open: impl AsyncFn() -> D) {
    let store = open().await;
    assert!(store.drawing(CampaignId(1)).await.expect("readable").is_none());
    assert!(store.proof(CampaignId(1)).await.expect("readable").is_none());
    for (id, outcome) in [(2, "two"), (1, "one"), (1, "another")] {
        store.keep(&row(id, outcome), &format!("proof of {outcome}")).await.expect("kept");
    }
    drop(store);
    let store = open().await;
    assert_eq!(store.drawing(CampaignId(1)).await.expect("readable"), Some(row(1, "one")));
    assert_eq!(store.proof(CampaignId(1)).await.expect("readable").as_deref(), Some("proof of one"));
    assert_eq!(store.open(9).await.expect("readable"), [CampaignId(1), CampaignId(2)]);
    assert_eq!(store.open(1).await.expect("readable"), [CampaignId(1)], "bounded");
    store.close(CampaignId(1)).await.expect("closed");
    assert_eq!(store.open(9).await.expect("readable"), [CampaignId(2)]);
    assert_eq!(store.drawing(CampaignId(1)).await.expect("readable").map(|row| row.open), Some(false));
    let (wins, awards): (Vec<_>, Vec<_>) = [win(3, 30), win(0, 31)].into_iter().unzip();
    let mut batch = Projected { entry_wins: wins, awards, ..Projected::default() };
    batch.position.next = 1;
    store.apply(batch).await.expect("projected");
    let read = store.wins(CampaignId(1)).await.expect("readable");
    let told: Vec<_> = read.iter().map(|win| (win.rank, win.shopper.0, win.award.0, win.state)).collect();
    assert_eq!(told, [(0, 100, 31, AwardState::Granted), (3, 103, 30, AwardState::Granted)], "in order of ranks");
    assert!(store.wins(CampaignId(2)).await.expect("readable").is_empty());
}
