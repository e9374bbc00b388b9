//! Messages of a shop's tracker, after Segment's HTTP tracking API and its V2 e-commerce events, as RudderStack sends them
//! too.
//!
//! A tracker tells of much that Koi does not read, so fields and events of other names are accepted and left out
//! (`docs/trackers.md`). What Koi does read is checked like any event; one message that cannot be right refuses the whole
//! request, and nothing of it is taken.

use super::events::{self, EVENTS_MAX, Refused, Wire};
use super::{ATTRIBUTES_BYTES, ID_CHARS, NAME_CHARS, parse_time, text};
use crate::http::body::parse;
use crate::http::problem::Problem;
use app::ShopperInput;
use app::koi::{Heard, WholeRefund};
use axum::http::StatusCode;
use domain::behaviour::{Behaviour, Item};
use domain::currency::{minor_digits, minor_units};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// One call. What it does not name is left out.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    r#type: Option<String>,
    message_id: Option<Word>,
    user_id: Option<Word>,
    anonymous_id: Option<Word>,
    event: Option<String>,
    properties: Option<Box<RawValue>>,
    traits: Option<Map<String, Value>>,
    timestamp: Option<String>,
    original_timestamp: Option<String>,
}

/// Many of them.
#[derive(Deserialize)]
struct Batch {
    batch: Vec<Message>,
}

/// A text, which some trackers write as a number.
struct Word(String);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Word(text)),
            Value::Number(number) if !number.is_f64() => Ok(Word(number.to_string())),
            _ => Err(serde::de::Error::custom("expected a text or a whole number")),
        }
    }
}

/// What the e-commerce events hold of an order or a product.
#[derive(Deserialize)]
struct Properties {
    order_id: Option<Word>,
    currency: Option<String>,
    products: Option<Vec<Product>>,
    product_id: Option<Word>,
    sku: Option<Word>,
    query: Option<Word>,
    rating: Option<Box<RawValue>>,
    review_body: Option<String>,
}

#[derive(Deserialize)]
struct Product {
    product_id: Option<Word>,
    sku: Option<Word>,
    name: Option<String>,
    category: Option<String>,
    price: Option<Box<RawValue>>,
    quantity: Option<Box<RawValue>>,
}

/// Reads `POST /v1/track`.
///
/// # Errors
/// A body that is no JSON (400) or a message that cannot be right (422).
pub fn track(body: &[u8], now_ms: i64) -> Result<Heard, Problem> {
    let mut heard = Heard::default();
    tracked("", &parse(body)?, now_ms, &mut heard)?;
    Ok(heard)
}

/// Reads `POST /v1/identify`.
///
/// # Errors
/// As [`track`].
pub fn identify(body: &[u8], now_ms: i64) -> Result<Heard, Problem> {
    let mut heard = Heard::default();
    identified("", parse(body)?, now_ms, &mut heard)?;
    Ok(heard)
}

/// Reads `POST /v1/batch`.
///
/// # Errors
/// As [`track`], for the first message that is wrong; too many messages.
pub fn batch(body: &[u8], now_ms: i64) -> Result<Heard, Problem> {
    let Batch { batch } = parse(body)?;
    if batch.len() > EVENTS_MAX {
        let detail = format!("at most {EVENTS_MAX} messages a request, not {}", batch.len());
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "too_many_events", detail));
    }
    let mut heard = Heard::default();
    for (index, message) in batch.into_iter().enumerate() {
        let at = format!("batch[{index}].");
        match message.r#type.as_deref() {
            Some("track") => tracked(&at, &message, now_ms, &mut heard)?,
            Some("identify") => identified(&at, message, now_ms, &mut heard)?,
            Some("page" | "screen" | "group" | "alias") => _ = shopper(&at, &message)?,
            _ => {
                let detail = "`type` is track, identify, page, screen, group or alias";
                return Err(Problem::invalid(&format!("{at}type"), detail));
            }
        }
    }
    Ok(heard)
}

/// Whose message it is; `None` for a visitor without a name, who has no draws.
fn shopper<'a>(at: &str, message: &'a Message) -> Result<Option<&'a str>, Problem> {
    let given = |word: &'a Option<Word>| word.as_ref().map(|word| word.0.as_str()).filter(|id| !id.is_empty());
    match (given(&message.user_id), given(&message.anonymous_id)) {
        (Some(id), _) => text(&format!("{at}userId"), id, ID_CHARS).map(|()| Some(id)),
        (None, Some(id)) => text(&format!("{at}anonymousId"), id, ID_CHARS).map(|()| None),
        (None, None) => Err(Problem::invalid(&format!("{at}userId"), "send `userId` or `anonymousId`")),
    }
}

/// When it happened, as it was written and as Unix milliseconds; now where nothing is said.
fn moment<'a>(at: &str, message: &'a Message, now_ms: i64) -> Result<(Option<&'a str>, i64), Problem> {
    let Some(given) = message.timestamp.as_deref().or(message.original_timestamp.as_deref()) else {
        return Ok((None, now_ms));
    };
    let wrong = || Problem::invalid(&format!("{at}timestamp"), "a time since 1970 like 2026-01-31T08:00:00Z");
    parse_time(given).map(|at_ms| (Some(given), at_ms)).ok_or_else(wrong)
}

fn identified(at: &str, message: Message, now_ms: i64, heard: &mut Heard) -> Result<(), Problem> {
    moment(at, &message, now_ms)?;
    let Some(shopper) = shopper(at, &message)?.map(str::to_owned) else { return Ok(()) };
    let traits = message.traits.unwrap_or_default();
    if crate::http::reply::json_bytes(&traits).len() > ATTRIBUTES_BYTES {
        let detail = format!("`traits` have at most {ATTRIBUTES_BYTES} bytes");
        return Err(Problem::invalid(&format!("{at}traits"), detail));
    }
    let word = |names: [&str; 2]| names.iter().find_map(|name| traits.get(*name)?.as_str()).unwrap_or_default();
    let parts = [word(["firstName", "first_name"]), word(["lastName", "last_name"])];
    let name = match word(["name", "name"]) {
        "" => parts.join(" ").trim().to_owned(),
        whole => whole.to_owned(),
    };
    if !name.is_empty() {
        text(&format!("{at}traits.name"), &name, NAME_CHARS)?;
    }
    let registered_at_ms = parse_time(word(["createdAt", "created_at"]));
    let name = Some(name).filter(|name| !name.is_empty());
    heard.people.push((shopper, ShopperInput { name, registered_at_ms, attributes: Some(traits) }));
    Ok(())
}

fn tracked(at: &str, message: &Message, now_ms: i64, heard: &mut Heard) -> Result<(), Problem> {
    let shopper = shopper(at, message)?;
    let (written, at_ms) = moment(at, message, now_ms)?;
    let event = message.event.as_deref().unwrap_or_default();
    text(&format!("{at}event"), event, NAME_CHARS)?;
    let kind = match event {
        "Order Completed" => "purchase",
        "Order Refunded" => "return",
        "Product Viewed" => "view",
        "Products Searched" => "search",
        "Product Reviewed" => "review",
        _ => return Ok(()),
    };
    let properties: Properties = inside(&format!("{at}properties"), message.properties.as_deref())?;
    let Some(shopper) = shopper else { return Ok(()) };
    let id = message_id(at, message, &properties, event, written, now_ms)?;
    let when = written.map_or_else(|| app::time::rfc3339(now_ms), str::to_owned);
    let mut wire = Wire {
        id: Cow::Borrowed(&id),
        kind: Cow::Borrowed(kind),
        shopper: Cow::Borrowed(shopper),
        at: Cow::Owned(when),
        ..Wire::default()
    };
    match kind {
        "purchase" | "return" => {
            wire.order_id = properties.order_id.map(|id| id.0);
            let digits = digits(at, properties.currency.as_deref())?;
            let products = properties.products.unwrap_or_default();
            if kind == "return" && products.is_empty() {
                return refund(at, wire, at_ms, now_ms, heard);
            }
            let item =
                |(ix, product): (usize, Product)| item(&format!("{at}properties.products[{ix}]"), product, digits);
            wire.items = Some(products.into_iter().enumerate().map(item).collect::<Result<_, _>>()?);
        }
        "search" => wire.query = properties.query.map(|query| query.0),
        _ => wire.sku = sku(properties.sku, properties.product_id),
    }
    if kind == "review" {
        wire.rating = properties.rating.as_deref().map(|rating| stars(at, rating)).transpose()?;
        wire.text = properties.review_body;
    }
    heard.acts.push(events::checked(wire, now_ms).map_err(|refused| refusal(at, refused))?);
    Ok(())
}

/// A refund that names no products gives back the whole order. It is checked like one of a single product.
fn refund(at: &str, wire: Wire<'_>, at_ms: i64, now_ms: i64, heard: &mut Heard) -> Result<(), Problem> {
    let any = Item { sku: "any".into(), name: String::new(), category: String::new(), price_cents: 0, quantity: 1 };
    let order_id = wire.order_id.clone().unwrap_or_default();
    let checked = events::checked(Wire { items: Some(vec![any]), ..wire }, now_ms);
    let (shopper, Behaviour { id, .. }) = checked.map_err(|refused| refusal(at, refused))?;
    heard.refunds.push(WholeRefund { shopper, id, order_id, at_ms });
    Ok(())
}

fn refusal(at: &str, (code, detail): Refused) -> Problem {
    let field = Some(format!("{at}properties"));
    Problem { field, ..Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail) }
}

/// Reads an object, with its place before the field of what is wrong.
fn inside<T: DeserializeOwned>(at: &str, raw: Option<&RawValue>) -> Result<T, Problem> {
    parse(raw.map_or("{}", RawValue::get).as_bytes()).map_err(|problem| {
        let field = problem.field.as_deref().map_or(at.to_owned(), |field| format!("{at}.{field}"));
        Problem { field: Some(field), ..problem }
    })
}

/// What a repeat of the message has in common with it: its own id, else what it says. An order is completed once.
fn message_id(
    at: &str,
    message: &Message,
    properties: &Properties,
    event: &str,
    written: Option<&str>,
    now_ms: i64,
) -> Result<String, Problem> {
    if let Some(Word(id)) = message.message_id.as_ref().filter(|id| !id.0.is_empty()) {
        text(&format!("{at}messageId"), id, ID_CHARS)?;
        return Ok(id.clone());
    }
    let mut said = Sha256::new_with_prefix(event);
    match &properties.order_id {
        Some(order) if event == "Order Completed" => said.update(&order.0),
        _ => {
            said.update(message.properties.as_deref().map_or("", RawValue::get));
            said.update(written.map_or_else(|| now_ms.to_string(), str::to_owned));
        }
    }
    let digest: [u8; 32] = said.finalize().into();
    Ok(digest[..16].iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Digits of the minor unit of the currency that prices are in.
fn digits(at: &str, currency: Option<&str>) -> Result<u32, Problem> {
    let Some(given) = currency else { return Ok(minor_digits("")) };
    if given.len() != 3 || !given.bytes().all(|b| b.is_ascii_alphabetic()) {
        let detail = "`currency` is three letters like CNY (ISO 4217)";
        return Err(Problem::invalid(&format!("{at}properties.currency"), detail));
    }
    Ok(minor_digits(&given.to_ascii_uppercase()))
}

/// The shop's id of a product: its stock-keeping unit, else its database's.
fn sku(sku: Option<Word>, product_id: Option<Word>) -> Option<String> {
    sku.into_iter().chain(product_id).map(|word| word.0).find(|id| !id.is_empty())
}

fn item(at: &str, product: Product, digits: u32) -> Result<Item, Problem> {
    let wrong = |field: &str, detail: &'static str| Problem::invalid(&format!("{at}.{field}"), detail);
    let price_cents = match product.price.as_deref() {
        None => 0,
        Some(raw) => decimal(raw)
            .and_then(|text| minor_units(&text, digits))
            .filter(|cents| *cents >= 0)
            .ok_or_else(|| wrong("price", "`price` is a decimal number that is not below 0"))?,
    };
    let quantity = match product.quantity.as_deref() {
        None => 1,
        Some(raw) => decimal(raw)
            .and_then(|text| minor_units(&text, 6))
            .filter(|millionths| millionths % 1_000_000 == 0)
            .and_then(|millionths| u32::try_from(millionths / 1_000_000).ok())
            .ok_or_else(|| wrong("quantity", "`quantity` is a whole number"))?,
    };
    let sku = sku(product.sku, product.product_id).ok_or_else(|| wrong("product_id", "send `sku` or `product_id`"))?;
    let (name, category) = (product.name.unwrap_or_default(), product.category.unwrap_or_default());
    Ok(Item { sku, name, category, price_cents, quantity })
}

/// The digits of a number, which some trackers write as a text.
fn decimal(raw: &RawValue) -> Option<String> {
    match raw.get().as_bytes().first() {
        Some(b'"') => serde_json::from_str::<String>(raw.get()).ok().map(|text| text.trim().to_owned()),
        Some(b'-' | b'0'..=b'9') => Some(raw.get().to_owned()),
        _ => None,
    }
}

/// A rating in whole stars; half a star rounds up.
fn stars(at: &str, raw: &RawValue) -> Result<u8, Problem> {
    let tenths = decimal(raw).and_then(|text| minor_units(&text, 1));
    let whole = tenths.and_then(|tenths| u8::try_from((tenths + 5).div_euclid(10)).ok());
    whole.ok_or_else(|| Problem::invalid(&format!("{at}properties.rating"), "`rating` is 1 to 5"))
}

#[cfg(test)]
mod tests;
