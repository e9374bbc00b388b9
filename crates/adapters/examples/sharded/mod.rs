//! Databases for one measurement: one that is spoken to directly, and a logical one of ShardingSphere-Proxy's over two.

use adapters::records::distribution;
use sea_orm::{ConnectOptions, ConnectionTrait, Database};
use std::error::Error;

pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Where an engine is.
pub fn find(variable: &str) -> Result<String> {
    std::env::var(variable).map_err(|_| format!("{variable} is not set; `cargo xtask bench` sets it").into())
}

async fn say(url: &str, statements: &[String]) -> Result<()> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    let server = Database::connect(options).await?;
    for sql in statements {
        server.execute_unprepared(sql).await?;
    }
    Ok(server.close().await?)
}

fn without_database(url: &str) -> &str {
    url.rsplit_once('/').map_or(url, |(server, _)| server)
}

/// The URLs of both, and what removes them.
pub struct Made {
    #[allow(dead_code, reason = "not every measurement asks both")]
    pub direct: String,
    pub sharded: String,
    drop: Vec<(String, String)>,
}

impl Made {
    /// Makes both, empty.
    pub async fn new() -> Result<Self> {
        let (direct, proxy) = (find("KOI_TEST_MYSQL")?, find("KOI_TEST_PROXY")?);
        let name = format!("koi_bench_{:x}", app::random::word());
        let databases: Vec<String> = ["", "_0", "_1"].map(|end| format!("{name}{end}")).into();
        let make: Vec<String> = databases.iter().map(|database| format!("CREATE DATABASE {database}")).collect();
        say(&direct, &make).await?;
        say(&proxy, &[format!("CREATE DATABASE {name}")]).await?;
        let host = without_database(&direct).rsplit('@').next().unwrap_or_default().to_owned();
        let resource = |i: u32| {
            format!(
                "ds_{i} (URL=\"jdbc:mysql://{host}/{name}_{i}?useSSL=false&allowPublicKeyRetrieval=true&characterEncoding=UTF-8&rewriteBatchedStatements=true&useServerPrepStmts=true&cachePrepStmts=true&prepStmtCacheSize=256&prepStmtCacheSqlLimit=65536\", USER=koi, PASSWORD=koi, PROPERTIES(\"maximumPoolSize\"=20))"
            )
        };
        let sharded = format!("{}/{name}", without_database(&proxy));
        say(&sharded, &[format!("ADD RESOURCE {}, {}", resource(0), resource(1))]).await?;
        say(&sharded, &distribution(2, 4, 1)).await?;
        let mut drop: Vec<(String, String)> = vec![(proxy, format!("DROP DATABASE {name}"))];
        drop.extend(databases.iter().map(|database| (direct.clone(), format!("DROP DATABASE {database}"))));
        Ok(Self { direct: format!("{}/{name}", without_database(&direct)), sharded, drop })
    }

    /// Removes both.
    pub async fn drop(self) -> Result<()> {
        for (url, sql) in self.drop {
            say(&url, &[sql]).await?;
        }
        Ok(())
    }
}
