//! From two tables to four, by the steps of docs/cluster.md, with all rows kept: counted and summed up in the databases
//! themselves, read through the ports before and after, and written on.

use crate::servers::{DATABASES, open, say, sharded};
use adapters::records::{SHARDED, Store, doubling};
use app::ports::{Accounts, Lists, Orders, Projection};
use domain::ids::{CampaignId, ShopperId};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
use serde_json::json;
use std::collections::BTreeMap;
use testkit::builders::{Story, key};
use testkit::engines;

const HERE: CampaignId = CampaignId(41);
/// Shoppers of the short form, and of each round of the long one.
const SHORT: usize = 2_000;
const ROUND: usize = 1_000;
/// Shoppers of one batch.
const BATCH: usize = 1_000;

/// Rows of each table, and their checksums' exclusive or, over all physical tables.
type Sums = BTreeMap<&'static str, (i64, u64)>;

async fn sums(server: &DatabaseConnection, name: &str, tables: u32) -> Sums {
    let mut sums = Sums::new();
    for (table, _) in SHARDED {
        let entry = sums.entry(table).or_default();
        for at in 0..tables {
            let database = format!("{name}_{}", at % DATABASES);
            let columns = format!(
                "SELECT CAST(COLUMN_NAME AS CHAR) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = '{database}'
                 AND TABLE_NAME = '{table}_{at}' ORDER BY ORDINAL_POSITION"
            );
            let ask =
                async |sql: String| server.query_all_raw(Statement::from_string(DbBackend::MySql, sql)).await.unwrap();
            let columns: Vec<String> = ask(columns)
                .await
                .iter()
                .map(|row| format!("`{}`", row.try_get_by_index::<String>(0).unwrap()))
                .collect();
            let texts: Vec<String> = columns.iter().map(|c| format!("COALESCE(CONCAT('=', {c}), '-')")).collect();
            let sum = format!(
                "SELECT COUNT(*), CAST(BIT_XOR(CONV(LEFT(MD5(CONCAT_WS('|', {})), 15), 16, 10)) AS CHAR) FROM {database}.{table}_{at}",
                texts.join(", ")
            );
            let row = ask(sum).await.remove(0);
            entry.0 += row.try_get_by_index::<i64>(0).unwrap();
            entry.1 ^= row.try_get_by_index::<String>(1).unwrap().parse::<u64>().unwrap();
        }
    }
    sums
}

/// Shoppers with an order, a draw and its award, an answer and points each.
async fn fill(store: &Store, story: &mut Story, shoppers: usize) -> Vec<ShopperId> {
    let mut ids = Vec::with_capacity(shoppers);
    while ids.len() < shoppers {
        for nth in ids.len()..(ids.len() + BATCH).min(shoppers) {
            let id = story.register(&format!("shopper {nth}"));
            story.grant(id, HERE, 2, key(&format!("g{nth}")));
            story.draw(id, HERE, 1, key(&format!("d{nth}")));
            story.points(id, 5, &format!("p{nth}"));
            ids.push(id);
        }
        store.apply(story.rows()).await.unwrap();
    }
    ids
}

/// What the ports say of a shopper, as one text.
async fn told(store: &Store, nth: usize, id: ShopperId) -> String {
    let account = store.by_name(&format!("shopper {nth}")).await.unwrap().expect("an account");
    let all = u64::MAX >> 1;
    let draws = store.draws(id, HERE, all, 9).await.unwrap();
    let awards = store.awards(id, all, 9).await.unwrap();
    let orders = store.orders(id, HERE, all, 9).await.unwrap();
    let (entries, keys) = (store.entries(id, all, 9).await.unwrap(), store.keys(id, 9).await.unwrap());
    assert_eq!((draws.len(), awards.len(), orders.len(), entries.len(), keys.len()), (1, 1, 1, 1, 3));
    format!("{account:?} {draws:?} {awards:?} {orders:?} {entries:?} {keys:?}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tables_become_four() {
    let rounds: Option<usize> = std::env::var("KOI_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    let count = rounds.map_or(SHORT, |rounds| rounds * ROUND);
    let keys = tempfile::tempdir().unwrap();
    let name = format!("koi_reshard_{:x}", app::random::word());
    let before_url = sharded(&name, &name, 2).await;
    let store = open(&before_url, keys.path()).await;
    let mut story = Story::default();
    let shoppers = fill(&store, &mut story, count).await;
    let server = Database::connect(engines::find(engines::MYSQL)).await.unwrap();
    let before = sums(&server, &name, 2).await;
    assert_eq!((before["accounts"].0, before["draws"].0), (count as i64, count as i64));
    let some: Vec<usize> = (0..count).step_by(count / 100).collect();
    let mut texts = Vec::new();
    for nth in &some {
        texts.push(told(&store, *nth, shoppers[*nth]).await);
    }
    // From here on nobody writes.
    let position = store.position().await.unwrap();
    store.close().await;

    let direct = engines::find(engines::MYSQL);
    let steps: Vec<_> = (0..DATABASES).map(|at| doubling(at, DATABASES, 2)).collect();
    for _twice in 0..2 {
        for (at, (copy, _)) in (0..).zip(&steps) {
            let url = format!("{}/{name}_{at}", direct.rsplit_once('/').unwrap().0);
            say(&url, copy).await;
        }
    }
    for (at, (_, clean)) in (0..).zip(&steps) {
        let url = format!("{}/{name}_{at}", direct.rsplit_once('/').unwrap().0);
        say(&url, clean).await;
    }
    let after = sums(&server, &name, 4).await;
    assert_eq!(after, before, "counts and checksums");
    // The proxy is told of four.
    let after_url = sharded(&format!("{name}_4"), &name, 4).await;
    let store = open(&after_url, keys.path()).await;
    assert_eq!(store.position().await.unwrap(), position);
    assert_eq!(store.names_count().await.unwrap(), count as u64);
    for (nth, text) in some.iter().zip(&texts) {
        assert_eq!(told(&store, *nth, shoppers[*nth]).await, *text);
    }
    for nth in &some {
        story.draw(shoppers[*nth], HERE, 1, key(&format!("e{nth}")));
    }
    store.apply(story.rows()).await.unwrap();
    for nth in &some {
        let draws = store.draws(shoppers[*nth], HERE, u64::MAX >> 1, 9).await.unwrap();
        assert_eq!(draws.len(), 2, "it goes on");
    }
    let rows = sums(&server, &name, 4).await.values().map(|(rows, _)| rows).sum::<i64>();
    store.close().await;
    println!(
        "{}",
        json!({"test": "reshard", "shoppers": count, "tables": SHARDED.len(), "rows": rows, "counts_differ": 0, "checksums_differ": 0})
    );
    say(&engines::find(engines::PROXY), &[format!("DROP DATABASE {name}_4"), format!("DROP DATABASE {name}")]).await;
    let drop: Vec<String> = (0..DATABASES).map(|at| format!("DROP DATABASE {name}_{at}")).collect();
    say(&direct, &drop).await;
}
