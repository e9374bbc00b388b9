//! A server of its own for each test, and the few questions that all of them ask.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use xtask::fixture::{self, KEY, KEY_VARIABLE};
use xtask::http::{Answer, Call, Client};
use xtask::process::{Scratch, Server, Start, run, wait_for};

/// What may lag (points won, statistics, reports) is waited for this long; the contract says 2 s when idle.
pub const SETTLES_WITHIN: Duration = Duration::from_secs(20);
/// No command of these tests takes longer.
pub const COMMAND_WITHIN: Duration = Duration::from_secs(120);

/// The binary under test.
pub fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_koi"))
}

/// Where scratch directories are made: below the build directory, so on a disk and not in memory.
pub fn scratch(name: &str) -> Scratch {
    Scratch::new(Path::new(env!("CARGO_TARGET_TMPDIR")), name).expect("a scratch directory")
}

/// A data directory and the server on it.
pub struct Koi {
    // The first field is dropped first: the process is gone when its directory is removed.
    pub server: Server,
    pub dir: Scratch,
}

impl Koi {
    /// A server on a fresh data directory.
    pub fn start(name: &str) -> Self {
        let dir = scratch(name);
        let server = start_in(&dir.join("data")).start().expect("koi starts");
        Self { server, dir }
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// Starts it again on the same data; the old process must be gone.
    pub fn restart(&mut self) {
        self.restart_with(&[]);
    }

    /// [`Koi::restart`] with environment variables.
    pub fn restart_with(&mut self, envs: &[(&str, &str)]) {
        self.server.kill();
        let start = envs.iter().fold(start_in(&self.data()), |start, (name, value)| start.env(name, *value));
        self.server = start.start().expect("koi starts again");
    }

    /// Starts it again with a failpoint; false where it died before it was ready, since what a start does counts too.
    pub fn restart_failing(&mut self, failpoint: &str) -> bool {
        self.server.kill();
        let started = start_in(&self.data()).env("KOI_FAILPOINT", failpoint).start();
        started.is_ok_and(|server| {
            self.server = server;
            true
        })
    }

    /// A new client.
    pub fn client(&self) -> Client {
        self.server.client()
    }

    /// One call on a connection of its own.
    pub fn send(&self, call: &Call<'_>) -> Answer {
        self.client().send(call).expect("an answer")
    }

    /// One call that must be answered 2xx; gives the body.
    pub fn must(&self, call: &Call<'_>) -> Value {
        fixture::must(&mut self.client(), call).expect("a 2xx answer")
    }

    /// A live campaign from `body`; gives its id.
    pub fn publish(&self, body: &Value) -> String {
        fixture::publish(&mut self.client(), body).expect("a live campaign")
    }

    /// A shopper with chances; gives the token.
    pub fn shopper(&self, campaign: &str, name: &str, chances: u32) -> String {
        let mut client = self.client();
        let token = fixture::shopper(&mut client, name).expect("a shopper");
        if chances > 0 {
            fixture::grant(&mut client, campaign, name, chances, &format!("first-{campaign}-{name}")).expect("a grant");
        }
        token
    }

    /// The shopper's view of a campaign.
    pub fn me(&self, campaign: &str, token: &str) -> Value {
        self.must(&Call::get(format!("/campaigns/{campaign}/me")).token(token))
    }

    /// The campaign's report.
    pub fn report(&self, campaign: &str) -> Value {
        self.must(&Call::get(format!("/campaigns/{campaign}/report")).token(KEY))
    }

    /// The report once it counts that many draws.
    pub fn report_of(&self, campaign: &str, draws: usize) -> Value {
        wait_for(SETTLES_WITHIN, &format!("a report of {draws} draws"), || {
            let report = self.report(campaign);
            (report["draws"] == draws).then_some(report)
        })
        .unwrap_or_else(|error| panic!("{error}: {}", self.report(campaign)))
    }

    /// Every row of a shopper's list.
    pub fn rows(&self, path: &str, token: &str) -> Vec<Value> {
        fixture::all_pages(&mut self.client(), path, token).expect("a list")
    }

    /// Every draw of a shopper in a campaign, newest first.
    pub fn draws(&self, campaign: &str, token: &str) -> Vec<Value> {
        self.rows(&format!("/campaigns/{campaign}/draws"), token)
    }
}

/// How a server on `data` is started: with the key, and a backtrace where it panics.
pub fn start_in(data: &Path) -> Start {
    Start::new(binary(), data).env(KEY_VARIABLE, KEY).env("RUST_BACKTRACE", "1")
}

/// Runs `koi` with arguments to its end.
pub fn koi<I, S>(arguments: I) -> Output
where
    I: IntoIterator<Item = S>,
    S: AsRef<std::ffi::OsStr>,
{
    run(Command::new(binary()).args(arguments).env(KEY_VARIABLE, KEY), COMMAND_WITHIN).expect("koi ends in time")
}

/// The exit status and both outputs of a run of `koi`, for messages.
pub fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\nstdout: {}\nstderr: {}", output.status, text(&output.stdout), text(&output.stderr))
}

/// A POST of one draw.
pub fn draw<'a>(campaign: &str, token: &'a str, key: &'a str) -> Call<'a> {
    Call::post(format!("/campaigns/{campaign}/draws"), &json!({})).token(token).key(key)
}

/// A key that no other call of this process uses.
pub fn unique(prefix: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{prefix}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Asserts that an answer is a whole RFC 9457 problem of that status, with that code unless it is "".
#[track_caller]
pub fn assert_problem(what: &str, answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{what}: {}", answer.text());
    assert_whole_problem(what, answer);
    if !code.is_empty() {
        assert_eq!(answer.code(), code, "{what}: {}", answer.text());
    }
}

/// Asserts that an answer is a problem with every field the contract names, and no other secret in it.
#[track_caller]
pub fn assert_whole_problem(what: &str, answer: &Answer) {
    let content_type = answer.header("content-type").unwrap_or_default();
    assert!(content_type.starts_with("application/problem+json"), "{what}: {content_type:?} {}", answer.text());
    let body = answer.json();
    for field in ["type", "title", "detail", "code", "request_id"] {
        assert!(body[field].is_string(), "{what}: the problem lacks {field}: {body}");
    }
    assert_eq!(body["status"], answer.status, "{what}: status in the body");
    let code = answer.code();
    let snake =
        !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    assert!(snake, "{what}: code {code:?} is no snake_case word");
    if [429, 503].contains(&answer.status) && code != "limit_reached" {
        assert!(answer.header("retry-after").is_some(), "{what}: {} without Retry-After", answer.status);
    }
}

/// Reads a number from the environment.
pub fn from_env(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")),
        Err(_) => default,
    }
}

/// Prints the counters of a long test as one line of JSON.
pub fn print_counters(test: &str, counters: &Value) {
    let mut line = json!({"test": test});
    if let (Some(line), Some(counters)) = (line.as_object_mut(), counters.as_object()) {
        line.extend(counters.clone());
    }
    println!("{line}");
}

/// Random numbers for choosing what to do (SplitMix64, Steele et al. 2014); the seed is all that a rerun needs.
pub struct Dice(pub u64);

impl Dice {
    /// A number below `bound`, which is above 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// Units won by prize code, from draws.
pub fn won_by_prize<'a>(draws: impl IntoIterator<Item = &'a Value>) -> BTreeMap<String, u64> {
    let mut won = BTreeMap::new();
    for draw in draws {
        *won.entry(draw["prize"]["code"].as_str().unwrap_or_default().to_owned()).or_insert(0) += 1;
    }
    won
}
