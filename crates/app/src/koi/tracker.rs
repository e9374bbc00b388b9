//! What a shop's tracker tells in one request: acts, refunds of whole orders, and who people are.

use super::Koi;
use crate::error::{Error, Result};
use crate::views::ShopperInput;
use domain::behaviour::{Action, Behaviour, Item};
use serde_json::{Map, Value};

/// Bytes of a shopper's attributes, as JSON, once what is new was added.
const ATTRIBUTES_BYTES: usize = 16 * 1024;

/// A refund that names no products: all that is left of its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeRefund {
    /// The shop's ids of the shopper, of the act and of the order.
    pub shopper: String,
    pub id: String,
    pub order_id: String,
    pub at_ms: i64,
}

/// All of one request.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// The shop's id of the shopper and what they did.
    pub acts: Vec<(String, Behaviour)>,
    pub refunds: Vec<WholeRefund>,
    /// What was told of a person is added to what is known: a `null` takes away.
    pub people: Vec<(String, ShopperInput)>,
}

impl Koi {
    /// Takes all of it. Where it fails a part may have been taken; sending it again does no harm, since acts have ids and
    /// what is told of people is the same twice. Refunds of orders that nobody told of are left out.
    ///
    /// # Errors
    /// `Unavailable`; attributes that grew too large.
    pub async fn hear(&self, heard: Heard) -> Result<()> {
        for (shopper, input) in heard.people {
            self.learn(&shopper, input).await?;
        }
        if !heard.acts.is_empty() {
            self.record_events(heard.acts.into_iter().map(Ok).collect()).await?;
        }
        if heard.refunds.is_empty() {
            return Ok(());
        }
        // The order may have come in this very request.
        self.projected().await;
        let mut returns = Vec::new();
        for refund in heard.refunds {
            let Some(shopper) = self.find_shopper(&refund.shopper).await? else { continue };
            let items = left_of(&refund, &self.history(shopper).await?);
            if !items.is_empty() {
                let action = Action::Return { order_id: refund.order_id, items };
                returns.push(Ok((refund.shopper, Behaviour { id: refund.id, at_ms: refund.at_ms, action })));
            }
        }
        if !returns.is_empty() {
            self.record_events(returns).await?;
        }
        Ok(())
    }

    /// Adds to what is known of a person, who is registered where they are new.
    async fn learn(&self, external_id: &str, input: ShopperInput) -> Result<()> {
        let known = match self.find_shopper(external_id).await? {
            Some(id) => self.parts().registry.person(id).await?.unwrap_or_default().attributes,
            None => String::new(),
        };
        let mut all: Map<String, Value> = serde_json::from_str(&known).unwrap_or_default();
        for (name, value) in input.attributes.unwrap_or_default() {
            if value.is_null() {
                all.remove(&name);
            } else {
                all.insert(name, value);
            }
        }
        if Value::Object(all.clone()).to_string().len() > ATTRIBUTES_BYTES {
            let detail = format!("with what is known already they have more than {ATTRIBUTES_BYTES} bytes");
            return Err(Error::invalid("attributes_too_large", "traits", detail));
        }
        self.put_shopper(external_id, ShopperInput { attributes: Some(all), ..input }).await?;
        Ok(())
    }
}

/// The lines of an order that were not given back yet. The refund's own act does not count, so that its repeat says the
/// same.
fn left_of(refund: &WholeRefund, history: &[Behaviour]) -> Vec<Item> {
    let mut left: Vec<Item> = Vec::new();
    for act in history {
        if let Action::Purchase { order_id, items } = &act.action
            && *order_id == refund.order_id
        {
            left.extend(items.iter().cloned());
        }
    }
    for act in history.iter().filter(|act| act.id != refund.id) {
        let Action::Return { order_id, items } = &act.action else { continue };
        if *order_id != refund.order_id {
            continue;
        }
        for back in items {
            let mut units = back.quantity;
            for line in left.iter_mut().filter(|line| line.sku == back.sku) {
                let taken = units.min(line.quantity);
                line.quantity -= taken;
                units -= taken;
            }
        }
    }
    left.retain(|line| line.quantity > 0);
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<Item> {
        let item = |word: &str| {
            let (sku, quantity) = word.split_once('*').unwrap_or((word, "1"));
            let quantity = quantity.parse().expect("a number");
            Item { sku: sku.into(), name: String::new(), category: String::new(), price_cents: 100, quantity }
        };
        text.split_whitespace().map(item).collect()
    }

    #[test]
    fn a_whole_refund_gives_back_what_is_left() {
        let bought = |order: &str, items| Action::Purchase { order_id: order.into(), items: lines(items) };
        let back = |order: &str, items| Action::Return { order_id: order.into(), items: lines(items) };
        for (acts, want) in [
            (vec![], ""),
            (vec![bought("o2", "a")], ""),
            (vec![bought("o1", "a*2 b")], "a*2 b"),
            (vec![bought("o1", "a"), bought("o1", "b")], "a b"),
            (vec![bought("o1", "a*2 b"), back("o1", "a")], "a b"),
            (vec![bought("o1", "a a*2"), back("o1", "a*2")], "a"),
            (vec![back("o1", "a"), bought("o1", "a")], ""),
            (vec![bought("o1", "a"), back("o2", "a"), back("o1", "z")], "a"),
        ] {
            let history: Vec<Behaviour> = (0i64..)
                .zip(acts)
                .map(|(at_ms, action)| Behaviour { id: format!("e{at_ms}"), at_ms, action })
                .collect();
            let refund = WholeRefund { shopper: "ada".into(), id: "r".into(), order_id: "o1".into(), at_ms: 9 };
            assert_eq!(left_of(&refund, &history), lines(want), "{history:?}");
            let repeat = Behaviour { id: "r".into(), at_ms: 9, action: back("o1", "a*9 b*9") };
            let again: Vec<Behaviour> = history.into_iter().chain([repeat]).collect();
            assert_eq!(left_of(&refund, &again), lines(want), "sent again");
        }
    }
}
