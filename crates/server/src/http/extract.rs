//! What handlers take from a request: who calls, ids of the path, pages, keys. Each failure is a [`Problem`].

use super::App;
use super::problem::Problem;
use crate::validate;
use app::PageAsk;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use domain::ids::{AwardId, BatchId, CampaignId, DeliveryId, EndpointId, ItemId, OperatorId, OrderId};

mod caller;

pub use caller::*;

/// Ids that stand in a path, and what it means that one is malformed: no such thing.
pub trait PathId: Sized + std::str::FromStr + Send {
    const UNKNOWN: (&'static str, &'static str);
}
impl PathId for CampaignId {
    const UNKNOWN: (&'static str, &'static str) = ("campaign_unknown", "no campaign of that id");
}
impl PathId for OrderId {
    const UNKNOWN: (&'static str, &'static str) = ("order_unknown", "no order of that id");
}
impl PathId for OperatorId {
    const UNKNOWN: (&'static str, &'static str) = ("operator_unknown", "no operator of that id");
}
impl PathId for AwardId {
    const UNKNOWN: (&'static str, &'static str) = ("award_unknown", "no award of that id");
}

impl PathId for ItemId {
    const UNKNOWN: (&'static str, &'static str) = ("item_unknown", "no item of that id");
}
impl PathId for EndpointId {
    const UNKNOWN: (&'static str, &'static str) = ("webhook_unknown", "no webhook of that id");
}
impl PathId for DeliveryId {
    const UNKNOWN: (&'static str, &'static str) = ("delivery_unknown", "no delivery of that id");
}

/// The code that the path calls `code`.
#[derive(Debug, Clone)]
pub struct Code(pub String);

impl FromRequestParts<App> for Code {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        path_param(parts, app, "code").await.filter(|code| code.len() <= 64).map(Code).ok_or_else(Problem::no_route)
    }
}

/// The id that the path calls `id`.
#[derive(Debug, Clone, Copy)]
pub struct Id<T>(pub T);

impl<T: PathId> FromRequestParts<App> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let text = path_param(parts, app, "id").await;
        let (code, detail) = T::UNKNOWN;
        text.and_then(|t| t.parse().ok()).map(Id).ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, code, detail))
    }
}

/// A campaign's id and the number of a version of its rules, as the path calls them.
#[derive(Debug, Clone, Copy)]
pub struct VersionPath(pub CampaignId, pub u32);

impl FromRequestParts<App> for VersionPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Id(id) = Id::from_request_parts(parts, app).await?;
        let version = path_param(parts, app, "version").await.and_then(|text| text.parse().ok());
        let unknown = || Problem::new(StatusCode::NOT_FOUND, "version_unknown", "no version of that number");
        version.map(|version| VersionPath(id, version)).ok_or_else(unknown)
    }
}

/// A campaign's id and that of a batch of its codes, as the path calls them.
#[derive(Debug, Clone, Copy)]
pub struct BatchPath(pub CampaignId, pub BatchId);

impl FromRequestParts<App> for BatchPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Id(id) = Id::from_request_parts(parts, app).await?;
        let batch = path_param(parts, app, "batch").await.and_then(|text| text.parse().ok());
        let unknown =
            || Problem::new(StatusCode::NOT_FOUND, "batch_unknown", "the campaign has no such batch of codes");
        batch.map(|batch| BatchPath(id, batch)).ok_or_else(unknown)
    }
}

/// The number of a version of the model in the path.
#[derive(Debug, Clone, Copy)]
pub struct ModelVersion(pub u32);

impl FromRequestParts<App> for ModelVersion {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let version = path_param(parts, app, "version").await.and_then(|text| text.parse().ok());
        let unknown = || Problem::new(StatusCode::NOT_FOUND, "model_unknown", "no model of that version");
        version.map(ModelVersion).ok_or_else(unknown)
    }
}

/// The shopper's external id in the path.
#[derive(Debug, Clone)]
pub struct ExternalId(pub String);

impl FromRequestParts<App> for ExternalId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let text = path_param(parts, app, "external_id").await.ok_or_else(Problem::no_route)?;
        match validate::external_id("external_id", &text) {
            Ok(()) => Ok(ExternalId(text)),
            Err(wrong) => Err(Problem { code: "shopper_id_invalid", ..wrong }),
        }
    }
}

/// A plain word in the path, for ids that are no snowflakes.
#[derive(Debug, Clone)]
pub struct KeyId(pub String);

impl FromRequestParts<App> for KeyId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        path_param(parts, app, "id").await.filter(|id| id.len() <= 64).map(KeyId).ok_or_else(Problem::no_route)
    }
}

/// A session's id in the path.
#[derive(Debug, Clone)]
pub struct SessionId(pub String);

impl FromRequestParts<App> for SessionId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let id = path_param(parts, app, "session").await.filter(|id| id.len() <= 64);
        id.map(SessionId).ok_or_else(Problem::no_route)
    }
}

/// The decoded parameter, nothing where it is no UTF-8.
async fn path_param(parts: &mut Parts, app: &App, name: &str) -> Option<String> {
    let all = RawPathParams::from_request_parts(parts, app).await.ok()?;
    all.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}

/// `?limit=` and `?cursor=`.
#[derive(Debug, Clone, Copy)]
pub struct Paging(pub PageAsk);

impl FromRequestParts<App> for Paging {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        super::paging::parse(parts.uri.query().unwrap_or_default()).map(Paging)
    }
}

/// The whole query as `T`, which refuses what it does not know.
#[derive(Debug, Clone)]
pub struct Asked<T>(pub T);

impl<T: serde::de::DeserializeOwned> FromRequestParts<App> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let read = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        read.map(|axum::extract::Query(asked)| Asked(asked)).map_err(|_| {
            let detail = "the query has a parameter that this list does not know, or one twice";
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_query", detail)
        })
    }
}

/// `?limit=` alone.
#[derive(Debug, Clone, Copy)]
pub struct Limit(pub u32);

impl FromRequestParts<App> for Limit {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        super::paging::parse_limit(parts.uri.query().unwrap_or_default()).map(Limit)
    }
}

/// `Idempotency-Key`.
#[derive(Debug, Clone)]
pub struct IdempotencyKey(pub String);

impl FromRequestParts<App> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        idempotency_key(&parts.headers).map(|key| IdempotencyKey(key.to_owned()))
    }
}

/// The request's `Idempotency-Key`, borrowed.
pub fn idempotency_key(headers: &HeaderMap) -> Result<&str, Problem> {
    let refused = |code, detail: &'static str| Err(Problem::new(StatusCode::BAD_REQUEST, code, detail));
    let mut all = headers.get_all("idempotency-key").iter();
    match (all.next(), all.next()) {
        (Some(key), None) => match key.to_str() {
            Ok(key) if validate::is_idempotency_key(key) => Ok(key),
            Ok("") => refused("idempotency_key_required", "the header Idempotency-Key is empty"),
            _ => refused(
                "idempotency_key_invalid",
                "the header Idempotency-Key holds 1 to 128 printable ASCII characters",
            ),
        },
        (None, _) => {
            refused("idempotency_key_required", "send the header Idempotency-Key, new for every draw or order")
        }
        _ => refused("idempotency_key_invalid", "the header Idempotency-Key comes more than once"),
    }
}

/// `If-Match`, or that there is none.
#[derive(Debug, Clone)]
pub struct IfMatch(pub app::IfMatch);

impl FromRequestParts<App> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        if !parts.headers.contains_key(header::IF_MATCH) {
            return Ok(IfMatch(app::IfMatch::Absent));
        }
        // Several lines of one list are one list; what is no text is no tag of ours and matches nothing.
        let lines = parts.headers.get_all(header::IF_MATCH).iter();
        let lines: Vec<&str> = lines.map(|line| line.to_str().unwrap_or_default()).collect();
        Ok(IfMatch(app::IfMatch::parse(&lines.join(","))))
    }
}

/// The tag of a thing that has one of its own.
pub fn etag_of(tag: &str) -> axum::http::HeaderValue {
    axum::http::HeaderValue::from_str(&format!("\"{tag}\"")).expect("invariant: tags are hex digits or a word")
}

/// The tag of a version.
pub fn etag(version: u32) -> axum::http::HeaderValue {
    axum::http::HeaderValue::from_str(&format!("\"{version}\""))
        .expect("invariant: digits in quotes are a header value")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn idempotency_keys_are_printable_and_short() {
        let long = "x".repeat(129);
        for (key, want) in [
            (Some("a"), Ok("a")),
            (Some("550e8400-e29b-41d4-a716-446655440000"), Ok("550e8400-e29b-41d4-a716-446655440000")),
            (Some(""), Err("idempotency_key_required")),
            (None, Err("idempotency_key_required")),
            (Some(&long), Err("idempotency_key_invalid")),
            (Some("a\tb"), Err("idempotency_key_invalid")),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(key) = key {
                headers.insert("idempotency-key", HeaderValue::from_str(key).unwrap());
            }
            assert_eq!(idempotency_key(&headers).map_err(|p| p.code), want, "{key:?}");
        }
    }
}
