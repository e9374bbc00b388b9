//! A file as bounded lines: plain, gzip or a spreadsheet by its first bytes, with how far the reading is.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use super::sheet::Rows;

/// Longest line kept. A longer one is passed over to its end, so a file without line breaks costs no memory.
pub const MAX_LINE_BYTES: usize = 64 * 1024;

const BUFFER_BYTES: usize = 256 * 1024;
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const XLSX_MAGIC: &[u8] = b"PK\x03\x04";
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// What `Lines::advance` found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// A line that is not blank; see `Lines::line`.
    Line,
    /// A line above `MAX_LINE_BYTES`; `Lines::line` holds its beginning.
    TooLong,
    End,
}

/// Lines of one file, one at a time in one reused buffer. Blank lines are passed over but numbered.
pub struct Lines {
    source: Source,
    read_bytes: Arc<AtomicU64>,
    total_bytes: u64,
    buffer: Vec<u8>,
    number: u64,
    held: bool,
}

/// A text, or a spreadsheet whose rows stand for lines.
enum Source {
    Text(Box<dyn BufRead + Send>),
    Sheet(Rows),
}

impl Lines {
    /// Reads a file, whose size is `total_bytes` (0 where unknown).
    pub fn open(path: &Path, total_bytes: u64) -> io::Result<Lines> {
        let read_bytes = Arc::new(AtomicU64::new(0));
        let counted = Counted { file: File::open(path)?, read_bytes: Arc::clone(&read_bytes) };
        let mut raw = BufReader::with_capacity(BUFFER_BYTES, counted);
        let start = raw.fill_buf()?;
        let source = if start.starts_with(XLSX_MAGIC) {
            Source::Sheet(Rows::open(path, total_bytes)?)
        } else if start.starts_with(GZIP_MAGIC) {
            Source::Text(Box::new(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(raw))))
        } else {
            Source::Text(Box::new(raw))
        };
        Ok(Lines { source, read_bytes, total_bytes, buffer: Vec::new(), number: 0, held: false })
    }

    /// Goes to the next line that is not blank. An error drops what was read of the line it struck: half a line that
    /// looks whole would be taken for data.
    pub fn advance(&mut self) -> io::Result<Next> {
        if std::mem::take(&mut self.held) {
            return Ok(Next::Line);
        }
        loop {
            self.buffer.clear();
            match &mut self.source {
                Source::Sheet(rows) => {
                    let Some(row) = rows.next_row()? else { return Ok(Next::End) };
                    self.buffer.extend_from_slice(row.as_bytes());
                    self.number = rows.number();
                    if self.buffer.len() > MAX_LINE_BYTES {
                        self.buffer.truncate(MAX_LINE_BYTES);
                        return Ok(Next::TooLong);
                    }
                }
                Source::Text(input) => {
                    let bound = MAX_LINE_BYTES as u64 + 1;
                    if input.by_ref().take(bound).read_until(b'\n', &mut self.buffer)? == 0 {
                        return Ok(Next::End);
                    }
                    self.number += 1;
                    if self.buffer.len() > MAX_LINE_BYTES && self.buffer.last() != Some(&b'\n') {
                        skip_to_line_end(input)?;
                        return Ok(Next::TooLong);
                    }
                }
            }
            if self.number == 1 && self.buffer.starts_with(BYTE_ORDER_MARK) {
                self.buffer.drain(..BYTE_ORDER_MARK.len());
            }
            while matches!(self.buffer.last(), Some(b'\n' | b'\r')) {
                self.buffer.pop();
            }
            if !self.buffer.iter().all(u8::is_ascii_whitespace) {
                return Ok(Next::Line);
            }
        }
    }

    /// The current line without its line break.
    pub fn line(&self) -> &[u8] {
        &self.buffer
    }

    /// The current line's number in the file, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Makes the next `advance` return the current line again.
    pub fn hold(&mut self) {
        self.held = true;
    }

    /// Bytes read of the file as it lies on the disk, and its size (0 where unknown).
    pub fn progress(&self) -> (u64, u64) {
        (self.read_bytes.load(Ordering::Relaxed), self.total_bytes)
    }
}

fn skip_to_line_end(input: &mut dyn BufRead) -> io::Result<()> {
    loop {
        let chunk = input.fill_buf()?;
        if chunk.is_empty() {
            return Ok(());
        }
        let end = chunk.iter().position(|&b| b == b'\n');
        let used = end.map_or(chunk.len(), |at| at + 1);
        input.consume(used);
        if end.is_some() {
            return Ok(());
        }
    }
}

/// Counts the bytes that the decoder took, shared because the decoder owns the file.
struct Counted {
    file: File,
    read_bytes: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(into)?;
        self.read_bytes.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}
