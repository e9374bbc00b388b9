//! The Complete Journey data set (dunnhumby; R package `completejourney`, Boehmke and Mount 2019) as a folder of CSVs:
//! `transactions` says who bought what, `products` what that is.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::lines::{Lines, Next};
use super::row::{self, Cells, Price, Spoilt};
use super::table::{Fields, Header, Known};
use super::values;

/// The columns of `transactions`. Those that are not required say nothing that Koi uses.
pub const COLUMNS: &[Known] = &[
    Known { names: &["household_id"], required: true },
    Known { names: &["basket_id"], required: true },
    Known { names: &["product_id"], required: true },
    Known { names: &["quantity"], required: true },
    Known { names: &["sales_value"], required: true },
    Known { names: &["transaction_timestamp"], required: true },
    Known { names: &["store_id"], required: false },
    Known { names: &["retail_disc"], required: false },
    Known { names: &["coupon_disc"], required: false },
    Known { names: &["coupon_match_disc"], required: false },
    Known { names: &["week"], required: false },
];

const BASKET: usize = 1;

const PRODUCT_COLUMNS: &[Known] = &[
    Known { names: &["product_id"], required: true },
    Known { names: &["product_category"], required: true },
    Known { names: &["product_type"], required: true },
];

/// Products that are remembered: about 100 bytes each. Lines of others have no name.
const MAX_PRODUCTS: usize = 2_000_000;

/// Names that a table may go under, the whole one before a sample of it.
fn names(table: &str) -> [String; 4] {
    [format!("{table}.csv"), format!("{table}.csv.gz"), format!("{table}_sample.csv"), format!("{table}_sample.csv.gz")]
}

/// The file of a table in a folder.
pub fn file_of(folder: &Path, table: &str) -> Option<PathBuf> {
    names(table).into_iter().map(|name| folder.join(name)).find(|path| path.is_file())
}

/// What the products are called and where they belong.
#[derive(Debug, Default)]
pub struct Products(HashMap<Box<str>, (Box<str>, Box<str>)>);

impl Products {
    /// Reads `products`; a line that cannot be taken apart leaves its product without a name.
    ///
    /// # Errors
    /// What is wrong with the file, as a fragment.
    pub fn read(path: &Path) -> Result<Products, String> {
        let unreadable = |error: io::Error| error.to_string();
        let bytes = fs::metadata(path).map_err(unreadable)?.len();
        let mut lines = Lines::open(path, bytes).map_err(unreadable)?;
        let (mut header, mut all, mut fields) = (None, HashMap::new(), Fields::default());
        loop {
            match lines.advance().map_err(unreadable)? {
                Next::End => break,
                Next::TooLong => continue,
                Next::Line => {}
            }
            let Ok(line) = std::str::from_utf8(lines.line()) else { continue };
            let Some(header) = &header else {
                header = Some(Header::read(line, PRODUCT_COLUMNS)?);
                continue;
            };
            let (record, result) = fields.split(line);
            let field = |which: usize| header.field(which, record).trim();
            if result.is_ok() && record.len() == header.columns && all.len() < MAX_PRODUCTS {
                all.insert(field(0).into(), (field(2).into(), field(1).into()));
            }
        }
        if header.is_none() { Err("no header".to_owned()) } else { Ok(Products(all)) }
    }

    fn of(&self, sku: &str) -> (&str, &str) {
        self.0.get(sku.trim()).map_or(("", ""), |(name, category)| (&**name, &**category))
    }
}

/// Reads rows under one header.
#[derive(Debug)]
pub struct CompleteJourney {
    header: Header,
    fields: Fields,
    products: Products,
}

impl CompleteJourney {
    pub fn new(header: Header, products: Products) -> CompleteJourney {
        CompleteJourney { header, fields: Fields::default(), products }
    }

    /// Takes a line apart. What a line was sold for is divided by its units; a line of no units is a coupon's or a
    /// correction's and says nothing of what was bought.
    pub fn cells<'a>(&'a mut self, line: &'a str) -> Result<Cells<'a>, Spoilt> {
        let record = row::record(&mut self.fields, &self.header, line, BASKET)?;
        let field = |which: usize| self.header.field(which, record);
        let (name, category) = self.products.of(field(2));
        let (price, quantity) = unit(field(4), field(3));
        Ok(Cells {
            shopper: Cow::Borrowed(field(0)),
            order: Cow::Borrowed(field(BASKET).trim()),
            at: Cow::Borrowed(field(5)),
            sku: Cow::Borrowed(field(2)),
            name: Cow::Borrowed(name),
            category: Cow::Borrowed(category),
            price,
            void: values::whole(&quantity) == Some(0),
            quantity,
            cancelled: false,
        })
    }
}

/// The price of one unit and the units, from what all of them were sold for. What is sold by measure (fuel, in
/// thousandths of a gallon) comes to less than a cent a unit: it is one unit at the whole price. What cannot be read stays
/// as it is, to be rejected.
fn unit<'a>(value: &'a str, quantity: &'a str) -> (Price<'a>, Cow<'a, str>) {
    match (values::cents(value), values::whole(quantity)) {
        (Some(cents), Some(units)) if units > 0 && cents >= 0 => match (cents + units / 2) / units {
            0 if cents > 0 => (Price::Cents(Cow::Owned(cents.to_string())), Cow::Borrowed("1")),
            each => (Price::Cents(Cow::Owned(each.to_string())), Cow::Owned(units.to_string())),
        },
        _ => (Price::Decimal(Cow::Borrowed(value)), Cow::Borrowed(quantity)),
    }
}
