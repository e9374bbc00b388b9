//! The embedded topics of advice: tables whose keys are offsets.

use super::AdviceFile;
use app::ports::{AdviceRow, AdviceStore, AnswerNoted, PortResult};
use async_trait::async_trait;
use domain::ids::ShopperId;
use rusqlite::{OptionalExtension, Row, params};

/// Questions that are kept; the oldest go, with their answers. Some 100 MB where each is as large as it may be.
const QUESTIONS_MAX: i64 = 50_000;

fn row(row: &Row<'_>) -> rusqlite::Result<AdviceRow> {
    let id: i64 = row.get(0)?;
    Ok(AdviceRow { id: u64::try_from(id).unwrap_or(0), at_ms: row.get(1)?, body: row.get(2)? })
}

/// Ids are positive and signed in the file; one beyond is above all.
fn signed(id: u64) -> i64 {
    i64::try_from(id).unwrap_or(i64::MAX)
}

#[async_trait]
impl AdviceStore for AdviceFile {
    async fn put_questions(&self, bodies: Vec<String>, at_ms: i64) -> PortResult<Vec<u64>> {
        self.with(move |connection| {
            let transaction = connection.transaction()?;
            let mut ids = Vec::with_capacity(bodies.len());
            for body in bodies {
                transaction.execute("INSERT INTO questions (at, body) VALUES (?1, ?2)", params![at_ms, body])?;
                ids.push(u64::try_from(transaction.last_insert_rowid()).unwrap_or(0));
            }
            let last = transaction.last_insert_rowid() - QUESTIONS_MAX;
            transaction.execute("DELETE FROM questions WHERE id <= ?1", [last])?;
            transaction.execute("DELETE FROM answers WHERE question <= ?1", [last])?;
            transaction.commit()?;
            Ok(ids)
        })
        .await
    }

    async fn questions(&self, after: u64, limit: u32) -> PortResult<Vec<AdviceRow>> {
        self.with(move |connection| {
            let sql = "SELECT id, at, body FROM questions WHERE id > ?1 ORDER BY id LIMIT ?2";
            let mut found = connection.prepare_cached(sql)?;
            found.query_map(params![signed(after), limit], row)?.collect()
        })
        .await
    }

    async fn question(&self, id: u64) -> PortResult<Option<AdviceRow>> {
        self.with(move |connection| {
            connection.query_row("SELECT id, at, body FROM questions WHERE id = ?1", [signed(id)], row).optional()
        })
        .await
    }

    async fn put_answer(&self, question: u64, body: String, at_ms: i64) -> PortResult<AnswerNoted> {
        self.with(move |connection| {
            let (transaction, id) = (connection.transaction()?, signed(question));
            let asked = "SELECT 1 FROM questions WHERE id = ?1";
            if transaction.query_row(asked, [id], |_| Ok(())).optional()?.is_none() {
                return Ok(AnswerNoted::Unknown);
            }
            let given = "SELECT body FROM answers WHERE question = ?1";
            let given: Option<String> = transaction.query_row(given, [id], |row| row.get(0)).optional()?;
            if let Some(given) = given {
                return Ok(if given == body { AnswerNoted::Same } else { AnswerNoted::Other });
            }
            transaction.execute("INSERT INTO answers VALUES (?1, ?2, ?3)", params![id, at_ms, body])?;
            transaction.commit()?;
            Ok(AnswerNoted::New)
        })
        .await
    }

    async fn answers(&self, after: u64, limit: u32) -> PortResult<Vec<AdviceRow>> {
        self.with(move |connection| {
            let sql = "SELECT question, at, body FROM answers WHERE question > ?1 ORDER BY question LIMIT ?2";
            let mut found = connection.prepare_cached(sql)?;
            found.query_map(params![signed(after), limit], row)?.collect()
        })
        .await
    }

    async fn forget(&self, shopper: ShopperId) -> PortResult<()> {
        self.with(move |connection| {
            let transaction = connection.transaction()?;
            let about = "SELECT id FROM questions
                         WHERE json_extract(body, '$.about.shopper') = ?1 OR json_extract(body, '$.of') = ?1";
            transaction.execute(&format!("DELETE FROM answers WHERE question IN ({about})"), [signed(shopper.0)])?;
            transaction.execute(&format!("DELETE FROM questions WHERE id IN ({about})"), [signed(shopper.0)])?;
            transaction.commit()
        })
        .await
    }

    async fn put_teacher(&self, teacher: String) -> PortResult<()> {
        self.with(move |connection| {
            let sql = "INSERT INTO teacher VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET body = excluded.body";
            connection.execute(sql, [teacher]).map(|_| ())
        })
        .await
    }

    async fn teacher(&self) -> PortResult<Option<String>> {
        self.with(|connection| connection.query_row("SELECT body FROM teacher", [], |row| row.get(0)).optional()).await
    }
}
