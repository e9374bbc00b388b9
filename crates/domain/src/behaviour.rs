//! What a shopper does in the shop: the six kinds of behaviour that Koi reads.

use serde::{Deserialize, Serialize};

/// One line of a purchase or a return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    pub sku: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub category: String,
    /// Price of one unit in minor units.
    #[serde(default)]
    pub price_cents: i64,
    /// Units, always positive; a return says so by its kind.
    #[serde(default = "one")]
    pub quantity: u32,
}

fn one() -> u32 {
    1
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Action {
    Purchase {
        order_id: String,
        items: Vec<Item>,
    },
    Return {
        order_id: String,
        items: Vec<Item>,
    },
    /// Rating from 1 to 5.
    Review {
        sku: String,
        rating: u8,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        text: String,
    },
    Search {
        query: String,
    },
    View {
        sku: String,
    },
    SignIn {},
}

/// One act of one shopper. `(shopper, id)` is unique, which makes a repeat harmless.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Behaviour {
    /// The shop's own id of this act.
    pub id: String,
    /// When it happened, Unix milliseconds.
    pub at_ms: i64,
    pub action: Action,
}

impl Action {
    /// The word that API and storage use.
    pub fn kind(&self) -> &'static str {
        match self {
            Action::Purchase { .. } => "purchase",
            Action::Return { .. } => "return",
            Action::Review { .. } => "review",
            Action::Search { .. } => "search",
            Action::View { .. } => "view",
            Action::SignIn {} => "sign_in",
        }
    }

    /// What a purchase or return is worth in minor units, 0 for the rest. Saturates, so no input can overflow it.
    pub fn total_cents(&self) -> i64 {
        match self {
            Action::Purchase { items, .. } | Action::Return { items, .. } => items
                .iter()
                .fold(0i64, |sum, i| sum.saturating_add(i.price_cents.saturating_mul(i64::from(i.quantity)))),
            _ => 0,
        }
    }
}
