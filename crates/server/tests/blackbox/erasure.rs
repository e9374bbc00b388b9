//! Erasing a shopper: nothing is left in any table or answer, figures stay, and no backup brings them back.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use xtask::fixture::{self, KEY, ample_campaign};
use xtask::http::Call;
use xtask::socket::Socket;

use super::harness::{Koi, assert_problem, draw, koi as run_koi, start_in, told};

/// Words that are nobody's but the erased shopper's.
const NAME: &str = "Zebulon Quux";
const EXTERNAL_ID: &str = "erase-me-7731";
const STREET: &str = "99 Forgotten Lane";
const SKU: &str = "sku-of-zebulon";
const OTHER: &str = "keep-me-7732";

/// Every text of every table in which a word stands, as `table.column`.
fn found(records: &Path, words: &[&str]) -> Vec<String> {
    let db = Connection::open_with_flags(records, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("records");
    let names = |sql: &str, column: &str| -> Vec<String> {
        let mut statement = db.prepare(sql).expect("a statement");
        let rows = statement.query_map([], |row| row.get::<_, String>(column)).expect("rows");
        rows.map(|name| name.expect("a name")).collect()
    };
    let mut found = Vec::new();
    for table in names("SELECT name FROM sqlite_master WHERE type = 'table'", "name") {
        for column in names(&format!("SELECT name FROM pragma_table_info('{table}')"), "name") {
            for word in words {
                let sql = format!("SELECT count(*) FROM \"{table}\" WHERE instr(CAST(\"{column}\" AS TEXT), ?1) > 0");
                let count: i64 = db.query_row(&sql, [word], |row| row.get(0)).expect("a count");
                if count > 0 {
                    found.push(format!("{table}.{column}: {word}"));
                }
            }
        }
    }
    found
}

fn fill(koi: &Koi, campaign: &str) -> String {
    koi.must(
        &Call::put(format!("/shoppers/{EXTERNAL_ID}"), &json!({"name": NAME, "attributes": {"nick": NAME}})).token(KEY),
    );
    let token = koi.shopper(campaign, EXTERNAL_ID, 0);
    // A business key is the shop's own word and stays in the audit: it had better name nobody.
    fixture::grant(&mut koi.client(), campaign, EXTERNAL_ID, 40, "grant-7731").expect("a grant");
    koi.must(&Call::put(format!("/shoppers/{EXTERNAL_ID}"), &json!({"name": NAME})).token(KEY));
    let events = json!([
        {"id": "e1", "type": "purchase", "shopper": EXTERNAL_ID, "at": "2026-01-01T00:00:00Z", "order_id": "o1",
         "items": [{"sku": SKU, "name": SKU, "category": "c", "price_cents": 100, "quantity": 1}]},
        {"id": "e2", "type": "search", "shopper": EXTERNAL_ID, "at": "2026-01-02T00:00:00Z", "query": SKU},
    ]);
    koi.must(&Call::post("/events", &events).token(KEY));
    for n in 0..40 {
        koi.must(&draw(campaign, &token, &format!("erase-{n}")));
    }
    let points = json!({"amount": 5, "business_key": "gift", "reason": format!("for {NAME}")});
    koi.must(&Call::post(format!("/shoppers/{EXTERNAL_ID}/points"), &points).token(KEY));
    let award =
        koi.rows("/awards", &token).into_iter().find(|a| a["prize"]["kind"] == "goods" && a["state"] == "granted");
    if let Some(award) = award {
        let address = json!({"address": {"name": NAME, "phone": "1", "city": "x", "street": STREET}});
        koi.must(
            &Call::post(format!("/awards/{}/claim", award["id"].as_str().expect("an id")), &address).token(&token),
        );
    }
    token
}

fn totals(koi: &Koi, campaign: &str) -> Value {
    let mut report = koi.report(campaign);
    // How many shoppers there are is no figure of the campaign.
    report.as_object_mut().expect("a report").remove("generation");
    report
}

#[test]
fn nothing_is_left_and_nothing_comes_back() {
    let mut koi = Koi::start("erasure");
    let campaign = koi.publish(&ample_campaign());
    let token = fill(&koi, &campaign);
    let other = koi.shopper(&campaign, OTHER, 3);
    koi.must(&draw(&campaign, &other, "kept"));
    let export = koi.must(&Call::get(format!("/shoppers/{EXTERNAL_ID}/export")).token(KEY));
    assert_eq!(export["account"]["name"], NAME);
    for (list, least) in [("events", 2), ("draws", 40), ("awards", 1), ("orders", 1), ("points", 1)] {
        let count = export[list].as_array().map_or(0, Vec::len);
        assert!(count >= least, "{list}: {count} of {least}");
    }
    assert_eq!(export["truncated"], false);
    koi.report_of(&campaign, 41);
    let before = totals(&koi, &campaign);
    let backup = koi.dir.join("backup");
    let made = run_koi(["backup", backup.to_str().expect("a path"), "--data", koi.data().to_str().expect("a path")]);
    assert!(made.status.success(), "{}", told(&made));

    let ticket = koi.must(&Call::post("/live/tickets", &json!({})).token(&token));
    let ticket = ticket["ticket"].as_str().expect("a ticket").to_owned();
    let erased = koi.send(&Call::new("DELETE", format!("/shoppers/{EXTERNAL_ID}")).token(KEY));
    assert_eq!(erased.status, 204, "{}", erased.text());
    let refused = Socket::open(koi.server.address, &format!("/live?ticket={ticket}")).expect_err("nobody listens");
    assert!(refused.to_string().contains("401"), "{refused}");
    gone(&koi, &campaign, &token);
    assert_eq!(totals(&koi, &campaign), before, "figures stay as they are");
    assert_eq!(koi.draws(&campaign, &other).len(), 1, "others keep what is theirs");

    let restored = koi.dir.join("restored");
    koi.server.stop().expect("stops");
    let words = [NAME, EXTERNAL_ID, STREET, SKU];
    assert_eq!(found(&koi.data().join("records.db"), &words), Vec::<String>::new());
    // A backup holds them still; the tombstones, which it does not hold, erase them before anything is served.
    let put = run_koi(["restore", backup.to_str().expect("a path"), "--data", restored.to_str().expect("a path")]);
    assert!(put.status.success(), "{}", told(&put));
    assert!(!found(&restored.join("records.db"), &words).is_empty(), "the backup is from before");
    std::fs::copy(koi.data().join("tombstones"), restored.join("tombstones")).expect("the tombstones outlive it");
    koi.server = start_in(&restored).start().expect("starts on what was restored");
    gone(&koi, &campaign, &token);
    assert_eq!(totals(&koi, &campaign), before);
    returns(&koi, &campaign);
    koi.server.stop().expect("stops");
}

/// No answer shows the shopper, whoever asks, and the shopper's token opens nothing.
fn gone(koi: &Koi, campaign: &str, token: &str) {
    for path in ["", "/profile", "/export", "/events", "/points/entries", "/awards"] {
        let answer = koi.send(&Call::get(format!("/shoppers/{EXTERNAL_ID}{path}")).token(KEY));
        assert_problem(path, &answer, 404, "shopper_unknown");
    }
    for path in [format!("/campaigns/{campaign}/me"), "/awards".to_owned(), format!("/campaigns/{campaign}/draws")] {
        assert_problem(&path, &koi.send(&Call::get(path.clone()).token(token)), 404, "shopper_unknown");
    }
    assert_problem("a draw", &koi.send(&draw(campaign, token, "late")), 404, "shopper_unknown");
    assert_problem("a replay", &koi.send(&draw(campaign, token, "erase-1")), 404, "shopper_unknown");
    for list in ["/shoppers?limit=200", "/desk/draws?limit=200", "/desk/awards?limit=200", "/desk/orders?limit=200"] {
        let page = koi.must(&Call::get(list).token(KEY)).to_string();
        assert!(!page.contains(EXTERNAL_ID) && !page.contains(NAME), "{list}: {page}");
    }
}

/// Whoever comes back under the same id is somebody new.
fn returns(koi: &Koi, campaign: &str) {
    let made = koi.send(&Call::put(format!("/shoppers/{EXTERNAL_ID}"), &json!({})).token(KEY));
    assert_eq!(made.status, 201, "{}", made.text());
    assert!(made.json()["name"].is_null());
    let token = koi.shopper(campaign, EXTERNAL_ID, 0);
    fixture::grant(&mut koi.client(), campaign, EXTERNAL_ID, 1, "grant-7731").expect("a grant of its own");
    let me = koi.me(campaign, &token);
    assert_eq!((&me["chances"]["granted"], &me["points"], &me["next_n"]), (&json!(1), &json!(0), &json!(1)));
    koi.must(&draw(campaign, &token, "erase-1"));
    let again = koi.send(&Call::new("DELETE", "/shoppers/nobody-at-all").token(KEY));
    assert_problem("nobody", &again, 404, "shopper_unknown");
}
