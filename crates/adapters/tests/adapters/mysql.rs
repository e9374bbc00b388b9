//! Records on a real server of the MySQL protocol, and on two databases behind ShardingSphere-Proxy, against the suites of
//! their ports: the same that they pass on SQLite.

use crate::servers::{Behind, Own, open};
use adapters::records::{SHARDED, Store};
use adapters::vault::Vault;
use app::ports::{Accounts, PortError, Projection};
use sea_orm::{ConnectionTrait, Database, DbBackend, Statement};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use testkit::conformance::{
    browse, campaigns, codes, desk, drawings, escrow, exchange, fulfil, models, records, registry, segments, shelves,
};
use testkit::relay::{Mode, Relay};

macro_rules! conformance {
    ($($name:ident: $suite:path),+ $(,)?) => {
        mod direct {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let own = Own::new().await;
                    $suite(async || own.open().await).await;
                    own.drop().await;
                }
            )+
        }
        mod proxy {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let behind = Behind::new().await;
                    $suite(async || behind.open().await).await;
                }
            )+
        }
    };
}

conformance! {
    are_projected_atomically: records::projects_atomically,
    roll_back_whole_batches: records::rolls_back_whole_batches,
    keep_the_deposed_out: records::keeps_the_deposed_out,
    find_accounts: records::finds_accounts,
    know_the_newest_id: records::knows_the_newest_id,
    keep_keys_and_answers: records::keeps_keys,
    list_newest_first: records::lists_newest_first,
    move_orders: records::moves_orders,
    hear_what_was_told: records::hears_what_was_told,
    forget_the_erased: records::forgets_the_erased,
    hold_awards_back: records::holds_awards_back,
    walk_everything: browse::walks_everything,
    count_steps_and_funnels: browse::counts,
    keep_campaign_versions: campaigns::keeps_versions,
    keep_rules_with_the_row_that_names_them: campaigns::keeps_rules,
    list_campaigns: campaigns::lists_campaigns,
    keep_batches_of_codes: codes::keeps_batches,
    count_uses_once: codes::counts_uses_once,
    complete_uses: codes::completes_uses,
    keep_items: exchange::keeps_items,
    list_exchanges: exchange::lists_exchanges,
    keep_the_first_drawing: drawings::keeps_the_first_drawing,
    keep_people: registry::keeps_people,
    keep_sealing_keys: registry::keeps_sealing_keys,
    keep_operators: desk::keeps_operators,
    keep_sessions: desk::keeps_sessions,
    keep_api_keys: desk::keeps_api_keys,
    keep_the_audit: desk::keeps_the_audit,
    keep_endpoints: fulfil::keeps_endpoints,
    keep_deliveries: fulfil::keeps_deliveries,
    forget_deliveries: fulfil::forgets_deliveries,
    assign_coupons_once: fulfil::assigns_coupons_once,
    read_whole_histories: shelves::reads_whole_histories,
    keep_strategies: shelves::keeps_strategies,
    move_units: escrow::moves_units,
    never_oversell: escrow::never_oversells,
    hold_nobody_up: escrow::holds_nobody_up,
    serve_one_model: models::one_version_serves,
    keep_segments: segments::keeps_one_of_a_name,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_are_made_once_however_many_begin() {
    let own = Own::new().await;
    let (one, two) = tokio::join!(own.open(), own.open());
    one.close().await;
    two.close().await;
    own.open().await.close().await;
    own.say("UPDATE koi_layout SET layout = 999 WHERE id = 1").await;
    let vault = Vault::open(own.keys.path()).unwrap();
    let error = Store::connect(&own.url, vault).await.err().expect("refused").to_string();
    assert!(error.contains("newer koi") && error.contains("999"), "{error}");
    assert!(!error.contains("koi:koi"), "no password is shown: {error}");
    own.drop().await;
}

#[tokio::test]
async fn another_engine_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let vault = Vault::open(dir.path()).unwrap();
    let error = Store::connect("postgres://koi:secret@127.0.0.1/koi", vault).await.err().unwrap().to_string();
    assert!(error.contains("postgres://") && !error.contains("secret"), "{error}");
}

type Columns = BTreeMap<String, BTreeSet<String>>;

/// The columns of all tables, as SQLite or the server tells them.
async fn columns(url: &str, sql: &str, backend: DbBackend) -> Columns {
    let connection = Database::connect(url).await.unwrap();
    let mut columns = Columns::new();
    for row in connection.query_all_raw(Statement::from_string(backend, sql)).await.unwrap() {
        let (table, column): (String, String) = (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap());
        columns.entry(table).or_default().insert(column.to_lowercase());
    }
    columns
}

/// A server's tables are written down once more: this keeps the two from growing apart.
#[tokio::test]
async fn a_server_has_the_columns_that_sqlite_has() {
    let own = Own::new().await;
    own.open().await.close().await;
    let name = own.url.rsplit('/').next().unwrap();
    let sql = format!(
        "SELECT CAST(TABLE_NAME AS CHAR), CAST(COLUMN_NAME AS CHAR) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = '{name}'"
    );
    let mut server = columns(&own.url, &sql, DbBackend::MySql).await;
    let dir = tempfile::tempdir().unwrap();
    Store::open(dir.path(), Vault::open(dir.path()).unwrap()).await.unwrap().close().await;
    let sql = "SELECT m.name, p.name FROM sqlite_master m JOIN pragma_table_info(m.name) p WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'";
    let url = format!("sqlite://{}", dir.path().join(adapters::records::RECORDS_FILE).display());
    let sqlite = columns(&url, sql, DbBackend::Sqlite).await;
    assert!(server.remove("koi_layout").is_some() && server.remove("tombstones").is_some(), "a server's own");
    assert_eq!(server, sqlite);
    for (table, column) in SHARDED {
        assert!(server[table].contains(column), "{table} is sharded by {column}");
    }
    let sharded: BTreeSet<&str> = SHARDED.iter().map(|(table, _)| *table).collect();
    let with_part = server.iter().filter(|(_, columns)| columns.contains("part")).map(|(table, _)| table.as_str());
    // Counted in one transaction with their codes, which belong to many partitions.
    let with_part: BTreeSet<&str> = with_part.filter(|table| *table != "code_uses").collect();
    assert!(with_part.is_subset(&sharded), "{with_part:?}");
    own.drop().await;
}

/// The proxy's configuration that the engines run with names the same tables.
#[test]
fn the_proxy_is_configured_for_these_tables() {
    let config = include_str!("../../../../deploy/engines/shardingsphere/config-koi.yaml");
    for (table, column) in SHARDED {
        let rule = format!(
            "    {table}:\n      actualDataSources: ds_0,ds_1\n      shardingStrategy: {{standard: {{shardingColumn: {column}, "
        );
        assert!(config.contains(&rule), "{table}");
    }
    let tables: Vec<&str> = SHARDED.iter().map(|(table, _)| *table).collect();
    assert!(config.contains(&format!("bindingTables: ['{}']", tables.join(","))));
}

/// A partition's rows lie in one database, wherever they are asked for, and a batch with its position is one transaction there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_lie_with_their_partition() {
    let behind = Behind::new().await;
    let name = behind.url.rsplit('/').next().unwrap().to_owned();
    let store = behind.open().await;
    let mut story = testkit::builders::Story::default();
    let shoppers: Vec<_> = (0..40).map(|i| story.register(&format!("s{i}"))).collect();
    Projection::apply(&store, story.rows()).await.unwrap();
    let direct = testkit::engines::find(testkit::engines::MYSQL);
    for (database, table) in [(0, 0), (1, 1), (0, 2), (1, 3)] {
        let sql = format!("SELECT part, id FROM {name}_{database}.accounts_{table}");
        let connection = Database::connect(&direct).await.unwrap();
        let rows = connection.query_all_raw(Statement::from_string(DbBackend::MySql, sql)).await.unwrap();
        let parts: Vec<i32> = rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
        let want = shoppers.iter().filter(|s| s.partition() % 4 == table).count();
        assert_eq!(parts.len(), want, "table {table}");
        assert!(parts.iter().all(|part| part % 4 == i32::from(table)), "{parts:?} in table {table}");
    }
    store.close().await;
}

/// Who cannot get in says so in a sentence without the password, and nobody waits for ever.
#[tokio::test]
async fn a_wrong_password_is_an_error_that_names_no_password() {
    let own = Own::new().await;
    let wrong = own.url.replace("koi:koi@", "koi:wrong@");
    let vault = Vault::open(own.keys.path()).unwrap();
    let error = Store::connect(&wrong, vault).await.err().expect("refused").to_string();
    assert!(error.starts_with("the records ") && !error.contains("wrong"), "{error}");
    open(&own.url, own.keys.path()).await.close().await;
    own.drop().await;
}

/// A server that is away, or that is there and silent, is an error within its time; back again it serves as before, by the
/// same connections' pool.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_away_is_used_again() {
    let own = Own::new().await;
    let at = own.url.rsplit('@').next().unwrap();
    let (target, name) = at.split_once('/').unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let relay = Relay::start(&format!("{free}>{target}"));
    let store = open(&format!("mysql://koi:koi@{free}/{name}"), own.keys.path()).await;
    let mut story = testkit::builders::Story::default();
    let ada = story.register("ada");
    Projection::apply(&store, story.rows()).await.unwrap();
    for (mode, most) in [(Mode::Cut, 8), (Mode::LoseAnswers, 12)] {
        relay.set(mode);
        let started = Instant::now();
        story.points(ada, 1, &format!("{most}"));
        let (read, written) = tokio::join!(store.names_count(), Projection::apply(&store, story.rows()));
        assert!(matches!(read, Err(PortError::Unreachable(_))), "{read:?}");
        assert!(matches!(written, Err(PortError::Unreachable(_))), "{written:?}");
        assert!(started.elapsed() < Duration::from_secs(most), "nobody waits for ever: {:?}", started.elapsed());
        relay.set(Mode::Pass);
        let until = Instant::now() + Duration::from_secs(20);
        while store.names_count().await != Ok(1) {
            assert!(Instant::now() < until, "it is back and is not used");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    store.close().await;
    own.drop().await;
}
