//! The server is killed, over and over, with many requests open and at the worst places, and keeps every promise.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use xtask::fixture::{KEY, shoppers, tight_campaign};
use xtask::http::{Call, Client};
use xtask::process::wait_for;

use super::harness::{Dice, Koi, from_env, print_counters, unique};
use super::oracle::{Act, Attempt, Known, Meaning, Oracle, meaning};
use super::oracle_orders::{Open, order_campaign};
use super::oracle_shop::Shop;
use super::receiver::{Manner, Receiver};

/// Connections that each keep one request open.
const CALLERS: usize = 64;
/// Fewer shoppers than callers, so that some shoppers are served by two callers at once.
const SHOPPERS: usize = 56;
/// A round counts only when so many requests were acknowledged in it.
const ACKNOWLEDGED_PER_ROUND: u64 = 20;
/// A kill counts only when so many requests were open at that moment.
const OPEN_AT_KILL: u64 = 32;
/// A new campaign, with fresh stock to oversell, every so many rounds.
const ROUNDS_PER_CAMPAIGN: u64 = 5;
/// How many of a hundred acts are about orders.
const ORDERS_PERCENT: u64 = 30;
/// A round is over by then, whatever its failpoint does.
const ROUND_WITHIN: Duration = Duration::from_secs(60);

/// Where the process is made to die, and how often it passes there before it does (at least, and up to so many more).
/// What a start takes up again (awards on their way, due times) passes there too before anybody is answered, some hundred
/// commands in some ten batches; a projection pass comes at most every 100 ms.
const FAILPOINTS: [(&str, u64, u64); 7] = [
    ("after_check", 600, 300),
    ("after_stock", 100, 200),
    ("before_append", 60, 40),
    ("after_append", 60, 40),
    ("code_counted", 3, 8),
    ("item_taken", 3, 8),
    ("projection_between", 4, 6),
];

#[test]
fn crash() {
    let rounds = from_env("KOI_ROUNDS", 10);
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_nanos() as u64;
    let seed = from_env("KOI_SEED", clock % 1_000_000);
    let mut test = Crash::new(seed);
    for round in 0..rounds {
        test.round(round);
        assert!(test.oracle.wrong.nothing(), "seed {seed}, round {round}: {:#?}", test.oracle.wrong.examples);
    }
    test.koi.restart();
    test.oracle.resend_all(&test.koi);
    for campaign in 0..test.oracle.campaigns.len() {
        test.oracle.verify(&test.koi, campaign);
    }
    test.oracle.verify_accounts(&test.koi);
    test.oracle.verify_fulfilled(&test.koi, &test.receiver);
    print_counters("crash", &test.counters(rounds, seed));
    assert!(test.oracle.wrong.nothing(), "seed {seed}: {:#?}", test.oracle.wrong.examples);
}

struct Crash {
    koi: Koi,
    /// Fulfils awards of kind webhook, never at the first attempt.
    receiver: Receiver,
    oracle: Oracle,
    dice: Dice,
    acknowledged: u64,
    acknowledged_min: u64,
    open_min: u64,
    kills: u64,
    fired: u64,
    ready_ms_max: f64,
}

/// What the callers of one round share.
struct Round<'a> {
    oracle: &'a Oracle,
    campaign: usize,
    open: AtomicU64,
    acknowledged: AtomicU64,
    stop: AtomicBool,
    attempts: Mutex<Vec<Attempt>>,
    unexpected: Mutex<Vec<String>>,
}

impl Crash {
    fn new(seed: u64) -> Self {
        let koi = Koi::start("crash");
        let receiver = Receiver::start(|nth| if nth == 1 { Manner::Status(500) } else { Manner::Well });
        let webhook = json!({"url": receiver.url(), "types": ["award.fulfil"]});
        koi.must(&Call::post("/webhooks", &webhook).token(KEY));
        let mut oracle = Oracle::default();
        let made = shoppers(koi.server.address, "", "crash", SHOPPERS, 0, 8).expect("shoppers");
        oracle.shoppers = made;
        let ready_ms_max = koi.server.ready_ms;
        let (acknowledged_min, open_min) = (u64::MAX, u64::MAX);
        Self {
            koi,
            receiver,
            oracle,
            dice: Dice(seed),
            acknowledged: 0,
            acknowledged_min,
            open_min,
            kills: 0,
            fired: 0,
            ready_ms_max,
        }
    }

    fn round(&mut self, round: u64) {
        if round.is_multiple_of(ROUNDS_PER_CAMPAIGN) {
            self.new_campaign();
        }
        // Odd rounds die at a failpoint, even ones by a signal from outside.
        let failpoint = (round % 2 == 1).then(|| FAILPOINTS[(round / 2) as usize % FAILPOINTS.len()]);
        if let Some((name, least, more)) = failpoint {
            let pass = least + self.dice.below(more);
            self.koi.restart_with(&[("KOI_FAILPOINT", &format!("{name}:{pass}"))]);
        }
        let (attempts, acknowledged) = self.load_until_death(failpoint.map(|(name, ..)| name));
        assert!(
            acknowledged >= ACKNOWLEDGED_PER_ROUND,
            "round {round}, {failpoint:?}: only {acknowledged} acknowledged"
        );
        self.acknowledged += acknowledged;
        self.acknowledged_min = self.acknowledged_min.min(acknowledged);
        self.oracle.attempts.extend(attempts);
        self.koi.restart();
        self.ready_ms_max = self.ready_ms_max.max(self.koi.server.ready_ms);
        self.oracle.settle(&self.koi);
        let last = self.oracle.campaigns.len() - 1;
        self.oracle.verify(&self.koi, last);
        self.oracle.verify_accounts(&self.koi);
    }

    fn new_campaign(&mut self) {
        let mut body = tight_campaign(120, 3);
        order_campaign(&mut body);
        body["prizes"][0]["kind"] = json!("webhook");
        let id = self.koi.publish(&body);
        let shop = Shop::open(&self.koi, &id);
        self.oracle.campaigns.push(Known::new(id, &body, shop));
    }

    /// Runs all callers until the server is dead; gives their attempts and how many were acknowledged.
    fn load_until_death(&mut self, failpoint: Option<&str>) -> (Vec<Attempt>, u64) {
        let after = self.dice.below(400);
        let seeds: Vec<u64> = (0..CALLERS).map(|_| self.dice.below(u64::MAX)).collect();
        let (server, oracle) = (&mut self.koi.server, &self.oracle);
        let address = server.address;
        let round = Round {
            oracle,
            campaign: oracle.campaigns.len() - 1,
            open: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            attempts: Mutex::new(Vec::new()),
            unexpected: Mutex::new(Vec::new()),
        };
        let open = thread::scope(|scope| {
            for (caller, seed) in seeds.iter().enumerate() {
                let round = &round;
                scope.spawn(move || round.call(caller, Dice(*seed), Client::new(address)));
            }
            let died = if failpoint.is_some() {
                server.wait(ROUND_WITHIN).map(|_| None)
            } else {
                wait_for(ROUND_WITHIN, "enough acknowledged and open requests", || {
                    let acknowledged = round.acknowledged.load(Ordering::SeqCst);
                    let open = round.open.load(Ordering::SeqCst);
                    (acknowledged >= ACKNOWLEDGED_PER_ROUND + after && open >= OPEN_AT_KILL).then_some(Some(open))
                })
            };
            server.kill();
            round.stop.store(true, Ordering::SeqCst);
            died
        });
        let unexpected = round.unexpected.into_inner().expect("no caller panicked");
        assert!(unexpected.is_empty(), "answers that must never come: {unexpected:#?}");
        match open.unwrap_or_else(|error| panic!("{failpoint:?}: {error}")) {
            Some(open) => {
                self.kills += 1;
                self.open_min = self.open_min.min(open);
            }
            None => self.fired += 1,
        }
        (round.attempts.into_inner().expect("no caller panicked"), round.acknowledged.into_inner())
    }

    fn counters(&self, rounds: u64, seed: u64) -> Value {
        let mut counters = json!({
            "rounds": rounds, "killed_with_open": if self.kills == 0 { 0 } else { self.open_min }, "kills": self.kills,
            "failpoints_fired": self.fired, "acknowledged": self.acknowledged, "acknowledged_min": self.acknowledged_min,
            "attempts": self.oracle.attempts.len(), "ready_ms_max": self.ready_ms_max.round(), "seed": seed,
        });
        counters.as_object_mut().expect("an object").extend(self.oracle.wrong.fields());
        counters
    }
}

impl Round<'_> {
    /// Sends one request after the other until the server is gone.
    fn call(&self, caller: usize, mut dice: Dice, mut client: Client) {
        let who = caller % SHOPPERS;
        let (name, token) = &self.oracle.shoppers[who];
        let (mut awards, mut orders) = (Vec::new(), Open::default());
        let mut mine = Vec::new();
        let campaign = (self.campaign, &self.oracle.campaigns[self.campaign]);
        let shop = &campaign.1.shop;
        let mut first = true;
        let started = Instant::now();
        while !self.stop.load(Ordering::SeqCst) && started.elapsed() < ROUND_WITHIN {
            let act = if std::mem::take(&mut first) {
                Act::Grant(6)
            } else {
                choose(&mut dice, &mut awards, &mut orders, shop)
            };
            let mut attempt = Attempt::new(act, who, name, campaign, unique("crash"));
            self.open.fetch_add(1, Ordering::SeqCst);
            let answer = attempt.send(&mut client, token);
            self.open.fetch_sub(1, Ordering::SeqCst);
            let Ok(answer) = answer else {
                mine.push(attempt);
                break;
            };
            match meaning(&answer) {
                Ok(Meaning::Done) => {
                    self.acknowledged.fetch_add(1, Ordering::SeqCst);
                    awards.extend(answer.json()["award"]["id"].as_str().map(str::to_owned));
                    attempt.answer = Some(answer.body);
                    orders.note(&attempt);
                }
                Ok(Meaning::Refused) => attempt.refused = true,
                Ok(Meaning::Again) => {}
                Err(told) => self.unexpected.lock().expect("unpoisoned").push(format!("{attempt:?}: {told}")),
            }
            mine.push(attempt);
        }
        self.attempts.lock().expect("unpoisoned").extend(mine);
    }
}

/// What a caller does next.
pub fn choose(dice: &mut Dice, awards: &mut Vec<String>, orders: &mut Open, shop: &Shop) -> Act {
    if dice.below(100) < ORDERS_PERCENT {
        return Act::Order(orders.choose(dice, shop));
    }
    match dice.below(100) {
        0..60 => Act::Draw(1),
        60..70 => Act::Draw(2 + dice.below(4) as u32),
        70..85 => Act::Grant(1 + dice.below(5) as u32),
        85..92 => Act::Points(1 + dice.below(50) as i64),
        92..95 => Act::SignIn,
        _ => awards.pop().map_or(Act::Draw(1), Act::Claim),
    }
}
