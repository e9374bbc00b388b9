//! Databases of a test's own on the real server, directly and behind ShardingSphere-Proxy.

use adapters::records::{SHARDED, Store, distribution};
use adapters::vault::Vault;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};
use std::path::Path;
use tempfile::TempDir;
use testkit::engines;
use tokio::sync::{Mutex, MutexGuard};

/// Databases behind the proxy, and tables of each sharded one over all of them.
pub const DATABASES: u32 = 2;

/// One connection that speaks plain text: what the proxy is told about itself cannot be prepared.
async fn speak(url: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    Database::connect(options).await.unwrap()
}

pub async fn say(url: &str, statements: &[String]) {
    let server = speak(url).await;
    for sql in statements {
        server.execute_unprepared(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    server.close().await.unwrap();
}

/// `mysql://…:PORT`, and the database.
fn split(url: &str) -> (&str, &str) {
    url.rsplit_once('/').unwrap()
}

pub async fn open(url: &str, keys: &Path) -> Store {
    let vault = Vault::open(keys).unwrap();
    Store::connect(url, vault).await.unwrap_or_else(|error| panic!("{error}"))
}

/// A database of its own, for one test, spoken to directly.
pub struct Own {
    pub url: String,
    name: String,
    /// Holds the key that seals what records must not show.
    pub keys: TempDir,
}

impl Own {
    pub async fn new() -> Self {
        let url = engines::find(engines::MYSQL);
        let name = format!("koi_test_{:x}", app::random::word());
        say(&url, &[format!("CREATE DATABASE {name}")]).await;
        Self { url: format!("{}/{name}", split(&url).0), name, keys: tempfile::tempdir().unwrap() }
    }

    pub async fn open(&self) -> Store {
        open(&self.url, self.keys.path()).await
    }

    pub async fn say(&self, sql: &str) {
        say(&self.url, &[sql.to_owned()]).await;
    }

    pub async fn drop(self) {
        say(&engines::find(engines::MYSQL), &[format!("DROP DATABASE {}", self.name)]).await;
    }
}

/// A logical database of the proxy's over the two of the server's that are called `name_0` and `name_1`, made where they are not.
pub async fn sharded(logical: &str, name: &str, tables: u32) -> String {
    let (direct, proxy) = (engines::find(engines::MYSQL), engines::find(engines::PROXY));
    let physical: Vec<String> = (0..DATABASES).map(|i| format!("CREATE DATABASE IF NOT EXISTS {name}_{i}")).collect();
    say(&direct, &physical).await;
    let host = split(&direct).0.rsplit('@').next().unwrap().to_owned();
    say(&proxy, &[format!("CREATE DATABASE {logical}")]).await;
    let url = format!("{}/{logical}", split(&proxy).0);
    let resources: Vec<String> = (0..DATABASES)
        .map(|i| {
            format!(
                "ds_{i} (URL=\"jdbc:mysql://{host}/{name}_{i}?useSSL=false&allowPublicKeyRetrieval=true&characterEncoding=UTF-8&connectionTimeZone=UTC&forceConnectionTimeZoneToSession=false&rewriteBatchedStatements=true&useServerPrepStmts=true&cachePrepStmts=true&prepStmtCacheSize=256&prepStmtCacheSqlLimit=65536&useAffectedRows=false&connectTimeout=3000&socketTimeout=15000\", USER=koi, PASSWORD=koi, PROPERTIES(\"maximumPoolSize\"=20))"
            )
        })
        .collect();
    let rules = distribution(DATABASES, tables, 1);
    say(&url, &[format!("ADD RESOURCE {}", resources.join(", "))]).await;
    say(&url, &rules).await;
    url
}

/// The logical database that the suites of one process share, one at a time, each beginning with empty tables: making them
/// anew would take the proxy longer than all suites.
static SHARED: Mutex<Option<(String, Option<TempDir>)>> = Mutex::const_new(None);

pub struct Behind {
    pub url: String,
    shared: MutexGuard<'static, Option<(String, Option<TempDir>)>>,
}

impl Behind {
    pub async fn new() -> Self {
        let mut shared = SHARED.lock().await;
        let url = match &*shared {
            Some((url, _)) => url.clone(),
            None => {
                let name = format!("koi_suite_{:x}", app::random::word());
                let url = sharded(&name, &name, 2 * DATABASES).await;
                *shared = Some((url.clone(), Some(tempfile::tempdir().unwrap())));
                url
            }
        };
        let behind = Self { url, shared };
        behind.open().await.close().await;
        behind.empty().await;
        behind
    }

    pub async fn open(&self) -> Store {
        let keys = self.shared.as_ref().and_then(|(_, keys)| keys.as_ref()).unwrap();
        open(&self.url, keys.path()).await
    }

    async fn empty(&self) {
        let single = [
            "campaigns",
            "rule_versions",
            "api_keys",
            "api_key_secrets",
            "operators",
            "sessions",
            "audit",
            "endpoints",
            "coupons",
            "code_batches",
            "codes",
            "code_uses",
            "exchange_items",
            "entry_drawings",
            "jobs",
            "imports",
            "stock_shares",
            "models",
            "segments",
            "tombstones",
        ];
        let tables = single.into_iter().chain(SHARDED.iter().map(|(table, _)| *table));
        // Outside of a transaction the failure of a second database would go unnoticed.
        let delete = tables.map(|table| format!("DELETE FROM {table}"));
        let all: Vec<String> = ["BEGIN".to_owned()].into_iter().chain(delete).chain(["COMMIT".to_owned()]).collect();
        say(&self.url, &all).await;
    }
}
