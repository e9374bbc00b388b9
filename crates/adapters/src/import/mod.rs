//! Behaviour from files: `koi import`. Formats, columns and rules are told to users in `docs/import-formats.md`.
//!
//! `Reader` turns a file into `Group`s, one line of the file at a time, in bounded memory. Each row ends as exactly one
//! of accepted (it is in a group), skipped (nobody's purchase) or rejected (listed with its line and the reason), and a
//! bad row never stops the rest: `accepted + skipped + rejected = rows`, always.
//!
//! A row's key is its order's id and its ordinal, that is its position among all rows of that order in the file. It is
//! what makes a second import harmless: see `Ranges`.

mod category;
mod complete_journey;
mod lines;
mod online_retail;
mod ordinals;
mod purchases;
mod ranges;
mod rejects;
mod row;
mod sheet;
mod table;
#[cfg(test)]
mod tests;
mod values;

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use domain::behaviour::Item;

use complete_journey::{CompleteJourney, Products};
use lines::{Lines, Next};
use online_retail::OnlineRetail;
use ordinals::Ordinals;
use rejects::Rejects;
use row::{Cells, Outcome, Row, Spoilt};
use table::{Fields, Header};

pub use lines::MAX_LINE_BYTES;
pub use ordinals::MAX_ORDERS;
pub use ranges::{BadRanges, Ranges};
pub use rejects::rejects_path;

/// Most lines of a group. A longer order comes as several groups.
pub const MAX_GROUP_LINES: usize = 1_000;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The Online Retail data set, as CSV or as the spreadsheet that it is published as.
    OnlineRetail,
    /// The Complete Journey data set, as a folder of CSVs.
    CompleteJourney,
    /// Koi's own columns, as CSV, NDJSON or a spreadsheet; the first bytes tell which.
    Purchases,
}

impl Format {
    /// The word of the command line and of what was imported.
    pub fn word(self) -> &'static str {
        match self {
            Format::OnlineRetail => "online-retail",
            Format::CompleteJourney => "complete-journey",
            Format::Purchases => "purchases",
        }
    }
}

/// A format that Koi does not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown format {0:?}: expected online-retail, complete-journey or purchases")]
pub struct UnknownFormat(String);

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Format, UnknownFormat> {
        let all = [Format::OnlineRetail, Format::CompleteJourney, Format::Purchases];
        all.into_iter().find(|format| format.word() == name).ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

/// Why a file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{} does not exist", .0.display())]
    Missing(PathBuf),
    #[error("{} is a directory, expected a file", .0.display())]
    Directory(PathBuf),
    #[error("{} is empty", .0.display())]
    Empty(PathBuf),
    #[error("{} has a wrong header: {problem}", path.display())]
    Header { path: PathBuf, problem: String },
    #[error("{} is a file, expected a folder", .0.display())]
    NotFolder(PathBuf),
    #[error("{} has no {table}.csv or {table}.csv.gz", folder.display())]
    Lacks { folder: PathBuf, table: &'static str },
    #[error("{} cannot be read: {cause}", path.display())]
    Unreadable { path: PathBuf, cause: io::Error },
}

impl OpenError {
    /// Whether the command line was wrong (exit status 2) rather than the file (1).
    pub fn is_wrong_use(&self) -> bool {
        matches!(self, OpenError::Missing(_) | OpenError::Directory(_) | OpenError::NotFolder(_))
    }
}

/// What ended the reading before the end of the file. What was read before it stays good.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A damaged disk, or a gzip stream that is cut short or corrupt.
    #[error("{} cannot be read beyond line {line}: {cause}", path.display())]
    Input { path: PathBuf, line: u64, cause: io::Error },
    #[error("rejected rows cannot be written to {}: {cause}", path.display())]
    Rejects { path: PathBuf, cause: io::Error },
    #[error("{} has more than {} lines, split it at the start of an order", path.display(), u32::MAX)]
    TooManyLines { path: PathBuf },
}

/// What became of the rows so far. Blank lines and the header are no rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub rows: u64,
    pub accepted: u64,
    /// Rows without a shopper.
    pub skipped: u64,
    pub rejected: u64,
}

/// One accepted row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Position among all rows of this order in the file, from 0.
    pub ordinal: u32,
    /// Line number in the file, from 1.
    pub row: u64,
    pub item: Item,
}

/// A run of accepted rows of one order, one shopper and one direction, at most `MAX_GROUP_LINES`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The shop's id of the order.
    pub source_order: String,
    /// The shop's id of the shopper.
    pub shopper: String,
    /// Time of the first row, Unix milliseconds.
    pub at_ms: i64,
    pub is_return: bool,
    /// Never empty.
    pub lines: Vec<Line>,
}

impl Group {
    /// Drops the lines that are imported already and returns how many those are.
    pub fn drop_known(&mut self, known: &Ranges) -> u64 {
        let before = self.lines.len();
        self.lines.retain(|line| !known.contains(line.ordinal));
        (before - self.lines.len()) as u64
    }

    fn takes(&self, row: &Row<'_>) -> bool {
        self.lines.len() < MAX_GROUP_LINES
            && self.is_return == row.is_return
            && self.source_order == row.order
            && self.shopper == row.shopper
    }
}

/// Reads one file. Call `next_group` until it is `None`, then `finish`.
pub struct Reader {
    path: PathBuf,
    lines: Lines,
    parser: Parser,
    ordinals: Ordinals,
    rejects: Rejects,
    pending: Option<Group>,
    counts: Counts,
    ignored_columns: Vec<String>,
    failure: Option<ReadError>,
}

enum Parser {
    OnlineRetail(OnlineRetail),
    CompleteJourney(CompleteJourney),
    PurchasesCsv { fields: Fields, header: Header },
    PurchasesJson,
}

impl Parser {
    fn cells<'a>(&'a mut self, line: &'a str) -> Result<Cells<'a>, Spoilt> {
        match self {
            Parser::OnlineRetail(parser) => parser.cells(line),
            Parser::CompleteJourney(parser) => parser.cells(line),
            Parser::PurchasesCsv { fields, header } => purchases::csv_cells(fields, header, line),
            Parser::PurchasesJson => purchases::json_cells(line),
        }
    }
}

impl Reader {
    /// Opens a file (plain, gzip or a spreadsheet by its first bytes) or a folder, and reads its header.
    pub fn open(format: Format, path: &Path) -> Result<Reader, OpenError> {
        let about = fs::metadata(path).map_err(|cause| unreadable(path, cause))?;
        if format != Format::CompleteJourney {
            return if about.is_dir() {
                Err(OpenError::Directory(path.to_owned()))
            } else {
                Reader::of_file(format, path, Products::default())
            };
        }
        if !about.is_dir() {
            return Err(OpenError::NotFolder(path.to_owned()));
        }
        let table = |table: &'static str| {
            let lacks = || OpenError::Lacks { folder: path.to_owned(), table };
            complete_journey::file_of(path, table).ok_or_else(lacks)
        };
        let (transactions, products) = (table("transactions")?, table("products")?);
        let wrong = |problem: String| OpenError::Header { path: products.clone(), problem };
        Reader::of_file(format, &transactions, Products::read(&products).map_err(wrong)?)
    }

    fn of_file(format: Format, path: &Path, products: Products) -> Result<Reader, OpenError> {
        let unreadable = |cause: io::Error| unreadable(path, cause);
        let bytes = fs::metadata(path).map_err(unreadable)?.len();
        let mut lines = Lines::open(path, bytes).map_err(unreadable)?;
        let header = |problem: String| OpenError::Header { path: path.to_owned(), problem };
        match lines.advance().map_err(unreadable)? {
            Next::End => return Err(OpenError::Empty(path.to_owned())),
            Next::TooLong => return Err(header(format!("the first line is longer than {MAX_LINE_BYTES} bytes"))),
            Next::Line => {}
        }
        let (parser, ignored_columns) = parser(format, &mut lines, products).map_err(header)?;
        Ok(Reader {
            path: path.to_owned(),
            lines,
            parser,
            ordinals: Ordinals::new(MAX_ORDERS),
            rejects: Rejects::default(),
            pending: None,
            counts: Counts::default(),
            ignored_columns,
            failure: None,
        })
    }

    /// Lists rejected rows in a file at `path`, which is made (or written anew) at the first one.
    pub fn with_rejects(mut self, path: PathBuf) -> Reader {
        self.rejects = Rejects::to(path);
        self
    }

    /// The next group, in the file's order. `None` at the end and after a failure, of which `finish` tells.
    pub fn next_group(&mut self) -> Option<Group> {
        while self.failure.is_none() {
            match self.step() {
                Ok(Step::Full(group)) => return Some(group),
                Ok(Step::More) => {}
                Ok(Step::End) => break,
                Err(error) => self.failure = Some(error),
            }
        }
        self.pending.take()
    }

    /// Counts so far. Rows of a group not yet returned are among them.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Bytes read of the file as it lies on the disk, and its size (0 for a pipe).
    pub fn progress(&self) -> (u64, u64) {
        self.lines.progress()
    }

    /// Columns of the header that the format does not know.
    pub fn ignored_columns(&self) -> &[String] {
        &self.ignored_columns
    }

    /// Completes the file of rejects. Returns the final counts, the file of rejects where one was made, and what ended
    /// the reading early, if anything did.
    pub fn finish(mut self) -> (Counts, Option<PathBuf>, Option<ReadError>) {
        let flushed = self.rejects.flush();
        let written = self.rejects.written().map(Path::to_owned);
        if let (Err(cause), Some(path), None) = (flushed, &written, &self.failure) {
            self.failure = Some(ReadError::Rejects { path: path.clone(), cause });
        }
        (self.counts, written, self.failure)
    }

    /// Reads one line of the file.
    fn step(&mut self) -> Result<Step, ReadError> {
        let found = self.lines.advance().map_err(|cause| ReadError::Input {
            path: self.path.clone(),
            line: self.lines.number(),
            cause,
        })?;
        let row = self.lines.number();
        let Ok(line) = u32::try_from(row) else { return Err(ReadError::TooManyLines { path: self.path.clone() }) };
        match found {
            Next::End => return Ok(Step::End),
            Next::Line => {}
            Next::TooLong => {
                self.counts.rows += 1;
                self.ordinals.of(None, line);
                return self.reject(row, &format!("longer than {MAX_LINE_BYTES} bytes"));
            }
        }
        self.counts.rows += 1;
        let raw = self.lines.line();
        // A spoilt text is still split: its order must be counted, or the ordinals after it would change once it is mended.
        let (text, is_utf8) = match std::str::from_utf8(raw) {
            Ok(text) => (Cow::Borrowed(text), true),
            Err(_) => (String::from_utf8_lossy(raw), false),
        };
        let reason = match self.parser.cells(&text) {
            Err(spoilt) => {
                self.ordinals.of(spoilt.order.as_deref(), line);
                spoilt.reason
            }
            Ok(cells) => {
                let ordinal = self.ordinals.of(Some(&cells.order), line);
                match row::judge(&cells) {
                    _ if !is_utf8 => "not UTF-8".to_owned(),
                    Outcome::Rejected(reason) => reason,
                    Outcome::Skipped => {
                        self.counts.skipped += 1;
                        return Ok(Step::More);
                    }
                    Outcome::Accepted(accepted) => {
                        self.counts.accepted += 1;
                        return Ok(take(&mut self.pending, accepted, ordinal, row));
                    }
                }
            }
        };
        drop(text);
        self.reject(row, &reason)
    }

    fn reject(&mut self, row: u64, reason: &str) -> Result<Step, ReadError> {
        self.counts.rejected += 1;
        let listed = self.rejects.add(row, reason, self.lines.line());
        listed.map(|()| Step::More).map_err(|cause| ReadError::Rejects { path: self.rejects.path(), cause })
    }
}

fn unreadable(path: &Path, cause: io::Error) -> OpenError {
    match cause.kind() {
        io::ErrorKind::NotFound => OpenError::Missing(path.to_owned()),
        _ => OpenError::Unreadable { path: path.to_owned(), cause },
    }
}

enum Step {
    More,
    /// A group is complete, since the row after it belongs to another.
    Full(Group),
    End,
}

/// Adds a row to the pending group, or begins another and returns the one before.
fn take(pending: &mut Option<Group>, row: Row<'_>, ordinal: u32, number: u64) -> Step {
    let line = |item| Line { ordinal, row: number, item };
    if let Some(group) = pending.as_mut().filter(|group| group.takes(&row)) {
        group.lines.push(line(row.item));
        return Step::More;
    }
    let begun = Group {
        source_order: row.order.to_owned(),
        shopper: row.shopper.to_owned(),
        at_ms: row.at_ms,
        is_return: row.is_return,
        lines: vec![line(row.item)],
    };
    pending.replace(begun).map_or(Step::More, Step::Full)
}

/// Chooses the parser by the first line, which stays unread where it is a row.
fn parser(format: Format, lines: &mut Lines, products: Products) -> Result<(Parser, Vec<String>), String> {
    let Ok(first) = std::str::from_utf8(lines.line()) else { return Err("not a text in UTF-8".to_owned()) };
    if format == Format::Purchases && first.trim_start().starts_with('{') {
        lines.hold();
        return Ok((Parser::PurchasesJson, Vec::new()));
    }
    let known = match format {
        Format::OnlineRetail => online_retail::COLUMNS,
        Format::CompleteJourney => complete_journey::COLUMNS,
        Format::Purchases => purchases::COLUMNS,
    };
    let mut header = Header::read(first, known)?;
    let ignored = std::mem::take(&mut header.ignored);
    let parser = match format {
        Format::OnlineRetail => Parser::OnlineRetail(OnlineRetail::new(header)),
        Format::CompleteJourney => Parser::CompleteJourney(CompleteJourney::new(header, products)),
        Format::Purchases => {
            purchases::check(&header)?;
            Parser::PurchasesCsv { fields: Fields::default(), header }
        }
    };
    Ok((parser, ignored))
}
