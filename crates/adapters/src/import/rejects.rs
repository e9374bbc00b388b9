//! The file of rejected rows: made when there is a first one, so a clean import leaves nothing behind.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Most rejects listed; those beyond are counted only. A file of another kind would otherwise be written out whole.
pub const MAX_LISTED: u64 = 1_000_000;
/// How much of a rejected line is shown.
const SHOWN_BYTES: usize = 200;

/// `line,reason,text` by line, as CSV. Without a path it only counts.
#[derive(Debug, Default)]
pub struct Rejects {
    path: Option<PathBuf>,
    file: Option<BufWriter<File>>,
    listed: u64,
}

/// Where the rejects of `input` go by default: `input`'s file name with `.rejects.csv`, in `dir`.
pub fn rejects_path(dir: &Path, input: &Path) -> PathBuf {
    let mut name = input.file_name().unwrap_or_default().to_owned();
    name.push(".rejects.csv");
    dir.join(name)
}

impl Rejects {
    pub fn to(path: PathBuf) -> Rejects {
        Rejects { path: Some(path), ..Rejects::default() }
    }

    /// The file, where one was made.
    pub fn written(&self) -> Option<&Path> {
        self.file.as_ref().and(self.path.as_deref())
    }

    /// Where the file is or would be.
    pub fn path(&self) -> PathBuf {
        self.path.clone().unwrap_or_default()
    }

    pub fn add(&mut self, line: u64, reason: &str, text: &[u8]) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let file = none.insert(BufWriter::new(File::create(path)?));
                file.write_all(b"line,reason,text\n")?;
                file
            }
        };
        self.listed += 1;
        if self.listed > MAX_LISTED {
            return if self.listed == MAX_LISTED + 1 {
                writeln!(file, "{line},\"more rejects follow, not listed\",")
            } else {
                Ok(())
            };
        }
        let shown = String::from_utf8_lossy(&text[..text.len().min(SHOWN_BYTES)]);
        writeln!(file, "{line},{},{}", quoted(reason), quoted(&shown))
    }

    pub fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), |file| file.flush())
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\"").replace(['\r', '\n', '\0'], " "))
}
