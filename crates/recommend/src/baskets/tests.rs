use domain::behaviour::Item;

use super::*;

/// Baskets by shopper, each a text of one-letter items; shopper 1, 2, ... and a day between baskets.
pub fn data(shoppers: &[&[&str]]) -> Dataset {
    let mut builder = Builder::default();
    for (shopper, baskets) in shoppers.iter().enumerate() {
        for (day, basket) in baskets.iter().enumerate() {
            builder.add(ShopperId(shopper as u64 + 1), &purchase(&day.to_string(), day as i64, basket));
        }
    }
    builder.build()
}

pub fn purchase(order: &str, day: i64, items: &str) -> Behaviour {
    let items = items
        .chars()
        .map(|c| Item {
            sku: c.to_string(),
            name: format!("item {c}"),
            category: String::new(),
            price_cents: 100,
            quantity: 1,
        })
        .collect();
    let action = Action::Purchase { order_id: order.to_owned(), items };
    Behaviour { id: order.to_owned(), at_ms: day * 86_400_000, action }
}

pub fn letters(data: &Dataset, items: &[ItemId]) -> String {
    items.iter().map(|&item| data.catalogue().sku(item)).collect()
}

fn show(data: &Dataset) -> Vec<String> {
    (0..data.len())
        .map(|place| {
            let baskets: Vec<_> = data.baskets(place).iter().map(|items| letters(data, items)).collect();
            format!("{}:{}", data.shopper(place), baskets.join(","))
        })
        .collect()
}

#[test]
fn behaviours_in_any_order_make_the_same_baskets() {
    let acts = [
        (2, purchase("10", 5, "ab")),
        (2, purchase("9", 5, "c")),
        (2, purchase("7", 6, "a")),
        (1, purchase("1", 1, "aab")),
        (1, purchase("1", 0, "c")),
        (1, purchase("0", 1, "b")),
    ];
    let want = ["1:abc,b", "2:c,ab,a"];
    let mut forward = Builder::default();
    let mut backward = Builder::default();
    for letter in ["a", "b", "c"] {
        forward.catalogue().intern(letter, "", "");
        backward.catalogue().intern(letter, "", "");
    }
    acts.iter().for_each(|(shopper, act)| forward.add(ShopperId(*shopper), act));
    acts.iter().rev().for_each(|(shopper, act)| backward.add(ShopperId(*shopper), act));
    assert_eq!(show(&forward.build()), want, "a piece of order 1 on day 0 pulls it before order 0");
    assert_eq!(show(&backward.build()), want);
}

#[test]
fn ranks_by_popularity_then_sku() {
    let data = data(&[&["cb", "a"], &["ab", "d"]]);
    assert_eq!(letters(&data, data.by_rank()), "abcd");
    assert_eq!(data.rank()[data.catalogue().item("d").expect("bought") as usize], 3);
}

#[test]
fn holds_out_the_last_basket_of_those_with_enough() {
    let data = data(&[&["a", "b", "c"], &["a", "b"], &["a"]]);
    let (train, held_out) = data.hold_out(3);
    assert_eq!(show(&train), ["1:a,b", "2:a,b", "3:a"]);
    assert_eq!(held_out, [HeldOut { shopper: 0, items: vec![2] }]);
    assert_eq!(data.hold_out(0).1.len(), 2, "a shopper's only basket always stays");
}

#[test]
fn returns_and_corrections_are_no_wishes() {
    let mut builder = Builder::default();
    let mut act = purchase("1", 1, "ab");
    if let Action::Purchase { items, .. } = &mut act.action {
        items[0].price_cents = -1;
        items[1].quantity = 0;
    }
    builder.add(ShopperId(1), &act);
    let Action::Purchase { order_id, items } = purchase("2", 1, "a").action else { return };
    builder.add(ShopperId(1), &Behaviour { action: Action::Return { order_id, items }, ..act });
    assert!(builder.build().is_empty());
}

#[test]
fn what_was_returned_is_remembered_until_it_is_bought_again() {
    let back = |day, items: &str| {
        let Action::Purchase { order_id, items } = purchase("1", day, items).action else { panic!("a purchase") };
        Behaviour { id: format!("r{day}"), at_ms: day * 86_400_000, action: Action::Return { order_id, items } }
    };
    let acts = [purchase("1", 1, "abc"), back(2, "ab"), purchase("2", 3, "b"), back(4, "x")];
    let mut builder = Builder::default();
    builder.add(ShopperId(3), &purchase("9", 1, "a"));
    acts.iter().for_each(|act| builder.add(ShopperId(5), act));
    let data = builder.build();
    let returned = |baskets: Baskets<'_>| [0, 1, 2].map(|item| baskets.has_returned(item));
    assert_eq!(returned(data.baskets(1)), [true, false, false]);
    assert_eq!(returned(data.baskets(0)), [false; 3]);
    let history = History::new(data.catalogue(), &acts);
    assert_eq!(returned(history.baskets()), [true, false, false]);
    assert_eq!(returned(data.hold_out(2).0.baskets(1)), [false; 3], "what is held out hides what followed");
}

#[test]
fn a_history_knows_only_the_catalogue_and_counts() {
    let data = data(&[&["abc"]]);
    let acts = [purchase("2", 9, "az"), purchase("1", 3, "ab")];
    let history = History::new(data.catalogue(), &acts);
    let baskets: Vec<_> = history.baskets().iter().map(|items| letters(&data, items)).collect();
    assert_eq!(baskets, ["ab", "a"]);
    assert_eq!(history.baskets().bought(0), Some((2, 9 * 86_400_000)));
    assert_eq!(history.baskets().bought(2), None);
    assert!(History::new(data.catalogue(), []).baskets().is_empty());
}

#[test]
fn order_keys_keep_the_order_of_numbers() {
    for (lower, higher) in [("9", "10"), ("536365", "536366"), ("10", "C10"), ("0", "x")] {
        assert!(order_key(lower) < order_key(higher), "{lower} before {higher}");
    }
    assert_ne!(order_key("C10"), order_key("C11"));
}
