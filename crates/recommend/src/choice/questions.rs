//! Purchases and questions as files.
//!
//! Purchases are CSV with the columns `shopper,basket,at,item,category,price_cents,quantity` in any order; the last
//! three may be missing or empty. Questions are one JSON object a line.

use std::io::{BufRead, BufReader, Read};

use serde::Deserialize;

use crate::baskets::{Builder, order_key};
use crate::rows::parse_at;
use domain::ids::ShopperId;
use rustc_hash::FxHashMap;

/// Questions of one file at most: their features are in memory together.
pub const MAX_QUESTIONS: usize = 1_000_000;

/// Options of a question, and names of all its options together.
pub const MAX_OPTIONS: usize = 1_000;
pub const MAX_NAMES: usize = 10_000;

/// Bytes of a line of questions.
const MAX_LINE: u64 = 4 << 20;

/// What is wrong with purchases or questions.
#[derive(Debug, thiserror::Error)]
pub enum QuestionsError {
    #[error("{file}: the header lacks `{missing}`; expected shopper,basket,at,item,category,price_cents,quantity")]
    Header { file: String, missing: &'static str },
    #[error("{file}, line {line}: {reason}")]
    Line { file: String, line: u64, reason: String },
    #[error("{file}: nothing in it")]
    Empty { file: String },
    #[error("{file}: cannot be read: {source}")]
    Read { file: String, source: std::io::Error },
    #[error("{file}: more than {what}")]
    TooMany { file: String, what: String },
}

/// One option: products or categories by name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct QuestionOption {
    pub id: String,
    pub items: Vec<String>,
}

/// One question: which option does the shopper buy from at `before` or later. Only what was bought earlier may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub shopper: String,
    pub before_ms: i64,
    pub options: Vec<QuestionOption>,
    /// The place of the right option.
    pub answer: usize,
}

#[derive(Deserialize)]
struct Line {
    shopper: String,
    before: String,
    options: Vec<QuestionOption>,
    answer: String,
}

impl Line {
    fn check(self) -> Result<Question, String> {
        let before_ms = parse_at(&self.before)
            .ok_or_else(|| format!("`before` is {:?}; expected a date or RFC 3339", self.before))?;
        if !(2..=MAX_OPTIONS).contains(&self.options.len()) {
            return Err(format!("{} options; expected 2 to {MAX_OPTIONS}", self.options.len()));
        }
        if self.options.iter().map(|option| option.items.len()).sum::<usize>() > MAX_NAMES {
            return Err(format!("more than {MAX_NAMES} items in its options"));
        }
        if let Some(empty) = self.options.iter().find(|option| option.items.is_empty()) {
            return Err(format!("option {:?} has no items", empty.id));
        }
        let mut ids: Vec<&str> = self.options.iter().map(|option| option.id.as_str()).collect();
        ids.sort_unstable();
        if let Some(pair) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(format!("two options are called {:?}", pair[0]));
        }
        let answer = self.options.iter().position(|option| option.id == self.answer);
        let answer = answer.ok_or_else(|| format!("`answer` {:?} is no option", self.answer))?;
        Ok(Question { shopper: self.shopper, before_ms, options: self.options, answer })
    }
}

/// Reads questions; every line that is not empty is one.
pub fn read(file: &str, reader: impl Read) -> Result<Vec<Question>, QuestionsError> {
    let mut reader = BufReader::new(reader);
    let (mut questions, mut line, mut text) = (Vec::new(), 0, Vec::new());
    loop {
        text.clear();
        line += 1;
        let wrong = |reason: String| QuestionsError::Line { file: file.to_owned(), line, reason };
        let read = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut text);
        match read.map_err(|source| QuestionsError::Read { file: file.to_owned(), source })? {
            0 => break,
            n if n as u64 == MAX_LINE => return Err(wrong("is longer than 4 MB".to_owned())),
            _ if text.trim_ascii().is_empty() => continue,
            _ if questions.len() >= MAX_QUESTIONS => {
                return Err(QuestionsError::TooMany {
                    file: file.to_owned(),
                    what: format!("{MAX_QUESTIONS} questions"),
                });
            }
            _ => {}
        }
        let parsed: Line = serde_json::from_slice(&text).map_err(|error| wrong(format!("is no question: {error}")))?;
        questions.push(parsed.check().map_err(wrong)?);
    }
    if questions.is_empty() { Err(QuestionsError::Empty { file: file.to_owned() }) } else { Ok(questions) }
}

const COLUMNS: [&str; 5] = ["shopper", "basket", "at", "item", "category"];

/// Reads purchases into a builder; shoppers are numbered as they come, and the numbers are returned.
pub fn read_purchases(
    file: &str,
    reader: impl Read,
    builder: &mut Builder,
) -> Result<FxHashMap<String, ShopperId>, QuestionsError> {
    let mut csv = csv::Reader::from_reader(reader);
    let unreadable = |error: csv::Error| {
        let line = error.position().map_or(0, csv::Position::line);
        match error.into_kind() {
            csv::ErrorKind::Io(source) => QuestionsError::Read { file: file.to_owned(), source },
            _ => QuestionsError::Line { file: file.to_owned(), line, reason: "is not CSV of UTF-8 text".to_owned() },
        }
    };
    let headers = csv.headers().map_err(unreadable)?;
    let mut places = [None; COLUMNS.len()];
    for (place, name) in places.iter_mut().zip(COLUMNS) {
        *place = headers.iter().position(|header| header.trim().eq_ignore_ascii_case(name));
        if place.is_none() && name != "category" {
            return Err(QuestionsError::Header { file: file.to_owned(), missing: name });
        }
    }
    let mut shoppers: FxHashMap<String, ShopperId> = FxHashMap::default();
    let mut record = csv::StringRecord::new();
    while csv.read_record(&mut record).map_err(unreadable)? {
        let line = record.position().map_or(0, csv::Position::line);
        let wrong = |reason: &str| QuestionsError::Line { file: file.to_owned(), line, reason: reason.to_owned() };
        let [shopper, basket, at, item, category] =
            places.map(|place| place.and_then(|place| record.get(place)).unwrap_or("").trim());
        if shopper.is_empty() || basket.is_empty() || item.is_empty() {
            return Err(wrong("`shopper`, `basket` and `item` must not be empty"));
        }
        let at_ms = parse_at(at).ok_or_else(|| wrong("`at` is no date and not RFC 3339"))?;
        let next = ShopperId(shoppers.len() as u64 + 1);
        let id = *shoppers.entry(shopper.to_owned()).or_insert(next);
        if let Some(item) = builder.catalogue().intern(item, item, category) {
            builder.add_line(id, order_key(basket), at_ms, item);
        }
    }
    if builder.dropped() > 0 {
        return Err(QuestionsError::TooMany { file: file.to_owned(), what: "fits into a data set".to_owned() });
    }
    if shoppers.is_empty() { Err(QuestionsError::Empty { file: file.to_owned() }) } else { Ok(shoppers) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_questions_are_read_and_bad_ones_named() {
        let options = r#""options":[{"id":"A","items":["tea"]},{"id":"B","items":["soil","seed"]}]"#;
        let check = |text: &str, expect: &str| {
            let got = read("q.jsonl", text.as_bytes()).map_or_else(|e| e.to_string(), |q| format!("{q:?}"));
            assert!(got.contains(expect), "{text}: {got}");
        };
        check(&format!(r#"{{"shopper":"1","before":"1970-01-02",{options},"answer":"B"}}"#), "answer: 1");
        check(
            &format!("\n{{\"shopper\":\"1\",\"before\":\"1970-01-02\",{options},\"answer\":\"B\"}}\n\n"),
            "before_ms: 86400000",
        );
        check(
            &format!(r#"{{"shopper":"1","before":"1970-01-02",{options},"answer":"C"}}"#),
            "line 1: `answer` \"C\" is no option",
        );
        check(&format!(r#"{{"shopper":"1","before":"soon",{options},"answer":"A"}}"#), "`before`");
        check(
            &format!(r#"{{"shopper":"1",{options},"answer":"A"}}"#),
            "line 1: is no question: missing field `before`",
        );
        check(
            r#"{"shopper":"1","before":"1970-01-02","options":[{"id":"A","items":["x"]}],"answer":"A"}"#,
            "1 options",
        );
        check(
            r#"{"shopper":"1","before":"1970-01-02","options":[{"id":"A","items":["x"]},{"id":"A","items":["y"]}],"answer":"A"}"#,
            "two options are called \"A\"",
        );
        check(
            r#"{"shopper":"1","before":"1970-01-02","options":[{"id":"A","items":["x"]},{"id":"B","items":[]}],"answer":"A"}"#,
            "option \"B\" has no items",
        );
        check("", "nothing in it");
    }

    #[test]
    fn good_purchases_are_read_and_bad_ones_named() {
        let check = |text: &[u8], expect: &str| {
            let mut builder = Builder::default();
            let got = read_purchases("p.csv", text, &mut builder);
            let got =
                got.map_or_else(|e| e.to_string(), |s| format!("{} shoppers, {:?}", s.len(), builder.catalogue()));
            assert!(got.contains(expect), "{:?}: {got}", String::from_utf8_lossy(text));
        };
        check(
            b"shopper,basket,at,item,category,price_cents,quantity\n1,1,1970-01-01,a,k,5,1\n2,2,1970-01-01,b,,,\n",
            "2 shoppers",
        );
        check(b"item,at,basket,shopper\na,1970-01-01,1,1\n", "1 shoppers");
        check(b"shopper,basket,item,category\n", "lacks `at`");
        check(b"shopper,basket,at,item,category\n1,1,then,a,k\n", "line 2: `at`");
        check(b"shopper,basket,at,item,category\n1,1,1970-01-01,,k\n", "line 2: `shopper`");
        check(b"shopper,basket,at,item,category\n1,1\n", "is not CSV");
        check(b"shopper,basket,at,item,category\n", "nothing in it");
    }
}
