//! Every failure as RFC 9457 `application/problem+json`, and the one place where `app`'s errors become statuses.

use super::reply::{Reply, json_bytes};
use super::request_id::RequestId;
use app::Error;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::campaign::Finding;
use domain::draw::{Limit, Refusal};
use domain::flow::FlowError;
use serde::Serialize;
use std::borrow::Cow;

const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");
/// The code of a tracker's missing or wrong credential, which tells the way to send one.
const NO_WRITE_KEY: &str = "write_key_unknown";
/// Seconds after which a caller should ask again: what is busy now is free within a batch or an engine's reconnect.
const SOON_S: HeaderValue = HeaderValue::from_static("1");
/// A used-up limit frees by the day at best: asking every second would be of no use.
const LATER_S: HeaderValue = HeaderValue::from_static("600");

/// A failure on its way to the caller.
#[derive(Debug, Clone)]
pub struct Problem {
    pub status: StatusCode,
    /// The stable word.
    pub code: &'static str,
    /// What is wrong here, a lowercase fragment; never a driver's words.
    pub detail: Cow<'static, str>,
    /// Which field of the input, like `prizes[2].stock`.
    pub field: Option<String>,
    /// What blocks a publish.
    pub findings: Vec<Finding>,
    /// Seconds after which to ask again, where it is known.
    pub after_s: Option<u32>,
    /// What is wrong with a flow, each with its place.
    pub flow: Box<[FlowError]>,
}

/// Errors of a flow as they are shown.
#[derive(Serialize)]
struct Place<'a> {
    line: u32,
    column: u32,
    message: &'a str,
    hint: &'a str,
}

#[derive(Serialize)]
struct Rendered<'a> {
    r#type: Cow<'static, str>,
    title: String,
    status: u16,
    detail: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "<[Finding]>::is_empty")]
    findings: &'a [Finding],
    /// Of the first error.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Place<'a>>,
    request_id: &'a str,
}

fn place(error: &FlowError) -> Place<'_> {
    Place { line: error.line, column: error.column, message: &error.message, hint: &error.hint }
}

impl Problem {
    /// A failure without a field.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Problem {
            status,
            code,
            detail: detail.into(),
            field: None,
            findings: Vec::new(),
            flow: Box::default(),
            after_s: None,
        }
    }

    /// 422: `field` is readable but makes no sense.
    pub fn invalid(field: &str, detail: impl Into<Cow<'static, str>>) -> Self {
        let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body", detail);
        Problem { field: Some(field.to_owned()), ..problem }
    }

    /// 422: a parameter of the query is readable but makes no sense.
    pub fn invalid_query(field: &str, detail: impl Into<Cow<'static, str>>) -> Self {
        let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_query", detail);
        Problem { field: Some(field.to_owned()), ..problem }
    }

    /// 401 without a usable credential.
    pub fn unauthorized() -> Self {
        Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "send a valid key or token as `Authorization: Bearer …`")
    }

    /// 401 for a tracker, whose credential comes by HTTP Basic.
    pub fn no_write_key() -> Self {
        let detail = "send an API key with the scope `events` as the user of HTTP Basic, with an empty password";
        Problem::new(StatusCode::UNAUTHORIZED, NO_WRITE_KEY, detail)
    }

    /// 403: the credential is good, but not for this.
    pub fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Problem::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// 500: our fault. The cause is logged where this is made.
    pub fn internal() -> Self {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something went wrong here; it has been logged")
    }

    /// The answer as the caller gets it.
    pub fn render(&self, request_id: &RequestId) -> Reply {
        let body = Rendered {
            r#type: Cow::Owned(format!("urn:koi:problem:{}", self.code)),
            title: self.code.replace('_', " "),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
            field: self.field.as_deref(),
            findings: &self.findings,
            line: self.flow.first().map(|error| error.line),
            column: self.flow.first().map(|error| error.column),
            errors: self.flow.iter().map(place).collect(),
            request_id: request_id.as_str(),
        };
        let mut reply = Reply::new(json_bytes(&body).into());
        *reply.status_mut() = self.status;
        let headers = reply.headers_mut();
        headers.insert(header::CONTENT_TYPE, CONTENT_TYPE);
        if let Some(after) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, after);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let way = if self.code == NO_WRITE_KEY { "Basic realm=\"koi\"" } else { "Bearer" };
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(way));
        }
        reply
    }

    /// When the same request may succeed.
    fn retry_after(&self) -> Option<HeaderValue> {
        if let Some(seconds) = self.after_s {
            return Some(HeaderValue::from(seconds));
        }
        match (self.status, self.code) {
            (StatusCode::SERVICE_UNAVAILABLE, _) | (_, "in_flight") => Some(SOON_S),
            (StatusCode::TOO_MANY_REQUESTS, _) => Some(LATER_S),
            _ => None,
        }
    }
}

/// Inside the router a problem travels as an extension of an empty answer: only the layer around it knows the request id.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let (status, code, detail) = (status_of(&error), error.code(), error.to_string());
        let problem = Problem::new(status, code, detail);
        match error {
            Error::Invalid { field, .. } => Problem { field, ..problem },
            Error::Findings(findings) => Problem { findings, ..problem },
            Error::Flow(flow) => Problem { field: Some("flow".to_owned()), flow: flow.into(), ..problem },
            // Rounded up: who waits that long is let in.
            Error::Throttled { after_ms } | Error::Guessing { after_ms } => {
                let after_s = after_ms.max(1).unsigned_abs().div_ceil(1_000);
                Problem { after_s: Some(u32::try_from(after_s).unwrap_or(u32::MAX)), ..problem }
            }
            Error::Refused(Refusal::LimitReached { which: Limit::Cooldown { left_s } }) => {
                Problem { after_s: Some(left_s.max(1)), ..problem }
            }
            _ => problem,
        }
    }
}

/// The status of every failure that a use case can tell of.
pub fn status_of(error: &Error) -> StatusCode {
    match error {
        Error::Invalid { .. } | Error::Findings(_) | Error::Flow(_) | Error::KeyReused => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Error::NotFound { .. } => StatusCode::NOT_FOUND,
        Error::Conflict { .. } | Error::InFlight | Error::BusinessKeyReused => StatusCode::CONFLICT,
        Error::Unauthenticated { .. } => StatusCode::UNAUTHORIZED,
        Error::Denied { .. } => StatusCode::FORBIDDEN,
        Error::Throttled { .. } | Error::Guessing { .. } | Error::Busy(_) => StatusCode::TOO_MANY_REQUESTS,
        Error::Stale => StatusCode::PRECONDITION_FAILED,
        Error::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        Error::Refused(refusal) => status_of_refusal(refusal),
    }
}

/// The status of every refusal before the roll.
pub fn status_of_refusal(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::Draft => StatusCode::NOT_FOUND,
        Refusal::NotStarted | Refusal::Paused | Refusal::OutsideHours | Refusal::NoChances => StatusCode::CONFLICT,
        Refusal::Over => StatusCode::GONE,
        Refusal::Blocked | Refusal::Suspected(_) | Refusal::NotQualified(_) => StatusCode::FORBIDDEN,
        Refusal::LimitReached { .. } => StatusCode::TOO_MANY_REQUESTS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::draw::Unmet;
    use http_body_util::BodyExt;

    #[test]
    fn every_error_has_the_status_and_code_of_the_contract() {
        let refused = Error::Refused;
        for (error, status, code, retry) in [
            (refused(Refusal::NotQualified(Unmet::Pool)), 403, "not_qualified", false),
            (refused(Refusal::Blocked), 403, "blocked", false),
            (refused(Refusal::Draft), 404, "campaign_unknown", false),
            (refused(Refusal::NoChances), 409, "no_chances", false),
            (refused(Refusal::NotStarted), 409, "campaign_not_started", false),
            (refused(Refusal::Paused), 409, "campaign_paused", false),
            (refused(Refusal::Over), 410, "campaign_over", false),
            (refused(Refusal::LimitReached { which: Limit::PerDay }), 429, "limit_reached", true),
            (Error::InFlight, 409, "in_flight", true),
            (Error::Unavailable("the queue is full"), 503, "unavailable", true),
            (Error::KeyReused, 422, "idempotency_key_reused", false),
            (Error::BusinessKeyReused, 409, "business_key_reused", false),
            (Error::Unauthenticated { code: "login_failed", detail: "no" }, 401, "login_failed", false),
            (Error::Denied { code: "forbidden", detail: "no".into() }, 403, "forbidden", false),
            (Error::Throttled { after_ms: 1_500 }, 429, "too_many_attempts", true),
            (Error::Guessing { after_ms: 1 }, 429, "too_many_attempts", true),
            (Error::Busy("one is running"), 429, "busy", true),
            (Error::Stale, 412, "stale", false),
            (Error::no_shopper(), 404, "shopper_unknown", false),
            (Error::Findings(Vec::new()), 422, "publish_blocked", false),
            (Error::invalid("too_big", "stock", "the stock is too big"), 422, "too_big", false),
        ] {
            let problem = Problem::from(error.clone());
            let reply = problem.render(&RequestId::make());
            assert_eq!((reply.status().as_u16(), problem.code), (status, code), "{error:?}");
            assert_eq!(reply.headers().contains_key(header::RETRY_AFTER), retry, "{error:?}");
        }
    }

    #[tokio::test]
    async fn a_problem_has_all_its_members() {
        let id = RequestId::make();
        let reply = Problem::from(Error::invalid("too_big", "stock", "the stock is too big")).render(&id);
        assert_eq!(reply.headers()[header::CONTENT_TYPE], "application/problem+json");
        let body = reply.into_body().collect().await.unwrap().to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let want = serde_json::json!({
            "type": "urn:koi:problem:too_big", "title": "too big", "status": 422, "detail": "the stock is too big",
            "code": "too_big", "field": "stock", "request_id": id.as_str(),
        });
        assert_eq!(body, want);
    }
}
