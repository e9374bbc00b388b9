//! Answers: a body that needs no box where its bytes are at hand, and the helpers that render one.

use super::extract::etag_of;
use app::Answer;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use serde::Serialize;
use std::pin::Pin;
use std::task::{Context, Poll};

/// What the server sends.
pub type Reply = Response<ReplyBody>;

/// The type of everything but problems.
pub const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Says that an answer is the stored one of an earlier request.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Either bytes that are there already (the hot path: no allocation) or whatever the router made.
#[derive(Debug)]
pub enum ReplyBody {
    Whole(Bytes),
    Routed(Body),
}

impl From<Bytes> for ReplyBody {
    fn from(bytes: Bytes) -> Self {
        ReplyBody::Whole(bytes)
    }
}

impl http_body::Body for ReplyBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match self.get_mut() {
            ReplyBody::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            ReplyBody::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            ReplyBody::Routed(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            ReplyBody::Whole(bytes) => bytes.is_empty(),
            ReplyBody::Routed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            ReplyBody::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            ReplyBody::Routed(body) => body.size_hint(),
        }
    }
}

/// `value` as JSON.
pub fn json_bytes(value: &impl Serialize) -> Bytes {
    // Views have string keys and no failing serialisers, and a Vec takes every byte.
    Bytes::from(serde_json::to_vec(value).expect("invariant: a view can always be written as JSON"))
}

/// An answer of `value` as JSON.
pub fn json(status: StatusCode, value: &impl Serialize) -> Response {
    let mut response = Response::new(Body::from(json_bytes(value)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

/// The same with the tag of what it shows.
pub fn tagged(mut response: Response, tag: &str) -> Response {
    response.headers_mut().insert(header::ETAG, etag_of(tag));
    response
}

/// The answer that a use case has encoded already, with the header that tells a replay.
pub fn answer(answer: Answer) -> Reply {
    let mut reply = Reply::new(answer.body.into());
    *reply.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, JSON);
    if answer.replayed {
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    reply
}

/// The same for handlers inside the router.
pub fn answer_routed(given: Answer) -> Response {
    answer(given).map(Body::new)
}

/// 204, nothing to say.
pub fn no_content() -> Response {
    StatusCode::NO_CONTENT.into_response()
}
