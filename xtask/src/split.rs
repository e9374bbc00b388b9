//! Splits Online Retail (UCI, Chen 2015) into what next-basket models learn from and what they are tested on.
//!
//! Kept are lines with a customer, a quantity and a price above 0, of invoices that were not cancelled, of customers
//! with at least three such invoices. A customer's last invoice is the test basket, the others are the train part.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;

use anyhow::{Context, bail, ensure};
use flate2::read::MultiGzDecoder;

const COLUMNS: [&str; 6] = ["InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"];

/// Invoices that a customer needs to be in the split: one to test on, two to learn from.
const MIN_INVOICES: usize = 3;

/// One invoice: when its first line was written, its number, its items.
#[derive(Debug, Default, PartialEq)]
struct Invoice {
    at: String,
    number: String,
    items: BTreeSet<String>,
}

/// Writes `train.csv` and `test.csv` (columns `shopper,basket,at,item`, one row per item of a basket, `at` in RFC 3339)
/// into the folder `out`, which is made if needed, and prints what they hold. `online_retail` may be gzipped.
pub fn next_basket_split(online_retail: &Path, out: &Path) -> anyhow::Result<()> {
    let file = File::open(online_retail).with_context(|| format!("cannot open {}", online_retail.display()))?;
    let gzipped = online_retail.extension().is_some_and(|extension| extension == "gz");
    let customers = if gzipped { read(MultiGzDecoder::new(BufReader::new(file))) } else { read(BufReader::new(file)) };
    let customers = customers.with_context(|| format!("cannot split {}", online_retail.display()))?;
    std::fs::create_dir_all(out).with_context(|| format!("cannot make the folder {}", out.display()))?;
    let (mut train, mut test) = (writer(out, "train.csv")?, writer(out, "test.csv")?);
    let (mut count, mut train_rows, mut test_rows) = (0, 0, 0);
    for (customer, invoices) in &customers {
        let Some((last, before)) = split(invoices) else { continue };
        count += 1;
        for invoice in before {
            train_rows += write(&mut train, customer, invoice)?;
        }
        test_rows += write(&mut test, customer, last)?;
    }
    train.flush()?;
    test.flush()?;
    println!("customers {count}, train rows {train_rows}, test rows {test_rows}, in {}", out.display());
    Ok(())
}

/// Every customer's invoices by number.
type Customers = BTreeMap<String, BTreeMap<String, Invoice>>;

fn read(reader: impl std::io::Read) -> anyhow::Result<Customers> {
    let mut csv = csv::Reader::from_reader(reader);
    let headers = csv.headers()?;
    let mut places = [0; COLUMNS.len()];
    for (place, name) in places.iter_mut().zip(COLUMNS) {
        let Some(found) = headers.iter().position(|header| header.trim() == name) else {
            bail!("the header lacks {name}; expected the columns of Online Retail");
        };
        *place = found;
    }
    let mut customers = Customers::new();
    let mut record = csv::StringRecord::new();
    while csv.read_record(&mut record)? {
        let [number, item, quantity, at, price, customer] =
            places.map(|place| record.get(place).unwrap_or("").trim().to_owned());
        let line = record.position().map_or(0, csv::Position::line);
        let quantity: i64 = quantity.parse().with_context(|| format!("line {line}: Quantity is {quantity:?}"))?;
        let price: f64 = price.parse().with_context(|| format!("line {line}: UnitPrice is {price:?}"))?;
        if customer.is_empty() || quantity <= 0 || price <= 0.0 || number.starts_with('C') {
            continue;
        }
        let at = rfc3339(&at).with_context(|| format!("line {line}: InvoiceDate is {at:?}"))?;
        let invoice = customers.entry(customer).or_default().entry(number.clone()).or_default();
        if invoice.at.is_empty() || at < invoice.at {
            invoice.at = at;
        }
        invoice.number = number;
        invoice.items.insert(item);
    }
    ensure!(!customers.is_empty(), "no line of a customer in it");
    Ok(customers)
}

/// `2010-12-01 08:26:00` as RFC 3339; the file's times are taken for UTC, only their order counts.
fn rfc3339(text: &str) -> Option<String> {
    let (date, time) = text.split_once(' ')?;
    let digits = |text: &str, lengths: &[usize], by: char| {
        let parts: Vec<&str> = text.split(by).collect();
        parts.len() == lengths.len()
            && parts.iter().zip(lengths).all(|(part, n)| part.len() == *n && part.bytes().all(|b| b.is_ascii_digit()))
    };
    (digits(date, &[4, 2, 2], '-') && digits(time, &[2, 2, 2], ':')).then(|| format!("{date}T{time}Z"))
}

/// The last invoice and those before it, by time, then number; `None` where there are too few.
fn split(invoices: &BTreeMap<String, Invoice>) -> Option<(&Invoice, Vec<&Invoice>)> {
    let mut ordered: Vec<&Invoice> = invoices.values().collect();
    ordered.sort_by(|a, b| (&a.at, &a.number).cmp(&(&b.at, &b.number)));
    let last = (ordered.len() >= MIN_INVOICES).then(|| ordered.pop()).flatten()?;
    Some((last, ordered))
}

fn writer(out: &Path, name: &str) -> anyhow::Result<csv::Writer<BufWriter<File>>> {
    let path = out.join(name);
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut csv = csv::Writer::from_writer(BufWriter::new(file));
    csv.write_record(["shopper", "basket", "at", "item"])?;
    Ok(csv)
}

fn write(csv: &mut csv::Writer<impl std::io::Write>, customer: &str, invoice: &Invoice) -> anyhow::Result<usize> {
    for item in &invoice.items {
        csv.write_record([customer, &invoice.number, &invoice.at, item])?;
    }
    Ok(invoice.items.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

    #[test]
    fn the_last_of_three_good_invoices_is_the_test() {
        let rows = "3,a,,1,2011-01-03 10:00:00,1.5,7,UK\n1,a,,1,2011-01-01 10:00:00,1.5,7,UK\n1,b,,2,2011-01-01 09:00:00,1.5,7,UK\n\
                    2,a,,1,2011-01-03 10:00:00,1.5,7,UK\nC4,a,,-1,2011-01-04 10:00:00,1.5,7,UK\n5,a,,1,2011-01-05 10:00:00,0,7,UK\n\
                    6,a,,-1,2011-01-05 10:00:00,1,7,UK\n7,a,,1,2011-01-05 10:00:00,1,,UK\n8,a,,1,2011-01-05 10:00:00,1,8,UK\n";
        let customers = read(format!("{HEADER}{rows}").as_bytes()).expect("good rows");
        let (last, before) = split(&customers["7"]).expect("three invoices");
        let numbers: Vec<&str> = before.iter().map(|invoice| invoice.number.as_str()).collect();
        assert_eq!((last.number.as_str(), numbers), ("3", vec!["1", "2"]), "by time, then number");
        assert_eq!((before[0].at.as_str(), before[0].items.len()), ("2011-01-01T09:00:00Z", 2));
        assert!(split(&customers["8"]).is_none(), "one invoice is too few");
    }

    #[test]
    fn bad_files_are_named() {
        for (text, expect) in [
            ("InvoiceNo,StockCode\n", "lacks Quantity"),
            (HEADER, "no line of a customer"),
            (&format!("{HEADER}1,a,,x,2011-01-01 10:00:00,1,7,UK\n"), "line 2: Quantity"),
            (&format!("{HEADER}1,a,,1,yesterday,1,7,UK\n"), "line 2: InvoiceDate"),
        ] {
            let error = format!("{:#}", read(text.as_bytes()).expect_err("a bad file"));
            assert!(error.contains(expect), "{error}");
        }
    }
}
