//! Reads see every acknowledged write at once, and the same after it is projected.

use crate::harness::{FIRST, Rig, assert_same_sight, draw, refusal, sight};
use app::PageAsk;
use domain::award::AwardState;
use domain::ids::AwardId;
use serde_json::{Value, json};
use testkit::builders::{campaign, one_prize};

#[tokio::test]
async fn writes_are_read_at_once_and_alike_once_projected() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let id = rig.publish(campaign()).await;
    let who = rig.shopper("ada", id, 60).await;
    let mut drawn: Vec<Value> = Vec::new();
    for round in 0..4 {
        for i in 0..5 {
            drawn.push(draw(&rig.koi, id, who, &format!("{round} {i}")).await.unwrap());
            let listed = rig.koi.draws(id, who, FIRST).await.unwrap().data;
            let listed: Vec<Value> = listed.iter().map(|raw| serde_json::from_str(raw.get()).unwrap()).collect();
            assert_eq!(listed, drawn.iter().rev().cloned().collect::<Vec<_>>(), "each row is what the POST answered");
        }
        rig.koi.draw(id, who, &format!("several {round}"), None, Some(2)).await.unwrap();
        let listed = rig.koi.draws(id, who, FIRST).await.unwrap().data;
        drawn = listed.iter().rev().map(|raw| serde_json::from_str(raw.get()).unwrap()).collect();
        assert_eq!(drawn.len(), (round + 1) * 7);
        let awards = rig.koi.awards(who, FIRST).await.unwrap().data;
        assert_eq!(awards.len(), drawn.len(), "every prize of this campaign makes an award");
        let points: i64 = drawn.iter().filter_map(|d| d["prize"]["points"].as_i64()).sum();
        assert_eq!(rig.koi.points(who).await.unwrap().balance, points, "points won are credited");
        let entries = rig.koi.point_entries(who, FIRST).await.unwrap().data;
        assert_eq!(entries.first().map_or(0, |e| e.balance), points);
        let before = sight(&rig.koi, id, who).await;
        // Two rounds stay unprojected, so that the lists merge records and tail.
        if round % 2 == 0 {
            rig.project().await;
            assert_same_sight(&sight(&rig.koi, id, who).await, &before, "projected");
        }
    }
    rig.stop().await;
}

#[tokio::test]
async fn pages_over_records_and_tail_have_no_gaps() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let id = rig.publish(campaign()).await;
    let (who, other) = (rig.shopper("ada", id, 99).await, rig.shopper("bob", id, 99).await);
    for i in 0..30 {
        draw(&rig.koi, id, who, &format!("k{i}")).await.unwrap();
        draw(&rig.koi, id, other, &format!("k{i}")).await.unwrap();
        rig.koi.add_points("ada", 1, &format!("p{i}"), "gift", None).await.unwrap();
        if i == 17 {
            rig.project().await;
        }
    }
    for limit in [1, 7, 12, 13, 29, 30, 31, 200] {
        let (mut ordinals, mut before) = (Vec::new(), None);
        loop {
            let page = rig.koi.draws(id, who, PageAsk { limit, before }).await.unwrap();
            assert!(page.data.len() <= limit as usize);
            ordinals.extend(
                page.data.iter().map(|raw| serde_json::from_str::<Value>(raw.get()).unwrap()["n"].as_u64().unwrap()),
            );
            let Some(cursor) = page.next_cursor else { break };
            before = Some(cursor.parse().unwrap());
        }
        assert_eq!(ordinals, (1..=30).rev().collect::<Vec<_>>(), "draws in pages of {limit}");

        let (mut awards, mut before) = (Vec::new(), None);
        loop {
            let page = rig.koi.awards(who, PageAsk { limit, before }).await.unwrap();
            awards.extend(page.data.iter().map(|a| a.id));
            let Some(cursor) = page.next_cursor else { break };
            before = Some(cursor.parse().unwrap());
        }
        assert!(awards.len() == 30 && awards.is_sorted_by(|a, b| a > b), "awards in pages of {limit}");

        let (mut balances, mut before) = (Vec::new(), None);
        loop {
            let page = rig.koi.point_entries(who, PageAsk { limit, before }).await.unwrap();
            balances.extend(page.data.iter().map(|e| (e.balance - e.amount, e.balance)));
            let Some(cursor) = page.next_cursor else { break };
            before = Some(cursor.parse().unwrap());
        }
        assert!(
            balances.is_sorted_by(|newer, older| newer.0 == older.1),
            "a statement without gaps in pages of {limit}"
        );
        assert_eq!(balances.last().map(|b| b.0), Some(0));
    }
    rig.stop().await;
}

#[tokio::test]
async fn an_award_is_claimed_once_and_by_its_winner() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let id = rig.publish(one_prize(&json!({}))).await;
    let coupons = rig.publish(one_prize(&json!({"kind": "coupon"}))).await;
    let (who, other) = (rig.shopper("ada", id, 9).await, rig.shopper("bob", id, 9).await);
    rig.koi.grant(coupons, "ada", 1, "c", "gift", None).await.unwrap();
    let won = async |rig: &Rig, campaign, key| -> AwardId {
        draw(&rig.koi, campaign, who, key).await.unwrap()["award"]["id"].as_str().unwrap().parse().unwrap()
    };
    let fresh = won(&rig, id, "a").await;
    rig.project().await;
    let (tail, coupon) = (won(&rig, id, "b").await, won(&rig, coupons, "c").await);
    for award in [fresh, tail] {
        assert_eq!(refusal(rig.koi.claim(other, award, None).await), "award_unknown", "another shopper's");
        for _ in 0..3 {
            assert_eq!(rig.koi.claim(who, award, None).await.unwrap().state, AwardState::Claimed);
        }
    }
    assert_eq!(refusal(rig.koi.claim(who, coupon, None).await), "award_not_claimable", "what is still granting");
    assert_eq!(refusal(rig.koi.claim(who, AwardId(1), None).await), "award_unknown");
    for round in 0..3 {
        let states: Vec<_> = rig.koi.awards(who, FIRST).await.unwrap().data.iter().map(|a| a.state).collect();
        assert_eq!(states, [AwardState::Granting, AwardState::Claimed, AwardState::Claimed], "round {round}");
        let listed = rig.koi.draws(id, who, FIRST).await.unwrap().data;
        assert!(
            listed.iter().all(|raw| raw.get().contains("\"state\":\"claimed\"")),
            "draws show the award's present state"
        );
        match round {
            0 => rig.project().await,
            _ => rig = rig.reopen().await,
        }
    }
    rig.stop().await;
}
