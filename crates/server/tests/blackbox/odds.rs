//! The odds in `me` are the odds that are used.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use xtask::fixture::{ample_campaign, must, shoppers};
use xtask::http::Call;

use super::harness::{Koi, draw, print_counters, unique};

const SHOPPERS: usize = 40;
const REQUESTS_PER_SHOPPER: usize = 50;
const DRAWS_PER_REQUEST: usize = 10;

/// The value that chi-square with so many degrees of freedom exceeds with probability 0.001 (Wilson and Hilferty 1931).
fn critical(degrees: usize) -> f64 {
    let (k, z) = (degrees as f64, 3.090_232);
    k * (1.0 - 2.0 / (9.0 * k) + z * (2.0 / (9.0 * k)).sqrt()).powi(3)
}

/// Probability of each slot by index, as `me` has them.
fn published(me: &Value) -> BTreeMap<u64, f64> {
    let slots = me["strategy"]["slots"].as_array().expect("slots");
    let probability = |slot: &Value| {
        let text = slot["probability"].as_str().expect("a probability is a decimal string");
        assert_eq!(text.split_once('.').expect("a decimal point").1.len(), 6, "rounded to 6 decimals: {text}");
        text.parse::<f64>().expect("a number")
    };
    slots.iter().map(|slot| (slot["index"].as_u64().expect("an index"), probability(slot))).collect()
}

#[test]
fn odds_by_http() {
    let koi = Koi::start("odds");
    let campaign = koi.publish(&ample_campaign());
    let chances = (REQUESTS_PER_SHOPPER * DRAWS_PER_REQUEST) as u32;
    let made = shoppers(koi.server.address, &campaign, "odds", SHOPPERS, chances, 8).expect("shoppers");
    let odds = published(&koi.me(&campaign, &made[0].1));
    assert_eq!(odds.len(), 9);
    assert!((odds.values().sum::<f64>() - 1.0).abs() < 1e-5, "{odds:?}");
    let mut hits: BTreeMap<u64, u64> = BTreeMap::new();
    std::thread::scope(|scope| {
        let workers: Vec<_> = made
            .chunks(made.len() / 8)
            .map(|part| {
                let (campaign, mut client, odds) = (&campaign, koi.client(), &odds);
                scope.spawn(move || {
                    let mut slots = Vec::new();
                    for (_, token) in part {
                        let me = must(&mut client, &Call::get(format!("/campaigns/{campaign}/me")).token(token))
                            .expect("me");
                        assert_eq!(&published(&me), odds, "every shopper has the same odds");
                        for _ in 0..REQUESTS_PER_SHOPPER {
                            let (key, body) = (unique("odds"), json!({"count": DRAWS_PER_REQUEST}));
                            let call = Call::post(format!("/campaigns/{campaign}/draws"), &body).token(token).key(&key);
                            let drawn = must(&mut client, &call).expect("draws");
                            slots.extend(drawn["draws"].as_array().expect("draws").iter().map(|d| d["slot"].as_u64()));
                        }
                    }
                    slots
                })
            })
            .collect();
        for slot in workers.into_iter().flat_map(|worker| worker.join().expect("draws")) {
            *hits.entry(slot.expect("with ample stock a draw has a slot")).or_insert(0) += 1;
        }
    });
    let total: u64 = hits.values().sum();
    assert_eq!(total as usize, SHOPPERS * REQUESTS_PER_SHOPPER * DRAWS_PER_REQUEST);
    let chi_square: f64 = odds
        .iter()
        .map(|(slot, probability)| {
            let (want, got) = (probability * total as f64, hits.get(slot).copied().unwrap_or(0) as f64);
            (got - want).powi(2) / want
        })
        .sum();
    let bound = critical(odds.len() - 1);
    print_counters(
        "odds",
        &json!({"draws": total, "slots": odds.len(), "chi_square": chi_square, "critical_0.001": bound}),
    );
    assert!(chi_square < bound, "chi-square {chi_square:.1} >= {bound:.1}: {hits:?} against {odds:?}");
}

#[test]
fn me_shows_the_pool_of_the_next_draw() {
    let koi = Koi::start("odds-pools");
    let mut body = ample_campaign();
    body["pools"] = json!([
        {"code": "late", "when": "n >= 4", "tiers": ["small", "mid", "big", "points"]},
        {"code": "start", "tiers": ["small", "points"]},
    ]);
    body["tiers"][1]["unlock_after"] = json!(5);
    let campaign = koi.publish(&body);
    let token = koi.shopper(&campaign, "ada", 10);
    let tier_odds = || {
        let me = koi.me(&campaign, &token);
        let mut odds: BTreeMap<String, f64> = BTreeMap::new();
        for slot in me["strategy"]["slots"].as_array().expect("slots") {
            let tier = slot["tier"].as_str().expect("a tier").to_owned();
            *odds.entry(tier).or_insert(0.0) +=
                slot["probability"].as_str().expect("decimal").parse::<f64>().expect("number");
        }
        let mid = me["strategy"]["slots"]
            .as_array()
            .expect("slots")
            .iter()
            .find(|s| s["tier"] == "mid")
            .expect("mid")
            .clone();
        (odds, mid["unlocked"].as_bool().expect("unlocked"))
    };
    for n in 1..=7 {
        let weights: &[(&str, f64)] = match n {
            ..4 => &[("small", 6_000.0), ("points", 3_000.0)],
            _ => &[("small", 6_000.0), ("mid", 900.0), ("big", 100.0), ("points", 3_000.0)],
        };
        let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
        let (odds, unlocked) = tier_odds();
        for tier in ["small", "mid", "big", "points"] {
            let want = weights.iter().find(|(code, _)| *code == tier).map_or(0.0, |(_, weight)| weight / total);
            let got = odds.get(tier).copied().unwrap_or(0.0);
            assert!((got - want).abs() < 1e-5, "draw {n}, tier {tier}: published {got}, want {want}");
        }
        assert_eq!(unlocked, n > 5, "unlocked from the draw after the 5th; this is draw {n}");
        let drawn = koi.send(&draw(&campaign, &token, &unique("pool"))).json();
        assert_eq!(
            (drawn["n"].as_u64(), drawn["pool"].as_str()),
            (Some(n), Some(if n < 4 { "start" } else { "late" }))
        );
    }
}
