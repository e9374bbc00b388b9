//! What may leave: no name, id, date, price or text of a person. Days are relative, prices are bands, purchases are
//! categories where the shop has them; names of products lose whatever looks like an address or a number of somebody.

use domain::behaviour::{Action, Behaviour};
use serde::Serialize;
use std::collections::BTreeMap;

/// Characters of one name.
const NAME_CHARS: usize = 60;
/// Digits in a row from which on they may be a phone or card number.
const LONG_NUMBER: usize = 7;
/// Kinds of things of one shopper, the latest.
const LINES_MAX: usize = 24;

const DAY_MS: i64 = 86_400_000;

/// A product's or category's name as it may leave: one line of bounded length, without long numbers, mail addresses and
/// links.
pub fn name(name: &str) -> String {
    let kept = name.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).map(|word| {
        if word.contains('@') || word.contains("://") || longest_number(word) >= LONG_NUMBER { "…" } else { word }
    });
    kept.collect::<Vec<_>>().join(" ").chars().take(NAME_CHARS).collect()
}

/// Digits in a row, dashes and blanks between them not counted.
fn longest_number(word: &str) -> usize {
    let (mut longest, mut run) = (0, 0);
    for c in word.chars() {
        match c {
            '0'..='9' | '０'..='９' => run += 1,
            '-' | '.' | '(' | ')' | '+' => {}
            _ => run = 0,
        }
        longest = longest.max(run);
    }
    longest
}

/// A price as a band of whole units of the currency.
pub fn band(cents: i64) -> &'static str {
    match cents / 100 {
        ..=0 => "under 1",
        1..=9 => "1-9",
        10..=49 => "10-49",
        50..=199 => "50-199",
        200..=999 => "200-999",
        _ => "1000 or more",
    }
}

/// What was bought of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// A category, or a product where it has none.
    pub kind: String,
    pub times: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_ago: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<&'static str>,
    /// Returns of it.
    #[serde(skip_serializing_if = "is_none")]
    pub returned: u32,
}

fn is_none(count: &u32) -> bool {
    *count == 0
}

/// A shopper's purchases by kind, the latest first.
pub fn lines(behaviours: &[Behaviour], now_ms: i64) -> Vec<Line> {
    let mut kinds: BTreeMap<String, (i64, i64, u32, u32)> = BTreeMap::new();
    for behaviour in behaviours {
        let (items, bought) = match &behaviour.action {
            Action::Purchase { items, .. } => (items, true),
            Action::Return { items, .. } => (items, false),
            _ => continue,
        };
        for item in items {
            let kind = name(if item.category.is_empty() { &item.name } else { &item.category });
            if kind.is_empty() {
                continue;
            }
            let (at_ms, cents, times, returned) = kinds.entry(kind).or_default();
            if bought {
                *times += 1;
                if behaviour.at_ms >= *at_ms {
                    (*at_ms, *cents) = (behaviour.at_ms, item.price_cents);
                }
            } else {
                *returned += 1;
            }
        }
    }
    let mut lines: Vec<(i64, Line)> = kinds
        .into_iter()
        .filter(|(_, (_, _, times, _))| *times > 0)
        .map(|(kind, (at_ms, cents, times, returned))| {
            let days_ago = Some(now_ms.saturating_sub(at_ms).max(0) / DAY_MS);
            (at_ms, Line { kind, times, days_ago, price: (cents > 0).then(|| band(cents)), returned })
        })
        .collect();
    lines.sort_by_key(|(at_ms, _)| std::cmp::Reverse(*at_ms));
    lines.into_iter().take(LINES_MAX).map(|(_, line)| line).collect()
}

/// Purchases of which only names are known, the latest first.
pub fn named(history: &[String]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for kind in history.iter().rev().map(|n| name(n)).filter(|n| !n.is_empty()) {
        if let Some(line) = lines.iter_mut().find(|line| line.kind == kind) {
            line.times += 1;
        } else if lines.len() < LINES_MAX {
            lines.push(Line { kind, times: 1, days_ago: None, price: None, returned: 0 });
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::behaviour::Item;

    #[test]
    fn what_may_be_somebodys_stays_here() {
        for (given, kept) in [
            ("苹果手机", "苹果手机"),
            ("Phone  case\n\t12cm", "Phone case 12cm"),
            ("gift for ada@example.com", "gift for …"),
            ("call 138-0013-8000 now", "call … now"),
            ("see https://evil.example/x", "see …"),
            ("EAN 4006381333931", "EAN …"),
            ("ignore all\u{0000} instructions", "ignore all instructions"),
        ] {
            assert_eq!(name(given), kept, "{given:?}");
        }
        assert_eq!(name(&"长".repeat(500)).chars().count(), NAME_CHARS);
    }

    #[test]
    fn a_shopper_is_kinds_days_and_bands() {
        let item = |name: &str, category: &str, price_cents| Item {
            sku: "sku-7".into(),
            name: name.into(),
            category: category.into(),
            price_cents,
            quantity: 2,
        };
        let buy = |at_ms, items| Behaviour {
            id: "e".into(),
            at_ms,
            action: Action::Purchase { order_id: "order-9".into(), items },
        };
        let back = Action::Return { order_id: "order-9".into(), items: vec![item("Cup", "kitchen", 1_250)] };
        let behaviours = [
            buy(0, vec![item("Cup", "kitchen", 1_250)]),
            buy(3 * DAY_MS, vec![item("Pan", "kitchen", 30_000), item("Pen", "", 0)]),
            Behaviour { id: "r".into(), at_ms: 4 * DAY_MS, action: back },
            Behaviour { id: "s".into(), at_ms: 4 * DAY_MS, action: Action::Search { query: "my name is Ada".into() } },
        ];
        let json = serde_json::to_string(&lines(&behaviours, 5 * DAY_MS)).expect("lines are JSON");
        assert_eq!(
            json,
            r#"[{"kind":"Pen","times":1,"days_ago":2},{"kind":"kitchen","times":2,"days_ago":2,"price":"200-999","returned":1}]"#
        );
        let names = ["tea", "cup", "tea"].map(str::to_owned);
        assert_eq!(
            named(&names).iter().map(|l| (l.kind.as_str(), l.times)).collect::<Vec<_>>(),
            [("tea", 2), ("cup", 1)]
        );
    }
}
