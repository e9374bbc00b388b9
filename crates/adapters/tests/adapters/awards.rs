//! Awards behind the scenes: the owner's table, deadlines, pools, and what a crash leaves half done.

use crate::harness::{FIRST, Rig, draw, refusal, within};
use app::AwardState;
use app::IfMatch;
use app::fulfil::{Engine, Options};
use app::ports::{AwardDesk, CouponPools, Deliveries, DeliveryState, Fulfilment, Letter, Undelivered};
use async_trait::async_trait;
use domain::ids::{AwardId, CampaignId, ShopperId};
use domain::tally::Watch;
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use testkit::builders::{NOON_MS, one_prize};

const SOON: Duration = Duration::from_secs(30);
const DAY_MS: i64 = 86_400_000;

/// A carrier that does as it is told and remembers every attempt's id.
#[derive(Default)]
struct Fake {
    attempts: Mutex<Vec<String>>,
    /// Attempts that fail before the first that does not.
    failing: usize,
}

#[async_trait]
impl Fulfilment for Fake {
    async fn hand_over(&self, letter: Letter<'_>) -> Result<(), Undelivered> {
        let mut attempts = self.attempts.lock().unwrap();
        attempts.push(letter.id.to_owned());
        if attempts.len() > self.failing { Ok(()) } else { Err(Undelivered("status_500".into())) }
    }

    fn check_url(&self, _: &str) -> Result<(), &'static str> {
        Ok(())
    }
}

fn start(rig: &Rig, carrier: Arc<Fake>) -> tokio::task::AbortHandle {
    let options =
        Options { first_retry_ms: 0, longest_retry_ms: 0, scan_seconds: 1, jitter_seed: 3, ..Options::default() };
    tokio::spawn(Engine::new(rig.koi.clone(), carrier, &options).run()).abort_handle()
}

async fn win(rig: &Rig, campaign: CampaignId, who: ShopperId, key: &str) -> AwardId {
    draw(&rig.koi, campaign, who, key).await.unwrap()["award"]["id"].as_str().unwrap().parse().unwrap()
}

async fn state(rig: &Rig, who: ShopperId, award: AwardId) -> AwardState {
    let all = rig.koi.awards(who, FIRST).await.unwrap().data;
    all.iter().find(|a| a.id == award).unwrap().state
}

/// Projects until an award stands there.
async fn until(rig: &mut Rig, who: ShopperId, award: AwardId, want: AwardState) {
    for _ in 0..3_000 {
        rig.project().await;
        if state(rig, who, award).await == want {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{award} is {:?}, not {want:?}", state(rig, who, award).await);
}

#[tokio::test]
async fn what_is_not_claimed_in_time_expires_and_what_is_claimed_stays() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let id = rig.publish(one_prize(&json!({"claim_days": 2}))).await;
    let who = rig.shopper("ada", id, 9).await;
    let (kept, late, lost) =
        (win(&rig, id, who, "a").await, win(&rig, id, who, "b").await, win(&rig, id, who, "c").await);
    let shown = rig.koi.awards(who, FIRST).await.unwrap().data;
    assert!(shown.iter().all(|a| a.claim_by.as_deref().is_some_and(|by| by > a.at.as_str())), "{shown:?}");
    rig.set_time(NOON_MS + DAY_MS).await;
    assert_eq!(rig.koi.claim(who, kept, None).await.unwrap().state, AwardState::Claimed);
    rig.set_time(NOON_MS + 2 * DAY_MS + 60_000).await;
    assert_eq!(refusal(rig.koi.claim(who, late, None).await), "award_not_claimable", "behind its deadline");
    assert_eq!(state(&rig, who, late).await, AwardState::Granted, "nobody has looked yet");
    rig.project().await;
    let engine = start(&rig, Arc::default());
    for award in [late, lost] {
        until(&mut rig, who, award, AwardState::Expired).await;
    }
    assert_eq!(state(&rig, who, kept).await, AwardState::Claimed, "a claim keeps the expiry out");
    assert_eq!(rig.koi.claim(who, kept, None).await.unwrap().state, AwardState::Claimed);
    engine.abort();
    rig = rig.reopen().await;
    assert_eq!(refusal(rig.koi.claim(who, lost, None).await), "award_not_claimable", "an expiry keeps claims out");
    rig.project().await;
    assert!(rig.store().overdue(i64::MAX, 10).await.unwrap().is_empty(), "nothing is left to expire");
    rig.stop().await;
}

#[tokio::test]
async fn a_coupon_is_given_once_though_the_process_died_in_between() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let id = rig.publish(one_prize(&json!({"kind": "coupon"}))).await;
    let who = rig.shopper("ada", id, 9).await;
    let codes: Vec<String> = (0..3).map(|i| format!("C{i}")).collect();
    let prize = rig.koi.campaign(id).await.unwrap().definition.prizes[0].code.clone();
    assert_eq!(rig.koi.add_coupons(id, &prize, codes.clone()).await.unwrap().added, 3);
    let again = rig.koi.add_coupons(id, &prize, codes).await.unwrap();
    assert_eq!((again.added, again.duplicates, again.free), (0, 3, 3), "an upload again changes nothing");
    let award = win(&rig, id, who, "a").await;
    rig.project().await;
    // Assigned, and dead before the owner was told.
    for _ in 0..3 {
        assert!(rig.store().assign(id, &prize, award).await.unwrap());
    }
    rig = rig.reopen().await;
    let engine = start(&rig, Arc::default());
    until(&mut rig, who, award, AwardState::Granted).await;
    assert_eq!(CouponPools::count(rig.store(), id, &prize).await.unwrap(), (2, 1), "one code is gone");
    let shown = rig.koi.awards(who, FIRST).await.unwrap().data;
    assert_eq!(shown[0].coupon_code.as_deref(), Some("C0"));
    let (more, last) = (win(&rig, id, who, "b").await, win(&rig, id, who, "c").await);
    for award in [more, last] {
        until(&mut rig, who, award, AwardState::Granted).await;
    }
    // Only now: awards of one moment are fulfilled side by side, and any of them might find the pool empty.
    let short = win(&rig, id, who, "d").await;
    until(&mut rig, who, short, AwardState::Failed).await;
    rig.koi.add_coupons(id, &prize, vec!["late".into()]).await.unwrap();
    until(&mut rig, who, short, AwardState::Granted).await;
    assert_eq!(CouponPools::count(rig.store(), id, &prize).await.unwrap(), (0, 4));
    engine.abort();
    rig.stop().await;
}

#[tokio::test]
async fn an_award_waits_for_a_receiver_and_is_never_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let id = rig.publish(one_prize(&json!({"kind": "webhook"}))).await;
    let who = rig.shopper("ada", id, 9).await;
    let award = win(&rig, id, who, "a").await;
    rig.project().await;
    // What an older version or a restored backup may lack.
    let records = rusqlite::Connection::open(rig.data.join("records.db")).unwrap();
    assert_eq!(records.execute("DELETE FROM deliveries", []).unwrap(), 1, "a win that needs somebody is posted");
    let carrier = Arc::new(Fake { failing: 2, ..Fake::default() });
    let engine = start(&rig, carrier.clone());
    until(&mut rig, who, award, AwardState::Failed).await;
    // The award's state is the ledger's and may be seen before the delivery's row says why it waits.
    within(SOON, "one delivery waits for a receiver", async || {
        let waiting = rig.store().list(Some(DeliveryState::Pending), u64::MAX >> 1, 9).await.unwrap();
        waiting.len() == 1
            && (waiting[0].problem.as_deref(), waiting[0].new.award) == (Some("no_receiver"), Some(award))
    })
    .await;
    let hook = rig.koi.create_webhook("http://127.0.0.1:9/", &["award.fulfil".into()]).await.unwrap();
    until(&mut rig, who, award, AwardState::Granted).await;
    assert_eq!(*carrier.attempts.lock().unwrap(), vec![format!("award_{award}"); 3], "two failed, one did not");
    within(SOON, "the delivery is done", async || {
        rig.store().list(Some(DeliveryState::Pending), u64::MAX >> 1, 9).await.unwrap().is_empty()
    })
    .await;
    assert!(rig.store().forgotten(AwardId(0), 10).await.unwrap().is_empty());
    assert_eq!(rig.koi.claim(who, award, None).await.unwrap().state, AwardState::Claimed);
    rig.koi.delete_webhook(hook.id).await.unwrap();
    assert_eq!(refusal(rig.koi.delete_webhook(hook.id).await), "webhook_unknown");
    engine.abort();
    rig.stop().await;
}

/// What the risk rule holds back is given or ended by a person, once, and until then nobody fulfils it.
#[tokio::test]
async fn what_is_held_back_is_reviewed_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    for (kind, approve, want, points) in [
        ("goods", true, AwardState::Granted, 0),
        ("goods", false, AwardState::Expired, 0),
        ("points", true, AwardState::Granted, 7),
        ("points", false, AwardState::Expired, 0),
        ("coupon", true, AwardState::Granting, 0),
        ("coupon", false, AwardState::Expired, 0),
    ] {
        let mut prize = json!({"kind": kind, "claim_days": 2});
        if kind == "points" {
            prize["points"] = json!({"min": 7, "max": 7});
        }
        let id = rig.publish(one_prize(&prize)).await;
        let name = format!("{kind}-{approve}");
        let who = rig.shopper(&name, id, 2).await;
        let watched = Watch { flags: vec!["hold".into()], ..Watch::default() };
        rig.koi.put_risk(&name, watched, &IfMatch::Absent).await.unwrap();
        let held = win(&rig, id, who, "held").await;
        rig.koi.put_risk(&name, Watch::default(), &IfMatch::Absent).await.unwrap();
        let free = win(&rig, id, who, "free").await;
        let shown = rig.koi.awards(who, FIRST).await.unwrap().data;
        let award = |of: AwardId| shown.iter().find(|award| award.id == of).unwrap();
        assert_eq!(
            (award(held).held, award(held).state, award(free).held),
            (true, AwardState::Granting, false),
            "{name}"
        );
        assert_eq!(rig.koi.points(who).await.unwrap().balance, if kind == "points" { 7 } else { 0 }, "{name}: not yet");
        rig.project().await;
        let listed = rig.koi.held_awards(FIRST).await.unwrap().data;
        assert_eq!(
            listed.iter().map(|one| (one.shopper.as_str(), one.award.id)).collect::<Vec<_>>(),
            [(name.as_str(), held)]
        );
        assert_eq!(refusal(rig.koi.claim(who, held, None).await), "award_not_claimable", "{name}");
        assert_eq!(refusal(rig.koi.review_award(free, approve).await), "award_not_held", "{name}");
        for again in 0..2 {
            let koi = rig.koi.clone();
            let decided = rig.projecting(async move { koi.review_award(held, approve).await.unwrap() }).await;
            assert_eq!((decided.award.state, decided.award.held), (want, false), "{name}, {again}");
            let koi = rig.koi.clone();
            let other = rig.projecting(async move { koi.review_award(held, !approve).await }).await;
            assert_eq!(refusal(other), "award_reviewed", "{name}, {again}");
            rig = rig.reopen().await;
        }
        let balance = rig.koi.points(who).await.unwrap().balance;
        assert_eq!(balance, if kind == "points" { 7 + points } else { 0 }, "{name}");
        rig.project().await;
        assert!(rig.koi.held_awards(FIRST).await.unwrap().data.is_empty(), "{name}");
        let open = rig.store().forgotten(AwardId(0), 10).await.unwrap();
        assert_eq!(
            open.iter().any(|row| row.id == held),
            want == AwardState::Granting,
            "{name}: somebody fulfils it now"
        );
    }
    rig.stop().await;
}
