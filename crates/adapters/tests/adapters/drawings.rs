//! Entry drawings: made once from a frozen list, given once, and rerolled where nobody claims.

use crate::harness::{FIRST, Rig, draw, refusal};
use app::fulfil::{Engine, Options};
use app::ports::{Fulfilment, Letter, Undelivered};
use app::{AwardState, DrawingWinnerView, PageAsk};
use async_trait::async_trait;
use domain::entry::Drawing;
use domain::ids::{CampaignId, ShopperId};
use serde_json::{Value, json};
use std::sync::Arc;
use testkit::builders::{DAY_MS, NOON_MS, one_prize};

/// A campaign that draws three cars among all its draws, with two to stand by.
fn raffle(tickets: &str) -> Value {
    let mut body = one_prize(&json!({}));
    let car = json!({"code": "car", "name": "Car", "kind": "goods", "value_cents": 4_000_000, "cost_cents": 900, "claim_days": 3});
    body["prizes"].as_array_mut().unwrap().push(car);
    body["entry"] = json!({"tickets": tickets, "prize": "car", "winners": 3, "alternates": 2});
    body
}

/// Shopper number i has drawn i times and was granted nine chances.
async fn crowd(rig: &Rig, id: CampaignId, count: usize) -> Vec<ShopperId> {
    let mut all = Vec::new();
    for i in 0..count {
        let who = rig.shopper(&format!("s{i}"), id, 9).await;
        for n in 0..i {
            draw(&rig.koi, id, who, &format!("{n}")).await.unwrap();
        }
        all.push(who);
    }
    all
}

async fn made(rig: &mut Rig, id: CampaignId) -> (app::DrawingView, bool) {
    let koi = rig.koi.clone();
    rig.projecting(async move { koi.draw_entry(id).await.unwrap() }).await
}

async fn winners(rig: &mut Rig, id: CampaignId) -> Vec<DrawingWinnerView> {
    let koi = rig.koi.clone();
    rig.projecting(async move { koi.drawing_winners(id, FIRST).await.unwrap().data }).await
}

async fn proof(rig: &Rig, id: CampaignId) -> Drawing {
    Drawing::parse(rig.koi.drawing_proof(id).await.unwrap().as_bytes()).unwrap()
}

#[tokio::test]
async fn a_drawing_is_made_once_and_anyone_can_recompute_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let id = rig.publish(raffle("draws")).await;
    let plain = rig.publish(one_prize(&json!({}))).await;
    let all = crowd(&rig, id, 8).await;
    assert_eq!(rig.koi.me(id, all[5]).await.unwrap().tickets, Some(5));
    assert_eq!(rig.koi.me(plain, all[5]).await.unwrap().tickets, None);
    assert_eq!(refusal(rig.koi.draw_entry(id).await), "campaign_not_over");
    assert_eq!(refusal(rig.koi.draw_entry(plain).await), "no_entry_drawing");
    assert_eq!(refusal(rig.koi.drawing_proof(id).await), "drawing_unknown");
    let seed_hash = rig.koi.published_rules(id).await.unwrap().seed_hash;
    rig.koi.end(id).await.unwrap();
    let (view, first) = made(&mut rig, id).await;
    assert_eq!((first, view.holders, view.tickets, view.winners, view.alternates), (true, 7, 28, 3, 2));
    assert_eq!((view.given, view.left_over, view.state, view.seed_hash.as_str()), (3, 0, "open", seed_hash.as_str()));
    let drawing = proof(&rig, id).await;
    drawing.verify().unwrap();
    let mut tickets: Vec<_> = all.iter().copied().zip(0..).skip(1).collect();
    tickets.sort_unstable();
    assert_eq!(
        drawing.list.iter().map(|holder| (holder.0, holder.1)).collect::<Vec<_>>(),
        tickets,
        "who has none is out"
    );
    let won = winners(&mut rig, id).await;
    assert_eq!(won.iter().map(|w| w.rank).collect::<Vec<_>>(), [0, 1, 2]);
    for (winner, shopper) in won.iter().zip(&drawing.ranks) {
        let awards = rig.koi.awards(*shopper, FIRST).await.unwrap().data;
        let cars: Vec<_> = awards.iter().filter(|award| award.prize.code == "car").collect();
        assert_eq!(
            (cars.len(), cars[0].id, cars[0].draw_id, cars[0].state),
            (1, winner.award_id, None, AwardState::Granted)
        );
        assert!(cars[0].claim_by.is_some());
    }
    let report = rig.koi.report(id).await.unwrap();
    assert_eq!((report.prizes[1].won, report.cost_cents), (3, 28 * 1_500 + 3 * 900));
    // Again, two at once, and after a restart: the same drawing and no further award.
    let koi = rig.koi.clone();
    let both = rig.projecting(async move { tokio::join!(koi.draw_entry(id), koi.draw_entry(id)) }).await;
    assert!(!both.0.unwrap().1 && !both.1.unwrap().1);
    rig = rig.reopen().await;
    assert!(!made(&mut rig, id).await.1);
    assert_eq!(proof(&rig, id).await, drawing);
    let again = winners(&mut rig, id).await;
    assert_eq!(
        again.iter().map(|w| w.award_id).collect::<Vec<_>>(),
        won.iter().map(|w| w.award_id).collect::<Vec<_>>()
    );
    assert_eq!(rig.koi.report(id).await.unwrap().prizes[1].won, 3);
    let koi = rig.koi.clone();
    let page =
        rig.projecting(async move { koi.drawing_winners(id, PageAsk { limit: 2, before: None }).await.unwrap() }).await;
    assert_eq!((page.data.len(), page.next_cursor.as_deref()), (2, Some("2")));
    rig.stop().await;
}

/// Tickets by chances count what was granted, drawn with or not; a campaign whose window is over is ended by the drawing.
#[tokio::test]
async fn chances_make_tickets_and_the_window_ends_the_campaign() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let mut body = raffle("chances");
    body["ends_at"] = json!("2026-03-11T00:00:00Z");
    let id = rig.publish(body).await;
    crowd(&rig, id, 2).await;
    rig.set_time(NOON_MS + 2 * DAY_MS).await;
    let (view, _) = made(&mut rig, id).await;
    assert_eq!((view.holders, view.tickets, view.given, view.left_over, view.alternates), (2, 18, 2, 1, 0));
    assert!(rig.koi.campaign(id).await.unwrap().campaign_seed.is_some(), "it has ended for good");
    rig.stop().await;
}

struct Nobody;

#[async_trait]
impl Fulfilment for Nobody {
    async fn hand_over(&self, _: Letter<'_>) -> Result<(), Undelivered> {
        Ok(())
    }

    fn check_url(&self, _: &str) -> Result<(), &'static str> {
        Ok(())
    }
}

#[tokio::test]
async fn what_is_not_claimed_goes_to_the_next_alternate() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let id = rig.publish(raffle("draws")).await;
    crowd(&rig, id, 8).await;
    rig.koi.end(id).await.unwrap();
    made(&mut rig, id).await;
    let (ranks, won) = (proof(&rig, id).await.ranks, winners(&mut rig, id).await);
    rig.koi.claim(ranks[1], won[1].award_id, None).await.unwrap();
    let options = Options { scan_seconds: 1, ..Options::default() };
    let engine = tokio::spawn(Engine::new(rig.koi.clone(), Arc::new(Nobody), &options).run()).abort_handle();
    // Round after round nobody else claims: both alternates are called, then nobody is left for two of the prizes.
    for (round, called, given) in [(1, 5, 3), (2, 5, 1)] {
        rig.set_time(NOON_MS + round * 4 * DAY_MS).await;
        let koi = rig.koi.clone();
        let view = rig
            .projecting(async move {
                for _ in 0..3_000 {
                    koi.continue_drawings().await.unwrap();
                    let called_now = koi.drawing_winners(id, FIRST).await.unwrap().data.len();
                    let view = koi.entry_drawing(id).await.unwrap();
                    if called_now == called && view.given == given {
                        return view;
                    }
                    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                }
                panic!("round {round}: {:?}", koi.entry_drawing(id).await);
            })
            .await;
        assert_eq!(view.left_over, 3 - given, "round {round}");
    }
    let koi = rig.koi.clone();
    let view = rig
        .projecting(async move {
            koi.continue_drawings().await.unwrap();
            koi.entry_drawing(id).await.unwrap()
        })
        .await;
    assert_eq!(view.state, "closed", "nothing can change any more");
    let all = winners(&mut rig, id).await;
    let state = |rank: usize| all[rank].state;
    assert_eq!(
        [0, 1, 2, 3, 4].map(state),
        [AwardState::Expired, AwardState::Claimed, AwardState::Expired, AwardState::Expired, AwardState::Expired]
    );
    engine.abort();
    rig.stop().await;
}
