//! The operators' desk: accounts, sessions, API keys and the audit. Their ports, and what the use cases in
//! `koi::operators`, `koi::keys` and `koi::audit` share.

mod changes;
mod password;
mod throttle;

pub use changes::{Change, changes, redacted};
pub use password::{Hasher, PASSWORD_CHARS};
pub use throttle::{Throttle, Tries};

use crate::ports::{Models, PortResult, Segments};
use async_trait::async_trait;
use domain::ids::OperatorId;
use domain::operator::{Ban, Rights, Role};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The hash by which a secret is found.
pub type Sha256 = [u8; 32];

/// An operator as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorRow {
    pub id: OperatorId,
    /// Grows with every edit; what ETags show.
    pub version: u32,
    /// Lower case, unique.
    pub login: String,
    pub name: String,
    pub role: Role,
    /// A PHC string of argon2id; never shown.
    pub password: String,
    pub bans: Vec<Ban>,
    pub created_at_ms: i64,
}

/// Accounts of operators. Every write is durable when it returns.
#[async_trait]
pub trait Operators: Send + Sync {
    /// False where the login is taken.
    async fn insert(&self, row: &OperatorRow) -> PortResult<bool>;
    /// Replaces the row of version `row.version - 1`, else `Stale`.
    async fn update(&self, row: &OperatorRow) -> PortResult<()>;
    /// Takes the account and its sessions away; false where there is none.
    async fn delete(&self, id: OperatorId) -> PortResult<bool>;
    async fn by_id(&self, id: OperatorId) -> PortResult<Option<OperatorRow>>;
    async fn by_login(&self, login: &str) -> PortResult<Option<OperatorRow>>;
    /// Newest first, ids below `before`.
    async fn list(&self, before: u64, limit: u32) -> PortResult<Vec<OperatorRow>>;
    /// All of one role.
    async fn of_role(&self, role: Role) -> PortResult<Vec<OperatorRow>>;
}

/// A session as stored: never its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    pub id: String,
    pub operator: OperatorId,
    pub created_at_ms: i64,
    /// The last request, at a grain of a minute.
    pub seen_at_ms: i64,
    /// When the password was last given.
    pub fresh_at_ms: i64,
    /// Of the address, keyed: tells two places apart, names none.
    pub address_hash: String,
}

/// Sessions, found by the SHA-256 of their token. Every write is durable when it returns.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Stores a session; of the person's sessions only the newest `max` are left.
    async fn insert(&self, row: &SessionRow, sha256: Sha256, max: u32) -> PortResult<()>;
    async fn find(&self, sha256: Sha256) -> PortResult<Option<(SessionRow, OperatorRow)>>;
    /// Newest first; there are few.
    async fn of_operator(&self, operator: OperatorId) -> PortResult<Vec<SessionRow>>;
    /// Writes `seen_at_ms` and `fresh_at_ms`.
    async fn touch(&self, id: &str, seen_at_ms: i64, fresh_at_ms: i64) -> PortResult<()>;
    /// False where that person has no such session.
    async fn delete(&self, operator: OperatorId, id: &str) -> PortResult<bool>;
    /// Ends all sessions of a person but one, and says how many.
    async fn delete_all(&self, operator: OperatorId, except: Option<&str>) -> PortResult<u64>;
    /// Forgets sessions that began before a moment.
    async fn delete_before(&self, created_at_ms: i64) -> PortResult<u64>;
}

/// An API key as stored: never a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    pub id: String,
    pub name: String,
    pub scopes: Vec<String>,
    pub created_at: String,
    pub expires_at_ms: Option<i64>,
    /// At a grain of an hour.
    pub last_used_at_ms: Option<i64>,
    /// When each secret ends that is still stored, the newest secret first.
    pub secrets: Vec<SecretRow>,
}

/// One secret of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRow {
    pub created_at_ms: i64,
    /// Where absent, as long as the key.
    pub expires_at_ms: Option<i64>,
}

impl KeyRow {
    /// When the key or this secret of it ends, whichever is first.
    pub fn ends_at_ms(&self, secret: &SecretRow) -> Option<i64> {
        [self.expires_at_ms, secret.expires_at_ms].into_iter().flatten().min()
    }
}

/// API keys, found by the SHA-256 of a secret. Every write is durable when it returns.
#[async_trait]
pub trait KeyStore: Send + Sync {
    async fn insert_key(&self, key: &KeyRow, sha256: Sha256, created_at_ms: i64) -> PortResult<()>;
    /// The key behind a secret; `secrets` holds that secret alone.
    async fn key(&self, sha256: Sha256) -> PortResult<Option<KeyRow>>;
    async fn key_by_id(&self, id: &str) -> PortResult<Option<KeyRow>>;
    /// Newest first, at most a thousand.
    async fn keys(&self) -> PortResult<Vec<KeyRow>>;
    /// Adds a secret. The newest one before it is valid until `overlap_until_ms` at most, older ones go. False where
    /// there is no such key.
    async fn rotate(&self, id: &str, sha256: Sha256, now_ms: i64, overlap_until_ms: i64) -> PortResult<bool>;
    async fn delete_key(&self, id: &str) -> PortResult<bool>;
    async fn touch_key(&self, id: &str, used_at_ms: i64) -> PortResult<()>;
}

/// One entry of the audit as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// 1, 2, 3 … without holes.
    pub seq: u64,
    pub at_ms: i64,
    /// `operator:ID`, `api_key:ID`, `bootstrap`, `command_line`, `nobody`.
    pub who: String,
    pub act: String,
    /// `kind:ID`, empty where there is none.
    pub target: String,
    /// Of an outcome: the entry that it belongs to.
    pub of: Option<u64>,
    /// SHA-256 in hex over the hash before it and `body`.
    pub hash: String,
    /// JSON, the exact bytes that were hashed.
    pub body: String,
}

/// Which entries are asked for, and from which end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    pub who: Option<String>,
    pub act: Option<String>,
    pub target: Option<String>,
    pub from_ms: Option<i64>,
    pub until_ms: Option<i64>,
    pub oldest_first: bool,
}

/// The append-only audit. An append is durable when it returns (synchronous=FULL).
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Appends entries in one transaction; fails where one of their numbers is taken.
    async fn append(&self, rows: &[AuditRow]) -> PortResult<()>;
    /// Number and hash of the last entry, nothing where there is none.
    async fn tip(&self) -> PortResult<Option<(u64, String)>>;
    /// Acts (entries that are no outcome) behind a number, in the filter's order.
    async fn acts(&self, filter: &AuditFilter, behind: Option<u64>, limit: u32) -> PortResult<Vec<AuditRow>>;
    /// The outcomes of acts.
    async fn outcomes(&self, of: &[u64]) -> PortResult<Vec<AuditRow>>;
    /// All entries above `after`, oldest first.
    async fn entries(&self, after: u64, limit: u32) -> PortResult<Vec<AuditRow>>;
}

/// The ports of this module.
#[derive(Clone)]
pub struct Desk {
    pub operators: Arc<dyn Operators>,
    pub sessions: Arc<dyn Sessions>,
    pub keys: Arc<dyn KeyStore>,
    pub audit: Arc<dyn AuditLog>,
    pub models: Arc<dyn Models>,
    pub segments: Arc<dyn Segments>,
}

impl Desk {
    /// All ports from one adapter.
    pub fn of<T: Operators + Sessions + KeyStore + AuditLog + Models + Segments + 'static>(store: Arc<T>) -> Self {
        Self {
            operators: store.clone(),
            sessions: store.clone(),
            keys: store.clone(),
            audit: store.clone(),
            models: store.clone(),
            segments: store,
        }
    }
}

/// How sessions and logins are bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// A session without a request for this long ends.
    pub idle: Duration,
    /// A session this old ends.
    pub absolute: Duration,
    /// Sessions of one person; the oldest goes.
    pub sessions_max: u32,
    /// For how long a password that was given counts as fresh.
    pub fresh: Duration,
    /// Failed logins of one account, known or not, within `window`.
    pub tries_account: u32,
    /// The same of one address.
    pub tries_address: u32,
    pub window: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(30 * 60),
            absolute: Duration::from_secs(12 * 3_600),
            sessions_max: 5,
            fresh: Duration::from_secs(10 * 60),
            tries_account: 10,
            tries_address: 50,
            window: Duration::from_secs(15 * 60),
        }
    }
}

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// The key of the environment.
    Bootstrap,
    /// Somebody at the machine itself.
    CommandLine,
    ApiKey(String),
    Operator {
        id: OperatorId,
        role: Role,
        session: String,
    },
}

impl Who {
    /// As the audit names it.
    pub fn word(&self) -> String {
        match self {
            Who::Bootstrap => "bootstrap".to_owned(),
            Who::CommandLine => "command_line".to_owned(),
            Who::ApiKey(id) => format!("api_key:{id}"),
            Who::Operator { id, .. } => format!("operator:{id}"),
        }
    }
}

/// Who acts, what they may do now, and how the audit finds the request.
#[derive(Debug, Clone)]
pub struct Caller {
    pub who: Who,
    pub rights: Rights,
    /// The password was given lately enough for what is dangerous. Keys have none to give.
    pub fresh: bool,
    pub request_id: String,
    recorded: Arc<AtomicBool>,
}

impl Caller {
    pub fn new(who: Who, rights: Rights, fresh: bool, request_id: impl Into<String>) -> Self {
        Self { who, rights, fresh, request_id: request_id.into(), recorded: Arc::default() }
    }

    /// Somebody at the machine itself.
    pub fn command_line() -> Self {
        Self::new(Who::CommandLine, Rights::EVERY, true, "")
    }

    /// Whether the audit holds an entry of this request.
    pub fn is_recorded(&self) -> bool {
        self.recorded.load(Ordering::Acquire)
    }

    /// The request only asks, though by POST: the audit needs no entry of it.
    pub fn changes_nothing(&self) {
        self.record();
    }

    pub(crate) fn record(&self) {
        self.recorded.store(true, Ordering::Release);
    }
}
