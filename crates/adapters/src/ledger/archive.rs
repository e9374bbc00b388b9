//! Old batches leave the ledger for files: projected ones only, and only after the file is durable.

use super::{LEDGER_FILE, connect};
use rusqlite::{OpenFlags, params};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Batches of one archive file, and of one deletion: short enough that the owner never waits long for the lock.
const BATCHES: usize = 256;
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
}

/// Moves batches that were written before `before_ms` and lie wholly below `projected` into files under
/// `DATA/archive`, oldest first, `ledger-FIRST-LAST.koi`: the magic, then per batch first, count, time, length (u64,
/// little endian) and its bytes. Returns how many batches moved. Dying in between leaves a file that the next run
/// writes again.
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
        let mut batches: Vec<(i64, i64, i64, Vec<u8>)> = Vec::new();
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
        let transaction = connection.unchecked_transaction()?;
        transaction.execute("DELETE FROM batches WHERE first <= ?1", [last])?;
        transaction.execute("DELETE FROM archived", [])?;
        transaction.execute("INSERT INTO archived (until) VALUES (?1)", [last + count])?;
        transaction.commit()?;
        moved += batches.len();
    }
}

fn write(folder: &Path, path: &PathBuf, batches: &[(i64, i64, i64, Vec<u8>)]) -> std::io::Result<()> {
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
