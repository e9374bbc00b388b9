//! A restart finds everything that was acknowledged, whatever was projected of it.

use crate::harness::{DEADLINE, FIRST, Rig, assert_same_sight, chances, draw, publish, refusal, sight, within};
use app::Error;
use app::owner::Limits;
use app::ports::{Accounts, Campaigns, Projection};
use domain::campaign::State;
use domain::ids::{CampaignId, DrawId, ShopperId};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::task::Poll;
use std::time::Duration;
use testkit::builders::{DAY_MS, NOON_MS, campaign, purchase, sign_in};

/// What a report counts by draws; how many shoppers there are may lag.
async fn counted(rig: &Rig, id: CampaignId) -> String {
    let report = rig.koi.report(id).await.unwrap();
    serde_json::to_string(&(
        report.draws,
        report.cost_cents,
        report.points_won,
        report.prizes,
        report.tiers,
        report.chances,
    ))
    .unwrap()
}

#[tokio::test]
async fn an_unprojected_tail_gives_the_same_accounts() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let (id, other) = (rig.publish(campaign()).await, rig.publish(campaign()).await);
    let mut shoppers = Vec::new();
    for i in 0..8 {
        shoppers.push(rig.shopper(&format!("s{i}"), id, 40).await);
    }
    for round in 0..6i64 {
        for (i, who) in shoppers.iter().enumerate() {
            let name = format!("s{i}");
            draw(&rig.koi, id, *who, &format!("k{round}")).await.unwrap();
            rig.koi.draw(id, *who, &format!("m{round}"), Some("x".into()), Some(2)).await.unwrap();
            let events = [
                purchase(&format!("p{round}"), &format!("o{round}"), NOON_MS, "CUP", 30_000),
                sign_in(&format!("i{round}"), NOON_MS),
            ];
            rig.koi.record_events(events.into_iter().map(|b| Ok((name.clone(), b))).collect()).await.unwrap();
            rig.koi.add_points(&name, 5, &format!("b{round}"), "gift", None).await.unwrap();
            let award = rig.koi.awards(*who, FIRST).await.unwrap().data[0].id;
            rig.koi.claim(*who, award, None).await.unwrap();
        }
        let mut seen = Vec::new();
        for who in &shoppers {
            seen.push((sight(&rig.koi, id, *who).await, sight(&rig.koi, other, *who).await));
        }
        let report = counted(&rig, id).await;
        // Restarts with much, some and nothing in the tail.
        if round % 3 == 1 {
            rig.project().await;
        }
        rig = rig.reopen().await;
        for (who, (here, there)) in shoppers.iter().zip(&seen) {
            assert_same_sight(&sight(&rig.koi, id, *who).await, here, &format!("round {round}"));
            assert_same_sight(&sight(&rig.koi, other, *who).await, there, &format!("round {round}"));
        }
        assert_eq!(counted(&rig, id).await, report);
    }
    rig.project().await;
    for (i, who) in shoppers.iter().enumerate() {
        let stored = rig.store().by_name(&format!("s{i}")).await.unwrap().unwrap();
        let enrolment = stored.account.enrolment(id).unwrap();
        let (granted, used, _) = chances(&rig.koi, id, *who).await;
        assert_eq!(
            (enrolment.granted, enrolment.used, stored.account.points),
            (granted, used, rig.koi.points(*who).await.unwrap().balance)
        );
        assert_eq!(used, 18);
    }
    rig.stop().await;
}

#[tokio::test]
async fn files_copied_at_work_open_with_all_that_was_answered() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let id = rig.publish(campaign()).await;
    let who = rig.shopper("ada", id, 90).await;
    for round in 0..4 {
        for i in 0..10 {
            draw(&rig.koi, id, who, &format!("{round} {i}")).await.unwrap();
        }
        let seen = sight(&rig.koi, id, who).await;
        let copy = tempfile::tempdir().unwrap();
        for file in std::fs::read_dir(dir.path()).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
        }
        let copied = Rig::open(copy.path()).await;
        assert_same_sight(&sight(&copied.koi, id, who).await, &seen, "the copy");
        copied.stop().await;
        if round == 2 {
            rig.project().await;
        }
    }
    rig.stop().await;
}

#[tokio::test]
async fn campaign_acts_survive_and_a_seed_shows_only_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let id = rig.publish(campaign()).await;
    let who = rig.shopper("ada", id, 9).await;
    let seed_hash = rig.koi.campaign(id).await.unwrap().seed_hash.unwrap();
    let mut version = rig.koi.campaign(id).await.unwrap().version;
    for (act, state, refused) in [
        ("pause", State::Paused, Some("campaign_paused")),
        ("resume", State::Live, None),
        ("end", State::Ended, Some("campaign_over")),
    ] {
        let view = match act {
            "pause" => rig.koi.pause(id).await,
            "resume" => rig.koi.resume(id).await,
            _ => rig.koi.end(id).await,
        };
        let view = view.unwrap();
        assert!(view.version > version, "{act} makes a new version");
        version = view.version;
        for restarted in [false, true, true] {
            if restarted {
                rig = rig.reopen().await;
            }
            let view = rig.koi.campaign(id).await.unwrap();
            assert_eq!((view.state, view.version), (state, version), "after {act}");
            assert_eq!(view.campaign_seed.is_some(), state == State::Ended, "the seed shows once it is over");
            let got = draw(&rig.koi, id, who, &format!("{act} {restarted}")).await;
            assert_eq!(got.as_ref().err().map(Error::code), refused, "after {act}");
        }
        rig.project().await;
    }
    let seed = hex::decode(rig.koi.campaign(id).await.unwrap().campaign_seed.unwrap()).unwrap();
    let hash: [u8; 32] =
        sha2::Digest::finalize(sha2::Digest::chain_update(<sha2::Sha256 as sha2::Digest>::new(), seed)).into();
    assert_eq!(hex::encode(hash), seed_hash, "it is the seed that was committed to");
    rig.stop().await;
}

#[tokio::test]
async fn a_campaign_past_its_window_is_ended() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::open(dir.path()).await;
    let mut short = campaign();
    short["ends_at"] = "2026-03-11T00:00:00Z".into();
    let (id, long) = (publish(&rig.koi, short).await, publish(&rig.koi, campaign()).await);
    assert_eq!(rig.koi.end_overdue().await.unwrap(), 0);
    rig.set_time(NOON_MS + DAY_MS).await;
    let view = rig.koi.campaign(id).await.unwrap();
    assert_eq!((view.state, view.campaign_seed), (State::Ended, None), "the window's end alone reveals nothing");
    assert_eq!(rig.koi.end_overdue().await.unwrap(), 1);
    assert!(rig.koi.campaign(id).await.unwrap().campaign_seed.is_some());
    assert_eq!(rig.koi.campaign(long).await.unwrap().campaign_seed, None);
    assert_eq!(rig.koi.end_overdue().await.unwrap(), 0, "once");
    rig.stop().await;
}

#[tokio::test]
async fn an_act_that_nobody_confirmed_is_finished() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let id = rig.publish(campaign()).await;
    let who = rig.shopper("ada", id, 9).await;
    // The row is written, the record is not: what a crash between them leaves.
    let mut row = rig.store().load(id).await.unwrap().unwrap();
    row.version += 1;
    row.state = State::Paused;
    rig.store().update(&row, None).await.unwrap();
    draw(&rig.koi, id, who, "a").await.unwrap();
    rig = rig.reopen().await;
    assert_eq!(refusal(draw(&rig.koi, id, who, "b").await), "campaign_paused", "the row counts from the next start on");
    rig.stop().await;
}

/// Polls a future at most so often and then forgets it, as a server does when its caller goes away.
async fn abandoned<F: Future>(future: F, polls: usize) {
    let mut future = std::pin::pin!(future);
    for _ in 0..polls {
        if std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await.is_ready() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
}

#[tokio::test]
async fn an_act_whose_caller_goes_away_comes_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::open(dir.path()).await;
    let id = rig.publish(campaign()).await;
    let who = rig.shopper("ada", id, 500).await;
    let key = std::cell::Cell::new(0);
    for polls in 0..12 {
        abandoned(rig.koi.pause(id), polls).await;
        within(DEADLINE, "agreement of table and owner", async || {
            let told = rig.koi.campaign(id).await.unwrap().state;
            key.set(key.get() + 1);
            let got = draw(&rig.koi, id, who, &format!("k{}", key.get())).await;
            got.err().map(|error| error.code()) == (told == State::Paused).then_some("campaign_paused")
        })
        .await;
        rig.koi.resume(id).await.unwrap_or_else(|error| panic!("after {polls} polls: {error:?}"));
    }
    rig.stop().await;
}

#[tokio::test]
async fn ids_and_times_do_not_fall_with_the_clock() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let id = rig.publish(campaign()).await;
    let who = rig.shopper("ada", id, 99).await;
    let (mut ids, mut times) = (BTreeSet::new(), Vec::new());
    for round in 0..6 {
        for i in 0..3 {
            let body = draw(&rig.koi, id, who, &format!("{round} {i}")).await.unwrap();
            let draw: DrawId = body["id"].as_str().unwrap().parse().unwrap();
            assert!(ids.last().is_none_or(|last| *last < draw), "ids grow");
            ids.insert(draw);
            times.push(body["drawn_at"].as_str().unwrap().to_owned());
        }
        if round % 2 == 0 {
            rig.project().await;
        }
        let data = rig.stop().await;
        // Each process finds an older clock than the one before.
        rig = Rig::open_with(&data, Limits::default(), NOON_MS - round * DAY_MS).await;
    }
    assert!(times.is_sorted(), "times never fall: {times:?}");
    rig.project().await;
    assert_eq!(rig.koi.draws(id, who, FIRST).await.unwrap().data.len(), 18, "no id was used twice");
    let (a, b) = (
        rig.shopper("bob", id, 0).await,
        rig.koi.create_campaign(testkit::builders::definition(campaign())).await.unwrap().id,
    );
    assert!(a.0 > who.0 && b.0 > id.0);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_answers_what_was_queued_before_it() {
    for round in 0..5 {
        let dir = tempfile::tempdir().unwrap();
        let rig = Rig::open(dir.path()).await;
        let id = rig.publish(campaign()).await;
        let who = rig.shopper("ada", id, 0).await;
        // Commands of one shopper go one by one, so most of them are still waiting when the stop comes.
        let grants: Vec<_> = (0..50)
            .map(|i| {
                let koi = rig.koi.clone();
                tokio::spawn(async move { koi.grant(id, "ada", 1, &format!("k{i}"), "gift", None).await })
            })
            .collect();
        let koi = rig.koi.clone();
        within(DEADLINE, "a first grant", async || chances(&koi, id, who).await.0 > 0).await;
        drop(koi);
        let data = rig.stop().await;
        let mut granted = 0;
        for grant in grants {
            match grant.await.unwrap() {
                Ok(_) => granted += 1,
                Err(error) => assert!(matches!(error, Error::Unavailable(_)), "{error:?}"),
            }
        }
        let rig = Rig::open(&data).await;
        let there = chances(&rig.koi, id, who).await.0;
        assert!(there >= granted, "round {round}: {granted} were acknowledged, {there} are there");
        rig.stop().await;
    }
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever_for_busy_shoppers() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::open(dir.path()).await;
    let id = rig.publish(campaign()).await;
    rig.shopper("ada", id, 0).await;
    // Polled once each: the commands are in the queue, the stop behind them.
    let mut waiting = tokio::task::JoinSet::new();
    for i in 0..20 {
        let koi = rig.koi.clone();
        waiting.spawn(async move { koi.grant(id, "ada", 1, &format!("k{i}"), "gift", None).await.is_ok() });
    }
    tokio::task::yield_now().await;
    let koi = rig.koi.clone();
    rig.stop().await;
    let answered = waiting.join_all().await;
    assert_eq!(answered, [true; 20], "what was queued before the stop is answered");
    assert!(
        matches!(koi.points(ShopperId(1)).await, Err(Error::Unavailable(_))),
        "what comes after it is told to ask again"
    );
}

#[tokio::test]
async fn a_ledger_that_does_not_reach_its_records_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::open(dir.path()).await;
    let id = rig.publish(campaign()).await;
    let who = rig.shopper("ada", id, 9).await;
    draw(&rig.koi, id, who, "a").await.unwrap();
    rig.project().await;
    let position = rig.store().position().await.unwrap();
    assert!(position.next > 3);
    let data = rig.stop().await;
    for end in ["", "-wal", "-shm"] {
        _ = std::fs::remove_file(data.join(format!("ledger.db{end}")));
    }
    let error = adapters::embedded::open(&data, &Default::default()).await.err().unwrap().to_string();
    assert!(error.contains("restore a backup"), "{error}");
}

#[tokio::test]
async fn a_hole_between_records_and_ledger_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::open(dir.path()).await;
    let id = rig.publish(campaign()).await;
    let who = rig.shopper("ada", id, 9).await;
    for i in 0..5 {
        draw(&rig.koi, id, who, &format!("k{i}")).await.unwrap();
    }
    let data = rig.stop().await;
    // As if records came from an older backup than the ledger, whose start was archived meanwhile.
    adapters::ledger::archive(&data, i64::MAX, 5).unwrap();
    let error = adapters::embedded::open(&data, &Default::default()).await.err().unwrap().to_string();
    assert!(error.contains("lacks the records from 0 to"), "{error}");
}

#[tokio::test]
async fn a_queue_that_is_full_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { queue: 1, ..Limits::default() };
    let rig = Rig::open_with(dir.path(), limits, NOON_MS).await;
    let id = rig.publish(campaign()).await;
    let who = rig.shopper("ada", id, 1_000).await;
    let (mut drawn, mut refused) = (0, 0);
    let mut running = tokio::task::JoinSet::new();
    for i in 0..200 {
        let koi = rig.koi.clone();
        running.spawn(async move { koi.draw(id, who, &format!("k{i}"), None, None).await });
    }
    while let Some(done) = running.join_next().await {
        match done.unwrap() {
            Ok(_) => drawn += 1,
            Err(Error::Unavailable(_) | Error::InFlight) => refused += 1,
            Err(error) => panic!("{error:?}"),
        }
    }
    assert!(drawn > 0 && drawn + refused == 200);
    assert_eq!(chances(&rig.koi, id, who).await.1, drawn, "who was refused drew nothing");
    rig.stop().await;
}

#[tokio::test]
async fn a_tail_at_its_bound_refuses_until_it_is_projected() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { tail: 20, ..Limits::default() };
    let mut rig = Rig::open_with(dir.path(), limits, NOON_MS).await;
    let id = rig.publish(campaign()).await;
    let who = rig.shopper("ada", id, 1_000).await;
    let mut made = 0;
    for i in 0..100 {
        match draw(&rig.koi, id, who, &format!("k{i}")).await {
            Ok(body) => {
                made += 1;
                assert_eq!(body["n"], Value::from(made));
            }
            Err(error) => {
                assert_eq!(error.code(), "unavailable");
                assert!(rig.koi.owners().lag() >= 20);
                rig.project().await;
            }
        }
    }
    assert!(made > 50 && made < 100, "{made} of 100");
    rig.project().await;
    assert_eq!(chances(&rig.koi, id, who).await.1, made);
    assert_eq!(json!(rig.koi.draws(id, who, FIRST).await.unwrap().data.len()), json!(made));
    rig.stop().await;
}
