//! Races that a prize-draw shop loses money or trust by, each run again and again by callers who start at the same moment:
//! a code taken by several, points spent twice, a day signed into twice, prizes awarded that are sold out, ordinals that
//! repeat, and a shopper without chances who holds up the rest.

use std::collections::BTreeMap;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use xtask::fixture::KEY;
use xtask::http::{Answer, Call, Client};
use xtask::process::{from_now, wait_for};

use super::harness::{Koi, from_env, print_counters, unique, won_by_prize};

/// Callers of one race.
const CALLERS: usize = 10;
/// Whoever is not answered by then is held up by somebody.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);
/// Points of the shopper who asks for ten times the price of one thing, and that price.
const POINTS: i64 = 100;
const PRICE: i64 = 50;
/// Units of the scarce prize, and draws of each of the callers who want it.
const SCARCE: u64 = 5;
const DRAWS: usize = 4;
/// Draws of one shopper from many connections.
const ORDINALS: usize = 30;

/// What must stay at nothing.
const KINDS: [&str; 8] = [
    "codes_taken_wrong",
    "exchanges_wrong",
    "points_orders_wrong",
    "sign_ins_wrong",
    "sold_out_awarded",
    "ordinals_wrong",
    "held_up",
    "unexpected",
];

#[test]
fn races() {
    let rounds = from_env("KOI_ROUNDS", 5);
    let mut races = Races { koi: Koi::start("races"), wrong: BTreeMap::new(), examples: Vec::new(), requests: 0 };
    for _ in 0..rounds {
        races.round();
    }
    let mut counters = json!({"rounds": rounds, "callers": CALLERS, "requests": races.requests});
    let members = counters.as_object_mut().expect("an object");
    members.extend(KINDS.iter().map(|kind| ((*kind).to_owned(), json!(races.wrong.get(kind).unwrap_or(&0)))));
    print_counters("races", &counters);
    assert!(races.wrong.is_empty(), "{:#?}", races.examples);
}

struct Races {
    koi: Koi,
    wrong: BTreeMap<&'static str, u64>,
    examples: Vec<String>,
    requests: usize,
}

fn campaign() -> Value {
    json!({
        "name": "Races", "starts_at": from_now(-60), "ends_at": from_now(86_400),
        "prizes": [
            {"code": "scarce", "name": "Scarce", "kind": "goods", "value_cents": 9_000, "cost_cents": 1, "stock": SCARCE},
            {"code": "plenty", "name": "Plenty", "kind": "goods", "value_cents": 100, "cost_cents": 1},
        ],
        "tiers": [
            {"code": "big", "slots": 1, "weight": 900, "prizes": ["scarce"]},
            {"code": "small", "slots": 1, "weight": 100, "prizes": ["plenty"]},
        ],
        "chances": {"sign_in": 1, "points_price": PRICE},
    })
}

/// Statuses and codes, for messages.
fn told(answers: &[Answer]) -> Vec<String> {
    answers.iter().map(|answer| format!("{} {}", answer.status, answer.code())).collect()
}

fn made(answers: &[Answer]) -> usize {
    answers.iter().filter(|answer| answer.status == 201).count()
}

impl Races {
    fn add(&mut self, kind: &'static str, example: impl Into<String>) {
        *self.wrong.entry(kind).or_insert(0) += 1;
        if self.examples.len() < 20 {
            self.examples.push(format!("{kind}: {}", example.into()));
        }
    }

    /// Exactly `want` of the answers are 201, all others 409 with that code.
    fn expect(&mut self, kind: &'static str, answers: &[Answer], want: usize, code: &str) {
        let refused = answers.iter().filter(|a| a.status == 409 && a.code() == code).count();
        if made(answers) != want || refused + want != answers.len() {
            self.add(kind, format!("{want} of {} should be made: {:?}", answers.len(), told(answers)));
        }
    }

    /// Sends all calls at the same moment, each on a connection that is open already.
    fn at_once(&mut self, calls: &[Call<'_>]) -> Vec<Answer> {
        let (barrier, address) = (Barrier::new(calls.len()), self.koi.server.address);
        self.requests += calls.len();
        thread::scope(|scope| {
            let callers: Vec<_> = calls
                .iter()
                .map(|call| {
                    let barrier = &barrier;
                    scope.spawn(move || {
                        let mut client = Client::new(address).with_timeout(ANSWERED_WITHIN);
                        client.send(&Call::get("/healthz")).expect("a connection");
                        barrier.wait();
                        client.send(call)
                    })
                })
                .collect();
            let answers: Vec<_> = callers.into_iter().map(|caller| caller.join().expect("a caller")).collect();
            let (mut answered, mut held_up) = (Vec::new(), Vec::new());
            for answer in answers {
                match answer {
                    Ok(answer) => answered.push(answer),
                    Err(error) => held_up.push(error.to_string()),
                }
            }
            held_up.into_iter().for_each(|error| self.add("held_up", error));
            answered
        })
    }

    fn round(&mut self) {
        let id = self.koi.publish(&campaign());
        self.one_code(&id);
        self.more_than_the_points(&id);
        self.one_day(&id);
        self.scarce_prize(&id);
        self.ordinals(&id);
    }

    /// A new shopper's name and token.
    fn someone(&self, id: &str, chances: u32) -> (String, String) {
        let name = unique("racer");
        let token = self.koi.shopper(id, &name, chances);
        (name, token)
    }

    /// One code, ten shoppers: one has it.
    fn one_code(&mut self, id: &str) {
        let tokens: Vec<String> = (0..CALLERS).map(|_| self.someone(id, 0).1).collect();
        let batch = json!({"count": 2, "chances": 1});
        let batch = self.koi.must(&Call::post(format!("/campaigns/{id}/codes"), &batch).token(KEY));
        let code = |at: usize| batch["codes"][at].as_str().unwrap_or_default().to_owned();
        let path = format!("/campaigns/{id}/orders");
        let body = json!({"kind": "redeem", "code": code(0)});
        let keys: Vec<String> = tokens.iter().map(|_| unique("code")).collect();
        let calls: Vec<Call<'_>> = tokens
            .iter()
            .zip(&keys)
            .map(|(token, key)| Call::post(path.as_str(), &body).token(token).key(key))
            .collect();
        let answers = self.at_once(&calls);
        self.expect("codes_taken_wrong", &answers, 1, "code_used");
        // Whoever has it keeps it, and nobody else comes by it later.
        let again = self.at_once(&calls);
        self.expect("codes_taken_wrong", &again, 1, "code_used");
        let granted: u64 = tokens.iter().filter_map(|t| self.koi.me(id, t)["chances"]["granted"].as_u64()).sum();
        if granted != 1 {
            self.add("codes_taken_wrong", format!("one code of one chance gave {granted}"));
        }
        // The same key from many connections is one order.
        let body = json!({"kind": "redeem", "code": code(1)});
        let key = unique("code");
        let calls: Vec<Call<'_>> =
            (0..CALLERS).map(|_| Call::post(path.as_str(), &body).token(&tokens[9]).key(&key)).collect();
        let answers = self.at_once(&calls);
        let same = answers.iter().filter(|answer| answer.status == 201).all(|answer| answer.body == answers[0].body);
        if made(&answers) != answers.len() || !same {
            self.add("codes_taken_wrong", format!("one key, one order: {:?}", told(&answers)));
        }
    }

    /// Ten things of 50 points each for 100 points in all, in the exchange shop and as orders of the campaign: two each.
    fn more_than_the_points(&mut self, id: &str) {
        let (name, token) = &self.someone(id, 0);
        let item = json!({"name": "Chance", "price_points": PRICE, "stock": 1_000, "gives": {"chances": 1, "campaign_id": id}});
        let item = self.koi.must(&Call::post("/exchange/items", &item).token(KEY));
        let item = item["id"].as_str().unwrap_or_default();
        let want = (POINTS / PRICE) as usize;
        for (kind, path, body) in [
            ("exchanges_wrong", format!("/exchange/items/{item}/orders"), json!({})),
            ("points_orders_wrong", format!("/campaigns/{id}/orders"), json!({"kind": "points"})),
        ] {
            let before = self.koi.me(id, token)["chances"]["granted"].as_u64().unwrap_or(0);
            let gift = json!({"amount": POINTS, "business_key": unique("gift"), "reason": "races"});
            self.koi.must(&Call::post(format!("/shoppers/{name}/points"), &gift).token(KEY));
            let keys: Vec<String> = (0..CALLERS).map(|_| unique("points")).collect();
            let calls: Vec<Call<'_>> =
                keys.iter().map(|key| Call::post(path.as_str(), &body).token(token).key(key)).collect();
            let answers = self.at_once(&calls);
            self.expect(kind, &answers, want, "points_short");
            let me = self.koi.me(id, token);
            let granted = me["chances"]["granted"].as_u64().unwrap_or(0) - before;
            let balance = self.koi.must(&Call::get("/points").token(token))["balance"].clone();
            let entries = self.koi.rows("/points/entries", token);
            let sum: i64 = entries.iter().filter_map(|entry| entry["amount"].as_i64()).sum();
            let below = entries.iter().any(|entry| entry["balance"].as_i64().is_none_or(|b| b < 0));
            if granted != want as u64 || balance != 0 || sum != 0 || below {
                self.add(kind, format!("{granted} chances for {POINTS} points, {balance} left, entries sum to {sum}"));
            }
        }
    }

    /// One day is signed into once, by order or event.
    fn one_day(&mut self, id: &str) {
        let (name, token) = &self.someone(id, 0);
        let path = format!("/campaigns/{id}/orders");
        let body = json!({"kind": "sign_in"});
        let keys: Vec<String> = (0..CALLERS).map(|_| unique("day")).collect();
        let event = json!({"id": unique("day"), "type": "sign_in", "shopper": name, "at": from_now(0)});
        let mut calls: Vec<Call<'_>> =
            keys.iter().map(|key| Call::post(path.as_str(), &body).token(token).key(key)).collect();
        calls.push(Call::post("/events", &event).token(KEY));
        let mut answers = self.at_once(&calls);
        let told_by_event = answers.iter().position(|answer| answer.status == 202);
        let Some(at) = told_by_event else {
            return self.add("unexpected", format!("the event was not taken: {:?}", told(&answers)));
        };
        answers.remove(at);
        let by_order = made(&answers);
        self.expect("sign_ins_wrong", &answers, by_order.min(1), "already_signed_in");
        let granted = self.koi.me(id, token)["chances"]["granted"].clone();
        if granted != 1 {
            self.add("sign_ins_wrong", format!("a day gave {granted} chances"));
        }
    }

    /// One shopper draws from many connections: ordinals 1, 2, 3 … each once, and no more than there are chances.
    fn ordinals(&mut self, id: &str) {
        let (_, token) = &self.someone(id, ORDINALS as u32);
        let address = self.koi.server.address;
        let (path, body) = (format!("/campaigns/{id}/draws"), json!({}));
        let answers: Vec<Answer> = thread::scope(|scope| {
            let callers: Vec<_> = (0..CALLERS)
                .map(|_| {
                    let (path, body) = (&path, &body);
                    scope.spawn(move || draw_until_refused(&mut Client::new(address), path, body, token))
                })
                .collect();
            callers.into_iter().flat_map(|caller| caller.join().expect("a caller")).collect()
        });
        self.requests += answers.len();
        let mut drawn: Vec<u64> = answers.iter().filter_map(|answer| answer.json()["n"].as_u64()).collect();
        drawn.sort_unstable();
        let mut listed: Vec<u64> = self.koi.draws(id, token).iter().filter_map(|row| row["n"].as_u64()).collect();
        listed.reverse();
        let want: Vec<u64> = (1..=ORDINALS as u64).collect();
        if drawn != want || listed != want {
            self.add("ordinals_wrong", format!("drawn {drawn:?}, listed {listed:?}"));
        }
        let over = answers.iter().filter(|a| a.status == 409 && a.code() == "no_chances").count();
        if over != CALLERS {
            self.add("unexpected", format!("{:?}", told(&answers)));
        }
    }

    /// Many want a prize of which there are few, while a shopper without chances asks all the time: it is awarded as
    /// often as there are units, and nobody is held up.
    fn scarce_prize(&mut self, id: &str) {
        let (_, idle) = self.someone(id, 0);
        let tokens: Vec<String> = (0..CALLERS).map(|_| self.someone(id, DRAWS as u32).1).collect();
        let path = format!("/campaigns/{id}/draws");
        let body = json!({});
        for _ in 0..DRAWS {
            let keys: Vec<String> = (0..2 * tokens.len()).map(|_| unique("scarce")).collect();
            let who = |at: usize| if at.is_multiple_of(2) { &idle } else { &tokens[at / 2] };
            let calls: Vec<Call<'_>> = keys
                .iter()
                .enumerate()
                .map(|(at, key)| Call::post(path.as_str(), &body).token(who(at)).key(key))
                .collect();
            let answers = self.at_once(&calls);
            let refused =
                answers.iter().filter(|a| a.status == 409 && matches!(&*a.code(), "no_chances" | "in_flight"));
            if made(&answers) != tokens.len() || refused.count() != tokens.len() {
                self.add("held_up", format!("one draw for each who has a chance: {:?}", told(&answers)));
            }
        }
        let draws: Vec<Value> = tokens.iter().flat_map(|token| self.koi.draws(id, token)).collect();
        let mut all = draws.clone();
        let report = wait_for(ANSWERED_WITHIN, "the report", || {
            let report = self.koi.report(id);
            (report["draws"] == draws.len()).then_some(report)
        });
        let won = report.map(|report| report["prizes"][0]["won"].as_u64().unwrap_or(u64::MAX)).unwrap_or(u64::MAX);
        let awards: Vec<Value> = tokens.iter().flat_map(|token| self.koi.rows("/awards", token)).collect();
        all.retain(|draw| draw["prize"]["code"] == "scarce");
        let of_awards = awards.iter().filter(|award| award["prize"]["code"] == "scarce").count();
        if won > SCARCE || all.len() as u64 > SCARCE || of_awards != all.len() {
            let told = format!("{won} of {SCARCE} won, {of_awards} awards for {:?}", won_by_prize(&draws));
            self.add("sold_out_awarded", told);
        }
    }
}

/// Draws until there is nothing left; draws that meet another one of the same shopper are asked again.
fn draw_until_refused(client: &mut Client, path: &str, body: &Value, token: &str) -> Vec<Answer> {
    let mut answers = Vec::new();
    let mut key = unique("ordinal");
    while answers.len() <= ORDINALS {
        let answer = client.send(&Call::post(path, body).token(token).key(&key)).expect("an answer");
        if answer.code() == "in_flight" {
            continue;
        }
        let last = answer.status != 201;
        answers.push(answer);
        if last {
            break;
        }
        key = unique("ordinal");
    }
    answers
}
