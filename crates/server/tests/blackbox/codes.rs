//! Redeem codes over HTTP: made, brought along, listed, exported, used, and refused clearly.

use serde_json::{Value, json};
use xtask::fixture::{KEY, ample_campaign};
use xtask::http::{Answer, Call};

use super::harness::{Koi, assert_problem, unique};

fn redeem(koi: &Koi, campaign: &str, token: &str, code: &str) -> Answer {
    let (path, body) = (format!("/campaigns/{campaign}/orders"), json!({"kind": "redeem", "code": code}));
    koi.send(&Call::post(path, &body).token(token).key(&unique("redeem")))
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect()
}

/// The lines of a batch's CSV.
fn exported(koi: &Koi, campaign: &str, batch: &Value) -> Vec<String> {
    let path = format!("/campaigns/{campaign}/codes/{}/export", batch.as_str().unwrap_or_default());
    let answer = koi.send(&Call::get(path).token(KEY));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/csv; charset=utf-8")));
    answer.text().lines().map(str::to_owned).collect()
}

#[test]
fn codes_are_made_used_listed_and_exported() {
    let mut koi = Koi::start("codes");
    let campaign = koi.publish(&ample_campaign());
    let path = format!("/campaigns/{campaign}/codes");
    let token = koi.shopper(&campaign, "ada", 0);
    let made = koi.must(&Call::post(path.as_str(), &json!({"count": 3, "chances": 2})).token(KEY));
    let codes = texts(&made["codes"]);
    assert_eq!((codes.len(), &made["uses"], &made["used"]), (3, &json!(1), &json!(0)), "{made}");
    let first = redeem(&koi, &campaign, &token, &codes[0].to_lowercase().replace('-', ""));
    let order = first.json();
    assert_eq!(
        (first.status, &order["kind"], &order["state"]),
        (201, &json!("redeem"), &json!("effective")),
        "{order}"
    );
    assert_eq!(koi.me(&campaign, &token)["chances"]["granted"], 2, "read your writes");
    let shown = koi.must(&Call::get(format!("/orders/{}", order["id"].as_str().unwrap_or_default())).token(&token));
    assert_eq!(shown, order);
    assert_problem("used up", &redeem(&koi, &campaign, &token, &codes[0]), 409, "code_used");
    assert_problem("unknown", &redeem(&koi, &campaign, &token, "0000-0000-0000-0001"), 404, "code_unknown");
    let elsewhere = koi.publish(&ample_campaign());
    assert_problem("another campaign's", &redeem(&koi, &elsewhere, &token, &codes[1]), 404, "code_unknown");
    // One code for many, each shopper once.
    let many = json!({"count": 1, "chances": 1, "uses": 2, "per_shopper": 1});
    let many = koi.must(&Call::post(path.as_str(), &many).token(KEY));
    let code = &texts(&many["codes"])[0];
    let others: Vec<String> = ["bob", "eve"].iter().map(|name| koi.shopper(&campaign, name, 0)).collect();
    assert_eq!(redeem(&koi, &campaign, &token, code).status, 201);
    assert_problem("the same shopper", &redeem(&koi, &campaign, &token, code), 409, "code_used");
    assert_eq!(redeem(&koi, &campaign, &others[0], code).status, 201);
    assert_problem("used up by two", &redeem(&koi, &campaign, &others[1], code), 409, "code_used");
    koi.restart();
    let listed = koi.rows(&path, KEY);
    let used: Vec<&Value> = listed.iter().map(|batch| &batch["used"]).collect();
    assert_eq!(used, [&json!(2), &json!(1)], "newest first: {listed:#?}");
    assert!(listed.iter().all(|batch| batch["codes"].is_null()), "a list shows no codes");
    let lines = exported(&koi, &campaign, &made["batch_id"]);
    let want: Vec<String> =
        codes.iter().enumerate().map(|(i, code)| format!("{code},{},1", u8::from(i == 0))).collect();
    assert_eq!((lines[0].as_str(), &lines[1..]), ("code,used,uses", &want[..]));
    let audit = koi.must(&Call::get("/audit?act=codes.export").token(KEY));
    assert_eq!(audit["data"].as_array().map(Vec::len), Some(1), "{audit}");
    assert!(!audit.to_string().contains(&codes[0]), "the audit holds no code");
}

#[test]
fn a_shops_own_codes_are_taken_whole_or_refused_clearly() {
    let koi = Koi::start("codes-csv");
    let campaign = koi.publish(&ample_campaign());
    let path = format!("/campaigns/{campaign}/codes");
    let token = koi.shopper(&campaign, "ada", 0);
    let csv = |query: &str, body: &str| {
        let call = Call::new("POST", format!("{path}{query}")).bytes(body.as_bytes().to_vec());
        koi.send(&call.token(KEY).header("Content-Type", "text/csv"))
    };
    let taken = csv("?chances=3", "id,code\n1,SPRING-01\n2,SPRING-02\n");
    assert_eq!((taken.status, taken.json()["origin"].clone()), (201, json!("imported")), "{}", taken.text());
    assert_eq!(redeem(&koi, &campaign, &token, "SPRING-01").json()["chances"], 3);
    for (what, query, body, status, code, told) in [
        ("a code twice", "?chances=1", "A-1000\nB-2000\nA-1000\n", 422, "codes_duplicate", "A-1000 (entries 1 and 3)"),
        ("a known code", "?chances=1", "C-3000\nSPRING-02\n", 409, "codes_duplicate", "SPRING-02 (entry 2)"),
        ("a formula", "?chances=1", "=1+1\n", 422, "code_invalid", "entry 1"),
        ("no codes", "?chances=1", "", 422, "codes_count", "1 to"),
        ("no terms", "", "D-4000\n", 422, "invalid_body", "chances"),
        ("no UTF-8", "?chances=1&uses=x", "D-4000\n", 422, "invalid_query", ""),
    ] {
        let answer = csv(query, body);
        assert_problem(what, &answer, status, code);
        let detail = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
        assert!(detail.contains(told), "{what}: {detail}");
    }
    for code in ["A-1000", "B-2000", "C-3000", "D-4000"] {
        assert_problem("nothing was stored", &redeem(&koi, &campaign, &token, code), 404, "code_unknown");
    }
    let many: String = (0..50_000).map(|i| format!("BULK-{i:06}\n")).collect();
    assert_eq!(csv("?chances=1", &many).json()["count"], 50_000);
    assert_eq!(redeem(&koi, &campaign, &token, "BULK-049999").status, 201);
}

#[test]
fn guessing_is_throttled() {
    let koi = Koi::start("codes-guess");
    let campaign = koi.publish(&ample_campaign());
    let path = format!("/campaigns/{campaign}/codes");
    let made = koi.must(&Call::post(path, &json!({"count": 1, "chances": 1})).token(KEY));
    let (token, other) = (koi.shopper(&campaign, "ada", 0), koi.shopper(&campaign, "bob", 0));
    let answers: Vec<Answer> = (0..40).map(|i| redeem(&koi, &campaign, &token, &format!("GUESS-{i}"))).collect();
    let first = answers.iter().position(|answer| answer.status == 429).expect("throttled");
    for (i, answer) in answers.iter().enumerate() {
        let (status, code) = if i < first { (404, "code_unknown") } else { (429, "too_many_attempts") };
        assert_problem(&format!("guess {i}"), answer, status, code);
    }
    let right = &texts(&made["codes"])[0];
    assert_problem("a right one after them", &redeem(&koi, &campaign, &token, right), 429, "too_many_attempts");
    assert_eq!(redeem(&koi, &campaign, &other, right).status, 201, "others are not held up");
}
