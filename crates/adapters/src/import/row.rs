//! What one row says, and whether it is accepted, skipped or rejected. The same rules hold for every format.

use std::borrow::Cow;

use domain::behaviour::Item;

use super::table::{Fields, Header, Record};
use super::values;

/// Longest order, shopper or product id.
pub const MAX_ID_BYTES: usize = 128;
/// Longest product name.
pub const MAX_NAME_BYTES: usize = 512;
/// Longest category.
pub const MAX_CATEGORY_BYTES: usize = 128;

/// A row's fields as the file has them, not yet judged.
#[derive(Debug, Default)]
pub struct Cells<'a> {
    pub order: Cow<'a, str>,
    pub shopper: Cow<'a, str>,
    pub at: Cow<'a, str>,
    pub sku: Cow<'a, str>,
    pub name: Cow<'a, str>,
    pub category: Cow<'a, str>,
    pub price: Price<'a>,
    pub quantity: Cow<'a, str>,
    /// The order's id says that it is a return.
    pub cancelled: bool,
    /// The format says that nothing was bought.
    pub void: bool,
}

/// How a row gives the price of one unit.
#[derive(Debug)]
pub enum Price<'a> {
    /// In the major unit, with decimals.
    Decimal(Cow<'a, str>),
    /// In the minor unit, whole.
    Cents(Cow<'a, str>),
}

impl Default for Price<'_> {
    fn default() -> Self {
        Price::Cents(Cow::Borrowed(""))
    }
}

/// A line that could not be taken apart.
#[derive(Debug)]
pub struct Spoilt {
    /// Its order, where that much could be read: it counts for the order's ordinals.
    pub order: Option<String>,
    pub reason: String,
}

/// Splits a CSV line that must have as many columns as the header; `order` is the place of the order among the known
/// columns.
pub fn record<'a>(fields: &'a mut Fields, header: &Header, line: &'a str, order: usize) -> Result<Record<'a>, Spoilt> {
    let (record, result) = fields.split(line);
    let reason = match result {
        Err(fault) => fault.to_string(),
        Ok(()) if record.len() == header.columns => return Ok(record),
        Ok(()) => format!("{} columns, the header has {}", record.len(), header.columns),
    };
    // The last field of a cut line may itself be cut, and then it names another order.
    let whole = |column: &usize| column + 1 < record.len();
    let order = header.places[order].filter(whole).and_then(|column| record.get(column));
    Err(Spoilt { order: order.map(|order| order.trim().to_owned()), reason })
}

/// A row that is accepted, but for its place in the file.
#[derive(Debug, PartialEq, Eq)]
pub struct Row<'a> {
    pub order: &'a str,
    pub shopper: &'a str,
    pub at_ms: i64,
    pub is_return: bool,
    pub item: Item,
}

/// What becomes of a row.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    Accepted(Row<'a>),
    /// A purchase of nobody known, or of nothing: nothing is wrong with it, but it says nothing about a shopper.
    Skipped,
    Rejected(String),
}

/// Judges a row: one without a shopper is skipped whatever else it holds, then the first fault rejects it.
pub fn judge<'a>(cells: &'a Cells<'_>) -> Outcome<'a> {
    match accept(cells) {
        Ok(Some(row)) => Outcome::Accepted(row),
        Ok(None) => Outcome::Skipped,
        Err(reason) => Outcome::Rejected(reason),
    }
}

fn accept<'a>(cells: &'a Cells<'_>) -> Result<Option<Row<'a>>, String> {
    let order = id("order id", &cells.order)?;
    let shopper = values::without_point_zero(cells.shopper.trim());
    if shopper.is_empty() || cells.void {
        return Ok(None);
    }
    let shopper = id("shopper", shopper)?;
    let sku = id("product id", &cells.sku)?;
    let name = text("name", &cells.name, MAX_NAME_BYTES)?;
    let category = text("category", &cells.category, MAX_CATEGORY_BYTES)?;
    let at_ms = values::time_ms(&cells.at).ok_or_else(|| wrong("time", &cells.at))?;
    let (price_cents, shown) = match &cells.price {
        Price::Decimal(text) => (values::cents(text), text),
        Price::Cents(text) => (values::whole(text), text),
    };
    let price_cents = price_cents.ok_or_else(|| wrong("price", shown))?;
    if price_cents < 0 {
        return Err(format!("negative price {}", shown.trim()));
    }
    if price_cents > values::MAX_PRICE_CENTS {
        return Err(wrong("price", shown));
    }
    let quantity = values::whole(&cells.quantity).filter(|q| q.abs() <= values::MAX_QUANTITY);
    let quantity = quantity.ok_or_else(|| wrong("quantity", &cells.quantity))?;
    if quantity == 0 {
        return Err("quantity 0".to_owned());
    }
    if cells.cancelled && quantity > 0 {
        return Err(format!("positive quantity {quantity} in a cancelled order"));
    }
    let item = Item {
        sku: sku.to_owned(),
        name: name.to_owned(),
        category: category.to_owned(),
        price_cents,
        quantity: quantity.unsigned_abs() as u32,
    };
    Ok(Some(Row { order, shopper, at_ms, is_return: quantity < 0, item }))
}

fn id<'a>(what: &str, value: &'a str) -> Result<&'a str, String> {
    let value = text(what, value, MAX_ID_BYTES)?;
    if value.is_empty() { Err(format!("no {what}")) } else { Ok(value) }
}

fn text<'a>(what: &str, value: &'a str, max_bytes: usize) -> Result<&'a str, String> {
    let value = value.trim();
    if value.len() > max_bytes {
        return Err(format!("{what} of {} bytes, at most {max_bytes} are taken", value.len()));
    }
    if value.bytes().any(|b| b.is_ascii_control()) {
        return Err(format!("control character in the {what}"));
    }
    Ok(value)
}

/// The reason for a value that cannot be read, with its beginning.
fn wrong(what: &str, value: &str) -> String {
    if value.trim().is_empty() {
        return format!("no {what}");
    }
    let shown: String = value.trim().chars().take(40).collect();
    format!("not a {what}: {shown:?}")
}
