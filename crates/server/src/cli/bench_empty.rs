//! `koi bench-empty`: what a draw is compared with. The same connections and settings as the real server, an axum
//! router with one handler that reads the body and answers as many bytes as a draw does.

use super::{Failure, runtime, say};
use crate::http::listen::{self, Answer};
use crate::http::reply::{JSON, Reply, ReplyBody};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::post;
use bytes::Bytes;
use hyper::body::Incoming;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tower::ServiceExt;

/// Bytes of an ordinary draw's answer with its receipt.
const ANSWER_LEN: usize = 900;
const CONNECTIONS_MAX: u32 = 4_096;

#[derive(clap::Args)]
pub struct Args {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    listen: SocketAddr,
}

#[derive(Clone)]
struct Empty(Router);

impl Answer for Empty {
    async fn answer(&self, request: Request<Incoming>, _peer: std::net::IpAddr) -> Reply {
        let Ok(response) = self.0.clone().oneshot(request.map(Body::new)).await;
        response.map(ReplyBody::Routed)
    }
}

async fn answer_nothing(_body: Bytes) -> impl IntoResponse {
    static ANSWER: [u8; ANSWER_LEN] = [b' '; ANSWER_LEN];
    (StatusCode::CREATED, [(header::CONTENT_TYPE, JSON)], Bytes::from_static(&ANSWER))
}

pub fn run(args: &Args) -> Result<(), Failure> {
    runtime()?.block_on(async {
        let listener = TcpListener::bind(args.listen).await.map_err(Failure::work)?;
        let address = listener.local_addr().map_err(Failure::work)?;
        let (stop, stopped) = watch::channel(false);
        let mut terminate = signal(SignalKind::terminate()).map_err(Failure::work)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::work)?;
        say(&format!("koi listens on http://{address}"))?;
        let routes = Router::new().route("/{*any}", post(answer_nothing));
        let serving =
            tokio::spawn(listen::serve(listener, Empty(routes), CONNECTIONS_MAX, Duration::from_secs(1), stopped));
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        // The receiver is held by `serving`.
        let _gone = stop.send(true);
        serving.await.map(drop).map_err(Failure::work)
    })
}
