//! Hints in a real Redis that is emptied, killed and started again while shoppers draw: nobody is refused for it, nothing
//! is lost, and koi uses it again by itself.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;
use xtask::cluster::{Cluster, Engine, Signal};
use xtask::fixture::{ample_campaign, metric};
use xtask::http::Call;
use xtask::process::wait_for;
use xtask::socket::Socket;

use super::harness::{Koi, draw, print_counters, scratch, start_in, unique};

const SHOPPERS: usize = 4;
/// Draws between two faults.
const BETWEEN: u64 = 50;
const WITHIN: Duration = Duration::from_secs(60);

/// A Redis of its own, stopped at the end.
struct Redis(Cluster);

impl Redis {
    fn new(dir: &std::path::Path) -> Self {
        Self(Cluster::new(dir.join("engines")))
    }

    fn kill(&self) {
        self.0.kill(Engine::Redis, Signal::Kill).expect("killed");
    }

    /// Starts it, also again, and says where it is.
    fn up(&self) -> String {
        self.0.up(&[Engine::Redis], &mut |_| {}).expect("Redis starts");
        self.0.url(Engine::Redis).expect("it was started")
    }
}

/// Sends a Redis commands in its own short form.
pub fn tell(url: &str, commands: &[&str]) {
    let mut stream = TcpStream::connect(url.trim_start_matches("redis://")).expect("Redis listens");
    for command in commands {
        stream.write_all(format!("{command}\r\n").as_bytes()).expect("sent");
        let mut answer = [0; 3];
        stream.read_exact(&mut answer).expect("answered");
        assert_eq!(&answer, b"+OK", "{command}");
        stream.read_exact(&mut answer[..2]).expect("whole");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        _ = self.0.down(&mut |_| {});
    }
}

fn hints_up(koi: &Koi, want: f64) {
    wait_for(WITHIN, "koi to notice", || {
        let text = koi.send(&Call::get("/metrics")).text().into_owned();
        (metric(&text, "koi_hints_up", "") == Some(want)).then_some(())
    })
    .unwrap_or_else(|error| panic!("koi_hints_up {want}: {error:#}"));
}

fn ticket_opens_a_socket(koi: &Koi, token: &str) {
    let made = koi.must(&Call::post("/live/tickets", &json!({})).token(token));
    let path = format!("/live?ticket={}", made["ticket"].as_str().expect("a ticket"));
    drop(Socket::open(koi.server.address, &path).expect("a socket"));
    let again = Socket::open(koi.server.address, &path).expect_err("one use");
    assert!(again.to_string().contains("401"), "{again}");
}

#[test]
fn redis_comes_and_goes_and_nobody_is_refused() {
    let dir = scratch("hints");
    let redis = Redis::new(dir.path());
    let url = redis.up();
    let start = start_in(&dir.join("data")).env("KOI__HINTS__URL", url.as_str()).env("KOI__HINTS__WAIT_MS", "200");
    let koi = Koi { server: start.start().expect("koi starts"), dir };
    hints_up(&koi, 1.0);
    let campaign = koi.publish(&ample_campaign());
    let tokens: Vec<String> = (0..SHOPPERS).map(|i| koi.shopper(&campaign, &format!("hinted-{i}"), 100_000)).collect();
    let (stop, drawn) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for token in &tokens {
            let (stop, drawn, campaign, mut client) = (&stop, &drawn, &campaign, koi.client());
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let key = unique("hinted");
                    let answer = client.send(&draw(campaign, token, &key)).expect("an answer");
                    assert_eq!(answer.status, 201, "{}", answer.text());
                    drawn.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let draws_go_on = || {
            let from = drawn.load(Ordering::Relaxed);
            let more = || (drawn.load(Ordering::Relaxed) >= from + BETWEEN).then_some(());
            wait_for(WITHIN, "draws", more).is_ok()
        };
        let faults = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            assert!(draws_go_on());
            tell(&url, &["FLUSHALL", "FUNCTION FLUSH"]);
            assert!(draws_go_on());
            ticket_opens_a_socket(&koi, &tokens[0]);
            redis.kill();
            hints_up(&koi, 0.0);
            assert!(draws_go_on());
            ticket_opens_a_socket(&koi, &tokens[0]);
            redis.up();
            hints_up(&koi, 1.0);
            assert!(draws_go_on());
            ticket_opens_a_socket(&koi, &tokens[0]);
        }));
        stop.store(true, Ordering::Relaxed);
        if let Err(failed) = faults {
            std::panic::resume_unwind(failed);
        }
    });
    let used: u64 = tokens
        .iter()
        .map(|token| {
            let me = koi.must(&Call::get(format!("/campaigns/{campaign}/me")).token(token));
            me["chances"]["used"].as_u64().expect("a number")
        })
        .sum();
    assert_eq!(used, drawn.load(Ordering::Relaxed), "every draw was answered");
    print_counters("hints", &json!({"draws": used, "refused": 0}));
}

#[test]
fn without_redis_koi_starts_and_serves() {
    let dir = scratch("hints-away");
    let nobody = xtask::process::free_address().expect("a port");
    let start = start_in(&dir.join("data")).env("KOI__HINTS__URL", format!("redis://{nobody}"));
    let koi = Koi { server: start.start().expect("koi starts"), dir };
    let campaign = koi.publish(&ample_campaign());
    let ada = koi.shopper(&campaign, "ada", 3);
    koi.must(&draw(&campaign, &ada, "alone"));
    ticket_opens_a_socket(&koi, &ada);
}
