//! A ledger that fails: nothing is answered that is not there, and nothing is held that was not used.

use crate::harness::{DEADLINE, FIRST, Fault, Rig, chances, draw, refusal, within};
use app::ShopperInput;
use domain::campaign::State;
use serde_json::json;
use testkit::builders::{NOON_MS, campaign, one_prize, purchase};

#[tokio::test]
async fn a_full_disk_refuses_and_holds_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let mut one = one_prize(&json!({"stock": 2}));
    one["limits"] = json!({"budget_cents": 3_000});
    let id = rig.publish(one).await;
    let who = rig.shopper("ada", id, 9).await;
    rig.set_fault(Some(Fault::Full));
    for round in 0..3 {
        assert_eq!(refusal(rig.koi.draw(id, who, "k", None, Some(2)).await), "unavailable", "round {round}");
        assert_eq!(refusal(rig.koi.put_shopper("new", ShopperInput::default()).await), "unavailable");
        assert_eq!(refusal(rig.koi.grant(id, "ada", 1, "g", "gift", None).await), "unavailable");
        assert_eq!(refusal(rig.koi.add_points("ada", 1, "p", "gift", None).await), "unavailable");
        assert_eq!(
            refusal(rig.koi.record_events(vec![Ok(("ada".into(), purchase("e", "o", NOON_MS, "CUP", 10_000)))]).await),
            "unavailable"
        );
        assert_eq!(refusal(rig.koi.pause(id).await), "unavailable");
        assert_eq!(chances(&rig.koi, id, who).await, (9, 0, 9), "reads go on");
    }
    assert!(rig.koi.is_ready(), "a full disk is no doubt");
    rig.set_fault(None);
    // The pause is in its table, so the sweeper finishes it: its caller was told to ask again.
    assert_eq!(rig.koi.finish_acts().await.unwrap(), 1);
    assert_eq!(rig.koi.campaign(id).await.unwrap().state, State::Paused);
    assert_eq!(refusal(draw(&rig.koi, id, who, "k").await), "campaign_paused");
    rig.koi.resume(id).await.unwrap();
    let answer = rig.koi.draw(id, who, "k", None, Some(2)).await.unwrap();
    assert!(
        !answer.replayed && String::from_utf8_lossy(&answer.body).matches("\"code\":\"cup\"").count() == 2,
        "both units and the budget were free"
    );
    assert!(rig.koi.put_shopper("new", ShopperInput::default()).await.unwrap().1, "made now");
    assert_eq!(rig.koi.grant(id, "ada", 1, "g", "gift", None).await.unwrap().status, 201);
    let events =
        rig.koi.record_events(vec![Ok(("ada".into(), purchase("e", "o", NOON_MS, "CUP", 10_000)))]).await.unwrap();
    assert_eq!((events.accepted, events.duplicates), (1, 0));
    assert_eq!(chances(&rig.koi, id, who).await, (11, 2, 9));
    rig = rig.reopen().await;
    assert_eq!(chances(&rig.koi, id, who).await, (11, 2, 9));
    rig.stop().await;
}

#[tokio::test]
async fn doubt_stops_all_answers_and_a_restart_settles_it() {
    for (fault, there) in [(Fault::DoubtNothing, false), (Fault::DoubtWritten, true)] {
        let dir = tempfile::tempdir().unwrap();
        let rig = Rig::open(dir.path()).await;
        let id = rig.publish(campaign()).await;
        let who = rig.shopper("ada", id, 9).await;
        let first = draw(&rig.koi, id, who, "a").await.unwrap();
        rig.set_fault(Some(fault));
        assert_eq!(refusal(draw(&rig.koi, id, who, "b").await), "unavailable", "{fault:?}");
        within(DEADLINE, "the process to know", async || !rig.koi.is_ready()).await;
        assert!(*rig.koi.owners().fatal().borrow(), "the process must exit");
        assert_eq!(refusal(rig.koi.points(who).await), "unavailable", "reads end too");
        assert_eq!(refusal(draw(&rig.koi, id, who, "a").await), "unavailable", "and replays");

        let rig = rig.reopen().await;
        assert_eq!(draw(&rig.koi, id, who, "a").await.unwrap(), first);
        let second = rig.koi.draw(id, who, "b", None, None).await.unwrap();
        assert_eq!(second.replayed, there, "{fault:?}: what is in the ledger was done");
        assert_eq!(chances(&rig.koi, id, who).await, (9, 2, 7), "{fault:?}: once");
        assert_eq!(rig.koi.draws(id, who, FIRST).await.unwrap().data.len(), 2);
        rig.stop().await;
    }
}
