//! How operators, sessions, keys and the audit look.

use app::koi::{KeyView, OperatorView, SessionView};
use domain::operator::{Permission, Role};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub struct ApiKey {
    pub id: String,
    pub name: String,
    pub scopes: Vec<String>,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub expires_at: Option<String>,
    /// Known to the hour.
    #[schema(format = DateTime)]
    pub last_used_at: Option<String>,
    /// Until when the secret before the newest one is still valid.
    #[schema(format = DateTime)]
    pub previous_expires_at: Option<String>,
}

impl ApiKey {
    pub fn of(view: KeyView) -> Self {
        let KeyView { id, name, scopes, created_at, expires_at, last_used_at, previous_expires_at } = view;
        Self { id, name, scopes, created_at, expires_at, last_used_at, previous_expires_at }
    }
}

#[derive(Serialize, ToSchema)]
pub struct ApiKeys {
    pub data: Vec<ApiKey>,
    /// Always null: there are at most 200.
    pub next_cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct NewApiKey {
    #[serde(flatten)]
    pub shown: ApiKey,
    /// Shown this once; only its hash is kept.
    pub key: String,
}

/// Something an operator may not do for a while.
#[derive(Serialize, ToSchema)]
pub struct OperatorBan {
    /// The right that is taken away; null for the whole account.
    pub permission: Option<Permission>,
    #[schema(format = DateTime)]
    pub until: Option<String>,
    pub reason: String,
}

#[derive(Serialize, ToSchema)]
pub struct Operator {
    pub id: String,
    pub login: String,
    pub name: String,
    pub role: Role,
    /// What the role allows, less what is banned now.
    pub permissions: Vec<String>,
    pub bans: Vec<OperatorBan>,
    #[schema(format = DateTime)]
    pub created_at: String,
}

impl Operator {
    pub fn of(view: OperatorView) -> Self {
        let ban = |b: app::koi::BanView| OperatorBan { permission: b.permission, until: b.until, reason: b.reason };
        Self {
            id: view.id.to_string(),
            login: view.login,
            name: view.name,
            role: view.role,
            permissions: view.permissions.into_iter().map(str::to_owned).collect(),
            bans: view.bans.into_iter().map(ban).collect(),
            created_at: view.created_at,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct Operators {
    pub data: Vec<Operator>,
    pub next_cursor: Option<String>,
}

/// A session of an operator.
#[derive(Serialize, ToSchema)]
pub struct SessionInfo {
    pub id: String,
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Known to the minute.
    #[schema(format = DateTime)]
    pub seen_at: String,
    /// When it ends at the latest.
    #[schema(format = DateTime)]
    pub expires_at: String,
    /// Until when dangerous acts need no password.
    #[schema(format = DateTime)]
    pub fresh_until: String,
    /// Tells two places apart, names none.
    pub address_hash: String,
}

impl SessionInfo {
    pub fn of(view: SessionView) -> Self {
        let SessionView { id, created_at, seen_at, expires_at, fresh_until, address_hash } = view;
        Self { id, created_at, seen_at, expires_at, fresh_until, address_hash }
    }
}

#[derive(Serialize, ToSchema)]
pub struct SessionInfos {
    pub data: Vec<SessionInfo>,
    /// Always null: there are few.
    pub next_cursor: Option<String>,
}

/// Who calls.
#[derive(Serialize, ToSchema)]
pub struct Session {
    /// `operator` or `api_key`.
    pub kind: &'static str,
    pub operator: Option<Operator>,
    pub session: Option<SessionInfo>,
    pub permissions: Vec<String>,
    /// To be sent as `X-CSRF-Token` with every change.
    pub csrf_token: Option<String>,
}

/// One member before and after.
#[derive(Serialize, ToSchema)]
pub struct AuditChange {
    /// A JSON pointer.
    pub path: String,
    pub before: Value,
    pub after: Value,
}

/// One act.
#[derive(Serialize, ToSchema)]
pub struct AuditEntry {
    pub id: String,
    #[schema(format = DateTime)]
    pub at: String,
    /// `operator:ID`, `api_key:ID`, `bootstrap`, `command_line`.
    pub who: String,
    /// `thing.verb`.
    pub act: String,
    /// `kind:ID`.
    pub target: Option<String>,
    /// What was asked for, without secrets and personal fields.
    pub asked: Value,
    /// `asked` (the ledger knows what came of it), `done`, `refused`, `unclear`; null while it runs, or where a crash cut
    /// it short: then it may have taken effect.
    pub outcome: Option<String>,
    /// Why it was refused.
    pub code: Option<String>,
    pub changes: Vec<AuditChange>,
    #[schema(format = DateTime)]
    pub finished_at: Option<String>,
    pub request_id: Option<String>,
    pub hash: String,
}

#[derive(Serialize, ToSchema)]
pub struct AuditEntries {
    pub data: Vec<AuditEntry>,
    pub next_cursor: Option<String>,
}

/// Whether the audit is whole.
#[derive(Serialize, ToSchema)]
pub struct AuditCheck {
    pub whole: bool,
    pub entries: u64,
    /// The first entry that does not fit the one before it.
    pub broken_at: Option<String>,
    /// The last entry's hash: kept elsewhere, it shows that nothing was cut off.
    pub head: String,
}
