//! Lists of the console, all asked in one way: filters, `sort`, `format`, pages.

use serde_json::{Value, json};
use xtask::fixture::{KEY, ample_campaign};
use xtask::http::Call;

use super::harness::{Koi, SETTLES_WITHIN, assert_problem, draw, unique};
use xtask::process::wait_for;

fn get(koi: &Koi, path: &str) -> Value {
    koi.must(&Call::get(path.to_owned()).token(KEY))
}

/// One member of every row, page by page of two.
fn column(koi: &Koi, path: &str, member: &str) -> Vec<String> {
    let (mut values, mut cursor) = (Vec::new(), String::new());
    loop {
        let join = if path.contains('?') { '&' } else { '?' };
        let page = get(koi, &format!("{path}{join}limit=2{cursor}"));
        for row in page["data"].as_array().expect("data") {
            values.push(
                row.pointer(member).map_or_else(String::new, |v| v.as_str().map_or(v.to_string(), str::to_owned)),
            );
        }
        let Some(next) = page["next_cursor"].as_str() else { return values };
        cursor = format!("&cursor={next}");
    }
}

fn csv(koi: &Koi, path: &str) -> Vec<String> {
    let answer = koi.send(&Call::get(path.to_owned()).token(KEY));
    assert_eq!(answer.header("content-type"), Some("text/csv; charset=utf-8"), "{path}: {}", answer.text());
    answer.text().lines().map(str::to_owned).collect()
}

#[test]
fn short_lists_are_narrowed_sorted_paged_and_written() {
    let koi = Koi::start("lists");
    let campaign = koi.publish(&ample_campaign());
    for (name, price, stock) in [("Mug", 300, 9), ("apron", 90, 50), ("Tea", 1_200, 7)] {
        let gives = json!({"chances": 1, "campaign_id": campaign});
        let body = json!({"name": name, "price_points": price, "stock": stock, "gives": gives});
        koi.must(&Call::post("/exchange/items", &body).token(KEY));
    }
    for (login, role) in [("bob", "auditor"), ("ada", "owner"), ("cem", "auditor")] {
        let body = json!({"login": login, "name": login.to_uppercase(), "role": role, "password": "a long password"});
        koi.must(&Call::post("/operators", &body).token(KEY));
    }
    for (count, chances) in [(3, 2), (1, 5), (2, 1)] {
        let body = json!({"count": count, "chances": chances});
        koi.must(&Call::post(format!("/campaigns/{campaign}/codes"), &body).token(KEY));
    }
    for (name, expression) in [("late", "profile.orders >= 3"), ("early", "profile.orders < 3")] {
        koi.must(&Call::put(format!("/segments/{name}"), &json!({"expression": expression})).token(KEY));
    }
    for name in ["zebra", "Ant", "bee"] {
        let mut body = ample_campaign();
        body["name"] = json!(name);
        koi.must(&Call::post("/campaigns", &body).token(KEY));
    }
    let codes = format!("/campaigns/{campaign}/codes");
    let (by_chances, imported) = (format!("{codes}?sort=chances"), format!("{codes}?origin=imported"));
    for (path, member, want) in [
        ("/exchange/items", "/name", vec!["Tea", "apron", "Mug"]),
        ("/exchange/items?sort=name", "/name", vec!["apron", "Mug", "Tea"]),
        ("/exchange/items?sort=-price_points", "/name", vec!["Tea", "Mug", "apron"]),
        ("/exchange/items?q=U", "/name", vec!["Mug"]),
        ("/exchange/items?state=retired", "/name", vec![]),
        ("/operators?sort=login", "/login", vec!["ada", "bob", "cem"]),
        ("/operators?role=auditor&sort=-login", "/login", vec!["cem", "bob"]),
        ("/operators?q=AD&banned=false", "/login", vec!["ada"]),
        (codes.as_str(), "/count", vec!["2", "1", "3"]),
        (by_chances.as_str(), "/chances", vec!["1", "2", "5"]),
        (imported.as_str(), "/chances", vec![]),
        ("/segments", "/name", vec!["early", "late"]),
        ("/segments?sort=-name", "/name", vec!["late", "early"]),
        ("/segments?q=%3E%3D", "/name", vec!["late"]),
        ("/campaigns?sort=name&state=draft", "/name", vec!["Ant", "bee", "zebra"]),
        ("/campaigns?q=e&sort=-name&state=draft", "/name", vec!["zebra", "bee"]),
    ] {
        assert_eq!(column(&koi, path, member), want, "{path}");
    }
    let items = csv(&koi, "/exchange/items?sort=stock&format=csv");
    assert_eq!((items.len(), items[0].starts_with("id,name,state,price_points,stock,sold,left")), (4, true));
    assert!(items[1].contains(",Tea,") && items[3].contains(",apron,"), "{items:?}");
    assert_eq!(csv(&koi, "/operators?format=csv&role=owner").len(), 2);
}

#[test]
fn what_a_list_does_not_know_is_refused() {
    let koi = Koi::start("lists-refused");
    let campaign = koi.publish(&ample_campaign());
    for (query, field) in [
        ("/webhooks?sort=colour", Some("sort")),
        ("/webhooks?sort=", Some("sort")),
        ("/webhooks?format=xml", Some("format")),
        ("/webhooks?limit=0", Some("limit")),
        ("/webhooks?cursor=x", Some("cursor")),
        ("/webhooks?colour=red", None),
        ("/operators?role=king", Some("role")),
        ("/operators?banned=maybe", Some("banned")),
        ("/deliveries?state=lost", Some("state")),
        ("/exchange/items?state=gone", Some("state")),
        ("/audit?sort=act", Some("sort")),
        ("/audit?from=yesterday", Some("from")),
        ("/shoppers?sort=name", Some("sort")),
        ("/segments?sort=expression", Some("sort")),
        ("/desk/awards?won=true", None),
    ] {
        let answer = koi.send(&Call::get(query).token(KEY));
        assert_problem(query, &answer, 422, "invalid_query");
        assert_eq!(answer.json()["field"].as_str(), field, "{query}");
    }
    let sorted = format!("/campaigns/{campaign}/strategies?sort=shopper");
    assert_problem("one order", &koi.send(&Call::get(sorted).token(KEY)), 422, "invalid_query");
}

#[test]
fn long_lists_go_either_way() {
    let koi = Koi::start("lists-long");
    let campaign = koi.publish(&ample_campaign());
    for name in ["ada", "bob", "cem"] {
        let token = koi.shopper(&campaign, name, 1);
        koi.must(&draw(&campaign, &token, &unique("lists")));
    }
    for (path, member) in [("/shoppers", "/external_id"), ("/audit", "/id")] {
        let newest = column(&koi, &format!("{path}?sort=-id"), member);
        let mut oldest = column(&koi, &format!("{path}?sort=id"), member);
        oldest.reverse();
        assert!(newest.len() >= 3, "{path}: {newest:?}");
        assert_eq!((&newest, column(&koi, path, member)), (&oldest, newest.clone()), "{path}");
    }
    assert!(csv(&koi, "/audit?format=csv")[0].starts_with("id,at,who,act,target,outcome"));
}

#[test]
fn personal_strategies_and_exchange_orders_are_listed() {
    let koi = Koi::start("lists-strategies");
    let campaign = koi.publish(&ample_campaign());
    let item =
        json!({"name": "Chance", "price_points": 5, "stock": 9, "gives": {"chances": 1, "campaign_id": campaign}});
    let item = koi.must(&Call::post("/exchange/items", &item).token(KEY))["id"].as_str().expect("an id").to_owned();
    let bought = json!([{"sku": "22423", "name": "Cup", "category": "kitchen", "price_cents": 3_900, "quantity": 1}]);
    for (name, day) in [("ada", "2026-01-02"), ("bob", "2026-01-03")] {
        let event = json!({"id": name, "type": "purchase", "shopper": name, "at": format!("{day}T00:00:00Z"),
                           "order_id": name, "items": bought});
        koi.must(&Call::post("/events", &event).token(KEY));
        let token = koi.shopper(&campaign, name, 1);
        let points = json!({"amount": 20, "business_key": name, "reason": "r"});
        koi.must(&Call::post(format!("/shoppers/{name}/points"), &points).token(KEY));
        koi.must(
            &Call::post(format!("/exchange/items/{item}/orders"), &json!({"quantity": 2})).token(&token).key(name),
        );
    }
    let orders = wait_for(SETTLES_WITHIN, "both orders", || {
        let mut orders = column(&koi, "/desk/orders?kind=exchange&sort=id", "/shopper");
        orders.sort();
        (orders.len() == 2).then_some(orders)
    });
    assert_eq!(orders.expect("listed"), ["ada", "bob"]);
    assert_eq!(column(&koi, "/desk/orders?kind=exchange&shopper=bob", "/item_id"), [item]);
    let rows = wait_for(SETTLES_WITHIN, "two personal strategies", || {
        let mut rows = column(&koi, &format!("/campaigns/{campaign}/strategies"), "/shopper");
        rows.sort();
        (rows.len() == 2).then_some(rows)
    });
    assert_eq!(rows.expect("made"), ["ada", "bob"]);
    let first = &get(&koi, &format!("/campaigns/{campaign}/strategies?limit=1"))["data"][0];
    assert_eq!(first["prizes"].as_array().map(Vec::len), Some(9), "{first}");
    assert_eq!(csv(&koi, &format!("/campaigns/{campaign}/strategies?format=csv")).len(), 3);
    let unknown = koi.send(&Call::get("/campaigns/1/strategies").token(KEY));
    assert_problem("no campaign", &unknown, 404, "campaign_unknown");
}
