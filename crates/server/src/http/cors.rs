//! Which pages of other origins may call us: those of shops that embed the draw, as the configuration names them.
//!
//! Only what a shopper's token opens is of use to such a page: cookies are never sent along (no
//! `Access-Control-Allow-Credentials`, and the session's cookie is SameSite=Strict).

use axum::http::{HeaderMap, HeaderValue, Method, header};

/// How long a browser may keep the answer to its question, in seconds.
const KEPT: HeaderValue = HeaderValue::from_static("600");
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST");
const HEADERS: HeaderValue = HeaderValue::from_static("authorization, content-type, idempotency-key");
/// What a page may read of an answer's headers.
const SHOWN: HeaderValue = HeaderValue::from_static("idempotency-replayed, retry-after, x-request-id");

/// The origins that may.
#[derive(Debug, Clone, Default)]
pub struct Origins(Vec<String>);

impl Origins {
    /// Of a list of origins (`https://shop.example`, no path).
    ///
    /// # Errors
    /// Names the first that is none.
    pub fn new(origins: &[String]) -> Result<Self, String> {
        match origins.iter().find(|origin| !is_origin(origin)) {
            Some(wrong) => Err(wrong.clone()),
            None => Ok(Origins(origins.to_vec())),
        }
    }

    /// As sources of a content policy.
    pub fn sources(&self) -> String {
        self.0.join(" ")
    }

    /// The request's origin, where it is one of these.
    pub fn of(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        if self.0.is_empty() {
            return None;
        }
        let origin = headers.get(header::ORIGIN)?;
        self.0.iter().any(|known| known.as_bytes() == origin.as_bytes()).then(|| origin.clone())
    }
}

/// Whether a request only asks what it would be allowed.
pub fn is_question(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// What an allowed page is told on every answer.
pub fn allow(origin: HeaderValue, into: &mut HeaderMap) {
    into.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    into.append(header::VARY, HeaderValue::from_static("origin"));
    into.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, SHOWN);
}

/// What it is told when it asks first.
pub fn answer_question(into: &mut HeaderMap) {
    into.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    into.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
    into.insert(header::ACCESS_CONTROL_MAX_AGE, KEPT);
}

/// Scheme and host, as browsers send them: lower case, no path, nothing that would end a header or a policy.
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| {
        !host.is_empty()
            && host.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b':' | b'[' | b']'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_what_browsers_send() {
        for (text, want) in [
            ("https://shop.example", true),
            ("http://127.0.0.1:5173", true),
            ("https://shop.example/", false),
            ("https://Shop.example", false),
            ("shop.example", false),
            ("https://", false),
            ("*", false),
            ("https://a; script-src *", false),
        ] {
            assert_eq!(Origins::new(&[text.to_owned()]).is_ok(), want, "{text:?}");
        }
    }

    #[test]
    fn only_named_origins_may() {
        let origins = Origins::new(&["https://shop.example".to_owned()]).unwrap();
        let from = |origin: &str| [(header::ORIGIN, HeaderValue::from_str(origin).unwrap())].into_iter().collect();
        for (origin, want) in [
            ("https://shop.example", true),
            ("http://shop.example", false),
            ("https://shop.example.evil", false),
            ("null", false),
        ] {
            assert_eq!(origins.of(&from(origin)).is_some(), want, "{origin}");
            assert!(Origins::default().of(&from(origin)).is_none());
        }
    }
}
