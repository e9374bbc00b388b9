//! The shop's endpoints. Their secrets are sealed at rest.

use super::{Store, big, bits, damaged, failed, get, statement};
use app::fulfil::MessageType;
use app::ports::{Endpoint, Endpoints, PortResult, Secret};
use async_trait::async_trait;
use domain::ids::EndpointId;
use sea_orm::{ConnectionTrait, DbErr};

/// Between sealed secrets: no character of hex.
const BETWEEN: &str = " ";

impl Store {
    fn seal_secrets(&self, secrets: &[Secret]) -> String {
        secrets.iter().map(|s| self.vault.seal(&s.0)).collect::<Vec<_>>().join(BETWEEN)
    }

    fn open_secrets(&self, text: &str) -> Result<Vec<Secret>, DbErr> {
        let open = |sealed| self.vault.open_sealed(sealed).map(Secret);
        let all: Option<Vec<Secret>> = text.split(BETWEEN).map(open).collect();
        all.ok_or_else(|| DbErr::Type("a secret of another master key".into()))
    }

    /// Takes in what other processes changed.
    ///
    /// # Errors
    /// The records are out of reach; what was known stays.
    pub async fn refresh_endpoints(&self) -> PortResult<()> {
        self.read_endpoints().await
    }

    /// What whoever writes messages goes by is read again after every change.
    pub(super) async fn read_endpoints(&self) -> PortResult<()> {
        self.subscriptions.set(self.all_endpoints().await?);
        Ok(())
    }

    async fn all_endpoints(&self) -> PortResult<Vec<Endpoint>> {
        let sql = "SELECT id, url, types, secrets, created_at FROM endpoints ORDER BY id";
        // By the connection that wrote them, since a reader may still see what was there before.
        let rows = self.durable.query_all_raw(statement(sql, vec![])).await.map_err(|error| failed(&error))?;
        let endpoint = |row: &sea_orm::QueryResult| {
            let types: String = get(row, 2)?;
            Ok(Endpoint {
                id: EndpointId(big(row, 0)?),
                url: get(row, 1)?,
                types: types.split_whitespace().filter_map(MessageType::parse).collect(),
                secrets: self.open_secrets(&get::<String>(row, 3)?)?,
                created_at_ms: get(row, 4)?,
            })
        };
        rows.iter().map(endpoint).collect::<Result<_, DbErr>>().map_err(|error| damaged(&error))
    }
}

#[async_trait]
impl Endpoints for Store {
    async fn insert(&self, endpoint: &Endpoint) -> PortResult<()> {
        let types: Vec<&str> = endpoint.types.iter().map(|t| t.word()).collect();
        let sql = "INSERT INTO endpoints (id, url, types, secrets, created_at) VALUES (?, ?, ?, ?, ?)";
        let values = vec![
            bits(endpoint.id.0),
            endpoint.url.clone().into(),
            types.join(" ").into(),
            self.seal_secrets(&endpoint.secrets).into(),
            endpoint.created_at_ms.into(),
        ];
        self.durably(sql, values).await?;
        self.read_endpoints().await
    }

    async fn all(&self) -> PortResult<Vec<Endpoint>> {
        self.all_endpoints().await
    }

    async fn set_secrets(&self, id: EndpointId, secrets: &[Secret]) -> PortResult<bool> {
        let values = vec![self.seal_secrets(secrets).into(), bits(id.0)];
        let changed = self.durably("UPDATE endpoints SET secrets = ? WHERE id = ?", values).await? == 1;
        self.read_endpoints().await?;
        Ok(changed)
    }

    async fn delete(&self, id: EndpointId) -> PortResult<bool> {
        let mut transaction = self.durable.begin().await.map_err(|error| failed(&error))?;
        for sql in [
            "UPDATE deliveries SET endpoint = 0, state = 'pending', attempts = 0 WHERE endpoint = ? AND kind = 'award.fulfil' AND state <> 'done'",
            "DELETE FROM deliveries WHERE endpoint = ? AND kind <> 'award.fulfil'",
        ] {
            transaction.execute_raw(statement(sql, vec![bits(id.0)])).await.map_err(|error| failed(&error))?;
        }
        if self.durable.is_mysql() {
            // Its deliveries may lie in other databases, and several do not commit as one: they first, so that a repeat
            // finds the endpoint and goes on.
            transaction.commit().await.map_err(|error| failed(&error))?;
            transaction = self.durable.begin().await.map_err(|error| failed(&error))?;
        }
        let gone = statement("DELETE FROM endpoints WHERE id = ?", vec![bits(id.0)]);
        let gone = transaction.execute_raw(gone).await.map_err(|error| failed(&error))?;
        transaction.commit().await.map_err(|error| failed(&error))?;
        self.read_endpoints().await?;
        Ok(gone.rows_affected() == 1)
    }
}
