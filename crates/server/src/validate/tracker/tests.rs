use super::*;
use domain::behaviour::Action;
use serde_json::json;

const NOW_MS: i64 = 1_767_225_600_000;

fn message(event: &str, properties: &Value) -> Value {
    json!({"userId": "ada", "messageId": "m1", "event": event, "timestamp": "2026-01-01T00:00:00Z",
           "context": {"library": {"name": "analytics.js"}}, "integrations": {}, "properties": properties})
}

fn order(products: &str, currency: &str) -> String {
    format!(
        r#"{{"userId": "ada", "messageId": "m1", "event": "Order Completed", "properties":
            {{"order_id": "o1", "total": 27.5, "currency": "{currency}", "coupon": "hasbros", "products": {products}}}}}"#
    )
}

/// A problem's code and field.
type Refused = (&'static str, Option<String>);

fn acts(body: &str) -> Result<Vec<(String, Behaviour)>, Refused> {
    track(body.as_bytes(), NOW_MS).map(|heard| heard.acts).map_err(|problem| (problem.code, problem.field))
}

#[test]
fn the_five_events_become_behaviour() {
    let product = json!({"product_id": 507, "sku": "G-32", "name": "Monopoly", "category": "Games", "price": 18.99,
                         "quantity": 2, "brand": "Hasbro"});
    let item =
        Item { sku: "G-32".into(), name: "Monopoly".into(), category: "Games".into(), price_cents: 1_899, quantity: 2 };
    let whole = json!({"order_id": "o1", "products": [product]});
    for (event, properties, want) in [
        ("Order Completed", whole.clone(), Action::Purchase { order_id: "o1".into(), items: vec![item.clone()] }),
        ("Order Refunded", whole, Action::Return { order_id: "o1".into(), items: vec![item] }),
        ("Product Viewed", json!({"product_id": 507}), Action::View { sku: "507".into() }),
        ("Product Viewed", json!({"product_id": "507", "sku": "G-32"}), Action::View { sku: "G-32".into() }),
        ("Products Searched", json!({"query": "board games"}), Action::Search { query: "board games".into() }),
        (
            "Product Reviewed",
            json!({"product_id": "507", "review_id": "r1", "review_body": "good", "rating": "4.5"}),
            Action::Review { sku: "507".into(), rating: 5, text: "good".into() },
        ),
    ] {
        let heard = acts(&message(event, &properties).to_string());
        let wanted = Behaviour { id: "m1".into(), at_ms: NOW_MS, action: want };
        assert_eq!(heard, Ok(vec![("ada".to_owned(), wanted)]), "{event} {properties}");
    }
}

#[test]
fn prices_are_exact() {
    for (price, currency, want) in [
        ("19.99", "USD", Ok(1_999)),
        ("\" 19.99 \"", "usd", Ok(1_999)),
        ("0.1", "CNY", Ok(10)),
        ("4.35", "CNY", Ok(435)),
        ("1.1e1", "CNY", Ok(1_100)),
        ("1299", "JPY", Ok(1_299)),
        ("1.5", "KWD", Ok(1_500)),
        ("90071992547409.93", "CNY", Err(("items_invalid", "properties"))),
        ("9007199254.99", "CNY", Ok(900_719_925_499)),
        ("null", "CNY", Ok(0)),
        ("-1", "CNY", Err(("invalid_body", "properties.products[0].price"))),
        ("\"1,299.00\"", "CNY", Err(("invalid_body", "properties.products[0].price"))),
        ("true", "CNY", Err(("invalid_body", "properties.products[0].price"))),
        ("1e99", "CNY", Err(("invalid_body", "properties.products[0].price"))),
        ("1", "yuan", Err(("invalid_body", "properties.currency"))),
    ] {
        let got = acts(&order(&format!(r#"[{{"sku": "a", "price": {price}}}]"#), currency));
        let cents = got.map(|acts| acts[0].1.action.total_cents());
        let want = want.map_err(|(code, field)| (code, Some(field.to_owned())));
        assert_eq!(cents, want, "{price} {currency}");
    }
}

#[test]
fn bad_messages_are_refused() {
    let many = format!("[{}]", vec![r#"{"sku": "a"}"#; 1_001].join(","));
    let long = "x".repeat(129);
    for (body, want) in [
        ("".to_owned(), ("bad_json", None)),
        ("[]".to_owned(), ("invalid_body", None)),
        ("{}".to_owned(), ("invalid_body", Some("userId"))),
        (json!({"event": "Product Viewed"}).to_string(), ("invalid_body", Some("userId"))),
        (json!({"userId": "", "event": "x"}).to_string(), ("invalid_body", Some("userId"))),
        (json!({"userId": {}, "event": "x"}).to_string(), ("invalid_body", Some("userId"))),
        (json!({"userId": long, "event": "x"}).to_string(), ("invalid_body", Some("userId"))),
        (json!({"userId": "a"}).to_string(), ("invalid_body", Some("event"))),
        (json!({"userId": "a", "event": 7}).to_string(), ("invalid_body", Some("event"))),
        (json!({"userId": "a", "event": "x", "timestamp": "now"}).to_string(), ("invalid_body", Some("timestamp"))),
        (
            json!({"userId": "a", "event": "Product Viewed", "properties": [1]}).to_string(),
            ("invalid_body", Some("properties")),
        ),
        (message("Product Viewed", &json!({})).to_string(), ("field_missing", Some("properties"))),
        (message("Products Searched", &json!({"query": ""})).to_string(), ("invalid", Some("properties"))),
        (
            message("Product Reviewed", &json!({"product_id": "a", "rating": 6})).to_string(),
            ("rating_invalid", Some("properties")),
        ),
        (message("Product Reviewed", &json!({"product_id": "a"})).to_string(), ("field_missing", Some("properties"))),
        (message("Order Refunded", &json!({})).to_string(), ("field_missing", Some("properties"))),
        (order("[]", "CNY"), ("items_invalid", Some("properties"))),
        (order(&many, "CNY"), ("items_invalid", Some("properties"))),
        (order(r#"[{"name": "a"}]"#, "CNY"), ("invalid_body", Some("properties.products[0].product_id"))),
        (order(r#"[{"sku": "a", "quantity": 0}]"#, "CNY"), ("items_invalid", Some("properties"))),
        (order(r#"[{"sku": "a", "quantity": 1.5}]"#, "CNY"), ("invalid_body", Some("properties.products[0].quantity"))),
        (order(r#"[{"sku": "a", "quantity": -1}]"#, "CNY"), ("invalid_body", Some("properties.products[0].quantity"))),
        (
            json!({"userId": "a", "event": "Product Viewed", "timestamp": "2026-01-03T00:00:00Z", "properties": {"sku": "a"}})
                .to_string(),
            ("at_in_future", Some("properties")),
        ),
    ] {
        let want = (want.0, want.1.map(str::to_owned));
        assert_eq!(acts(&body), Err(want), "{body:.150}");
    }
}

#[test]
fn what_koi_does_not_read_is_left_out() {
    for body in [
        json!({"userId": "ada", "event": "Product Added", "properties": {"price": "as you like"}}),
        json!({"userId": "ada", "event": "order completed"}),
        json!({"anonymousId": "v1", "event": "Product Viewed", "properties": {"sku": "a"}}),
    ] {
        assert_eq!(acts(&body.to_string()), Ok(Vec::new()), "{body}");
    }
}

#[test]
fn messages_without_an_id_get_one() {
    let id = |body: &Value| acts(&body.to_string()).unwrap()[0].1.id.clone();
    let order = |order: &str, price: i64| json!({"userId": "ada", "event": "Order Completed", "properties": {"order_id": order, "products": [{"sku": "a", "price": price}]}});
    assert_eq!(id(&order("o1", 1)), id(&order("o1", 2)), "an order is completed once");
    assert_ne!(id(&order("o1", 1)), id(&order("o2", 1)));
    let view = |sku: &str, at: &str| json!({"userId": 7, "event": "Product Viewed", "timestamp": at, "properties": {"sku": sku}});
    let (noon, later) = ("2025-12-01T12:00:00Z", "2025-12-01T12:00:01Z");
    assert_eq!(id(&view("a", noon)), id(&view("a", noon)));
    assert_ne!(id(&view("a", noon)), id(&view("b", noon)));
    assert_ne!(id(&view("a", noon)), id(&view("a", later)));
}

#[test]
fn batches_hold_all_kinds() {
    let good = json!({"sentAt": "2026-01-01T00:00:00Z", "batch": [
        {"type": "identify", "userId": "ada", "traits": {"firstName": "Ada", "lastName": "L", "createdAt": "2025-01-01T00:00:00Z", "level": 3}},
        {"type": "track", "userId": "ada", "event": "Product Viewed", "properties": {"sku": "a"}},
        {"type": "track", "userId": "ada", "event": "Order Refunded", "messageId": "m2", "properties": {"order_id": "o1"}},
        {"type": "page", "anonymousId": "v", "name": "Home"},
    ]});
    let heard = batch(good.to_string().as_bytes(), NOW_MS).unwrap();
    let refund = WholeRefund { shopper: "ada".into(), id: "m2".into(), order_id: "o1".into(), at_ms: NOW_MS };
    assert_eq!((heard.acts.len(), heard.refunds), (1, vec![refund]));
    let (shopper, person) = &heard.people[0];
    assert_eq!((shopper.as_str(), person.name.as_deref()), ("ada", Some("Ada L")));
    assert_eq!(person.registered_at_ms, Some(1_735_689_600_000));
    assert_eq!(person.attributes.as_ref().unwrap()["level"], 3);
    let many = json!({"batch": vec![json!({"type": "page", "userId": "a"}); EVENTS_MAX + 1]});
    for (body, code, field) in [
        (json!({}), "invalid_body", Some("batch")),
        (json!({"batch": 1}), "invalid_body", Some("batch")),
        (json!({"batch": [{"type": "page"}]}), "invalid_body", Some("batch[0].userId")),
        (json!({"batch": [{"type": "delete", "userId": "a"}]}), "invalid_body", Some("batch[0].type")),
        (json!({"batch": [{"userId": "a"}]}), "invalid_body", Some("batch[0].type")),
        (json!({"batch": [{"type": "identify", "userId": "a", "traits": 1}]}), "invalid_body", Some("batch[0].traits")),
        (many, "too_many_events", None),
    ] {
        let problem = batch(body.to_string().as_bytes(), NOW_MS).unwrap_err();
        assert_eq!((problem.code, problem.field.as_deref()), (code, field), "{body:.200}");
    }
    assert!(batch(br#"{"batch": []}"#, NOW_MS).is_ok());
}
