//! People and API keys: durable when a call returns.

use super::projection::part;
use super::{Store, bits, get};
use app::ports::{ApiKey, Person, PortResult, Registry};
use async_trait::async_trait;
use domain::ids::ShopperId;
use sea_orm::{DbErr, QueryResult};

fn api_key(row: &QueryResult) -> Result<ApiKey, DbErr> {
    let scopes: String = get(row, 2)?;
    let scopes = scopes.split_whitespace().map(str::to_owned).collect();
    Ok(ApiKey { id: get(row, 0)?, name: get(row, 1)?, scopes, created_at: get(row, 3)? })
}

#[async_trait]
impl Registry for Store {
    async fn put_person(&self, shopper: ShopperId, person: &Person) -> PortResult<()> {
        let sql = "INSERT INTO people (shopper, part, name, attributes) VALUES (?, ?, ?, ?)
                   ON CONFLICT (shopper) DO UPDATE SET name = excluded.name, attributes = excluded.attributes";
        let values = vec![bits(shopper.0), part(shopper), person.name.clone().into(), person.attributes.clone().into()];
        self.durably(sql, values).await.map(|_| ())
    }

    async fn person(&self, shopper: ShopperId) -> PortResult<Option<Person>> {
        let row = |row: &QueryResult| Ok(Person { name: get(row, 0)?, attributes: get(row, 1)? });
        self.one("SELECT name, attributes FROM people WHERE shopper = ?", vec![bits(shopper.0)], row).await
    }

    async fn insert_api_key(&self, key: &ApiKey, sha256: [u8; 32]) -> PortResult<()> {
        let sql = "INSERT INTO api_keys (id, sha256, name, scopes, created_at) VALUES (?, ?, ?, ?, ?)";
        let values =
            vec![key.id.clone().into(), hex::encode(sha256).into(), key.name.clone().into(), key.scopes.join(" ").into(), key.created_at.clone().into()];
        self.durably(sql, values).await.map(|_| ())
    }

    async fn api_key(&self, sha256: [u8; 32]) -> PortResult<Option<ApiKey>> {
        self.one("SELECT id, name, scopes, created_at FROM api_keys WHERE sha256 = ?", vec![hex::encode(sha256).into()], api_key).await
    }

    async fn api_keys(&self) -> PortResult<Vec<ApiKey>> {
        self.all("SELECT id, name, scopes, created_at FROM api_keys ORDER BY created_at DESC, id LIMIT 1000", vec![], api_key).await
    }

    async fn delete_api_key(&self, id: &str) -> PortResult<bool> {
        Ok(self.durably("DELETE FROM api_keys WHERE id = ?", vec![id.into()]).await? == 1)
    }
}
