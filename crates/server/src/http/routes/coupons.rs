//! Pools of coupon codes: uploaded as JSON or as CSV.

use crate::http::body::{self, LARGE};
use crate::http::extract::{Awards, Code, Id, Operator};
use crate::http::problem::Problem;
use crate::http::reply::json;
use crate::http::{App, schema};
use app::koi::{Deed, Target};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use domain::ids::CampaignId;
use domain::operator::Act;
use serde::Deserialize;
use serde_json::json as object;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddCoupons {
    /// 1 to 100,000 codes of 1 to 128 printable characters.
    codes: Vec<String>,
}

pub(super) fn is_csv(headers: &HeaderMap) -> bool {
    let given = headers.get(header::CONTENT_TYPE).map(|v| v.as_bytes()).unwrap_or_default();
    let essence = given.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
    essence.eq_ignore_ascii_case(b"text/csv")
}

/// The codes of a CSV: of its column `code` where its first line names one, else of its first column.
pub(super) fn codes_of_csv(bytes: &[u8]) -> Result<Vec<String>, Problem> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::All).from_reader(bytes);
    let (mut codes, mut column) = (Vec::new(), None);
    for row in reader.records() {
        let bad = |line| {
            let detail = format!("line {line} is no CSV in UTF-8");
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_csv", detail)
        };
        let row = row.map_err(|error| bad(error.position().map_or(0, |p| p.line())))?;
        let Some(at) = column else {
            let named = row.iter().position(|cell| cell.eq_ignore_ascii_case("code"));
            column = Some(named.unwrap_or(0));
            if named.is_none() {
                codes.extend(row.get(0).map(str::to_owned));
            }
            continue;
        };
        codes.push(row.get(at).unwrap_or_default().to_owned());
    }
    Ok(codes)
}

/// The codes of an upload, JSON or CSV.
pub(super) async fn read_codes(app: &App, request: Request) -> Result<Vec<String>, Problem> {
    let (mut parts, mut content) = request.into_parts();
    if is_csv(&parts.headers) {
        parts.headers.remove(header::CONTENT_TYPE);
        return codes_of_csv(&body::read(app, &parts.headers, &mut content, LARGE).await?);
    }
    Ok(body::parse::<AddCoupons>(&body::read(app, &parts.headers, &mut content, LARGE).await?)?.codes)
}

/// Adds codes to the pool of a coupon prize. Codes that it has already are counted and change nothing.
#[utoipa::path(post, path = "/api/v1/campaigns/{id}/prizes/{code}/coupons", tag = "fulfilment", security(("api_key" = ["campaigns"])),
    params(("id" = String, Path), ("code" = String, Path, description = "The prize's code")),
    request_body(content((AddCoupons = "application/json"), (String = "text/csv"))),
    responses((status = 200, description = "The pool", body = schema::Coupons),
        (status = 409, description = "`prize_not_coupon`", body = schema::Problem, content_type = "application/problem+json"), schema::Problems))]
pub async fn add_coupons(
    State(app): State<App>,
    who: Operator<Awards>,
    Id(id): Id<CampaignId>,
    Code(prize): Code,
    request: Request,
) -> Result<Response, Problem> {
    let codes = read_codes(&app, request).await?;
    let asked = object!({"campaign": id, "coupons_of": prize, "count": codes.len()});
    let deed = Deed::of(Act::HandleAward).on(Target::Other("coupons", id.to_string())).asking(asked);
    Ok(json(StatusCode::OK, &app.koi.audited(&who, deed, app.koi.add_coupons(id, &prize, codes)).await?))
}

/// Shows how many codes a pool holds.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}/prizes/{code}/coupons", tag = "fulfilment", security(("api_key" = ["campaigns"])),
    params(("id" = String, Path), ("code" = String, Path, description = "The prize's code")),
    responses((status = 200, description = "The pool", body = schema::Coupons), schema::Problems))]
pub async fn get_coupons(
    State(app): State<App>,
    _: Operator<Awards>,
    Id(id): Id<CampaignId>,
    Code(prize): Code,
) -> Result<Response, Problem> {
    Ok(json(StatusCode::OK, &app.koi.coupons(id, &prize).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_from_csv() {
        for (text, want) in [
            ("A1\nB2\n", &["A1", "B2"][..]),
            ("\u{feff}code\r\nA1\r\nB2", &["A1", "B2"]),
            ("id, Code ,note\n1,A1,x\n2, B2 ,\"a,b\"\n", &["A1", "B2"]),
            ("A1,first\nB2\n", &["A1", "B2"]),
            ("id,code\n1\n", &[""]),
            ("", &[]),
        ] {
            assert_eq!(codes_of_csv(text.as_bytes()).unwrap(), want, "{text:?}");
        }
        assert_eq!(codes_of_csv(b"A1\n\xff\xfe\n").unwrap_err().code, "invalid_csv");
    }
}
