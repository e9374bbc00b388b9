//! The web pages: the shopper's at `/`, the console at `/console/`, and the script that a shop's page embeds.
//!
//! `npm run build` compresses them into `web/dist`; a release binary holds that directory, a debug one reads it as it
//! stands. Files under `/assets/` are named by their content and kept by browsers for ever; every other is asked for
//! again and answered 304 where it is the same. Paths of the two applications are theirs to route, so each gets its one page.

use super::App;
use super::problem::Problem;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use flate2::read::GzDecoder;
use std::borrow::Cow;
use std::io::Read;

#[derive(rust_embed::Embed)]
#[folder = "../../web/dist"]
struct Dist;

/// What stands in for the pages where they were not built.
const UNBUILT: &str = include_str!("unbuilt.html");
/// Scripts and styles come from here alone; nothing is evaluated, framed or sent elsewhere.
const COMMON_POLICY: &str = "default-src 'self'; script-src 'self'; img-src 'self' https: data:; font-src 'self' data:; \
     object-src 'none'; base-uri 'none'; form-action 'self'";
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");
/// The most that a file holds unpacked, so that a broken one cannot fill the memory.
const LARGEST: u64 = 32 << 20;

/// The routes of all pages.
pub fn router() -> Router<App> {
    Router::new()
        .route("/", get(get_shopper))
        .route("/c/{*path}", get(get_shopper))
        .route("/console", get(get_console))
        .route("/console/", get(get_console))
        .route("/console/{*path}", get(get_console))
        .route("/assets/{*path}", get(get_asset))
        .route("/embed/{file}", get(get_embed))
}

async fn get_shopper(State(app): State<App>, headers: HeaderMap) -> Response {
    // A shop that may embed the draw may also frame the page.
    let frames = app.edge.embed_origins.sources();
    page("index.html", &format!("{COMMON_POLICY}; style-src 'self'; frame-ancestors 'self' {frames}"), &headers)
}

async fn get_console(headers: HeaderMap) -> Response {
    // The console's components write their styles into the page.
    let policy = format!("{COMMON_POLICY}; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'");
    page("console.html", &policy, &headers)
}

async fn get_asset(Path(path): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let file = File::find(&format!("assets/{path}"), &headers).ok_or_else(Problem::no_route)?;
    Ok(file.answer(FOR_EVER, &headers))
}

async fn get_embed(Path(path): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let file = File::find(&format!("embed/{path}"), &headers).ok_or_else(Problem::no_route)?;
    let mut response = file.answer(ASK_AGAIN, &headers);
    // A page of any shop may run it: it holds nothing that is not public.
    let any = HeaderValue::from_static("cross-origin");
    response.headers_mut().insert(HeaderName::from_static("cross-origin-resource-policy"), any);
    Ok(response)
}

fn page(name: &str, policy: &str, headers: &HeaderMap) -> Response {
    let mut response = match File::find(name, headers) {
        Some(file) => file.answer(ASK_AGAIN, headers),
        None => unbuilt(),
    };
    let policy = HeaderValue::from_str(policy).expect("invariant: fixed words and checked origins");
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

fn unbuilt() -> Response {
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    ([(header::CONTENT_TYPE, html), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], UNBUILT)
        .into_response()
}

/// How a file is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Brotli,
    Gzip,
    Identity,
}

/// A file as it goes out.
struct File {
    bytes: Bytes,
    coding: Coding,
    etag: HeaderValue,
    kind: &'static str,
}

impl File {
    /// The file of that name in the coding that the caller likes best; none where there is no such file.
    fn find(name: &str, headers: &HeaderMap) -> Option<File> {
        let wanted = coding(headers);
        let packed = Dist::get(&format!("{name}.{}", if wanted == Coding::Brotli { "br" } else { "gz" }));
        let unpack = wanted == Coding::Identity && packed.is_some();
        // What is compressed by nature is there as it is, and only that.
        let (file, coding) = match packed {
            Some(file) => (file, wanted),
            None => (Dist::get(name).filter(|_| !name.starts_with('.'))?, Coding::Identity),
        };
        let hash: String = file.metadata.sha256_hash()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        let etag = HeaderValue::from_str(&format!("\"{hash}\"")).ok()?;
        let bytes = match file.data {
            data if unpack => Bytes::from(unpacked(&data)?),
            Cow::Borrowed(data) => Bytes::from_static(data),
            Cow::Owned(data) => Bytes::from(data),
        };
        Some(File { bytes, coding, etag, kind: kind(name) })
    }

    fn answer(self, caching: HeaderValue, headers: &HeaderMap) -> Response {
        let known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known == self.etag);
        let mut response = Response::new(if known { Body::empty() } else { Body::from(self.bytes) });
        if known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let into = response.headers_mut();
        into.insert(header::ETAG, self.etag);
        into.insert(header::CACHE_CONTROL, caching);
        into.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if !known {
            into.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
            let coding = match self.coding {
                Coding::Brotli => Some("br"),
                Coding::Gzip => Some("gzip"),
                Coding::Identity => None,
            };
            if let Some(coding) = coding {
                into.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
            }
        }
        response
    }
}

fn unpacked(packed: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    match GzDecoder::new(packed).take(LARGEST).read_to_end(&mut bytes) {
        Ok(_) => Some(bytes),
        Err(error) => {
            tracing::error!(%error, "a file of the pages is broken");
            None
        }
    }
}

/// The best coding that `Accept-Encoding` names and does not forbid.
fn coding(headers: &HeaderMap) -> Coding {
    let text = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let takes = |name: &str| {
        text.split(',').any(|part| {
            let mut words = part.split(';').map(str::trim);
            words.next().is_some_and(|word| word.eq_ignore_ascii_case(name))
                && words.all(|word| !matches!(word, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
        })
    };
    match (takes("br"), takes("gzip")) {
        (true, _) => Coding::Brotli,
        (false, true) => Coding::Gzip,
        (false, false) => Coding::Identity,
    }
}

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json") => "application/json",
        Some("png") => "image/png",
        Some("webp") => "image/webp",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepting(value: &str) -> HeaderMap {
        [(header::ACCEPT_ENCODING, HeaderValue::from_str(value).unwrap())].into_iter().collect()
    }

    #[test]
    fn the_best_coding_is_chosen() {
        for (accept, want) in [
            ("gzip, deflate, br, zstd", Coding::Brotli),
            ("gzip, br;q=0", Coding::Gzip),
            ("GZIP", Coding::Gzip),
            ("br;q=0.1", Coding::Brotli),
            ("deflate", Coding::Identity),
            ("gzip;q=0.0", Coding::Identity),
            ("", Coding::Identity),
        ] {
            assert_eq!(coding(&accepting(accept)), want, "{accept:?}");
        }
    }

    #[test]
    fn nothing_but_the_pages_is_found() {
        for name in [".gitignore", "../src/lib.rs", "assets/../../package.json", "assets/none.js", ""] {
            assert!(File::find(name, &accepting("")).is_none(), "{name:?}");
        }
    }
}
