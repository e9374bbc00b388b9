//! One key has one result: under a hundred requests at once, across `kill -9`, and however its JSON is spelt.

use std::net::SocketAddr;
use std::sync::RwLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use xtask::fixture::{KEY, tight_campaign};
use xtask::http::{Answer, Call, Client};
use xtask::process::wait_for;

use super::harness::{Dice, Koi, assert_problem, draw, from_env, print_counters, unique};

const REQUESTS: usize = 100;
/// Every request has its answer by then, through any restart.
const ANSWERED_WITHIN: Duration = Duration::from_secs(60);

/// Sends a draw until it is decided: through refused connections, `in_flight` and 503.
fn insist(address: &RwLock<SocketAddr>, campaign: &str, token: &str, key: &str, sent: &AtomicU64) -> Answer {
    let started = Instant::now();
    loop {
        assert!(started.elapsed() < ANSWERED_WITHIN, "no answer within {ANSWERED_WITHIN:?}");
        let at = *address.read().expect("unpoisoned");
        let mut client = Client::new(at).with_timeout(Duration::from_secs(10));
        sent.fetch_add(1, Ordering::SeqCst);
        match client.send(&draw(campaign, token, key)) {
            Ok(answer) if answer.status == 503 || answer.code() == "in_flight" => {
                assert!(answer.header("retry-after").is_some(), "{} without Retry-After", answer.status);
                thread::sleep(Duration::from_millis(5));
            }
            Ok(answer) => return answer,
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}

#[test]
fn idempotency() {
    let rounds = from_env("KOI_ROUNDS", 3);
    let mut koi = Koi::start("idempotency");
    let campaign = koi.publish(&tight_campaign(200, 5));
    let mut dice = Dice(from_env("KOI_SEED", 7));
    let (mut different, mut done_twice) = (0, 0);
    for round in 0..rounds * 2 {
        let killed = round % 2 == 1;
        let name = format!("one-key-{round}");
        let token = koi.shopper(&campaign, &name, 3);
        let key = unique("one");
        let address = RwLock::new(koi.server.address);
        let sent = AtomicU64::new(0);
        let answers: Vec<Answer> = thread::scope(|scope| {
            let workers: Vec<_> =
                (0..REQUESTS).map(|_| scope.spawn(|| insist(&address, &campaign, &token, &key, &sent))).collect();
            if killed {
                let at_least = 1 + dice.below(REQUESTS as u64);
                wait_for(ANSWERED_WITHIN, "requests", || (sent.load(Ordering::SeqCst) >= at_least).then_some(()))
                    .expect("requests are sent");
                koi.restart();
                *address.write().expect("unpoisoned") = koi.server.address;
            }
            workers.into_iter().map(|worker| worker.join().expect("an answer")).collect()
        });
        for answer in &answers {
            assert_eq!(answer.status, 201, "{}", answer.text());
            different += usize::from(answer.body != answers[0].body);
        }
        let first_times = answers.iter().filter(|answer| answer.header("idempotency-replayed").is_none()).count();
        assert!(first_times <= 1, "{first_times} answers claim to be the first");
        let used = koi.me(&campaign, &token)["chances"]["used"].as_u64().expect("used");
        done_twice += used - 1;
        assert_eq!(koi.draws(&campaign, &token).len(), 1);
    }
    let counters = json!({"rounds": rounds, "requests": rounds * 2 * REQUESTS as u64, "different": different, "done_twice": done_twice});
    print_counters("idempotency", &counters);
    assert_eq!((different, done_twice), (0, 0));
}

#[test]
fn a_key_belongs_to_its_body_caller_and_path() {
    let koi = Koi::start("key-scope");
    let campaign = koi.publish(&tight_campaign(200, 5));
    let other_campaign = koi.publish(&tight_campaign(200, 5));
    let (ada, bob) = (koi.shopper(&campaign, "ada", 5), koi.shopper(&campaign, "bob", 5));
    koi.must(
        &Call::post(
            format!("/campaigns/{other_campaign}/grants"),
            &json!({"shopper": "ada", "chances": 1, "business_key": "b", "reason": "test"}),
        )
        .token(KEY),
    );
    let path = format!("/campaigns/{campaign}/draws");
    let send = |token: &str, path: &str, key: &str, body: &str| {
        koi.send(&Call::new("POST", path).bytes(body.as_bytes()).token(token).key(key))
    };
    let first = send(&ada, &path, "k", r#"{"client_seed":"x","count":2}"#);
    assert_eq!(first.status, 201, "{}", first.text());
    assert_eq!(first.header("idempotency-replayed"), None);
    for spelling in [r#"{"client_seed":"x","count":2}"#, "{ \"count\" : 2,\n\"client_seed\":\"\\u0078\" }"] {
        let again = send(&ada, &path, "k", spelling);
        assert_eq!((again.status, &again.body), (201, &first.body), "{spelling}");
        assert_eq!(again.header("idempotency-replayed"), Some("true"), "{spelling}");
    }
    for other in ["{}", r#"{"client_seed":"y","count":2}"#, r#"{"client_seed":"x"}"#] {
        assert_problem(other, &send(&ada, &path, "k", other), 422, "idempotency_key_reused");
    }
    let by_bob = send(&bob, &path, "k", "{}");
    assert_eq!((by_bob.status, by_bob.json()["n"].as_u64()), (201, Some(1)), "another caller's key is another key");
    let elsewhere = send(&ada, &format!("/campaigns/{other_campaign}/draws"), "k", "{}");
    assert_eq!((elsewhere.status, elsewhere.json()["n"].as_u64()), (201, Some(1)), "so is one on another path");
}

#[test]
fn a_refusal_leaves_its_key_free() {
    let koi = Koi::start("key-refused");
    let campaign = koi.publish(&tight_campaign(200, 5));
    let token = koi.shopper(&campaign, "ada", 0);
    assert_problem("no chance yet", &koi.send(&draw(&campaign, &token, "k")), 409, "no_chances");
    koi.shopper(&campaign, "ada", 1);
    let drawn = koi.send(&draw(&campaign, &token, "k"));
    assert_eq!(drawn.status, 201, "{}", drawn.text());
    assert_eq!(drawn.header("idempotency-replayed"), None);
}

#[test]
fn business_keys_give_their_first_answer() {
    let koi = Koi::start("business-keys");
    let campaign = koi.publish(&tight_campaign(200, 5));
    let token = koi.shopper(&campaign, "ada", 0);
    let grants = format!("/campaigns/{campaign}/grants");
    let grant = |chances: u32| json!({"shopper": "ada", "chances": chances, "business_key": "g", "reason": "test"});
    let points = |amount: i64| json!({"amount": amount, "business_key": "p", "reason": "test"});
    for (path, first, other) in [(grants.as_str(), grant(3), grant(4)), ("/shoppers/ada/points", points(5), points(6))]
    {
        let made = koi.send(&Call::post(path, &first).token(KEY));
        assert_eq!(made.status, 201, "{}", made.text());
        let again = koi.send(&Call::post(path, &first).token(KEY));
        assert_eq!((again.status, &again.body), (200, &made.body));
        assert_problem(path, &koi.send(&Call::post(path, &other).token(KEY)), 409, "business_key_reused");
    }
    assert_eq!(koi.me(&campaign, &token)["chances"]["granted"], 3);
    assert_eq!(koi.must(&Call::get("/points").token(&token))["balance"], 5);
}
