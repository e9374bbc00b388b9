//! Passwords: argon2id, computed away from the async threads and few at a time.

use crate::error::{Error, Result};
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Characters of a password: NIST SP 800-63B asks for 8 at least where it stands alone and 64 to be allowed.
pub const PASSWORD_CHARS: RangeInclusive<usize> = 12..=128;

/// OWASP's password storage cheat sheet (2023): 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1_024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Bytes of a hash.
const LENGTH: usize = 32;
/// Hashes computed at once: each holds 19 MiB and a core for some 20 ms.
const AT_ONCE: usize = 2;
/// Callers that wait for one of those; more are told to come again.
const WAITING: usize = 64;
const DEADLINE: Duration = Duration::from_secs(10);

/// Hashes and verifies passwords.
#[derive(Clone)]
pub struct Hasher {
    /// One permit for everybody who is waiting or at work.
    queue: Arc<Semaphore>,
    work: Arc<Semaphore>,
    /// What an unknown login is compared with, so that it takes as long as a known one.
    nobody: Arc<tokio::sync::OnceCell<String>>,
}

impl Default for Hasher {
    fn default() -> Self {
        Self {
            queue: Arc::new(Semaphore::new(WAITING + AT_ONCE)),
            work: Arc::new(Semaphore::new(AT_ONCE)),
            nobody: Arc::default(),
        }
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(LENGTH)).expect("invariant: constants within bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

impl Hasher {
    /// The PHC string of a password, with a salt of its own.
    ///
    /// # Errors
    /// `Unavailable` where too many wait.
    pub async fn hash(&self, password: &str) -> Result<String> {
        let password = password.to_owned();
        let hashed = self.compute(move || argon2().hash_password(password.as_bytes()).map(|h| h.to_string())).await?;
        hashed.map_err(|error| {
            tracing::error!(%error, "a password could not be hashed");
            Error::Unavailable("the password could not be hashed")
        })
    }

    /// Whether a password is the one behind a PHC string. Without one it takes as long and says no.
    ///
    /// # Errors
    /// `Unavailable` where too many wait.
    pub async fn verify(&self, password: &str, stored: Option<&str>) -> Result<bool> {
        let nobody = self.nobody.get_or_try_init(|| self.hash("nobody's password")).await?;
        let (known, stored) = (stored.is_some(), stored.unwrap_or(nobody).to_owned());
        let password = password.to_owned();
        let same = move || {
            PasswordHash::new(&stored).is_ok_and(|hash| argon2().verify_password(password.as_bytes(), &hash).is_ok())
        };
        Ok(self.compute(same).await? & known)
    }

    async fn compute<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        const BUSY: Error = Error::Unavailable("too many passwords are being checked");
        let _place = self.queue.clone().try_acquire_owned().map_err(|_| BUSY)?;
        let turn = tokio::time::timeout(DEADLINE, self.work.clone().acquire_owned()).await;
        let turn = turn.map_err(|_| BUSY)?.map_err(|_| BUSY)?;
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        done.await.map_err(|_| Error::Unavailable("a password could not be checked"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn passwords_are_kept_as_argon2id() {
        let hasher = Hasher::default();
        let (a, b) =
            (hasher.hash("correct horse battery").await.unwrap(), hasher.hash("correct horse battery").await.unwrap());
        assert_ne!(a, b, "each has a salt of its own");
        assert!(a.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{a}");
        for (password, stored, want) in [
            ("correct horse battery", Some(a.as_str()), true),
            ("correct horse batterz", Some(a.as_str()), false),
            ("", Some(a.as_str()), false),
            ("correct horse battery", Some("not a hash"), false),
            ("correct horse battery", None, false),
            ("nobody's password", None, false),
        ] {
            assert_eq!(hasher.verify(password, stored).await.unwrap(), want, "{password:?} and {stored:?}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn only_so_many_wait() {
        let hasher = Hasher::default();
        let places: Vec<_> =
            (0..WAITING + AT_ONCE).map(|_| hasher.queue.clone().try_acquire_owned().unwrap()).collect();
        assert_eq!(hasher.hash("x").await.unwrap_err().code(), "unavailable");
        drop(places);
        assert!(hasher.hash("x").await.is_ok());
    }
}
