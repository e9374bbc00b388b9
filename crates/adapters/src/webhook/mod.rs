//! Carries messages to the shop: one connection per attempt over hyper, with rustls where the URL says https.
//!
//! A connection is not kept: which address a name resolves to is looked at for every attempt, and the connection goes to
//! the very address that was looked at, so a name that changes in between reaches nothing else. Redirects are not followed.

mod address;
mod sign;

use app::ports::{Fulfilment, Letter, Undelivered};
use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use hyper::rt::{Read, Write};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 4;
/// Bytes of an answer that are read; only its status counts.
const ANSWER_BYTES: usize = 64 * 1024;
/// Of the whole time, the part that connecting may take.
const CONNECT_SHARE: u32 = 3;

/// The carrier.
pub struct Webhooks {
    tls: TlsConnector,
    timeout: Duration,
    private: bool,
}

/// The machine's TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("TLS cannot be set up for webhooks: {0}")]
pub struct NoTls(#[from] rustls::Error);

fn undelivered(why: &str) -> Undelivered {
    Undelivered(why.to_owned())
}

impl Webhooks {
    /// A carrier that gives up an attempt after `timeout` and reaches private addresses only where `private` says so.
    ///
    /// # Errors
    /// [`NoTls`].
    pub fn new(timeout: Duration, private: bool) -> Result<Self, NoTls> {
        let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { tls: TlsConnector::from(Arc::new(config)), timeout, private })
    }

    async fn attempt(&self, letter: Letter<'_>) -> Result<(), Undelivered> {
        let url = address::check_url(letter.url, self.private).map_err(|_| undelivered("url_refused"))?;
        let stream = tokio::time::timeout(self.timeout / CONNECT_SHARE, self.connect(&url));
        let stream = stream.await.map_err(|_| undelivered("connect_timeout"))??;
        let request = request(&url, letter)?;
        let status = if url.scheme() == "https" {
            let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
            let name = ServerName::try_from(host).map_err(|_| undelivered("url_refused"))?;
            let stream = self.tls.connect(name, stream).await.map_err(|_| undelivered("tls_failed"))?;
            exchange(TokioIo::new(stream), request).await?
        } else {
            exchange(TokioIo::new(stream), request).await?
        };
        if status.is_success() { Ok(()) } else { Err(Undelivered(format!("status_{}", status.as_u16()))) }
    }

    async fn connect(&self, url: &Url) -> Result<TcpStream, Undelivered> {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let port = url.port_or_known_default().unwrap_or(443);
        let found = tokio::net::lookup_host((host, port)).await.map_err(|_| undelivered("name_unknown"))?;
        let found: Vec<SocketAddr> = found.take(ADDRESSES_MAX).collect();
        let mut last = if found.is_empty() { "name_unknown" } else { "address_refused" };
        for address in found.into_iter().filter(|a| address::allowed(a.ip(), self.private)) {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    // A message is one write; waiting for more only delays it. Without the option it is merely slower.
                    _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Err(_) => last = "connect_failed",
            }
        }
        Err(undelivered(last))
    }
}

fn request(url: &Url, letter: Letter<'_>) -> Result<Request<Full<Bytes>>, Undelivered> {
    let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let host = url.host_str().unwrap_or_default();
    let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    Request::post(path)
        .header(HOST, host)
        .header(USER_AGENT, concat!("koi/", env!("CARGO_PKG_VERSION")))
        .header(CONTENT_TYPE, "application/json")
        .header("webhook-id", letter.id)
        .header("webhook-timestamp", letter.at_s.to_string())
        .header("webhook-signature", sign::signatures(letter.secrets, letter.id, letter.at_s, letter.body))
        .body(Full::new(Bytes::copy_from_slice(letter.body)))
        .map_err(|_| undelivered("url_refused"))
}

/// Sends one request and reads its answer to the end, within the bound of what is read.
async fn exchange<S>(io: S, request: Request<Full<Bytes>>) -> Result<StatusCode, Undelivered>
where
    S: Read + Write + Unpin + Send + 'static,
{
    let broken = |_| undelivered("connection_broken");
    let (mut sender, connection) = http1::handshake(io).await.map_err(broken)?;
    let exchange = async {
        let answer = sender.send_request(request).await.map_err(broken)?;
        let status = answer.status();
        // A receiver that sends more than that, or breaks off behind its status, has answered all the same.
        _ = Limited::new(answer.into_body(), ANSWER_BYTES).collect().await;
        Ok(status)
    };
    // The connection only makes progress while it is polled; it lives and dies with the exchange.
    tokio::pin!(connection, exchange);
    tokio::select! {
        status = &mut exchange => status,
        _ = &mut connection => exchange.await,
    }
}

#[async_trait]
impl Fulfilment for Webhooks {
    async fn hand_over(&self, letter: Letter<'_>) -> Result<(), Undelivered> {
        tokio::time::timeout(self.timeout, self.attempt(letter)).await.unwrap_or_else(|_| Err(undelivered("timeout")))
    }

    fn check_url(&self, url: &str) -> Result<(), &'static str> {
        address::check_url(url, self.private).map(|_| ())
    }
}
