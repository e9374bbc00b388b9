//! The first sheet of a spreadsheet (XLSX), row by row, as lines of CSV, so that one set of rules reads both.
//!
//! The reader of cells borrows the workbook, so both live in a thread that hands rows over; whoever drops [`Rows`] ends it.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use calamine::{Data, Reader, Xlsx, XlsxError, open_workbook};

use super::lines::MAX_LINE_BYTES;
use super::table::MAX_COLUMNS;

/// Rows that wait to be taken.
const WAITING: usize = 1_024;
/// Bytes of a spreadsheet that is read: its texts are held in memory, unpacked.
pub const MAX_SHEET_BYTES: u64 = 512 << 20;

/// A row's number, from 1, and its text; or what ended the reading.
type Sent = io::Result<(u64, String)>;

/// Rows of one sheet. Those without a cell are passed over but numbered.
pub struct Rows {
    rows: Receiver<Sent>,
    number: u64,
}

impl Rows {
    /// Begins to read a file.
    pub fn open(path: &Path, bytes: u64) -> io::Result<Rows> {
        if bytes > MAX_SHEET_BYTES {
            let detail = format!("a spreadsheet above {} MB; save it as CSV", MAX_SHEET_BYTES >> 20);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, detail));
        }
        let (sender, rows) = sync_channel(WAITING);
        let path = path.to_owned();
        thread::Builder::new().name("sheet".to_owned()).spawn(move || {
            if let Err(error) = read(&path, &sender) {
                // Nobody may be there to hear it any more.
                _ = sender.send(Err(io::Error::new(io::ErrorKind::InvalidData, error.to_string())));
            }
        })?;
        Ok(Rows { rows, number: 0 })
    }

    /// The next row; `None` at the end.
    pub fn next_row(&mut self) -> io::Result<Option<String>> {
        match self.rows.recv() {
            Err(_) => Ok(None),
            Ok(sent) => {
                let (number, line) = sent?;
                self.number = number;
                Ok(Some(line))
            }
        }
    }

    /// The number of the row that was returned last.
    pub fn number(&self) -> u64 {
        self.number
    }
}

fn read(path: &Path, rows: &SyncSender<Sent>) -> Result<(), XlsxError> {
    let mut book: Xlsx<BufReader<File>> = open_workbook(path)?;
    let Some(name) = book.sheet_names().first().cloned() else { return Ok(()) };
    let mut cells = book.worksheet_cells_reader(&name)?;
    let (mut row, mut line): (Option<u32>, Line) = (None, Line::default());
    // Blanks at the end of a row are no cells: the first row says how many columns there are.
    let mut width: Option<usize> = None;
    while let Some(cell) = cells.next_cell()? {
        let (at, column) = cell.get_position();
        if let Some(done) = row.filter(|row| *row != at) {
            let width = *width.get_or_insert(line.columns);
            if rows.send(Ok((u64::from(done) + 1, line.take(width)))).is_err() {
                return Ok(());
            }
        }
        row = Some(at);
        line.put(column as usize, &Data::from(cell.get_value().clone()));
    }
    if let Some(last) = row {
        let width = width.unwrap_or(line.columns);
        _ = rows.send(Ok((u64::from(last) + 1, line.take(width))));
    }
    Ok(())
}

/// One row as CSV while its cells come in.
#[derive(Default)]
struct Line {
    text: String,
    columns: usize,
}

impl Line {
    fn put(&mut self, column: usize, value: &Data) {
        // More would be rejected anyway: it need not be kept.
        if column > MAX_COLUMNS || self.text.len() > MAX_LINE_BYTES {
            return;
        }
        let text = shown(value);
        if text.is_empty() {
            return;
        }
        self.widen(column + 1);
        if text.contains(['"', ',', '\n', '\r']) {
            self.text.push('"');
            self.text.push_str(&text.replace('"', "\"\"").replace(['\n', '\r'], " "));
            self.text.push('"');
        } else {
            self.text.push_str(&text);
        }
    }

    /// Adds empty columns until there are `columns`.
    fn widen(&mut self, columns: usize) {
        while self.columns < columns {
            if self.columns > 0 {
                self.text.push(',');
            }
            self.columns += 1;
        }
    }

    fn take(&mut self, width: usize) -> String {
        if self.columns > 0 {
            self.widen(width);
        }
        self.columns = 0;
        std::mem::take(&mut self.text)
    }
}

/// A cell as a file of text would have it: a moment as `2010-12-01 08:26:00`, a number by its shortest digits.
fn shown(value: &Data) -> String {
    match value {
        Data::Empty | Data::Error(_) => String::new(),
        Data::DateTime(at) if at.is_datetime() => {
            let (year, month, day, hour, minute, second, ms) = at.to_ymd_hms_milli();
            // A day's fraction is a float: a whole second may come out a little early.
            let of_day = (u32::from(hour) * 60 + u32::from(minute)) * 60 + u32::from(second);
            let second = (of_day + u32::from(ms >= 500)).min(86_399);
            let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
            format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_lines_of_csv() {
        let row = |cells: &[(usize, Data)], width: usize| {
            let mut line = Line::default();
            cells.iter().for_each(|(column, value)| line.put(*column, value));
            line.take(width)
        };
        let text = |text: &str| Data::String(text.to_owned());
        for (cells, width, want) in [
            (vec![(0, text("a")), (1, Data::Float(536_365.0)), (2, Data::Float(2.55))], 3, "a,536365,2.55"),
            (vec![(0, text("5\" box, red")), (2, Data::Int(-3))], 3, "\"5\"\" box, red\",,-3"),
            (vec![(1, text("two\nlines"))], 4, ",\"two lines\",,"),
            (vec![(0, Data::Bool(true)), (1, Data::Empty)], 2, "true,"),
            (vec![], 3, ""),
            (vec![(MAX_COLUMNS + 1, text("far away"))], 1, ""),
        ] {
            assert_eq!(row(&cells, width), want, "{cells:?}");
        }
    }
}
