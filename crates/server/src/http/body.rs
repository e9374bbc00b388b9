//! Request bodies: read within a limit and a time, parsed into typed JSON, with every failure a clear 4xx.

use super::App;
use super::problem::Problem;
use app::strict::{self, Strict};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use serde::de::{Deserialize, DeserializeOwned};
use std::io::Read;
use std::time::Duration;

/// Bytes of a body in general.
pub const SMALL: usize = 64 * 1024;
/// Bytes of a body that holds many things: events, a campaign.
pub const LARGE: usize = 4 * 1024 * 1024;
/// How long a caller may take to send a body.
const READ_TIME: Duration = Duration::from_secs(30);
/// How long it may take from when the server stops.
pub const STOP_TIME: Duration = Duration::from_secs(2);
/// Of a body that nobody wants, this many bytes are still read, so that the caller sees the refusal rather than a reset
/// connection; then the connection is closed.
const DRAIN_BYTES: usize = 64 * 1024 * 1024;
const DRAIN_TIME: Duration = Duration::from_secs(10);

/// A JSON body of at most `LIMIT` bytes.
pub struct Json<T, const LIMIT: usize = SMALL>(pub T);

/// The same, where no body at all means `{}`.
pub struct MaybeJson<T>(pub T);

/// The bytes of a JSON body of at most `LIMIT` bytes, not parsed yet.
pub struct RawJson<const LIMIT: usize>(pub Bytes);

impl<const LIMIT: usize> FromRequest<App> for RawJson<LIMIT> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (parts, mut body) = request.into_parts();
        Ok(RawJson(read(app, &parts.headers, &mut body, LIMIT).await?))
    }
}

/// The bytes of a JSON body of at most `LIMIT` bytes, which may come compressed by gzip: trackers do so by themselves.
pub struct PackedJson<const LIMIT: usize>(pub Bytes);

impl<const LIMIT: usize> FromRequest<App> for PackedJson<LIMIT> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (mut parts, mut body) = request.into_parts();
        let encoding = parts.headers.get(header::CONTENT_ENCODING);
        let packed = encoding.is_some_and(|given| given.as_bytes().eq_ignore_ascii_case(b"gzip"));
        if packed {
            parts.headers.remove(header::CONTENT_ENCODING);
        }
        let bytes = read(app, &parts.headers, &mut body, LIMIT).await?;
        if packed { unpack(&bytes, LIMIT).map(PackedJson) } else { Ok(PackedJson(bytes)) }
    }
}

/// What was compressed, as far as it stays within `limit`: a small body may hold a very large one.
fn unpack(bytes: &[u8], limit: usize) -> Result<Bytes, Problem> {
    let mut whole = Vec::new();
    let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut reader = flate2::read::MultiGzDecoder::new(bytes).take(bound);
    match reader.read_to_end(&mut whole) {
        Ok(_) if whole.len() > limit => Err(too_large(limit)),
        Ok(_) => Ok(whole.into()),
        Err(_) => {
            Err(Problem::new(StatusCode::BAD_REQUEST, "body_broken", "the body is no gzip stream, or ends early"))
        }
    }
}

impl<T: DeserializeOwned, const LIMIT: usize> FromRequest<App> for Json<T, LIMIT> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let RawJson::<LIMIT>(bytes) = RawJson::from_request(request, app).await?;
        parse(&bytes).map(Json)
    }
}

impl<T: DeserializeOwned> FromRequest<App> for MaybeJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let RawJson::<SMALL>(bytes) = RawJson::from_request(request, app).await?;
        parse(or_empty_object(&bytes)).map(MaybeJson)
    }
}

/// The body, or `{}` in place of none.
pub fn or_empty_object(bytes: &[u8]) -> &[u8] {
    if bytes.is_empty() { b"{}" } else { bytes }
}

/// Reads a JSON body of at most `limit` bytes. One that arrives in one piece is not copied. A server that stops waits for no
/// more than [`STOP_TIME`].
pub async fn read<B>(app: &App, headers: &HeaderMap, body: &mut B, limit: usize) -> Result<Bytes, Problem>
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    read_until(app.stopping(STOP_TIME), headers, body, limit).await
}

async fn read_until<B>(
    stop: impl Future<Output = ()>,
    headers: &HeaderMap,
    body: &mut B,
    limit: usize,
) -> Result<Bytes, Problem>
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    check_type(headers)?;
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large(limit));
    }
    // The timers are only registered if the body is not there yet.
    tokio::select! {
        biased;
        read = collect(body, limit) => read,
        () = stop => Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "this process is stopping")),
        () = tokio::time::sleep(READ_TIME) => {
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", "the body took too long to arrive"))
        }
    }
}

async fn collect<B>(body: &mut B, limit: usize) -> Result<Bytes, Problem>
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    let mut whole = BytesMut::new();
    let mut first = Bytes::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Err(Problem::new(StatusCode::BAD_REQUEST, "body_broken", "the body ended before it was whole"));
        };
        let Ok(data) = frame.into_data() else { continue };
        if first.len() + whole.len() + data.len() > limit {
            return Err(too_large(limit));
        }
        if first.is_empty() && whole.is_empty() {
            first = data;
        } else {
            whole.extend_from_slice(&std::mem::take(&mut first));
            whole.extend_from_slice(&data);
        }
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}

/// Reads and drops the rest of a body that was refused, within bounds; a server that stops reads no more of it.
pub async fn drain<B>(app: &App, headers: &HeaderMap, body: &mut B)
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    // Who waits for "100 Continue" has sent nothing yet: the refusal alone is enough.
    if body.is_end_stream() || headers.contains_key(header::EXPECT) {
        return;
    }
    let all = async {
        let mut left = DRAIN_BYTES;
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                break;
            }
        }
    };
    // Late or not, the answer goes out; the connection is closed after it.
    tokio::select! {
        biased;
        () = all => {}
        () = app.stopping(Duration::ZERO) => {}
        () = tokio::time::sleep(DRAIN_TIME) => {}
    }
}

fn too_large(limit: usize) -> Problem {
    let detail = format!("the body is longer than {limit} bytes");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
}

/// JSON by its type (`application/json`, `application/…+json`), or no type at all; not compressed.
fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    let refused =
        |detail: &'static str| Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
    if headers.get(header::CONTENT_ENCODING).is_some_and(|e| !e.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return refused("send the body without a content-encoding");
    }
    let Some(given) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let essence = given.as_bytes().split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
    let suffix =
        |end: &[u8]| essence.len() >= end.len() && essence[essence.len() - end.len()..].eq_ignore_ascii_case(end);
    if essence.eq_ignore_ascii_case(b"application/json") || suffix(b"+json") {
        Ok(())
    } else {
        refused("send the body as application/json")
    }
}

/// Parses a JSON object: what is no JSON is 400 `bad_json`, what is of another shape 422 `invalid_body` with the field.
pub fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Problem> {
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        parse_list::<Vec<serde::de::IgnoredAny>>(bytes)?;
        let detail = "the body is an array; an object is wanted";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body", detail));
    }
    parse_list(bytes)
}

/// The same where an array is wanted, or may be.
pub fn parse_list<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Problem> {
    strict::from_slice(bytes).map_err(|error| explain::<T>(bytes, &error))
}

/// A second, slower pass that finds the field. Only failures pay for it.
#[cold]
fn explain<'a, T: Deserialize<'a>>(bytes: &'a [u8], error: &serde_json::Error) -> Problem {
    if !error.is_data() {
        return Problem::new(StatusCode::BAD_REQUEST, "bad_json", format!("the body is no JSON: {error}"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let field = serde_path_to_error::deserialize::<_, T>(Strict(&mut reader)).err().map(|e| e.path().to_string());
    let detail = error.to_string();
    let field = field.filter(|path| path != ".").or_else(|| quoted(&detail));
    Problem { field, ..Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body", detail) }
}

/// The field that serde names at the top level: "missing field `name`".
fn quoted(detail: &str) -> Option<String> {
    let rest = detail.split_once("field `")?.1;
    Some(rest.split_once('`')?.0.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::HeaderValue;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Shape {
        name: String,
        #[serde(default)]
        inner: Vec<Inner>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Inner {
        count: u8,
    }

    #[test]
    fn what_is_wrong_with_a_body_is_said() {
        for (body, status, code, field) in [
            (&b""[..], 400, "bad_json", None),
            (b"{", 400, "bad_json", None),
            (b"{\"name\": \"a\"} x", 400, "bad_json", None),
            (b"\xff", 400, "bad_json", None),
            (b"{\"name\": \"\\ud800\"}", 400, "bad_json", None),
            (b"null", 422, "invalid_body", None),
            (b" [\"a\", []]", 422, "invalid_body", None),
            (b"[\"a\"", 400, "bad_json", None),
            (b"{}", 422, "invalid_body", Some("name")),
            (b"{\"name\": 3}", 422, "invalid_body", Some("name")),
            (b"{\"name\": \"a\", \"colour\": 1}", 422, "invalid_body", Some("colour")),
            (b"{\"name\": \"a\", \"name\": \"b\"}", 422, "invalid_body", Some("name")),
            (
                b"{\"name\": \"a\", \"inner\": [{\"count\": 1}, {\"count\": 256}]}",
                422,
                "invalid_body",
                Some("inner[1].count"),
            ),
            (b"{\"name\": \"a\", \"inner\": [{}]}", 422, "invalid_body", Some("inner[0]")),
            (b"{\"name\": \"a\", \"inner\": [{\"count\": 1}, [1]]}", 422, "invalid_body", Some("inner[1]")),
        ] {
            let problem = parse::<Shape>(body).unwrap_err();
            let got = (problem.status.as_u16(), problem.code, problem.field.as_deref());
            assert_eq!(got, (status, code, field), "{:?}: {}", String::from_utf8_lossy(body), problem.detail);
        }
    }

    #[test]
    fn types_other_than_json_are_refused() {
        for (name, value, ok) in [
            (header::CONTENT_TYPE, "application/json", true),
            (header::CONTENT_TYPE, "Application/JSON; charset=utf-8", true),
            (header::CONTENT_TYPE, "application/merge-patch+json", true),
            (header::CONTENT_TYPE, "text/plain", false),
            (header::CONTENT_TYPE, "application/x-www-form-urlencoded", false),
            (header::CONTENT_TYPE, "", false),
            (header::CONTENT_ENCODING, "gzip", false),
            (header::CONTENT_ENCODING, "identity", true),
            (header::ACCEPT, "text/html", true),
        ] {
            let headers = HeaderMap::from_iter([(name.clone(), HeaderValue::from_static(value))]);
            assert_eq!(check_type(&headers).is_ok(), ok, "{name}: {value}");
        }
    }

    #[test]
    fn packed_bodies_are_unpacked_within_their_limit() {
        let pack = |plain: &[u8]| {
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            std::io::Write::write_all(&mut out, plain).unwrap();
            out.finish().unwrap()
        };
        let whole = pack(b"{\"a\": 1}");
        for (bytes, want) in [
            (whole.clone(), Ok(&b"{\"a\": 1}"[..])),
            (whole[..whole.len() - 9].to_vec(), Err("body_broken")),
            (b"{}".to_vec(), Err("body_broken")),
            (pack(&[b' '; 64]), Ok(&[b' '; 64][..])),
            (pack(&[b' '; 65]), Err("body_too_large")),
            (pack(&vec![b' '; 1 << 24]), Err("body_too_large")),
        ] {
            let got = unpack(&bytes, 64);
            assert_eq!(got.as_deref().map_err(|problem| problem.code), want);
        }
    }

    #[tokio::test]
    async fn bodies_are_read_within_their_limit() {
        for (length, limit, ok) in [(0, 10, true), (10, 10, true), (11, 10, false)] {
            let mut body = Body::from(vec![b' '; length]);
            let got = read_until(std::future::pending(), &HeaderMap::new(), &mut body, limit).await;
            assert_eq!(got.map(|b| b.len()).map_err(|p| p.code), if ok { Ok(length) } else { Err("body_too_large") });
        }
        let mut parts = http_body_util::StreamBody::new(futures_util::stream::iter(
            ["{\"a\"", ": ", "1}"]
                .map(|p| Ok::<_, std::convert::Infallible>(http_body::Frame::data(Bytes::from_static(p.as_bytes())))),
        ));
        assert_eq!(read_until(std::future::pending(), &HeaderMap::new(), &mut parts, 8).await.unwrap(), "{\"a\": 1}");
    }
}
