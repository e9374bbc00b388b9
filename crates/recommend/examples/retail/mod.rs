//! Reads the lines that `cargo xtask bench` makes of Online Retail: tab-separated `shopper, invoice, at, item, price_cents,
//! name`.

use std::fs;
use std::io;

use domain::ids::ShopperId;
use recommend::baskets::{Builder, Dataset, order_key};

/// The data set of a file.
pub fn read(path: &str) -> io::Result<Dataset> {
    let text = fs::read_to_string(path)?;
    let bad = |line: &str| io::Error::other(format!("not six columns: {line}"));
    let mut builder = Builder::default();
    for line in text.lines() {
        let mut fields = line.split('\t');
        let mut field = || fields.next().ok_or_else(|| bad(line));
        let (shopper, invoice, at, item, price, name) = (field()?, field()?, field()?, field()?, field()?, field()?);
        let shopper = ShopperId(shopper.parse().map_err(io::Error::other)?);
        if let Some(id) = builder.catalogue().intern(item, name, "") {
            builder.catalogue().saw_price(id, price.parse().map_err(io::Error::other)?);
            builder.add_line(shopper, order_key(invoice), at_ms(at).ok_or_else(|| bad(line))?, id);
        }
    }
    Ok(builder.build())
}

/// `2010-12-01 08:26:00` as Unix milliseconds (days-from-civil by Howard Hinnant, 2013).
fn at_ms(text: &str) -> Option<i64> {
    let mut numbers = text.split(['-', ' ', ':']).map(|part| part.parse::<i64>().ok());
    let mut next = || numbers.next().flatten();
    let (year, month, day, hour, minute, second) = (next()?, next()?, next()?, next()?, next()?, next()?);
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let year_of_era = year - era * 400;
    let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
    Some(((days * 24 + hour) * 60 + minute) * 60_000 + second * 1_000)
}
