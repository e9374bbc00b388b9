//! Campaigns and shoppers for tests and benches, made over HTTP as a shop would.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::http::{Call, Client};
use crate::process::from_now;

/// The key that servers are started with in `KOI_BOOTSTRAP_KEY`: every scope, 24 characters or more.
pub const KEY: &str = "koi_sk_blackbox_00000000000000000000000000000000";
/// The environment variable that gives a server that key.
pub const KEY_VARIABLE: &str = "KOI_BOOTSTRAP_KEY";
/// The most rows that a page may hold.
const PAGE_ROWS: usize = 200;
/// No list in a test is longer; a cursor that goes in circles ends here.
const MAX_PAGES: usize = 50_000;

/// What a points prize of [`tight_campaign`] is worth, every time, so that points can be added up from outside.
pub const POINTS_PER_PRIZE: i64 = 7;
/// What a sign-in gives in [`tight_campaign`], every time.
pub const POINTS_PER_SIGN_IN: i64 = 3;

/// Sends a call that must be answered 2xx, and gives the body.
///
/// # Errors
/// Anything else, with status and body.
pub fn must(client: &mut Client, call: &Call<'_>) -> Result<Value> {
    let answer = client.send(call).with_context(|| format!("no answer to {call:?}"))?;
    if !answer.ok() {
        bail!("{call:?} was answered {}: {}", answer.status, answer.text());
    }
    Ok(answer.json())
}

/// A campaign with so little stock that overselling has every chance to show, and points that can be added up.
pub fn tight_campaign(stock_small: u32, stock_big: u32) -> Value {
    let small = (0..6).map(|i| {
        json!({"code": format!("small{i}"), "name": format!("小礼物{i}"), "kind": "goods", "category": format!("c{i}"),
               "value_cents": 1_000 + 100 * i, "cost_cents": 500, "stock": stock_small})
    });
    let mid = (0..4).map(|i| {
        json!({"code": format!("mid{i}"), "name": format!("中奖品{i}"), "kind": "goods", "category": format!("m{i}"),
               "value_cents": 10_000 + 1_000 * i, "cost_cents": 8_000, "stock": stock_small / 10})
    });
    let rest = [
        json!({"code": "big0", "name": "大奖", "kind": "goods", "category": "b", "value_cents": 100_000,
               "cost_cents": 90_000, "stock": stock_big}),
        json!({"code": "pts", "name": "积分", "kind": "points",
               "points": {"min": POINTS_PER_PRIZE, "max": POINTS_PER_PRIZE}}),
    ];
    json!({
        "name": "Blackbox", "starts_at": from_now(-60), "ends_at": from_now(86_400), "currency": "CNY",
        "prizes": small.chain(mid).chain(rest).collect::<Vec<_>>(),
        "tiers": [
            {"code": "small", "slots": 4, "weight": 6_000, "value_cents": {"min": 0, "max": 5_000}},
            {"code": "mid", "slots": 3, "weight": 900, "value_cents": {"min": 5_000, "max": 20_000}},
            {"code": "big", "slots": 1, "weight": 100, "value_cents": {"min": 20_000, "max": 200_000}},
            {"code": "points", "slots": 1, "weight": 3_000, "prizes": ["pts"]},
        ],
        "chances": {"sign_in": 1, "points_on_sign_in": {"min": POINTS_PER_SIGN_IN, "max": POINTS_PER_SIGN_IN}},
    })
}

/// The same shape with stock that never ends and every rule at work: limits set, none reached.
pub fn ample_campaign() -> Value {
    let mut body = tight_campaign(0, 0);
    if let Some(prizes) = body["prizes"].as_array_mut() {
        for prize in prizes.iter_mut().filter(|prize| prize["stock"].is_number()) {
            prize["stock"] = json!(1_000_000_000);
        }
    }
    body["limits"] = json!({"per_shopper": 1_000_000, "per_day": 1_000_000, "budget_cents": 1_000_000_000_000_000_i64});
    body
}

/// Creates and publishes a campaign and gives its id.
///
/// # Errors
/// When either is refused.
pub fn publish(client: &mut Client, body: &Value) -> Result<String> {
    let made = must(client, &Call::post("/campaigns", body).token(KEY))?;
    let id = made["id"].as_str().context("a campaign without an id")?.to_owned();
    let published = must(client, &Call::post(format!("/campaigns/{id}/publish"), &json!({})).token(KEY))?;
    if published["state"] != "live" {
        bail!("published inside its window, yet not live: {published}");
    }
    Ok(id)
}

/// Makes a shopper and gives a token of theirs.
///
/// # Errors
/// When the server refuses.
pub fn shopper(client: &mut Client, name: &str) -> Result<String> {
    must(client, &Call::put(format!("/shoppers/{name}"), &json!({"name": name})).token(KEY))?;
    let token =
        must(client, &Call::post(format!("/shoppers/{name}/tokens"), &json!({"ttl_seconds": 86_400})).token(KEY))?;
    Ok(token["token"].as_str().context("no token")?.to_owned())
}

/// Grants chances under a business key.
///
/// # Errors
/// When the server refuses.
pub fn grant(client: &mut Client, campaign: &str, shopper: &str, chances: u32, business_key: &str) -> Result<Value> {
    let body = json!({"shopper": shopper, "chances": chances, "business_key": business_key, "reason": "test"});
    must(client, &Call::post(format!("/campaigns/{campaign}/grants"), &body).token(KEY))
}

/// Makes `count` shoppers `PREFIX-0`, `PREFIX-1`, … with chances, over `threads` connections; gives (name, token) in order.
///
/// # Errors
/// The first refusal.
pub fn shoppers(
    address: SocketAddr,
    campaign: &str,
    prefix: &str,
    count: usize,
    chances: u32,
    threads: usize,
) -> Result<Vec<(String, String)>> {
    let make = |from: usize| -> Result<Vec<(usize, (String, String))>> {
        let mut client = Client::new(address).with_timeout(Duration::from_secs(60));
        let mut made = Vec::new();
        for number in (from..count).step_by(threads) {
            let name = format!("{prefix}-{number}");
            let token = shopper(&mut client, &name)?;
            if chances > 0 {
                grant(&mut client, campaign, &name, chances, &format!("first-{campaign}-{name}"))?;
            }
            made.push((number, (name, token)));
        }
        Ok(made)
    };
    let mut all = thread::scope(|scope| -> Result<Vec<_>> {
        let workers: Vec<_> = (0..threads).map(|from| scope.spawn(move || make(from))).collect();
        let mut all = Vec::with_capacity(count);
        for worker in workers {
            match worker.join() {
                Ok(made) => all.extend(made?),
                Err(_) => bail!("a thread that makes shoppers panicked"),
            }
        }
        Ok(all)
    })?;
    all.sort_by_key(|(number, _)| *number);
    Ok(all.into_iter().map(|(_, shopper)| shopper).collect())
}

/// Every row of a list.
///
/// # Errors
/// A refusal, or a cursor that never ends.
pub fn all_pages(client: &mut Client, path: &str, token: &str) -> Result<Vec<Value>> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    for _ in 0..MAX_PAGES {
        let page = must(client, &Call::get(format!("{path}?limit={PAGE_ROWS}{cursor}")).token(token))?;
        rows.extend(page["data"].as_array().context("a list without data")?.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(rows),
        }
    }
    bail!("{path} has more than {MAX_PAGES} pages")
}

/// The sum of a metric's samples on `/metrics` whose labels contain `label` (all of them for ""), or `None` without any.
pub fn metric(exposition: &str, name: &str, label: &str) -> Option<f64> {
    let samples = exposition.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        let (metric, labels) = series.split_once('{').unwrap_or((series, ""));
        (metric == name && labels.contains(label)).then(|| value.parse::<f64>().ok())?
    });
    samples.reduce(|sum, value| sum + value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_summed_over_their_labels() {
        let text = "# TYPE a counter\na{result=\"drawn\"} 3\na{result=\"refused\"} 4\nab 5\nb 1.5\n";
        for (name, label, expect) in [
            ("a", "", Some(7.0)),
            ("a", "result=\"drawn\"", Some(3.0)),
            ("b", "", Some(1.5)),
            ("c", "", None),
            ("b", "x", None),
        ] {
            assert_eq!(metric(text, name, label), expect, "{name} {label}");
        }
    }
}
