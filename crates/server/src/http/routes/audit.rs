//! What operators did, for auditors.

use crate::http::extract::{Audit, Operator, Paging};
use crate::http::paging::page;
use crate::http::problem::Problem;
use crate::http::reply::json;
use crate::http::{App, schema};
use crate::validate;
use app::desk::AuditFilter;
use app::koi::Deed;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use bytes::Bytes;
use domain::operator::Act;
use futures_util::stream;
use serde::Deserialize;

#[derive(Deserialize, utoipa::IntoParams)]
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

fn filter(uri: &Uri) -> Result<AuditFilter, Problem> {
    let refused = |field: &str, detail: String| Problem {
        field: Some(field.to_owned()),
        ..Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_query", detail)
    };
    let Query(query) = Query::<AuditQuery>::try_from_uri(uri)
        .map_err(|_| refused("query", "the query has a member twice, or one that is no text".to_owned()))?;
    for (field, value) in [("who", &query.who), ("act", &query.act), ("target", &query.target)] {
        if let Some(value) = value {
            validate::text(field, value, validate::NAME_CHARS)
                .map_err(|wrong| refused(field, wrong.detail.into_owned()))?;
        }
    }
    let time = |field: &str, value: Option<String>| {
        let parsed = value.map(|value| validate::time(field, &value)).transpose();
        parsed.map_err(|wrong| refused(field, wrong.detail.into_owned()))
    };
    let (from_ms, until_ms) = (time("from", query.from)?, time("until", query.until)?);
    Ok(AuditFilter { who: query.who, act: query.act, target: query.target, from_ms, until_ms })
}

/// Lists acts, newest first, each with its outcome.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", security(("session" = []), ("api_key" = ["admin"])),
    params(AuditQuery, ("limit" = Option<u32>, Query, description = "1 to 200, 50 where absent"), ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before")),
    responses((status = 200, description = "A page", body = schema::AuditEntries), schema::Problems))]
pub async fn list_audit(
    State(app): State<App>,
    who: Operator<Audit>,
    Paging(ask): Paging,
    uri: Uri,
) -> Result<Response, Problem> {
    let all = app.koi.audit(&who, &filter(&uri)?, ask).await?;
    Ok(json(StatusCode::OK, &page(all)))
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
