//! An account of everything the server acknowledged, kept outside of it, and what must therefore be found in it.
//!
//! An attempt that was answered must be answered the same for ever. One that was not may have been done or not: it is sent
//! again with its key until it has an answer, and from then on is held to it. What was refused must not have been done.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use xtask::fixture::{KEY, POINTS_PER_PRIZE, POINTS_PER_SIGN_IN};
use xtask::http::{Answer, Call, Client};
use xtask::process::wait_for;

use super::harness::{Koi, SETTLES_WITHIN};
use super::oracle_orders::OrderAct;
use super::oracle_shop::Shop;
use super::receiver::{Heard, Receiver};

/// Connections that send unanswered attempts again.
const SETTLING_THREADS: usize = 8;
/// An unanswered attempt has its answer after this long, or the server is stuck.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);

/// An award is with whoever fulfils it after this long: a failed attempt waits 5 s at most for the next.
const FULFILLED_WITHIN: Duration = Duration::from_secs(60);

/// What an attempt asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// So many draws at once.
    Draw(u32),
    /// The day's sign-in.
    SignIn,
    /// So many chances, by business key.
    Grant(u32),
    /// So many points, by business key.
    Points(i64),
    /// The claim of an award.
    Claim(String),
    /// What `oracle_orders` knows of.
    Order(OrderAct),
}

/// One request and, once there is one, its acknowledged answer.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub act: Act,
    /// Index of the shopper.
    pub who: usize,
    /// Index of the campaign.
    pub campaign: usize,
    pub key: String,
    path: String,
    body: Value,
    /// The body of the 2xx answer.
    pub answer: Option<Vec<u8>>,
    /// Whether it was refused: then nothing was done.
    pub refused: bool,
    /// The draws that its answer holds, read once.
    drawn: OnceLock<Vec<Value>>,
}

/// A campaign as the oracle knows it.
#[derive(Debug, Clone)]
pub struct Known {
    pub id: String,
    /// Stock by prize code; prizes without are unlimited.
    pub stock: BTreeMap<String, u64>,
    /// Its redeem codes, and what points buy.
    pub shop: Shop,
}

impl Known {
    /// From the campaign's id and the body it was made of.
    pub fn new(id: String, body: &Value, shop: Shop) -> Self {
        let prizes = body["prizes"].as_array().expect("prizes");
        let stock = prizes.iter().filter_map(|p| Some((p["code"].as_str()?.to_owned(), p["stock"].as_u64()?)));
        Self { id, stock: stock.collect(), shop }
    }
}

impl Attempt {
    /// An attempt of shopper `who`, called `name`, in `campaign`.
    pub fn new(act: Act, who: usize, name: &str, campaign: (usize, &Known), key: String) -> Self {
        let id = &campaign.1.id;
        let (path, body) = match &act {
            Act::Draw(1) => (format!("/campaigns/{id}/draws"), json!({"client_seed": key})),
            Act::Draw(count) => (format!("/campaigns/{id}/draws"), json!({"count": count})),
            Act::SignIn => (format!("/campaigns/{id}/orders"), json!({"kind": "sign_in"})),
            Act::Grant(chances) => (
                format!("/campaigns/{id}/grants"),
                json!({"shopper": name, "chances": chances, "business_key": key, "reason": "test"}),
            ),
            Act::Points(amount) => {
                (format!("/shoppers/{name}/points"), json!({"amount": amount, "business_key": key, "reason": "test"}))
            }
            Act::Claim(award) => (format!("/awards/{award}/claim"), json!({})),
            Act::Order(act) => act.request(id, name, &key),
        };
        Self { act, who, campaign: campaign.0, key, path, body, answer: None, refused: false, drawn: OnceLock::new() }
    }

    fn by_shop(&self) -> bool {
        match &self.act {
            Act::Grant(_) | Act::Points(_) => true,
            Act::Order(act) => act.by_shop(),
            _ => false,
        }
    }

    /// Whether the server stores no answer for it: a repeat may be answered otherwise, what it did is looked at.
    fn unkeyed(&self) -> bool {
        match &self.act {
            Act::Claim(_) => true,
            Act::Order(act) => act.unkeyed(),
            _ => false,
        }
    }

    /// Whether it is a purchase: that counts in every campaign that is live when it comes.
    pub fn is_purchase(&self) -> bool {
        matches!(self.act, Act::Order(OrderAct::Purchase(_)))
    }

    /// The body of its answer, where it has one.
    pub fn told(&self) -> Option<Value> {
        self.answer.as_deref().map(|body| serde_json::from_slice(body).expect("an acknowledged answer is JSON"))
    }

    /// Sends it once.
    ///
    /// # Errors
    /// A broken connection.
    pub fn send(&self, client: &mut Client, token: &str) -> std::io::Result<Answer> {
        let call = Call::post(self.path.as_str(), &self.body);
        client.send(&if self.by_shop() { call.token(KEY) } else { call.token(token).key(&self.key) })
    }

    /// The awards that points bought by it.
    pub fn awards_bought(&self) -> Vec<String> {
        let bought = matches!(self.act, Act::Order(OrderAct::Exchange(_)));
        let told = self.told().filter(|_| bought).unwrap_or_default();
        let awards = told["awards"].as_array().cloned().unwrap_or_default();
        awards.iter().filter_map(|award| award["id"].as_str().map(str::to_owned)).collect()
    }

    /// The draws that its answer holds; none before there is one.
    fn drawn(&self) -> &[Value] {
        let (Act::Draw(count), Some(answer)) = (&self.act, &self.answer) else { return &[] };
        self.drawn.get_or_init(|| {
            let body: Value = serde_json::from_slice(answer).expect("an acknowledged answer is JSON");
            if *count == 1 { vec![body] } else { body["draws"].as_array().cloned().unwrap_or_default() }
        })
    }
}

/// What an answer means for its attempt.
pub enum Meaning {
    Done,
    Refused,
    /// Not decided yet: send it again.
    Again,
}

/// Reads an answer; `Err` is one that must never come.
pub fn meaning(answer: &Answer) -> Result<Meaning, String> {
    match (answer.status, answer.code().as_str()) {
        (200..=202, _) => Ok(Meaning::Done),
        (409, "in_flight") | (429 | 503, _) => Ok(Meaning::Again),
        (409, _) => Ok(Meaning::Refused),
        (status, _) => Err(format!("{status}: {}", answer.text())),
    }
}

/// What was found to be wrong; all of it should stay at nothing.
#[derive(Debug, Default)]
pub struct Wrong {
    pub counts: BTreeMap<&'static str, u64>,
    pub examples: Vec<String>,
}

/// Kinds of wrong that are always reported, found or not.
pub const KINDS: [&str; 15] = [
    "lost",
    "changed",
    "phantom",
    "oversold",
    "overdrawn",
    "holes",
    "awards_wrong",
    "awards_dropped",
    "points_wrong",
    "chances_wrong",
    "orders_wrong",
    "refunds_wrong",
    "codes_wrong",
    "exchanges_wrong",
    "unexpected",
];

impl Wrong {
    /// Counts one case.
    pub fn add(&mut self, kind: &'static str, example: impl Into<String>) {
        *self.counts.entry(kind).or_insert(0) += 1;
        if self.examples.len() < 20 {
            self.examples.push(format!("{kind}: {}", example.into()));
        }
    }

    /// The count of each kind, as JSON fields.
    pub fn fields(&self) -> serde_json::Map<String, Value> {
        KINDS.iter().map(|kind| ((*kind).to_owned(), json!(self.counts.get(kind).unwrap_or(&0)))).collect()
    }

    /// Whether nothing was found.
    pub fn nothing(&self) -> bool {
        self.counts.is_empty()
    }
}

/// The account itself.
#[derive(Default)]
pub struct Oracle {
    /// Names and tokens.
    pub shoppers: Vec<(String, String)>,
    pub campaigns: Vec<Known>,
    pub attempts: Vec<Attempt>,
    /// Everything before this has an answer that was compared once already.
    settled: usize,
    pub wrong: Wrong,
}

/// What one shopper should have, by the attempts that were acknowledged.
#[derive(Default)]
struct Expected<'a> {
    draws: BTreeMap<&'a str, &'a Value>,
    granted: u64,
}

impl<'a> Expected<'a> {
    fn of(attempts: &'a [Attempt], who: usize, campaign: usize) -> Self {
        let mut expected = Self::default();
        let here = |a: &&Attempt| a.campaign == campaign || a.campaign > campaign && a.is_purchase();
        let done = attempts.iter().filter(|a| a.answer.is_some() && a.who == who).filter(here);
        for attempt in done {
            match attempt.act {
                Act::Draw(_) => {
                    let by_id = attempt.drawn().iter().map(|draw| (draw["id"].as_str().unwrap_or_default(), draw));
                    expected.draws.extend(by_id);
                }
                Act::SignIn => expected.granted += 1,
                Act::Grant(chances) => expected.granted += u64::from(chances),
                Act::Order(ref act) => expected.granted += act.granted(attempt),
                Act::Points(_) | Act::Claim(_) => {}
            }
        }
        expected
    }
}

impl Oracle {
    /// Sends every attempt since the last call again: an answered one must be answered the same, the others get an answer.
    pub fn settle(&mut self, koi: &Koi) {
        let from = std::mem::replace(&mut self.settled, self.attempts.len());
        self.resend(koi, from);
    }

    /// Sends everything ever acknowledged again.
    pub fn resend_all(&mut self, koi: &Koi) {
        self.resend(koi, 0);
    }

    fn resend(&mut self, koi: &Koi, from: usize) {
        let (fresh, shoppers, address) = (&mut self.attempts[from..], &self.shoppers, koi.server.address);
        let share = fresh.len().div_ceil(SETTLING_THREADS).max(1);
        let found: Vec<Wrong> = thread::scope(|scope| {
            let workers: Vec<_> = fresh
                .chunks_mut(share)
                .map(|part| {
                    scope.spawn(move || {
                        let (mut client, mut wrong) = (Client::new(address), Wrong::default());
                        for attempt in part.iter_mut().filter(|attempt| !attempt.refused) {
                            let token = &shoppers[attempt.who].1;
                            resend_one(attempt, &mut client, token, &mut wrong);
                        }
                        wrong
                    })
                })
                .collect();
            workers.into_iter().map(|worker| worker.join().expect("a settling thread")).collect()
        });
        for wrong in found {
            for (kind, count) in wrong.counts {
                *self.wrong.counts.entry(kind).or_insert(0) += count;
            }
            self.wrong.examples.extend(wrong.examples);
        }
    }

    /// Compares the awards and points of all shoppers with the account.
    pub fn verify_accounts(&mut self, koi: &Koi) {
        for who in 0..self.shoppers.len() {
            self.verify_awards(koi, who);
            self.verify_points(koi, who);
        }
    }

    /// Compares everything the server shows of a campaign with the account.
    pub fn verify(&mut self, koi: &Koi, campaign: usize) {
        let known = self.campaigns[campaign].clone();
        let mut won: BTreeMap<String, u64> = BTreeMap::new();
        let mut drawn = 0;
        for who in 0..self.shoppers.len() {
            let rows = self.verify_draws(koi, who, campaign);
            drawn += rows.len();
            for (code, count) in super::harness::won_by_prize(&rows) {
                *won.entry(code).or_insert(0) += count;
            }
        }
        self.verify_orders(koi, campaign);
        self.verify_shop(koi, campaign);
        let report = koi.report_of(&known.id, drawn);
        for prize in report["prizes"].as_array().expect("the report's prizes") {
            let code = prize["code"].as_str().unwrap_or_default();
            let found = won.get(code).copied().unwrap_or(0);
            if prize["won"].as_u64() != Some(found) {
                self.wrong.add("changed", format!("the report says {prize}, the draws say {found}"));
            }
        }
        for (code, stock) in &known.stock {
            let found = won.get(code).copied().unwrap_or(0);
            if found > *stock {
                self.wrong.add("oversold", format!("{code}: won {found} of {stock}"));
            }
        }
    }

    fn verify_draws(&mut self, koi: &Koi, who: usize, campaign: usize) -> Vec<Value> {
        let id = self.campaigns[campaign].id.clone();
        let (name, token) = self.shoppers[who].clone();
        let expected = Expected::of(&self.attempts, who, campaign);
        let rows = koi.draws(&id, &token);
        let listed: BTreeMap<&str, &Value> =
            rows.iter().map(|row| (row["id"].as_str().unwrap_or_default(), row)).collect();
        if listed.len() != rows.len() {
            self.wrong.add("changed", format!("{name}: a draw is listed twice"));
        }
        for (draw_id, draw) in &expected.draws {
            match listed.get(draw_id) {
                None => self.wrong.add("lost", format!("{name}: {draw}")),
                Some(row) => {
                    let same = ["n", "prize", "slot", "pool", "receipt", "drawn_at"]
                        .iter()
                        .all(|field| row[field] == draw[field]);
                    if !same || row["award"]["id"] != draw["award"]["id"] {
                        self.wrong.add("changed", format!("{name}: answered {draw}, listed {row}"));
                    }
                }
            }
        }
        for row in listed.values().filter(|row| !expected.draws.contains_key(row["id"].as_str().unwrap_or_default())) {
            self.wrong.add("phantom", format!("{name}: {row}"));
        }
        let ordinals: BTreeSet<u64> = rows.iter().filter_map(|row| row["n"].as_u64()).collect();
        if !ordinals.iter().copied().eq(1..=rows.len() as u64) {
            self.wrong.add("holes", format!("{name}: {} draws, ordinals {ordinals:?}", rows.len()));
        }
        let chances = koi.me(&id, &token)["chances"].clone();
        let count = |field: &str| chances[field].as_u64().unwrap_or(u64::MAX);
        if count("used") > count("granted") {
            self.wrong.add("overdrawn", format!("{name}: {chances}"));
        }
        // What did not happen is left out.
        let of = |field: &str| chances[field].as_u64().unwrap_or(0);
        let gone = count("used") + of("expired") + of("taken_back");
        let adds_up = count("granted") == gone + count("left");
        if count("used") != rows.len() as u64 || count("granted") != expected.granted || !adds_up {
            let want = (expected.granted, rows.len());
            self.wrong.add("chances_wrong", format!("{name}: {chances}, expected granted and used {want:?}"));
        }
        rows
    }

    fn verify_awards(&mut self, koi: &Koi, who: usize) {
        let (name, token) = self.shoppers[who].clone();
        let rows = koi.rows("/awards", &token);
        let listed: BTreeMap<&str, &Value> =
            rows.iter().map(|row| (row["id"].as_str().unwrap_or_default(), row)).collect();
        let done: Vec<&Attempt> = self.attempts.iter().filter(|a| a.who == who && a.answer.is_some()).collect();
        let draws: Vec<&Value> = done.iter().flat_map(|attempt| attempt.drawn()).collect();
        let mut wins: BTreeSet<&str> = draws.iter().filter_map(|draw| draw["award"]["id"].as_str()).collect();
        let bought: Vec<String> = done.iter().flat_map(|attempt| attempt.awards_bought()).collect();
        wins.extend(bought.iter().map(String::as_str));
        let mut wrong = Vec::new();
        if listed.len() != rows.len() || !listed.keys().copied().eq(wins.iter().copied()) {
            wrong.push(("awards_wrong", format!("{name}: {} wins, {} awards", wins.len(), rows.len())));
        }
        for claim in done.iter().filter(|attempt| matches!(attempt.act, Act::Claim(_))) {
            let Act::Claim(award) = &claim.act else { continue };
            let state = listed.get(award.as_str()).map(|row| row["state"].clone()).unwrap_or_default();
            if state != "claimed" {
                wrong.push(("lost", format!("{name}: claimed award {award} is {state}")));
            }
        }
        for (kind, example) in wrong {
            self.wrong.add(kind, example);
        }
    }

    /// Every award of kind webhook was taken by its receiver, under one id and with one body; no other was sent.
    pub fn verify_fulfilled(&mut self, koi: &Koi, receiver: &Receiver) {
        let draws = self.attempts.iter().flat_map(|attempt| attempt.drawn());
        let mut wins: BTreeSet<String> = draws
            .filter(|draw| draw["prize"]["kind"] == "webhook")
            .map(|draw| format!("award_{}", draw["award"]["id"].as_str().unwrap_or_default()))
            .collect();
        let hooked = self.attempts.iter().filter(|attempt| self.campaigns[attempt.campaign].shop.is_hook(&attempt.act));
        wins.extend(hooked.flat_map(Attempt::awards_bought).map(|award| format!("award_{award}")));
        let taken = || {
            let heard = receiver.by_id();
            wins.iter().filter(|id| heard.get(*id).is_some_and(|all| all.iter().any(Heard::taken))).count()
        };
        if wait_for(FULFILLED_WITHIN, "awards", || (taken() == wins.len()).then_some(())).is_err() {
            let pending = koi.must(&Call::get("/deliveries?state=pending").token(KEY));
            self.wrong.add("awards_dropped", format!("{} of {} taken; {pending}", taken(), wins.len()));
        }
        for (id, all) in receiver.by_id() {
            if !wins.contains(&id) || all.iter().any(|heard| heard.body != all[0].body) {
                self.wrong.add("awards_wrong", format!("{id}: {} attempts, won: {}", all.len(), wins.contains(&id)));
            }
        }
    }

    fn verify_points(&mut self, koi: &Koi, who: usize) {
        let (name, token) = self.shoppers[who].clone();
        let mut expected = 0;
        for attempt in self.attempts.iter().filter(|a| a.who == who && a.answer.is_some()) {
            expected += match attempt.act {
                Act::Points(amount) => amount,
                Act::SignIn => POINTS_PER_SIGN_IN,
                Act::Draw(_) => {
                    let won = attempt.drawn().iter().filter(|draw| draw["prize"]["kind"] == "points").count();
                    POINTS_PER_PRIZE * won as i64
                }
                Act::Order(ref act) => act.points(attempt),
                Act::Grant(_) | Act::Claim(_) => 0,
            };
        }
        let balance = || koi.must(&Call::get("/points").token(&token))["balance"].as_i64().unwrap_or(i64::MIN);
        if wait_for(SETTLES_WITHIN, "points", || (balance() == expected).then_some(())).is_err() {
            self.wrong.add("points_wrong", format!("{name}: balance {}, expected {expected}", balance()));
        }
        let entries = koi.rows("/points/entries", &token);
        let keys: BTreeSet<&str> = entries.iter().filter_map(|entry| entry["business_key"].as_str()).collect();
        let sum: i64 = entries.iter().filter_map(|entry| entry["amount"].as_i64()).sum();
        if sum != balance() || keys.len() != entries.len() {
            let told = format!("{} entries of {} keys, sum {sum}, balance {}", entries.len(), keys.len(), balance());
            self.wrong.add("points_wrong", format!("{name}: {told}"));
        }
        if entries.iter().any(|entry| entry["balance"].as_i64().is_none_or(|balance| balance < 0)) {
            self.wrong.add("points_wrong", format!("{name}: an entry with a balance below zero"));
        }
    }
}

fn resend_one(attempt: &mut Attempt, client: &mut Client, token: &str, wrong: &mut Wrong) {
    let answer = wait_for(ANSWERED_WITHIN, "an answer", || {
        let answer = attempt.send(client, token).ok()?;
        (!matches!(meaning(&answer), Ok(Meaning::Again))).then_some(answer)
    });
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return wrong.add("unexpected", format!("{attempt:?}: {error}")),
    };
    let unkeyed = attempt.unkeyed();
    match (meaning(&answer), &attempt.answer) {
        (Err(told), _) => wrong.add("unexpected", format!("{attempt:?}: {told}")),
        (Ok(Meaning::Done), None) => attempt.answer = Some(answer.body),
        (Ok(Meaning::Done), Some(first)) => {
            if !unkeyed && *first != answer.body {
                wrong.add("changed", format!("{attempt:?} is now {}", answer.text()));
            }
            if !attempt.by_shop() && !unkeyed && answer.header("idempotency-replayed") != Some("true") {
                wrong.add("changed", format!("{attempt:?} was done again"));
            }
        }
        (Ok(_), Some(_)) => {
            if !unkeyed {
                wrong.add("lost", format!("{attempt:?} is now {}", answer.text()));
            }
        }
        (Ok(_), None) => attempt.refused = true,
    }
}
