//! Events as received: each one is checked on its own, so that a bad one is refused and the others are taken.

use crate::http::problem::Problem;
use crate::validate::{ID_CHARS, NAME_CHARS, parse_time, wrong_with_text};
use app::EventRejection;
use axum::http::StatusCode;
use domain::behaviour::{Action, Behaviour, Item};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Events of one request.
pub const EVENTS_MAX: usize = 1_000;
/// Lines of one purchase.
const ITEMS_MAX: usize = 1_000;
/// Units of one line.
const QUANTITY_MAX: u32 = 1_000_000;
/// Price of one unit, minor units.
const PRICE_MAX: i64 = 1_000_000_000_000;
/// All of one purchase, minor units.
const TOTAL_MAX: i64 = 1_000_000_000_000_000;
/// Characters of a review or a search.
const PROSE_CHARS: usize = 10_000;
/// How far a shop's clock may run ahead of ours.
const AHEAD_MAX_MS: i64 = 86_400_000;

/// An event as the use case takes it: whose and what, or why not.
pub type Event = Result<(String, Behaviour), EventRejection>;

/// Splits a body (one event, or an array of up to 1,000) and checks every event. `now_ms` is the present.
///
/// # Errors
/// A body that is no JSON, neither object nor array, or too many events.
pub fn read(body: &[u8], now_ms: i64) -> Result<Vec<Event>, Problem> {
    let all: Vec<&RawValue> = match body.trim_ascii_start().first() {
        Some(b'[') => crate::http::body::parse_list(body)?,
        Some(b'{') => vec![crate::http::body::parse(body)?],
        _ => {
            crate::http::body::parse_list::<&RawValue>(body)?;
            let detail = "send one event or an array of events";
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body", detail));
        }
    };
    if all.len() > EVENTS_MAX {
        let detail = format!("at most {EVENTS_MAX} events a request, not {}", all.len());
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "too_many_events", detail));
    }
    let one = |(index, raw): (usize, &&RawValue)| {
        check(raw.get(), now_ms).map_err(|(code, detail)| EventRejection { index, code, detail })
    };
    Ok(all.iter().enumerate().map(one).collect())
}

/// All that an event of any type may hold.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wire<'a> {
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    pub kind: Cow<'a, str>,
    #[serde(borrow)]
    pub shopper: Cow<'a, str>,
    #[serde(borrow)]
    pub at: Cow<'a, str>,
    pub order_id: Option<String>,
    pub items: Option<Vec<Item>>,
    pub sku: Option<String>,
    pub rating: Option<u8>,
    pub text: Option<String>,
    pub query: Option<String>,
}

/// A stable word and what is wrong.
pub(crate) type Refused = (&'static str, String);

/// Checks one event.
pub(crate) fn check(raw: &str, now_ms: i64) -> Result<(String, Behaviour), Refused> {
    if raw.starts_with('[') {
        return Err(("event_invalid", "an event is an object".to_owned()));
    }
    checked(app::strict::from_slice(raw.as_bytes()).map_err(|error| unreadable(raw, &error))?, now_ms)
}

/// Checks an event that has the shape of one, whatever it was written as.
pub(super) fn checked(event: Wire<'_>, now_ms: i64) -> Result<(String, Behaviour), Refused> {
    text_ok("id", &event.id, ID_CHARS)?;
    text_ok("shopper", &event.shopper, ID_CHARS)?;
    let Some(at_ms) = parse_time(&event.at) else {
        return Err(("at_invalid", "`at` is a time since 1970 like 2026-01-31T08:00:00Z (RFC 3339)".to_owned()));
    };
    if at_ms > now_ms.saturating_add(AHEAD_MAX_MS) {
        return Err(("at_in_future", "`at` is more than a day ahead".to_owned()));
    }
    let (id, shopper) = (event.id.clone().into_owned(), event.shopper.clone().into_owned());
    let action = action(event)?;
    Ok((shopper, Behaviour { id, at_ms, action }))
}

fn action(mut event: Wire<'_>) -> Result<Action, Refused> {
    let action = match &*event.kind {
        "purchase" => Action::Purchase { order_id: order_id(&mut event)?, items: items(&mut event)? },
        "return" => Action::Return { order_id: order_id(&mut event)?, items: items(&mut event)? },
        "review" => {
            let rating = event.rating.take().ok_or_else(|| missing("rating"))?;
            if !(1..=5).contains(&rating) {
                return Err(("rating_invalid", "`rating` is 1 to 5".to_owned()));
            }
            Action::Review { sku: text(&mut event.sku, "sku", ID_CHARS)?, rating, text: prose(&mut event.text)? }
        }
        "search" => Action::Search { query: text(&mut event.query, "query", PROSE_CHARS)? },
        "view" => Action::View { sku: text(&mut event.sku, "sku", ID_CHARS)? },
        "sign_in" => Action::SignIn {},
        other => return Err(unknown_type(other)),
    };
    match left_over(&event) {
        None => Ok(action),
        Some(field) => Err(("field_unknown", format!("`{field}` is no field of type `{}`", event.kind))),
    }
}

/// A field that was given but does not belong to the type: those that do were taken out.
fn left_over(event: &Wire<'_>) -> Option<&'static str> {
    let all = [
        ("order_id", event.order_id.is_some()),
        ("items", event.items.is_some()),
        ("sku", event.sku.is_some()),
        ("rating", event.rating.is_some()),
        ("text", event.text.is_some()),
        ("query", event.query.is_some()),
    ];
    all.into_iter().find(|(_, given)| *given).map(|(field, _)| field)
}

fn order_id(event: &mut Wire<'_>) -> Result<String, Refused> {
    text(&mut event.order_id, "order_id", ID_CHARS)
}

fn items(event: &mut Wire<'_>) -> Result<Vec<Item>, Refused> {
    let items = event.items.take().ok_or_else(|| missing("items"))?;
    if !(1..=ITEMS_MAX).contains(&items.len()) {
        return Err(("items_invalid", format!("`items` has 1 to {ITEMS_MAX} lines")));
    }
    let mut total: i64 = 0;
    for (ix, item) in items.iter().enumerate() {
        let wrong = |what: String| Err(("items_invalid", format!("`items[{ix}]` {what}")));
        if let Some(what) = wrong_with_text(&item.sku, ID_CHARS) {
            return wrong(format!("sku {what}"));
        }
        for (name, value) in [("name", &item.name), ("category", &item.category)] {
            if let Some(what) = wrong_with_text(value, NAME_CHARS * 2).filter(|_| !value.is_empty()) {
                return wrong(format!("{name} {what}"));
            }
        }
        if !(1..=QUANTITY_MAX).contains(&item.quantity) {
            return wrong(format!("quantity is 1 to {QUANTITY_MAX}"));
        }
        if !(0..=PRICE_MAX).contains(&item.price_cents) {
            return wrong(format!("price_cents is 0 to {PRICE_MAX}"));
        }
        total = total.saturating_add(item.price_cents.saturating_mul(i64::from(item.quantity)));
    }
    if total > TOTAL_MAX {
        return Err(("items_invalid", format!("`items` are worth more than {TOTAL_MAX} in all")));
    }
    Ok(items)
}

/// A required text.
fn text(value: &mut Option<String>, field: &str, max: usize) -> Result<String, Refused> {
    let value = value.take().ok_or_else(|| missing(field))?;
    text_ok(field, &value, max)?;
    Ok(value)
}

/// What a shopper wrote: may be absent and have line breaks.
fn prose(value: &mut Option<String>) -> Result<String, Refused> {
    let value = value.take().unwrap_or_default();
    let too_long = value.len() > PROSE_CHARS * 4 || value.chars().count() > PROSE_CHARS;
    if too_long || value.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err((
            "invalid",
            format!("`text` has at most {PROSE_CHARS} characters, and no control characters but line breaks and tabs"),
        ));
    }
    Ok(value)
}

fn text_ok(field: &str, value: &str, max: usize) -> Result<(), Refused> {
    match wrong_with_text(value, max) {
        None => Ok(()),
        Some(wrong) => Err(("invalid", format!("`{field}` {wrong}"))),
    }
}

fn missing(field: &str) -> Refused {
    ("field_missing", format!("`{field}` is missing"))
}

fn unknown_type(kind: &str) -> Refused {
    let shown: String = kind.chars().filter(|c| !c.is_control()).take(40).collect();
    (
        "type_unknown",
        format!("no event is of type `{shown}`; known are purchase, return, review, search, view, sign_in"),
    )
}

/// Why an event does not have the shape of one. Of several faults an unknown type is told first: it explains the rest.
fn unreadable(raw: &str, error: &serde_json::Error) -> Refused {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(borrow, rename = "type")]
        kind: Option<Cow<'a, str>>,
    }
    const KNOWN: [&str; 6] = ["purchase", "return", "review", "search", "view", "sign_in"];
    if let Ok(Head { kind: Some(kind) }) = serde_json::from_str(raw)
        && !KNOWN.contains(&&*kind)
    {
        return unknown_type(&kind);
    }
    let detail = error.to_string();
    let code = if detail.starts_with("missing field") {
        "field_missing"
    } else if detail.starts_with("unknown field") {
        "field_unknown"
    } else {
        "invalid"
    };
    (code, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const NOW_MS: i64 = 1_767_225_600_000;

    /// A good event of a type, with some members changed; `null` takes one away.
    fn event(kind: &str, changes: &Value) -> Value {
        let mut whole = json!({"id": "e1", "type": kind, "shopper": "ada", "at": "2026-01-01T00:00:00Z"});
        let item =
            json!({"sku": "22423", "name": "cake stand", "category": "kitchen", "price_cents": 1295, "quantity": 2});
        let own = match kind {
            "purchase" | "return" => json!({"order_id": "o1", "items": [item]}),
            "review" => json!({"sku": "22423", "rating": 5}),
            "search" => json!({"query": "cake"}),
            "view" => json!({"sku": "22423"}),
            _ => json!({}),
        };
        for part in [&own, changes] {
            for (name, value) in part.as_object().unwrap() {
                whole[name] = value.clone();
                if value.is_null() {
                    whole.as_object_mut().unwrap().remove(name);
                }
            }
        }
        whole
    }

    fn codes(body: &Value) -> Vec<Result<(), &'static str>> {
        let read = read(body.to_string().as_bytes(), NOW_MS).unwrap();
        read.into_iter().map(|e| e.map(drop).map_err(|r| r.code)).collect()
    }

    #[test]
    fn each_event_is_checked_by_its_type() {
        let lines = |n: usize| json!({"items": vec![json!({"sku": "a"}); n]});
        let line = |item: Value| json!({"items": [item]});
        for (kind, changes, want) in [
            ("purchase", json!({}), Ok(())),
            ("return", json!({}), Ok(())),
            ("review", json!({}), Ok(())),
            ("review", json!({"text": "good\nreally"}), Ok(())),
            ("search", json!({}), Ok(())),
            ("view", json!({}), Ok(())),
            ("sign_in", json!({}), Ok(())),
            ("teleport", json!({}), Err("type_unknown")),
            ("teleport", json!({"colour": 1}), Err("type_unknown")),
            ("view", json!({"id": null}), Err("field_missing")),
            ("view", json!({"id": ""}), Err("invalid")),
            ("view", json!({"id": 7}), Err("invalid")),
            ("view", json!({"shopper": null}), Err("field_missing")),
            ("view", json!({"shopper": "a\u{0}"}), Err("invalid")),
            ("view", json!({"shopper": "x".repeat(129)}), Err("invalid")),
            ("view", json!({"sku": null}), Err("field_missing")),
            ("view", json!({"colour": "red"}), Err("field_unknown")),
            ("view", json!({"rating": 3}), Err("field_unknown")),
            ("sign_in", json!({"query": "x"}), Err("field_unknown")),
            ("view", json!({"at": "yesterday"}), Err("at_invalid")),
            ("view", json!({"at": "2026-01-01"}), Err("at_invalid")),
            ("view", json!({"at": 1_767_225_600}), Err("invalid")),
            ("view", json!({"at": "2026-01-01T23:59:59Z"}), Ok(())),
            ("view", json!({"at": "2026-01-02T00:00:00.001Z"}), Err("at_in_future")),
            ("review", json!({"rating": 0}), Err("rating_invalid")),
            ("review", json!({"rating": 6}), Err("rating_invalid")),
            ("review", json!({"rating": 300}), Err("invalid")),
            ("review", json!({"rating": 4.5}), Err("invalid")),
            ("review", json!({"rating": null}), Err("field_missing")),
            ("review", json!({"text": "bell\u{7}"}), Err("invalid")),
            ("search", json!({"query": ""}), Err("invalid")),
            ("purchase", lines(0), Err("items_invalid")),
            ("purchase", lines(1_000), Ok(())),
            ("purchase", lines(1_001), Err("items_invalid")),
            ("purchase", line(json!({"sku": ""})), Err("items_invalid")),
            ("purchase", line(json!({"sku": "a", "quantity": 0})), Err("items_invalid")),
            ("purchase", line(json!({"sku": "a", "quantity": -1})), Err("invalid")),
            ("purchase", line(json!({"sku": "a", "quantity": 1_000_001})), Err("items_invalid")),
            ("purchase", line(json!({"sku": "a", "price_cents": -1})), Err("items_invalid")),
            ("purchase", line(json!({"sku": "a", "price_cents": PRICE_MAX + 1})), Err("items_invalid")),
            ("purchase", line(json!({"sku": "a", "price_cents": PRICE_MAX, "quantity": 1_000})), Ok(())),
            ("purchase", line(json!({"sku": "a", "price_cents": PRICE_MAX, "quantity": 1_001})), Err("items_invalid")),
            ("purchase", line(json!({"sku": "a", "price_cents": 1e300})), Err("invalid")),
            ("purchase", json!({"order_id": null}), Err("field_missing")),
        ] {
            assert_eq!(codes(&event(kind, &changes)), [want], "{kind} with {changes}");
        }
    }

    #[test]
    fn a_bad_event_does_not_spoil_the_others() {
        let good = event("view", &json!({}));
        let got = codes(&json!([good, 7, event("view", &json!({"id": null})), good]));
        assert_eq!(got, [Ok(()), Err("invalid"), Err("field_missing"), Ok(())]);
    }

    #[test]
    fn bodies_are_one_event_or_an_array() {
        let many = |n: usize| json!(vec![event("sign_in", &json!({})); n]).to_string();
        for (body, want) in [
            ("[]", Ok(0)),
            (" {}", Ok(1)),
            ("[1e999]", Ok(1)),
            (&many(1_000), Ok(1_000)),
            (&many(1_001), Err("too_many_events")),
            ("7", Err("invalid_body")),
            ("\"x\"", Err("invalid_body")),
            ("null", Err("invalid_body")),
            ("", Err("bad_json")),
            ("[", Err("bad_json")),
            ("[{]", Err("bad_json")),
            ("{} {}", Err("bad_json")),
        ] {
            let got = read(body.as_bytes(), NOW_MS).map(|events| events.len()).map_err(|p| p.code);
            assert_eq!(got, want, "{:.40}", body);
        }
    }
}
