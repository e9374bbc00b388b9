//! A backup taken while shoppers draw holds everything acknowledged before it began, and is whole.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use xtask::fixture::{POINTS_PER_PRIZE, shoppers, tight_campaign};
use xtask::http::{Answer, Call};
use xtask::process::wait_for;

use super::harness::{Koi, SETTLES_WITHIN, draw, koi, print_counters, scratch, start_in, told, unique, won_by_prize};

const SHOPPERS: usize = 24;

#[test]
fn restore() {
    let mut first = Koi::start("backup");
    let body = tight_campaign(300, 3);
    let campaign = first.publish(&body);
    let made = shoppers(first.server.address, &campaign, "back", SHOPPERS, 5_000, 8).expect("shoppers");
    let acknowledged: Mutex<Vec<(usize, String, Answer)>> = Mutex::new(Vec::new());
    let (stop, count) = (AtomicBool::new(false), AtomicU64::new(0));
    let backup = first.dir.join("backup");
    let before = thread::scope(|scope| {
        for (number, (_, token)) in made.iter().enumerate() {
            let (acknowledged, stop, count, campaign, mut client) =
                (&acknowledged, &stop, &count, &campaign, first.client());
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let key = unique("back");
                    let answer = client.send(&draw(campaign, token, &key)).expect("an answer while backing up");
                    assert_eq!(answer.status, 201, "{}", answer.text());
                    acknowledged.lock().expect("unpoisoned").push((number, key, answer));
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let loaded = |least: u64| {
            wait_for(Duration::from_secs(60), "draws", || (count.load(Ordering::Relaxed) >= least).then_some(()))
        };
        let waited = loaded(300);
        let before = acknowledged.lock().expect("unpoisoned").len();
        let output = koi([Path::new("backup"), &backup, Path::new("--data"), &first.data()]);
        let waited = waited.and_then(|()| loaded(before as u64 + 200));
        stop.store(true, Ordering::Relaxed);
        waited.expect("draws go on");
        assert!(output.status.success(), "koi backup: {}", told(&output));
        before
    });
    let acknowledged = acknowledged.into_inner().expect("unpoisoned");
    first.server.kill();
    let dir = scratch("restored");
    let data = dir.join("data");
    let output = koi([Path::new("restore"), &backup, Path::new("--data"), &data]);
    assert!(output.status.success(), "koi restore: {}", told(&output));
    let second = Koi { server: start_in(&data).start().expect("koi starts on what was restored"), dir };
    for (number, key, answer) in &acknowledged[..before] {
        let replay = second.send(&draw(&campaign, &made[*number].1, key));
        assert_eq!((replay.status, &replay.body), (201, &answer.body), "acknowledged before the backup began");
    }
    let restored = check_whole(&second, &campaign, &made, &body);
    let output = koi([Path::new("restore"), &backup, Path::new("--data"), &first.data()]);
    assert!(matches!(output.status.code(), Some(1 | 2)), "nothing is restored over data: {}", told(&output));
    let counters = json!({"acknowledged": acknowledged.len(), "before_backup": before, "restored": restored, "lost": 0, "changed": 0});
    print_counters("restore", &counters);
}

/// Ordinals without holes, chances, awards and points that add up, no prize oversold. Gives the number of draws.
fn check_whole(koi: &Koi, campaign: &str, made: &[(String, String)], body: &Value) -> usize {
    let mut all = Vec::new();
    for (name, token) in made {
        let rows = koi.draws(campaign, token);
        let mut ordinals: Vec<u64> = rows.iter().filter_map(|row| row["n"].as_u64()).collect();
        ordinals.reverse();
        assert!(ordinals.iter().copied().eq(1..=rows.len() as u64), "{name}: {ordinals:?}");
        assert_eq!(
            koi.me(campaign, token)["chances"],
            json!({"granted": 5_000, "used": rows.len(), "left": 5_000 - rows.len()})
        );
        let wins = rows.iter().filter(|row| !row["award"].is_null()).count();
        assert_eq!(koi.rows("/awards", token).len(), wins, "{name}: one award a win");
        let won = POINTS_PER_PRIZE * rows.iter().filter(|row| row["prize"]["kind"] == "points").count() as i64;
        let balance = || koi.must(&Call::get("/points").token(token))["balance"].as_i64();
        wait_for(SETTLES_WITHIN, "points", || (balance() == Some(won)).then_some(())).expect("points conserve");
        all.extend(rows);
    }
    let won = won_by_prize(&all);
    for prize in body["prizes"].as_array().expect("prizes") {
        let count = won.get(prize["code"].as_str().expect("a code")).copied().unwrap_or(0);
        assert!(count <= prize["stock"].as_u64().unwrap_or(u64::MAX), "{prize}: won {count}");
    }
    koi.report_of(campaign, all.len());
    all.len()
}
