//! Amounts: values, costs, points, limits, and how chances are priced.

use super::{Findings, bounds};
use crate::campaign::{Chances, Definition, Kind, PointsRange, PrizeDef};
use std::collections::HashSet;

pub(super) fn check(definition: &Definition, findings: &mut Findings) {
    for (i, prize) in definition.prizes.iter().enumerate().take(bounds::PRIZES) {
        check_prize(prize, &format!("prizes[{i}]"), findings);
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

fn check_prize(prize: &PrizeDef, at: &str, findings: &mut Findings) {
    cents(format!("{at}.value_cents"), prize.value_cents, findings);
    cents(format!("{at}.cost_cents"), prize.cost_cents, findings);
    if prize.kind == Kind::Balance && prize.value_cents <= 0 {
        let detail = format!("{} is balance: its value_cents is what is credited, so it is above 0", prize.code);
        findings.error("balance_empty", format!("{at}.value_cents"), detail);
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
        definition.prizes.iter().map(|p| i128::from(p.cost_cents) * i128::from(definition.units(p).unwrap_or(0))).sum();
    let endless = definition.prizes.iter().find(|prize| definition.units(prize).is_none() && prize.cost_cents > 0);
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
    for (field, count) in [
        ("chances.sign_in", chances.sign_in),
        ("chances.referral", chances.referral),
        ("chances.referred", chances.referred),
    ] {
        if count.is_some_and(|count| count > bounds::CHANCES) {
            findings.error("chances_too_many", field, format!("more than {}", bounds::CHANCES));
        }
    }
    for (field, days, most) in [
        ("chances.valid_days", chances.valid_days, bounds::DAYS),
        ("chances.points_valid_days", chances.points_valid_days, bounds::DAYS),
        ("chances.return_window_days", chances.return_window_days, bounds::DAYS),
        ("chances.unpaid_seconds", chances.unpaid_seconds, bounds::UNPAID_SECONDS),
    ] {
        if days.is_some_and(|days| !(1..=most).contains(&days)) {
            findings.error("duration_invalid", field, format!("1 to {most}; leave it out for the usual"));
        }
    }
    check_steps(chances, findings);
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

/// The sign-in calendar and the amounts of purchase points.
fn check_steps(chances: &Chances, findings: &mut Findings) {
    for (field, count) in
        [("chances.streaks", chances.streaks.len()), ("chances.points_by_spend", chances.points_by_spend.len())]
    {
        if count > bounds::STEPS {
            findings.error("steps_too_many", field, format!("more than {}", bounds::STEPS));
        }
    }
    let (mut days, mut amounts) = (HashSet::new(), HashSet::new());
    for (i, streak) in chances.streaks.iter().enumerate().take(bounds::STEPS) {
        let field = format!("chances.streaks[{i}]");
        if !(1..=bounds::DAYS).contains(&streak.days) || !days.insert(streak.days) {
            let detail = format!("a row of days is 1 to {} long, each length once", bounds::DAYS);
            findings.error("streak_invalid", format!("{field}.days"), detail);
        }
        if streak.chances > bounds::CHANCES {
            findings.error("chances_too_many", format!("{field}.chances"), format!("more than {}", bounds::CHANCES));
        }
        points(format!("{field}.points"), PointsRange { min: 0, max: i64::from(streak.points) }, findings);
    }
    for (i, step) in chances.points_by_spend.iter().enumerate().take(bounds::STEPS) {
        let field = format!("chances.points_by_spend[{i}]");
        cents(format!("{field}.from_cents"), step.from_cents, findings);
        points(field.clone(), PointsRange { min: step.min, max: step.max }, findings);
        if !amounts.insert(step.from_cents) {
            findings.error("step_doubled", field, format!("there is another range from {}", step.from_cents));
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
