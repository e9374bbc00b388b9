//! How long requests took: `koi_http_request_seconds` by method, route and class of status.

use axum::http::{Method, StatusCode};
use metrics::Histogram;
use std::sync::LazyLock;
use std::time::Duration;

/// The histogram's name.
pub const REQUEST_SECONDS: &str = "koi_http_request_seconds";

/// The route of draws, which take a way of their own.
pub const DRAWS_ROUTE: &str = "/api/v1/campaigns/{id}/draws";

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The draw route's histograms, resolved once: recording takes no look-up and no lock.
static DRAWS: LazyLock<[Histogram; 5]> =
    LazyLock::new(|| CLASSES.map(|class| histogram("POST", DRAWS_ROUTE.to_owned(), class)));

/// Records a draw request.
pub fn record_draw(status: StatusCode, took: Duration) {
    DRAWS[class_of(status)].record(took.as_secs_f64());
}

/// Records any other request. `route` is the pattern, never the path: labels stay few.
pub fn record(method: &Method, route: Option<&str>, status: StatusCode, took: Duration) {
    let route = route.unwrap_or("unmatched").to_owned();
    histogram(method_label(method), route, CLASSES[class_of(status)]).record(took.as_secs_f64());
}

fn histogram(method: &'static str, route: String, class: &'static str) -> Histogram {
    metrics::histogram!(REQUEST_SECONDS, "method" => method, "route" => route, "status" => class)
}

fn class_of(status: StatusCode) -> usize {
    usize::from(status.as_u16() / 100).clamp(1, 5) - 1
}

fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        _ => "OTHER",
    }
}
