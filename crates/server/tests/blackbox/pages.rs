//! The web pages and who may call from elsewhere. What is in the pages is tested in a browser, from `web/tests`; this holds
//! also where they were not built.

use xtask::fixture::KEY;
use xtask::http::Call;

use super::harness::{Koi, assert_problem};

const SHOP: &str = "https://shop.example";

#[test]
fn pages_come_with_their_policy_and_nothing_else_is_a_page() {
    let koi = Koi::start("pages");
    for (path, framed_by) in [
        ("/c/1", "frame-ancestors 'self'"),
        ("/c/1/awards", "frame-ancestors 'self'"),
        ("/console", "frame-ancestors 'none'"),
        ("/console/campaigns/1", "frame-ancestors 'none'"),
    ] {
        let page = koi.send(&Call::get(path));
        assert_eq!(page.status, 200, "{path}");
        assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")), "{path}");
        let policy = page.header("content-security-policy").unwrap_or_default().to_owned();
        assert!(policy.contains("script-src 'self';") && policy.contains(framed_by), "{path}: {policy}");
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"), "{path}");
    }
    for path in
        ["/assets/none.js", "/assets/../Cargo.toml", "/assets/%2e%2e/%2e%2e/Cargo.toml", "/embed/.gitignore", "/c/"]
    {
        assert_problem(path, &koi.send(&Call::get(path)), 404, "not_found");
    }
    assert_problem("a page takes no POST", &koi.send(&Call::new("POST", "/console/")), 405, "method_not_allowed");
}

#[test]
fn the_documentation_is_at_its_path_with_and_without_a_slash() {
    let koi = Koi::start("pages-docs");
    let page = |path: &str| {
        let page = koi.send(&Call::get(path));
        assert_eq!(page.status, 200, "{path}");
        assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")), "{path}");
        page.text().into_owned()
    };
    let (bare, slashed) = (page("/docs"), page("/docs/"));
    assert_eq!(bare.replacen("<base href=\"/docs/\">", "", 1), slashed, "the same page");
    assert_ne!(bare, slashed, "and where its parts are");
    let script = slashed.split("src=\"./").nth(1).and_then(|rest| rest.split('"').next()).expect("a script");
    assert_eq!(koi.send(&Call::get(format!("/docs/{script}"))).status, 200, "{script}");
    for path in ["/docs", "/docs/", "/openapi.json"] {
        assert_problem(path, &koi.send(&Call::new("POST", path)), 405, "method_not_allowed");
    }
    assert_problem("none of its files", &koi.send(&Call::get("/docs/none.js")), 404, "not_found");
}

#[test]
fn pages_of_named_origins_may_call_and_no_others() {
    let mut koi = Koi::start("pages-origins");
    koi.restart_with(&[("KOI__SHOPPERS__EMBED_ORIGINS", &format!("[\"{SHOP}\"]"))]);
    let from = |origin: &'static str| Call::get("/campaigns").token(KEY).header("Origin", origin);
    for (origin, want) in [(SHOP, true), ("https://evil.example", false), ("null", false)] {
        let answer = koi.send(&from(origin));
        assert_eq!(answer.status, 200, "{origin}");
        assert_eq!(answer.header("access-control-allow-origin"), want.then_some(origin), "{origin}");
        assert_eq!(answer.header("access-control-allow-credentials"), None, "{origin}");
    }
    let question = |origin: &'static str| {
        let call = Call::new("OPTIONS", "/campaigns/1/draws").header("Origin", origin);
        koi.send(&call.header("Access-Control-Request-Method", "POST"))
    };
    let allowed = question(SHOP);
    assert_eq!(allowed.status, 204);
    assert!(allowed.header("access-control-allow-headers").is_some_and(|headers| headers.contains("idempotency-key")));
    assert_ne!(question("https://evil.example").status, 204);
    // A refusal of the short way of a draw can be read too.
    let refused = koi.send(&Call::new("POST", "/campaigns/1/draws").header("Origin", SHOP));
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (401, Some(SHOP)));
}
