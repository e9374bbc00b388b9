//! What stands before the router: request ids, panics, timing, refused bodies; and the short way of a draw.
//!
//! A draw is asked for some ten thousand times a second, so it does not pass the router: its path is matched here, and
//! nothing of the router's boxes, layers and extensions is made for it. The router knows the same handler, so that the
//! two cannot differ in anything but speed.

use super::problem::Problem;
use super::reply::{Reply, ReplyBody};
use super::request_id::{self, RequestId};
use super::{App, body, cors, routes, timing};
use app::trace::{self, Parent, Span, SpanKind};
use axum::Router;
use axum::body::Body;
use axum::extract::MatchedPath;
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use bytes::Bytes;
use domain::ids::CampaignId;
use futures_util::FutureExt;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use std::cell::Cell;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;
use tower::ServiceExt;

/// Where a request's connection comes from.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

tokio::task_local! {
    /// The route that a traced request came to.
    static ROUTE: Cell<Option<MatchedPath>>;
}

/// Answers requests of connections.
#[derive(Clone)]
pub struct Front {
    app: App,
    router: Router,
}

impl Front {
    /// A front for all routes of `app`.
    pub fn new(app: App) -> Self {
        Front { router: routes::router(app.clone()), app }
    }

    /// The state behind.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Answers one request. Never fails and never panics: whatever goes wrong is a problem to the caller.
    pub async fn answer(&self, request: Request<Incoming>, peer: IpAddr) -> Reply {
        let id = RequestId::of(request.headers());
        let origin = self.app.edge.embed_origins.of(request.headers());
        if let Some(origin) = origin.clone().filter(|_| cors::is_question(request.method(), request.headers())) {
            return asked_first(origin, id);
        }
        let answered = if trace::is_on() {
            // Boxed, so that the way without traces keeps its size.
            Box::pin(self.traced(request, peer, &id)).await
        } else {
            AssertUnwindSafe(self.dispatch(request, peer, &id)).catch_unwind().await
        };
        let mut reply = answered.unwrap_or_else(|_panic| {
            tracing::error!(request_id = id.as_str(), "a handler panicked");
            Problem::internal().render(&id)
        });
        reply.headers_mut().insert(request_id::HEADER, id.into_header());
        if let Some(origin) = origin {
            cors::allow(origin, reply.headers_mut());
        }
        reply
    }

    /// Dispatches a request in a span of its own, which goes on with the caller's trace.
    async fn traced(&self, request: Request<Incoming>, peer: IpAddr, id: &RequestId) -> std::thread::Result<Reply> {
        let (method, draws) =
            (request.method().clone(), drawn_campaign(request.method(), request.uri().path()).is_some());
        let told = request.headers().get(trace::HEADER).and_then(|told| told.to_str().ok());
        let left_out = told.is_some_and(Parent::is_left_out);
        let span =
            (!left_out).then(|| Span::open("request", SpanKind::Server, told.and_then(Parent::read), &[])).flatten();
        let Some(mut span) = span else {
            return AssertUnwindSafe(self.dispatch(request, peer, id)).catch_unwind().await;
        };
        span.say("http.request.method", method.as_str());
        let work = trace::within(Some(span.parent()), self.dispatch(request, peer, id));
        let route = Cell::new(None);
        let (answered, route) = ROUTE
            .scope(route, async {
                let answered = AssertUnwindSafe(work).catch_unwind().await;
                (answered, ROUTE.with(Cell::take))
            })
            .await;
        // The pattern, never the path: a path may name a shopper.
        let unmatched = if draws { timing::DRAWS_ROUTE } else { "unmatched" };
        span.say("http.route", route.as_ref().map_or(unmatched, MatchedPath::as_str));
        span.say("koi.request_id", id.as_str());
        if let Ok(reply) = &answered {
            span.note(("http.response.status_code", reply.status().as_u16().into()));
        }
        if answered.as_ref().map_or(true, |reply| reply.status().is_server_error()) {
            span.fail("the request failed");
        }
        answered
    }

    async fn dispatch(&self, request: Request<Incoming>, peer: IpAddr, id: &RequestId) -> Reply {
        let started = Instant::now();
        match drawn_campaign(request.method(), request.uri().path()) {
            Some(campaign) => {
                let reply = self.draw(campaign, request, id).await;
                timing::record_draw(reply.status(), started.elapsed());
                reply
            }
            None => self.route(request, peer, id, started).await,
        }
    }

    async fn draw(&self, campaign: CampaignId, request: Request<Incoming>, id: &RequestId) -> Reply {
        let (parts, mut body) = request.into_parts();
        match routes::draws::draw(&self.app, campaign, &parts.headers, &mut body).await {
            Ok(answer) => super::reply::answer(answer),
            Err(problem) => {
                body::drain(&self.app, &parts.headers, &mut body).await;
                report(&problem, id, timing::DRAWS_ROUTE);
                problem.render(id)
            }
        }
    }

    async fn route(&self, request: Request<Incoming>, peer: IpAddr, id: &RequestId, started: Instant) -> Reply {
        let method = request.method().clone();
        let (mut request, lent) = lend(request);
        request.extensions_mut().insert(id.clone());
        request.extensions_mut().insert(Peer(peer));
        let headers = request.headers().clone();
        let Ok(mut response) = self.router.clone().oneshot(request).await;
        if let Some(lent) = lent {
            lent.drain(&self.app, &headers).await;
        }
        let matched = response.extensions_mut().remove::<MatchedPath>();
        if let Some(matched) = matched.clone().filter(|_| trace::is_on()) {
            _ = ROUTE.try_with(|route| route.set(Some(matched)));
        }
        let route = matched.as_ref().map(MatchedPath::as_str);
        timing::record(&method, route, response.status(), started.elapsed());
        let problem = match response.extensions_mut().remove::<Problem>() {
            Some(problem) => problem,
            // The page of the documentation refuses in its own way.
            None if response.status().is_client_error() => Problem::no_route(),
            None if response.status().is_server_error() => Problem::internal(),
            None => return response.map(ReplyBody::Routed),
        };
        report(&problem, id, route.unwrap_or("unmatched"));
        let mut reply = problem.render(id);
        // What the router knows beside the problem: `Allow` of a wrong method.
        if let Some(allow) = response.headers_mut().remove(axum::http::header::ALLOW) {
            reply.headers_mut().insert(axum::http::header::ALLOW, allow);
        }
        reply
    }
}

/// Tells a page of another origin what it may ask for.
fn asked_first(origin: HeaderValue, id: RequestId) -> Reply {
    let mut reply = Reply::new(Bytes::new().into());
    *reply.status_mut() = StatusCode::NO_CONTENT;
    cors::allow(origin, reply.headers_mut());
    cors::answer_question(reply.headers_mut());
    reply.headers_mut().insert(request_id::HEADER, id.into_header());
    reply
}

/// Logs a failure once, here where it is handled. Refusals are the caller's business and only seen at debug level.
fn report(problem: &Problem, id: &RequestId, route: &str) {
    let (request_id, code, status) = (id.as_str(), problem.code, problem.status.as_u16());
    if problem.status.is_server_error() {
        tracing::warn!(request_id, code, status, route, detail = %problem.detail, "request failed");
    } else {
        tracing::debug!(request_id, code, status, route, "request refused");
    }
}

/// The campaign of `POST /api/v1/campaigns/{id}/draws`; anything else, also a malformed id, goes through the router.
fn drawn_campaign(method: &Method, path: &str) -> Option<CampaignId> {
    let id = path.strip_prefix("/api/v1/campaigns/")?.strip_suffix("/draws")?;
    if *method == Method::POST { id.parse().ok() } else { None }
}

/// A request body that can be had back: handlers that refuse before reading leave it behind.
#[derive(Clone)]
struct Lent(Arc<Mutex<Incoming>>);

/// The request for the router, with its body lent where it has one.
fn lend(request: Request<Incoming>) -> (Request<Body>, Option<Lent>) {
    let (parts, incoming) = request.into_parts();
    if http_body::Body::is_end_stream(&incoming) {
        return (Request::from_parts(parts, Body::empty()), None);
    }
    let lent = Lent(Arc::new(Mutex::new(incoming)));
    (Request::from_parts(parts, Body::new(lent.clone())), Some(lent))
}

impl Lent {
    async fn drain(self, app: &App, headers: &HeaderMap) {
        // The router has answered and dropped its end, so this is the only one.
        if let Some(incoming) = Arc::into_inner(self.0) {
            let mut incoming = incoming.into_inner().unwrap_or_else(PoisonError::into_inner);
            body::drain(app, headers, &mut incoming).await;
        }
    }
}

impl http_body::Body for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_draws_take_the_short_way() {
        for (method, path, want) in [
            (Method::POST, "/api/v1/campaigns/123/draws", Some(CampaignId(123))),
            (Method::GET, "/api/v1/campaigns/123/draws", None),
            (Method::POST, "/api/v1/campaigns/123/draws/", None),
            (Method::POST, "/api/v1/campaigns//draws", None),
            (Method::POST, "/api/v1/campaigns/draws", None),
            (Method::POST, "/api/v1/campaigns/x/draws", None),
            (Method::POST, "/api/v1/campaigns/1/2/draws", None),
            (Method::POST, "/api/v1/campaigns/123/grants", None),
        ] {
            assert_eq!(drawn_campaign(&method, path), want, "{method} {path}");
        }
    }
}
