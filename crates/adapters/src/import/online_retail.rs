//! The Online Retail data set (Chen, Sain and Guo 2012, UCI), as CSV: what a row's columns mean.

use std::borrow::Cow;

use super::category::Categories;
use super::row::{self, Cells, Price, Spoilt};
use super::table::{Fields, Header, Known};

/// The columns by the names of the first and of the second edition. `Country` says nothing that Koi uses.
pub const COLUMNS: &[Known] = &[
    Known { names: &["InvoiceNo", "Invoice"], required: true },
    Known { names: &["StockCode"], required: true },
    Known { names: &["Description"], required: true },
    Known { names: &["Quantity"], required: true },
    Known { names: &["InvoiceDate"], required: true },
    Known { names: &["UnitPrice", "Price"], required: true },
    Known { names: &["CustomerID"], required: true },
    Known { names: &["Country"], required: false },
];

const INVOICE: usize = 0;

/// Reads rows under one header.
#[derive(Debug)]
pub struct OnlineRetail {
    header: Header,
    fields: Fields,
    categories: Categories,
}

impl OnlineRetail {
    pub fn new(header: Header) -> OnlineRetail {
        OnlineRetail { header, fields: Fields::default(), categories: Categories::default() }
    }

    /// Takes a line apart. An invoice that starts with C is cancelled, which is this format's word for a return.
    pub fn cells<'a>(&'a mut self, line: &'a str) -> Result<Cells<'a>, Spoilt> {
        let header = &self.header;
        let record = row::record(&mut self.fields, header, line, INVOICE)?;
        let field = |which: usize| header.places[which].and_then(|column| record.get(column)).unwrap_or_default();
        let (order, name) = (field(INVOICE).trim(), field(2).trim());
        let shopper = field(6);
        // Skipped rows need no category, and they are a quarter of the file.
        let category = if shopper.is_empty() { String::new() } else { self.categories.of(name) };
        Ok(Cells {
            order: Cow::Borrowed(order),
            shopper: Cow::Borrowed(shopper),
            at: Cow::Borrowed(field(4)),
            sku: Cow::Borrowed(field(1)),
            name: Cow::Borrowed(name),
            category: Cow::Owned(category),
            price: Price::Decimal(Cow::Borrowed(field(5))),
            quantity: Cow::Borrowed(field(3)),
            cancelled: order.starts_with(['C', 'c']),
            void: false,
        })
    }
}
