//! Koi's own format for purchases, as CSV or NDJSON: what a row's columns mean.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::row::{self, Cells, Price, Spoilt};
use super::table::{Fields, Header, Known};

/// The columns of the CSV. One of the two prices is required besides.
pub const COLUMNS: &[Known] = &[
    Known { names: &["shopper"], required: true },
    Known { names: &["order_id"], required: true },
    Known { names: &["at"], required: true },
    Known { names: &["sku"], required: true },
    Known { names: &["name"], required: false },
    Known { names: &["category"], required: false },
    Known { names: &["price"], required: false },
    Known { names: &["price_cents"], required: false },
    Known { names: &["quantity"], required: false },
];

const ORDER_ID: usize = 1;
const PRICE: usize = 6;
const PRICE_CENTS: usize = 7;
const QUANTITY: usize = 8;

/// Checks what `Header::read` cannot: exactly one price.
pub fn check(header: &Header) -> Result<(), String> {
    match (header.places[PRICE], header.places[PRICE_CENTS]) {
        (None, None) => Err("missing price (or price_cents)".to_owned()),
        (Some(_), Some(_)) => Err("both price and price_cents".to_owned()),
        _ => Ok(()),
    }
}

/// Takes a CSV line apart.
pub fn csv_cells<'a>(fields: &'a mut Fields, header: &Header, line: &'a str) -> Result<Cells<'a>, Spoilt> {
    let record = row::record(fields, header, line, ORDER_ID)?;
    let field = |which: usize| header.places[which].and_then(|column| record.get(column));
    let cell = |which: usize| Cow::Borrowed(field(which).unwrap_or_default());
    let price = match field(PRICE) {
        Some(decimal) => Price::Decimal(Cow::Borrowed(decimal)),
        None => Price::Cents(cell(PRICE_CENTS)),
    };
    Ok(Cells {
        shopper: cell(0),
        order: Cow::Borrowed(field(ORDER_ID).unwrap_or_default().trim()),
        at: cell(2),
        sku: cell(3),
        name: cell(4),
        category: cell(5),
        price,
        quantity: Cow::Borrowed(field(QUANTITY).unwrap_or("1")),
        cancelled: false,
        void: false,
    })
}

/// Takes an NDJSON line apart. Values of a wrong type spoil the row but not the reading of its order.
pub fn json_cells(line: &str) -> Result<Cells<'_>, Spoilt> {
    let mut json: JsonRow<'_> = serde_json::from_str(line).map_err(|e| {
        // Each line is a document of its own to the parser, so its line number misleads.
        Spoilt { order: None, reason: format!("bad JSON: {e}").replace(" at line 1 column", " at column") }
    })?;
    let order = cell("order_id", json.order_id.take())
        .map_err(|reason| Spoilt { order: None, reason })?
        .map_or(Cow::Borrowed(""), trimmed);
    match cells(json) {
        Ok(cells) => Ok(Cells { order, ..cells }),
        Err(reason) => Err(Spoilt { order: Some(order.into_owned()), reason }),
    }
}

fn cells(json: JsonRow<'_>) -> Result<Cells<'_>, String> {
    let price = match (cell("price", json.price)?, cell("price_cents", json.price_cents)?) {
        (Some(_), Some(_)) => return Err("both price and price_cents".to_owned()),
        (None, None) => return Err("no price".to_owned()),
        (Some(decimal), None) => Price::Decimal(decimal),
        (None, Some(cents)) => Price::Cents(cents),
    };
    Ok(Cells {
        shopper: cell("shopper", json.shopper)?.unwrap_or_default(),
        at: cell("at", json.at)?.unwrap_or_default(),
        sku: cell("sku", json.sku)?.unwrap_or_default(),
        name: cell("name", json.name)?.unwrap_or_default(),
        category: cell("category", json.category)?.unwrap_or_default(),
        price,
        quantity: cell("quantity", json.quantity)?.unwrap_or(Cow::Borrowed("1")),
        ..Cells::default()
    })
}

fn cell<'a>(name: &str, value: Option<Value<'a>>) -> Result<Option<Cow<'a, str>>, String> {
    match value {
        None => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(Value::Other) => Err(format!("{name} is neither a text nor a number")),
    }
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

/// One line; fields of other names are ignored.
#[derive(Deserialize)]
struct JsonRow<'a> {
    #[serde(borrow)]
    shopper: Option<Value<'a>>,
    #[serde(borrow)]
    order_id: Option<Value<'a>>,
    #[serde(borrow)]
    at: Option<Value<'a>>,
    #[serde(borrow)]
    sku: Option<Value<'a>>,
    #[serde(borrow)]
    name: Option<Value<'a>>,
    #[serde(borrow)]
    category: Option<Value<'a>>,
    #[serde(borrow)]
    price: Option<Value<'a>>,
    #[serde(borrow)]
    price_cents: Option<Value<'a>>,
    #[serde(borrow)]
    quantity: Option<Value<'a>>,
}

/// A text, or a number as text; anything else is noted, so that the rest of the line can still be read.
enum Value<'a> {
    Text(Cow<'a, str>),
    Other,
}

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(number.to_string())))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(number.to_string())))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value<'de>, E> {
        // The shortest text that reads back as this number: 12.50 is 12.5, and never has an exponent.
        Ok(Value::Text(Cow::Owned(number.to_string())))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Value<'de>, E> {
        Ok(Value::Other)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value<'de>, E> {
        Ok(Value::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value<'de>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }
}
