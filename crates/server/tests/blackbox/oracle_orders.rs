//! The oracle's part about orders: what each act must have come to, and how the server must list it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use xtask::fixture::KEY;
use xtask::process::{from_now, wait_for};

use super::harness::{Dice, Koi, SETTLES_WITHIN};
use super::oracle::{Act, Attempt, Oracle};
use super::oracle_shop::{CODE_CHANCES, ITEM_PRICE, Shop};

/// What a chance costs in points, and in minor units.
const POINTS_PRICE: i64 = 5;
const PRICE_CENTS: i64 = 100;
/// Seconds that an order waits for its payment, and that short-lived chances live: they end within a round or the next.
const SHORT_S: i64 = 2;
/// One chance per full amount of a purchase.
const PER_PURCHASE_CENTS: i64 = 1_000;

/// Adds every way to chances to a campaign.
pub fn order_campaign(body: &mut Value) {
    let chances = &mut body["chances"];
    chances["points_price"] = json!(POINTS_PRICE);
    chances["paid_price_cents"] = json!(PRICE_CENTS);
    chances["unpaid_seconds"] = json!(SHORT_S);
    chances["per_purchase_cents"] = json!(PER_PURCHASE_CENTS);
}

/// What an attempt about an order asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderAct {
    /// So many chances for points.
    Buy(u32),
    /// So many chances, to be paid.
    Bill(u32),
    /// The payment of an order.
    Pay(String),
    /// The end of an unpaid order.
    Cancel(String),
    /// Chances that soon expire, by business key.
    Short(u32),
    /// A purchase worth so many chances; its key is the shop's order.
    Purchase(u32),
    /// The return of all of a purchase.
    Return(String, u32),
    /// The use of a code.
    Redeem(String),
    /// One unit of an exchange item.
    Exchange(String),
}

impl OrderAct {
    /// Path and body of its request.
    pub fn request(&self, campaign: &str, name: &str, key: &str) -> (String, Value) {
        let bought = |kind: &str, id: String, order: &str, chances: u32| {
            let item = json!({"sku": "SKU", "name": "Thing", "category": "c0",
                              "price_cents": PER_PURCHASE_CENTS * i64::from(chances), "quantity": 1});
            let event =
                json!({"id": id, "type": kind, "shopper": name, "at": from_now(0), "order_id": order, "items": [item]});
            ("/events".to_owned(), event)
        };
        let orders = format!("/campaigns/{campaign}/orders");
        match self {
            OrderAct::Buy(quantity) => (orders, json!({"kind": "points", "quantity": quantity})),
            OrderAct::Bill(quantity) => (orders, json!({"kind": "paid", "quantity": quantity})),
            OrderAct::Pay(order) => (format!("/orders/{order}/paid"), json!({"payment_id": key})),
            OrderAct::Cancel(order) => (format!("/orders/{order}/cancel"), json!({})),
            OrderAct::Short(chances) => (
                format!("/campaigns/{campaign}/grants"),
                json!({"shopper": name, "chances": chances, "business_key": key, "reason": "short",
                       "expires_at": from_now(SHORT_S)}),
            ),
            OrderAct::Redeem(code) => (orders, json!({"kind": "redeem", "code": code})),
            OrderAct::Exchange(item) => (format!("/exchange/items/{item}/orders"), json!({})),
            OrderAct::Purchase(chances) => bought("purchase", format!("buy-{key}"), key, *chances),
            OrderAct::Return(order, chances) => bought("return", format!("return-{key}"), order, *chances),
        }
    }

    /// Whether the shop's server sends it.
    pub fn by_shop(&self) -> bool {
        use OrderAct::{Bill, Buy, Cancel, Exchange, Redeem};
        !matches!(self, Buy(_) | Bill(_) | Cancel(_) | Redeem(_) | Exchange(_))
    }

    /// Whether the server stores no answer for it.
    pub fn unkeyed(&self) -> bool {
        matches!(self, OrderAct::Cancel(_) | OrderAct::Purchase(_) | OrderAct::Return(..))
    }

    /// Chances that its acknowledged answer granted.
    pub fn granted(&self, attempt: &Attempt) -> u64 {
        match self {
            OrderAct::Buy(chances) | OrderAct::Short(chances) | OrderAct::Purchase(chances) => u64::from(*chances),
            OrderAct::Redeem(_) => CODE_CHANCES,
            OrderAct::Exchange(_) => attempt.told().and_then(|told| told["chances"].as_u64()).unwrap_or(0),
            OrderAct::Pay(_) => {
                let told = attempt.told().unwrap_or_default();
                if told["refund"].is_null() { told["chances"].as_u64().unwrap_or(0) } else { 0 }
            }
            _ => 0,
        }
    }

    /// Points that its acknowledged answer moved.
    pub fn points(&self, _: &Attempt) -> i64 {
        match self {
            OrderAct::Buy(quantity) => -POINTS_PRICE * i64::from(*quantity),
            OrderAct::Exchange(_) => -ITEM_PRICE,
            _ => 0,
        }
    }
}

/// What a caller may still do something about.
#[derive(Default)]
pub struct Open {
    unpaid: Vec<String>,
    bought: Vec<(String, u32)>,
}

impl Open {
    /// Notes what an acknowledged attempt opened.
    pub fn note(&mut self, attempt: &Attempt) {
        match &attempt.act {
            Act::Order(OrderAct::Bill(_)) => {
                self.unpaid.extend(attempt.told().and_then(|told| told["id"].as_str().map(str::to_owned)));
            }
            Act::Order(OrderAct::Purchase(chances)) => self.bought.push((attempt.key.clone(), *chances)),
            _ => {}
        }
    }

    /// The next act.
    pub fn choose(&mut self, dice: &mut Dice, shop: &Shop) -> OrderAct {
        let some = 1 + dice.below(3) as u32;
        match dice.below(15) {
            10..13 => OrderAct::Redeem(shop.code(dice)),
            13.. => OrderAct::Exchange(shop.item(dice)),
            0..2 => OrderAct::Buy(some),
            2..4 => OrderAct::Bill(some),
            // An order may be paid twice, or paid after it was given up: the money is owed back then.
            4..6 => match self.unpaid.last() {
                Some(order) if dice.below(4) > 0 => OrderAct::Pay(order.clone()),
                _ => self.unpaid.pop().map_or(OrderAct::Bill(some), OrderAct::Pay),
            },
            6 => self.unpaid.last().map_or(OrderAct::Bill(some), |order| OrderAct::Cancel(order.clone())),
            7 => OrderAct::Short(some),
            8 => OrderAct::Purchase(some),
            _ => self.bought.pop().map_or(OrderAct::Purchase(some), |(order, n)| OrderAct::Return(order, n)),
        }
    }
}

/// What the orders of one shopper in one campaign must be, by the attempts that were acknowledged.
#[derive(Default)]
struct Expected<'a> {
    /// Answers by the order's id.
    made: BTreeMap<String, Value>,
    /// The shop's own orders that gave chances.
    bought: BTreeSet<&'a str>,
}

impl Oracle {
    /// Compares the orders of a campaign, and what is owed back in it, with the account.
    pub(super) fn verify_orders(&mut self, koi: &Koi, campaign: usize) {
        let id = self.campaigns[campaign].id.clone();
        for who in 0..self.shoppers.len() {
            let (name, token) = self.shoppers[who].clone();
            let chances = || koi.me(&id, &token)["chances"].clone();
            let list = || koi.rows(&format!("/campaigns/{id}/orders"), &token);
            // Chances expire by themselves: what is compared was read while none did.
            let (before, rows) = wait_for(SETTLES_WITHIN, "a quiet moment", || {
                let (before, rows) = (chances(), list());
                (chances() == before).then_some((before, rows))
            })
            .unwrap_or_else(|error| panic!("{name}: {error}"));
            for wrong in self.wrong_orders(who, campaign, &rows, &before) {
                self.wrong.add("orders_wrong", format!("{name}: {wrong}"));
            }
        }
        let mut owed: Vec<String> = self
            .attempts
            .iter()
            .filter(|a| a.campaign == campaign && matches!(a.act, Act::Order(OrderAct::Pay(_))))
            .filter_map(|a| a.told()?["refund"]["id"].as_str().map(str::to_owned))
            .collect();
        let rows = koi.rows(&format!("/campaigns/{id}/refunds"), KEY);
        let mut listed: Vec<String> = rows.iter().filter_map(|row| row["id"].as_str().map(str::to_owned)).collect();
        owed.sort();
        listed.sort();
        if owed != listed {
            self.wrong.add("refunds_wrong", format!("campaign {campaign}: owed {owed:?}, listed {listed:?}"));
        }
    }

    fn wrong_orders(&self, who: usize, campaign: usize, rows: &[Value], chances: &Value) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut expected = Expected::default();
        for attempt in self.attempts.iter().filter(|a| a.who == who && a.answer.is_some()) {
            match &attempt.act {
                Act::Order(OrderAct::Purchase(_)) if attempt.campaign >= campaign => {
                    _ = expected.bought.insert(&attempt.key);
                }
                Act::Grant(_)
                | Act::SignIn
                | Act::Order(
                    OrderAct::Buy(_)
                    | OrderAct::Bill(_)
                    | OrderAct::Short(_)
                    | OrderAct::Redeem(_)
                    | OrderAct::Exchange(_),
                ) if attempt.campaign == campaign => {
                    let told = attempt.told().unwrap_or_default();
                    // An exchange that gives a prize is no order of the campaign.
                    if told["campaign_id"].is_null() {
                        continue;
                    }
                    expected.made.insert(told["id"].as_str().unwrap_or_default().to_owned(), told);
                }
                _ => {}
            }
        }
        let (mut granted, mut left) = (0, 0);
        let mut seen = BTreeSet::new();
        for row in rows {
            let (state, kind) = (row["state"].as_str().unwrap_or_default(), row["kind"].as_str().unwrap_or_default());
            if !seen.insert(row["id"].as_str().unwrap_or_default()) {
                wrong.push(format!("listed twice: {row}"));
            }
            if !(kind == "paid" && matches!(state, "pending_payment" | "closed")) {
                granted += row["chances"].as_u64().unwrap_or(0);
            }
            let lives = row["left"].as_u64().unwrap_or(u64::MAX);
            left += lives;
            // What is due is shown without chances a moment before it is written off.
            if lives > 0 && state != "effective" {
                wrong.push(format!("{lives} chances of a {state} order: {row}"));
            }
            match expected.made.get(row["id"].as_str().unwrap_or_default()) {
                Some(told) => {
                    for field in ["kind", "chances", "created_at", "price_cents", "price_points", "expires_at"] {
                        let paid = kind == "paid" && field == "expires_at";
                        if row[field] != told[field] && !paid {
                            wrong.push(format!("{field} was {} and is {}", told[field], row[field]));
                        }
                    }
                }
                None if kind == "purchase" => {}
                None => wrong.push(format!("nobody asked for {row}")),
            }
        }
        for id in expected.made.keys().filter(|id| !seen.contains(id.as_str())) {
            wrong.push(format!("order {id} is lost"));
        }
        let bought: BTreeSet<&str> =
            rows.iter().filter(|row| row["kind"] == "purchase").filter_map(|row| row["reason"].as_str()).collect();
        for order in expected.bought.iter().filter(|order| !bought.contains(**order)) {
            wrong.push(format!("purchase {order} gave nothing"));
        }
        if chances["granted"] != granted || chances["left"] != left {
            wrong.push(format!("{chances}, but the orders come to granted {granted}, left {left}"));
        }
        wrong
    }
}
