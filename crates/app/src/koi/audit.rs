//! What operators did: asked for in one place, checked, written down before it takes effect, and chained by hash so that a
//! changed entry shows.
//!
//! [`Koi::audited`] is the one call that every act of an operator goes through. It checks the right, writes an entry, does
//! the work, and writes the outcome. A crash between leaves an entry without an outcome: the act may have taken effect,
//! and whoever reads the audit must look. An act that took effect without an entry cannot be.

use super::Koi;
use crate::desk::{AuditFilter, AuditRow, Caller, Change, changes, redacted};
use crate::error::{Error, Result};
use crate::time::rfc3339;
use crate::views::{Page, PageAsk};
use domain::ids::{CampaignId, OperatorId};
use domain::operator::{Act, Trail};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Entries that wait for the one that is being written; more are refused.
const PENDING_MAX: usize = 1_024;
/// Entries of one transaction.
const BATCH_MAX: usize = 256;
/// How long an act waits for its entry.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long a place in the chain is fought for with other processes, and the longest wait between two attempts.
const TRY_FOR: Duration = Duration::from_secs(4);
const TRY_AGAIN: Duration = Duration::from_millis(20);
/// Entries read at once where all are read.
pub const READ_AT_ONCE: u32 = 1_000;
/// What stands before the first entry.
const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What an act is done to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Nothing,
    /// Kept with what the act changed of it.
    Campaign(CampaignId),
    /// Kept with what the act changed of it.
    Operator(OperatorId),
    /// Kept with what the act changed of it.
    ApiKey(String),
    /// By the shop's id; kept by ours alone.
    Shopper(String),
    /// A kind and an id.
    Other(&'static str, String),
}

/// An act and what is known of it beforehand.
#[derive(Debug, Clone)]
pub struct Deed {
    act: Act,
    target: Target,
    asked: Value,
}

impl Deed {
    pub fn of(act: Act) -> Self {
        Self { act, target: Target::Nothing, asked: Value::Null }
    }

    #[must_use]
    pub fn on(self, target: Target) -> Self {
        Self { target, ..self }
    }

    /// What was asked for. Secrets and personal fields are left out by their names, long values become hashes.
    #[must_use]
    pub fn asking(self, asked: Value) -> Self {
        Self { asked, ..self }
    }
}

/// An entry before it has its number and time.
#[derive(Clone)]
struct Draft {
    who: String,
    act: String,
    target: String,
    of: Option<u64>,
    body: Map<String, Value>,
}

struct Pending {
    draft: Draft,
    written: oneshot::Sender<Result<u64>>,
}

/// The end of the chain, and who waits to add to it.
#[derive(Default)]
pub(super) struct Chain {
    pending: Mutex<Vec<Pending>>,
    /// Number and hash of the last entry, once read.
    tip: tokio::sync::Mutex<Option<(u64, String)>>,
}

/// One act as the audit shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditView {
    pub id: String,
    pub at: String,
    /// `operator:ID`, `api_key:ID`, `bootstrap`, `command_line`.
    pub who: String,
    /// `thing.verb`.
    pub act: String,
    /// `kind:ID`.
    pub target: Option<String>,
    pub asked: Value,
    /// `asked` (the ledger knows what came of it), `done`, `refused`, `unclear`; null while it runs, or where a crash cut
    /// it short: then it may have taken effect.
    pub outcome: Option<String>,
    /// Why it was refused.
    pub code: Option<String>,
    pub changes: Vec<Change>,
    pub finished_at: Option<String>,
    pub request_id: Option<String>,
    pub hash: String,
}

/// Whether the audit is whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditCheck {
    pub whole: bool,
    pub entries: u64,
    /// The first entry that does not fit the one before it.
    pub broken_at: Option<String>,
    /// The last entry's hash: kept elsewhere, it shows that nothing was cut off.
    pub head: String,
}

/// The hash of an entry: over the one before and its body.
fn chained(before: &str, body: &str) -> String {
    hex::encode(Sha256::new().chain_update(before).chain_update("\n").chain_update(body).finalize())
}

impl Koi {
    /// Does what an operator asked for: 403 without the right or a fresh password, else an entry in the audit, then the
    /// work, then its outcome.
    ///
    /// # Errors
    /// Those of the work; `Denied`; `Unavailable` where the audit cannot be written, and then nothing was done.
    pub async fn audited<T>(&self, caller: &Caller, deed: Deed, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.audited_making(caller, deed, work, |_| Target::Nothing).await
    }

    /// The same for work that makes something: `made` names it.
    ///
    /// # Errors
    /// As [`Koi::audited`].
    pub async fn audited_making<T>(
        &self,
        caller: &Caller,
        deed: Deed,
        work: impl Future<Output = Result<T>>,
        made: impl FnOnce(&T) -> Target,
    ) -> Result<T> {
        permit(caller, deed.act)?;
        let before = self.snapshot(&deed.target).await?;
        let seq = self.begin(caller, &deed).await?;
        if deed.act.trail() == Trail::Asked {
            return work.await;
        }
        let mut unfinished =
            Unfinished { koi: self.clone(), of: seq, act: deed.act, who: caller.who.word(), armed: true };
        let done = work.await;
        let (outcome, code, target) = match &done {
            Ok(value) => ("done", None, made(value)),
            Err(Error::Unavailable(_)) => ("unclear", Some("unavailable"), Target::Nothing),
            Err(error) => ("refused", Some(error.code()), Target::Nothing),
        };
        let seen = if target == Target::Nothing { &deed.target } else { &target };
        let changed = match (&done, self.snapshot(seen).await) {
            (Ok(_), Ok(after)) => changes(&before, &after),
            _ => Vec::new(),
        };
        let mut body = Map::new();
        body.insert("outcome".into(), outcome.into());
        body.insert("code".into(), code.into());
        body.insert("changes".into(), json!(changed));
        let target = self.target_word(&target).await?;
        let written = self.append(unfinished.draft(target, body)).await;
        unfinished.armed = false;
        if let Err(error) = written {
            // The act took effect and its entry stands: the missing outcome reads as "look yourself".
            tracing::error!(%error, of = seq, "the outcome of an act could not be written");
        }
        done
    }

    /// Writes down what was done by a caller whose route has no act of its own.
    ///
    /// # Errors
    /// `Unavailable` where the audit cannot be written.
    pub async fn note(&self, caller: &Caller, act: &str, target: Target, asked: Value) -> Result<()> {
        self.write_begin(caller, act, &target, &asked, "asked").await.map(|_| ())
    }

    async fn begin(&self, caller: &Caller, deed: &Deed) -> Result<u64> {
        let kind = if deed.act.trail() == Trail::Asked { "asked" } else { "begun" };
        self.write_begin(caller, deed.act.word(), &deed.target, &deed.asked, kind).await
    }

    async fn write_begin(&self, caller: &Caller, act: &str, target: &Target, asked: &Value, kind: &str) -> Result<u64> {
        let mut body = Map::new();
        body.insert("kind".into(), kind.into());
        body.insert("asked".into(), redacted(asked));
        body.insert("request_id".into(), caller.request_id.as_str().into());
        let target = self.target_word(target).await?;
        let draft = Draft { who: caller.who.word(), act: act.to_owned(), target, of: None, body };
        let seq = self.append(draft).await?;
        caller.record();
        Ok(seq)
    }

    async fn target_word(&self, target: &Target) -> Result<String> {
        Ok(match target {
            Target::Nothing => String::new(),
            Target::Campaign(id) => format!("campaign:{id}"),
            Target::Operator(id) => format!("operator:{id}"),
            Target::ApiKey(id) => format!("api_key:{id}"),
            Target::Shopper(name) => match self.find_shopper(name).await? {
                Some(id) => format!("shopper:{id}"),
                None => "shopper:unknown".to_owned(),
            },
            Target::Other(kind, id) => format!("{kind}:{id}"),
        })
    }

    /// What a target looks like now, null where there is none.
    async fn snapshot(&self, target: &Target) -> Result<Value> {
        let seen = match target {
            Target::Campaign(id) => self.campaign(*id).await.map(|view| json!(view)),
            Target::Operator(id) => self.operator(*id).await.map(|view| nameless(json!(view))),
            Target::ApiKey(id) => self.api_key(id).await.map(|view| json!(view)),
            Target::Nothing | Target::Shopper(_) | Target::Other(..) => return Ok(Value::Null),
        };
        match seen {
            Ok(value) => Ok(value),
            Err(Error::NotFound { .. }) => Ok(Value::Null),
            Err(error) => Err(error),
        }
    }

    /// Appends an entry and gives its number; durable when it returns. Whoever waits is written together.
    async fn append(&self, draft: Draft) -> Result<u64> {
        const LATE: Error = Error::Unavailable("the audit could not be written in time");
        let (written, answer) = oneshot::channel();
        {
            let mut pending = self.inner.chain.pending.lock().unwrap_or_else(PoisonError::into_inner);
            if pending.len() >= PENDING_MAX {
                return Err(Error::Unavailable("too many acts wait for the audit"));
            }
            pending.push(Pending { draft, written });
        }
        // A task of its own: a caller that goes away does not tear a batch of others.
        let koi = self.clone();
        tokio::spawn(async move { koi.write_pending().await });
        match tokio::time::timeout(DEADLINE, answer).await {
            Ok(Ok(written)) => written,
            _ => Err(LATE),
        }
    }

    async fn write_pending(&self) {
        let mut tip = self.inner.chain.tip.lock().await;
        let batch: Vec<Pending> = {
            let mut pending = self.inner.chain.pending.lock().unwrap_or_else(PoisonError::into_inner);
            let count = pending.len().min(BATCH_MAX);
            pending.drain(..count).collect()
        };
        if batch.is_empty() {
            return;
        }
        let (drafts, waiting): (Vec<_>, Vec<_>) = batch.into_iter().map(|p| (p.draft, p.written)).unzip();
        let written = self.write(&mut tip, drafts).await;
        if written.is_err() {
            // Whether it was committed is unclear; the end is read again.
            *tip = None;
        }
        for (at, caller) in waiting.into_iter().enumerate() {
            // Who waits no longer has been told that it is unclear.
            _ = caller.send(written.clone().map(|first| first + at as u64));
        }
    }

    /// Writes a batch and gives its first number. Where other processes add to the chain too, one of them may have been
    /// faster: then its end is read again. Of an attempt whose answer was lost an entry may stand twice; none is missing.
    async fn write(&self, tip: &mut Option<(u64, String)>, drafts: Vec<Draft>) -> Result<u64> {
        if self.owners().one().is_some() {
            return self.write_behind(tip, drafts).await;
        }
        let until = Instant::now() + TRY_FOR;
        loop {
            *tip = None;
            match self.write_behind(tip, drafts.clone()).await {
                Err(Error::Unavailable(_) | Error::Stale) if Instant::now() < until => {
                    tokio::time::sleep(TRY_AGAIN.mul_f64((crate::random::word() % 100) as f64 / 100.0)).await;
                }
                done => return done,
            }
        }
    }

    /// Writes a batch behind the tip and gives its first number.
    async fn write_behind(&self, tip: &mut Option<(u64, String)>, drafts: Vec<Draft>) -> Result<u64> {
        let audit = &self.parts().desk.audit;
        let (mut seq, mut hash) = match tip.take() {
            Some(known) => known,
            None => audit.tip().await?.unwrap_or_else(|| (0, GENESIS.to_owned())),
        };
        let (first, at_ms) = (seq + 1, self.now_ms());
        let mut rows = Vec::with_capacity(drafts.len());
        for Draft { who, act, target, of, mut body } in drafts {
            seq += 1;
            body.insert("seq".into(), seq.into());
            body.insert("at".into(), rfc3339(at_ms).into());
            body.insert("who".into(), who.as_str().into());
            body.insert("act".into(), act.as_str().into());
            body.insert("target".into(), target.as_str().into());
            body.insert("of".into(), of.into());
            let body = Value::Object(body).to_string();
            hash = chained(&hash, &body);
            rows.push(AuditRow { seq, at_ms, who, act, target, of, hash: hash.clone(), body });
        }
        audit.append(&rows).await?;
        *tip = Some((seq, hash));
        Ok(first)
    }

    /// Acts in the order of their numbers.
    ///
    /// # Errors
    /// `Denied`, `Unavailable`.
    pub async fn audit(&self, caller: &Caller, filter: &AuditFilter, page: PageAsk) -> Result<Page<AuditView>> {
        may(caller, domain::operator::Permission::AuditRead)?;
        let audit = &self.parts().desk.audit;
        let mut rows = audit.acts(filter, page.before, page.limit + 1).await?;
        let more = rows.len() > page.limit as usize;
        rows.truncate(page.limit as usize);
        let next_cursor = if more { rows.last().map(|row| row.seq.to_string()) } else { None };
        let numbers: Vec<u64> = rows.iter().map(|row| row.seq).collect();
        let mut outcomes = audit.outcomes(&numbers).await?;
        let data = rows.into_iter().map(|row| {
            let outcome = outcomes.iter().position(|o| o.of == Some(row.seq)).map(|at| outcomes.swap_remove(at));
            view(row, outcome)
        });
        Ok(Page { data: data.collect(), next_cursor })
    }

    /// All entries above a number, oldest first, as one line of JSON each. An entry's `hash` is SHA-256 over the hash of
    /// the entry before (64 zeros before the first), a line feed, and the bytes of `entry`.
    ///
    /// # Errors
    /// `Unavailable`. The right is checked where an export begins, by [`Koi::audited`].
    pub async fn audit_lines(&self, after: u64) -> Result<(Vec<u8>, Option<u64>)> {
        let rows = self.parts().desk.audit.entries(after, READ_AT_ONCE).await?;
        let mut lines = Vec::new();
        for row in &rows {
            lines.extend_from_slice(format!("{{\"hash\":\"{}\",\"entry\":{}}}\n", row.hash, row.body).as_bytes());
        }
        Ok((lines, rows.last().map(|row| row.seq)))
    }

    /// Walks the whole chain.
    ///
    /// # Errors
    /// `Denied`, `Unavailable`.
    pub async fn check_audit(&self, caller: &Caller) -> Result<AuditCheck> {
        may(caller, domain::operator::Permission::AuditRead)?;
        let (mut seq, mut hash) = (0, GENESIS.to_owned());
        loop {
            let rows = self.parts().desk.audit.entries(seq, READ_AT_ONCE).await?;
            if rows.is_empty() {
                return Ok(AuditCheck { whole: true, entries: seq, broken_at: None, head: hash });
            }
            for row in rows {
                let said: Said = serde_json::from_str(&row.body).unwrap_or_default();
                let fits = row.seq == seq + 1
                    && row.hash == chained(&hash, &row.body)
                    && (said.seq, said.of) == (row.seq, row.of)
                    && (&said.who, &said.act, &said.target) == (&row.who, &row.act, &row.target)
                    && said.at == rfc3339(row.at_ms);
                if !fits {
                    return Ok(AuditCheck {
                        whole: false,
                        entries: seq,
                        broken_at: Some(row.seq.to_string()),
                        head: hash,
                    });
                }
                (seq, hash) = (row.seq, row.hash);
            }
        }
    }
}

/// An operator's name is told apart from a campaign's: only the former is a person's.
fn nameless(mut view: Value) -> Value {
    if let Some(members) = view.as_object_mut()
        && let Some(name) = members.remove("name")
    {
        members.insert("person_name".into(), name);
    }
    view
}

/// 403 without the right, or without a fresh password for what is dangerous.
fn permit(caller: &Caller, act: Act) -> Result<()> {
    may(caller, act.permission())?;
    if act.is_dangerous() && !caller.fresh {
        let detail = "this asks for your password once more; send it to /session/reauthenticate";
        return Err(Error::Denied { code: "reauthentication_required", detail: detail.to_owned() });
    }
    Ok(())
}

/// 403 without a right.
pub(super) fn may(caller: &Caller, permission: domain::operator::Permission) -> Result<()> {
    if caller.rights.has(permission) {
        return Ok(());
    }
    Err(Error::Denied { code: "forbidden", detail: format!("this needs the permission `{}`", permission.word()) })
}

/// Leaves an outcome behind where the caller goes away while the act runs.
struct Unfinished {
    koi: Koi,
    of: u64,
    act: Act,
    who: String,
    armed: bool,
}

impl Unfinished {
    fn draft(&self, target: String, body: Map<String, Value>) -> Draft {
        Draft { who: self.who.clone(), act: self.act.word().to_owned(), target, of: Some(self.of), body }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        let mut body = Map::new();
        body.insert("outcome".into(), "unclear".into());
        body.insert("code".into(), "caller_gone".into());
        let (draft, koi) = (self.draft(String::new(), body), self.koi.clone());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = koi.append(draft).await {
                    tracing::error!(%error, "the outcome of an act could not be written");
                }
            });
        }
    }
}

/// A stored body.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    seq: u64,
    of: Option<u64>,
    at: String,
    who: String,
    act: String,
    target: String,
    kind: Option<String>,
    asked: Value,
    request_id: Option<String>,
    outcome: Option<String>,
    code: Option<String>,
    changes: Vec<Change>,
}

fn view(row: AuditRow, outcome: Option<AuditRow>) -> AuditView {
    let begun: Said = serde_json::from_str(&row.body).unwrap_or_default();
    let ended: Said = outcome.as_ref().and_then(|o| serde_json::from_str(&o.body).ok()).unwrap_or_default();
    let only_asked = begun.kind.filter(|kind| kind == "asked");
    let target = [ended.target, row.target].into_iter().find(|target| !target.is_empty());
    AuditView {
        id: row.seq.to_string(),
        at: rfc3339(row.at_ms),
        who: row.who,
        act: row.act,
        target,
        asked: begun.asked,
        outcome: ended.outcome.or(only_asked),
        code: ended.code,
        changes: ended.changes,
        finished_at: outcome.map(|o| rfc3339(o.at_ms)),
        request_id: begun.request_id.filter(|id| !id.is_empty()),
        hash: row.hash,
    }
}
