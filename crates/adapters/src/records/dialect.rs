//! Statements are written once, in SQLite's words; here they become MySQL's.
//!
//! This is no SQL parser: it knows the few forms that the records use, and the suites of the ports run every one of them on
//! the real engine.

use std::borrow::Cow;

/// A statement in MySQL's words.
pub(super) fn mysql(sql: &str) -> String {
    let sql = sql
        .replace("INSERT OR REPLACE INTO", "REPLACE INTO")
        .replace("? WHERE NOT EXISTS", "? FROM DUAL WHERE NOT EXISTS")
        // A division of whole numbers, and the lesser of two.
        .replace(" / ", " DIV ")
        .replace("= MIN(", "= LEAST(");
    if sql.starts_with("INSERT OR IGNORE INTO") {
        return unless_there(&sql.replacen("INSERT OR IGNORE INTO", "INSERT INTO", 1));
    }
    let Some((insert, conflict)) = sql.split_once("ON CONFLICT") else { return sql };
    // Which unique key conflicts is not said in MySQL: our tables have one that can.
    let conflict = conflict.split_once(')').map_or(conflict, |(_, rest)| rest).trim();
    match conflict.strip_prefix("DO UPDATE SET") {
        None => unless_there(insert),
        Some(update) => format!("{}ON DUPLICATE KEY UPDATE {}", insert, assignments(update)),
    }
}

/// An insert that leaves a row alone which is there. MySQL's IGNORE would also cut what is too long and fill in what is
/// missing; a column that becomes itself does neither. The last one, since the proxy refuses what could move a row to
/// another partition.
fn unless_there(insert: &str) -> String {
    let columns = insert.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map_or("", |(columns, _)| columns);
    let column = columns.rsplit(',').next().unwrap_or_default().trim();
    format!("{} ON DUPLICATE KEY UPDATE {column} = {column}", insert.trim_end())
}

/// `a = excluded.a, … [WHERE condition]`.
fn assignments(update: &str) -> String {
    let (list, condition) = match update.split_once(" WHERE ") {
        Some((list, condition)) => (list, Some(unqualified(condition.trim()))),
        None => (update, None),
    };
    let mut pairs: Vec<(&str, String)> = split(list)
        .into_iter()
        .filter_map(|pair| {
            let (column, value) = pair.split_once('=')?;
            Some((column.trim(), offered(value.trim())))
        })
        .collect();
    if let Some(condition) = &condition {
        // They are carried out in order: whatever the condition asks about changes last.
        pairs.sort_by_key(|(column, _)| {
            condition.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == *column)
        });
    }
    let pairs = pairs.into_iter().map(|(column, value)| match &condition {
        Some(condition) => format!("{column} = IF({condition}, {value}, {column})"),
        None => format!("{column} = {value}"),
    });
    pairs.collect::<Vec<_>>().join(", ")
}

/// Splits at commas outside of brackets.
fn split(list: &str) -> Vec<&str> {
    let (mut depth, mut from, mut parts) = (0, 0, Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&list[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&list[from..]);
    parts
}

/// `excluded.x` is `VALUES(x)`, the greater of two is `GREATEST`.
fn offered(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 8);
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("excluded.") {
        let end = after.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(after.len());
        out.push_str(before);
        out.push_str(&format!("VALUES({})", &after[..end]));
        rest = &after[end..];
    }
    out.push_str(rest);
    if out.starts_with("max(") { out.replacen("max(", "GREATEST(", 1) } else { out }
}

/// `table.column` is `column`.
fn unqualified(condition: &str) -> String {
    condition
        .split(' ')
        .map(|word| word.split_once('.').map_or(word, |(_, column)| column))
        .collect::<Vec<_>>()
        .join(" ")
}

/// One migration's statements in MySQL's words.
pub(super) fn mysql_schema(migration: &str) -> Vec<String> {
    let statements = migration.split(';').map(|one| one.split_whitespace().collect::<Vec<_>>().join(" "));
    let statements: Vec<String> = statements.filter(|one| !one.is_empty()).collect();
    // An index that is made anew over fewer columns stays as it is: there each one holds the primary key in any case.
    let anew: Vec<String> =
        statements.iter().filter_map(|one| one.strip_prefix("DROP INDEX ").map(str::to_owned)).collect();
    let made_anew = |one: &str| {
        let name = one.strip_prefix("DROP INDEX ").or_else(|| one.strip_prefix("CREATE INDEX "));
        name.and_then(|name| name.split(' ').next()).is_some_and(|name| anew.iter().any(|known| known == name))
    };
    statements.iter().filter(|one| !made_anew(one)).map(|one| definition(one)).collect()
}

fn definition(statement: &str) -> String {
    let mut sql: Cow<'_, str> = statement.into();
    if sql.contains("INDEX ")
        && let Some((index, _)) = statement.split_once(" WHERE ")
    {
        // All rows instead of some of them: larger, and a unique one may hold as many NULLs as there are.
        sql = index.to_owned().into();
    }
    let mut sql = sql.into_owned();
    for (theirs, ours) in [
        (" WITHOUT ROWID", ""),
        ("INTEGER PRIMARY KEY", "BIGINT PRIMARY KEY"),
        (" TEXT", " MEDIUMTEXT"),
        ("INSERT OR IGNORE INTO", "INSERT IGNORE INTO"),
    ] {
        sql = sql.replace(theirs, ours);
    }
    sql
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_become_mysqls() {
        for (theirs, ours) in [
            ("SELECT a FROM t WHERE b = ? LIMIT ?", "SELECT a FROM t WHERE b = ? LIMIT ?"),
            (
                "INSERT OR IGNORE INTO t (a, b) VALUES (?, ?)",
                "INSERT INTO t (a, b) VALUES (?, ?) ON DUPLICATE KEY UPDATE b = b",
            ),
            (
                "INSERT INTO t (a) SELECT ? WHERE NOT EXISTS (SELECT 1 FROM t)",
                "INSERT INTO t (a) SELECT ? FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM t)",
            ),
            ("INSERT OR REPLACE INTO t (a) VALUES (?)", "REPLACE INTO t (a) VALUES (?)"),
            ("SELECT id / 4 / ? AS step FROM t", "SELECT id DIV 4 DIV ? AS step FROM t"),
            ("UPDATE t SET a = MIN(COALESCE(a, ?), ?)", "UPDATE t SET a = LEAST(COALESCE(a, ?), ?)"),
            (
                "INSERT INTO t (a) VALUES (?) ON CONFLICT (a) DO NOTHING",
                "INSERT INTO t (a) VALUES (?) ON DUPLICATE KEY UPDATE a = a",
            ),
            (
                "INSERT INTO t (a, b) VALUES (?, ?) ON CONFLICT (a) DO UPDATE SET b = excluded.b, c = 0",
                "INSERT INTO t (a, b) VALUES (?, ?) ON DUPLICATE KEY UPDATE b = VALUES(b), c = 0",
            ),
            (
                "INSERT INTO due (at) VALUES (?) ON CONFLICT (kind, id) DO UPDATE SET at = max(at, excluded.at)",
                "INSERT INTO due (at) VALUES (?) ON DUPLICATE KEY UPDATE at = GREATEST(at, VALUES(at))",
            ),
            (
                "INSERT INTO t (a) VALUES (?) ON CONFLICT (a) DO UPDATE SET state = 'x', due = excluded.due WHERE t.state = 'done'",
                "INSERT INTO t (a) VALUES (?) ON DUPLICATE KEY UPDATE due = IF(state = 'done', VALUES(due), due), state = IF(state = 'done', 'x', state)",
            ),
        ] {
            assert_eq!(mysql(theirs), ours);
        }
    }

    #[test]
    fn tables_become_mysqls() {
        let theirs = "
            CREATE TABLE a (id INTEGER PRIMARY KEY, b TEXT NOT NULL,
                c INT);
            CREATE TABLE d (e INT, PRIMARY KEY (e)) WITHOUT ROWID;
            CREATE UNIQUE INDEX f ON a (b) WHERE b IS NOT NULL;
            DROP INDEX g;
            CREATE INDEX g ON a (b);
            INSERT OR IGNORE INTO a SELECT e FROM d WHERE e > 0;
        ";
        assert_eq!(
            mysql_schema(theirs),
            [
                "CREATE TABLE a (id BIGINT PRIMARY KEY, b MEDIUMTEXT NOT NULL, c INT)",
                "CREATE TABLE d (e INT, PRIMARY KEY (e))",
                "CREATE UNIQUE INDEX f ON a (b)",
                "INSERT IGNORE INTO a SELECT e FROM d WHERE e > 0",
            ]
        );
    }
}
