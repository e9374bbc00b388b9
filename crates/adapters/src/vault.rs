//! The data directory's master key: seals campaign seeds at rest and signs shoppers' tokens.
//!
//! The key is a file of its own (`master.key`, readable by its owner only), so neither a dump of the records nor a
//! copy of the ledger shows a seed. Whoever holds both the records and this file holds the seeds.

use sha2::{Digest, Sha256};
use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

/// The file's name in a data directory.
pub const KEY_FILE: &str = "master.key";

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error("the master key {path} cannot be read or made: {source}")]
    Io { path: String, source: std::io::Error },
    #[error("the master key {0} is not 32 bytes in hex; restore it from the backup")]
    Damaged(String),
}

/// Seals and opens.
#[derive(Clone)]
pub struct Vault {
    key: [u8; 32],
}

impl Vault {
    /// Opens the directory's key, making one where there is none. Durable before it is used.
    ///
    /// # Errors
    /// [`VaultError`]; nothing is made over a damaged key, since what it sealed would be lost.
    pub fn open(data: &Path) -> Result<Self, VaultError> {
        let path = data.join(KEY_FILE);
        let io = |source| VaultError::Io { path: path.display().to_string(), source };
        let mut text = String::new();
        match std::fs::File::open(&path) {
            Ok(mut file) => {
                file.read_to_string(&mut text).map_err(io)?;
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                text = hex::encode(app::random::bytes32());
                write_private(&path, text.as_bytes()).map_err(io)?;
                std::fs::File::open(data).and_then(|dir| dir.sync_all()).map_err(io)?;
            }
            Err(error) => return Err(io(error)),
        }
        let bytes = hex::decode(text.trim()).ok().and_then(|b| b.try_into().ok());
        Ok(Self { key: bytes.ok_or_else(|| VaultError::Damaged(path.display().to_string()))? })
    }

    /// A key of its own for another purpose.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut sha = Sha256::new();
        sha.update(self.key);
        sha.update(purpose.as_bytes());
        sha.finalize().into()
    }

    /// Seals bytes as hex text.
    pub fn seal(&self, plain: &[u8]) -> String {
        hex::encode(app::seal::seal(&self.key, plain))
    }

    /// Opens what was sealed; nothing where it was changed or sealed under another key.
    pub fn open_sealed(&self, text: &str) -> Option<Vec<u8>> {
        app::seal::open(&self.key, &hex::decode(text).ok()?)
    }
}

/// Writes a new file that only its owner may read, durable when it returns.
fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_only_here() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let vault = Vault::open(here.path()).unwrap();
        let sealed = vault.seal(b"seed");
        assert!(!sealed.contains(&hex::encode(b"seed")), "the text does not show what it seals");
        assert_eq!(
            Vault::open(here.path()).unwrap().open_sealed(&sealed).as_deref(),
            Some(&b"seed"[..]),
            "the key survives a restart"
        );
        assert_eq!(Vault::open(there.path()).unwrap().open_sealed(&sealed), None);
        assert_eq!(vault.open_sealed("00"), None);
        std::fs::write(here.path().join(KEY_FILE), "short").unwrap();
        assert!(matches!(Vault::open(here.path()), Err(VaultError::Damaged(_))), "a damaged key is not replaced");
    }
}
