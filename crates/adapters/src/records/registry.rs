//! People, sealing keys and API keys: durable when a call returns.

use super::bulk::{Table, marks};
use super::projection::part;
use super::{Store, big, bits, failed, get};
use app::ports::{ApiKey, Person, PortError, PortResult, Registry};
use app::seal::Key;
use async_trait::async_trait;
use domain::ids::ShopperId;
use rustc_hash::FxHashMap;
use sea_orm::{DbErr, QueryResult, TransactionTrait};

const SEALING_KEYS: Table = Table {
    insert: "INSERT INTO sealing_keys (shopper, part, secret)",
    columns: 3,
    conflict: "ON CONFLICT (shopper) DO NOTHING",
};

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

    async fn sealing_keys(&self, shoppers: &[ShopperId]) -> PortResult<Vec<Key>> {
        let mut known: FxHashMap<ShopperId, Key> = self.opening_keys(shoppers).await?.into_iter().collect();
        let missing: Vec<ShopperId> = shoppers.iter().filter(|id| !known.contains_key(id)).copied().collect();
        if !missing.is_empty() {
            let secret = |id: &ShopperId| [bits(id.0), part(*id), hex::encode(app::random::bytes32()).into()];
            let transaction = self.durable.begin().await.map_err(|error| failed(&error))?;
            SEALING_KEYS
                .write(&transaction, missing.iter().flat_map(secret).collect())
                .await
                .map_err(|error| failed(&error))?;
            transaction.commit().await.map_err(|error| failed(&error))?;
            // Read back: where two requests made a key at once, the first one counts for both.
            known.extend(self.opening_keys(&missing).await?);
        }
        let key = |id: &ShopperId| known.get(id).copied().ok_or(PortError::Damaged("a shopper's sealing key"));
        shoppers.iter().map(key).collect()
    }

    async fn opening_keys(&self, shoppers: &[ShopperId]) -> PortResult<Vec<(ShopperId, Key)>> {
        if shoppers.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!("SELECT shopper, secret FROM sealing_keys WHERE shopper IN ({})", marks(shoppers.len()));
        let row = |row: &QueryResult| {
            let bytes = hex::decode(get::<String>(row, 1)?).ok().and_then(|b| Key::try_from(b).ok());
            Ok((ShopperId(big(row, 0)?), bytes.ok_or_else(|| DbErr::Type("no sealing key".into()))?))
        };
        self.all(&sql, shoppers.iter().map(|id| bits(id.0)).collect(), row).await
    }

    async fn insert_api_key(&self, key: &ApiKey, sha256: [u8; 32]) -> PortResult<()> {
        let sql = "INSERT INTO api_keys (id, sha256, name, scopes, created_at) VALUES (?, ?, ?, ?, ?)";
        let values = vec![
            key.id.clone().into(),
            hex::encode(sha256).into(),
            key.name.clone().into(),
            key.scopes.join(" ").into(),
            key.created_at.clone().into(),
        ];
        self.durably(sql, values).await.map(|_| ())
    }

    async fn api_key(&self, sha256: [u8; 32]) -> PortResult<Option<ApiKey>> {
        self.one(
            "SELECT id, name, scopes, created_at FROM api_keys WHERE sha256 = ?",
            vec![hex::encode(sha256).into()],
            api_key,
        )
        .await
    }

    async fn api_keys(&self) -> PortResult<Vec<ApiKey>> {
        self.all(
            "SELECT id, name, scopes, created_at FROM api_keys ORDER BY created_at DESC, id LIMIT 1000",
            vec![],
            api_key,
        )
        .await
    }

    async fn delete_api_key(&self, id: &str) -> PortResult<bool> {
        Ok(self.durably("DELETE FROM api_keys WHERE id = ?", vec![id.into()]).await? == 1)
    }
}
