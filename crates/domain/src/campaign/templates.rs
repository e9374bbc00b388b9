//! Built-in templates: whole campaigns to start from. Each one, given a name and a window, can be published as it is.

use serde_json::{Value, json};

/// A built-in template.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// Stable word.
    pub code: &'static str,
    /// In Chinese and English.
    pub name: [&'static str; 2],
    /// What it is for, in one English sentence.
    pub description: &'static str,
    /// The body of `POST /campaigns` without name and window.
    pub campaign: Value,
}

/// All templates, the most usual first.
pub fn all() -> Vec<Template> {
    vec![wheel(), nine_grid(), calendar(), counted()]
}

const CLAIM: &str = "Within 30 days after winning, among your awards.";

fn goods(code: &str, name: &str, value_cents: i64, cost_cents: i64, stock: u64) -> Value {
    json!({"code": code, "name": name, "kind": "goods", "value_cents": value_cents, "cost_cents": cost_cents, "stock": stock})
}

fn coupon(code: &str, name: &str, value_cents: i64, stock: u64) -> Value {
    json!({"code": code, "name": name, "kind": "coupon", "value_cents": value_cents, "cost_cents": value_cents / 2, "stock": stock})
}

fn points(min: i64, max: i64) -> Value {
    json!({"code": "points", "name": "Points", "kind": "points", "points": {"min": min, "max": max}})
}

fn wheel() -> Template {
    Template {
        code: "wheel",
        name: ["幸运大转盘", "Lucky wheel"],
        description: "A wheel of eight places: a first prize, coupons, and points as the common case; a chance a day and one per 100.00 spent.",
        campaign: json!({
            "prizes": [goods("first", "First prize", 29_900, 18_000, 10), coupon("c20", "20.00 off", 2_000, 500), coupon("c5", "5.00 off", 500, 5_000), points(5, 50)],
            "tiers": [
                {"code": "first", "slots": 1, "weight": 10, "prizes": ["first"]},
                {"code": "second", "slots": 1, "weight": 490, "prizes": ["c20"]},
                {"code": "third", "slots": 1, "weight": 3_500, "prizes": ["c5"]},
                {"code": "points", "slots": 1, "weight": 6_000, "prizes": ["points"]},
            ],
            "limits": {"per_shopper": 30, "per_day": 5},
            "chances": {"sign_in": 1, "per_purchase_cents": 10_000},
            "claim_terms": CLAIM,
        }),
    }
}

fn nine_grid() -> Template {
    Template {
        code: "nine_grid",
        name: ["九宫格抽奖", "Nine-grid"],
        description: "Eight places around a button; the two best ones open after 3 and 10 draws, and prizes are personal within the middle tier.",
        campaign: json!({
            "prizes": [goods("grand", "Grand prize", 99_900, 60_000, 3), goods("fine", "Fine prize", 19_900, 11_000, 20),
                coupon("c10", "10.00 off", 1_000, 1_000), coupon("c15", "15.00 off", 1_500, 500), coupon("c8", "8.00 off", 800, 1_500), points(1, 30)],
            "tiers": [
                {"code": "grand", "slots": 1, "weight": 2, "prizes": ["grand"], "unlock_after": 10},
                {"code": "fine", "slots": 1, "weight": 48, "prizes": ["fine"], "unlock_after": 3},
                {"code": "coupons", "slots": 3, "weight": 2_950, "prizes": ["c10", "c15", "c8"]},
                {"code": "points", "slots": 1, "weight": 7_000, "prizes": ["points"]},
            ],
            "limits": {"per_shopper": 50, "per_day": 10},
            "chances": {"sign_in": 1, "per_purchase_cents": 5_000, "points_price": 100},
            "claim_terms": CLAIM,
        }),
    }
}

fn calendar() -> Template {
    Template {
        code: "sign_in_calendar",
        name: ["签到日历", "Sign-in calendar"],
        description: "A chance and points for each day's sign-in; whoever comes for longer draws from a better pool.",
        campaign: json!({
            "prizes": [coupon("week", "A week's coupon", 1_000, 2_000), coupon("month", "A month's coupon", 5_000, 200), points(1, 20)],
            "tiers": [
                {"code": "month", "slots": 1, "weight": 300, "prizes": ["month"]},
                {"code": "week", "slots": 1, "weight": 1_700, "prizes": ["week"]},
                {"code": "points", "slots": 1, "weight": 8_000, "prizes": ["points"]},
            ],
            "pools": [
                {"code": "faithful", "when": "n >= 28", "tiers": ["month", "week", "points"]},
                {"code": "week", "when": "n >= 7", "tiers": ["week", "points"]},
                {"code": "start", "tiers": ["points"]},
            ],
            "limits": {"per_day": 1},
            "chances": {"sign_in": 1, "points_on_sign_in": {"min": 1, "max": 5}},
            "claim_terms": CLAIM,
        }),
    }
}

fn counted() -> Template {
    Template {
        code: "by_count",
        name: ["按次数解锁奖池", "Pools by count"],
        description: "Only the lowest tiers at first, the middle ones from the 10th draw, all prizes from the 20th, the best two tiers exactly at the 50th.",
        campaign: json!({
            "prizes": [goods("first", "First prize", 59_900, 35_000, 5), goods("second", "Second prize", 19_900, 11_000, 30), coupon("third", "10.00 off", 1_000, 3_000), points(1, 30)],
            "tiers": [
                {"code": "first", "slots": 1, "weight": 5, "prizes": ["first"]},
                {"code": "second", "slots": 1, "weight": 95, "prizes": ["second"]},
                {"code": "third", "slots": 1, "weight": 1_900, "prizes": ["third"]},
                {"code": "points", "slots": 1, "weight": 8_000, "prizes": ["points"]},
            ],
            "pools": [
                {"code": "jubilee", "when": "n == 50", "tiers": ["first", "second"]},
                {"code": "all", "when": "n >= 20", "tiers": ["first", "second", "third", "points"]},
                {"code": "middle", "when": "n >= 10", "tiers": ["second", "third", "points"]},
                {"code": "start", "tiers": ["third", "points"]},
            ],
            "limits": {"per_shopper": 100, "per_day": 20},
            "chances": {"sign_in": 1, "per_purchase_cents": 3_000},
            "claim_terms": CLAIM,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::Definition;

    #[test]
    fn every_template_can_be_published_as_it_is() {
        for template in all() {
            let mut body = template.campaign.clone();
            body["name"] = json!(template.name[0]);
            body["starts_at"] = json!("2026-03-01T00:00:00Z");
            body["ends_at"] = json!("2026-04-01T00:00:00Z");
            let read: Definition = serde_json::from_value(body).unwrap_or_else(|e| panic!("{}: {e}", template.code));
            assert_eq!(read.check_publish(1_772_400_000_000), [], "{}", template.code);
        }
    }
}
