//! The audit: every act is in it with what changed, nothing secret is, and a changed entry shows.

use serde_json::{Value, json};
use xtask::fixture::{KEY, tight_campaign};
use xtask::http::Call;

use super::harness::{Koi, assert_problem};
use super::operators::{PASSWORD, Person};

/// Runs SQL on the records of a server that is not running.
pub fn sql(koi: &Koi, text: &str) {
    let records = rusqlite::Connection::open(koi.data().join("records.db")).expect("the records");
    records.execute(text, []).unwrap_or_else(|error| panic!("{text}: {error}"));
}

fn entries(koi: &Koi, query: &str) -> Vec<Value> {
    koi.must(&Call::get(format!("/audit?limit=200&{query}")).token(KEY))["data"].as_array().expect("rows").clone()
}

fn acts(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["act"].as_str().expect("a word")).collect()
}

#[test]
fn audit_holds_every_act_with_what_changed() {
    let koi = Koi::start("audit-acts");
    let ada = Person::new(&koi, "ada", "owner");
    let create = ada.send(&koi, Call::post("/campaigns", &tight_campaign(5, 1)).header("X-Request-Id", "req-7"));
    let id = create.json()["id"].as_str().expect("an id").to_owned();
    let path = format!("/campaigns/{id}");
    let edit = Call::new("PATCH", path.as_str()).bytes(json!({"name": "锦鲤"}).to_string().into_bytes());
    assert_eq!(ada.send(&koi, edit).status, 200);
    for act in ["publish", "pause", "resume"] {
        assert_eq!(ada.send(&koi, Call::post(format!("{path}/{act}"), &json!({}))).status, 200, "{act}");
    }
    assert_eq!(ada.send(&koi, Call::post(format!("{path}/publish"), &json!({}))).status, 409, "it is no draft");
    koi.must(&Call::put("/shoppers/eve@example.org", &json!({"name": "Eve Secret"})).token(KEY));
    let text = koi.must(&Call::get(format!("{path}/flow")).token(KEY))["flow"].as_str().expect("a text").to_owned();
    let flow = json!({"flow": format!("// as it was\n{text}")});
    assert_eq!(ada.send(&koi, Call::put(format!("{path}/flow"), &flow)).status, 200);
    let risk = json!({"score": 40, "flags": ["watch"]});
    assert_eq!(ada.send(&koi, Call::put("/shoppers/eve@example.org/risk", &risk)).status, 200);
    assert_eq!(entries(&koi, "act=shopper.risk")[0]["asked"]["score"], 40);
    let grant = json!({"shopper": "eve@example.org", "chances": 2, "business_key": "g-1", "reason": "because"});
    assert_eq!(ada.send(&koi, Call::post(format!("{path}/grants"), &grant)).status, 201);
    assert_eq!(ada.send(&koi, Call::post(format!("{path}/end"), &json!({}))).status, 200);

    let rows = entries(&koi, &format!("target=campaign:{id}"));
    let want = [
        "campaign.end",
        "flow.edit",
        "campaign.publish",
        "campaign.resume",
        "campaign.pause",
        "campaign.publish",
        "campaign.edit",
        "campaign.create",
    ];
    assert_eq!(acts(&rows), want, "newest first, the creation among them");
    let who = format!("operator:{}", ada.id);
    for row in &rows {
        assert_eq!(row["who"], who.as_str());
        assert!(row["finished_at"].is_string() && row["hash"].as_str().is_some_and(|hash| hash.len() == 64), "{row}");
    }
    let outcomes: Vec<&Value> = rows.iter().map(|row| &row["outcome"]).collect();
    assert_eq!(outcomes, ["done", "done", "refused", "done", "done", "done", "done", "done"]);
    assert_eq!(rows[2]["code"], "campaign_not_draft", "{}", rows[2]);
    assert_eq!(rows[7]["request_id"], "req-7");
    let change = |row: &Value, path: &str| {
        let all = row["changes"].as_array().expect("changes");
        all.iter().find(|c| c["path"] == path).map(|c| (c["before"].clone(), c["after"].clone()))
    };
    assert_eq!(change(&rows[6], "/name"), Some((json!("Blackbox"), json!("锦鲤"))), "{}", rows[6]);
    assert_eq!(change(&rows[4], "/state"), Some((json!("live"), json!("paused"))), "{}", rows[4]);
    assert_eq!(change(&rows[0], "/campaign_seed"), Some((json!(null), json!("withheld"))), "{}", rows[0]);
    let granted = &entries(&koi, "act=grant.create")[0];
    assert_eq!((&granted["outcome"], &granted["asked"]["chances"]), (&json!("asked"), &json!(2)));
    assert!(granted["target"].as_str().is_some_and(|target| target.starts_with("shopper:")), "{granted}");

    let all = json!(entries(&koi, "")).to_string();
    for secret in [PASSWORD, "argon2", "eve@example.org", "Eve Secret", "ada 锦鲤"] {
        assert!(!all.contains(secret), "{secret} is in the audit");
    }
    assert_eq!(entries(&koi, "who=bootstrap&act=operator.create").len(), 1);
    assert_eq!(entries(&koi, "act=session.open")[0]["who"], who.as_str());
    assert_eq!(entries(&koi, "from=2099-01-01T00:00:00Z").len(), 0);
    let page = koi.must(&Call::get("/audit?limit=2").token(KEY));
    let next = format!("/audit?limit=2&cursor={}", page["next_cursor"].as_str().expect("a cursor"));
    let older = koi.must(&Call::get(next).token(KEY));
    assert_ne!(older["data"][0]["id"], page["data"][1]["id"], "pages do not overlap");
}

/// Every change that an operator's credential can make has an entry, whatever its route: of each documented route that
/// answers 2xx the audit grows.
#[test]
fn audit_misses_no_route() {
    let koi = Koi::start("audit-routes");
    let campaign = koi.publish(&tight_campaign(5, 1));
    koi.shopper(&campaign, "eve", 1);
    let ada = Person::new(&koi, "ada", "owner");
    let bob = Person::new(&koi, "bob", "support");
    let key = koi.must(&Call::post("/api/v1/api-keys", &json!({"name": "k", "scopes": ["events"]})).token(KEY));
    let key = key["id"].as_str().expect("an id").to_owned();
    let calls = [
        Call::put("/shoppers/new", &json!({})),
        Call::post("/shoppers/eve/tokens", &json!({})),
        Call::post("/events", &json!([])),
        Call::post("/shoppers/eve/points", &json!({"amount": 1, "business_key": "p", "reason": "r"})),
        Call::put("/shoppers/eve/blacklist", &json!({"mode": "refuse", "reason": "r"})),
        Call::new("DELETE", "/shoppers/eve/blacklist"),
        Call::post(format!("/campaigns/{campaign}/copy"), &json!({})),
        Call::post(format!("/api/v1/api-keys/{key}/rotate"), &json!({})),
        Call::new("DELETE", format!("/api/v1/api-keys/{key}")),
        Call::put(format!("/operators/{}/ban", bob.id), &json!({"reason": "r"})),
        Call::new("DELETE", format!("/operators/{}/ban", bob.id)),
        Call::new("DELETE", format!("/operators/{}/sessions", bob.id)),
        Call::new("DELETE", format!("/operators/{}", bob.id)),
        Call::post("/session/reauthenticate", &json!({"password": PASSWORD})),
        Call::new("DELETE", "/session"),
    ];
    let newest = || entries(&koi, &format!("who=operator:{}", ada.id))[0]["id"].clone();
    for call in calls {
        let before = newest();
        let answer = ada.send(&koi, call.clone());
        assert!(answer.ok(), "{call:?}: {}", answer.text());
        assert_ne!(newest(), before, "{call:?} left no entry");
    }
    let mine = entries(&koi, &format!("who=operator:{}", ada.id));
    let unnamed: Vec<&str> = acts(&mine).into_iter().filter(|act| act.contains(' ')).collect();
    let feed =
        ["POST /api/v1/events", "POST /api/v1/shoppers/{external_id}/tokens", "PUT /api/v1/shoppers/{external_id}"];
    assert_eq!(unnamed, feed, "only what a shop's server does by the thousand has no act of its own");
}

#[test]
fn audit_shows_what_was_changed_behind_its_back() {
    let mut koi = Koi::start("audit-chain");
    koi.publish(&tight_campaign(5, 1));
    Person::new(&koi, "ada", "owner");
    let check = |koi: &Koi| koi.must(&Call::get("/audit/check").token(KEY));
    let whole = check(&koi);
    assert_eq!((&whole["whole"], &whole["broken_at"]), (&json!(true), &json!(null)), "{whole}");
    let count = whole["entries"].as_u64().expect("a number");
    assert!(count >= 6, "{whole}");
    let export = koi.send(&Call::get("/audit/export").token(KEY));
    assert_eq!(export.header("content-type"), Some("application/x-ndjson"));
    let lines: Vec<Value> = export.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len() as u64, count + 1, "all of them, the export's own among them");
    assert_eq!(lines[count as usize - 1]["hash"], whole["head"]);
    assert!(lines.iter().zip(1..).all(|(line, seq)| line["entry"]["seq"] == seq), "without holes");

    koi.server.kill();
    for (change, back) in [
        (
            "UPDATE audit SET body = replace(body, 'bootstrap', 'operator:1') WHERE seq = 3",
            "UPDATE audit SET body = replace(body, 'operator:1', 'bootstrap') WHERE seq = 3",
        ),
        ("UPDATE audit SET who = 'operator:1' WHERE seq = 3", "UPDATE audit SET who = 'bootstrap' WHERE seq = 3"),
        ("UPDATE audit SET at = at + 1 WHERE seq = 3", "UPDATE audit SET at = at - 1 WHERE seq = 3"),
        ("UPDATE audit SET hash = replace(hash, substr(hash, 1, 1), 'g') WHERE seq = 3", ""),
    ] {
        sql(&koi, change);
        koi.restart();
        let broken = check(&koi);
        assert_eq!((&broken["whole"], &broken["broken_at"]), (&json!(false), &json!("3")), "{change}: {broken}");
        koi.server.kill();
        if !back.is_empty() {
            sql(&koi, back);
        }
    }
    sql(&koi, "DELETE FROM audit WHERE seq = 2");
    koi.restart();
    assert_eq!(check(&koi)["broken_at"], "3", "an entry that was cut out");
}

#[test]
fn audit_is_for_auditors() {
    let koi = Koi::start("audit-rights");
    let (auditor, support) = (Person::new(&koi, "ada", "auditor"), Person::new(&koi, "bob", "support"));
    for path in ["/audit", "/audit/check", "/audit/export"] {
        assert_eq!(auditor.send(&koi, Call::get(path)).status, 200, "{path}");
        assert_problem(path, &support.send(&koi, Call::get(path)), 403, "forbidden");
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let call = Call::new(method, path).token(KEY);
            assert_problem(&format!("{method} {path}"), &koi.send(&call), 405, "");
        }
    }
}
