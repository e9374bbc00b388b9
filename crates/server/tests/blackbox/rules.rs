//! Published rules as shoppers read them, and their versions as operators change them.

use serde_json::json;
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
        let share = |odds: &serde_json::Value| odds["probability"].as_str().and_then(|p| p.parse::<f64>().ok());
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
    let patch = |body: serde_json::Value| {
        koi.send(&Call::new("PATCH", path.as_str()).bytes(body.to_string().into_bytes()).token(KEY))
    };
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
