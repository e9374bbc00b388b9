//! What the console and the shopper's page look at: lists of all shoppers, accounts, figures over time, tools for flows.

use serde_json::{Value, json};
use xtask::fixture::{KEY, ample_campaign};
use xtask::http::Call;
use xtask::process::wait_for;

use super::harness::{Koi, SETTLES_WITHIN, assert_problem, draw, unique};

fn get(koi: &Koi, path: &str) -> Value {
    koi.must(&Call::get(path.to_owned()).token(KEY))
}

/// All rows of a list, page by page.
fn all(koi: &Koi, path: &str, limit: u32) -> Vec<Value> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let join = if path.contains('?') { '&' } else { '?' };
        let page = get(koi, &format!("{path}{join}limit={limit}{cursor}"));
        rows.extend(page["data"].as_array().expect("data").iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { return rows };
        cursor = format!("&cursor={next}");
    }
}

#[test]
fn lists_across_shoppers_are_filtered_sorted_and_paged() {
    let koi = Koi::start("desk-lists");
    let (here, there) = (koi.publish(&ample_campaign()), koi.publish(&ample_campaign()));
    for name in ["ada", "bob"] {
        let token = koi.shopper(&here, name, 6);
        for _ in 0..6 {
            koi.must(&draw(&here, &token, &unique("desk")));
        }
        koi.shopper(&there, name, 1);
        koi.must(&draw(&there, &token, &unique("desk")));
    }
    let draws = all(&koi, &format!("/desk/draws?campaign_id={here}"), 5);
    assert_eq!(draws.len(), 12);
    let ids: Vec<u64> = draws.iter().map(|d| d["id"].as_str().expect("id").parse().expect("a number")).collect();
    assert!(ids.is_sorted_by(|a, b| a > b), "newest first: {ids:?}");
    let oldest = all(&koi, &format!("/desk/draws?campaign_id={here}&sort=id"), 5);
    assert!(draws.iter().rev().eq(&oldest), "the other way round");
    assert_eq!(all(&koi, "/desk/draws?shopper=ada", 3).len(), 7);
    assert!(all(&koi, "/desk/draws?shopper=ada", 3).iter().all(|d| d["shopper"] == "ada"));
    assert_eq!(all(&koi, "/desk/draws?shopper=nobody", 3).len(), 0);
    let won = all(&koi, &format!("/desk/draws?campaign_id={here}&won=true"), 50);
    let awards = all(&koi, &format!("/desk/awards?campaign_id={here}"), 4);
    assert_eq!(won.len(), awards.len());
    let code = awards.first().and_then(|a| a["prize"]["code"].as_str()).expect("an award").to_owned();
    let of_prize = all(&koi, &format!("/desk/awards?campaign_id={here}&prize={code}"), 4);
    assert!(!of_prize.is_empty() && of_prize.iter().all(|a| a["prize"]["code"] == code.as_str()));
    assert_eq!(all(&koi, &format!("/desk/orders?campaign_id={here}&kind=grant"), 50).len(), 2);
    assert_eq!(all(&koi, &format!("/desk/orders?campaign_id={here}&kind=paid"), 50).len(), 0);
    for (query, field) in [
        ("sort=name", "sort"),
        ("campaign_id=x", "campaign_id"),
        ("from=yesterday", "from"),
        ("won=maybe", "won"),
        ("format=xml", "format"),
        ("limit=0", "limit"),
    ] {
        let answer = koi.send(&Call::get(format!("/desk/draws?{query}")).token(KEY));
        assert_problem(query, &answer, 422, "invalid_query");
        assert_eq!(answer.json()["field"], field);
    }
    assert_problem("unknown", &koi.send(&Call::get("/desk/draws?colour=red").token(KEY)), 422, "invalid_query");
    csv(&koi, &here);
}

fn csv(koi: &Koi, campaign: &str) {
    let answer = koi.send(&Call::get(format!("/desk/draws?campaign_id={campaign}&format=csv")).token(KEY));
    assert_eq!(answer.header("content-type"), Some("text/csv; charset=utf-8"));
    let text = answer.text().into_owned();
    assert!(text.starts_with("id,shopper,campaign_id,n,drawn_at,"), "{text}");
    assert_eq!(text.lines().count(), 13, "a head and twelve rows");
    let accepted = koi.send(&Call::get("/shoppers").token(KEY).header("Accept", "text/csv"));
    assert!(accepted.text().starts_with("id,external_id,name,"), "{}", accepted.text());
}

#[test]
fn support_sees_a_shopper_whole() {
    let koi = Koi::start("support");
    let campaign = koi.publish(&ample_campaign());
    let ada = koi.shopper(&campaign, "ada", 3);
    koi.shopper(&campaign, "adam", 0);
    koi.must(&draw(&campaign, &ada, "one"));
    let event = json!({"id": "v1", "type": "view", "shopper": "ada", "at": "2026-01-01T00:00:00Z", "sku": "cup"});
    koi.must(&Call::post("/events", &event).token(KEY));
    koi.must(&Call::post("/shoppers/ada/points", &json!({"amount": 7, "business_key": "k", "reason": "r"})).token(KEY));
    koi.must(&Call::put("/shoppers/adam/blacklist", &json!({"mode": "refuse", "reason": "abuse"})).token(KEY));
    let account = get(&koi, "/shoppers/ada");
    assert_eq!(account["external_id"], "ada");
    assert!(account["points"].as_i64() >= Some(7), "{account}");
    assert_eq!(account["campaigns"][0]["chances"]["used"], 1);
    assert_eq!(get(&koi, "/shoppers/ada/events")["data"][0]["type"], "view");
    assert!(all(&koi, "/shoppers/ada/points/entries", 1).iter().any(|entry| entry["business_key"] == "k"));
    let names = |path: &str| -> Vec<String> {
        all(&koi, path, 1).iter().map(|s| s["external_id"].as_str().expect("an id").to_owned()).collect()
    };
    assert_eq!(names("/shoppers?q=ad"), ["adam", "ada"], "newest first");
    assert_eq!(names("/shoppers?q=ada"), ["adam", "ada"]);
    assert_eq!(names("/shoppers?q=adam"), ["adam"]);
    assert_eq!(names("/shoppers?blocked=true"), ["adam"]);
    let strategy = get(&koi, &format!("/campaigns/{campaign}/strategies/ada"));
    assert_eq!(strategy["slots"].as_array().map(Vec::len), Some(9), "{strategy}");
    assert_problem("nobody", &koi.send(&Call::get("/shoppers/nobody").token(KEY)), 404, "shopper_unknown");
    assert_problem("a shopper", &koi.send(&Call::get("/shoppers/ada").token(&ada)), 403, "forbidden");
}

#[test]
fn figures_add_up_over_time() {
    let koi = Koi::start("insight");
    let mut body = ample_campaign();
    body["skin"] = json!("wheel");
    let campaign = koi.publish(&body);
    let ada = koi.shopper(&campaign, "ada", 50);
    for _ in 0..5 {
        let ten = Call::post(format!("/campaigns/{campaign}/draws"), &json!({"count": 10}));
        koi.must(&ten.token(&ada).key(&unique("ten")));
    }
    let sum = |series: &Value, field: &str| -> i64 {
        series["data"].as_array().expect("steps").iter().filter_map(|step| step[field].as_i64()).sum()
    };
    let series = wait_for(SETTLES_WITHIN, "a series of fifty", || {
        let series = get(&koi, &format!("/campaigns/{campaign}/report/series"));
        (sum(&series, "draws") == 50).then_some(series)
    })
    .expect("a series");
    let report = koi.report_of(&campaign, 50);
    assert_eq!(sum(&series, "cost_cents"), report["cost_cents"].as_i64().expect("a cost"));
    let hours = get(&koi, &format!("/campaigns/{campaign}/report/series?step=hour"));
    assert_eq!(sum(&hours, "draws"), 50);
    let insight = get(&koi, &format!("/campaigns/{campaign}/report/insight"));
    assert_eq!(insight["draws"], 50);
    assert_eq!(insight["funnel"]["drew"], 1);
    for tier in insight["tiers"].as_array().expect("tiers") {
        let number = |field: &str| tier[field].as_str().and_then(|text| text.parse::<f64>().ok()).expect("a decimal");
        assert!(number("low") <= number("met") && number("met") <= number("high"), "{tier}");
        // A rare tier may be hit three times of fifty; what is said must follow from the interval.
        let fits = number("low") <= number("promised") && number("promised") <= number("high");
        assert_eq!(tier["fits"], fits, "{tier}");
    }
    for bad in ["step=day", "from=x", "from=1971-01-01T00:00:00Z", "colour=red"] {
        let path = format!("/campaigns/{campaign}/report/series?{bad}");
        assert_problem(bad, &koi.send(&Call::get(path).token(KEY)), 422, "invalid_query");
    }
    let engines = get(&koi, "/engines");
    assert!(engines["data"].as_array().expect("engines").iter().all(|engine| engine["state"] == "up"), "{engines}");
    let public = koi.must(&Call::get(format!("/campaigns/{campaign}/public")));
    assert_eq!((&public["skin"], &public["slots"], &public["state"]), (&json!("wheel"), &json!(9), &json!("live")));
    assert!(public["ways"].as_array().expect("ways").iter().any(|way| way["kind"] == "sign_in"), "{public}");
    let wins = koi.must(&Call::get(format!("/campaigns/{campaign}/big-wins")));
    assert!(!wins.to_string().contains("ada"), "{wins}");
    sign_ins(&koi, &campaign, &ada);
}

fn sign_ins(koi: &Koi, campaign: &str, token: &str) {
    let path = format!("/campaigns/{campaign}/sign-ins");
    let before = koi.must(&Call::get(path.clone()).token(token));
    assert_eq!(
        (&before["signed_in_today"], &before["streak"], &before["days"]),
        (&json!(false), &json!(0), &json!([]))
    );
    let order = Call::post(format!("/campaigns/{campaign}/orders"), &json!({"kind": "sign_in"}));
    koi.must(&order.token(token).key("sign-in"));
    let after = koi.must(&Call::get(path).token(token));
    assert_eq!((&after["signed_in_today"], &after["streak"]), (&json!(true), &json!(1)));
    assert_eq!(after["days"], json!([after["today"]]), "{after}");
}

#[test]
fn flows_are_checked_printed_and_tried() {
    let koi = Koi::start("flow-tools");
    let campaign = koi.publish(&ample_campaign());
    let check = |body: Value| koi.must(&Call::post("/flows/check", &body).token(KEY));
    let text = "checks = WHEN(blacklist, limits);\nTHEN(checks, pool, draw, unlock, stock, IF(sold_out, fallback))";
    let good = check(json!({"flow": text}));
    assert_eq!((&good["valid"], &good["errors"]), (&json!(true), &json!([])));
    assert!(good["graph"]["nodes"].as_array().expect("nodes").len() > 5, "{good}");
    // The outline is edited, not the text.
    let printed = check(json!({"outline": good["outline"]}));
    assert_eq!(printed["canonical"], good["canonical"]);
    let mut outline = good["outline"].clone();
    outline["main"]["parts"].as_array_mut().expect("parts").remove(1);
    let without = check(json!({"outline": outline}));
    assert!(!without["flow"].as_str().expect("a text").contains("pool"), "{without}");
    let bad = check(json!({"flow": "THEN(blacklist,\n  nonsense)"}));
    assert_eq!((&bad["valid"], &bad["errors"][0]["line"]), (&json!(false), &json!(2)), "{bad}");
    for body in [json!({}), json!({"flow": "x", "outline": good["outline"]}), json!({"text": "x"})] {
        let answer = koi.send(&Call::post("/flows/check", &body).token(KEY));
        assert_eq!(answer.status, 422, "{body}: {}", answer.text());
    }
    let path = format!("/campaigns/{campaign}/flow/trial");
    let trial = |body: Value| koi.must(&Call::post(path.clone(), &body).token(KEY));
    let drawn = trial(json!({"seed": "a"}));
    assert_eq!(drawn["outcome"], "drawn");
    assert!(drawn["path"].as_array().expect("a path").iter().any(|step| step == "draw"), "{drawn}");
    assert_eq!(trial(json!({"seed": "a"})), drawn, "the same seed rolls the same");
    assert_eq!(trial(json!({"left": 0}))["refusal"], "no_chances");
    let own = trial(json!({"flow": "THEN(blacklist, pool, draw, stock, IF(sold_out, fallback))", "seed": "b"}));
    assert!(own["outcome"].is_string(), "{own}");
    assert_problem(
        "a bad flow",
        &koi.send(&Call::post(path.clone(), &json!({"flow": "THEN("})).token(KEY)),
        422,
        "flow_invalid",
    );
    let unknown = koi.send(&Call::post(path, &json!({"sold_out": ["nothing"]})).token(KEY));
    assert_eq!((unknown.status, &unknown.json()["field"]), (422, &json!("sold_out")));
    assert_eq!(koi.report(&campaign)["draws"], 0, "nothing was drawn");
}

/// The list is narrowed by state and name, page by page, and given as CSV.
#[test]
fn campaigns_are_found() {
    let koi = Koi::start("campaigns-found");
    let body = |name: &str| {
        let mut body = ample_campaign();
        body["name"] = json!(name);
        body
    };
    for name in ["Spring tea", "Summer", "春日好茶", "Tea party"] {
        koi.must(&Call::post("/campaigns", &body(name)).token(KEY));
    }
    koi.publish(&body("Live tea"));
    let names = |query: &str| -> Vec<String> {
        let rows = all(&koi, &format!("/campaigns{query}"), 2);
        rows.iter().map(|row| row["name"].as_str().expect("a name").to_owned()).collect()
    };
    for (query, want) in [
        ("", vec!["Live tea", "Tea party", "春日好茶", "Summer", "Spring tea"]),
        ("?q=tea", vec!["Live tea", "Tea party", "Spring tea"]),
        ("?q=%E8%8C%B6", vec!["春日好茶"]),
        ("?state=live", vec!["Live tea"]),
        ("?state=draft&q=TEA", vec!["Tea party", "Spring tea"]),
        ("?q=coffee", vec![]),
        ("?nothing=1", vec!["Live tea", "Tea party", "春日好茶", "Summer", "Spring tea"]),
    ] {
        assert_eq!(names(query), want, "{query}");
    }
    for (query, field) in [("state=gone", "state"), ("format=xml", "format"), ("limit=0", "limit")] {
        let answer = koi.send(&Call::get(format!("/campaigns?{query}")).token(KEY));
        assert_problem(query, &answer, 422, "invalid_query");
        assert_eq!(answer.json()["field"], field);
    }
    let csv = koi.send(&Call::get("/campaigns?format=csv&q=tea").token(KEY));
    assert_eq!((csv.header("content-type"), csv.text().lines().count()), (Some("text/csv; charset=utf-8"), 4));
}
