//! The public Online Retail file: its purchases line by line, and a campaign with its best-selling products as prizes
//! and its busiest customers to show.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use xtask::process::from_now;

/// Prizes of each tier.
const PRIZES_PER_TIER: usize = 24;
const SHOWN_CUSTOMERS: usize = 4;
/// Tiers by price: code, slots, weight, lowest and highest price in pence (the highest excluded).
const TIERS: [(&str, u32, u32, i64, i64); 3] =
    [("small", 4, 6_000, 50, 300), ("mid", 3, 900, 300, 1_000), ("big", 1, 100, 1_000, 10_000)];
/// Lines of the file that are no goods.
const NO_GOODS: [&str; 6] = ["POST", "DOT", "M", "D", "C2", "BANK CHARGES"];

/// A line of goods that somebody known bought and paid for.
struct Line {
    customer: String,
    invoice: String,
    at: String,
    sku: String,
    price_cents: i64,
    name: String,
}

/// Calls `each` with every line that has a customer, a quantity and a price above 0, in file order; cancelled invoices are
/// left out.
fn each_line(file: &Path, mut each: impl FnMut(Line) -> Result<()>) -> Result<()> {
    for row in rows(file)? {
        let row = row?;
        let field = |index: usize| String::from_utf8_lossy(row.get(index).unwrap_or_default()).trim().to_owned();
        let price_cents = (field(5).parse::<f64>().unwrap_or(0.0) * 100.0).round() as i64;
        let (invoice, customer) = (field(0), field(6));
        if customer.is_empty() || price_cents <= 0 || field(3).starts_with('-') || invoice.starts_with('C') {
            continue;
        }
        each(Line { customer, invoice, at: field(4), sku: field(1), price_cents, name: field(2) })?;
    }
    Ok(())
}

type Rows = csv::ByteRecordsIntoIter<Box<dyn Read>>;

fn rows(file: &Path) -> Result<Rows> {
    let open = File::open(file).with_context(|| format!("cannot open {}", file.display()))?;
    let gzipped = file.extension().is_some_and(|extension| extension == "gz");
    let reader: Box<dyn Read> = if gzipped { Box::new(GzDecoder::new(open)) } else { Box::new(open) };
    Ok(csv::ReaderBuilder::new().flexible(true).from_reader(reader).into_byte_records())
}

/// The customer of the last line that has one, whatever else is in it.
///
/// # Errors
/// When the file cannot be read or has no customer.
pub fn last_customer(file: &Path) -> Result<String> {
    let mut last = Vec::new();
    for row in rows(file)? {
        let row = row?;
        let customer = row.get(6).unwrap_or_default();
        if !customer.is_empty() {
            last = customer.to_vec();
        }
    }
    ensure!(!last.is_empty(), "{} has no customer", file.display());
    Ok(String::from_utf8_lossy(&last).into_owned())
}

/// Writes the lines as tab-separated `customer, invoice, at, sku, price_cents, name`.
///
/// # Errors
/// When either file fails.
pub fn write_lines(file: &Path, to: &Path) -> Result<()> {
    let mut out = BufWriter::new(File::create(to).with_context(|| format!("cannot write {}", to.display()))?);
    each_line(file, |line| {
        let name = line.name.replace('\t', " ");
        writeln!(out, "{}\t{}\t{}\t{}\t{}\t{name}", line.customer, line.invoice, line.at, line.sku, line.price_cents)?;
        Ok(())
    })?;
    Ok(out.flush()?)
}

#[derive(Default)]
struct Product {
    name: String,
    lines: u32,
    price_cents: i64,
}

/// The campaign's body, and (customer, what is known of them) to show.
///
/// # Errors
/// When the file cannot be read or has another shape.
pub fn campaign(file: &Path) -> Result<(Value, Vec<(String, String)>)> {
    let mut products: HashMap<String, Product> = HashMap::new();
    let mut customers: HashMap<String, u32> = HashMap::new();
    each_line(file, |line| {
        *customers.entry(line.customer).or_insert(0) += 1;
        if !NO_GOODS.contains(&line.sku.as_str()) {
            let product = products.entry(line.sku).or_default();
            product.lines += 1;
            (product.price_cents, product.name) = (line.price_cents, line.name);
        }
        Ok(())
    })?;
    let mut products: Vec<(String, Product)> = products.into_iter().collect();
    products.sort_by(|a, b| (b.1.lines, &a.0).cmp(&(a.1.lines, &b.0)));
    let mut prizes =
        vec![json!({"code": "points", "name": "Points", "kind": "points", "points": {"min": 1, "max": 100}})];
    let mut tiers = Vec::new();
    for (code, slots, weight, min, max) in TIERS {
        let band =
            products.iter().filter(|(_, product)| (min..max).contains(&product.price_cents)).take(PRIZES_PER_TIER);
        let before = prizes.len();
        prizes.extend(band.map(|(sku, product)| {
            json!({"code": format!("sku-{}", sku.to_lowercase()), "name": product.name, "kind": "goods", "skus": [sku],
                   "value_cents": product.price_cents, "cost_cents": product.price_cents / 2, "stock": 100_000 / weight})
        }));
        ensure!(prizes.len() >= before + slots as usize, "the file has too few products for tier {code}");
        tiers.push(json!({"code": code, "slots": slots, "weight": weight, "value_cents": {"min": min, "max": max}}));
    }
    tiers.push(json!({"code": "points", "slots": 1, "weight": 3_000, "prizes": ["points"]}));
    let mut customers: Vec<(String, u32)> = customers.into_iter().collect();
    customers.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
    let samples = customers.into_iter().take(SHOWN_CUSTOMERS).map(|(id, lines)| (id, format!("bought {lines} lines")));
    let body = json!({
        "name": "Online Retail", "starts_at": from_now(-60), "ends_at": from_now(30 * 86_400), "currency": "GBP",
        "time_zone": "Europe/London", "prizes": prizes, "tiers": tiers,
        "chances": {"sign_in": 1, "per_purchase_cents": 2_000},
    });
    Ok((body, samples.collect()))
}
