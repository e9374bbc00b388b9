//! How soon a killed server answers again after many draws: a start folds the tail, it does not read history.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use serde_json::json;
use xtask::fixture::{ample_campaign, must, shoppers};
use xtask::http::Call;

use super::harness::{Koi, from_env, print_counters, unique};

/// Draws in one request, the most there may be.
const DRAWS_PER_REQUEST: u64 = 10;
const CALLERS: usize = 32;
/// What the long form holds the restart to, in milliseconds.
const READY_WITHIN_MS: f64 = 3_000.0;

#[test]
fn ready_again() {
    let draws = from_env("KOI_DRAWS", 20_000);
    let people = (draws / 1_000).clamp(CALLERS as u64, 2_000);
    let each = draws.div_ceil(people).div_ceil(DRAWS_PER_REQUEST) * DRAWS_PER_REQUEST;
    let mut koi = Koi::start("ready");
    let campaign = koi.publish(&ample_campaign());
    let made = shoppers(koi.server.address, &campaign, "many", people as usize, each as u32, 8).expect("shoppers");
    let done = AtomicU64::new(0);
    thread::scope(|scope| {
        for part in made.chunks(made.len().div_ceil(CALLERS)) {
            let (done, campaign, mut client) = (&done, &campaign, koi.client());
            scope.spawn(move || {
                for (_, token) in part {
                    for _ in 0..each / DRAWS_PER_REQUEST {
                        let key = unique("many");
                        let body = json!({"count": DRAWS_PER_REQUEST});
                        let call = Call::post(format!("/campaigns/{campaign}/draws"), &body).token(token).key(&key);
                        must(&mut client, &call).expect("ten draws");
                        done.fetch_add(DRAWS_PER_REQUEST, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let done = done.into_inner();
    koi.restart();
    let ready_ms = koi.server.ready_ms.round();
    assert_eq!(koi.me(&campaign, &made[0].1)["chances"], json!({"granted": each, "used": each, "left": 0}));
    assert_eq!(koi.report_of(&campaign, done as usize)["chances"]["used"], done);
    print_counters("ready", &json!({"draws_before_restart": done, "ready_ms_after_draws": ready_ms}));
    // A short run shares the machine with other tests; its time is told, not judged.
    if std::env::var("KOI_DRAWS").is_ok() {
        assert!(ready_ms <= READY_WITHIN_MS, "ready only after {ready_ms} ms");
    }
}
