//! Redeem codes of a campaign: made here or brought along, listed by batch, exported as CSV.

use super::coupons::{codes_of_csv, is_csv};
use crate::http::body::{self, LARGE};
use crate::http::extract::{BatchPath, Codes, Id, Operator};
use crate::http::list::{ListParams, Listed, Narrow, Table, answer_here, is, one_of};
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::{App, schema};
use crate::validate;
use app::koi::{CODES_MAX, CodesFrom, Deed, Target};
use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::Response;
use domain::code::Terms;
use domain::ids::CampaignId;
use domain::operator::Act;
use serde::Deserialize;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

/// Uses of one code, and of one shopper.
const USES: std::ops::RangeInclusive<u32> = 1..=1_000_000_000;

/// Either `count` codes are made here, or the shop brings `codes` along.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateCodes {
    /// Codes to be made.
    #[schema(minimum = 1, maximum = 100_000)]
    count: Option<usize>,
    /// Codes of the shop's own: 4 to 64 letters, digits, `-`, `_` and `.`. None may be there already, none twice.
    codes: Option<Vec<String>>,
    /// Chances of one use.
    #[schema(minimum = 1, maximum = 1_000_000)]
    chances: Option<u32>,
    /// How often each code can be used, 1 where absent.
    #[schema(minimum = 1)]
    uses: Option<u32>,
    /// How many uses of the batch one shopper has; unlimited where absent.
    #[schema(minimum = 1)]
    per_shopper: Option<u32>,
    #[schema(format = DateTime)]
    starts_at: Option<String>,
    #[schema(format = DateTime)]
    ends_at: Option<String>,
}

impl CreateCodes {
    /// The terms of a CSV, from the query: those of the body's fields that are no codes.
    fn of_query(uri: &Uri) -> Result<Self, Problem> {
        let bad = |detail: String| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_query", detail);
        let Query(read) = Query::<Self>::try_from_uri(uri).map_err(|error| bad(error.body_text()))?;
        match (&read.count, &read.codes) {
            (None, None) => Ok(read),
            _ => Err(bad("the codes of a CSV stand in it; the query has its terms".to_owned())),
        }
    }

    fn checked(self) -> Result<(Terms, CodesFrom), Problem> {
        let chances = self.chances.ok_or_else(|| Problem::invalid("chances", "`chances` is missing"))?;
        validate::range("chances", &chances, &validate::CHANCES)?;
        let uses = self.uses.unwrap_or(1);
        validate::range("uses", &uses, &USES)?;
        if let Some(per_shopper) = &self.per_shopper {
            validate::range("per_shopper", per_shopper, &USES)?;
        }
        let time = |field, text: Option<String>| text.map(|text| validate::time(field, &text)).transpose();
        let (starts_at_ms, ends_at_ms) = (time("starts_at", self.starts_at)?, time("ends_at", self.ends_at)?);
        if let (Some(starts), Some(ends)) = (starts_at_ms, ends_at_ms)
            && starts >= ends
        {
            return Err(Problem::invalid("ends_at", "`ends_at` is after `starts_at`"));
        }
        let from = match (self.count, self.codes) {
            (Some(count), None) => {
                validate::range("count", &count, &(1..=CODES_MAX))?;
                CodesFrom::Here(count)
            }
            (None, Some(codes)) => CodesFrom::Shop(codes),
            _ => return Err(Problem::invalid("count", "send either `count` or `codes`")),
        };
        Ok((Terms { chances, uses, per_shopper: self.per_shopper, starts_at_ms, ends_at_ms }, from))
    }
}

/// Makes a batch of redeem codes, or takes one that the shop brings along as JSON or CSV; all of it or nothing.
///
/// A CSV has one code a line, or a column `code` under a header; its terms stand in the query. Only this answer lists the
/// codes; an export does again.
#[utoipa::path(post, path = "/api/v1/campaigns/{id}/codes", tag = "campaigns", security(("api_key" = ["campaigns"])),
    params(("id" = String, Path), ("chances" = Option<u32>, Query, description = "Of a CSV"), ("uses" = Option<u32>, Query, description = "Of a CSV"),
        ("per_shopper" = Option<u32>, Query, description = "Of a CSV"), ("starts_at" = Option<String>, Query, description = "Of a CSV"),
        ("ends_at" = Option<String>, Query, description = "Of a CSV")),
    request_body(content((CreateCodes = "application/json"), (String = "text/csv"))),
    responses((status = 201, description = "The batch with its codes", body = schema::CodeBatch),
        (status = 409, description = "`codes_duplicate` (the campaign has some already), `campaign_over`", body = schema::Problem, content_type = "application/problem+json"),
        (status = 422, description = "`codes_duplicate` (some come twice), `code_invalid`, `codes_count`, `invalid_body`, `invalid_csv`", body = schema::Problem, content_type = "application/problem+json"),
        schema::Problems))]
pub async fn create_codes(
    State(app): State<App>,
    who: Operator<Codes>,
    Id(id): Id<CampaignId>,
    request: Request,
) -> Result<Response, Problem> {
    let (mut parts, mut content) = request.into_parts();
    let body = if is_csv(&parts.headers) {
        parts.headers.remove(header::CONTENT_TYPE);
        let terms = CreateCodes::of_query(&parts.uri)?;
        let bytes = body::read(&app, &parts.headers, &mut content, LARGE).await?;
        CreateCodes { codes: Some(codes_of_csv(&bytes)?), ..terms }
    } else {
        body::parse::<CreateCodes>(&body::read(&app, &parts.headers, &mut content, LARGE).await?)?
    };
    let (terms, from) = body.checked()?;
    let count = match &from {
        CodesFrom::Here(count) => *count,
        CodesFrom::Shop(codes) => codes.len(),
    };
    let asked = json!({"campaign": id, "count": count, "imported": matches!(from, CodesFrom::Shop(_)),
                       "chances": terms.chances, "uses": terms.uses, "per_shopper": terms.per_shopper});
    let deed = Deed::of(Act::CreateCodes).on(Target::Other("codes_of", id.to_string())).asking(asked);
    let work = app.koi.create_codes(id, terms, from);
    let made = |view: &app::CodeBatchView| Target::Other("codes", view.batch_id.to_string());
    let view = app.koi.audited_making(&who, deed, work, made).await?;
    Ok(reply::json(StatusCode::CREATED, &view))
}

/// What batches can be narrowed by.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct BatchesAsk {
    /// `generated` or `imported`
    origin: Option<String>,
}

impl Narrow<app::CodeBatchView> for BatchesAsk {
    fn check(&self) -> Result<(), Problem> {
        one_of("origin", self.origin.as_deref(), &["generated", "imported"])
    }
    fn narrows(&self) -> bool {
        self.origin.is_some()
    }
    fn keeps(&self, row: &app::CodeBatchView) -> bool {
        is(self.origin.as_deref(), row.origin)
    }
}

const TABLE: Table = Table {
    columns: &[
        "batch_id",
        "created_at",
        "origin",
        "count",
        "chances",
        "uses",
        "per_shopper",
        "starts_at",
        "ends_at",
        "used",
    ],
    sorts: &["created_at", "count", "chances", "uses", "used", "ends_at"],
};

/// Lists the batches of a campaign's codes, newest first, without the codes. Sorted by `created_at`, `count`, `chances`,
/// `uses`, `used` or `ends_at`.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}/codes", tag = "campaigns", security(("api_key" = ["campaigns"])),
    params(("id" = String, Path), BatchesAsk, ListParams),
    responses((status = 200, description = "A page, or all as text/csv", body = schema::CodeBatches), schema::Problems))]
pub async fn list_code_batches(
    State(app): State<App>,
    _: Operator<Codes>,
    Id(id): Id<CampaignId>,
    asked: Listed<BatchesAsk>,
) -> Result<Response, Problem> {
    answer_here(&TABLE, &asked, |page| app.koi.code_batches(id, page)).await
}

/// Shows one batch of codes, without the codes.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}/codes/{batch}", tag = "campaigns", security(("api_key" = ["campaigns"])),
    params(("id" = String, Path), ("batch" = String, Path)),
    responses((status = 200, description = "The batch", body = schema::CodeBatch),
        (status = 404, description = "`batch_unknown`", body = schema::Problem, content_type = "application/problem+json"), schema::Problems))]
pub async fn get_code_batch(
    State(app): State<App>,
    _: Operator<Codes>,
    BatchPath(id, batch): BatchPath,
) -> Result<Response, Problem> {
    Ok(reply::json(StatusCode::OK, &app.koi.code_batch(id, batch).await?))
}

/// Exports a batch as CSV: each code with how often it was used and can be used.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}/codes/{batch}/export", tag = "campaigns", security(("api_key" = ["campaigns"])),
    params(("id" = String, Path), ("batch" = String, Path)),
    responses((status = 200, description = "Columns `code`, `used`, `uses`", body = String, content_type = "text/csv"),
        (status = 404, description = "`batch_unknown`", body = schema::Problem, content_type = "application/problem+json"), schema::Problems))]
pub async fn export_codes(
    State(app): State<App>,
    who: Operator<Codes>,
    BatchPath(id, batch): BatchPath,
) -> Result<Response, Problem> {
    let deed = Deed::of(Act::ExportCodes).on(Target::Other("codes", batch.to_string()));
    let view = app.koi.code_batch(id, batch).await?;
    let codes = app.koi.audited(&who, deed, app.koi.export_codes(id, batch)).await?;
    let mut csv = String::from("code,used,uses\r\n");
    for (code, used) in codes {
        // No code needs quoting; see `domain::code::is_importable`.
        csv.push_str(&format!("{code},{used},{}\r\n", view.uses));
    }
    let mut response = Response::new(Body::from(csv));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/csv; charset=utf-8"));
    let disposition = format!("attachment; filename=\"codes-{batch}.csv\"");
    if let Ok(value) = header::HeaderValue::from_str(&disposition) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_checked_before_anything_is_made() {
        for (body, want) in [
            (r#"{"count": 3, "chances": 1}"#, Ok(())),
            (r#"{"codes": ["A-1000"], "chances": 1, "uses": 5, "per_shopper": 1}"#, Ok(())),
            (
                r#"{"count": 3, "chances": 1, "starts_at": "2026-01-01T00:00:00Z", "ends_at": "2026-02-01T00:00:00Z"}"#,
                Ok(()),
            ),
            (r#"{"count": 3, "codes": ["A-1000"], "chances": 1}"#, Err("count")),
            (r#"{"chances": 1}"#, Err("count")),
            (r#"{"count": 3}"#, Err("chances")),
            (r#"{"count": 0, "chances": 1}"#, Err("count")),
            (r#"{"count": 100001, "chances": 1}"#, Err("count")),
            (r#"{"count": -1, "chances": 1}"#, Err("count")),
            (r#"{"count": 3, "chances": 0}"#, Err("chances")),
            (r#"{"count": 3, "chances": 1, "uses": 0}"#, Err("uses")),
            (r#"{"count": 3, "chances": 1, "per_shopper": 0}"#, Err("per_shopper")),
            (r#"{"count": 3, "chances": 1, "starts_at": "soon"}"#, Err("starts_at")),
            (
                r#"{"count": 3, "chances": 1, "starts_at": "2026-02-01T00:00:00Z", "ends_at": "2026-02-01T00:00:00Z"}"#,
                Err("ends_at"),
            ),
            (r#"{"count": 3, "chances": 1, "colour": "red"}"#, Err("colour")),
        ] {
            let got = body::parse::<CreateCodes>(body.as_bytes()).and_then(CreateCodes::checked).map(|_| ());
            assert_eq!(got.map_err(|p| p.field), want.map_err(|f: &str| Some(f.to_owned())), "{body}");
        }
    }

    #[test]
    fn a_csvs_terms_stand_in_the_query() {
        for (query, want) in [
            ("chances=2&uses=3&per_shopper=1", Ok((Some(2), Some(3), Some(1)))),
            ("chances=2", Ok((Some(2), None, None))),
            ("", Ok((None, None, None))),
            ("chances=two", Err("invalid_query")),
            ("count=3", Err("invalid_query")),
            ("colour=red", Err("invalid_query")),
        ] {
            let uri: Uri = format!("/campaigns/1/codes?{query}").parse().unwrap();
            let got = CreateCodes::of_query(&uri).map(|read| (read.chances, read.uses, read.per_shopper));
            assert_eq!(got.map_err(|p| p.code), want, "{query}");
        }
    }
}
