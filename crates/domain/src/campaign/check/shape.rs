//! Names, codes, window, prizes and tiers.

use super::{Findings, bounds};
use crate::campaign::rules::{candidates, stand_in};
use crate::campaign::{Definition, Kind, PrizeDef, PrizeIx, TierDef};
use crate::entry;
use crate::fairness::THANKS;
use crate::moments;
use jiff::tz::TimeZone;
use std::collections::{HashMap, HashSet};

pub(super) fn check(definition: &Definition, findings: &mut Findings) {
    name("name", &definition.name, findings);
    if definition.ends_at <= definition.starts_at {
        findings.error("window_empty", "ends_at", "the campaign ends before it starts");
    }
    for (field, text) in [("description", &definition.description), ("claim_terms", &definition.claim_terms)] {
        prose(field, text.as_deref().unwrap_or_default(), findings);
    }
    if definition.expected_draws.is_some_and(|draws| draws > bounds::DRAWS) {
        findings.error("expected_draws_too_many", "expected_draws", format!("more than {}", bounds::DRAWS));
    }
    if let Some((field, detail)) = definition.composition.fault() {
        findings.error("composition_invalid", field, detail);
    }
    if !crate::currency::is_currency(&definition.currency) {
        findings.error("currency_unknown", "currency", "not an active ISO 4217 code, three uppercase letters like CNY");
    }
    if TimeZone::get(&definition.time_zone).is_err() {
        findings.error("time_zone_unknown", "time_zone", "not an IANA time zone like Asia/Shanghai");
    }
    count("prizes", definition.prizes.len(), bounds::PRIZES, findings);
    count("tiers", definition.tiers.len(), bounds::TIERS, findings);
    if definition.prizes.len() > bounds::PRIZES || definition.tiers.len() > bounds::TIERS {
        return;
    }
    codes("prizes", definition.prizes.iter().map(|prize| &prize.code), findings);
    codes("tiers", definition.tiers.iter().map(|tier| &tier.code), findings);
    for (i, prize) in definition.prizes.iter().enumerate() {
        check_prize(prize, &format!("prizes[{i}]"), findings);
    }
    for (i, tier) in definition.tiers.iter().enumerate() {
        check_tier(definition, tier, &format!("tiers[{i}]"), findings);
    }
    let all = definition.prizes.iter().fold(0u32, |sum, prize| sum.saturating_add(prize.moments.unwrap_or(0)));
    if all > moments::bounds::MOMENTS {
        findings.error(
            "moments_invalid",
            "prizes",
            format!("{all} moments in all, more than {}", moments::bounds::MOMENTS),
        );
    }
    claim_days("claim_days".to_owned(), definition.claim_days, findings);
    check_entry(definition, findings);
    let slots = definition.tiers.iter().fold(0u32, |sum, tier| sum.saturating_add(tier.slots));
    if slots > bounds::SLOTS {
        findings.error("slots_too_many", "tiers", format!("{slots} slots in all, more than {}", bounds::SLOTS));
    }
    fill(definition, findings);
}

/// A name: not blank, not too long, printable.
fn name(field: &str, text: &str, findings: &mut Findings) {
    if text.trim().is_empty() {
        findings.error("name_empty", field, "the name is empty");
    }
    printable(field, text, findings);
}

fn printable(field: &str, text: &str, findings: &mut Findings) {
    if text.chars().count() > bounds::NAME_CHARS {
        findings.error("name_too_long", field, format!("more than {} characters", bounds::NAME_CHARS));
    }
    if text.chars().any(char::is_control) {
        findings.error("name_unprintable", field, "holds control characters");
    }
}

/// Text of several lines.
fn prose(field: &str, text: &str, findings: &mut Findings) {
    if text.chars().count() > bounds::TEXT_CHARS {
        findings.error("text_too_long", field, format!("more than {} characters", bounds::TEXT_CHARS));
    }
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        findings.error("name_unprintable", field, "holds control characters");
    }
}

fn count(field: &str, len: usize, most: usize, findings: &mut Findings) {
    if len == 0 {
        findings.error(if field == "prizes" { "prizes_none" } else { "tiers_none" }, field, format!("no {field}"));
    } else if len > most {
        let code = if field == "prizes" { "prizes_too_many" } else { "tiers_too_many" };
        findings.error(code, field, format!("{len} {field}, more than {most}"));
    }
}

/// Codes: `[A-Za-z0-9_-]`, 1 to 64, each once.
pub(super) fn codes<'a>(list: &str, codes: impl Iterator<Item = &'a String>, findings: &mut Findings) {
    let mut seen = HashMap::new();
    for (i, code) in codes.enumerate() {
        let field = format!("{list}[{i}].code");
        let fits = (1..=bounds::CODE_CHARS).contains(&code.len())
            && code.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        if !fits {
            let detail = format!("a code is 1 to {} of letters, digits, _ and -", bounds::CODE_CHARS);
            findings.error("code_invalid", field, detail);
        } else if let Some(first) = seen.insert(code, i) {
            findings.error("code_duplicate", field, format!("the code {code} is that of {list}[{first}] already"));
        }
    }
}

fn claim_days(field: String, days: Option<u32>, findings: &mut Findings) {
    if days.is_some_and(|days| !(1..=bounds::CLAIM_DAYS).contains(&days)) {
        let detail = format!("1 to {} days; leave it out where there is no deadline", bounds::CLAIM_DAYS);
        findings.error("claim_days_invalid", field, detail);
    }
}

fn check_prize(prize: &PrizeDef, at: &str, findings: &mut Findings) {
    claim_days(format!("{at}.claim_days"), prize.claim_days, findings);
    name(&format!("{at}.name"), &prize.name, findings);
    if prize.code == THANKS && prize.kind != Kind::None {
        let detail = "the code thanks is what a shopper gets when nothing is to be had; its kind is none";
        findings.error("code_reserved", format!("{at}.code"), detail);
    }
    if let Some(category) = &prize.category {
        printable(&format!("{at}.category"), category, findings);
    }
    if prize.skus.len() > bounds::SKUS_PER_PRIZE {
        let detail = format!("{} skus, more than {}", prize.skus.len(), bounds::SKUS_PER_PRIZE);
        findings.error("skus_too_many", format!("{at}.skus"), detail);
    }
    let bad =
        |sku: &String| sku.is_empty() || sku.chars().count() > bounds::NAME_CHARS || sku.chars().any(char::is_control);
    if let Some(i) = prize.skus.iter().position(bad) {
        let detail = format!("a sku is 1 to {} printable characters", bounds::NAME_CHARS);
        findings.error("sku_invalid", format!("{at}.skus[{i}]"), detail);
    }
    check_moments(prize, at, findings);
    match prize.stock {
        Some(0) => {
            findings.warn("stock_zero", format!("{at}.stock"), format!("{} is sold out from the start", prize.code))
        }
        Some(stock) if stock > bounds::STOCK => {
            findings.error("stock_too_large", format!("{at}.stock"), format!("more than {}", bounds::STOCK));
        }
        _ => {}
    }
}

/// A prize that is won by time has as many units as moments, and they are all it has.
fn check_moments(prize: &PrizeDef, at: &str, findings: &mut Findings) {
    let field = format!("{at}.moments");
    match prize.moments {
        None => {}
        Some(count) if !(1..=moments::bounds::MOMENTS).contains(&count) => {
            let detail = format!("moments are 1 to {}; leave them out where there are none", moments::bounds::MOMENTS);
            findings.error("moments_invalid", field, detail);
        }
        Some(_) if prize.stock.is_some() => {
            findings.error(
                "moments_with_stock",
                field,
                format!("each moment is a unit of {}; leave out stock", prize.code),
            );
        }
        Some(_) if matches!(prize.kind, Kind::Points | Kind::None) => {
            findings.error("moments_of_kind", field, "only coupons, goods and webhooks are won at moments");
        }
        Some(_) => {}
    }
}

/// The prize of an entry drawing is won there and nowhere else; its winners are all its units.
fn check_entry(definition: &Definition, findings: &mut Findings) {
    let Some(entry) = &definition.entry else { return };
    let places = u64::from(entry.winners) + u64::from(entry.alternates);
    if entry.winners == 0 || places > u64::from(entry::bounds::PLACES) {
        let detail = format!("an entry drawing has 1 to {} winners and alternates", entry::bounds::PLACES);
        findings.error("entry_places_invalid", "entry.winners", detail);
    }
    let Some(prize) = definition.prizes.iter().find(|prize| prize.code == entry.prize) else {
        let detail = format!("no prize has the code {}", entry.prize.escape_debug());
        return findings.error("prize_unknown", "entry.prize", detail);
    };
    if matches!(prize.kind, Kind::Points | Kind::None) {
        let detail = "only coupons, goods, balance and webhooks are won in an entry drawing";
        findings.error("entry_of_kind", "entry.prize", detail);
    }
    if prize.stock.is_some() || prize.moments.is_some() || !prize.release.is_empty() {
        let detail = format!("each winner is a unit of {}; leave out stock, moments and release", prize.code);
        findings.error("entry_with_stock", "entry.prize", detail);
    }
    if let Some(i) = definition.tiers.iter().position(|tier| tier.prizes.contains(&prize.code)) {
        let detail = format!("{} is won in the entry drawing, so it is in no tier", prize.code);
        findings.error("entry_in_tier", format!("tiers[{i}].prizes"), detail);
    }
    if entry.alternates > 0 && prize.claim_days.or(definition.claim_days).is_none() {
        let detail = format!("without claim_days no winner of {} ever makes way for an alternate", prize.code);
        findings.warn("entry_without_deadline", "entry.alternates", detail);
    }
}

fn check_tier(definition: &Definition, tier: &TierDef, at: &str, findings: &mut Findings) {
    if tier.slots == 0 {
        findings.error("slots_none", format!("{at}.slots"), format!("the tier {} has no slots", tier.code));
    } else if tier.slots > bounds::SLOTS_PER_TIER {
        let detail = format!("{} slots, more than {}", tier.slots, bounds::SLOTS_PER_TIER);
        findings.error("slots_too_many", format!("{at}.slots"), detail);
    }
    if tier.weight > bounds::WEIGHT {
        findings.error("weight_too_large", format!("{at}.weight"), format!("more than {}", bounds::WEIGHT));
    }
    if let Some(band) = tier.value_cents
        && band.min >= band.max
    {
        let detail = format!("the band {} to {} takes in no value; its end is exclusive", band.min, band.max);
        findings.error("band_empty", format!("{at}.value_cents"), detail);
    }
    let known: HashSet<&str> = definition.prizes.iter().map(|prize| prize.code.as_str()).collect();
    let mut seen = HashSet::new();
    for (i, code) in tier.prizes.iter().enumerate() {
        let field = || format!("{at}.prizes[{i}]");
        if definition.prizes.iter().any(|prize| prize.code == *code && prize.moments.is_some()) {
            findings.error("moments_in_tier", field(), format!("{code} is won at moments, so it is in no tier"));
        } else if !known.contains(code.as_str()) {
            findings.error("prize_unknown", field(), format!("no prize has the code {}", code.escape_debug()));
        } else if !seen.insert(code) {
            findings.error("prize_repeated", field(), format!("the tier names {code} twice"));
        }
    }
}

/// Which prizes fill which tiers.
fn fill(definition: &Definition, findings: &mut Findings) {
    let mut placed = HashSet::new();
    for ((i, tier), candidates) in definition.tiers.iter().enumerate().zip(candidates(definition)) {
        let field = format!("tiers[{i}]");
        if candidates.is_empty() && stand_in(definition, i).is_empty() {
            let detail = format!("no prize fits the tier {}, and no lower tier or points can stand in", tier.code);
            findings.error("tier_empty", field, detail);
        } else if candidates.is_empty() {
            let detail =
                format!("no prize fits the tier {}: it shows and gives what the next lower one has", tier.code);
            findings.warn("tier_empty", field, detail);
        } else if candidates.len() < tier.slots as usize {
            let detail = format!("{} slots but {} fitting prizes: some come twice", tier.slots, candidates.len());
            findings.warn("tier_short", field, detail);
        }
        placed.extend(candidates);
    }
    for (i, prize) in definition.prizes.iter().enumerate() {
        let consolation = prize.kind == Kind::Points || prize.moments.is_some() || definition.is_entry_prize(prize);
        if !consolation && !placed.contains(&PrizeIx(i as u16)) {
            let detail = format!("{} is in no tier, so it cannot be won", prize.code);
            findings.warn("prize_unused", format!("prizes[{i}]"), detail);
        }
    }
    overlap(definition, findings);
}

fn overlap(definition: &Definition, findings: &mut Findings) {
    let band = |tier: &TierDef| tier.value_cents.filter(|band| band.min < band.max);
    for (i, one) in definition.tiers.iter().enumerate() {
        for (j, other) in definition.tiers.iter().enumerate().skip(i + 1) {
            if let (Some(a), Some(b)) = (band(one), band(other))
                && a.min < b.max
                && b.min < a.max
            {
                let detail = format!("the bands of {} and {} overlap", one.code, other.code);
                findings.warn("bands_overlap", format!("tiers[{j}].value_cents"), detail);
            }
        }
    }
}
