//! One process at a time per data directory: a lock of the operating system, which a dead process cannot keep.

use super::OpenError;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

/// Held as long as it lives.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Makes the directory where needed and locks it.
    ///
    /// # Errors
    /// `Locked` where another process holds it, `Directory` where it cannot be used.
    pub fn take(data: &Path) -> Result<Self, OpenError> {
        let shown = data.display().to_string();
        let directory = |source| OpenError::Directory { path: shown.clone(), source };
        std::fs::create_dir_all(data).map_err(directory)?;
        let file =
            OpenOptions::new().create(true).truncate(false).write(true).open(data.join("lock")).map_err(directory)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::Locked(shown)),
            Err(TryLockError::Error(source)) => Err(directory(source)),
        }
    }
}
