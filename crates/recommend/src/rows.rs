//! Rows of `shopper,basket,at,item`, read one at a time; what is wrong is said with its line.

use std::io::Read;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

const COLUMNS: [&str; 4] = ["shopper", "basket", "at", "item"];

/// What is wrong with a file of rows.
#[derive(Debug, thiserror::Error)]
pub enum RowsError {
    #[error("{file}: the header lacks `{missing}`; expected the columns {columns}")]
    Header { file: String, missing: &'static str, columns: String },
    #[error("{file}, line {line}: {reason}")]
    Line { file: String, line: u64, reason: String },
    #[error("{file}: no rows; expected a header {columns} and at least one row")]
    Empty { file: String, columns: String },
    #[error("{file}: cannot be read: {source}")]
    Read { file: String, source: std::io::Error },
}

/// One row; the texts are not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row<'a> {
    pub shopper: &'a str,
    pub basket: &'a str,
    /// Unix milliseconds; a time without a zone is taken for UTC.
    pub at_ms: i64,
    pub item: &'a str,
}

/// Calls `take` for every row of `reader`; `file` is how errors name it. The columns may be in any order and others
/// beside them are ignored.
pub fn read(file: &str, reader: impl Read, mut take: impl FnMut(Row<'_>)) -> Result<(), RowsError> {
    let mut last: (String, Option<i64>) = (String::new(), None);
    fields(file, reader, COLUMNS, |[shopper, basket, at, item]| {
        not_empty([("shopper", shopper), ("basket", basket), ("item", item)])?;
        // Rows of one basket mostly follow each other: its time is read once.
        if last.1.is_none() || at != last.0 {
            last = (at.to_owned(), parse_at(at));
        }
        let at_ms = last.1.ok_or_else(|| {
            format!("`at` is {at:?}; expected a date such as 2011-12-09 or RFC 3339 such as 2011-12-09T12:50:00Z")
        })?;
        take(Row { shopper, basket, at_ms, item });
        Ok(())
    })
}

/// Calls `take` with shopper and item of every row of `reader`, as [`read`] does.
pub fn read_pairs(file: &str, reader: impl Read, mut take: impl FnMut(&str, &str)) -> Result<(), RowsError> {
    fields(file, reader, ["shopper", "item"], |[shopper, item]| {
        not_empty([("shopper", shopper), ("item", item)])?;
        take(shopper, item);
        Ok(())
    })
}

fn not_empty<const N: usize>(fields: [(&str, &str); N]) -> Result<(), String> {
    match fields.iter().find(|(_, value)| value.is_empty()) {
        Some((name, _)) => Err(format!("`{name}` is empty; each row needs all columns")),
        None => Ok(()),
    }
}

/// Calls `take` with the fields of these columns of every row; what it says is wrong becomes an error with the line.
fn fields<const N: usize>(
    file: &str,
    reader: impl Read,
    names: [&'static str; N],
    mut take: impl FnMut([&str; N]) -> Result<(), String>,
) -> Result<(), RowsError> {
    let mut csv = csv::Reader::from_reader(reader);
    let headers = csv.headers().map_err(|error| unreadable(file, error))?;
    let columns = || names.join(",");
    if headers.is_empty() {
        return Err(RowsError::Empty { file: file.to_owned(), columns: columns() });
    }
    let mut places = [0; N];
    for (place, name) in places.iter_mut().zip(names) {
        let found = headers.iter().position(|header| header.trim().eq_ignore_ascii_case(name));
        *place = found.ok_or_else(|| RowsError::Header { file: file.to_owned(), missing: name, columns: columns() })?;
    }
    let mut record = csv::StringRecord::new();
    let mut rows = 0u64;
    while csv.read_record(&mut record).map_err(|error| unreadable(file, error))? {
        let line = record.position().map_or(0, csv::Position::line);
        take(places.map(|place| record.get(place).unwrap_or("").trim())).map_err(|reason| RowsError::Line {
            file: file.to_owned(),
            line,
            reason,
        })?;
        rows += 1;
    }
    if rows == 0 { Err(RowsError::Empty { file: file.to_owned(), columns: columns() }) } else { Ok(()) }
}

/// A date, a date and time, or RFC 3339, as Unix milliseconds.
pub(crate) fn parse_at(text: &str) -> Option<i64> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at.as_millisecond());
    }
    let local = match text.parse::<Date>() {
        Ok(date) if text.len() == "2011-12-09".len() => date.to_datetime(jiff::civil::Time::midnight()),
        _ => text.parse::<DateTime>().ok()?,
    };
    Some(local.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

fn unreadable(file: &str, error: csv::Error) -> RowsError {
    let line = error.position().map_or(0, csv::Position::line);
    let file = file.to_owned();
    match error.into_kind() {
        csv::ErrorKind::Io(source) => RowsError::Read { file, source },
        csv::ErrorKind::Utf8 { .. } => RowsError::Line { file, line, reason: "is not UTF-8 text".to_owned() },
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            let reason =
                format!("has {len} columns where the header has {expected_len}; a field with a comma needs quotes");
            RowsError::Line { file, line, reason }
        }
        _ => RowsError::Line { file, line, reason: "is not CSV".to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_rows_are_read_and_bad_ones_named() {
        let check = |text: &[u8], expect: &str| {
            let mut got = String::new();
            let result = read("train.csv", text, |row| {
                got.push_str(&format!("{} {} {} {};", row.shopper, row.basket, row.at_ms, row.item));
            });
            let got = result.map_or_else(|error| error.to_string(), |()| got);
            assert!(got.contains(expect), "{:?}: {got}", String::from_utf8_lossy(text));
        };
        check(b"shopper,basket,at,item\n1,2,1970-01-02,a\n", "1 2 86400000 a;");
        check(b"\xef\xbb\xbfshopper,basket,at,item\r\n1,2,1970-01-01T00:00:01+00:00,a\r\n", "1 2 1000 a;");
        check(b"item,extra,at,basket,shopper\n\"a,b\",x,1970-01-01 00:00:02,2,1\n", "1 2 2000 a,b;");
        check(b"shopper,basket,at,item\n 1 ,2,1970-01-01T01:00:00+01:00, a\n1,3,1970-01-01,b\n", "1 2 0 a;1 3 0 b;");
        check(b"", "train.csv: no rows");
        check(b"shopper,basket,at,item\n", "no rows");
        check(b"shopper,basket,time,item\n1,2,3,4\n", "the header lacks `at`");
        check(b"1,2,1970-01-01,a\n", "the header lacks `shopper`");
        check(b"shopper,basket,at,item\n1,2,1970-01-01,a\n1,2,yesterday,a\n", "line 3: `at` is \"yesterday\"");
        check(b"shopper,basket,at,item\n1,2,2011-13-01,a\n", "line 2: `at`");
        check(b"shopper,basket,at,item\n1,2,,a\n", "line 2: `at` is \"\"");
        check(b"shopper,basket,at,item\n,2,1970-01-01,a\n", "line 2: `shopper` is empty");
        check(b"shopper,basket,at,item\n1,2,1970-01-01\n", "line 2: has 3 columns");
        check(b"shopper,basket,at,item\n1,2,1970-01-01,\xff\n", "line 2: is not UTF-8");
    }

    #[test]
    fn pairs_need_only_two_columns() {
        let check = |text: &[u8], expect: &str| {
            let mut got = String::new();
            let result = read_pairs("f.csv", text, |shopper, item| got.push_str(&format!("{shopper} {item};")));
            let got = result.map_or_else(|error| error.to_string(), |()| got);
            assert!(got.contains(expect), "{:?}: {got}", String::from_utf8_lossy(text));
        };
        check(b"shopper,item\n1,a\n2, b\n", "1 a;2 b;");
        check(b"item,rating,shopper\na,5,1\n", "1 a;");
        check(b"shopper,thing\n1,a\n", "the header lacks `item`; expected the columns shopper,item");
        check(b"shopper,item\n1,\n", "line 2: `item` is empty");
        check(b"shopper,item\n", "no rows");
    }
}
