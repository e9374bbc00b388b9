//! The tables on a server of the MySQL protocol, and how the proxy spreads them.
//!
//! A new server begins with all of them as they are in layout [`BASE`]; what changes later is a migration for SQLite and the
//! server alike. A test compares their columns with SQLite's. Every statement may be carried out again, since a server
//! cannot change tables in a transaction.
//!
//! Texts are compared to the last byte ([`collated`]): under most collations "ada " is "ada", "Ada" too, or "é" is "e", and
//! shoppers would share an account. Through the proxy a text is a text and a number at most a signed 64-bit one.

/// The layout that [`TABLES`] make.
pub(super) const BASE: usize = 12;

/// Tables whose rows lie with the others of their partition, and the column that names it. Everything that one transaction
/// of projection writes is among them, so it reaches one database. All other tables lie in one database.
pub const SHARDED: [(&str, &str); 19] = [
    ("accounts", "part"),
    ("addresses", "part"),
    ("answers", "part"),
    ("awards", "part"),
    ("behaviours", "part"),
    ("counters", "log"),
    ("deliveries", "part"),
    ("draws", "part"),
    ("due", "part"),
    ("entries", "part"),
    ("entry_wins", "part"),
    ("notices", "part"),
    ("orders", "part"),
    ("people", "part"),
    ("profiles", "part"),
    ("projection", "id"),
    ("refunds", "part"),
    ("sealing_keys", "part"),
    ("strategies", "part"),
];

/// The sharded table whose ids nobody else makes: the database does, and before several databases the proxy.
pub const NUMBERED: (&str, &str) = ("deliveries", "id");

/// What ShardingSphere-Proxy is told of these tables, in its own language, for `tables` tables each over its resources
/// `ds_0` to `ds_{databases - 1}`. `deploy/engines/shardingsphere` says the same in its configuration's. `worker` is
/// another number for each proxy.
pub fn distribution(databases: u32, tables: u32, worker: u32) -> [String; 3] {
    let resources: Vec<String> = (0..databases).map(|i| format!("ds_{i}")).collect();
    let resources = resources.join(",");
    let rule = |(table, column): &(&str, &str)| {
        let numbered = match *table == NUMBERED.0 {
            true => {
                let kind = format!("TYPE(NAME=snowflake, PROPERTIES(\"worker-id\"={worker}))");
                format!(", KEY_GENERATE_STRATEGY(COLUMN={}, {kind})", NUMBERED.1)
            }
            false => String::new(),
        };
        let by = format!("TYPE(NAME=MOD, PROPERTIES(\"sharding-count\"={tables}))");
        format!("{table} (RESOURCES({resources}), SHARDING_COLUMN={column}, {by}{numbered})")
    };
    let rules: Vec<String> = SHARDED.iter().map(rule).collect();
    let names: Vec<&str> = SHARDED.iter().map(|(table, _)| *table).collect();
    [
        "CREATE DEFAULT SINGLE TABLE RULE RESOURCE = ds_0".to_owned(),
        format!("CREATE SHARDING TABLE RULE {}", rules.join(", ")),
        format!("CREATE SHARDING BINDING TABLE RULES ({})", names.join(",")),
    ]
}

/// How each sharded table becomes two in one database, so that there are twice as many: what to run on the database
/// `database` of `databases`, while nobody writes, before and after the proxy is told of `2 * tables`. Rows stay in their
/// database: a partition's table is its number modulo the count, and its database that modulo `databases`, which divides
/// both counts. Before, nothing that is there changes; after, what was copied is deleted.
pub fn doubling(database: u32, databases: u32, tables: u32) -> (Vec<String>, Vec<String>) {
    let (mut copy, mut clean) = (Vec::new(), Vec::new());
    for (table, column) in SHARDED {
        for from in (0..tables).filter(|at| at % databases == database) {
            let to = from + tables;
            let moved = format!("{column} % {} = {to}", 2 * tables);
            copy.push(format!("CREATE TABLE IF NOT EXISTS {table}_{to} LIKE {table}_{from}"));
            copy.push(format!("INSERT IGNORE INTO {table}_{to} SELECT * FROM {table}_{from} WHERE {moved}"));
            clean.push(format!("DELETE FROM {table}_{from} WHERE {moved}"));
        }
    }
    (copy, clean)
}

/// A statement of [`TABLES`] for a server whose version says what collations it has.
pub(super) fn collated(table: &str, version: &str) -> String {
    let collation = if version.contains("MariaDB") { "utf8mb4_nopad_bin" } else { "utf8mb4_0900_bin" };
    format!("CREATE TABLE IF NOT EXISTS {} DEFAULT CHARSET=utf8mb4 COLLATE={collation}", table.trim())
}

/// All tables, the single ones first.
pub(super) const TABLES: [&str; 38] = [
    "campaigns (id BIGINT NOT NULL PRIMARY KEY, version BIGINT NOT NULL, state VARCHAR(16) NOT NULL, definition MEDIUMTEXT NOT NULL,
        seed TEXT NOT NULL, created_at BIGINT NOT NULL, published_at BIGINT, rules_version BIGINT NOT NULL DEFAULT 0,
        author VARCHAR(128) NOT NULL DEFAULT '')",
    "rule_versions (campaign BIGINT NOT NULL, version BIGINT NOT NULL, state VARCHAR(16) NOT NULL, hash VARCHAR(64) NOT NULL,
        definition MEDIUMTEXT NOT NULL, effective_at BIGINT NOT NULL, created_at BIGINT NOT NULL, announced_at BIGINT, author TEXT NOT NULL,
        publisher TEXT NOT NULL, PRIMARY KEY (campaign, version), KEY rule_versions_announced (state, effective_at))",
    "api_keys (id VARCHAR(32) NOT NULL PRIMARY KEY, sha256 VARCHAR(64) NOT NULL, name TEXT NOT NULL, scopes TEXT NOT NULL,
        created_at VARCHAR(32) NOT NULL, expires_at BIGINT, last_used_at BIGINT, UNIQUE KEY api_keys_sha256 (sha256))",
    "api_key_secrets (sha256 VARCHAR(64) NOT NULL PRIMARY KEY, api_key VARCHAR(32) NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT,
        KEY api_key_secrets_key (api_key))",
    "operators (id BIGINT NOT NULL PRIMARY KEY, version BIGINT NOT NULL, login VARCHAR(64) NOT NULL, name TEXT NOT NULL,
        role VARCHAR(32) NOT NULL, password VARCHAR(255) NOT NULL, bans TEXT NOT NULL, created_at BIGINT NOT NULL,
        UNIQUE KEY operators_login (login))",
    "sessions (id VARCHAR(32) NOT NULL PRIMARY KEY, sha256 VARCHAR(64) NOT NULL, operator BIGINT NOT NULL, created_at BIGINT NOT NULL,
        seen_at BIGINT NOT NULL, fresh_at BIGINT NOT NULL, address VARCHAR(32) NOT NULL, UNIQUE KEY sessions_sha256 (sha256),
        KEY sessions_operator (operator, created_at))",
    "audit (seq BIGINT NOT NULL PRIMARY KEY, at BIGINT NOT NULL, who VARCHAR(64) NOT NULL, act VARCHAR(128) NOT NULL, target VARCHAR(160) NOT NULL,
        of_seq BIGINT, hash VARCHAR(64) NOT NULL, body MEDIUMTEXT NOT NULL, KEY audit_who (who, seq), KEY audit_target (target, seq),
        KEY audit_outcome (of_seq))",
    "endpoints (id BIGINT NOT NULL PRIMARY KEY, url TEXT NOT NULL, types TEXT NOT NULL, secrets TEXT NOT NULL, created_at BIGINT NOT NULL)",
    "coupons (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, campaign BIGINT NOT NULL, prize VARCHAR(64) NOT NULL, mark VARCHAR(32) NOT NULL,
        sealed TEXT NOT NULL, award BIGINT, UNIQUE KEY coupons_mark (campaign, prize, mark), UNIQUE KEY coupons_award (award),
        KEY coupons_free (campaign, prize, award, id))",
    "code_batches (id BIGINT NOT NULL PRIMARY KEY, campaign BIGINT NOT NULL, imported INT NOT NULL, chances BIGINT NOT NULL, uses BIGINT NOT NULL,
        per_shopper BIGINT, starts_at BIGINT, ends_at BIGINT, count BIGINT NOT NULL, used BIGINT NOT NULL, created_at BIGINT NOT NULL,
        KEY code_batches_campaign (campaign, id))",
    "codes (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, campaign BIGINT NOT NULL, batch BIGINT NOT NULL, mark VARCHAR(32) NOT NULL,
        sealed TEXT NOT NULL, used BIGINT NOT NULL, UNIQUE KEY codes_mark (campaign, mark), KEY codes_batch (batch, id))",
    "code_uses (id BIGINT NOT NULL PRIMARY KEY, part INT NOT NULL, code BIGINT NOT NULL, batch BIGINT NOT NULL, campaign BIGINT NOT NULL,
        shopper BIGINT NOT NULL, chances BIGINT NOT NULL, key_high BIGINT NOT NULL, key_low BIGINT NOT NULL, request BIGINT NOT NULL,
        at BIGINT NOT NULL, order_id BIGINT, UNIQUE KEY code_uses_key (code, shopper, key_high, key_low),
        KEY code_uses_shopper (shopper, batch))",
    "exchange_items (id BIGINT NOT NULL PRIMARY KEY, version BIGINT NOT NULL, retired INT NOT NULL, definition MEDIUMTEXT NOT NULL,
        created_at BIGINT NOT NULL)",
    "entry_drawings (campaign BIGINT NOT NULL PRIMARY KEY, outcome MEDIUMTEXT NOT NULL, proof LONGTEXT NOT NULL, made_at BIGINT NOT NULL,
        open INT NOT NULL)",
    "jobs (campaign BIGINT NOT NULL PRIMARY KEY, after_id BIGINT NOT NULL, done BIGINT NOT NULL, total BIGINT NOT NULL,
        generation BIGINT NOT NULL, finished INT NOT NULL)",
    "imports (source VARCHAR(16) NOT NULL, order_id VARCHAR(128) NOT NULL, ordinals TEXT NOT NULL, PRIMARY KEY (source, order_id))",
    "stock (campaign BIGINT NOT NULL, prize INT NOT NULL, total BIGINT NOT NULL, given BIGINT NOT NULL, PRIMARY KEY (campaign, prize))",
    "escrow (campaign BIGINT NOT NULL, prize INT NOT NULL, part INT NOT NULL, taken BIGINT NOT NULL, returned BIGINT NOT NULL,
        PRIMARY KEY (campaign, prize, part))",
    "tombstones (shopper BIGINT NOT NULL PRIMARY KEY)",
    "projection (id BIGINT NOT NULL PRIMARY KEY, next BIGINT NOT NULL, epoch BIGINT NOT NULL, owner BIGINT NOT NULL, fence BIGINT NOT NULL)",
    "counters (campaign BIGINT NOT NULL, log INT NOT NULL, state MEDIUMTEXT NOT NULL, PRIMARY KEY (campaign, log))",
    "accounts (id BIGINT NOT NULL PRIMARY KEY, part INT NOT NULL, external_id VARCHAR(128) NOT NULL, next BIGINT NOT NULL,
        state MEDIUMTEXT NOT NULL, UNIQUE KEY accounts_name (external_id))",
    "draws (id BIGINT NOT NULL PRIMARY KEY, part INT NOT NULL, shopper BIGINT NOT NULL, campaign BIGINT NOT NULL, n BIGINT NOT NULL,
        key_high BIGINT NOT NULL, key_low BIGINT NOT NULL, request BIGINT NOT NULL, pos BIGINT NOT NULL, award BIGINT,
        KEY draws_shopper (shopper, id))",
    "awards (id BIGINT NOT NULL PRIMARY KEY, part INT NOT NULL, shopper BIGINT NOT NULL, campaign BIGINT NOT NULL, draw BIGINT NOT NULL,
        rules INT NOT NULL, prize INT NOT NULL, points INT NOT NULL, state VARCHAR(16) NOT NULL, at BIGINT NOT NULL, birth VARCHAR(16),
        claim_by BIGINT, held INT NOT NULL DEFAULT 0, order_id BIGINT, KEY awards_shopper (shopper, id), KEY awards_state (state, claim_by),
        KEY awards_order (order_id))",
    "entries (id BIGINT NOT NULL PRIMARY KEY, part INT NOT NULL, shopper BIGINT NOT NULL, amount BIGINT NOT NULL, balance BIGINT NOT NULL,
        business_key TEXT NOT NULL, reason TEXT NOT NULL, at BIGINT NOT NULL, contra VARCHAR(16) NOT NULL DEFAULT 'issued',
        expires_at BIGINT, receipt TEXT, KEY entries_shopper (shopper, id))",
    "orders (id BIGINT NOT NULL PRIMARY KEY, part INT NOT NULL, shopper BIGINT NOT NULL, campaign BIGINT NOT NULL, kind VARCHAR(16) NOT NULL,
        state VARCHAR(16) NOT NULL, chances BIGINT NOT NULL, lot BIGINT NOT NULL, expires_at BIGINT, price_cents BIGINT NOT NULL, pay_by BIGINT,
        pending_until BIGINT, points BIGINT NOT NULL, streak INT NOT NULL, reason TEXT NOT NULL, at BIGINT NOT NULL,
        item BIGINT NOT NULL DEFAULT 0, quantity BIGINT NOT NULL DEFAULT 0, KEY orders_shopper (shopper, id), KEY orders_lot (lot))",
    "refunds (id BIGINT NOT NULL PRIMARY KEY, part INT NOT NULL, shopper BIGINT NOT NULL, campaign BIGINT NOT NULL, order_id BIGINT NOT NULL,
        amount_cents BIGINT NOT NULL, payment TEXT NOT NULL, reason TEXT NOT NULL, at BIGINT NOT NULL, KEY refunds_campaign (campaign, id))",
    "due (kind VARCHAR(16) NOT NULL, id BIGINT NOT NULL, shopper BIGINT NOT NULL, part INT NOT NULL, campaign BIGINT NOT NULL,
        at BIGINT NOT NULL, PRIMARY KEY (kind, id, shopper), KEY due_at (at))",
    "answers (shopper BIGINT NOT NULL, key_high BIGINT NOT NULL, key_low BIGINT NOT NULL, part INT NOT NULL, request BIGINT NOT NULL,
        status INT NOT NULL, pos BIGINT NOT NULL, PRIMARY KEY (shopper, key_high, key_low))",
    "notices (shopper BIGINT NOT NULL, pos BIGINT NOT NULL, part INT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (shopper, pos),
        KEY notices_at (at))",
    "behaviours (shopper BIGINT NOT NULL, key_high BIGINT NOT NULL, key_low BIGINT NOT NULL, part INT NOT NULL, at BIGINT NOT NULL,
        payload MEDIUMTEXT NOT NULL, UNIQUE KEY behaviours_key (shopper, key_high, key_low))",
    "profiles (shopper BIGINT NOT NULL PRIMARY KEY, part INT NOT NULL, state MEDIUMTEXT NOT NULL)",
    "people (shopper BIGINT NOT NULL PRIMARY KEY, part INT NOT NULL, name TEXT, attributes MEDIUMTEXT NOT NULL)",
    "sealing_keys (shopper BIGINT NOT NULL PRIMARY KEY, part INT NOT NULL, secret VARCHAR(64) NOT NULL)",
    "strategies (shopper BIGINT NOT NULL, campaign BIGINT NOT NULL, part INT NOT NULL, generation BIGINT NOT NULL, stale INT NOT NULL,
        slots MEDIUMTEXT NOT NULL, message BIGINT NOT NULL DEFAULT 0, at BIGINT NOT NULL DEFAULT 0, PRIMARY KEY (shopper, campaign),
        KEY strategies_stale (campaign, stale, shopper))",
    "deliveries (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, subscription BIGINT NOT NULL, message VARCHAR(96) NOT NULL,
        endpoint BIGINT NOT NULL, kind VARCHAR(32) NOT NULL, campaign BIGINT NOT NULL, shopper BIGINT NOT NULL, part INT NOT NULL, award BIGINT,
        data MEDIUMTEXT NOT NULL, at BIGINT NOT NULL, state VARCHAR(16) NOT NULL, attempts INT NOT NULL, due BIGINT NOT NULL,
        problem VARCHAR(64), moved_at BIGINT NOT NULL, UNIQUE KEY deliveries_message (subscription, message),
        KEY deliveries_due (endpoint, state, due), KEY deliveries_moved (state, moved_at))",
    "addresses (award BIGINT NOT NULL PRIMARY KEY, part INT NOT NULL, shopper BIGINT NOT NULL, sealed TEXT NOT NULL)",
    "entry_wins (campaign BIGINT NOT NULL, place BIGINT NOT NULL, part INT NOT NULL, shopper BIGINT NOT NULL, award BIGINT NOT NULL,
        PRIMARY KEY (campaign, place))",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubling_keeps_rows_in_their_database() {
        let (copy, clean) = doubling(1, 2, 2);
        assert!(copy.contains(&"INSERT IGNORE INTO draws_3 SELECT * FROM draws_1 WHERE part % 4 = 3".to_owned()));
        assert!(clean.contains(&"DELETE FROM projection_1 WHERE id % 4 = 3".to_owned()));
        assert_eq!((copy.len(), clean.len()), (2 * SHARDED.len(), SHARDED.len()));
        let (copy, _) = doubling(0, 2, 4);
        assert!(copy.iter().all(|sql| !sql.contains("_1") && !sql.contains("_3")), "the other database's");
        assert_eq!(copy.len(), 4 * SHARDED.len());
    }

    #[test]
    fn the_proxy_is_told_of_every_table() {
        let [_, rules, bound] = distribution(2, 4, 1);
        for (table, column) in SHARDED {
            assert!(rules.contains(&format!("{table} (RESOURCES(ds_0,ds_1), SHARDING_COLUMN={column}, ")), "{table}");
            assert!(bound.contains(table));
        }
        assert_eq!(rules.matches("KEY_GENERATE_STRATEGY").count(), 1);
    }
}
