//! What behaviour says about one shopper: recency, frequency, spend, categories, price band, repeat items.
//!
//! A profile is a fold: behaviour may come in any order, one act at a time, and what was folded before need not be read
//! again. Its size is bounded, so a house account with millions of lines has a profile like anybody's.

use std::collections::BTreeMap;

use domain::behaviour::{Action, Behaviour, Item};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Items that are remembered: those bought in several orders before the others, then the latest. About 80 bytes each
/// in JSON, so 20 kB at most.
pub const MAX_ITEMS: usize = 256;

/// Categories that are remembered, those of the largest quantity.
pub const MAX_CATEGORIES: usize = 64;

/// Orders that are remembered, the last ones folded: pieces of one order count once as long as no more than these came
/// between them.
pub const MAX_ORDERS: usize = 256;

/// How far items and categories grow above their bound before they are cut back, so that cutting is rare.
const SLACK: usize = 32;

/// Bytes of an item's name that are kept.
const MAX_NAME: usize = 120;

const DAY_MS: i64 = 86_400_000;

/// The fold of one shopper's behaviour. All sums saturate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Profile {
    /// The first and the last act of any kind, Unix milliseconds.
    pub first_at: Option<i64>,
    pub last_at: Option<i64>,
    /// The last purchase, Unix milliseconds.
    pub last_purchase_at: Option<i64>,
    /// Purchases and returns, by their order's id.
    pub orders: u32,
    pub returns: u32,
    /// What was paid, net of returns, in minor units.
    pub spend_cents: i64,
    pub reviews: u32,
    pub searches: u32,
    pub views: u32,
    pub sign_ins: u32,
    pub price_band: PriceBand,
    /// Units bought by category, net of returns; at most [`MAX_CATEGORIES`] and some slack.
    categories: BTreeMap<String, i64>,
    /// By sku; at most [`MAX_ITEMS`] and some slack.
    items: BTreeMap<String, ItemCount>,
    /// Hashes of the last [`MAX_ORDERS`] orders, the oldest first.
    recent_orders: Vec<u32>,
}

/// What single units cost that the shopper bought; prices that are not above 0 are left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceBand {
    /// Lines with a price.
    pub lines: u32,
    pub sum_cents: i64,
    pub min_cents: i64,
    pub max_cents: i64,
}

impl PriceBand {
    fn saw(&mut self, price_cents: i64) {
        if price_cents <= 0 {
            return;
        }
        self.min_cents = if self.lines == 0 { price_cents } else { self.min_cents.min(price_cents) };
        self.max_cents = self.max_cents.max(price_cents);
        self.sum_cents = self.sum_cents.saturating_add(price_cents);
        self.lines = self.lines.saturating_add(1);
    }

    /// The mean unit price over lines, `None` where nothing had a price.
    pub fn mean_cents(&self) -> Option<i64> {
        self.sum_cents.checked_div(i64::from(self.lines))
    }
}

/// One item in a profile.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredItem", into = "StoredItem")]
pub struct ItemCount {
    /// As the latest line had it.
    pub name: String,
    /// Units bought, net of returns.
    pub quantity: i64,
    /// Orders with it.
    pub orders: u32,
    /// When it was bought or returned last, Unix milliseconds.
    pub last_at: i64,
    /// The order counted last.
    last_order: u32,
}

/// A tuple, since profiles are stored for every shopper and the names of fields would be most of it.
type StoredItem = (String, i64, u32, i64, u32);

impl From<StoredItem> for ItemCount {
    fn from((name, quantity, orders, last_at, last_order): StoredItem) -> ItemCount {
        ItemCount { name, quantity, orders, last_at, last_order }
    }
}

impl From<ItemCount> for StoredItem {
    fn from(item: ItemCount) -> StoredItem {
        (item.name, item.quantity, item.orders, item.last_at, item.last_order)
    }
}

impl Profile {
    /// Takes one act into account. The caller sees to it that the same act comes once.
    pub fn fold(&mut self, behaviour: &Behaviour) {
        let at = behaviour.at_ms;
        self.first_at = Some(self.first_at.map_or(at, |first| first.min(at)));
        self.last_at = self.last_at.max(Some(at));
        let count = |counter: &mut u32| *counter = counter.saturating_add(1);
        match &behaviour.action {
            Action::Purchase { order_id, items } => {
                self.last_purchase_at = self.last_purchase_at.max(Some(at));
                let order = order_hash("purchase", order_id);
                if self.is_new(order) {
                    count(&mut self.orders);
                }
                self.spend_cents = self.spend_cents.saturating_add(behaviour.action.total_cents());
                for item in items {
                    self.price_band.saw(item.price_cents);
                    self.count_item(item, at, i64::from(item.quantity), Some(order));
                }
            }
            Action::Return { order_id, items } => {
                if self.is_new(order_hash("return", order_id)) {
                    count(&mut self.returns);
                }
                self.spend_cents = self.spend_cents.saturating_sub(behaviour.action.total_cents());
                items.iter().for_each(|item| self.count_item(item, at, -i64::from(item.quantity), None));
            }
            Action::Review { .. } => count(&mut self.reviews),
            Action::Search { .. } => count(&mut self.searches),
            Action::View { .. } => count(&mut self.views),
            Action::SignIn {} => count(&mut self.sign_ins),
        }
        self.cut_back();
    }

    fn is_new(&mut self, order: u32) -> bool {
        if self.recent_orders.contains(&order) {
            return false;
        }
        if self.recent_orders.len() >= MAX_ORDERS {
            self.recent_orders.remove(0);
        }
        self.recent_orders.push(order);
        true
    }

    /// Adds units of an item; `order` is that of a purchase.
    fn count_item(&mut self, item: &Item, at: i64, units: i64, order: Option<u32>) {
        if !item.category.is_empty() {
            add_to(&mut self.categories, &item.category, |quantity| *quantity = quantity.saturating_add(units));
        }
        add_to(&mut self.items, &item.sku, |count| {
            count.quantity = count.quantity.saturating_add(units);
            if let Some(order) = order
                && (count.orders == 0 || count.last_order != order)
            {
                count.orders = count.orders.saturating_add(1);
                count.last_order = order;
            }
            let name = cut(&item.name);
            // Of two lines at the same moment the greater name wins, so that their order does not matter.
            if count.name.is_empty() || (!name.is_empty() && (at, name) > (count.last_at, &count.name)) {
                count.name = name.to_owned();
            }
            count.last_at = count.last_at.max(at);
        });
    }

    fn cut_back(&mut self) {
        if self.items.len() > MAX_ITEMS + SLACK {
            keep(&mut self.items, MAX_ITEMS, |item| (i64::from(item.orders >= 2), item.last_at, item.quantity));
        }
        if self.categories.len() > MAX_CATEGORIES + SLACK {
            keep(&mut self.categories, MAX_CATEGORIES, |quantity| (*quantity, 0, 0));
        }
    }

    /// Whole days since the last purchase; 0 if it lies ahead of `now_ms`, `None` if there is none.
    pub fn recency_days(&self, now_ms: i64) -> Option<i64> {
        self.last_purchase_at.map(|at| now_ms.saturating_sub(at).max(0) / DAY_MS)
    }

    /// Categories with the units bought net of returns, the largest first; those that were all returned are left out.
    pub fn categories(&self) -> Vec<(&str, i64)> {
        let bought = self.categories.iter().filter(|(_, quantity)| **quantity > 0);
        let mut all: Vec<(&str, i64)> = bought.map(|(name, quantity)| (name.as_str(), *quantity)).collect();
        all.sort_by_key(|(_, quantity)| std::cmp::Reverse(*quantity));
        all
    }

    /// Items by sku.
    pub fn items(&self) -> impl Iterator<Item = (&str, &ItemCount)> {
        self.items.iter().map(|(sku, count)| (sku.as_str(), count))
    }

    /// Items bought in at least two orders, those of most orders first.
    pub fn repeat_items(&self) -> Vec<(&str, &ItemCount)> {
        let mut all: Vec<(&str, &ItemCount)> = self.items().filter(|(_, count)| count.orders >= 2).collect();
        all.sort_by_key(|(_, count)| std::cmp::Reverse((count.orders, count.quantity)));
        all
    }

    /// The profile as the API shows it; times are RFC 3339.
    pub fn view(&self, now_ms: i64) -> Value {
        let categories = self.categories();
        let repeat_items = self.repeat_items();
        json!({
            "first_at": self.first_at.and_then(rfc3339),
            "last_at": self.last_at.and_then(rfc3339),
            "last_purchase_at": self.last_purchase_at.and_then(rfc3339),
            "recency_days": self.recency_days(now_ms),
            "orders": self.orders,
            "returns": self.returns,
            "spend_cents": self.spend_cents,
            "price_band": {
                "min_cents": self.price_band.mean_cents().map(|_| self.price_band.min_cents),
                "mean_cents": self.price_band.mean_cents(),
                "max_cents": self.price_band.mean_cents().map(|_| self.price_band.max_cents),
            },
            "categories": categories
                .iter()
                .map(|(category, quantity)| json!({"category": category, "quantity": quantity}))
                .collect::<Vec<_>>(),
            "repeat_items": repeat_items
                .iter()
                .map(|(sku, item)| json!({
                    "sku": sku,
                    "name": item.name,
                    "orders": item.orders,
                    "quantity": item.quantity.max(0),
                    "last_at": rfc3339(item.last_at),
                }))
                .collect::<Vec<_>>(),
            "reviews": self.reviews,
            "searches": self.searches,
            "views": self.views,
            "sign_ins": self.sign_ins,
        })
    }
}

/// Changes a value in place, made if it is missing; most are there, and finding them needs no new text.
fn add_to<V: Default>(map: &mut BTreeMap<String, V>, key: &str, change: impl FnOnce(&mut V)) {
    match map.get_mut(key) {
        Some(value) => change(value),
        None => change(map.entry(key.to_owned()).or_default()),
    }
}

/// Keeps the `bound` entries of the largest worth; of equal ones those whose keys come first.
fn keep<V>(map: &mut BTreeMap<String, V>, bound: usize, worth: impl Fn(&V) -> (i64, i64, i64)) {
    let mut ranked: Vec<(&String, (i64, i64, i64))> = map.iter().map(|(key, value)| (key, worth(value))).collect();
    ranked.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let dropped: Vec<String> = ranked.into_iter().skip(bound).map(|(key, _)| key.clone()).collect();
    for key in dropped {
        map.remove(&key);
    }
}

fn cut(name: &str) -> &str {
    &name[..name.floor_char_boundary(MAX_NAME)]
}

fn order_hash(kind: &str, order_id: &str) -> u32 {
    let bytes = kind.bytes().chain([b' ']).chain(order_id.bytes());
    let hash =
        bytes.fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    domain::ids::mix(hash) as u32
}

pub(crate) fn rfc3339(at_ms: i64) -> Option<String> {
    jiff::Timestamp::from_millisecond(at_ms).ok().map(|at| format!("{at:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `purchase order day sku*quantity@price:category ...`, or another kind and a day.
    fn act(text: &str) -> Behaviour {
        let words: Vec<&str> = text.split_whitespace().collect();
        let item = |text: &&str| {
            let (rest, category) = text.split_once(':').unwrap_or((text, ""));
            let (rest, price) = rest.split_once('@').unwrap_or((rest, "100"));
            let (sku, quantity) = rest.split_once('*').unwrap_or((rest, "1"));
            Item {
                sku: sku.to_owned(),
                name: format!("the {sku}"),
                category: category.to_owned(),
                price_cents: price.parse().expect("a price"),
                quantity: quantity.parse().expect("a quantity"),
            }
        };
        let day = |place: usize| words[place].parse::<i64>().expect("a day");
        let (action, day) = match words[0] {
            "purchase" => {
                let action =
                    Action::Purchase { order_id: words[1].to_owned(), items: words[3..].iter().map(item).collect() };
                (action, day(2))
            }
            "return" => {
                let action =
                    Action::Return { order_id: words[1].to_owned(), items: words[3..].iter().map(item).collect() };
                (action, day(2))
            }
            "review" => (Action::Review { sku: String::new(), rating: 5, text: String::new() }, day(1)),
            "search" => (Action::Search { query: String::new() }, day(1)),
            "view" => (Action::View { sku: String::new() }, day(1)),
            _ => (Action::SignIn {}, day(1)),
        };
        Behaviour { id: text.to_owned(), at_ms: day * DAY_MS, action }
    }

    fn fold<'a>(acts: impl IntoIterator<Item = &'a str>) -> Profile {
        let mut profile = Profile::default();
        acts.into_iter().for_each(|text| profile.fold(&act(text)));
        profile
    }

    #[test]
    fn sums_are_net_of_returns_and_pieces_of_an_order_count_once() {
        // Orders, returns, spend, repeat items, categories.
        let check = |acts: &[&str], expect: (u32, u32, i64, &str, &str)| {
            let profile = fold(acts.iter().copied());
            let repeated: Vec<String> = profile
                .repeat_items()
                .iter()
                .map(|(sku, item)| format!("{sku} {} {}", item.orders, item.quantity))
                .collect();
            let categories: Vec<String> = profile.categories().iter().map(|(name, n)| format!("{name} {n}")).collect();
            let got = (profile.orders, profile.returns, profile.spend_cents, repeated.join(","), categories.join(","));
            let (orders, returns, spend, repeated, categories) = expect;
            assert_eq!(got, (orders, returns, spend, repeated.to_owned(), categories.to_owned()), "{acts:?}");
        };
        check(&[], (0, 0, 0, "", ""));
        check(&["purchase 1 1 a*2:k b@50:g a:k"], (1, 0, 350, "", "k 3,g 1"));
        check(&["purchase 1 1 a", "purchase 1 1 a b", "purchase 2 1 b"], (2, 0, 400, "b 2 2", ""));
        check(&["purchase 1 1 a*3:k", "return C1 2 a*3:k"], (1, 1, 0, "", ""));
        check(&["return 1 2 a*5@10", "purchase 1 1 a", "purchase 2 3 a*9"], (2, 1, 950, "a 2 5", ""));
        check(&["return 1 2 a", "return 1 2 b"], (0, 1, -200, "", ""));
        check(&["review 1", "search 2", "view 3", "sign_in 4"], (0, 0, 0, "", ""));
    }

    #[test]
    fn times_and_counts() {
        let profile = fold(["purchase 1 10 a", "view 3", "return 2 20 a", "sign_in 5", "review 12", "search 12"]);
        assert_eq!((profile.first_at, profile.last_at), (Some(3 * DAY_MS), Some(20 * DAY_MS)));
        assert_eq!((profile.views, profile.sign_ins, profile.reviews, profile.searches), (1, 1, 1, 1));
        for (now, expect) in [(10 * DAY_MS, Some(0)), (12 * DAY_MS - 1, Some(1)), (12 * DAY_MS, Some(2)), (0, Some(0))]
        {
            assert_eq!(profile.recency_days(now), expect);
        }
        assert_eq!(fold(["view 3"]).recency_days(9 * DAY_MS), None, "nothing was bought");
    }

    #[test]
    fn the_price_band_leaves_free_lines_out() {
        let band = fold(
            ["purchase 1 1 a@300 b@100 c@0 d@-5", "purchase 2 1 e@200*", "return 3 2 f@900"]
                .map(|t| t.trim_end_matches('*')),
        )
        .price_band;
        assert_eq!((band.lines, band.min_cents, band.mean_cents(), band.max_cents), (3, 100, Some(200), 300));
        assert_eq!(Profile::default().price_band.mean_cents(), None);
    }

    #[test]
    fn the_order_of_folding_does_not_matter() {
        let acts = [
            "purchase 1 1 a:k b",
            "purchase 2 5 a*2@50",
            "return C2 6 a@50",
            "purchase 3 3 b:g",
            "view 9",
            "sign_in 0",
        ];
        let sorted = |mut profile: Profile| {
            profile.recent_orders.sort_unstable();
            profile.items.values_mut().for_each(|item| item.last_order = 0);
            profile
        };
        let expect = sorted(fold(acts));
        for shift in 0..acts.len() {
            let rotated = acts.iter().cycle().skip(shift).take(acts.len()).copied();
            assert_eq!(sorted(fold(rotated.clone())), expect, "from {shift}");
            assert_eq!(sorted(fold(rotated.collect::<Vec<_>>().into_iter().rev())), expect, "back from {shift}");
        }
    }

    #[test]
    fn nothing_overflows() {
        let huge = format!("purchase 1 1 a*4294967295@{}:k", i64::MAX);
        let mut profile = fold([huge.as_str(), &huge, "purchase 2 1 a@-1"]);
        assert_eq!((profile.spend_cents, profile.price_band.sum_cents), (i64::MAX - 1, i64::MAX));
        let at = |at_ms| Behaviour { at_ms, ..act("sign_in 0") };
        profile.fold(&at(i64::MIN));
        profile.fold(&at(i64::MAX));
        profile.fold(&Behaviour { at_ms: i64::MIN, ..act("purchase 9 0 z") });
        assert_eq!(fold(["purchase 9 0 z"]).recency_days(i64::MAX), Some(i64::MAX / DAY_MS));
        assert!(profile.view(i64::MAX)["last_at"].is_null(), "a time beyond the calendar is not shown");
    }

    #[test]
    fn the_size_is_bounded_and_repeat_items_stay() {
        let mut profile = fold(["purchase x 0 keep", "purchase y 1 keep"]);
        for day in 0..5_000 {
            let long = "木".repeat(300);
            let mut bought = act(&format!("purchase {day} {day} s{day}:c{day}"));
            if let Action::Purchase { items, .. } = &mut bought.action {
                items[0].name = long;
            }
            profile.fold(&bought);
        }
        assert_eq!(profile.orders, 5_002);
        assert!(profile.items.len() <= MAX_ITEMS + SLACK && profile.categories.len() <= MAX_CATEGORIES + SLACK);
        assert!(profile.items.contains_key("keep") && profile.items.contains_key("s4999"));
        assert!(profile.recent_orders.len() <= MAX_ORDERS && profile.items["s4999"].name.len() <= MAX_NAME);
    }

    #[test]
    fn is_stored_and_shown() {
        let profile = fold(["purchase 1 1 a*2:k", "purchase 2 2 a:k", "return 3 3 b"]);
        let stored = serde_json::to_string(&profile).expect("a profile is JSON");
        assert_eq!(serde_json::from_str::<Profile>(&stored).expect("its own JSON"), profile);
        assert_eq!(serde_json::from_str::<Profile>("{}").expect("missing fields are empty"), Profile::default());
        let view = profile.view(4 * DAY_MS);
        for (name, expect) in [
            ("first_at", json!("1970-01-02T00:00:00.000Z")),
            ("last_at", json!("1970-01-04T00:00:00.000Z")),
            ("recency_days", json!(2)),
            ("orders", json!(2)),
            ("returns", json!(1)),
            ("spend_cents", json!(200)),
            ("categories", json!([{"category": "k", "quantity": 3}])),
            ("price_band", json!({"min_cents": 100, "mean_cents": 100, "max_cents": 100})),
        ] {
            assert_eq!(view[name], expect, "{name}");
        }
        let repeated =
            json!([{"sku": "a", "name": "the a", "orders": 2, "quantity": 3, "last_at": "1970-01-03T00:00:00.000Z"}]);
        assert_eq!(view["repeat_items"], repeated);
    }
}
