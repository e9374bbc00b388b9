//! Whatever is sent, the answer is a 4xx problem, and nothing has changed.

use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use xtask::fixture::{KEY, tight_campaign};
use xtask::http::{Answer, Call, read_answer};

use super::harness::{Dice, Koi, assert_whole_problem, draw, from_env, print_counters, unique};

/// A campaign with a shopper who has drawn, and another one.
pub struct Scene {
    pub koi: Koi,
    pub campaign: String,
    pub draft: String,
    pub ada: String,
    pub bob: String,
    pub award: String,
}

impl Scene {
    pub fn new(name: &str) -> Self {
        let koi = Koi::start(name);
        let campaign = koi.publish(&tight_campaign(200, 5));
        let draft = koi.must(&Call::post("/campaigns", &tight_campaign(10, 1)).token(KEY));
        let draft = draft["id"].as_str().expect("an id").to_owned();
        let (ada, bob) = (koi.shopper(&campaign, "ada", 20), koi.shopper(&campaign, "bob", 5));
        let mut award = None;
        while award.is_none() {
            award = koi.must(&draw(&campaign, &ada, &unique("bad")))["award"]["id"].as_str().map(str::to_owned);
        }
        Self { koi, campaign, draft, ada, bob, award: award.expect("an award") }
    }

    /// Everything that must stay as it is.
    pub fn state(&self) -> Vec<Value> {
        let drawn = self.koi.draws(&self.campaign, &self.ada).len();
        let mut state = vec![self.koi.report_of(&self.campaign, drawn)];
        for token in [&self.ada, &self.bob] {
            state.push(self.koi.me(&self.campaign, token)["chances"].clone());
            state.push(self.koi.must(&Call::get("/points").token(token)));
            state.push(json!(self.koi.rows("/awards", token)));
            state.push(json!(self.koi.draws(&self.campaign, token)));
        }
        state.push(self.koi.must(&Call::get(format!("/campaigns/{}", self.draft)).token(KEY)));
        // The progress of background jobs may move on by itself.
        if let Some(report) = state[0].as_object_mut() {
            report.remove("generation");
        }
        state
    }
}

/// Bodies that are no JSON object of any shape, by a name.
fn broken_bodies() -> Vec<(String, Vec<u8>)> {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_object = format!("{}1{}", r#"{"client_seed":"#.repeat(20_000), "}".repeat(20_000));
    let mut broken: Vec<(String, Vec<u8>)> = [
        "",
        "{",
        "}",
        "nonsense",
        "{\"a\":",
        "[1,2",
        "null",
        "[]",
        "\"text\"",
        "1",
        "true",
        "1e999",
        "{\"client_seed\": 1}{}",
        "{\"unknown_field\": 1}",
        "{'single': 1}",
        "{\"client_seed\": \"\u{0}\"}",
        "NaN",
        &deep,
        &deep_object,
    ]
    .iter()
    .map(|text| (text.chars().take(40).collect(), text.as_bytes().to_vec()))
    .collect();
    broken.push(("invalid UTF-8".into(), b"{\"client_seed\": \"\xff\xfe\"}".to_vec()));
    broken.push(("NUL bytes".into(), vec![0; 100]));
    broken
}

#[test]
fn bad_input_bodies() {
    let scene = Scene::new("bad-bodies");
    let before = scene.state();
    let (id, ada) = (&scene.campaign, scene.ada.as_str());
    let draws = format!("/campaigns/{id}/draws");
    let orders = format!("/campaigns/{id}/orders");
    let grants = format!("/campaigns/{id}/grants");
    let draft = format!("/campaigns/{}", scene.draft);
    let broken = broken_bodies();
    let targets: [(&str, &str, &str); 8] = [
        ("POST", &draws, ada),
        ("POST", &orders, ada),
        ("POST", &grants, KEY),
        ("POST", "/campaigns", KEY),
        ("PATCH", &draft, KEY),
        ("PUT", "/shoppers/ada", KEY),
        ("POST", "/shoppers/ada/points", KEY),
        ("POST", "/events", KEY),
    ];
    let mut asked = 0;
    for (method, path, token) in targets {
        for (name, body) in &broken {
            // These may be good bodies there: an empty batch, an empty edit, a draw that wants nothing special.
            if (path == "/events" && name == "[]") || ((path == draft || path == draws) && body.is_empty()) {
                continue;
            }
            let answer =
                scene.koi.send(&Call::new(method, path).bytes(body.as_slice()).token(token).key(&unique("bad")));
            // A batch of events tells of each what is wrong with it.
            let rejected =
                path == "/events" && answer.json()["accepted"] == 0 && answer.json()["rejected"] != json!([]);
            if !rejected {
                assert_4xx(&format!("{method} {path} {name}"), &answer);
            }
            asked += 1;
        }
    }
    assert_eq!(scene.state(), before, "nothing has changed");
    print_counters("bad_input_bodies", &json!({"asked": asked, "server_errors": 0, "changed": 0}));
}

#[track_caller]
fn assert_4xx(what: &str, answer: &Answer) {
    assert!((400..500).contains(&answer.status), "{what}: {} {}", answer.status, answer.text());
    assert_whole_problem(what, answer);
}

/// Bodies of good shape with one value that cannot be.
fn bad_values(scene: &Scene) -> Vec<(String, String, Value, bool)> {
    let id = &scene.campaign;
    let (draws, orders) = (format!("/campaigns/{id}/draws"), format!("/campaigns/{id}/orders"));
    let grants = format!("/campaigns/{id}/grants");
    let huge = json!(1e300);
    let long = json!("x".repeat(1 << 20));
    let mut cases = Vec::new();
    for count in
        [json!(0), json!(1.5), json!(-1), json!(11), json!("2"), json!(null), json!([2]), json!(u64::MAX), huge.clone()]
    {
        if !count.is_null() {
            cases.push((draws.clone(), json!({"count": count}), true));
        }
    }
    for seed in [json!(1), json!({}), json!(["x"]), json!(true), long.clone()] {
        cases.push((draws.clone(), json!({"client_seed": seed}), true));
    }
    for kind in [json!("teleport"), json!(""), json!(1), json!(null), json!({}), long.clone()] {
        cases.push((orders.clone(), json!({"kind": kind}), true));
    }
    cases.push((orders.clone(), json!({}), true));
    cases.push((orders, json!({"kind": "sign_in", "extra": 1}), true));
    cases.extend(bad_shop_values(&grants, &huge, &long));
    let name = |path: &str, body: &Value| format!("{path} {}", body.to_string().chars().take(120).collect::<String>());
    cases.into_iter().map(|(path, body, shopper)| (name(&path, &body), path, body, shopper)).collect()
}

/// The same for what the shop's server sends.
fn bad_shop_values(grants: &str, huge: &Value, long: &Value) -> Vec<(String, Value, bool)> {
    let mut cases = Vec::new();
    let grant = json!({"shopper": "ada", "chances": 1, "business_key": "bad", "reason": "test"});
    for (field, values) in [
        (
            "chances",
            vec![
                json!(0),
                json!(-1),
                json!(1.5),
                json!("1"),
                json!(null),
                json!(i64::MAX),
                json!(u64::MAX),
                huge.clone(),
            ],
        ),
        ("shopper", vec![json!(""), json!(1), json!(null), json!("nobody"), long.clone()]),
        ("business_key", vec![json!(""), json!(1), json!(null), long.clone()]),
        ("unknown", vec![json!(1)]),
    ] {
        cases.extend(values.into_iter().map(|value| (grants.to_owned(), with(&grant, field, value), false)));
    }
    let points = json!({"amount": 5, "business_key": "bad", "reason": "test"});
    for (field, values) in [
        (
            "amount",
            vec![json!(1.5), json!("5"), json!(null), json!(i64::MIN), json!(u64::MAX), huge.clone(), json!(-5_000)],
        ),
        ("business_key", vec![json!(""), json!([]), long.clone()]),
    ] {
        cases.extend(
            values.into_iter().map(|value| ("/shoppers/ada/points".to_owned(), with(&points, field, value), false)),
        );
    }
    let campaign = tight_campaign(10, 1);
    // Each weight is small enough, their sum is not.
    let overflowing: Value = (0..5)
        .map(|i| json!({"code": format!("t{i}"), "slots": 1, "weight": 1_000_000_000, "prizes": ["pts"]}))
        .collect();
    for (field, values) in [
        ("name", vec![json!(null), json!(1)]),
        ("starts_at", vec![json!("yesterday"), json!(0), json!("2026-13-45T00:00:00Z"), json!(null)]),
        ("currency", vec![json!(1)]),
        ("time_zone", vec![json!(8)]),
        ("prizes", vec![json!(null), json!({}), json!([1]), json!([{"code": "x"}])]),
        (
            "tiers",
            vec![
                json!(null),
                json!([{"code": "x", "slots": 1, "weight": -1}]),
                json!([{"code": "x", "slots": 1, "weight": u64::MAX}]),
                json!([{"code": "x", "slots": 1, "weight": 1e30}]),
                overflowing,
            ],
        ),
        ("flow", vec![json!(1)]),
        ("colour", vec![json!("red")]),
    ] {
        cases.extend(values.into_iter().map(|value| ("/campaigns".to_owned(), with(&campaign, field, value), false)));
    }
    cases
}

/// The object with one field set; a null removes it.
pub fn with(object: &Value, field: &str, value: Value) -> Value {
    let mut object = object.clone();
    if value.is_null() {
        object.as_object_mut().expect("an object").remove(field);
    } else {
        object[field] = value;
    }
    object
}

#[test]
fn bad_input_values() {
    let scene = Scene::new("bad-values");
    let before = scene.state();
    let cases = bad_values(&scene);
    for (name, path, body, by_shopper) in &cases {
        let key = unique("bad");
        let call = Call::post(path.as_str(), body).key(&key);
        let answer = scene.koi.send(&call.token(if *by_shopper { &scene.ada } else { KEY }));
        assert_4xx(name, &answer);
    }
    assert_eq!(scene.state(), before, "nothing has changed");
    print_counters("bad_input_values", &json!({"asked": cases.len(), "server_errors": 0, "changed": 0}));
}

#[test]
fn bad_input_sizes_and_wire() {
    let scene = Scene::new("bad-sizes");
    let before = scene.state();
    let draws = format!("/campaigns/{}/draws", scene.campaign);
    let ten_mb = format!("{{\"client_seed\":\"{}\"}}", "x".repeat(10 << 20));
    for (path, token) in
        [(draws.as_str(), scene.ada.as_str()), ("/campaigns", KEY), ("/events", KEY), ("/shoppers/ada/points", KEY)]
    {
        let answer = scene.koi.send(&Call::new("POST", path).bytes(ten_mb.as_bytes()).token(token).key("k"));
        assert_4xx(&format!("10 MB to {path}"), &answer);
    }
    let event = |i: usize| json!({"id": format!("b{i}"), "type": "view", "shopper": "ada", "at": "2026-01-01T00:00:00Z", "sku": "1"});
    let too_many: Vec<Value> = (0..1_001).map(event).collect();
    assert_4xx("1,001 events", &scene.koi.send(&Call::post("/events", &json!(too_many)).token(KEY)));
    let head = format!(
        "POST /api/v1{draws} HTTP/1.1\r\nHost: koi\r\nAuthorization: Bearer {}\r\nIdempotency-Key: k\r\n",
        scene.ada
    );
    let wires: Vec<Vec<u8>> = vec![
        b"\r\n\r\n\r\n".to_vec(),
        b"GET\r\n\r\n".to_vec(),
        vec![0xff; 2_000],
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        format!("{head}Content-Length: -1\r\n\r\n").into_bytes(),
        format!("{head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}").into_bytes(),
        format!("{head}Transfer-Encoding: chunked\r\n\r\nzz\r\n").into_bytes(),
        format!("{head}X-Long: {}\r\n\r\n", "x".repeat(2 << 20)).into_bytes(),
        format!("{head}Content-Length: 100\r\n\r\n{{}}").into_bytes(),
    ];
    for wire in wires {
        let mut stream = TcpStream::connect(scene.koi.server.address).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_millis(500))).expect("a timeout");
        let _ = stream.write_all(&wire);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        // What is no HTTP may be answered by closing; an answer, where there is one, blames the caller.
        if let Ok(answer) = read_answer(&mut BufReader::new(stream)) {
            let start = String::from_utf8_lossy(&wire[..wire.len().min(60)]).into_owned();
            assert!((400..500).contains(&answer.status) || answer.status == 505, "{start:?}: {}", answer.status);
        }
    }
    assert_eq!(scene.state(), before, "nothing has changed");
}

/// Good bodies with random bytes changed: any answer but a server error, and always a whole problem where refused.
#[test]
fn bad_input_fuzzed() {
    let scene = Scene::new("bad-fuzz");
    let seed = from_env("KOI_SEED", 11);
    let mut dice = Dice(seed);
    let id = &scene.campaign;
    let event = json!({"id": "e", "type": "purchase", "shopper": "cy", "at": "2026-01-01T00:00:00Z", "order_id": "o",
        "items": [{"sku": "1", "name": "n", "category": "c", "price_cents": 100, "quantity": 2}]});
    let targets = [
        (format!("/campaigns/{id}/draws"), json!({"client_seed": "abc", "count": 2}), scene.ada.as_str()),
        (format!("/campaigns/{id}/orders"), json!({"kind": "sign_in"}), scene.ada.as_str()),
        (
            format!("/campaigns/{id}/grants"),
            json!({"shopper": "bob", "chances": 2, "business_key": "f", "reason": "r"}),
            KEY,
        ),
        ("/campaigns".to_owned(), tight_campaign(10, 1), KEY),
        ("/events".to_owned(), json!([event]), KEY),
    ];
    let rounds = from_env("KOI_ROUNDS", 60);
    let mut client = scene.koi.client();
    for round in 0..rounds {
        for (path, body, token) in &targets {
            let mut bytes = body.to_string().into_bytes();
            for _ in 0..=dice.below(3) {
                let at = dice.below(bytes.len() as u64) as usize;
                match dice.below(3) {
                    0 => bytes[at] = dice.below(256) as u8,
                    1 => drop(bytes.remove(at)),
                    _ => bytes.insert(at, b"0123456789\"{}[],:-.eE\\"[dice.below(22) as usize]),
                }
            }
            let key = unique("fuzz");
            let answer = client.send(&Call::new("POST", path.as_str()).bytes(bytes.as_slice()).token(token).key(&key));
            let answer = answer.expect("an answer");
            let what = format!("seed {seed}, round {round}, {path}: {}", String::from_utf8_lossy(&bytes));
            assert!(answer.status < 500, "{what}: {} {}", answer.status, answer.text());
            if !answer.ok() {
                assert_whole_problem(&what, &answer);
            }
        }
    }
    print_counters(
        "bad_input_fuzzed",
        &json!({"asked": rounds * targets.len() as u64, "server_errors": 0, "seed": seed}),
    );
}
