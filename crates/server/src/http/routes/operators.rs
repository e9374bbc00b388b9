//! Operators, for whoever manages them.

use crate::http::body::{Json, MaybeJson};
use crate::http::extract::{Id, IfMatch, SessionId, Signed, etag};
use crate::http::list::{ListParams, Listed, Narrow, Table, answer_all, answer_here, holds, is, one_of};
use crate::http::problem::Problem;
use crate::http::reply::{json, no_content};
use crate::http::routes::campaigns::Nothing;
use crate::http::{App, schema};
use crate::validate;
use app::koi::{NewOperator, OperatorEdit, OperatorView};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::Response;
use domain::ids::OperatorId;
use domain::operator::{Ban, Permission, Role};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

fn render(status: StatusCode, view: OperatorView) -> Response {
    let version = view.version;
    let mut response = json(status, &schema::Operator::of(view));
    response.headers_mut().insert(header::ETAG, etag(version));
    response
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateOperator {
    /// 3 to 64 characters of a-z, 0-9 and . _ @ + -
    login: String,
    name: String,
    role: Role,
    /// 12 to 128 characters.
    password: String,
}

/// Makes an operator.
#[utoipa::path(post, path = "/api/v1/operators", tag = "operators", security(("session" = []), ("api_key" = ["admin"])), request_body = CreateOperator,
    responses((status = 201, description = "The operator", body = schema::Operator, headers(("ETag" = String))),
        (status = 409, description = "`login_taken`", body = schema::Problem, content_type = "application/problem+json"), schema::Problems))]
pub async fn create_operator(
    State(app): State<App>,
    signed: Signed,
    Json(body): Json<CreateOperator>,
) -> Result<Response, Problem> {
    let CreateOperator { login, name, role, password } = body;
    let view = app.koi.create_operator(&signed.caller, NewOperator { login, name, role, password }).await?;
    Ok(render(StatusCode::CREATED, view))
}

/// What operators can be narrowed by.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct OperatorsAsk {
    /// What the login or the name holds
    q: Option<String>,
    role: Option<String>,
    /// `true`: those with a ban; `false`: those without
    banned: Option<String>,
}

impl Narrow<schema::Operator> for OperatorsAsk {
    fn check(&self) -> Result<(), Problem> {
        one_of("banned", self.banned.as_deref(), &["true", "false"])?;
        let roles: Vec<&str> = Role::ALL.iter().map(|role| role.word()).collect();
        one_of("role", self.role.as_deref(), &roles)
    }
    fn narrows(&self) -> bool {
        self.q.is_some() || self.role.is_some() || self.banned.is_some()
    }
    fn keeps(&self, row: &schema::Operator) -> bool {
        let banned = if row.bans.is_empty() { "false" } else { "true" };
        holds(self.q.as_deref(), &[&row.login, &row.name])
            && is(self.role.as_deref(), row.role.word())
            && is(self.banned.as_deref(), banned)
    }
}

const TABLE: Table = Table {
    columns: &["id", "login", "name", "role", "permissions", "bans", "created_at"],
    sorts: &["id", "login", "name", "role", "created_at"],
};
const SESSIONS: Table = Table {
    columns: &["id", "created_at", "seen_at", "expires_at", "fresh_until", "address_hash"],
    sorts: &["created_at", "seen_at", "expires_at"],
};

/// Lists operators, newest first. Sorted by `id`, `login`, `name`, `role` or `created_at`.
#[utoipa::path(get, path = "/api/v1/operators", tag = "operators", security(("session" = []), ("api_key" = ["admin"])),
    params(OperatorsAsk, ListParams),
    responses((status = 200, description = "A page, or all as text/csv", body = schema::Operators), schema::Problems))]
pub async fn list_operators(
    State(app): State<App>,
    signed: Signed,
    asked: Listed<OperatorsAsk>,
) -> Result<Response, Problem> {
    let (koi, caller) = (&app.koi, &signed.caller);
    let fetch = |page| async move {
        let app::Page { data, next_cursor } = koi.operators(caller, page).await?;
        let data: Vec<schema::Operator> = data.into_iter().map(schema::Operator::of).collect();
        Ok::<_, app::Error>(app::Page { data, next_cursor })
    };
    answer_here(&TABLE, &asked, fetch).await
}

/// Shows an operator; everybody sees themself.
#[utoipa::path(get, path = "/api/v1/operators/{id}", tag = "operators", security(("session" = []), ("api_key" = ["admin"])), params(("id" = String, Path)),
    responses((status = 200, description = "The operator", body = schema::Operator, headers(("ETag" = String))), schema::Problems))]
pub async fn get_operator(State(app): State<App>, signed: Signed, Id(id): Id<OperatorId>) -> Result<Response, Problem> {
    Ok(render(StatusCode::OK, app.koi.get_operator(&signed.caller, id).await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditOperator {
    name: Option<String>,
    role: Option<Role>,
}

/// Changes name or role. What a new role takes away is gone with the next request.
#[utoipa::path(patch, path = "/api/v1/operators/{id}", tag = "operators", security(("session" = []), ("api_key" = ["admin"])),
    params(("id" = String, Path), ("If-Match" = Option<String>, Header, description = "The ETag that was read; where absent the last write wins")), request_body = EditOperator,
    responses((status = 200, description = "As edited", body = schema::Operator, headers(("ETag" = String))),
        (status = 409, description = "`last_owner`", body = schema::Problem, content_type = "application/problem+json"),
        (status = 412, description = "`stale`: edited meanwhile", body = schema::Problem, content_type = "application/problem+json"), schema::Problems))]
pub async fn edit_operator(
    State(app): State<App>,
    signed: Signed,
    Id(id): Id<OperatorId>,
    IfMatch(if_match): IfMatch,
    Json(body): Json<EditOperator>,
) -> Result<Response, Problem> {
    let edit = OperatorEdit { name: body.name, role: body.role };
    Ok(render(StatusCode::OK, app.koi.edit_operator(&signed.caller, id, &if_match, edit).await?))
}

/// Takes an account away, with its sessions.
#[utoipa::path(delete, path = "/api/v1/operators/{id}", tag = "operators", security(("session" = []), ("api_key" = ["admin"])), params(("id" = String, Path)),
    responses((status = 204, description = "Gone"), schema::Problems))]
pub async fn delete_operator(
    State(app): State<App>,
    signed: Signed,
    Id(id): Id<OperatorId>,
    _: MaybeJson<Nothing>,
) -> Result<Response, Problem> {
    app.koi.delete_operator(&signed.caller, id).await?;
    Ok(no_content())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPassword {
    /// 12 to 128 characters.
    password: String,
}

/// Sets an operator's password and ends all their sessions.
#[utoipa::path(put, path = "/api/v1/operators/{id}/password", tag = "operators", security(("session" = []), ("api_key" = ["admin"])), params(("id" = String, Path)),
    request_body = SetPassword, responses((status = 204, description = "Set"), schema::Problems))]
pub async fn set_password(
    State(app): State<App>,
    signed: Signed,
    Id(id): Id<OperatorId>,
    Json(body): Json<SetPassword>,
) -> Result<Response, Problem> {
    app.koi.set_password(&signed.caller, id, &body.password).await?;
    Ok(no_content())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutBan {
    /// The right that is taken away; where absent, the whole account.
    permission: Option<Permission>,
    /// Where absent, until it is lifted.
    #[schema(format = DateTime)]
    until: Option<String>,
    /// Up to 500 characters.
    reason: String,
}

/// Bans an account or one right of it. A banned account's sessions end at once.
#[utoipa::path(put, path = "/api/v1/operators/{id}/ban", tag = "operators", security(("session" = []), ("api_key" = ["admin"])), params(("id" = String, Path)),
    request_body = PutBan, responses((status = 200, description = "As it is now", body = schema::Operator, headers(("ETag" = String))),
        (status = 409, description = "`last_owner`, `own_account`", body = schema::Problem, content_type = "application/problem+json"), schema::Problems))]
pub async fn ban_operator(
    State(app): State<App>,
    signed: Signed,
    Id(id): Id<OperatorId>,
    Json(body): Json<PutBan>,
) -> Result<Response, Problem> {
    validate::text("reason", &body.reason, validate::REASON_CHARS)?;
    let until_ms = body.until.as_deref().map(|until| validate::time("until", until)).transpose()?;
    let ban = Ban { permission: body.permission, until_ms, reason: body.reason };
    Ok(render(StatusCode::OK, app.koi.ban_operator(&signed.caller, id, ban).await?))
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteBan {
    /// Where absent, the ban of the whole account.
    permission: Option<Permission>,
}

/// Lifts a ban; lifting none is fine.
#[utoipa::path(delete, path = "/api/v1/operators/{id}/ban", tag = "operators", security(("session" = []), ("api_key" = ["admin"])), params(("id" = String, Path)),
    request_body = Option<DeleteBan>, responses((status = 200, description = "As it is now", body = schema::Operator, headers(("ETag" = String))), schema::Problems))]
pub async fn unban_operator(
    State(app): State<App>,
    signed: Signed,
    Id(id): Id<OperatorId>,
    MaybeJson(body): MaybeJson<DeleteBan>,
) -> Result<Response, Problem> {
    Ok(render(StatusCode::OK, app.koi.unban_operator(&signed.caller, id, body.permission).await?))
}

/// Lists a person's open sessions, newest first; everybody sees their own. Sorted by `created_at`, `seen_at` or
/// `expires_at`.
#[utoipa::path(get, path = "/api/v1/operators/{id}/sessions", tag = "operators", security(("session" = []), ("api_key" = ["admin"])),
    params(("id" = String, Path), ListParams),
    responses((status = 200, description = "A page, or all as text/csv", body = schema::SessionInfos), schema::Problems))]
pub async fn list_sessions(
    State(app): State<App>,
    signed: Signed,
    Id(id): Id<OperatorId>,
    asked: Listed,
) -> Result<Response, Problem> {
    let sessions = app.koi.sessions(&signed.caller, id).await?;
    answer_all(&SESSIONS, &asked, sessions.into_iter().map(schema::SessionInfo::of).collect())
}

/// Ends all sessions of a person.
#[utoipa::path(delete, path = "/api/v1/operators/{id}/sessions", tag = "operators", security(("session" = []), ("api_key" = ["admin"])), params(("id" = String, Path)),
    responses((status = 204, description = "Signed out everywhere"), schema::Problems))]
pub async fn end_sessions(
    State(app): State<App>,
    signed: Signed,
    Id(id): Id<OperatorId>,
    _: MaybeJson<Nothing>,
) -> Result<Response, Problem> {
    app.koi.end_sessions(&signed.caller, id, None).await?;
    Ok(no_content())
}

/// Ends one session of a person.
#[utoipa::path(delete, path = "/api/v1/operators/{id}/sessions/{session}", tag = "operators", security(("session" = []), ("api_key" = ["admin"])),
    params(("id" = String, Path), ("session" = String, Path)), responses((status = 204, description = "Over"), schema::Problems))]
pub async fn end_session(
    State(app): State<App>,
    signed: Signed,
    Id(id): Id<OperatorId>,
    SessionId(session): SessionId,
    _: MaybeJson<Nothing>,
) -> Result<Response, Problem> {
    app.koi.end_sessions(&signed.caller, id, Some(&session)).await?;
    Ok(no_content())
}
