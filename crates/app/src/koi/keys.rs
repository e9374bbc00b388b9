//! API keys: the shop's credentials, never stored themselves.

use super::Koi;
use crate::error::Result;
use crate::ports::ApiKey;
use crate::time::rfc3339;

impl Koi {
    /// The key behind a SHA-256.
    pub async fn find_api_key(&self, sha256: [u8; 32]) -> Result<Option<ApiKey>> {
        Ok(self.parts().registry.api_key(sha256).await?)
    }

    /// Stores a new key by its SHA-256; durable when it returns. Answers its id.
    pub async fn create_api_key(&self, name: &str, scopes: &[String], sha256: [u8; 32]) -> Result<String> {
        let id = format!("key_{:016x}", crate::random::word());
        let key = ApiKey {
            id: id.clone(),
            name: name.to_owned(),
            scopes: scopes.to_vec(),
            created_at: rfc3339(self.now_ms()),
        };
        self.parts().registry.insert_api_key(&key, sha256).await?;
        Ok(id)
    }

    /// All keys, newest first.
    pub async fn list_api_keys(&self) -> Result<Vec<ApiKey>> {
        Ok(self.parts().registry.api_keys().await?)
    }

    /// Takes a key away; false where there is none of that id.
    pub async fn revoke_api_key(&self, id: &str) -> Result<bool> {
        Ok(self.parts().registry.delete_api_key(id).await?)
    }
}
