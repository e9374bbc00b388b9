//! The demo's campaign: prizes of the catalogue in four tiers, and points.

use serde_json::{Value, json};

use super::catalogue::{KINDS, Kind, Product};
use super::{DAY_MS, rfc3339};

const CAMPAIGN_DAYS: i64 = 30;

/// One price band of the wheel. The four together with points have 8 slots, the ring around the button of a nine-grid.
struct Band {
    code: &'static str,
    /// Ends the name of a set of products.
    word: &'static str,
    /// Minor units, `min` inclusive, `max` exclusive.
    min: i64,
    max: i64,
    slots: u32,
    weight: u32,
    unlock_after: u32,
    stock_per_1000_shoppers: usize,
}

#[rustfmt::skip]
const BANDS: [Band; 4] = [
    Band { code: "small", word: "好礼", min: 0, max: 5_000, slots: 3, weight: 6_000, unlock_after: 0, stock_per_1000_shoppers: 1_500 },
    Band { code: "medium", word: "优选", min: 5_000, max: 20_000, slots: 2, weight: 1_500, unlock_after: 0, stock_per_1000_shoppers: 200 },
    Band { code: "large", word: "礼盒", min: 20_000, max: 60_000, slots: 1, weight: 200, unlock_after: 0, stock_per_1000_shoppers: 20 },
    Band { code: "grand", word: "年度大礼", min: 60_000, max: 500_000, slots: 1, weight: 20, unlock_after: 10, stock_per_1000_shoppers: 2 },
];

/// A whole campaign: each category gives a prize to each tier, so that every taste finds something everywhere.
pub fn body(products: &[Product], shoppers: usize, today_ms: i64) -> Value {
    let per_kind = products.len() / KINDS.len();
    let mut prizes = Vec::new();
    for band in &BANDS {
        let stock = (band.stock_per_1000_shoppers * shoppers / 1_000).max(1);
        for (kind, products) in KINDS.iter().zip(products.chunks(per_kind)) {
            prizes.push(prize(band, kind, products, stock));
        }
    }
    prizes.push(json!({"code": "points_few", "name": "幸运积分", "kind": "points", "points": {"min": 5, "max": 50}}));
    prizes
        .push(json!({"code": "points_many", "name": "锦鲤积分", "kind": "points", "points": {"min": 50, "max": 200}}));
    let tier = |band: &Band| {
        let value_cents = json!({"min": band.min, "max": band.max});
        let mut tier =
            json!({"code": band.code, "slots": band.slots, "weight": band.weight, "value_cents": value_cents});
        if band.unlock_after > 0 {
            tier["unlock_after"] = json!(band.unlock_after);
        }
        tier
    };
    let mut tiers: Vec<Value> = BANDS.iter().map(tier).collect();
    tiers.push(json!({"code": "points", "slots": 1, "weight": 2_280, "prizes": ["points_few", "points_many"]}));
    json!({
        "name": "锦鲤好运季",
        "starts_at": rfc3339(today_ms), "ends_at": rfc3339(today_ms + CAMPAIGN_DAYS * DAY_MS),
        "currency": "CNY", "time_zone": "Asia/Shanghai",
        "prizes": prizes,
        "tiers": tiers,
        "pools": [{"code": "all", "when": "n >= 5", "tiers": ["small", "medium", "large", "grand", "points"]},
                  {"code": "start", "tiers": ["small", "medium", "points"]}],
        "flow": "THEN(blacklist, window, limits, pool, draw, unlock, stock, IF(sold_out, fallback))",
        "limits": {"per_shopper": 200, "per_day": 50, "budget_cents": 20_000_000 + 10_000 * shoppers as i64},
        "chances": {"sign_in": 1, "per_purchase_cents": 10_000, "points_price": 50, "paid_price_cents": 100,
                    "points_on_sign_in": {"min": 1, "max": 10}, "points_on_purchase": {"min": 1, "max": 50}},
    })
}

/// A category's prize in one band: its most popular product there, else a set of its best sellers.
fn prize(band: &Band, kind: &Kind, products: &[Product], stock: usize) -> Value {
    let (name, skus, value_cents) = match products.iter().find(|p| (band.min..band.max).contains(&p.price_cents)) {
        Some(product) => (product.name.clone(), vec![product.sku.as_str()], product.price_cents),
        None => {
            let best = &products[..products.len().min(3)];
            let sum: i64 = best.iter().map(|p| p.price_cents).sum();
            let skus = best.iter().map(|p| p.sku.as_str()).collect();
            (format!("{}{}", kind.name, band.word), skus, sum.clamp(band.min + band.min / 5 + 990, band.max - 10))
        }
    };
    json!({"code": format!("{}_{}", band.code, kind.code), "name": name, "kind": "goods", "category": kind.code,
           "skus": skus, "value_cents": value_cents, "cost_cents": value_cents * 45 / 100, "stock": stock})
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::catalogue::catalogue;
    use super::super::random::Random;
    use super::*;

    #[test]
    fn the_campaign_comes_from_the_catalogue() {
        for seed in 0..20 {
            let products = catalogue(&mut Random::new(seed));
            let skus: BTreeSet<&str> = products.iter().map(|p| p.sku.as_str()).collect();
            assert_eq!(skus.len(), products.len());
            let body = super::body(&products, 3_000, 1_767_225_600_000);
            let prizes = body["prizes"].as_array().expect("prizes");
            let codes: BTreeSet<&str> = prizes.iter().filter_map(|p| p["code"].as_str()).collect();
            assert_eq!(codes.len(), prizes.len(), "codes are unique");
            for tier in body["tiers"].as_array().expect("tiers").iter().take(BANDS.len()) {
                let band = tier["value_cents"]["min"].as_i64()..tier["value_cents"]["max"].as_i64();
                let inside =
                    prizes.iter().filter(|p| p["kind"] == "goods" && band.contains(&p["value_cents"].as_i64()));
                assert_eq!(inside.count(), KINDS.len(), "each category gives {} a prize", tier["code"]);
            }
            for prize in prizes.iter().filter(|p| p["kind"] == "goods") {
                let of_prize = prize["skus"].as_array().expect("skus");
                assert!(
                    !of_prize.is_empty() && of_prize.iter().all(|s| skus.contains(s.as_str().unwrap_or(""))),
                    "{prize}"
                );
                assert!(
                    prize["cost_cents"].as_i64() < prize["value_cents"].as_i64() && prize["stock"].as_u64() > Some(0),
                    "{prize}"
                );
            }
        }
    }
}
