//! Bad callers of the operators' desk: whatever is sent, the answer is a 4xx problem, and nothing has changed.

use serde_json::json;
use xtask::fixture::KEY;
use xtask::http::Call;

use super::harness::{Koi, assert_whole_problem};
use super::operators::{PASSWORD, Person, patch};

/// Whatever is sent to the desk's routes is a 4xx problem, and nothing changes.
#[test]
fn bad_input_operators() {
    let koi = Koi::start("operators-bad");
    let owner = Person::new(&koi, "owner", "owner");
    let state = || (koi.rows("/operators", KEY), koi.must(&Call::get("/api/v1/api-keys").token(KEY)));
    let before = state();
    let own = format!("/operators/{}", owner.id);
    let targets = [
        ("POST", "/session".to_owned()),
        ("POST", "/session/reauthenticate".to_owned()),
        ("PUT", "/session/password".to_owned()),
        ("POST", "/operators".to_owned()),
        ("PATCH", own.clone()),
        ("PUT", format!("{own}/ban")),
        ("PUT", format!("{own}/password")),
        ("POST", "/api/v1/api-keys".to_owned()),
    ];
    let huge = format!("{{\"login\": \"{}\"}}", "x".repeat(200_000));
    let deep = "[".repeat(50_000);
    let long = json!({"login": "a".repeat(65), "name": "x", "role": "owner", "password": PASSWORD}).to_string();
    let weak = json!({"login": "bob", "name": "x", "role": "owner", "password": "x".repeat(129)}).to_string();
    let bodies = [
        "{",
        "null",
        "[]",
        "1",
        "\"x\"",
        "{\"login\": 1}",
        "{\"password\": null}",
        "{\"role\": \"king\"}",
        "{\"scopes\": [\"root\"], \"name\": \"x\"}",
        "{\"unknown\": 1}",
        "{\"name\": \"a\\u0000\"}",
        "\u{0}",
        &huge,
        &deep,
        &long,
        &weak,
    ];
    for (method, path) in &targets {
        for body in bodies {
            let call = Call::new(method, path.as_str()).bytes(body.as_bytes());
            let answer = owner.send(&koi, call);
            let what = format!("{method} {path} {}", body.chars().take(40).collect::<String>());
            assert!((400..500).contains(&answer.status), "{what}: {} {}", answer.status, answer.text());
            assert_whole_problem(&what, &answer);
            assert!(!answer.text().contains("argon2"), "{what}");
        }
    }
    assert_eq!(state(), before, "nothing has changed");
    let log = std::fs::read_to_string(&koi.server.log).expect("a log");
    assert!(!log.contains(PASSWORD) && !log.contains(&owner.cookie["koi_session=".len()..]), "no secret is logged");
}

/// Ids of nobody, of somebody else, or none at all; queries that make no sense.
#[test]
fn bad_input_operators_others() {
    let koi = Koi::start("operators-others");
    let owner = Person::new(&koi, "owner", "owner");
    let before = koi.rows("/operators", KEY);
    for id in ["0", "1", "-1", "abc", "%00", "%ff", "99999999999999999999999", "..", "a%2fb"] {
        for call in [
            Call::get(format!("/operators/{id}")),
            patch(format!("/operators/{id}"), &json!({"name": "x"})),
            Call::new("DELETE", format!("/operators/{id}")),
            Call::put(format!("/operators/{id}/ban"), &json!({"reason": "x"})),
            Call::get(format!("/operators/{id}/sessions")),
            Call::new("DELETE", format!("/operators/{}/sessions/{id}", owner.id)),
            Call::new("DELETE", format!("/api/v1/api-keys/{id}")),
            Call::post(format!("/api/v1/api-keys/{id}/rotate"), &json!({})),
        ] {
            let answer = owner.send(&koi, call.clone());
            assert!([400, 404, 405, 422].contains(&answer.status), "{call:?}: {} {}", answer.status, answer.text());
            assert_whole_problem(id, &answer);
        }
    }
    for query in ["limit=0", "cursor=!!", "from=yesterday", "until=%00", "who=%00", "act=a&act=b"] {
        let answer = koi.send(&Call::get(format!("/audit?{query}")).token(KEY));
        assert!([400, 422].contains(&answer.status), "{query}: {} {}", answer.status, answer.text());
        assert_whole_problem(query, &answer);
    }
    assert_eq!(koi.rows("/operators", KEY), before, "nothing has changed");
}
