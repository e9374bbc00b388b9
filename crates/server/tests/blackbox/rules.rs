//! Published rules as shoppers read them, and their versions as operators change them.

use serde_json::{Value, json};
use xtask::fixture::{KEY, tight_campaign};
use xtask::http::Call;

use super::harness::{Koi, assert_problem};

#[test]
fn rules_are_a_page_for_everyone() {
    let koi = Koi::start("rules-page");
    let mut body = tight_campaign(200, 5);
    body["name"] = json!("Spring <script>alert(1)</script>");
    body["claim_terms"] = json!("Within 30 days & by form.\n\"Soon\".");
    let draft = koi.must(&Call::post("/campaigns", &body).token(KEY));
    let path = format!("/campaigns/{}", draft["id"].as_str().expect("an id"));
    assert_problem("a draft", &koi.send(&Call::get(format!("{path}/rules"))), 404, "campaign_unknown");
    koi.must(&Call::post(format!("{path}/publish"), &json!({})).token(KEY));

    let json_answer = koi.send(&Call::get(format!("{path}/rules")));
    assert_eq!(json_answer.status, 200, "no credentials: {}", json_answer.text());
    let rules = json_answer.json();
    let campaign = koi.must(&Call::get(path.as_str()).token(KEY));
    for field in ["rules_hash", "seed_hash", "rules_version"] {
        assert_eq!(rules[field], campaign[field], "{field}");
    }
    for pool in rules["pools"].as_array().expect("pools") {
        let share = |odds: &Value| odds["probability"].as_str().and_then(|p| p.parse::<f64>().ok());
        let sum: f64 = pool["odds"].as_array().into_iter().flatten().filter_map(share).sum();
        assert!((sum - 1.0).abs() < 1e-4, "{pool}");
    }
    let html = "text/html,application/xhtml+xml";
    for (query, accept, lang, word) in [
        ("", "zh-CN,zh;q=0.9", "zh", "活动规则"),
        ("", "en-GB,en;q=0.9", "en", "Rules"),
        ("?lang=en", "zh", "en", "Rules"),
        ("?lang=zh", "en", "zh", "中奖概率"),
    ] {
        let call = Call::get(format!("{path}/rules{query}")).header("Accept", html).header("Accept-Language", accept);
        let page = koi.send(&call);
        assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")), "{query} {accept}");
        assert!(page.header("content-security-policy").is_some_and(|policy| policy.contains("default-src 'none'")));
        let text = page.text();
        assert!(text.contains(&format!("<html lang=\"{lang}\">")) && text.contains(word), "{query} {accept}: {text}");
        assert!(text.contains(rules["rules_hash"].as_str().expect("a hash")), "the page shows the hash");
        assert!(!text.contains("<script>") && text.contains("&lt;script&gt;"), "names are escaped");
        assert!(!text.contains("http://") && !text.contains("https://"), "nothing is fetched from anywhere");
        assert!(!text.contains("cost_cents") && !text.contains("budget"), "what things cost is the shop's own");
    }
}

#[test]
fn rules_change_by_versions() {
    let koi = Koi::start("rules-versions");
    let mut body = tight_campaign(200, 5);
    body["ends_at"] = json!("2100-01-01T00:00:00Z");
    let id = koi.publish(&body);
    let path = format!("/campaigns/{id}");
    let post = |sub: &str, body| koi.send(&Call::post(format!("{path}/{sub}"), &body).token(KEY));
    let patch =
        |body: Value| koi.send(&Call::new("PATCH", path.as_str()).bytes(body.to_string().into_bytes()).token(KEY));
    assert_problem("a live edit", &patch(json!({"limits": {"per_day": 1}})), 409, "against_shopper");
    let better = patch(json!({"chances": {"sign_in": 100}}));
    assert_eq!((better.status, &better.json()["rules_version"]), (200, &json!(2)), "{}", better.text());
    let bad = json!({"changes": {"limits": {"per_day": 1}}, "effective_at": "2000-01-01T00:00:00Z"});
    let draft = post("versions", bad);
    assert_eq!((draft.status, &draft.json()["state"]), (201, &json!("draft")), "{}", draft.text());
    let diff = koi.must(&Call::get(format!("{path}/versions/3/diff")).token(KEY));
    assert_eq!(
        (&diff["from"], &diff["effect"], &diff["changes"][0]["field"]),
        (&json!(2), &json!("against"), &json!("limits.per_day"))
    );
    assert_problem("no notice", &post("versions/3/publish", json!({})), 422, "notice_short");
    let later =
        post("versions", json!({"changes": {"limits": {"per_day": 1}}, "effective_at": "2099-01-01T00:00:00Z"}));
    assert_eq!(later.status, 201, "{}", later.text());
    assert_eq!(post("versions/4/publish", json!({})).json()["state"], "announced");
    let shown = koi.must(&Call::get(format!("{path}/rules")));
    assert_eq!(shown["announced"]["version"], 4, "shoppers are told");
    assert_eq!(post("versions/4/withdraw", json!({})).json()["state"], "withdrawn");
    assert_problem(
        "no such version",
        &koi.send(&Call::get(format!("{path}/versions/9")).token(KEY)),
        404,
        "version_unknown",
    );
    let states: Vec<_> = koi.rows(&format!("{path}/versions"), KEY).iter().map(|row| row["state"].clone()).collect();
    assert_eq!(states, ["withdrawn", "draft", "in_force", "past"]);
    let templates = koi.must(&Call::get("/campaigns/templates").token(KEY));
    assert!(templates["data"].as_array().is_some_and(|all| all.len() >= 3), "{templates}");
}

/// What publishing would say is told beforehand, of edits that are not saved too, and nothing is changed by asking.
#[test]
fn a_check_tells_beforehand_and_changes_nothing() {
    let koi = Koi::start("rules-check");
    let mut body = tight_campaign(200, 5);
    body["skin"] = json!("wheel");
    let draft = koi.must(&Call::post("/campaigns", &body).token(KEY));
    let path = format!("/campaigns/{}", draft["id"].as_str().expect("an id"));
    let ask = |body: Value| koi.send(&Call::post(format!("{path}/check"), &body).token(KEY));
    let codes = |answer: &Value| -> Vec<String> {
        let findings = answer["findings"].as_array().expect("findings");
        findings.iter().filter(|one| one["severity"] == "error").map(|one| one["code"].to_string()).collect()
    };
    let sound = ask(json!({})).json();
    assert_eq!((&sound["publishable"], &sound["changes"]), (&json!(true), &json!([])), "{sound}");
    assert_eq!((&sound["rules"]["name"], &sound["rules"]["skin"]), (&json!("Blackbox"), &json!("wheel")));
    assert_eq!(sound["rules_hash"], draft["rules_hash"]);
    for (changes, publishable, shown) in [
        (json!({"name": "Renamed"}), true, true),
        (json!({"ends_at": "2001-01-01T00:00:00Z", "starts_at": "2000-01-01T00:00:00Z"}), false, true),
        (json!({"tiers": []}), false, false),
        (json!({"flow": "THEN(drow)"}), false, false),
        (json!({"entry": {"tickets": "draws", "prize": "nothing", "winners": 1}}), false, false),
    ] {
        let answer = ask(json!({"changes": changes}));
        assert_eq!(answer.status, 200, "{changes}: {}", answer.text());
        let answer = answer.json();
        assert_eq!(answer["publishable"], publishable, "{changes}: {answer}");
        assert_eq!(codes(&answer).is_empty(), publishable, "{changes}: {answer}");
        assert_eq!(answer["rules"].is_object(), shown, "{changes}: {answer}");
    }
    for (body, status, code) in [
        (json!({"changes": {"nothing": 1}}), 422, "invalid_body"),
        (json!({"changes": {"tiers": [{"code": "x", "slots": 1, "weight": u64::MAX}]}}), 422, "weight_too_large"),
        (json!({"change": {}}), 422, "invalid_body"),
        (json!({"changes": []}), 422, "invalid_body"),
    ] {
        assert_problem(&body.to_string(), &ask(body.clone()), status, code);
    }
    let after = koi.must(&Call::get(path.as_str()).token(KEY));
    assert_eq!(after, draft, "asking changes nothing");
    assert_problem("no rules yet", &koi.send(&Call::get(format!("{path}/rules"))), 404, "campaign_unknown");
    koi.must(&Call::post(format!("{path}/publish"), &json!({})).token(KEY));
    for (changes, effect) in [
        (json!({}), "neutral"),
        (json!({"limits": {"per_day": 1}}), "against"),
        (json!({"chances": {"sign_in": 9}}), "favours"),
    ] {
        let answer = ask(json!({"changes": changes})).json();
        assert_eq!(answer["effect"], effect, "{changes}: {answer}");
    }
    let ada = koi.shopper(draft["id"].as_str().expect("an id"), "ada", 0);
    let foreign = koi.send(&Call::post(format!("{path}/check"), &json!({})).token(&ada));
    assert_problem("a shopper", &foreign, 403, "forbidden");
}
