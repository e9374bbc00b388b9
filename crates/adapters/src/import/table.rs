//! CSV of one record a line: fields split by commas, `"…"` around a field that holds one, `""` for a quote in it.
//!
//! A record never spans lines. So an unclosed quote spoils its own line and no other, which a reader of multi-line
//! records cannot promise.

use std::ops::Range;

/// Most columns of a file; a line with more is rejected.
pub const MAX_COLUMNS: usize = 64;

/// Why a line is no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRecord {
    #[error("a quote is not closed")]
    OpenQuote,
    #[error("text follows a closing quote")]
    AfterQuote,
    #[error("more than {MAX_COLUMNS} columns")]
    TooManyColumns,
}

/// The fields of one line, in reused buffers.
#[derive(Debug, Default)]
pub struct Fields {
    unquoted: String,
    ranges: Vec<Range<usize>>,
}

impl Fields {
    /// Splits `line`. On an error the fields before the fault are kept.
    pub fn split<'a>(&'a mut self, line: &'a str) -> (Record<'a>, Result<(), BadRecord>) {
        self.ranges.clear();
        if !line.as_bytes().contains(&b'"') {
            let result = self.split_plain(line);
            return (Record { text: line, ranges: &self.ranges }, result);
        }
        self.unquoted.clear();
        let result = self.split_quoted(line);
        (Record { text: &self.unquoted, ranges: &self.ranges }, result)
    }

    fn split_plain(&mut self, line: &str) -> Result<(), BadRecord> {
        let mut start = 0;
        for (at, byte) in line.bytes().enumerate() {
            if byte == b',' {
                push(&mut self.ranges, start..at)?;
                start = at + 1;
            }
        }
        push(&mut self.ranges, start..line.len())
    }

    fn split_quoted(&mut self, line: &str) -> Result<(), BadRecord> {
        let mut rest = line;
        loop {
            let start = self.unquoted.len();
            rest = match rest.strip_prefix('"') {
                Some(quoted) => unquote(quoted, &mut self.unquoted)?,
                None => {
                    let end = rest.find(',').unwrap_or(rest.len());
                    self.unquoted.push_str(&rest[..end]);
                    &rest[end..]
                }
            };
            push(&mut self.ranges, start..self.unquoted.len())?;
            match rest.strip_prefix(',') {
                Some(next) => rest = next,
                None if rest.is_empty() => return Ok(()),
                None => return Err(BadRecord::AfterQuote),
            }
        }
    }
}

/// One line's fields.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    text: &'a str,
    ranges: &'a [Range<usize>],
}

impl<'a> Record<'a> {
    /// The field of a column, `None` where the line is too short.
    pub fn get(&self, column: usize) -> Option<&'a str> {
        self.ranges.get(column).map(|range| &self.text[range.clone()])
    }

    pub fn len(&self) -> usize {
        self.ranges.len()
    }
}

fn push(ranges: &mut Vec<Range<usize>>, range: Range<usize>) -> Result<(), BadRecord> {
    if ranges.len() == MAX_COLUMNS {
        return Err(BadRecord::TooManyColumns);
    }
    ranges.push(range);
    Ok(())
}

/// Appends the field that `quoted` begins with and returns what follows its closing quote.
fn unquote<'a>(mut quoted: &'a str, into: &mut String) -> Result<&'a str, BadRecord> {
    loop {
        let at = quoted.find('"').ok_or(BadRecord::OpenQuote)?;
        into.push_str(&quoted[..at]);
        quoted = &quoted[at + 1..];
        match quoted.strip_prefix('"') {
            Some(rest) => {
                into.push('"');
                quoted = rest;
            }
            None => return Ok(quoted),
        }
    }
}

/// A column that a format knows, by the names it goes under (compared without case, blanks and underscores).
pub struct Known {
    pub names: &'static [&'static str],
    pub required: bool,
}

/// Where each known column stands in a file, its column count, and the columns that are passed over.
#[derive(Debug, PartialEq, Eq)]
pub struct Header {
    pub places: Vec<Option<usize>>,
    pub columns: usize,
    pub ignored: Vec<String>,
}

impl Header {
    /// A known column's field, empty where the file has no such column.
    pub fn field<'a>(&self, which: usize, record: Record<'a>) -> &'a str {
        self.places[which].and_then(|column| record.get(column)).unwrap_or_default()
    }

    /// Reads a header line; `Err` is a fragment that says what is wrong with it.
    pub fn read(line: &str, known: &[Known]) -> Result<Header, String> {
        let mut fields = Fields::default();
        let (record, result) = fields.split(line);
        result.map_err(|e| e.to_string())?;
        let mut header = Header { places: vec![None; known.len()], columns: record.len(), ignored: Vec::new() };
        for column in 0..record.len() {
            let name = record.get(column).unwrap_or_default();
            let Some(which) = known.iter().position(|k| k.names.iter().any(|n| plain(n) == plain(name))) else {
                header.ignored.push(name.trim().to_owned());
                continue;
            };
            if header.places[which].replace(column).is_some() {
                return Err(format!("column {:?} stands twice", known[which].names[0]));
            }
        }
        let missing: Vec<&str> = known
            .iter()
            .zip(&header.places)
            .filter(|(k, place)| k.required && place.is_none())
            .map(|(k, _)| k.names[0])
            .collect();
        match missing.as_slice() {
            [] => Ok(header),
            names => Err(format!("missing {}", names.join(", "))),
        }
    }
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | ' ' | '\t')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_split_into_fields() {
        let check = |line: &str, expect: Result<&[&str], BadRecord>| {
            let mut fields = Fields::default();
            let (record, result) = fields.split(line);
            let got: Vec<&str> = (0..record.len()).filter_map(|c| record.get(c)).collect();
            match expect {
                Ok(want) => assert_eq!((got.as_slice(), result), (want, Ok(())), "{line:?}"),
                Err(want) => assert_eq!(result, Err(want), "{line:?}"),
            }
        };
        check("a,b,c", Ok(&["a", "b", "c"]));
        check("", Ok(&[""]));
        check("a,,", Ok(&["a", "", ""]));
        check("a,\"b,c\",d", Ok(&["a", "b,c", "d"]));
        check("a,\"5\"\" box\",锦鲤", Ok(&["a", "5\" box", "锦鲤"]));
        check("\"\"", Ok(&[""]));
        check("\"\",x", Ok(&["", "x"]));
        check("a 5\" box,b", Ok(&["a 5\" box", "b"]));
        check("a,\"b,c", Err(BadRecord::OpenQuote));
        check("a,\"b\"c,d", Err(BadRecord::AfterQuote));
        check(&",".repeat(MAX_COLUMNS), Err(BadRecord::TooManyColumns));
        check(&"\"\",".repeat(MAX_COLUMNS), Err(BadRecord::TooManyColumns));
    }

    #[test]
    fn headers_are_known_or_refused() {
        let known =
            [Known { names: &["order_id", "invoice"], required: true }, Known { names: &["name"], required: false }];
        let check = |line: &str, expect: Result<(&[Option<usize>], &[&str]), &str>| match (
            Header::read(line, &known),
            expect,
        ) {
            (Ok(got), Ok((places, ignored))) => {
                assert_eq!(
                    (got.places.as_slice(), got.ignored),
                    (places, ignored.iter().map(|s| (*s).to_owned()).collect())
                )
            }
            (Err(got), Err(want)) => assert_eq!(got, want, "{line:?}"),
            (got, want) => panic!("{line:?}: {got:?}, want {want:?}"),
        };
        check("order_id,name", Ok((&[Some(0), Some(1)], &[])));
        check("Country,Order ID", Ok((&[Some(1), None], &["Country"])));
        check("\"INVOICE\"", Ok((&[Some(0), None], &[])));
        check("name", Err("missing order_id"));
        check("invoice,order_id", Err("column \"order_id\" stands twice"));
        check("\"invoice", Err("a quote is not closed"));
    }
}
