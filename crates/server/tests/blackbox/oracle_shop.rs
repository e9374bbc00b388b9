//! The oracle's part about redeem codes and the exchange shop: each code used as often as somebody was told so, each item
//! sold as often, every exchange where it must be.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use xtask::fixture::KEY;
use xtask::http::Call;

use super::harness::{Dice, Koi};
use super::oracle::{Act, Oracle};
use super::oracle_orders::OrderAct;

/// Codes of a campaign, and chances of each.
const CODES: u64 = 300;
pub const CODE_CHANCES: u64 = 2;
/// What an item costs, and how many there are of each.
pub const ITEM_PRICE: i64 = 5;
const ITEM_STOCK: u64 = 60;

/// What a campaign's shoppers can use and buy.
#[derive(Debug, Clone, Default)]
pub struct Shop {
    batch: String,
    codes: Vec<String>,
    /// Chances, goods, and a prize that the receiver hands over.
    items: [String; 3],
}

impl Shop {
    /// Codes and items for a campaign.
    pub fn open(koi: &Koi, campaign: &str) -> Self {
        let body = json!({"count": CODES, "chances": CODE_CHANCES});
        let batch = koi.must(&Call::post(format!("/campaigns/{campaign}/codes"), &body).token(KEY));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let items = [
            json!({"chances": 1, "campaign_id": campaign}),
            json!({"prize": {"kind": "goods"}}),
            json!({"prize": {"kind": "webhook"}}),
        ];
        let items = items.map(|gives| {
            let body = json!({"name": "Thing", "price_points": ITEM_PRICE, "stock": ITEM_STOCK, "gives": gives});
            text(&koi.must(&Call::post("/exchange/items", &body).token(KEY))["id"])
        });
        let codes = batch["codes"].as_array().into_iter().flatten().map(text).collect();
        Self { batch: text(&batch["batch_id"]), codes, items }
    }

    /// A code that somebody may have used already.
    pub fn code(&self, dice: &mut Dice) -> String {
        self.codes[dice.below(self.codes.len() as u64) as usize].clone()
    }

    /// An item that may be sold out.
    pub fn item(&self, dice: &mut Dice) -> String {
        self.items[dice.below(self.items.len() as u64) as usize].clone()
    }

    /// Whether an act buys what the receiver hands over.
    pub fn is_hook(&self, act: &Act) -> bool {
        matches!(act, Act::Order(OrderAct::Exchange(item)) if *item == self.items[2])
    }
}

impl Oracle {
    /// Compares a campaign's codes and items, and the exchange orders of all shoppers, with the account.
    pub(super) fn verify_shop(&mut self, koi: &Koi, campaign: usize) {
        let (id, shop) = (self.campaigns[campaign].id.clone(), self.campaigns[campaign].shop.clone());
        let mut used: BTreeMap<String, u64> = BTreeMap::new();
        let mut sold: BTreeMap<String, u64> = BTreeMap::new();
        for attempt in self.attempts.iter().filter(|a| a.campaign == campaign && a.answer.is_some()) {
            match &attempt.act {
                Act::Order(OrderAct::Redeem(code)) => *used.entry(code.clone()).or_insert(0) += 1,
                Act::Order(OrderAct::Exchange(item)) => *sold.entry(item.clone()).or_insert(0) += 1,
                _ => {}
            }
        }
        let path = format!("/campaigns/{id}/codes/{}/export", shop.batch);
        let csv = koi.send(&Call::get(path).token(KEY)).text().into_owned();
        for line in csv.lines().skip(1) {
            let mut cells = line.split(',');
            let (code, count) = (cells.next().unwrap_or_default(), cells.next().and_then(|n| n.parse().ok()));
            let want = used.get(code).copied().unwrap_or(0);
            if want > 1 || count != Some(want) {
                self.wrong.add("codes_wrong", format!("code {code} was used {count:?} times, {want} were told so"));
            }
        }
        for item in &shop.items {
            let shown = koi.must(&Call::get(format!("/exchange/items/{item}")).token(KEY));
            let want = sold.get(item).copied().unwrap_or(0);
            if want > ITEM_STOCK || shown["sold"] != want {
                self.wrong.add("exchanges_wrong", format!("{want} of {ITEM_STOCK} were told of {shown}"));
            }
        }
        for who in 0..self.shoppers.len() {
            for wrong in self.wrong_exchanges(koi, who) {
                self.wrong.add("exchanges_wrong", wrong);
            }
        }
    }

    fn wrong_exchanges(&self, koi: &Koi, who: usize) -> Vec<String> {
        let (name, token) = &self.shoppers[who];
        let rows = koi.rows("/exchange/orders", token);
        let mut listed: BTreeMap<&str, &Value> =
            rows.iter().map(|row| (row["id"].as_str().unwrap_or_default(), row)).collect();
        let mut wrong = Vec::new();
        if listed.len() != rows.len() {
            wrong.push(format!("{name}: an exchange is listed twice"));
        }
        let bought = |act: &Act| matches!(act, Act::Order(OrderAct::Exchange(_)));
        for attempt in self.attempts.iter().filter(|a| a.who == who && bought(&a.act)) {
            let Some(told) = attempt.told() else { continue };
            let Some(row) = listed.remove(told["id"].as_str().unwrap_or_default()) else {
                wrong.push(format!("{name}: lost {told}"));
                continue;
            };
            let same = ["kind", "item_id", "quantity", "price_points", "created_at", "chances"];
            if same.iter().any(|field| row[field] != told[field]) || row["awards"][0]["id"] != told["awards"][0]["id"] {
                wrong.push(format!("{name}: answered {told}, listed {row}"));
            }
        }
        wrong.extend(listed.values().map(|row| format!("{name}: nobody asked for {row}")));
        wrong
    }
}
