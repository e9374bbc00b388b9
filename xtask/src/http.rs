//! A small blocking HTTP/1.1 client on `std::net`: one keep-alive connection, one request at a time.
//!
//! It never retries by itself. A request that was sent and not answered may have been done; whoever keeps an account of
//! answers (the crash test) must see that, so a broken connection is an error and the next call opens a new one.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// How long a connect, a write or a read may take before the call fails.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest answer that is read, in bytes; a server that sends more is broken.
const MAX_ANSWER_BYTES: usize = 256 << 20;
/// The paths that stand at the root; every other path is under `/api/v1`.
const ROOT_PATHS: [&str; 11] = [
    "/api",
    "/v1",
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/docs",
    "/c/",
    "/console",
    "/assets/",
    "/embed/",
];

/// One request, to be filled in: `Call::post("/campaigns", &body).token(key)`.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    method: &'a str,
    path: Cow<'a, str>,
    token: Option<&'a str>,
    key: Option<&'a str>,
    body: Option<Cow<'a, [u8]>>,
    headers: Vec<(&'a str, &'a str)>,
}

impl<'a> Call<'a> {
    /// A request without a body. `path` is below `/api/v1`, save for the operations endpoints.
    pub fn new(method: &'a str, path: impl Into<Cow<'a, str>>) -> Self {
        Self { method, path: path.into(), token: None, key: None, body: None, headers: Vec::new() }
    }

    /// A GET.
    pub fn get(path: impl Into<Cow<'a, str>>) -> Self {
        Self::new("GET", path)
    }

    /// A POST of a JSON body.
    pub fn post(path: impl Into<Cow<'a, str>>, body: &Value) -> Self {
        Self::new("POST", path).bytes(body.to_string().into_bytes())
    }

    /// A PUT of a JSON body.
    pub fn put(path: impl Into<Cow<'a, str>>, body: &Value) -> Self {
        Self::new("PUT", path).bytes(body.to_string().into_bytes())
    }

    /// The body as it goes over the wire; it need not be JSON.
    pub fn bytes(mut self, body: impl Into<Cow<'a, [u8]>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sent as `Authorization: Bearer`.
    pub fn token(mut self, token: &'a str) -> Self {
        self.token = Some(token);
        self
    }

    /// Sent as `Idempotency-Key`.
    pub fn key(mut self, key: &'a str) -> Self {
        self.key = Some(key);
        self
    }

    /// One more header; a `Content-Type` here replaces the JSON one.
    pub fn header(mut self, name: &'a str, value: &'a str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The request as it goes over the wire.
    pub fn encode(&self) -> Vec<u8> {
        let prefix = if ROOT_PATHS.iter().any(|root| self.path.starts_with(root)) { "" } else { "/api/v1" };
        let mut out = format!("{} {prefix}{} HTTP/1.1\r\nHost: koi\r\n", self.method, self.path);
        let mut line = |name: &str, value: &str| {
            out.push_str(name);
            out.push_str(": ");
            out.push_str(value);
            out.push_str("\r\n");
        };
        if let Some(token) = self.token {
            line("Authorization", &format!("Bearer {token}"));
        }
        if let Some(key) = self.key {
            line("Idempotency-Key", key);
        }
        if let Some(body) = &self.body {
            line("Content-Length", &body.len().to_string());
            if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                line("Content-Type", "application/json");
            }
        } else if self.method != "GET" {
            line("Content-Length", "0");
        }
        for (name, value) in &self.headers {
            line(name, value);
        }
        out.push_str("\r\n");
        let mut out = out.into_bytes();
        if let Some(body) = &self.body {
            out.extend_from_slice(body);
        }
        out
    }
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Headers in order of arrival, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of that name, given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(had, _)| had == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; `null` where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The body as text, for messages.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The `code` of a problem, or "".
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Whether the status is 2xx.
    pub fn ok(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// A client of one server: at most one connection, opened when needed.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    timeout: Duration,
    connection: Option<BufReader<TcpStream>>,
}

impl Client {
    /// A client that connects at its first call.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, timeout: DEFAULT_TIMEOUT, connection: None }
    }

    /// The same with another bound on each wait.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sends one request and reads its answer.
    ///
    /// # Errors
    /// Any failure of the connection; whether the server did the work is then unknown.
    pub fn send(&mut self, call: &Call<'_>) -> io::Result<Answer> {
        self.send_bytes(&call.encode())
    }

    /// Sends bytes that need be no valid request and reads an answer.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub fn send_bytes(&mut self, bytes: &[u8]) -> io::Result<Answer> {
        let mut connection = match self.connection.take() {
            Some(open) => open,
            None => self.open()?,
        };
        // A server may refuse a long body before it has read it: the write fails and the answer is there all the same.
        let written = connection.get_mut().write_all(bytes);
        let answer = match read_answer(&mut connection) {
            Ok(answer) => answer,
            Err(error) => return Err(written.err().unwrap_or(error)),
        };
        let closes = answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        if written.is_ok() && !closes {
            self.connection = Some(connection);
        }
        Ok(answer)
    }

    fn open(&self) -> io::Result<BufReader<TcpStream>> {
        let stream = TcpStream::connect_timeout(&self.address, self.timeout)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(self.timeout))?;
        stream.set_write_timeout(Some(self.timeout))?;
        Ok(BufReader::new(stream))
    }
}

/// Reads one answer: status line, headers, a body by `Content-Length` or in chunks.
///
/// # Errors
/// A closed connection or an answer that is not HTTP/1.1.
pub fn read_answer(from: &mut impl BufRead) -> io::Result<Answer> {
    let status_line = read_line(from)?;
    let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(|| bad("no status"))?;
    let mut headers = Vec::new();
    loop {
        let line = read_line(from)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or_else(|| bad("a header without a colon"))?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut answer = Answer { status, headers, body: Vec::new() };
    if answer.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        answer.body = read_chunks(from)?;
    } else if let Some(length) = answer.header("content-length") {
        let length: usize = length.parse().map_err(|_| bad("a content-length that is no number"))?;
        answer.body = read_exactly(from, length)?;
    }
    Ok(answer)
}

fn read_chunks(from: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = read_line(from)?;
        let size = usize::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16)
            .map_err(|_| bad("a chunk without a size"))?;
        body.extend(read_exactly(from, size)?);
        read_line(from)?;
        if size == 0 {
            return Ok(body);
        }
    }
}

fn read_exactly(from: &mut impl Read, length: usize) -> io::Result<Vec<u8>> {
    if length > MAX_ANSWER_BYTES {
        return Err(bad("an answer that is too long"));
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    Ok(body)
}

fn read_line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    from.take(64 << 10).read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "closed before the answer was whole"));
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

fn bad(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_whole_or_refused() {
        let check = |wire: &str, expect: Option<(u16, &str)>| {
            let got = read_answer(&mut wire.as_bytes()).ok();
            let got = got.as_ref().map(|a| (a.status, String::from_utf8_lossy(&a.body).into_owned()));
            assert_eq!(got, expect.map(|(status, body)| (status, body.to_owned())), "{wire:?}");
        };
        check("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}", Some((201, "{}")));
        check("HTTP/1.1 204 No Content\r\n\r\n", Some((204, "")));
        check(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
            Some((200, "abcde")),
        );
        check("HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\n{}", None);
        check("HTTP/1.1 201 Created\r\nContent-Le", None);
        check("", None);
        check("nonsense\r\n\r\n", None);
    }

    #[test]
    fn requests_have_a_length_and_a_prefix() {
        let wire = String::from_utf8(Call::post("/campaigns", &serde_json::json!({})).token("t").key("k").encode());
        let wire = wire.expect("ascii");
        assert!(
            wire.starts_with("POST /api/v1/campaigns HTTP/1.1\r\nHost: koi\r\nAuthorization: Bearer t\r\n"),
            "{wire}"
        );
        assert!(wire.ends_with("Content-Type: application/json\r\n\r\n{}"), "{wire}");
        assert!(Call::get("/readyz").encode().starts_with(b"GET /readyz "));
    }
}
