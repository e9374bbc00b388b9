//! Redeem codes through the owner: counted first, then only forward, whatever dies in between.

use crate::harness::{FIRST, Fault, Rig, chances, draw, refusal};
use app::Error;
use app::koi::{CodesFrom, OrderInput};
use app::ports::{Claim, ClaimAsk, Codes};
use domain::code::Terms;
use domain::ids::{CampaignId, CodeUseId, ShopperId};
use serde_json::{Value, json};
use testkit::builders::{NOON_MS, campaign};

const ONCE: Terms = Terms { chances: 2, uses: 1, per_shopper: None, starts_at_ms: None, ends_at_ms: None };

async fn redeem(rig: &Rig, id: CampaignId, who: ShopperId, key: &str, code: &str) -> Result<(Value, bool), Error> {
    let request = json!({"kind": "redeem", "code": code});
    let answer = rig.koi.order(id, who, key, OrderInput::Redeem { code: code.into() }, &request).await?;
    assert_eq!(answer.status, 201);
    Ok((serde_json::from_slice(&answer.body).unwrap(), answer.replayed))
}

async fn codes(rig: &Rig, id: CampaignId, count: usize, terms: Terms) -> Vec<String> {
    rig.koi.create_codes(id, terms, CodesFrom::Here(count)).await.unwrap().codes.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_gives_one_order_however_many_ask() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let id = rig.publish(campaign()).await;
    let code = codes(&rig, id, 1, ONCE).await.remove(0);
    let mut shoppers = Vec::new();
    for i in 0..10 {
        shoppers.push(rig.shopper(&format!("s{i}"), id, 0).await);
    }
    let asks = shoppers.iter().map(|who| redeem(&rig, id, *who, "k", &code));
    let all = futures_util::future::join_all(asks).await;
    let won: Vec<usize> = (0..10).filter(|at| all[*at].is_ok()).collect();
    assert_eq!(won.len(), 1, "{all:?}");
    assert!(all.into_iter().enumerate().all(|(at, got)| at == won[0] || refusal(got) == "code_used"));
    let winner = shoppers[won[0]];
    let (order, _) = redeem(&rig, id, winner, "k", &code).await.unwrap();
    assert_eq!(
        (&order["kind"], &order["state"], &order["chances"]),
        (&json!("redeem"), &json!("effective"), &json!(2))
    );
    assert_eq!(refusal(redeem(&rig, id, winner, "other", &code).await), "code_used");
    assert_eq!(refusal(redeem(&rig, id, winner, "k", "another").await), "idempotency_key_reused");
    for (at, shopper) in shoppers.iter().enumerate() {
        let want = if at == won[0] { (2, 0, 2) } else { (0, 0, 0) };
        assert_eq!(chances(&rig.koi, id, *shopper).await, want);
    }
    rig.project().await;
    rig = rig.reopen().await;
    let typed = code.to_lowercase().replace('-', " ");
    assert_eq!(refusal(redeem(&rig, id, winner, "k", &typed).await), "idempotency_key_reused", "another body");
    assert_eq!(refusal(redeem(&rig, id, winner, "k2", &typed).await), "code_used", "however it is typed");
    let (again, replayed) = redeem(&rig, id, winner, "k", &code).await.unwrap();
    assert_eq!((again, replayed), (order.clone(), true));
    let shown = rig.koi.get_order(winner, order["id"].as_str().unwrap().parse().unwrap()).await.unwrap();
    assert_eq!(serde_json::to_value(shown).unwrap(), order);
    let batch = rig.koi.code_batches(id, FIRST).await.unwrap().data.remove(0);
    assert_eq!((batch.count, batch.used, batch.origin), (1, 1, "generated"));
    assert_eq!(rig.koi.export_codes(id, batch.batch_id).await.unwrap(), [(code, 1)]);
    rig.stop().await;
}

/// What waits behind a claim goes on when it is counted: nothing is refused for it.
#[tokio::test(flavor = "multi_thread")]
async fn orders_of_one_shopper_wait_for_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::open(dir.path()).await;
    let id = rig.publish(campaign()).await;
    let who = rig.shopper("ada", id, 1).await;
    let many = codes(&rig, id, 20, ONCE).await;
    let keys: Vec<String> = (0..20).map(|i| format!("k{i}")).collect();
    let redeems = many.iter().zip(&keys).map(|(code, key)| redeem(&rig, id, who, key, code));
    let (all, drawn) = tokio::join!(futures_util::future::join_all(redeems), draw(&rig.koi, id, who, "d"));
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    drawn.unwrap();
    assert_eq!(chances(&rig.koi, id, who).await, (41, 1, 40));
    // The same key many times at once is one order.
    let code = codes(&rig, id, 1, ONCE).await.remove(0);
    let same = futures_util::future::join_all((0..8).map(|_| redeem(&rig, id, who, "same", &code))).await;
    let orders: Vec<Value> = same.into_iter().map(|got| got.unwrap().0).collect();
    assert!(orders.iter().all(|order| order == &orders[0]), "{orders:?}");
    assert_eq!(chances(&rig.koi, id, who).await, (43, 1, 42));
    rig.stop().await;
}

/// A use that was counted by a process which died before its record.
async fn counted(rig: &Rig, id: CampaignId, who: ShopperId, key: &str, code: &str) {
    let request = app::request_of(&json!({"kind": "redeem", "code": code}));
    let ask = ClaimAsk {
        campaign: id,
        codes: vec![code.to_owned()],
        shopper: who,
        key: app::order_key(id, key),
        request,
        new_id: CodeUseId(who.0 + 7),
        now_ms: NOON_MS,
    };
    assert!(matches!(rig.store().claim(&ask).await, Ok(Claim::Counted(_))));
}

#[tokio::test]
async fn a_counted_use_gets_its_order_from_a_retry_or_the_sweeper() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let id = rig.publish(campaign()).await;
    let many = codes(&rig, id, 3, ONCE).await;
    let (ada, bob, eve) =
        (rig.shopper("ada", id, 0).await, rig.shopper("bob", id, 0).await, rig.shopper("eve", id, 0).await);
    for (who, code) in [(ada, &many[0]), (bob, &many[1]), (eve, &many[2])] {
        counted(&rig, id, who, "k", code).await;
    }
    rig = rig.reopen().await;
    // Ada asks again; Bob never does; Eve uses her key for something else meanwhile.
    let (order, replayed) = redeem(&rig, id, ada, "k", &many[0]).await.unwrap();
    assert!(!replayed);
    let sign_in = rig.koi.order(id, eve, "k", OrderInput::SignIn, &json!({"kind": "sign_in"})).await.unwrap();
    assert_eq!(sign_in.status, 201);
    rig.set_time(NOON_MS + 60_000).await;
    // Ada's is not projected yet: her timer fires too and finds nothing to do.
    assert_eq!(rig.koi.fire_due().await.unwrap(), 3);
    assert_eq!(rig.koi.fire_due().await.unwrap(), 0);
    assert_eq!(chances(&rig.koi, id, ada).await, (2, 0, 2));
    assert_eq!(chances(&rig.koi, id, bob).await, (2, 0, 2));
    assert_eq!(chances(&rig.koi, id, eve).await, (3, 0, 3), "the use and the sign-in");
    assert_eq!(redeem(&rig, id, ada, "k", &many[0]).await.unwrap(), (order, true));
    let (_, replayed) = redeem(&rig, id, bob, "k", &many[1]).await.unwrap();
    assert!(replayed, "the sweeper's answer is the one that a retry gets");
    rig.project().await;
    assert_eq!(rig.koi.fire_due().await.unwrap(), 0);
    for who in [ada, bob, eve] {
        let used = rig.store().code_use(CodeUseId(who.0 + 7)).await.unwrap().unwrap();
        assert!(used.order.is_some(), "projection completes the use");
    }
    rig.stop().await;
}

/// The ledger takes nothing for a while: the use is counted, its order comes later, the campaign's end notwithstanding.
#[tokio::test]
async fn after_the_count_nothing_refuses() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::open(dir.path()).await;
    let id = rig.publish(campaign()).await;
    let who = rig.shopper("ada", id, 0).await;
    let code = codes(&rig, id, 1, ONCE).await.remove(0);
    rig.set_fault(Some(Fault::Full));
    assert_eq!(refusal(redeem(&rig, id, who, "k", &code).await), "unavailable");
    rig.set_fault(None);
    rig.koi.pause(id).await.unwrap();
    assert_eq!(refusal(redeem(&rig, id, who, "k", &code).await), "campaign_paused");
    rig.set_time(NOON_MS + 60_000).await;
    assert_eq!(rig.koi.fire_due().await.unwrap(), 1);
    assert_eq!(chances(&rig.koi, id, who).await, (2, 0, 2));
    let (_, replayed) = redeem(&rig, id, who, "k", &code).await.unwrap();
    assert!(replayed);
    rig.stop().await;
}

#[tokio::test]
async fn only_unknown_codes_count_as_guesses() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::open(dir.path()).await;
    let id = rig.publish(campaign()).await;
    let (ada, bob) = (rig.shopper("ada", id, 0).await, rig.shopper("bob", id, 0).await);
    let many = codes(&rig, id, 30, ONCE).await;
    for (i, code) in many.iter().enumerate().take(28) {
        redeem(&rig, id, ada, &format!("k{i}"), code).await.unwrap();
        assert_eq!(refusal(redeem(&rig, id, ada, &format!("again{i}"), code).await), "code_used");
    }
    for i in 0..20 {
        assert_eq!(refusal(redeem(&rig, id, ada, "g", &format!("GUESS-{i}")).await), "code_unknown");
    }
    assert_eq!(refusal(redeem(&rig, id, ada, "g", "GUESS-20").await), "too_many_attempts");
    assert_eq!(refusal(redeem(&rig, id, ada, "good", &many[28]).await), "too_many_attempts", "a right one neither");
    assert!(redeem(&rig, id, ada, "k0", &many[0]).await.unwrap().1, "what was done is told all the same");
    redeem(&rig, id, bob, "k", &many[29]).await.unwrap();
    rig.set_time(NOON_MS + 601_000).await;
    redeem(&rig, id, ada, "good", &many[28]).await.unwrap();
    rig.stop().await;
}
