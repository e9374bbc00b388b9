//! People and sealing keys: durable when a call returns.

use super::bulk::{Table, marks};
use super::projection::part;
use super::{Store, big, bits, failed, get};
use app::ports::{Person, PortError, PortResult, Registry};
use app::seal::Key;
use async_trait::async_trait;
use domain::ids::ShopperId;
use rustc_hash::FxHashMap;
use sea_orm::{DbErr, QueryResult};

const SEALING_KEYS: Table = Table {
    insert: "INSERT INTO sealing_keys (shopper, part, secret)",
    columns: 3,
    conflict: "ON CONFLICT (shopper) DO NOTHING",
};

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
        let sql = "SELECT name, attributes FROM people WHERE shopper = ? AND part = ?";
        self.one(sql, vec![bits(shopper.0), part(shopper)], row).await
    }

    async fn sealing_keys(&self, shoppers: &[ShopperId]) -> PortResult<Vec<Key>> {
        let mut known: FxHashMap<ShopperId, Key> = self.opening_keys(shoppers).await?.into_iter().collect();
        let missing: Vec<ShopperId> = shoppers.iter().filter(|id| !known.contains_key(id)).copied().collect();
        if !missing.is_empty() {
            let secret = |id: &ShopperId| [bits(id.0), part(*id), hex::encode(app::random::bytes32()).into()];
            let transaction = self.durable.begin().await.map_err(|error| failed(&error))?;
            SEALING_KEYS.write(&transaction, missing.iter().flat_map(secret)).await.map_err(|error| failed(&error))?;
            transaction.commit().await.map_err(|error| failed(&error))?;
            // Read back: where two requests made a key at once, the first one counts for both.
            known.extend(self.opening_keys(&missing).await?);
        }
        let key = |id: &ShopperId| known.get(id).copied().ok_or(PortError::Damaged("a shopper's sealing key"));
        shoppers.iter().map(key).collect()
    }

    async fn bury(&self, shopper: ShopperId) -> PortResult<()> {
        self.add_tombstone(shopper).await
    }

    async fn buried(&self) -> PortResult<Vec<ShopperId>> {
        self.tombstones().await
    }

    async fn scrub(&self, shopper: ShopperId) -> PortResult<()> {
        self.delete_again(shopper).await
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
}
