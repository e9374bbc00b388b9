//! Campaigns as an operator handles them, and the operations endpoints.

use serde_json::{Value, json};
use xtask::fixture::{KEY, tight_campaign};
use xtask::http::Call;

use super::bad_input::with;
use super::harness::{Koi, assert_problem, assert_whole_problem};

#[test]
fn a_campaign_lives_from_draft_to_end() {
    let mut koi = Koi::start("campaign-life");
    let made = koi.send(&Call::post("/campaigns", &tight_campaign(200, 5)).token(KEY));
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    let id = made["id"].as_str().expect("an id is a string").to_owned();
    assert_eq!(made["state"], "draft");
    let path = format!("/campaigns/{id}");
    let shown = koi.send(&Call::get(path.as_str()).token(KEY));
    assert_eq!((shown.status, &shown.json()["name"]), (200, &json!("Blackbox")));
    let edited = koi.send(&Call::new("PATCH", path.as_str()).bytes(br#"{"name":"Spring"}"#.as_slice()).token(KEY));
    assert_eq!((edited.status, &edited.json()["name"]), (200, &json!("Spring")), "{}", edited.text());
    let etag = edited.header("etag").expect("an edit answers an ETag").to_owned();
    let edit = |name: &str, tag: &str| {
        let body = json!({"name": name}).to_string().into_bytes();
        koi.send(&Call::new("PATCH", path.as_str()).bytes(body).token(KEY).header("If-Match", tag))
    };
    assert_eq!(edit("Summer", &etag).status, 200);
    assert_problem("a stale edit", &edit("Autumn", &etag), 412, "");
    let published = koi.must(&Call::post(format!("{path}/publish"), &json!({})).token(KEY));
    assert_eq!((&published["state"], published["findings"].is_array()), (&json!("live"), true), "{published}");
    let verb =
        |koi: &Koi, verb: &str| koi.must(&Call::post(format!("{path}/{verb}"), &json!({})).token(KEY))["state"].clone();
    for (act, state) in [("pause", "paused"), ("resume", "live")] {
        assert_eq!(verb(&koi, act), state);
    }
    koi.restart();
    let state = |koi: &Koi| koi.must(&Call::get(path.as_str()).token(KEY))["state"].clone();
    assert_eq!(state(&koi), "live", "after a restart");
    assert_eq!(verb(&koi, "end"), "ended");
    koi.restart();
    assert_eq!(state(&koi), "ended", "after another one");
}

#[test]
fn the_minimum_is_enough() {
    let koi = Koi::start("campaign-minimum");
    let full = tight_campaign(200, 5);
    let mut least = json!({});
    for field in ["name", "starts_at", "ends_at", "prizes", "tiers"] {
        least[field] = full[field].clone();
    }
    let id = koi.publish(&least);
    let token = koi.shopper(&id, "ada", 1);
    assert_eq!(koi.me(&id, &token)["strategy"]["slots"].as_array().map(Vec::len), Some(9));
    for field in ["name", "starts_at", "ends_at", "prizes", "tiers"] {
        let mut without = least.clone();
        without.as_object_mut().expect("an object").remove(field);
        let answer = koi.send(&Call::post("/campaigns", &without).token(KEY));
        assert!((400..500).contains(&answer.status), "without {field}: {} {}", answer.status, answer.text());
    }
}

/// A draft may hold what makes no sense yet; publishing names it and changes nothing.
#[test]
fn nonsense_is_never_published() {
    let koi = Koi::start("campaign-nonsense");
    let full = tight_campaign(200, 5);
    let no_slots = json!([{"code": "x", "slots": 0, "weight": 1, "value_cents": {"min": 0, "max": 5_000}}]);
    let no_tier = json!([{"code": "x", "tiers": ["nowhere"]}]);
    let twice = json!([full["prizes"][0], full["prizes"][0]]);
    for (field, value) in [
        ("flow", json!("THEN(")),
        ("flow", json!("THEN(nothing_of_the_kind)")),
        ("flow", json!("IF(sold_out)")),
        ("flow", json!("")),
        ("name", json!("")),
        ("name", json!("x".repeat(10_000))),
        ("currency", json!("GOLD")),
        ("time_zone", json!("Mars/Olympus")),
        ("ends_at", json!("2001-01-01T00:00:00Z")),
        ("prizes", json!([])),
        ("prizes", twice),
        ("tiers", json!([])),
        ("tiers", no_slots),
        ("pools", no_tier),
        ("pools", json!([{"code": "x", "when": "n >", "tiers": ["small"]}])),
        ("limits", json!({"per_shopper": -1})),
        ("chances", json!({"sign_in": -1})),
    ] {
        let body = with(&full, field, value);
        let what: String = format!("{field}: {}", body[field]).chars().take(200).collect();
        let made = koi.send(&Call::post("/campaigns", &body).token(KEY));
        if made.status != 201 {
            assert!((400..500).contains(&made.status), "{what}: {} {}", made.status, made.text());
            assert_whole_problem(&what, &made);
            continue;
        }
        let path = format!("/campaigns/{}", made.json()["id"].as_str().expect("an id"));
        let refused = koi.send(&Call::post(format!("{path}/publish"), &json!({})).token(KEY));
        assert_problem(&what, &refused, 422, "");
        assert_eq!(koi.must(&Call::get(path).token(KEY))["state"], "draft", "{what}");
    }
}

#[test]
fn operations_need_no_key_and_tell_the_truth() {
    let koi = Koi::start("operations");
    for path in ["/healthz", "/readyz", "/metrics", "/openapi.json"] {
        assert_eq!(koi.send(&Call::get(path)).status, 200, "{path}");
    }
    let docs = koi.send(&Call::get("/docs/"));
    assert!(docs.ok() || docs.status == 303 || docs.status == 307, "docs: {}", docs.status);
    assert!(!docs.text().contains("https://"), "the docs page needs no network");
    let campaign = koi.publish(&tight_campaign(200, 5));
    let token = koi.shopper(&campaign, "ada", 3);
    for key in ["a", "b", "c"] {
        koi.must(&super::harness::draw(&campaign, &token, key));
    }
    let metrics = koi.send(&Call::get("/metrics")).text().into_owned();
    let metric = |name: &str, label: &str| xtask::fixture::metric(&metrics, name, label);
    assert_eq!(metric("koi_draws_total", "result=\"drawn\""), Some(3.0), "{metrics}");
    assert!(metric("koi_ledger_commits_total", "").is_some_and(|commits| commits >= 3.0), "{metrics}");
    assert!(metric("koi_projection_lag_records", "").is_some(), "{metrics}");
    for secret in [KEY, &token, "ada"] {
        assert!(!metrics.contains(secret), "no secrets and no people in metrics");
    }
}

#[test]
fn openapi_describes_the_contract() {
    let koi = Koi::start("openapi");
    let document = koi.send(&Call::get("/openapi.json")).json();
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "{}", document["openapi"]);
    let paths = document["paths"].as_object().expect("paths");
    let has = |method: &str, path: &str| {
        let shape = |path: &str| {
            path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part }).collect::<Vec<_>>().join("/")
        };
        let wanted = shape(path);
        paths.iter().any(|(known, item): (&String, &Value)| shape(known) == wanted && item.get(method).is_some())
    };
    for (method, path) in [
        ("put", "/api/v1/shoppers/{id}"),
        ("post", "/api/v1/shoppers/{id}/tokens"),
        ("post", "/api/v1/events"),
        ("get", "/api/v1/shoppers/{id}/profile"),
        ("get", "/api/v1/shoppers/{id}/recommendations"),
        ("put", "/api/v1/shoppers/{id}/blacklist"),
        ("delete", "/api/v1/shoppers/{id}/blacklist"),
        ("post", "/api/v1/shoppers/{id}/points"),
        ("post", "/api/v1/campaigns"),
        ("get", "/api/v1/campaigns/{id}"),
        ("patch", "/api/v1/campaigns/{id}"),
        ("post", "/api/v1/campaigns/{id}/publish"),
        ("post", "/api/v1/campaigns/{id}/pause"),
        ("post", "/api/v1/campaigns/{id}/resume"),
        ("post", "/api/v1/campaigns/{id}/end"),
        ("get", "/api/v1/campaigns/{id}/report"),
        ("post", "/api/v1/campaigns/{id}/grants"),
        ("post", "/api/v1/campaigns/{id}/orders"),
        ("get", "/api/v1/campaigns/{id}/me"),
        ("post", "/api/v1/campaigns/{id}/draws"),
        ("get", "/api/v1/campaigns/{id}/draws"),
        ("get", "/api/v1/awards"),
        ("post", "/api/v1/awards/{id}/claim"),
        ("get", "/api/v1/points"),
        ("get", "/api/v1/points/entries"),
    ] {
        assert!(has(method, path), "openapi lacks {method} {path}");
    }
}
