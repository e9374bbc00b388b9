//! A file as bounded lines: plain or gzip by its first bytes, with how far the reading is.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

/// Longest line kept. A longer one is passed over to its end, so a file without line breaks costs no memory.
pub const MAX_LINE_BYTES: usize = 64 * 1024;

const BUFFER_BYTES: usize = 256 * 1024;
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
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
    input: Box<dyn BufRead + Send>,
    read_bytes: Arc<AtomicU64>,
    total_bytes: u64,
    buffer: Vec<u8>,
    number: u64,
    held: bool,
}

impl Lines {
    /// Reads `file`, whose size is `total_bytes` (0 where unknown).
    pub fn new(file: File, total_bytes: u64) -> io::Result<Lines> {
        let read_bytes = Arc::new(AtomicU64::new(0));
        let counted = Counted { file, read_bytes: Arc::clone(&read_bytes) };
        let mut raw = BufReader::with_capacity(BUFFER_BYTES, counted);
        let input: Box<dyn BufRead + Send> = if raw.fill_buf()?.starts_with(GZIP_MAGIC) {
            Box::new(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(raw)))
        } else {
            Box::new(raw)
        };
        Ok(Lines { input, read_bytes, total_bytes, buffer: Vec::new(), number: 0, held: false })
    }

    /// Goes to the next line that is not blank. An error drops what was read of the line it struck: half a line that
    /// looks whole would be taken for data.
    pub fn advance(&mut self) -> io::Result<Next> {
        if std::mem::take(&mut self.held) {
            return Ok(Next::Line);
        }
        loop {
            self.buffer.clear();
            let bound = MAX_LINE_BYTES as u64 + 1;
            if self.input.by_ref().take(bound).read_until(b'\n', &mut self.buffer)? == 0 {
                return Ok(Next::End);
            }
            self.number += 1;
            if self.buffer.len() > MAX_LINE_BYTES && self.buffer.last() != Some(&b'\n') {
                self.skip_to_line_end()?;
                return Ok(Next::TooLong);
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

    fn skip_to_line_end(&mut self) -> io::Result<()> {
        loop {
            let chunk = self.input.fill_buf()?;
            if chunk.is_empty() {
                return Ok(());
            }
            let end = chunk.iter().position(|&b| b == b'\n');
            let used = end.map_or(chunk.len(), |at| at + 1);
            self.input.consume(used);
            if end.is_some() {
                return Ok(());
            }
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
