//! Where other nodes come to: one route, `POST /forward/{partition}/{request}`, for whoever knows the secret.

use super::peers::{ALIVE, ALIVE_WITHIN, SECRET, WINDOW, WINDOWS};
use app::koi::Koi;
use app::ports::Parcel;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use sha2::{Digest, Sha256};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Connections at once, one of each node; more wait in the kernel's queue.
const CONNECTIONS: usize = 1_024;
/// Requests under way of one connection; more wait at their sender.
const STREAMS: u32 = 4_096;
/// Bytes of a request: a thousand behaviours of one shopper.
const PARCEL_BYTES: usize = 16 << 20;
/// After a failed accept there is nothing better than to wait for a free descriptor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Answers other nodes until the task is dropped.
pub(super) async fn serve(listener: TcpListener, koi: Koi, secret: String) {
    let (slots, secret) = (Arc::new(Semaphore::new(CONNECTIONS)), Arc::new(digest(secret.as_bytes())));
    loop {
        let Ok(slot) = slots.clone().acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "no node could be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        _ = stream.set_nodelay(true);
        let (koi, secret) = (koi.clone(), secret.clone());
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let (koi, secret) = (koi.clone(), secret.clone());
                async move { Ok::<_, Infallible>(answer(&koi, &secret, request).await) }
            });
            // A connection's end is its own.
            let mut builder = http2::Builder::new(TokioExecutor::new());
            builder.timer(TokioTimer::new()).keep_alive_interval(ALIVE).keep_alive_timeout(ALIVE_WITHIN);
            builder.max_concurrent_streams(STREAMS);
            builder.initial_stream_window_size(WINDOW).initial_connection_window_size(WINDOWS);
            _ = builder.serve_connection(TokioIo::new(stream), service).await;
            drop(slot);
        });
    }
}

/// Digests are compared instead of secrets: how long that takes says nothing of them.
fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

async fn answer(koi: &Koi, secret: &[u8; 32], request: Request<Incoming>) -> Response<Full<Bytes>> {
    let known = request.headers().get(SECRET).is_some_and(|given| digest(given.as_bytes()) == *secret);
    if !known {
        return status(StatusCode::UNAUTHORIZED);
    }
    let place = place(request.uri().path());
    let (Method::POST, Some((part, number))) = (request.method().clone(), place) else {
        return status(StatusCode::NOT_FOUND);
    };
    let told = request.headers().get(app::trace::HEADER).and_then(|told| told.to_str().ok());
    let trace = told.and_then(app::trace::Parent::read);
    let Ok(body) = Limited::new(request.into_body(), PARCEL_BYTES).collect().await else {
        return status(StatusCode::PAYLOAD_TOO_LARGE);
    };
    let parcel = Parcel { part, request: number, body: body.to_bytes() };
    Response::new(Full::new(app::trace::within(trace, koi.serve_forwarded(parcel)).await))
}

fn place(path: &str) -> Option<(u8, u64)> {
    let (part, request) = path.strip_prefix("/forward/")?.split_once('/')?;
    Some((part.parse().ok()?, request.parse().ok()?))
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read() {
        for (path, expect) in [
            ("/forward/63/18446744073709551615", Some((63, u64::MAX))),
            ("/forward/256/1", None),
            ("/forward/1", None),
            ("/forward/1/2/3", None),
            ("/draws/1/2", None),
        ] {
            assert_eq!(place(path), expect, "{path}");
        }
    }
}
