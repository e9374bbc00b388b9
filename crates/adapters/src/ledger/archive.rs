//! Old batches leave the ledger for files: projected ones only, and only after the file is durable.

use super::{LEDGER_FILE, connect};
use app::ports::StoredBatch;
use rusqlite::{Connection, OpenFlags, params};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Batches of one archive file.
const BATCHES: usize = 256;
/// Bytes of batches that leave the ledger in one transaction: short enough that the owner never waits long for the lock.
const LEAVE_BYTES: usize = 1 << 20;
/// Bytes of the same, but for the last batch.
const BYTES: usize = 32 << 20;
/// The first bytes of an archive file.
const MAGIC: &[u8; 8] = b"KOILEDG1";

/// Why nothing more was archived; what was not stays in the ledger.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("the archive file {path} cannot be written: {source}")]
    File { path: String, source: std::io::Error },
    #[error("the ledger cannot be read or shortened: {0}")]
    Ledger(#[from] rusqlite::Error),
    #[error("a record of the ledger cannot be read, so nothing of its batch leaves: {0}")]
    Record(#[from] domain::record::BadRecord),
}

/// Moves batches that were written before `before_ms` and lie wholly below `projected` into files under
/// `DATA/archive`, oldest first, `ledger-FIRST-LAST.koi`: the magic, then per batch first, count, time, length (u64,
/// little endian) and its bytes. Returns how many batches moved. Dying in between leaves a file that the next run
/// writes again. Answers stay in the ledger, by offset: a key is answered for as long as its campaign lives.
///
/// # Errors
/// [`ArchiveError`].
pub fn archive(data: &Path, before_ms: i64, projected: u64) -> Result<usize, ArchiveError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = connect(&data.join(LEDGER_FILE), flags)?;
    let folder = data.join("archive");
    let mut moved = 0;
    loop {
        // The newest batch always stays: it says where the ledger ends.
        let mut select = connection.prepare_cached(
            "SELECT first, count, at, data FROM batches
             WHERE at < ?1 AND first + count <= ?2 AND first < (SELECT max(first) FROM batches) ORDER BY first LIMIT ?3",
        )?;
        let mut rows = select.query(params![before_ms, projected as i64, BATCHES as i64])?;
        let mut batches: Vec<Batch> = Vec::new();
        let mut bytes = 0;
        while bytes < BYTES
            && let Some(row) = rows.next()?
        {
            batches.push((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
            bytes += batches.last().map_or(0, |batch| batch.3.len());
        }
        drop(rows);
        let (Some((first, ..)), Some((last, count, ..))) = (batches.first(), batches.last()) else { return Ok(moved) };
        let path = folder.join(format!("ledger-{first:020}-{:020}.koi", last + count - 1));
        write(&folder, &path, &batches)
            .map_err(|source| ArchiveError::File { path: path.display().to_string(), source })?;
        let mut left = &batches[..];
        while !left.is_empty() {
            let mut bytes = 0;
            let some = left.iter().take_while(|batch| (bytes < LEAVE_BYTES, bytes += batch.3.len()).0).count();
            leave(&connection, &left[..some])?;
            left = &left[some..];
        }
        moved += batches.len();
    }
}

/// Takes batches out of the ledger and keeps their answers, all or nothing.
fn leave(connection: &Connection, batches: &[Batch]) -> Result<(), ArchiveError> {
    let transaction = connection.unchecked_transaction()?;
    for (first, count, _, data) in batches {
        let next = (first + count) as u64;
        let batch = StoredBatch { first: *first as u64, count: *count as u32, next, data: data.clone() };
        for item in app::owner::records(&batch) {
            let (offset, record) = item.map_err(|(_, source)| source)?;
            if !record.answer.is_empty() {
                let mut keep =
                    transaction.prepare_cached("INSERT OR IGNORE INTO answers (offset, body) VALUES (?1, ?2)")?;
                keep.execute(params![offset as i64, record.answer])?;
            }
        }
        transaction.execute("DELETE FROM batches WHERE first = ?1", [first])?;
        transaction.execute("DELETE FROM archived", [])?;
        transaction.execute("INSERT INTO archived (until) VALUES (?1)", [first + count])?;
    }
    Ok(transaction.commit()?)
}

/// First offset, count, time and bytes.
type Batch = (i64, i64, i64, Vec<u8>);

fn write(folder: &Path, path: &PathBuf, batches: &[Batch]) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(MAGIC)?;
    for (first, count, at, data) in batches {
        for number in [*first, *count, *at, data.len() as i64] {
            file.write_all(&number.to_le_bytes())?;
        }
        file.write_all(data)?;
    }
    file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
    File::open(folder)?.sync_all()
}
