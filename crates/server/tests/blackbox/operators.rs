//! Operators: signing in, what each role may do, bans, sessions, passwords, keys that rotate.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use xtask::fixture::{KEY, tight_campaign};
use xtask::http::{Answer, Call};
use xtask::process::{from_now, wait_for};

use super::harness::{Koi, assert_problem, assert_whole_problem, binary, scratch, start_in};

pub const PASSWORD: &str = "correct horse battery";
const CSRF: &str = "X-CSRF-Token";
const ROLES: [&str; 5] = ["owner", "campaign_manager", "support", "auditor", "analyst"];

/// A signed-in operator.
pub struct Person {
    pub id: String,
    pub cookie: String,
    csrf: String,
}

impl Person {
    /// An operator made by the bootstrap key, signed in.
    pub fn new(koi: &Koi, login: &str, role: &str) -> Self {
        make(koi, login, role);
        Self::sign_in(koi, login, PASSWORD)
    }

    pub fn sign_in(koi: &Koi, login: &str, password: &str) -> Self {
        let answer = koi.send(&sign_in(login, password));
        assert_eq!(answer.status, 201, "{login} signs in: {}", answer.text());
        let set = answer.header("set-cookie").expect("a cookie");
        assert!(set.contains("; HttpOnly; SameSite=Strict"), "{set}");
        let body = answer.json();
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let cookie = set.split(';').next().expect("a value").to_owned();
        Self { id: text(&body["operator"]["id"]), cookie, csrf: text(&body["csrf_token"]) }
    }

    pub fn send(&self, koi: &Koi, call: Call<'_>) -> Answer {
        let call = call.header("Cookie", &self.cookie).header(CSRF, &self.csrf);
        koi.send(&call)
    }
}

pub fn sign_in(login: &str, password: &str) -> Call<'static> {
    Call::post("/session", &json!({"login": login, "password": password}))
}

fn make(koi: &Koi, login: &str, role: &str) -> String {
    let body = json!({"login": login, "name": format!("{login} 锦鲤"), "role": role, "password": PASSWORD});
    let made = koi.must(&Call::post("/operators", &body).token(KEY));
    made["id"].as_str().expect("an id").to_owned()
}

pub fn patch<'a>(path: String, body: &Value) -> Call<'a> {
    Call::new("PATCH", path).bytes(body.to_string().into_bytes())
}

#[test]
fn operators_first_owner_is_made_at_the_machine() {
    let dir = scratch("operators-cli");
    let data = dir.join("data");
    let add = |login: &str, role: &str, password: &str| {
        let mut command = Command::new(binary());
        command.args(["operators", "add", login, "--role", role, "--json", "--data"]).arg(&data);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        child.stdin.take().expect("stdin").write_all(format!("{password}\n").as_bytes()).expect("written");
        child.wait_with_output().expect("it ends")
    };
    let short = add("ada", "owner", "short");
    assert_eq!(short.status.code(), Some(1), "a short password is refused");
    let made = add("Ada", "owner", PASSWORD);
    assert_eq!(made.status.code(), Some(0), "{}", String::from_utf8_lossy(&made.stderr));
    let shown = String::from_utf8_lossy(&made.stdout).into_owned();
    assert!(shown.contains("\"ada\"") && !shown.contains(PASSWORD), "{shown}");
    assert_eq!(add("ada", "owner", PASSWORD).status.code(), Some(1), "the login is taken");
    let server = start_in(&data).start().expect("koi starts");
    let koi = Koi { server, dir };
    let ada = Person::sign_in(&koi, "ADA ", PASSWORD);
    let me = ada.send(&koi, Call::get("/session")).json();
    assert_eq!((&me["kind"], &me["operator"]["role"]), (&json!("operator"), &json!("owner")));
    assert_eq!(me["permissions"].as_array().map(Vec::len), Some(21), "{me}");
    let while_it_runs = add("bob", "owner", PASSWORD);
    assert_eq!(while_it_runs.status.code(), Some(1), "the server holds the data");
}

/// What each role may call. A right that is missing is 403 `forbidden` and changes nothing; with it the answer is
/// whatever the thing says.
#[test]
fn operators_do_what_their_role_allows() {
    let koi = Koi::start("operators-roles");
    let campaign = koi.publish(&tight_campaign(50, 1));
    koi.shopper(&campaign, "eve", 1);
    let draft =
        || koi.must(&Call::post("/campaigns", &tight_campaign(1, 1)).token(KEY))["id"].as_str().unwrap().to_owned();
    let one = draft();
    let people: Vec<(&str, Person)> = ROLES.iter().map(|role| (*role, Person::new(&koi, role, role))).collect();
    let grant = json!({"shopper": "eve", "chances": 1, "business_key": "g", "reason": "r"});
    let points = json!({"amount": 5, "business_key": "p", "reason": "r"});
    let block = json!({"mode": "refuse", "reason": "r", "until": from_now(1)});
    let calls: Vec<(&str, Call<'_>)> = vec![
        ("omsan", Call::get("/campaigns")),
        ("omsan", Call::get(format!("/campaigns/{one}"))),
        ("oman", Call::get(format!("/campaigns/{campaign}/report"))),
        ("om", Call::post("/campaigns", &tight_campaign(1, 1))),
        ("om", patch(format!("/campaigns/{one}"), &json!({"name": "x"}))),
        ("om", Call::post(format!("/campaigns/{campaign}/pause"), &json!({}))),
        ("om", Call::post(format!("/campaigns/{campaign}/resume"), &json!({}))),
        ("oms", Call::post(format!("/campaigns/{campaign}/grants"), &grant)),
        ("os", Call::post("/shoppers/eve/points", &points)),
        ("os", Call::put("/shoppers/eve/blacklist", &block)),
        ("osa", Call::get("/shoppers/eve/profile")),
        ("o", Call::put("/shoppers/new", &json!({}))),
        ("o", Call::post("/shoppers/eve/tokens", &json!({}))),
        ("o", Call::post("/events", &json!([]))),
        ("oa", Call::get("/operators")),
        ("oa", Call::get("/audit")),
        ("oa", Call::get("/audit/check")),
        ("o", Call::get("/api/v1/api-keys")),
        ("o", Call::post("/api/v1/api-keys", &json!({"name": "k", "scopes": ["events"]}))),
        ("om", Call::post(format!("/campaigns/{campaign}/end"), &json!({}))),
    ];
    for (allowed, call) in calls {
        for (role, person) in &people {
            let letter = if *role == "campaign_manager" {
                "m"
            } else if *role == "analyst" {
                "n"
            } else {
                &role[..1]
            };
            let answer = person.send(&koi, call.clone());
            let what = format!("{role}: {call:?}");
            if allowed.contains(letter) {
                assert!(answer.status < 500 && answer.code() != "forbidden", "{what}: {}", answer.text());
                assert!(![401, 404, 403].contains(&answer.status), "{what}: {}", answer.text());
            } else {
                assert_problem(&what, &answer, 403, "forbidden");
            }
        }
    }
}

#[test]
fn operators_prove_that_a_change_is_meant() {
    let koi = Koi::start("operators-csrf");
    let ada = Person::new(&koi, "ada", "owner");
    let body = tight_campaign(1, 1);
    let create = || Call::post("/campaigns", &body);
    let other = Person::new(&koi, "bob", "owner");
    assert_problem("no header", &koi.send(&create().header("Cookie", &ada.cookie)), 403, "csrf_required");
    let wrong = create().header("Cookie", &ada.cookie).header(CSRF, &other.csrf);
    assert_problem("another's", &koi.send(&wrong), 403, "csrf_required");
    assert!(koi.send(&Call::get("/campaigns").header("Cookie", &ada.cookie)).ok(), "looking needs none");
    let form =
        ada.send(&koi, Call::new("POST", "/campaigns").bytes(b"a=b".as_slice()).header("Content-Type", "text/plain"));
    assert_problem("what a form of another site sends", &form, 415, "");
    let twice = format!("{}; {}", ada.cookie, other.cookie);
    assert_problem("two sessions", &koi.send(&Call::get("/session").header("Cookie", &twice)), 401, "");
    for cookie in ["koi_session=", "koi_session=x", "koi_session=\"\"", "nonsense"] {
        assert_problem(cookie, &koi.send(&Call::get("/session").header("Cookie", cookie)), 401, "");
    }
    let unknown = format!("koi_session={}", "0".repeat(64));
    assert_problem("unknown", &koi.send(&Call::get("/session").header("Cookie", &unknown)), 401, "session_over");
    let me = koi.send(&Call::get("/points").header("Cookie", &ada.cookie));
    assert_problem("an operator is no shopper", &me, 403, "forbidden");
}

#[test]
fn operators_sessions_end() {
    let koi = Koi::start("operators-sessions");
    let owner = Person::new(&koi, "owner", "owner");
    let first = Person::new(&koi, "ada", "support");
    let all: Vec<Person> = (0..5).map(|_| Person::sign_in(&koi, "ada", PASSWORD)).collect();
    let open = |person: &Person| person.send(&koi, Call::get("/session")).status == 200;
    assert!(!open(&first), "of six sessions the oldest went");
    assert!(all.iter().all(open), "five are allowed");
    let list = |id: &str| koi.must(&Call::get(format!("/operators/{id}/sessions")).token(KEY))["data"].clone();
    let shown = list(&all[0].id);
    assert_eq!(shown.as_array().map(Vec::len), Some(5), "{shown}");
    assert!(!shown.to_string().contains(&all[4].cookie["koi_session=".len()..]), "no token is shown");
    let own = all[0].send(&koi, Call::get(format!("/operators/{}/sessions", all[0].id)));
    assert_eq!(own.status, 200, "everybody sees their own: {}", own.text());
    assert_problem("another's", &all[0].send(&koi, Call::get(format!("/operators/{}/sessions", owner.id))), 403, "");

    assert_eq!(all[4].send(&koi, Call::new("DELETE", "/session")).status, 204);
    assert!(!open(&all[4]) && open(&all[3]), "one signed out");
    let newest = list(&all[0].id)[0]["id"].as_str().expect("an id").to_owned();
    let end = |who: &Person, path: String| who.send(&koi, Call::new("DELETE", path)).status;
    assert_eq!(end(&all[0], format!("/operators/{}/sessions/{newest}", owner.id)), 403, "not another's");
    assert_eq!(end(&owner, format!("/operators/{}/sessions/{newest}", owner.id)), 404, "that is not theirs");
    assert_eq!(end(&owner, format!("/operators/{}/sessions/{newest}", all[0].id)), 204);
    assert!(!open(&all[3]) && open(&all[2]), "the named one is over");
    assert_eq!(end(&owner, format!("/operators/{}/sessions", all[0].id)), 204);
    assert!(!all.iter().any(open), "all of them are over");
    assert!(open(&owner));
}

#[test]
fn operators_sessions_outlive_a_restart_but_not_their_time() {
    let mut koi = Koi::start("operators-time");
    let ada = Person::new(&koi, "ada", "owner");
    koi.restart();
    assert_eq!(ada.send(&koi, Call::get("/session")).status, 200, "the session is stored");
    koi.restart_with(&[("KOI__OPERATORS__FRESH_MINUTES", "1"), ("KOI__OPERATORS__SECURE_COOKIES", "true")]);
    let secure = koi.send(&sign_in("ada", PASSWORD));
    assert!(secure.header("set-cookie").is_some_and(|set| set.ends_with("; Secure")), "{:?}", secure.headers);
    // The clock of a process cannot be moved from outside; the stored times can, while it is down.
    koi.server.kill();
    age_sessions(&koi, "seen_at = seen_at - 31 * 60000");
    koi.restart();
    assert_problem("idle", &ada.send(&koi, Call::get("/session")), 401, "session_over");
    let ada = Person::sign_in(&koi, "ada", PASSWORD);
    koi.server.kill();
    age_sessions(&koi, "created_at = created_at - 12 * 3600000");
    koi.restart();
    assert_problem("old", &ada.send(&koi, Call::get("/session")), 401, "session_over");
}

fn age_sessions(koi: &Koi, set: &str) {
    super::audit::sql(koi, &format!("UPDATE sessions SET {set}"));
}

#[test]
fn operators_give_their_password_again_for_what_is_dangerous() {
    let mut koi = Koi::start("operators-fresh");
    let campaign = koi.publish(&tight_campaign(5, 1));
    let ada = Person::new(&koi, "ada", "owner");
    koi.server.kill();
    age_sessions(&koi, "fresh_at = fresh_at - 11 * 60000");
    koi.restart();
    let dangerous = [
        Call::post(format!("/campaigns/{campaign}/end"), &json!({})),
        Call::post("/api/v1/api-keys", &json!({"name": "k", "scopes": ["events"]})),
        Call::post("/operators", &json!({"login": "bob", "name": "Bob", "role": "owner", "password": PASSWORD})),
        patch(format!("/operators/{}", ada.id), &json!({"name": "x"})),
    ];
    for call in &dangerous {
        let answer = ada.send(&koi, call.clone());
        assert_problem(&format!("{call:?}"), &answer, 403, "reauthentication_required");
    }
    let again = |password: &str| ada.send(&koi, Call::post("/session/reauthenticate", &json!({"password": password})));
    assert_problem("a wrong password", &again("wrong horse battery"), 403, "login_failed");
    assert_problem("still", &ada.send(&koi, dangerous[1].clone()), 403, "reauthentication_required");
    assert_eq!(again(PASSWORD).status, 200);
    for call in &dangerous {
        let answer = ada.send(&koi, call.clone());
        assert!(answer.ok(), "{call:?}: {}", answer.text());
    }
    assert_problem(
        "a key has no password",
        &koi.send(&Call::post("/session/reauthenticate", &json!({"password": "x"})).token(KEY)),
        403,
        "forbidden",
    );
}

#[test]
fn operators_bans_hold_at_once_and_end() {
    let koi = Koi::start("operators-bans");
    let owner = Person::new(&koi, "owner", "owner");
    let ada = Person::new(&koi, "ada", "support");
    let ban = |body: Value| owner.send(&koi, Call::put(format!("/operators/{}/ban", ada.id), &body));
    let add = |key: &str| {
        koi.must(&Call::put("/shoppers/eve", &json!({})).token(KEY));
        let points = json!({"amount": 5, "business_key": key, "reason": "r"});
        ada.send(&koi, Call::post("/shoppers/eve/points", &points))
    };
    assert_eq!(add("a").status, 201);
    let answer = ban(json!({"permission": "points_add", "until": from_now(2), "reason": "too generous"}));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(!answer.json()["permissions"].to_string().contains("points_add"), "{}", answer.text());
    assert_problem("one right is gone", &add("b"), 403, "forbidden");
    assert_eq!(ada.send(&koi, Call::get("/campaigns")).status, 200, "the others are not");
    wait_for(Duration::from_secs(20), "the ban's end", || (add("b").status == 201).then_some(())).expect("it ends");

    assert_eq!(ban(json!({"reason": "left"})).status, 200);
    assert_problem("the session is over", &add("c"), 401, "");
    assert_problem("banned", &koi.send(&sign_in("ada", PASSWORD)), 403, "account_banned");
    assert_problem("a wrong password tells nothing", &koi.send(&sign_in("ada", "wrong horse")), 401, "login_failed");
    let lift = owner.send(&koi, Call::new("DELETE", format!("/operators/{}/ban", ada.id)));
    assert_eq!(lift.status, 200, "{}", lift.text());
    Person::sign_in(&koi, "ada", PASSWORD);
    for (body, status, code) in [
        (json!({"reason": "x", "until": "2020-01-01T00:00:00Z"}), 422, ""),
        (json!({"reason": ""}), 422, ""),
        (json!({"reason": "x", "permission": "everything"}), 422, ""),
        (json!({"reason": "x", "colour": 1}), 422, ""),
    ] {
        assert_problem(&body.to_string(), &ban(body.clone()), status, code);
    }
    let oneself = owner.send(&koi, Call::put(format!("/operators/{}/ban", owner.id), &json!({"reason": "x"})));
    assert_problem("oneself", &oneself, 409, "own_account");
    let last = koi.send(&Call::put(format!("/operators/{}/ban", owner.id), &json!({"reason": "x"})).token(KEY));
    assert_problem("the last owner", &last, 409, "last_owner");
}

#[test]
fn operators_are_edited_by_version() {
    let koi = Koi::start("operators-edit");
    let owner = Person::new(&koi, "owner", "owner");
    let ada = make(&koi, "ada", "support");
    let path = format!("/operators/{ada}");
    let read = koi.send(&Call::get(path.as_str()).token(KEY));
    assert_eq!(read.header("etag"), Some("\"1\""));
    assert!(!read.text().contains("argon2") && !read.text().contains("password"), "{}", read.text());
    let edit = |body: Value, tag: &'static str| owner.send(&koi, patch(path.clone(), &body).header("If-Match", tag));
    assert_eq!(edit(json!({"role": "auditor"}), "\"1\"").header("etag"), Some("\"2\""));
    assert_problem("stale", &edit(json!({"role": "owner"}), "\"1\""), 412, "stale");
    assert_eq!(edit(json!({"name": "Ada"}), "*").json()["role"], "auditor");
    let person = Person::sign_in(&koi, "ada", PASSWORD);
    assert_eq!(person.send(&koi, Call::get("/audit")).status, 200);
    assert_eq!(edit(json!({"role": "analyst"}), "*").status, 200);
    assert_problem("a role's end is at once", &person.send(&koi, Call::get("/audit")), 403, "forbidden");
    let last = owner.send(&koi, patch(format!("/operators/{}", owner.id), &json!({"role": "support"})));
    assert_problem("the last owner", &last, 409, "last_owner");
    assert_problem(
        "the last owner",
        &owner.send(&koi, Call::new("DELETE", format!("/operators/{}", owner.id))),
        409,
        "last_owner",
    );
    let body = json!({"login": "ADA", "name": "x", "role": "owner", "password": PASSWORD});
    assert_problem("taken", &koi.send(&Call::post("/operators", &body).token(KEY)), 409, "login_taken");
    let pages = koi.rows("/operators", KEY);
    assert_eq!(pages.iter().map(|row| row["login"].as_str().unwrap()).collect::<Vec<_>>(), ["ada", "owner"]);
    let page = koi.must(&Call::get("/operators?limit=1").token(KEY));
    let rest = format!("/operators?limit=1&cursor={}", page["next_cursor"].as_str().expect("a cursor"));
    assert_eq!(koi.must(&Call::get(rest).token(KEY))["data"][0]["login"], "owner");

    let change = |current: &str, new: &str| {
        person.send(&koi, Call::put("/session/password", &json!({"current": current, "new": new})))
    };
    let other = Person::sign_in(&koi, "ada", PASSWORD);
    assert_problem("a wrong one", &change("wrong horse battery", "a new long password"), 403, "login_failed");
    assert_problem("too short", &change(PASSWORD, "short"), 422, "password_too_weak");
    assert_eq!(change(PASSWORD, "a new long password").status, 204);
    assert_eq!(person.send(&koi, Call::get("/session")).status, 200, "one's own session stays");
    assert_eq!(other.send(&koi, Call::get("/session")).status, 401, "the others do not");
    assert_problem("the old one", &koi.send(&sign_in("ada", PASSWORD)), 401, "login_failed");
    let set = owner.send(&koi, Call::put(format!("{path}/password"), &json!({"password": "yet another password"})));
    assert_eq!(set.status, 204, "{}", set.text());
    assert_eq!(person.send(&koi, Call::get("/session")).status, 401);
    assert_eq!(owner.send(&koi, Call::new("DELETE", path.as_str())).status, 204);
    assert_problem("gone", &koi.send(&Call::get(path.as_str()).token(KEY)), 404, "operator_unknown");
    assert_problem("gone", &koi.send(&sign_in("ada", "yet another password")), 401, "login_failed");
}

#[test]
fn operators_passwords_are_not_guessed() {
    let mut koi = Koi::start("operators-throttle");
    make(&koi, "ada", "support");
    koi.restart_with(&[("KOI__OPERATORS__TRIES_ACCOUNT", "3"), ("KOI__OPERATORS__TRIES_ADDRESS", "9")]);
    for login in ["ada", "nobody"] {
        let tries: Vec<Answer> = (0..5).map(|_| koi.send(&sign_in(login, "wrong horse battery"))).collect();
        let seen: Vec<(u16, String)> = tries.iter().map(|answer| (answer.status, answer.code())).collect();
        let want = |status, code: &str| (status, code.to_owned());
        let (no, later) = (want(401, "login_failed"), want(429, "too_many_attempts"));
        assert_eq!(
            seen,
            [no.clone(), no.clone(), no, later.clone(), later],
            "{login}: known or not, it looks the same"
        );
        assert!(tries[4].header("retry-after").and_then(|s| s.parse::<u32>().ok()).is_some_and(|s| s > 0 && s <= 900));
        assert_whole_problem(login, &tries[4]);
    }
    assert_problem("the right one waits too", &koi.send(&sign_in("ada", PASSWORD)), 429, "too_many_attempts");
    // Ten tries came from this address by now.
    assert_problem("another login", &koi.send(&sign_in("third", "wrong horse battery")), 429, "too_many_attempts");
}

#[test]
fn operators_keys_rotate_without_a_gap() {
    let koi = Koi::start("operators-keys");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let body = json!({"name": "shop", "scopes": ["campaigns"]});
    let made = koi.must(&Call::post("/api/v1/api-keys", &body).token(KEY));
    let (id, first) = (text(&made["id"]), text(&made["key"]));
    let works = |key: &str| koi.send(&Call::get("/campaigns").token(key)).status == 200;
    let rotate =
        |body: Value| text(&koi.must(&Call::post(format!("/api/v1/api-keys/{id}/rotate"), &body).token(KEY))["key"]);
    assert!(works(&first));
    let second = rotate(json!({}));
    assert!(works(&first) && works(&second), "both during the overlap");
    let third = rotate(json!({"overlap_seconds": 2}));
    assert!(!works(&first), "two at most");
    assert!(works(&second) && works(&third));
    wait_for(Duration::from_secs(20), "the overlap's end", || (!works(&second)).then_some(())).expect("it ends");
    assert!(works(&third));
    let listed = koi.must(&Call::get("/api/v1/api-keys").token(KEY));
    let used =
        || koi.must(&Call::get("/api/v1/api-keys").token(KEY))["data"][0]["last_used_at"].is_string().then_some(());
    wait_for(Duration::from_secs(20), "the last use", used).expect("it is told");
    for secret in [&first, &second, &third] {
        assert!(!listed.to_string().contains(secret.as_str()), "no secret is shown twice");
    }
    let fourth = rotate(json!({"overlap_seconds": 0}));
    assert!(!works(&third) && works(&fourth), "no overlap where none is wanted");
    assert_problem("scope", &koi.send(&Call::get("/api/v1/api-keys").token(&fourth)), 403, "forbidden");
    assert_eq!(koi.send(&Call::new("DELETE", format!("/api/v1/api-keys/{id}")).token(KEY)).status, 204);
    assert!(!works(&fourth));
    let over = json!({"name": "x", "scopes": ["events"], "expires_at": "2020-01-01T00:00:00Z"});
    assert_problem("over", &koi.send(&Call::post("/api/v1/api-keys", &over).token(KEY)), 422, "");
    let soon = json!({"name": "x", "scopes": ["campaigns"], "expires_at": from_now(2)});
    let soon = text(&koi.must(&Call::post("/api/v1/api-keys", &soon).token(KEY))["key"]);
    wait_for(Duration::from_secs(20), "its end", || (!works(&soon)).then_some(())).expect("it ends");
    let unknown = koi.send(&Call::post("/api/v1/api-keys/key_x/rotate", &json!({})).token(KEY));
    assert_problem("unknown", &unknown, 404, "api_key_unknown");
}
