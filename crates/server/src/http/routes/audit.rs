//! What operators did, for auditors.

use crate::http::extract::{Audit, Operator};
use crate::http::list::{self, ListParams, Listed, answer};
use crate::http::problem::Problem;
use crate::http::reply::json;
use crate::http::{App, schema};
use crate::validate;
use app::desk::AuditFilter;
use app::koi::Deed;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use domain::operator::Act;
use futures_util::stream;
use serde::Deserialize;

/// What acts can be narrowed by.
#[derive(Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// `operator:ID`, `api_key:ID`, `bootstrap`, `command_line`
    who: Option<String>,
    /// Like `campaign.end`
    act: Option<String>,
    /// Like `campaign:ID`
    target: Option<String>,
    /// RFC 3339, inclusive
    from: Option<String>,
    /// RFC 3339, exclusive
    until: Option<String>,
}

const COLUMNS: &[&str] =
    &["id", "at", "who", "act", "target", "outcome", "code", "finished_at", "request_id", "asked", "changes", "hash"];

fn filter(query: &AuditQuery, oldest_first: bool) -> Result<AuditFilter, Problem> {
    for (field, value) in [("who", &query.who), ("act", &query.act), ("target", &query.target)] {
        list::text(field, value.as_deref(), validate::NAME_CHARS)?;
    }
    let AuditQuery { who, act, target, from, until } = query;
    let (from_ms, until_ms) = (list::time("from", from.as_deref())?, list::time("until", until.as_deref())?);
    let (who, act, target) = (who.clone(), act.clone(), target.clone());
    Ok(AuditFilter { who, act, target, from_ms, until_ms, oldest_first })
}

/// Lists acts, newest first, each with its outcome. Sorted by `id`.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", security(("session" = []), ("api_key" = ["admin"])),
    params(AuditQuery, ListParams),
    responses((status = 200, description = "A page, or all as text/csv", body = schema::AuditEntries), schema::Problems))]
pub async fn list_audit(
    State(app): State<App>,
    who: Operator<Audit>,
    asked: Listed<AuditQuery>,
) -> Result<Response, Problem> {
    let filter = filter(&asked.own, asked.oldest_first()?)?;
    answer(COLUMNS, &asked, |page| app.koi.audit(&who, &filter, page)).await
}

/// Walks the whole chain of hashes and says whether it holds.
#[utoipa::path(get, path = "/api/v1/audit/check", tag = "audit", security(("session" = []), ("api_key" = ["admin"])),
    responses((status = 200, description = "Whether any entry was changed, and the last one's hash to keep elsewhere", body = schema::AuditCheck), schema::Problems))]
pub async fn check_audit(State(app): State<App>, who: Operator<Audit>) -> Result<Response, Problem> {
    Ok(json(StatusCode::OK, &app.koi.check_audit(&who).await?))
}

/// Gives all entries, oldest first, one JSON object a line: `{"hash": …, "entry": {…}}`. A hash is SHA-256 over the hash
/// before it (64 zeros at first), a line feed, and the bytes of `entry`.
#[utoipa::path(get, path = "/api/v1/audit/export", tag = "audit", security(("session" = []), ("api_key" = ["admin"])),
    responses((status = 200, description = "NDJSON", content_type = "application/x-ndjson", body = String), schema::Problems))]
pub async fn export_audit(State(app): State<App>, who: Operator<Audit>) -> Result<Response, Problem> {
    let first = app.koi.audited(&who, Deed::of(Act::ExportAudit), app.koi.audit_lines(0)).await?;
    let koi = app.koi.clone();
    // Page by page, so that memory does not grow with the audit; a failure breaks the answer off, visibly.
    let lines = stream::try_unfold(Some(first), move |page| {
        let koi = koi.clone();
        async move {
            let Some((bytes, last)) = page else { return Ok(None) };
            let Some(last) = last else { return Ok(None) };
            let next = koi.audit_lines(last).await?;
            Ok::<_, app::Error>(Some((Bytes::from(bytes), Some(next))))
        }
    });
    let mut response = Response::new(Body::from_stream(lines));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"audit.ndjson\""));
    Ok(response)
}
