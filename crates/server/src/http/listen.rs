//! Connections: accepted up to a bound, watched while idle, and let finish when the server stops.

use super::reply::Reply;
use axum::http::Request;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

/// A connection without a whole request for this long is closed: it is idle, or sends its head drop by drop.
const IDLE: Duration = Duration::from_secs(75);
/// On a connection that is to close, the rest of a request's head may take this long.
const HEAD_TIME: Duration = Duration::from_secs(2);
/// After a failed accept (no more file descriptors) there is nothing better than to wait for some to be free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Bytes of a request's head; keys, tokens and ids need some hundreds.
const HEAD_MAX: usize = 16 * 1024;

/// Whatever answers requests.
pub trait Answer: Clone + Send + Sync + 'static {
    /// `peer` is where the connection comes from.
    fn answer(&self, request: Request<Incoming>, peer: IpAddr) -> impl Future<Output = Reply> + Send;
}

impl Answer for super::front::Front {
    async fn answer(&self, request: Request<Incoming>, peer: IpAddr) -> Reply {
        super::front::Front::answer(self, request, peer).await
    }
}

/// Accepts connections until `stop` turns true, then closes idle ones, answers what is in flight for at most `grace`,
/// and returns how many connections were cut off.
///
/// More than `connections_max` at once wait in the kernel's queue.
pub async fn serve<A: Answer>(
    listener: TcpListener,
    answer: A,
    connections_max: u32,
    grace: Duration,
    mut stop: watch::Receiver<bool>,
) -> u32 {
    let slots = Arc::new(Semaphore::new(connections_max as usize));
    let stopping = stop.clone();
    loop {
        let accepted = tokio::select! {
            biased;
            // A dropped sender stops the server too: nobody is left to do it.
            _ = stop.wait_for(|stop| *stop) => break,
            accepted = accept(&listener, &slots) => accepted,
        };
        let Some((stream, slot)) = accepted else { continue };
        let (answer, stopping) = (answer.clone(), stopping.clone());
        tokio::spawn(async move {
            connection(stream, answer, stopping).await;
            drop(slot);
        });
    }
    drop(listener);
    // Every slot back means that every connection has ended.
    let all_done = slots.acquire_many(connections_max);
    if tokio::time::timeout(grace, all_done).await.is_ok() {
        return 0;
    }
    connections_max.saturating_sub(u32::try_from(slots.available_permits()).unwrap_or(u32::MAX))
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let slot = slots.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, slot)),
        Err(error) => {
            tracing::warn!(%error, "no connection could be accepted");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

async fn connection<A: Answer>(stream: TcpStream, answer: A, mut stop: watch::Receiver<bool>) {
    // Answers are small and whole; waiting for more to send would only delay them. Failing costs nothing but that.
    let _slower = stream.set_nodelay(true);
    let peer = stream.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip());
    let requests = AtomicU64::new(0);
    let service = service_fn(|request| {
        requests.fetch_add(1, Ordering::Relaxed);
        let answer = &answer;
        let requests = &requests;
        async move {
            let reply = answer.answer(request, peer).await;
            requests.fetch_add(1, Ordering::Relaxed);
            Ok::<_, Infallible>(reply)
        }
    });
    let mut builder = http1::Builder::new();
    // An answer's body is copied behind its head, which for a kilobyte is cheaper than a vectored write.
    builder.max_buf_size(HEAD_MAX).writev(false);
    let mut serving = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service).with_upgrades());
    let ending = async {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => {}
            () = idle(&requests) => {}
        }
    };
    // Polled when it is woken only, not at each byte of the connection.
    let mut ending: FuturesUnordered<_> = std::iter::once(ending).collect();
    tokio::select! {
        biased;
        // Errors of a connection (reset, timed out, no HTTP) are its own end and nobody's failure.
        _ended = serving.as_mut() => return,
        _ = ending.next() => {}
    }
    // In flight is answered, idle closes at once.
    serving.as_mut().graceful_shutdown();
    tokio::select! {
        _ended = serving => {}
        () = unasked(&requests) => {}
    }
}

/// Returns when no request is being answered, [`HEAD_TIME`] from now or later: whoever has sent half a head by then is not
/// waited for. What is being answered is, as long as the server's grace allows; a body has a time of its own.
async fn unasked(requests: &AtomicU64) {
    loop {
        tokio::time::sleep(HEAD_TIME).await;
        if requests.load(Ordering::Relaxed).is_multiple_of(2) {
            return;
        }
    }
}

/// Returns when nothing was asked or answered for [`IDLE`] and nothing is being answered. One timer a connection
/// and minute instead of one a request.
async fn idle(requests: &AtomicU64) {
    let mut seen = u64::MAX;
    loop {
        tokio::time::sleep(IDLE).await;
        let now = requests.load(Ordering::Relaxed);
        // Counted at a request's start and at its end, so an even number is no request in flight.
        if now == seen && now.is_multiple_of(2) {
            return;
        }
        seen = now;
    }
}
