//! Wrong credentials, other people's things, unknown routes, wrong methods, queries and headers.

use std::time::Duration;

use serde_json::json;
use xtask::fixture::{KEY, tight_campaign};
use xtask::http::{Answer, Call};

use super::bad_input::Scene;
use super::harness::{assert_problem, assert_whole_problem, draw};

/// Ids that name nothing, or are none.
const NO_IDS: [&str; 13] = [
    "0",
    "1",
    "9223372036854775807",
    "99999999999999999999999",
    "-1",
    "abc",
    "%00",
    "%ff",
    "a%2fb",
    "..",
    "1e3",
    "0x10",
    "%D9%A3",
];

#[track_caller]
fn check(what: &str, answer: &Answer, statuses: &[u16]) {
    assert!(statuses.contains(&answer.status), "{what}: {} {}", answer.status, answer.text());
    assert_whole_problem(what, answer);
}

#[test]
fn bad_input_credentials() {
    let scene = Scene::new("bad-credentials");
    let before = scene.state();
    let (id, ada) = (&scene.campaign, scene.ada.as_str());
    let me = format!("/campaigns/{id}/me");
    let short = scene.koi.must(&Call::post("/shoppers/ada/tokens", &json!({"ttl_seconds": 1})).token(KEY));
    let short = short["token"].as_str().expect("a token").to_owned();
    let middle = ada.len() / 2;
    let other = if ada.as_bytes()[middle] == b'A' { "B" } else { "A" };
    let flipped = format!("{}{other}{}", &ada[..middle], &ada[middle + 1..]);
    let (wrong_key, long) = (format!("koi_sk_{}", "x".repeat(40)), "x".repeat(6_000));
    let (cut, grown) = (&ada[..ada.len() - 1], format!("{ada}A"));
    // Nothing tells from outside that a token has expired; its one second is waited for, and one more for rounding.
    std::thread::sleep(Duration::from_millis(2_100));
    for token in ["", "x", "koi_sk_", &wrong_key, &flipped, cut, &grown, &short, &long] {
        for path in [me.as_str(), "/points", "/awards"] {
            assert_problem(&format!("{path} with {token:?}"), &scene.koi.send(&Call::get(path).token(token)), 401, "");
        }
        assert_problem(token, &scene.koi.send(&draw(id, token, "k")), 401, "");
        assert_problem(token, &scene.koi.send(&Call::post("/campaigns", &tight_campaign(1, 1)).token(token)), 401, "");
    }
    assert_problem("no token", &scene.koi.send(&Call::get(me.as_str())), 401, "");
    let basic = Call::get(me.as_str()).header("Authorization", "Basic eDp5");
    assert_problem("another scheme", &scene.koi.send(&basic), 401, "");
    assert_eq!(scene.state(), before, "nothing has changed");
}

#[test]
fn bad_input_others_things() {
    let scene = Scene::new("bad-others");
    let before = scene.state();
    let (id, ada, bob) = (&scene.campaign, scene.ada.as_str(), scene.bob.as_str());
    let post = |path: &str, token: &str| scene.koi.send(&Call::post(path, &json!({})).token(token).key("k"));
    let create = Call::post("/campaigns", &tight_campaign(1, 1)).token(ada);
    check("a shopper is no operator", &scene.koi.send(&create), &[403]);
    for act in ["grants", "end", "pause", "publish"] {
        check(act, &post(&format!("/campaigns/{id}/{act}"), ada), &[403]);
    }
    check("a shopper gives no points", &post("/shoppers/ada/points", ada), &[403]);
    check("a shopper makes no tokens", &post("/shoppers/bob/tokens", ada), &[403]);
    check("another's award", &post(&format!("/awards/{}/claim", scene.award), bob), &[403, 404]);
    check("a draft", &post(&format!("/campaigns/{}/draws", scene.draft), ada), &[404]);
    check("unknown shopper", &post("/shoppers/nobody/tokens", KEY), &[404]);
    for other in NO_IDS {
        for path in [format!("/campaigns/{other}/me"), format!("/campaigns/{other}/draws")] {
            check(&path, &scene.koi.send(&Call::get(path.as_str()).token(ada)), &[400, 404, 422]);
        }
        for (path, token) in [
            (format!("/campaigns/{other}/draws"), ada),
            (format!("/campaigns/{other}/publish"), KEY),
            (format!("/awards/{other}/claim"), ada),
        ] {
            check(&path, &post(&path, token), &[400, 404, 422]);
        }
    }
    assert_eq!(scene.state(), before, "nothing has changed");
}

#[test]
fn bad_input_routes_and_headers() {
    let scene = Scene::new("bad-routes");
    let before = scene.state();
    let (id, ada) = (&scene.campaign, scene.ada.as_str());
    let (draws, me) = (format!("/campaigns/{id}/draws"), format!("/campaigns/{id}/me"));
    let routes = ["/nowhere", "/api/v2/x", "/docs/../../etc/passwd", "/api", "/campaigns/1/2/3/4"];
    for (method, path) in routes.into_iter().flat_map(|path| [("GET", path), ("POST", path)]) {
        check(&format!("{method} {path}"), &scene.koi.send(&Call::new(method, path).token(KEY)), &[400, 404, 405]);
    }
    let methods = [
        ("DELETE", draws.as_str()),
        ("PUT", &draws),
        ("POST", &me),
        ("TRACE", "/campaigns"),
        ("BREW", "/campaigns"),
        ("DELETE", "/readyz"),
    ];
    for (method, path) in methods {
        let answer = scene.koi.send(&Call::new(method, path).token(KEY).bytes(b"{}".as_slice()));
        check(&format!("{method} {path}"), &answer, &[400, 404, 405]);
    }
    let queries = [
        "limit=0",
        "limit=201",
        "limit=-1",
        "limit=x",
        "cursor=%00",
        "cursor=!!",
        "cursor=zzzz",
        "limit=99999999999999999999",
    ];
    for query in queries {
        check(query, &scene.koi.send(&Call::get(format!("{draws}?{query}")).token(ada)), &[400, 422]);
    }
    let long_key = "k".repeat(5_000);
    for key in ["", long_key.as_str()] {
        check("a bad idempotency key", &scene.koi.send(&draw(id, ada, key)), &[400, 422, 431]);
    }
    let no_key = scene.koi.send(&Call::post(draws.as_str(), &json!({})).token(ada));
    assert_problem("no key", &no_key, 400, "idempotency_key_required");
    for content_type in ["text/plain", "application/xml", "multipart/form-data; boundary=x", "x"] {
        let call = Call::post(draws.as_str(), &json!({})).token(ada).key("k").header("Content-Type", content_type);
        check(content_type, &scene.koi.send(&call), &[400, 415]);
    }
    assert_eq!(scene.state(), before, "nothing has changed");
}
