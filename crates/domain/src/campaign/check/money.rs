//! Amounts: values, costs, points, limits, and how chances are priced.

use super::{Findings, bounds};
use crate::campaign::{Definition, Kind, PointsRange, PrizeDef};

pub(super) fn check(definition: &Definition, findings: &mut Findings) {
    for (i, prize) in definition.prizes.iter().enumerate().take(bounds::PRIZES) {
        check_prize(definition, prize, &format!("prizes[{i}]"), findings);
    }
    for (i, tier) in definition.tiers.iter().enumerate().take(bounds::TIERS) {
        if let Some(band) = tier.value_cents {
            cents(format!("tiers[{i}].value_cents.min"), band.min, findings);
            cents(format!("tiers[{i}].value_cents.max"), band.max, findings);
        }
    }
    check_limits(definition, findings);
    check_chances(definition, findings);
}

fn check_prize(definition: &Definition, prize: &PrizeDef, at: &str, findings: &mut Findings) {
    cents(format!("{at}.value_cents"), prize.value_cents, findings);
    cents(format!("{at}.cost_cents"), prize.cost_cents, findings);
    if definition.currency == "CNY" && prize.value_cents > bounds::LEGAL_VALUE_CENTS {
        let detail = format!("{} is worth more than CNY 50,000, the legal most for a prize of a draw", prize.code);
        findings.warn("value_above_legal", format!("{at}.value_cents"), detail);
    }
    let field = format!("{at}.points");
    match (prize.kind, prize.points) {
        (Kind::Points, None) => {
            findings.error(
                "points_missing",
                field,
                format!("{} is points: say {{\"min\": …, \"max\": …}}", prize.code),
            );
        }
        (_, Some(range)) => {
            points(field.clone(), range, findings);
            if prize.kind != Kind::Points {
                findings.error("points_misplaced", field, format!("{} is not of kind points", prize.code));
            }
        }
        _ => {}
    }
}

fn check_limits(definition: &Definition, findings: &mut Findings) {
    let limits = &definition.limits;
    for (field, zero) in [
        ("limits.per_shopper", limits.per_shopper == Some(0)),
        ("limits.per_day", limits.per_day == Some(0)),
        ("limits.per_week", limits.per_week == Some(0)),
        ("limits.per_campaign", limits.per_campaign == Some(0)),
        ("limits.global", limits.global == Some(0)),
        ("limits.global_per_day", limits.global_per_day == Some(0)),
    ] {
        if zero {
            findings.error("limit_zero", field, "a limit of 0 refuses every draw; leave it out for no limit");
        }
    }
    let Some(budget) = limits.budget_cents else { return };
    cents("limits.budget_cents".to_owned(), budget, findings);
    let total: i128 =
        definition.prizes.iter().map(|p| i128::from(p.cost_cents) * i128::from(p.stock.unwrap_or(0))).sum();
    let endless = definition.prizes.iter().find(|prize| prize.stock.is_none() && prize.cost_cents > 0);
    if let Some(dear) = definition.prizes.iter().find(|prize| prize.cost_cents > budget) {
        let detail = format!("one {} costs more than the whole budget", dear.code);
        findings.warn("budget_short", "limits.budget_cents", detail);
    } else if total > i128::from(budget) {
        let detail = format!("all units together cost {total}, more than the budget of {budget}");
        findings.warn("budget_short", "limits.budget_cents", detail);
    } else if let Some(prize) = endless {
        let detail = format!("{} is unlimited and costs money, so the budget will run out", prize.code);
        findings.warn("budget_short", "limits.budget_cents", detail);
    }
}

fn check_chances(definition: &Definition, findings: &mut Findings) {
    let chances = &definition.chances;
    if chances.sign_in.is_some_and(|count| count > bounds::CHANCES) {
        findings.error("chances_too_many", "chances.sign_in", format!("more than {}", bounds::CHANCES));
    }
    for (field, price, most) in [
        ("chances.per_purchase_cents", chances.per_purchase_cents, bounds::CENTS),
        ("chances.points_price", chances.points_price, bounds::POINTS),
        ("chances.paid_price_cents", chances.paid_price_cents, bounds::CENTS),
    ] {
        if price.is_some_and(|price| !(1..=most).contains(&price)) {
            findings.error("price_invalid", field, format!("a price is 1 to {most}; leave it out where there is none"));
        }
    }
    for (field, range) in [
        ("chances.points_on_sign_in", chances.points_on_sign_in),
        ("chances.points_on_purchase", chances.points_on_purchase),
    ] {
        if let Some(range) = range {
            points(field.to_owned(), range, findings);
        }
    }
}

fn cents(field: String, amount: i64, findings: &mut Findings) {
    if amount < 0 {
        findings.error("amount_negative", field, format!("{amount} is below 0"));
    } else if amount > bounds::CENTS {
        findings.error("amount_too_large", field, format!("{amount} is more than {}", bounds::CENTS));
    }
}

fn points(field: String, range: PointsRange, findings: &mut Findings) {
    let PointsRange { min, max } = range;
    if min < 0 || max > bounds::POINTS || min > max {
        let detail = format!("{min} to {max} is not a range within 0 to {}", bounds::POINTS);
        findings.error("points_range_invalid", field, detail);
    }
}
