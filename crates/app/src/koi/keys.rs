//! API keys: the shop's credentials, never stored themselves.

use super::Koi;
use super::audit::{Deed, Target, may};
use crate::desk::{Caller, KeyRow, SecretRow};
use crate::error::{Error, Result};
use crate::time::rfc3339;
use domain::operator::{Act, Permission};
use serde::Serialize;
use serde_json::json;

/// Keys of one shop: every one of them is in one page of the list.
const KEYS_MAX: usize = 200;
/// `last_used_at` is written once in this time.
const USED_GRAIN_MS: i64 = 3_600_000;

/// An API key as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyView {
    pub id: String,
    pub name: String,
    pub scopes: Vec<String>,
    pub created_at: String,
    pub expires_at: Option<String>,
    /// Known to the hour.
    pub last_used_at: Option<String>,
    /// Until when the secret before the newest one is still valid.
    pub previous_expires_at: Option<String>,
}

impl KeyView {
    fn of(row: KeyRow, now_ms: i64) -> Self {
        let previous = row.secrets.iter().skip(1).filter_map(|s| s.expires_at_ms).find(|until| *until > now_ms);
        Self {
            id: row.id,
            name: row.name,
            scopes: row.scopes,
            created_at: row.created_at,
            expires_at: row.expires_at_ms.map(rfc3339),
            last_used_at: row.last_used_at_ms.map(rfc3339),
            previous_expires_at: previous.map(rfc3339),
        }
    }
}

fn no_key() -> Error {
    Error::NotFound { code: "api_key_unknown", detail: "no API key of that id" }
}

impl Koi {
    /// The key behind the SHA-256 of a secret, where both are still valid, with when they end.
    pub async fn find_api_key(&self, sha256: [u8; 32]) -> Result<Option<(KeyRow, Option<i64>)>> {
        let now_ms = self.now_ms();
        let Some(key) = self.parts().desk.keys.key(sha256).await? else { return Ok(None) };
        let ends_ms = key.secrets.first().and_then(|secret| key.ends_at_ms(secret));
        if ends_ms.is_some_and(|ends| ends <= now_ms) {
            return Ok(None);
        }
        if key.last_used_at_ms.is_none_or(|used| now_ms - used >= USED_GRAIN_MS) {
            // Nobody waits for it, and a lost one is written with the next use.
            let (koi, id) = (self.clone(), key.id.clone());
            tokio::spawn(async move { _ = koi.parts().desk.keys.touch_key(&id, now_ms).await });
        }
        Ok(Some((key, ends_ms)))
    }

    /// Stores a new key by its SHA-256; durable when it returns.
    ///
    /// # Errors
    /// `Denied`; `too_many_keys`; an end that is over.
    pub async fn create_api_key(
        &self,
        caller: &Caller,
        name: &str,
        scopes: &[String],
        expires_at_ms: Option<i64>,
        sha256: [u8; 32],
    ) -> Result<KeyView> {
        let asked = json!({"name": name, "scopes": scopes, "expires_at": expires_at_ms.map(rfc3339)});
        let work = async {
            let now_ms = self.now_ms();
            self.check_end(expires_at_ms)?;
            if self.parts().desk.keys.keys().await?.len() >= KEYS_MAX {
                let detail = format!("there are {KEYS_MAX} keys; revoke one that is no longer used");
                return Err(Error::Conflict { code: "too_many_keys", detail });
            }
            let key = KeyRow {
                id: self.make_id().await?.to_string(),
                name: name.to_owned(),
                scopes: scopes.to_vec(),
                created_at: rfc3339(now_ms),
                expires_at_ms,
                last_used_at_ms: None,
                secrets: vec![SecretRow { created_at_ms: now_ms, expires_at_ms: None }],
            };
            self.parts().desk.keys.insert_key(&key, sha256, now_ms).await?;
            Ok(KeyView::of(key, now_ms))
        };
        let deed = Deed::of(Act::CreateKey).asking(asked);
        self.audited_making(caller, deed, work, |key| Target::ApiKey(key.id.clone())).await
    }

    fn check_end(&self, expires_at_ms: Option<i64>) -> Result<()> {
        if expires_at_ms.is_some_and(|ends| ends <= self.now_ms()) {
            return Err(Error::invalid("invalid_body", "expires_at", "`expires_at` is over already"));
        }
        Ok(())
    }

    /// All keys, newest first.
    ///
    /// # Errors
    /// `Denied`, `Unavailable`.
    pub async fn list_api_keys(&self, caller: &Caller) -> Result<Vec<KeyView>> {
        may(caller, Permission::KeysManage)?;
        let now_ms = self.now_ms();
        Ok(self.parts().desk.keys.keys().await?.into_iter().map(|key| KeyView::of(key, now_ms)).collect())
    }

    pub(super) async fn api_key(&self, id: &str) -> Result<KeyView> {
        let key = self.parts().desk.keys.key_by_id(id).await?.ok_or_else(no_key)?;
        Ok(KeyView::of(key, self.now_ms()))
    }

    /// Gives a key another secret; the one before stays valid until `overlap_ms` from now.
    ///
    /// # Errors
    /// `Denied`; an unknown key.
    pub async fn rotate_api_key(
        &self,
        caller: &Caller,
        id: &str,
        overlap_ms: i64,
        sha256: [u8; 32],
    ) -> Result<KeyView> {
        let work = async {
            let now_ms = self.now_ms();
            let until_ms = now_ms.saturating_add(overlap_ms);
            if !self.parts().desk.keys.rotate(id, sha256, now_ms, until_ms).await? {
                return Err(no_key());
            }
            self.api_key(id).await
        };
        let asked = json!({"overlap_seconds": overlap_ms / 1_000});
        let deed = Deed::of(Act::RotateKey).on(Target::ApiKey(id.to_owned())).asking(asked);
        self.audited(caller, deed, work).await
    }

    /// Takes a key away, with all its secrets.
    ///
    /// # Errors
    /// `Denied`; an unknown key.
    pub async fn revoke_api_key(&self, caller: &Caller, id: &str) -> Result<()> {
        let work = async {
            let gone = self.parts().desk.keys.delete_key(id).await?;
            if gone { Ok(()) } else { Err(no_key()) }
        };
        self.audited(caller, Deed::of(Act::RevokeKey).on(Target::ApiKey(id.to_owned())), work).await
    }
}
