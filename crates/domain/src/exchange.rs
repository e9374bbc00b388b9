//! The exchange shop: items that points buy, and whether one can be bought now.

use crate::campaign::{Kind, Prize, PrizeKind, Time};
use crate::ids::{CampaignId, ItemId};
use serde::{Deserialize, Serialize};

/// Chances that one order may come to.
pub const CHANCES_MAX: u32 = 1_000_000;
/// Awards of one order: each is a fact of the order's record.
pub const AWARDS_MAX: u32 = 10;
/// Points of one item.
pub const PRICE_MAX: i64 = 1_000_000_000;
/// Units of one item.
pub const STOCK_MAX: u64 = 1_000_000_000_000;
/// Days that points are held for a prize that somebody else hands over, where an item does not say.
const HOLD_DAYS: u32 = 7;
const DAY_MS: i64 = 86_400_000;

/// A prize that points buy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = ExchangePrize))]
pub struct ItemPrize {
    /// `prize` where absent.
    #[serde(default = "prize_code")]
    pub code: String,
    /// The item's name where absent.
    #[serde(default)]
    pub name: String,
    /// `goods`, `coupon`, `balance` or `webhook`.
    pub kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skus: Vec<String>,
    /// What it is worth to the shopper, minor units.
    #[serde(default)]
    pub value_cents: i64,
    /// What one costs the shop, minor units.
    #[serde(default)]
    pub cost_cents: i64,
    /// Days in which one must be claimed; absent means never too late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim_days: Option<u32>,
    /// Units, where the prize is written as a campaign's is: it becomes the item's stock where that is higher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock: Option<u64>,
}

fn prize_code() -> String {
    "prize".to_owned()
}

fn cny() -> String {
    "CNY".to_owned()
}

/// What one unit gives: chances in a campaign, or a prize.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = ExchangeGives))]
pub struct Gives {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chances: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub campaign_id: Option<CampaignId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prize: Option<ItemPrize>,
}

/// An item as an operator writes it: the body of `POST /exchange/items`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = ExchangeItemDefinition))]
pub struct ItemDef {
    pub name: String,
    /// Of one unit, above 0.
    pub price_points: i64,
    /// Units to be had in all.
    pub stock: u64,
    pub gives: Gives,
    /// Units of one shopper in all; unlimited where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_shopper: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub starts_at: Option<Time>,
    /// Exclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub ends_at: Option<Time>,
    /// Of `value_cents`, ISO 4217.
    #[serde(default = "cny")]
    pub currency: String,
    /// Days until points come back for a prize that nobody could hand over; 7 where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_days: Option<u32>,
}

/// What is wrong with an item as written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct BadItem {
    pub field: &'static str,
    pub detail: &'static str,
}

/// An item at work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub id: ItemId,
    /// Grows with every edit.
    pub version: u32,
    /// Taken out of the shop: nobody can buy it any more.
    pub retired: bool,
    pub def: ItemDef,
    pub created_at_ms: i64,
}

/// What a shopper gets for a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goods {
    Chances {
        campaign: CampaignId,
        chances: u32,
    },
    /// Handed over by the order itself.
    AtOnce,
    /// Somebody else has to hand it over: until then its points are held.
    Later,
}

/// What was bought of an item so far, and when it is asked for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bought {
    /// Units of all shoppers, those under way included.
    pub by_all: u64,
    pub by_shopper: u64,
    pub now_ms: i64,
}

/// Why an item cannot be bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotForSale {
    #[error("the item is not in the shop any more")]
    Retired,
    #[error("the item cannot be bought yet")]
    NotStarted,
    #[error("the item's time is over")]
    Over,
    #[error("the item is sold out")]
    SoldOut,
    #[error("this shopper has bought as many of this item as one may")]
    ShopperLimit,
    #[error("so many of this item cannot be bought at once")]
    TooMany,
}

impl ItemDef {
    /// Whether the parts make sense together, and the prize with its defaults filled in.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn checked(mut self) -> Result<Self, BadItem> {
        let bad = |field, detail| Err(BadItem { field, detail });
        if !(1..=PRICE_MAX).contains(&self.price_points) {
            return bad("price_points", "`price_points` is 1 to 1000000000");
        }
        if self.stock > STOCK_MAX {
            return bad("stock", "`stock` is at most 1000000000000");
        }
        if self.per_shopper == Some(0) || self.hold_days.is_some_and(|days| !(1..=365).contains(&days)) {
            return bad("per_shopper", "`per_shopper` is above 0, `hold_days` is 1 to 365");
        }
        if self.ends_at.is_some_and(|ends| self.starts_at.is_some_and(|starts| starts.as_ms() >= ends.as_ms())) {
            return bad("ends_at", "`ends_at` is after `starts_at`");
        }
        if !crate::currency::is_currency(&self.currency) {
            return bad("currency", "`currency` is an active ISO 4217 code, three uppercase letters like CNY");
        }
        let (name, chances) = (self.name.clone(), self.gives.chances);
        match (&mut self.gives, chances) {
            (Gives { campaign_id: Some(_), prize: None, .. }, Some(1..=CHANCES_MAX)) => Ok(self),
            (Gives { campaign_id: None, prize: Some(prize), .. }, None) => {
                let sold = matches!(prize.kind, Kind::Goods | Kind::Coupon | Kind::Balance | Kind::Webhook);
                if !sold {
                    return bad("gives.prize.kind", "points buy prizes of kind goods, coupon, balance or webhook");
                }
                if prize.value_cents < 0 || prize.cost_cents < 0 {
                    return bad("gives.prize.value_cents", "a prize's value and cost are not below 0");
                }
                if prize.name.is_empty() {
                    prize.name = name;
                }
                self.stock = prize.stock.take().map_or(self.stock, |units| units.min(self.stock));
                Ok(self)
            }
            _ => bad("gives", "`gives` is either `chances` (1 to 1000000) with a `campaign_id`, or a `prize`"),
        }
    }
}

impl Item {
    /// What a unit gives. The check has seen to it that it gives one thing.
    pub fn goods(&self) -> Goods {
        let Gives { chances, campaign_id, prize } = &self.def.gives;
        match (chances, campaign_id, prize.as_ref().map(|p| p.kind)) {
            (Some(chances), Some(campaign), _) => Goods::Chances { campaign: *campaign, chances: *chances },
            (_, _, Some(Kind::Goods)) => Goods::AtOnce,
            _ => Goods::Later,
        }
    }

    /// What `quantity` units cost, where they can be bought now.
    ///
    /// # Errors
    /// Why not.
    pub fn admit(&self, quantity: u32, bought: Bought) -> Result<i64, NotForSale> {
        let most = match self.goods() {
            Goods::Chances { chances, .. } => CHANCES_MAX / chances.max(1),
            Goods::AtOnce => AWARDS_MAX,
            // Its points are held until it is handed over or given back, which is one or the other.
            Goods::Later => 1,
        };
        let units = u64::from(quantity);
        let within = |taken: u64, bound: u64| taken.checked_add(units).is_some_and(|sum| sum <= bound);
        if self.retired {
            Err(NotForSale::Retired)
        } else if self.def.starts_at.is_some_and(|at| bought.now_ms < at.as_ms()) {
            Err(NotForSale::NotStarted)
        } else if self.def.ends_at.is_some_and(|at| bought.now_ms >= at.as_ms()) {
            Err(NotForSale::Over)
        } else if quantity == 0 || quantity > most {
            Err(NotForSale::TooMany)
        } else if !within(bought.by_all, self.def.stock) {
            Err(NotForSale::SoldOut)
        } else if self.def.per_shopper.is_some_and(|bound| !within(bought.by_shopper, u64::from(bound))) {
            Err(NotForSale::ShopperLimit)
        } else {
            Ok(self.def.price_points.saturating_mul(i64::from(quantity)))
        }
    }

    /// Until when points are held for a prize that is not handed over.
    pub fn hold_until_ms(&self, now_ms: i64) -> i64 {
        now_ms.saturating_add(i64::from(self.def.hold_days.unwrap_or(HOLD_DAYS)) * DAY_MS)
    }

    /// Its prize, as awards know prizes.
    pub fn prize(&self) -> Option<Prize> {
        let from = self.def.gives.prize.as_ref()?;
        let kind = match from.kind {
            Kind::Goods => PrizeKind::Goods,
            Kind::Coupon => PrizeKind::Coupon,
            Kind::Balance => PrizeKind::Balance,
            Kind::Webhook => PrizeKind::Webhook,
            Kind::Points | Kind::None => return None,
        };
        Some(Prize {
            code: from.code.as_str().into(),
            name: from.name.as_str().into(),
            kind,
            category: from.category.as_deref().unwrap_or_default().into(),
            skus: from.skus.iter().map(|sku| sku.as_str().into()).collect(),
            value_cents: from.value_cents,
            cost_cents: from.cost_cents,
            stock: None,
            claim_days: from.claim_days,
            once: false,
            release: Box::default(),
            substitute: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn def(gives: &str) -> ItemDef {
        let text = format!(r#"{{"name": "Mug", "price_points": 50, "stock": 10, "per_shopper": 3, "gives": {gives}}}"#);
        serde_json::from_str(&text).expect("a definition")
    }

    fn item(gives: &str) -> Item {
        let def = def(gives).checked().expect("a good item");
        Item { id: ItemId(1), version: 1, retired: false, def, created_at_ms: 0 }
    }

    const CHANCES: &str = r#"{"chances": 2, "campaign_id": "7"}"#;
    const MUG: &str = r#"{"prize": {"kind": "goods", "value_cents": 3900}}"#;
    const CODE: &str = r#"{"prize": {"code": "c", "name": "Code", "kind": "coupon"}}"#;

    #[test]
    fn an_item_gives_one_thing() {
        for (gives, want) in [
            (CHANCES, None),
            (MUG, None),
            (CODE, None),
            ("{}", Some("gives")),
            (r#"{"chances": 2}"#, Some("gives")),
            (r#"{"campaign_id": "7"}"#, Some("gives")),
            (r#"{"chances": 0, "campaign_id": "7"}"#, Some("gives")),
            (r#"{"chances": 2, "campaign_id": "7", "prize": {"kind": "goods"}}"#, Some("gives")),
            (r#"{"prize": {"kind": "points"}}"#, Some("gives.prize.kind")),
            (r#"{"prize": {"kind": "none"}}"#, Some("gives.prize.kind")),
            (r#"{"prize": {"kind": "goods", "value_cents": -1}}"#, Some("gives.prize.value_cents")),
        ] {
            assert_eq!(def(gives).checked().err().map(|bad| bad.field), want, "{gives}");
        }
        for (change, want) in [
            (ItemDef { price_points: 0, ..def(MUG) }, "price_points"),
            (ItemDef { price_points: PRICE_MAX + 1, ..def(MUG) }, "price_points"),
            (ItemDef { stock: STOCK_MAX + 1, ..def(MUG) }, "stock"),
            (ItemDef { per_shopper: Some(0), ..def(MUG) }, "per_shopper"),
            (ItemDef { currency: "yuan".into(), ..def(MUG) }, "currency"),
            (
                ItemDef {
                    starts_at: Time::parse("2026-01-02T00:00:00Z"),
                    ends_at: Time::parse("2026-01-01T00:00:00Z"),
                    ..def(MUG)
                },
                "ends_at",
            ),
        ] {
            assert_eq!(change.clone().checked().err().map(|bad| bad.field), Some(want), "{change:?}");
        }
        let as_in_a_campaign = item(r#"{"prize": {"kind": "goods", "stock": 4}}"#).def;
        let prize_stock = as_in_a_campaign.gives.prize.as_ref().and_then(|prize| prize.stock);
        assert_eq!((as_in_a_campaign.stock, prize_stock), (4, None), "the lower stock counts, and stands in one place");
        let prize = item(MUG).prize().expect("a prize");
        assert_eq!((&*prize.code, &*prize.name, prize.kind), ("prize", "Mug", PrizeKind::Goods));
    }

    #[test]
    fn stock_limits_and_time_say_who_may_buy() {
        let bought = |by_all, by_shopper| Bought { by_all, by_shopper, now_ms: 5 };
        let retired = Item { retired: true, ..item(MUG) };
        for (item, quantity, bought, want) in [
            (item(MUG), 1, bought(0, 0), Ok(50)),
            (item(MUG), 3, bought(7, 0), Ok(150)),
            (item(MUG), 1, bought(10, 0), Err(NotForSale::SoldOut)),
            (item(MUG), 3, bought(8, 0), Err(NotForSale::SoldOut)),
            (item(MUG), 2, bought(0, 2), Err(NotForSale::ShopperLimit)),
            (item(MUG), 11, bought(0, 0), Err(NotForSale::TooMany)),
            (item(MUG), 0, bought(0, 0), Err(NotForSale::TooMany)),
            (item(CODE), 2, bought(0, 0), Err(NotForSale::TooMany)),
            (item(CODE), 1, bought(9, 2), Ok(50)),
            (item(CHANCES), 3, bought(0, 0), Ok(150)),
            (retired, 1, bought(0, 0), Err(NotForSale::Retired)),
        ] {
            assert_eq!(item.admit(quantity, bought), want, "{quantity} after {bought:?}");
        }
        assert_eq!(
            [item(CHANCES).goods(), item(MUG).goods(), item(CODE).goods()],
            [Goods::Chances { campaign: CampaignId(7), chances: 2 }, Goods::AtOnce, Goods::Later]
        );
    }
}
