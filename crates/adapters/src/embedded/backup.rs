//! Online backup and restore of a data directory.
//!
//! Records are copied first, then the ledger, so that the ledger always reaches at least as far as the records: what
//! was acknowledged in between is folded again after a restore. Each copy is one read snapshot and blocks nobody.

use super::{Lock, OpenError};
use crate::ledger::LEDGER_FILE;
use crate::records::RECORDS_FILE;
use crate::vault::KEY_FILE;
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::path::Path;
use std::time::Duration;

/// Why there is no backup, or no restore.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("{0} is no data directory: it has no {1}")]
    Missing(String, &'static str),
    #[error("{0} is not empty; give a new directory, nothing is overwritten")]
    NotEmpty(String),
    #[error("{path}: {source}")]
    File { path: String, source: std::io::Error },
    #[error("{path} cannot be copied: {source}")]
    Copy { path: String, source: rusqlite::Error },
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// Copies a data directory, also while a server works in it. The copy holds the master key: keep it as safe as that.
///
/// # Errors
/// [`BackupError`]; nothing is overwritten.
pub fn backup(data: &Path, to: &Path) -> Result<(), BackupError> {
    for name in [RECORDS_FILE, LEDGER_FILE, KEY_FILE] {
        if !data.join(name).is_file() {
            return Err(BackupError::Missing(data.display().to_string(), name));
        }
    }
    make_empty(to)?;
    for name in [RECORDS_FILE, LEDGER_FILE] {
        let (from, copy) = (data.join(name), to.join(name));
        let failed = |source| BackupError::Copy { path: from.display().to_string(), source };
        let connection = Connection::open_with_flags(&from, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
        connection.busy_timeout(Duration::from_secs(30)).map_err(failed)?;
        connection.execute("VACUUM INTO ?1", [copy.to_string_lossy()]).map_err(failed)?;
        sync(&copy)?;
    }
    copy_file(&data.join(KEY_FILE), &to.join(KEY_FILE))?;
    copy_archive(data, to)?;
    sync(to)
}

/// Puts a backup into a new data directory.
///
/// # Errors
/// [`BackupError`]; nothing is overwritten.
pub fn restore(from: &Path, data: &Path) -> Result<(), BackupError> {
    for name in [RECORDS_FILE, LEDGER_FILE, KEY_FILE] {
        if !from.join(name).is_file() {
            return Err(BackupError::Missing(from.display().to_string(), name));
        }
    }
    if data.join(LEDGER_FILE).exists() || data.join(RECORDS_FILE).exists() {
        // Said before the lock is asked for: a running server's directory is never a target.
        return Err(BackupError::NotEmpty(data.display().to_string()));
    }
    let _lock = Lock::take(data)?;
    for name in [KEY_FILE, RECORDS_FILE, LEDGER_FILE] {
        copy_file(&from.join(name), &data.join(name))?;
    }
    copy_archive(from, data)?;
    sync(data)
}

fn make_empty(to: &Path) -> Result<(), BackupError> {
    let failed = |source| BackupError::File { path: to.display().to_string(), source };
    std::fs::create_dir_all(to).map_err(failed)?;
    if std::fs::read_dir(to).map_err(failed)?.next().is_some() {
        return Err(BackupError::NotEmpty(to.display().to_string()));
    }
    Ok(())
}

fn copy_archive(from: &Path, to: &Path) -> Result<(), BackupError> {
    let (from, to) = (from.join("archive"), to.join("archive"));
    let Ok(files) = std::fs::read_dir(&from) else { return Ok(()) };
    let failed = |path: &Path, source| BackupError::File { path: path.display().to_string(), source };
    std::fs::create_dir_all(&to).map_err(|source| failed(&to, source))?;
    for file in files {
        let file = file.map_err(|source| failed(&from, source))?;
        copy_file(&file.path(), &to.join(file.file_name()))?;
    }
    sync(&to)
}

fn copy_file(from: &Path, to: &Path) -> Result<(), BackupError> {
    std::fs::copy(from, to).map_err(|source| BackupError::File { path: from.display().to_string(), source })?;
    sync(to)
}

fn sync(path: &Path) -> Result<(), BackupError> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|source| BackupError::File { path: path.display().to_string(), source })
}
