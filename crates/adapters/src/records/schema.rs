//! The tables, and how an older file becomes a newer one.

use super::RecordsError;
use super::connection::Connection;
use super::dialect::mysql_schema;
use super::tables::{BASE, TABLES, collated};
use domain::ids::PARTITIONS;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement, TransactionTrait};

/// One entry per layout version, applied in order; entries are never changed once released.
///
/// Lists are indexed by (shopper, id) since that is how they are read, the id being what every index entry ends with;
/// nothing else is indexed on what draws write.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE projection (id INTEGER PRIMARY KEY, next BIGINT NOT NULL, epoch BIGINT NOT NULL, owner BIGINT NOT NULL, fence BIGINT NOT NULL);
    INSERT INTO projection VALUES (0, 0, 0, 0, 0);
    CREATE TABLE accounts (id INTEGER PRIMARY KEY, part INT NOT NULL, external_id VARCHAR(128) NOT NULL, next BIGINT NOT NULL, state TEXT NOT NULL);
    CREATE UNIQUE INDEX accounts_name ON accounts (external_id);
    CREATE TABLE draws (id INTEGER PRIMARY KEY, part INT NOT NULL, shopper BIGINT NOT NULL, campaign BIGINT NOT NULL, n BIGINT NOT NULL,
        key_high BIGINT NOT NULL, key_low BIGINT NOT NULL, request BIGINT NOT NULL, pos BIGINT NOT NULL, award BIGINT, body TEXT NOT NULL);
    CREATE INDEX draws_shopper ON draws (shopper, id);
    CREATE TABLE awards (id INTEGER PRIMARY KEY, part INT NOT NULL, shopper BIGINT NOT NULL, campaign BIGINT NOT NULL, draw BIGINT NOT NULL,
        rules INT NOT NULL, prize INT NOT NULL, points INT NOT NULL, state VARCHAR(16) NOT NULL, at BIGINT NOT NULL);
    CREATE INDEX awards_shopper ON awards (shopper, id);
    CREATE TABLE entries (id INTEGER PRIMARY KEY, part INT NOT NULL, shopper BIGINT NOT NULL, amount BIGINT NOT NULL, balance BIGINT NOT NULL,
        business_key TEXT NOT NULL, reason TEXT NOT NULL, at BIGINT NOT NULL);
    CREATE INDEX entries_shopper ON entries (shopper, id);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, part INT NOT NULL, shopper BIGINT NOT NULL, campaign BIGINT NOT NULL, kind VARCHAR(16) NOT NULL,
        chances BIGINT NOT NULL, first BIGINT NOT NULL, reason TEXT NOT NULL, at BIGINT NOT NULL);
    CREATE INDEX orders_shopper ON orders (shopper, id);
    CREATE TABLE answers (shopper BIGINT NOT NULL, key_high BIGINT NOT NULL, key_low BIGINT NOT NULL, part INT NOT NULL, request BIGINT NOT NULL,
        status INT NOT NULL, pos BIGINT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (shopper, key_high, key_low)) WITHOUT ROWID;
    CREATE TABLE behaviours (shopper BIGINT NOT NULL, key_high BIGINT NOT NULL, key_low BIGINT NOT NULL, part INT NOT NULL, at BIGINT NOT NULL,
        payload TEXT NOT NULL);
    CREATE UNIQUE INDEX behaviours_key ON behaviours (shopper, key_high, key_low);
    CREATE TABLE profiles (shopper INTEGER PRIMARY KEY, part INT NOT NULL, state TEXT NOT NULL);
    CREATE TABLE counters (campaign INTEGER PRIMARY KEY, state TEXT NOT NULL);
    CREATE TABLE campaigns (id INTEGER PRIMARY KEY, version BIGINT NOT NULL, state VARCHAR(16) NOT NULL, definition TEXT NOT NULL,
        seed TEXT NOT NULL, created_at BIGINT NOT NULL, published_at BIGINT);
    CREATE TABLE people (shopper INTEGER PRIMARY KEY, part INT NOT NULL, name TEXT, attributes TEXT NOT NULL);
    CREATE TABLE sealing_keys (shopper INTEGER PRIMARY KEY, part INT NOT NULL, secret VARCHAR(64) NOT NULL);
    CREATE TABLE api_keys (id VARCHAR(32) PRIMARY KEY, sha256 VARCHAR(64) NOT NULL UNIQUE, name TEXT NOT NULL, scopes TEXT NOT NULL,
        created_at VARCHAR(32) NOT NULL);
    CREATE TABLE strategies (shopper BIGINT NOT NULL, campaign BIGINT NOT NULL, part INT NOT NULL, generation BIGINT NOT NULL,
        stale INT NOT NULL, slots TEXT NOT NULL, PRIMARY KEY (shopper, campaign)) WITHOUT ROWID;
    CREATE INDEX strategies_stale ON strategies (campaign, shopper) WHERE stale = 1;
    CREATE TABLE jobs (campaign INTEGER PRIMARY KEY, after_id BIGINT NOT NULL, done BIGINT NOT NULL, total BIGINT NOT NULL,
        generation BIGINT NOT NULL, finished INT NOT NULL);
    CREATE TABLE imports (source VARCHAR(16) NOT NULL, order_id TEXT NOT NULL, ordinals TEXT NOT NULL, PRIMARY KEY (source, order_id)) WITHOUT ROWID;
", "
    ALTER TABLE draws DROP COLUMN body;
    ALTER TABLE answers DROP COLUMN body;
", "
    CREATE TABLE operators (id INTEGER PRIMARY KEY, version BIGINT NOT NULL, login VARCHAR(64) NOT NULL UNIQUE, name TEXT NOT NULL,
        role VARCHAR(32) NOT NULL, password VARCHAR(255) NOT NULL, bans TEXT NOT NULL, created_at BIGINT NOT NULL);
    CREATE TABLE sessions (id VARCHAR(32) PRIMARY KEY, sha256 VARCHAR(64) NOT NULL UNIQUE, operator BIGINT NOT NULL, created_at BIGINT NOT NULL,
        seen_at BIGINT NOT NULL, fresh_at BIGINT NOT NULL, address VARCHAR(32) NOT NULL);
    CREATE INDEX sessions_operator ON sessions (operator, created_at);
    ALTER TABLE api_keys ADD COLUMN expires_at BIGINT;
    ALTER TABLE api_keys ADD COLUMN last_used_at BIGINT;
    CREATE TABLE api_key_secrets (sha256 VARCHAR(64) PRIMARY KEY, api_key VARCHAR(32) NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT);
    CREATE INDEX api_key_secrets_key ON api_key_secrets (api_key);
    INSERT INTO api_key_secrets (sha256, api_key, created_at) SELECT sha256, id, 0 FROM api_keys;
    CREATE TABLE audit (seq INTEGER PRIMARY KEY, at BIGINT NOT NULL, who VARCHAR(64) NOT NULL, act VARCHAR(128) NOT NULL, target VARCHAR(160) NOT NULL,
        of_seq BIGINT, hash VARCHAR(64) NOT NULL, body TEXT NOT NULL);
    CREATE INDEX audit_who ON audit (who, seq);
    CREATE INDEX audit_target ON audit (target, seq);
    CREATE INDEX audit_outcome ON audit (of_seq) WHERE of_seq IS NOT NULL;
", "
    ALTER TABLE campaigns ADD COLUMN rules_version BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE campaigns ADD COLUMN author VARCHAR(128) NOT NULL DEFAULT '';
    CREATE TABLE rule_versions (campaign BIGINT NOT NULL, version BIGINT NOT NULL, state VARCHAR(16) NOT NULL, hash VARCHAR(64) NOT NULL,
        definition TEXT NOT NULL, effective_at BIGINT NOT NULL, created_at BIGINT NOT NULL, announced_at BIGINT, author TEXT NOT NULL,
        publisher TEXT NOT NULL, PRIMARY KEY (campaign, version)) WITHOUT ROWID;
    CREATE INDEX rule_versions_announced ON rule_versions (effective_at) WHERE state = 'announced';
", "
    DROP TABLE orders;
    CREATE TABLE orders (id INTEGER PRIMARY KEY, part INT NOT NULL, shopper BIGINT NOT NULL, campaign BIGINT NOT NULL, kind VARCHAR(16) NOT NULL,
        state VARCHAR(16) NOT NULL, chances BIGINT NOT NULL, lot BIGINT NOT NULL, expires_at BIGINT, price_cents BIGINT NOT NULL, pay_by BIGINT,
        pending_until BIGINT, points BIGINT NOT NULL, streak INT NOT NULL, reason TEXT NOT NULL, at BIGINT NOT NULL);
    CREATE INDEX orders_shopper ON orders (shopper, id);
    CREATE INDEX orders_joined ON orders (lot) WHERE lot <> id;
    CREATE TABLE refunds (id INTEGER PRIMARY KEY, part INT NOT NULL, shopper BIGINT NOT NULL, campaign BIGINT NOT NULL, order_id BIGINT NOT NULL,
        amount_cents BIGINT NOT NULL, payment TEXT NOT NULL, reason TEXT NOT NULL, at BIGINT NOT NULL);
    CREATE INDEX refunds_campaign ON refunds (campaign, id);
    CREATE TABLE due (kind VARCHAR(16) NOT NULL, id BIGINT NOT NULL, shopper BIGINT NOT NULL, part INT NOT NULL, campaign BIGINT NOT NULL,
        at BIGINT NOT NULL, PRIMARY KEY (kind, id, shopper)) WITHOUT ROWID;
    CREATE INDEX due_at ON due (at);
    ALTER TABLE entries ADD COLUMN contra VARCHAR(16) NOT NULL DEFAULT 'issued';
    ALTER TABLE entries ADD COLUMN expires_at BIGINT;
    ALTER TABLE entries ADD COLUMN receipt TEXT;
", "
    ALTER TABLE awards ADD COLUMN birth VARCHAR(16);
    ALTER TABLE awards ADD COLUMN claim_by BIGINT;
    ALTER TABLE awards ADD COLUMN held INT NOT NULL DEFAULT 0;
    CREATE INDEX awards_open ON awards (id) WHERE state IN ('granting', 'failed');
    CREATE INDEX awards_claim_by ON awards (claim_by) WHERE state = 'granted' AND claim_by IS NOT NULL;
    CREATE TABLE endpoints (id INTEGER PRIMARY KEY, url TEXT NOT NULL, types TEXT NOT NULL, secrets TEXT NOT NULL, created_at BIGINT NOT NULL);
    CREATE TABLE deliveries (id INTEGER PRIMARY KEY AUTOINCREMENT, subscription BIGINT NOT NULL, message VARCHAR(96) NOT NULL, endpoint BIGINT NOT NULL,
        kind VARCHAR(32) NOT NULL, campaign BIGINT NOT NULL, shopper BIGINT NOT NULL, part INT NOT NULL, award BIGINT, data TEXT NOT NULL, at BIGINT NOT NULL,
        state VARCHAR(16) NOT NULL, attempts INT NOT NULL, due BIGINT NOT NULL, problem VARCHAR(64), moved_at BIGINT NOT NULL);
    CREATE UNIQUE INDEX deliveries_message ON deliveries (subscription, message);
    CREATE INDEX deliveries_due ON deliveries (endpoint, due) WHERE state = 'pending';
    CREATE INDEX deliveries_parked ON deliveries (id) WHERE state = 'parked';
    CREATE INDEX deliveries_done ON deliveries (moved_at) WHERE state <> 'pending';
    CREATE TABLE coupons (id INTEGER PRIMARY KEY AUTOINCREMENT, campaign BIGINT NOT NULL, prize VARCHAR(64) NOT NULL, mark VARCHAR(32) NOT NULL,
        sealed TEXT NOT NULL, award BIGINT);
    CREATE UNIQUE INDEX coupons_mark ON coupons (campaign, prize, mark);
    CREATE UNIQUE INDEX coupons_award ON coupons (award) WHERE award IS NOT NULL;
    CREATE INDEX coupons_free ON coupons (campaign, prize, id) WHERE award IS NULL;
    CREATE TABLE addresses (award INTEGER PRIMARY KEY, part INT NOT NULL, shopper BIGINT NOT NULL, sealed TEXT NOT NULL);
", "
    CREATE TABLE counters_by_log (campaign BIGINT NOT NULL, log INT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (campaign, log)) WITHOUT ROWID;
    INSERT INTO counters_by_log SELECT campaign, 0, state FROM counters;
    DROP TABLE counters;
    ALTER TABLE counters_by_log RENAME TO counters;
", "
    CREATE TABLE code_batches (id INTEGER PRIMARY KEY, campaign BIGINT NOT NULL, imported INT NOT NULL, chances BIGINT NOT NULL, uses BIGINT NOT NULL,
        per_shopper BIGINT, starts_at BIGINT, ends_at BIGINT, count BIGINT NOT NULL, used BIGINT NOT NULL, created_at BIGINT NOT NULL);
    CREATE INDEX code_batches_campaign ON code_batches (campaign, id);
    CREATE TABLE codes (id INTEGER PRIMARY KEY AUTOINCREMENT, campaign BIGINT NOT NULL, batch BIGINT NOT NULL, mark VARCHAR(32) NOT NULL,
        sealed TEXT NOT NULL, used BIGINT NOT NULL);
    CREATE UNIQUE INDEX codes_mark ON codes (campaign, mark);
    CREATE INDEX codes_batch ON codes (batch, id);
    CREATE TABLE code_uses (id INTEGER PRIMARY KEY, part INT NOT NULL, code BIGINT NOT NULL, batch BIGINT NOT NULL, campaign BIGINT NOT NULL,
        shopper BIGINT NOT NULL, chances BIGINT NOT NULL, key_high BIGINT NOT NULL, key_low BIGINT NOT NULL, request BIGINT NOT NULL, at BIGINT NOT NULL,
        order_id BIGINT);
    CREATE UNIQUE INDEX code_uses_key ON code_uses (code, shopper, key_high, key_low);
    CREATE INDEX code_uses_shopper ON code_uses (shopper, batch);
", "
    CREATE TABLE exchange_items (id INTEGER PRIMARY KEY, version BIGINT NOT NULL, retired INT NOT NULL, definition TEXT NOT NULL, created_at BIGINT NOT NULL);
    ALTER TABLE orders ADD COLUMN item BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE orders ADD COLUMN quantity BIGINT NOT NULL DEFAULT 0;
    CREATE INDEX orders_exchanged ON orders (shopper, id) WHERE item <> 0;
    ALTER TABLE awards ADD COLUMN order_id BIGINT;
    CREATE INDEX awards_order ON awards (order_id) WHERE order_id IS NOT NULL;
", "
    CREATE TABLE entry_drawings (campaign INTEGER PRIMARY KEY, outcome TEXT NOT NULL, proof TEXT NOT NULL, made_at BIGINT NOT NULL, open INT NOT NULL);
    CREATE TABLE entry_wins (campaign BIGINT NOT NULL, place BIGINT NOT NULL, part INT NOT NULL, shopper BIGINT NOT NULL, award BIGINT NOT NULL,
        PRIMARY KEY (campaign, place)) WITHOUT ROWID;
", "
    CREATE TABLE notices (shopper BIGINT NOT NULL, pos BIGINT NOT NULL, part INT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (shopper, pos)) WITHOUT ROWID;
    CREATE INDEX notices_at ON notices (at);
    ALTER TABLE strategies ADD COLUMN message BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE strategies ADD COLUMN at BIGINT NOT NULL DEFAULT 0;
    CREATE INDEX awards_held ON awards (id) WHERE held = 1;
", "
    CREATE TABLE stock (campaign BIGINT NOT NULL, prize INT NOT NULL, total BIGINT NOT NULL, given BIGINT NOT NULL, PRIMARY KEY (campaign, prize)) WITHOUT ROWID;
    CREATE TABLE escrow (campaign BIGINT NOT NULL, prize INT NOT NULL, part INT NOT NULL, taken BIGINT NOT NULL, returned BIGINT NOT NULL,
        PRIMARY KEY (campaign, prize, part)) WITHOUT ROWID;
", "
    CREATE TABLE models (version INTEGER PRIMARY KEY, kind VARCHAR(32) NOT NULL, until_at BIGINT NOT NULL, fitted_at BIGINT NOT NULL,
        shoppers BIGINT NOT NULL, baskets BIGINT NOT NULL, items BIGINT NOT NULL, state VARCHAR(16) NOT NULL, held INT NOT NULL,
        comparison TEXT, drift DOUBLE);
    CREATE TABLE segments (name VARCHAR(64) PRIMARY KEY, expression TEXT NOT NULL, description TEXT NOT NULL, updated_at BIGINT NOT NULL);
", "
    DROP INDEX draws_shopper;
    CREATE INDEX draws_shopper ON draws (shopper);
    DROP INDEX awards_shopper;
    CREATE INDEX awards_shopper ON awards (shopper);
    DROP INDEX entries_shopper;
    CREATE INDEX entries_shopper ON entries (shopper);
", "
    CREATE TABLE stock_shares (campaign BIGINT NOT NULL, good INT NOT NULL, total BIGINT NOT NULL, given BIGINT NOT NULL,
        {taken_@ BIGINT NOT NULL DEFAULT 0}, {returned_@ BIGINT NOT NULL DEFAULT 0}, PRIMARY KEY (campaign, good)) WITHOUT ROWID;
    INSERT OR IGNORE INTO stock_shares (campaign, good, total, given, {taken_@}, {returned_@})
        SELECT s.campaign, s.prize, s.total, s.given, {COALESCE(MAX(CASE WHEN e.part = @ THEN e.taken END), 0)},
            {COALESCE(MAX(CASE WHEN e.part = @ THEN e.returned END), 0)}
        FROM stock s LEFT JOIN escrow e ON e.campaign = s.campaign AND e.prize = s.prize
        GROUP BY s.campaign, s.prize, s.total, s.given;
    DROP TABLE IF EXISTS escrow;
    DROP TABLE IF EXISTS stock;
", "
    ALTER TABLE campaigns ADD COLUMN ended_at BIGINT;
    ALTER TABLE campaigns ADD COLUMN ended_by VARCHAR(128) NOT NULL DEFAULT '';
"];

/// A migration with whatever stands in braces written once for each partition, whose number is `@`.
fn of_each_partition(migration: &str) -> String {
    let mut out = String::new();
    for piece in migration.split_inclusive('}') {
        let (before, once) = piece.split_once('{').unwrap_or((piece, ""));
        out.push_str(before);
        let Some(once) = once.strip_suffix('}') else { continue };
        let all: Vec<String> = (0..PARTITIONS).map(|part| once.replace('@', &part.to_string())).collect();
        out.push_str(&all.join(", "));
    }
    out
}

/// Brings the file to this build's layout, all or nothing per version.
pub(super) async fn migrate(connection: &DatabaseConnection, path: &str) -> Result<(), RecordsError> {
    let open = |source| RecordsError::Open { path: path.to_owned(), source };
    let known = MIGRATIONS.len() as i64;
    let found = version(connection).await.map_err(open)?;
    if found > known {
        return Err(RecordsError::Newer { path: path.to_owned(), found, known });
    }
    for (at, migration) in MIGRATIONS.iter().enumerate().skip(usize::try_from(found).unwrap_or(0)) {
        let transaction = connection.begin().await.map_err(open)?;
        transaction.execute_unprepared(&of_each_partition(migration)).await.map_err(open)?;
        transaction.execute_unprepared(&format!("PRAGMA user_version = {}", at + 1)).await.map_err(open)?;
        transaction.commit().await.map_err(open)?;
    }
    Ok(())
}

/// The same on the MySQL protocol. One process at a time makes or changes tables, and what it has done is counted statement
/// by statement, since tables cannot be changed in a transaction: an attempt that was cut off goes on where it was.
pub(super) async fn migrate_mysql(connection: &Connection, shown: &str) -> Result<(), RecordsError> {
    let open = |source| RecordsError::Open { path: shown.to_owned(), source };
    let known = MIGRATIONS.len();
    // Nearly always there is nothing to do; an error says that there is no such table, or says so again below.
    if let Ok(done) = layout(connection).await
        && done.layout >= known
    {
        return done.not_newer(known, shown);
    }
    let table = "CREATE TABLE IF NOT EXISTS koi_layout (id INT NOT NULL PRIMARY KEY, layout BIGINT NOT NULL, statements BIGINT NOT NULL)";
    connection.execute_unprepared(table).await.map_err(open)?;
    for row in ["(0, 0, 0)", "(1, 0, 0)"] {
        let sql =
            format!("INSERT INTO koi_layout (id, layout, statements) VALUES {row} ON DUPLICATE KEY UPDATE id = id");
        connection.execute_raw(plain(&sql)).await.map_err(open)?;
    }
    // Row 0 is held while tables change; it is let go of with the connection.
    let lock = connection.begin().await.map_err(open)?;
    lock.query_one_raw(plain("SELECT layout FROM koi_layout WHERE id = 0 FOR UPDATE")).await.map_err(open)?;
    let done = layout(connection).await.map_err(open)?;
    done.not_newer(known, shown)?;
    change(connection, done).await.map_err(open)?;
    lock.commit().await.map_err(open)
}

/// How far a server's tables have come: whole layouts, and statements of the next.
#[derive(Clone, Copy)]
struct Done {
    layout: usize,
    statements: usize,
}

impl Done {
    fn not_newer(self, known: usize, shown: &str) -> Result<(), RecordsError> {
        if self.layout <= known {
            return Ok(());
        }
        Err(RecordsError::Newer { path: shown.to_owned(), found: self.layout as i64, known: known as i64 })
    }
}

async fn layout(connection: &Connection) -> Result<Done, DbErr> {
    let row = connection.query_one_raw(plain("SELECT layout, statements FROM koi_layout WHERE id = 1")).await?;
    let row = row.ok_or_else(|| DbErr::Custom("no layout is written down".into()))?;
    let at = |at| row.try_get_by_index::<i64>(at).map(|number| usize::try_from(number).unwrap_or(0));
    Ok(Done { layout: at(0)?, statements: at(1)? })
}

/// Carries out what is left, counting.
async fn change(connection: &Connection, done: Done) -> Result<(), DbErr> {
    let version = connection.query_one_raw(plain("SELECT version()")).await?;
    let version: String = version.map_or_else(|| Ok(String::new()), |row| row.try_get_by_index(0))?;
    let first = || TABLES.iter().map(|table| collated(table, &version)).collect();
    // A table that came later tells texts apart like the others.
    let told_apart =
        |one: String| one.strip_prefix("CREATE TABLE ").map(|table| collated(table, &version)).unwrap_or(one);
    let later = |at: usize| mysql_schema(&of_each_partition(MIGRATIONS[at])).into_iter().map(told_apart).collect();
    for at in done.layout.max(BASE - 1)..MIGRATIONS.len() {
        let statements: Vec<String> = if at < BASE { first() } else { later(at) };
        let from = if at == done.layout { done.statements } else { 0 };
        for (count, statement) in statements.iter().enumerate().skip(from) {
            if statement.starts_with(CARRIES_STOCK) {
                carry_stock(connection).await?;
            } else {
                connection.execute_unprepared(statement).await?;
            }
            count_to(connection, at, count + 1).await?;
        }
        count_to(connection, at + 1, 0).await?;
    }
    Ok(())
}

/// How the statement begins that the proxy refuses, since it reads two tables and writes a third.
const CARRIES_STOCK: &str = "INSERT IGNORE INTO stock_shares";

/// Does what that statement does, row by row; again it changes nothing.
async fn carry_stock(connection: &Connection) -> Result<(), DbErr> {
    let number = |row: &sea_orm::QueryResult, at: usize| row.try_get_by_index::<i64>(at);
    for row in connection.query_all_raw(plain("SELECT campaign, prize, total, given FROM stock")).await? {
        let (campaign, good, total, given) = (number(&row, 0)?, number(&row, 1)?, number(&row, 2)?, number(&row, 3)?);
        let (mut columns, mut values) = (String::new(), String::new());
        let held = format!("SELECT part, taken, returned FROM escrow WHERE campaign = {campaign} AND prize = {good}");
        for share in connection.query_all_raw(plain(&held)).await? {
            let (part, taken, returned) = (number(&share, 0)?, number(&share, 1)?, number(&share, 2)?);
            columns.push_str(&format!(", taken_{part}, returned_{part}"));
            values.push_str(&format!(", {taken}, {returned}"));
        }
        let sql = format!(
            "INSERT INTO stock_shares (campaign, good, total, given{columns}) \
             VALUES ({campaign}, {good}, {total}, {given}{values}) ON DUPLICATE KEY UPDATE given = VALUES(given)"
        );
        connection.execute_raw(plain(&sql)).await?;
    }
    Ok(())
}

async fn count_to(connection: &Connection, layout: usize, statements: usize) -> Result<(), DbErr> {
    let sql = format!("UPDATE koi_layout SET layout = {layout}, statements = {statements} WHERE id = 1");
    connection.execute_raw(plain(&sql)).await.map(|_| ())
}

fn plain(sql: &str) -> Statement {
    Statement::from_string(DbBackend::MySql, sql)
}

async fn version(connection: &DatabaseConnection) -> Result<i64, DbErr> {
    let row = connection.query_one_raw(Statement::from_string(DbBackend::Sqlite, "PRAGMA user_version")).await?;
    row.map_or(Ok(0), |row| row.try_get_by_index::<i32>(0).map(i64::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_braces_is_written_for_each_partition() {
        let written = of_each_partition("a ({b_@ INT}, c); d {f(@)}");
        assert!(written.starts_with("a (b_0 INT, b_1 INT, ") && written.ends_with(", f(63)"), "{written}");
        assert!(written.contains("b_63 INT, c); d f(0), "), "{written}");
        assert_eq!(of_each_partition("no braces"), "no braces");
    }
}
