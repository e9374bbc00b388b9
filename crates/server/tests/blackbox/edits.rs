//! What every edit has in common: an `ETag` that names what it left, and `If-Match` that holds it to what was read.

use serde_json::{Value, json};
use xtask::fixture::{KEY, tight_campaign};
use xtask::http::{Answer, Call};

use super::harness::{Koi, assert_problem};

/// One edit, `body` of it differing with each call.
struct Edit<'a> {
    method: &'static str,
    path: String,
    body: &'a dyn Fn(u32) -> Value,
}

fn send(koi: &Koi, edit: &Edit<'_>, turn: u32, if_match: &[&str]) -> Answer {
    let mut call = Call::new(edit.method, edit.path.as_str()).token(KEY);
    let body = (edit.body)(turn);
    if !body.is_null() {
        call = call.bytes(body.to_string().into_bytes());
    }
    for tag in if_match {
        call = call.header("If-Match", tag);
    }
    koi.send(&call)
}

fn tag(answer: &Answer, what: &str) -> String {
    assert_eq!(answer.status / 100, 2, "{what}: {}", answer.text());
    answer.header("etag").unwrap_or_else(|| panic!("{what} answers no ETag")).to_owned()
}

#[test]
fn edits_are_held_to_what_was_read() {
    let koi = Koi::start("edits");
    let campaign = koi.must(&Call::post("/campaigns", &tight_campaign(20, 1)).token(KEY));
    let id = campaign["id"].as_str().expect("an id");
    koi.must(&Call::put("/shoppers/ada", &json!({"name": "Ada"})).token(KEY));
    let price = |turn: u32| json!({"price_points": 10 + turn});
    let item = json!({"name": "Chance", "price_points": 10, "stock": 5, "gives": {"chances": 1, "campaign_id": id}});
    let live = koi.publish(&tight_campaign(20, 1));
    let item =
        json!({"gives": {"chances": 1, "campaign_id": live}, "name": item["name"], "price_points": 10, "stock": 5});
    let item = koi.must(&Call::post("/exchange/items", &item).token(KEY));
    let flow = |turn: u32| {
        let rules = ["blacklist, ", "window, ", "limits, ", "blacklist, window, ", "window, limits, "];
        json!({"flow": format!("THEN({}pool, draw)", rules[turn as usize % rules.len()])})
    };
    let edits = [
        Edit { method: "PATCH", path: format!("/campaigns/{id}"), body: &|turn| json!({"name": format!("n{turn}")}) },
        Edit { method: "PUT", path: format!("/campaigns/{id}/flow"), body: &flow },
        Edit {
            method: "PATCH",
            path: format!("/exchange/items/{}", item["id"].as_str().expect("an id")),
            body: &price,
        },
        Edit { method: "PUT", path: "/shoppers/ada".into(), body: &|turn| json!({"attributes": {"level": turn}}) },
        Edit {
            method: "PUT",
            path: "/shoppers/ada/blacklist".into(),
            body: &|turn| json!({"mode": "refuse", "reason": format!("r{turn}")}),
        },
        Edit { method: "PUT", path: "/shoppers/ada/risk".into(), body: &|turn| json!({"score": turn, "flags": []}) },
        Edit {
            method: "PUT",
            path: "/segments/buyers".into(),
            body: &|turn| json!({"expression": format!("profile.orders >= {turn}")}),
        },
    ];
    for edit in &edits {
        let what = format!("{} {}", edit.method, edit.path);
        let first = tag(&send(&koi, edit, 0, &[]), &what);
        let second = tag(&send(&koi, edit, 1, &[&first]), &what);
        assert_ne!(first, second, "{what}: another state, another tag");
        assert_problem(&what, &send(&koi, edit, 2, &[&first]), 412, "stale");
        assert_problem(&what, &send(&koi, edit, 2, &[&format!("W/{second}")]), 412, "stale");
        assert_problem(&what, &send(&koi, edit, 2, &["no-tag"]), 412, "stale");
        let third = tag(&send(&koi, edit, 2, &[&format!("{first}, \"x\" , {second}")]), &what);
        let fourth = tag(&send(&koi, edit, 3, &["\"x\"", &third]), &what);
        assert_ne!(third, fourth, "{what}");
        let fifth = tag(&send(&koi, edit, 4, &["*"]), &what);
        assert_ne!(fourth, fifth, "{what}: `*` asks for nothing but that there is one");
        tag(&send(&koi, edit, 0, &[]), &what);
    }
}

#[test]
fn nothing_is_made_where_something_was_to_match() {
    let koi = Koi::start("edits-absent");
    for if_match in ["*", "\"0123456789abcdef\""] {
        let put = |path: &str, body: &Value| koi.send(&Call::put(path, body).token(KEY).header("If-Match", if_match));
        assert_problem(if_match, &put("/shoppers/new", &json!({})), 412, "stale");
        assert_eq!(koi.send(&Call::get("/shoppers/new").token(KEY)).status, 404, "nobody was registered");
        assert_problem(if_match, &put("/segments/new", &json!({"expression": "profile.orders > 1"})), 412, "stale");
        assert_eq!(koi.must(&Call::get("/segments").token(KEY))["data"], json!([]));
    }
    let made = koi.send(&Call::put("/shoppers/new", &json!({"name": "New"})).token(KEY));
    let shown = koi.send(&Call::get("/shoppers/new").token(KEY));
    assert_eq!((made.status, shown.header("etag")), (201, made.header("etag")), "a GET names what a PUT is held to");
    // A shopper without an entry on the blacklist has that to match.
    let entry = || koi.send(&Call::get("/shoppers/new/blacklist").token(KEY));
    let free = tag(&entry(), "the blacklist");
    let refuse = json!({"mode": "refuse", "reason": "fraud"});
    let put = |tag: &str| koi.send(&Call::put("/shoppers/new/blacklist", &refuse).token(KEY).header("If-Match", tag));
    let listed = tag(&put(&free), "listing");
    assert_eq!((entry().json()["mode"].clone(), tag(&entry(), "the entry")), (json!("refuse"), listed.clone()));
    assert_problem("another was faster", &put(&free), 412, "stale");
    let lift = |tag: &str| koi.send(&Call::new("DELETE", "/shoppers/new/blacklist").token(KEY).header("If-Match", tag));
    assert_problem("a stale lift", &lift(&free), 412, "stale");
    assert_eq!(tag(&lift(&listed), "lifting"), free);
    assert!(entry().json()["mode"].is_null());
}

#[test]
fn ids_are_decimal_strings() {
    let koi = Koi::start("edits-ids");
    let key = koi.must(&Call::post("/api/v1/api-keys", &json!({"name": "k", "scopes": ["events"]})).token(KEY));
    let id = key["id"].as_str().expect("a string");
    assert!(id.parse::<u64>().is_ok_and(|id| id > 0), "{id}");
    assert_eq!(koi.must(&Call::get("/api/v1/api-keys").token(KEY))["data"][0]["id"], id);
    assert_eq!(koi.send(&Call::new("DELETE", format!("/api/v1/api-keys/{id}")).token(KEY)).status, 204);
}

#[test]
fn objects_are_not_taken_by_position() {
    let koi = Koi::start("edits-positions");
    let campaign = tight_campaign(20, 1);
    let with = |member: &str, value: Value| {
        let mut body = campaign.clone();
        body[member] = value;
        body
    };
    for (what, body) in [
        ("a prize", with("prizes", json!([["cup", "Cup", "goods"]]))),
        ("a band", with("tiers", json!([{"code": "a", "slots": 1, "weight": 1, "value_cents": [0, 5_000]}]))),
        ("a pool", with("pools", json!([["all", null, ["small"]]]))),
        ("chances", with("chances", json!([1]))),
        ("a range", with("chances", json!({"points_on_sign_in": [1, 5]}))),
        ("limits", with("limits", json!([1, 2, 3]))),
    ] {
        assert_problem(what, &koi.send(&Call::post("/campaigns", &body).token(KEY)), 422, "invalid_body");
    }
    let id = koi.must(&Call::post("/campaigns", &campaign).token(KEY))["id"].as_str().expect("an id").to_owned();
    for (what, patch) in [
        ("a patched prize", json!({"prizes": [["cup", "Cup", "goods"]]})),
        ("patched limits", json!({"limits": {"per_day": [1]}})),
        ("patched chances", json!({"chances": [1, 2]})),
    ] {
        let patch = Call::new("PATCH", format!("/campaigns/{id}")).bytes(patch.to_string().into_bytes()).token(KEY);
        assert_problem(what, &koi.send(&patch), 422, "invalid_body");
    }
    let event = json!({"id": "e", "type": "purchase", "shopper": "ada", "at": "2026-01-05T10:00:00Z", "order_id": "o",
        "items": [["22423", "cake stand", "kitchen", 1295, 2]]});
    let answer = koi.must(&Call::post("/events", &event).token(KEY));
    assert_eq!((&answer["accepted"], &answer["rejected"][0]["index"]), (&json!(0), &json!(0)), "{answer}");
    let choice = json!({"history": ["a"], "options": [["o1", ["thing"]], ["o2", ["other"]]]});
    assert_problem("an option", &koi.send(&Call::post("/choices", &choice).token(KEY)), 422, "invalid_body");
}
