//! What makes the demo shop believable, and that a seed makes it again.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

const TODAY_MS: i64 = 1_767_225_600_000;

/// A directory of its own for a test, empty at its start.
fn directory(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("koi-shop-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    path
}

fn rows(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("written");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn a_seed_makes_one_shop() {
    let make = |name, seed| {
        let out = directory(name);
        let shop = generate_at(&out, 50, seed, TODAY_MS).expect("made");
        let files = (fs::read(&shop.purchases).expect("written"), fs::read(&shop.events).expect("written"));
        fs::remove_dir_all(out).expect("removed");
        (files, shop.campaign, shop.samples)
    };
    assert!(make("one", 7) == make("two", 7), "the same seed makes the same bytes");
    assert!(make("three", 8).0 != make("four", 7).0, "another seed makes another shop");
    for wrong in [0, MAX_SHOPPERS + 1] {
        assert!(generate_at(&directory("none"), wrong, 1, TODAY_MS).is_err());
    }
}

#[test]
fn the_shop_is_believable() {
    let out = directory("believable");
    let shop = generate_at(&out, 1_000, 1, TODAY_MS).expect("made");
    let (purchases, events) = (rows(&shop.purchases), rows(&shop.events));
    assert_eq!((purchases.len(), events.len()), (shop.lines, shop.event_count));
    assert_eq!(shop.products, 420);
    assert!((15_000..60_000).contains(&shop.lines), "{} lines", shop.lines);
    assert!((4_000..30_000).contains(&shop.event_count), "{} events", shop.event_count);
    let returned = shop.return_lines as f64 / shop.lines as f64;
    assert!((0.02..0.04).contains(&returned), "{returned} of the lines are returns");
    let window = rfc3339(TODAY_MS - 541 * DAY_MS)..rfc3339(TODAY_MS);
    assert!(purchases.iter().all(|p| window.contains(&p["at"].as_str().unwrap_or("").to_owned())));
    let recent = rfc3339(TODAY_MS - 31 * DAY_MS)..rfc3339(TODAY_MS);
    assert!(events.iter().all(|e| recent.contains(&e["at"].as_str().unwrap_or("").to_owned())));
    let kinds: BTreeSet<&str> = events.iter().filter_map(|e| e["type"].as_str()).collect();
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["review", "search", "sign_in", "view"]);
    let ids: BTreeSet<(&str, &str)> =
        events.iter().map(|e| (e["shopper"].as_str().unwrap_or(""), e["id"].as_str().unwrap_or(""))).collect();
    assert_eq!(ids.len(), events.len(), "ids are unique by shopper");
    let (mut of, mut bought) = (BTreeMap::<&str, BTreeMap<&str, u32>>::new(), BTreeMap::<(&str, &str), u32>::new());
    for p in purchases.iter().filter(|p| p["quantity"].as_i64() > Some(0)) {
        let (shopper, sku) = (p["shopper"].as_str().unwrap_or(""), p["sku"].as_str().unwrap_or(""));
        *of.entry(shopper).or_default().entry(p["category"].as_str().unwrap_or("")).or_default() += 1;
        *bought.entry((shopper, sku)).or_default() += 1;
    }
    let of_favourites = of.values().map(|by_kind| {
        let mut counts: Vec<u32> = by_kind.values().copied().collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        f64::from(counts.iter().take(4).sum::<u32>()) / f64::from(counts.iter().sum::<u32>())
    });
    let share = of_favourites.sum::<f64>() / of.len() as f64;
    assert!(share > 0.85, "shoppers have tastes: {share} of the lines are of their four first categories");
    let repeats = bought.values().filter(|n| **n > 1).count() as f64 / bought.len() as f64;
    assert!(repeats > 0.2, "shoppers buy again: {repeats}");
    fs::remove_dir_all(out).expect("removed");
}

#[test]
fn times_are_written_in_utc() {
    for (at_ms, want) in [
        (0, "1970-01-01T00:00:00Z"),
        (TODAY_MS, "2026-01-01T00:00:00Z"),
        (1_709_210_096_999, "2024-02-29T12:34:56Z"),
        (4_102_444_799_000, "2099-12-31T23:59:59Z"),
    ] {
        assert_eq!(rfc3339(at_ms), want);
    }
}
