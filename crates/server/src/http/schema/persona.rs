//! What more of a shopper's history is shown with the profile.

use serde::Serialize;
use utoipa::ToSchema;

/// Read from the latest 2,000 acts.
#[derive(Serialize, ToSchema)]
pub struct Persona {
    /// Null where nothing was bought.
    pub rfm: Option<Rfm>,
    /// The largest first.
    pub tastes: Vec<Taste>,
    /// From 0 (pays the usual price) to 1 (buys bargains only); null where too few items have a usual price.
    pub price_sensitivity: Option<f64>,
    /// From paid prices, of categories with three lines or more.
    pub willingness_to_pay: Vec<Pays>,
    /// Of items bought on three days or more.
    pub repeat_cycles: Vec<RepeatCycle>,
    pub favourite_times: Option<FavouriteTimes>,
    /// What most often goes before a purchase within a day: `search`, `browse`, `sign_in`, or `direct` for nothing.
    pub channel: Option<String>,
    /// Products that were looked at, searched for or rated well lately, the strongest first.
    pub interests: Vec<InterestShown>,
    /// Calibrated, of six decimals; null until the shop has 200 shoppers and three months to learn from.
    #[schema(example = "0.312500")]
    pub buys_within_30_days: Option<String>,
    /// The probability of not buying within 90 days, likewise; null until there are nine months.
    pub churn_risk: Option<String>,
    pub persona: PersonaText,
}

/// Steps from 1 to 5 (5 is best), cut where the shop's shoppers fall into fifths.
#[derive(Serialize, ToSchema)]
pub struct Rfm {
    pub recency: u8,
    pub frequency: u8,
    pub monetary: u8,
    /// `champions`, `loyal`, `potential_loyalist`, `new`, `promising`, `needs_attention`, `about_to_sleep`, `at_risk`,
    /// `cannot_lose`, `hibernating` or `lost`.
    pub segment: String,
}

#[derive(Serialize, ToSchema)]
pub struct Taste {
    pub category: String,
    /// Of what was bought in the last 450 days.
    pub share: f64,
    /// `rising`, `steady` or `falling`: the last 90 days against the 360 before.
    pub trend: String,
}

#[derive(Serialize, ToSchema)]
pub struct Pays {
    pub category: String,
    pub lines: usize,
    pub median_cents: i64,
    /// Nine of ten lines cost no more.
    pub high_cents: i64,
}

#[derive(Serialize, ToSchema)]
pub struct RepeatCycle {
    pub sku: String,
    pub name: String,
    pub orders: usize,
    pub days: i64,
    #[schema(format = DateTime)]
    pub next_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct FavouriteTimes {
    /// The first of the three hours in which most orders come.
    pub hour: u8,
    /// 1 is Monday.
    pub weekday: u8,
    pub time_zone: String,
}

#[derive(Serialize, ToSchema)]
pub struct InterestShown {
    pub sku: String,
    pub name: String,
    /// `viewed`, `searched` or `rated`.
    pub because: String,
}

/// A paragraph made from the facts above.
#[derive(Serialize, ToSchema)]
pub struct PersonaText {
    pub zh: String,
    pub en: String,
}

/// A named segment.
#[derive(Serialize, ToSchema)]
pub struct Segment {
    #[schema(example = "leaving")]
    pub name: String,
    /// CEL over `profile` (as `GET /shoppers/{external_id}/profile` shows it, probabilities as numbers) and `shopper` (the
    /// attributes that the shop told).
    #[schema(example = "profile.orders >= 3 && profile.churn_risk > 0.5")]
    pub expression: String,
    pub description: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
}

#[derive(Serialize, ToSchema)]
pub struct Segments {
    pub data: Vec<Segment>,
    /// Always null: there are at most 200.
    pub next_cursor: Option<String>,
}

/// What personalisation was worth: shoppers of the arms side by side. Of the first 20,000 shoppers by id who drew.
#[derive(Serialize, ToSchema)]
pub struct Personalisation {
    /// Those that anybody is in.
    pub arms: Vec<ArmReport>,
    /// How much better the personal arm did than each of the others.
    pub personal: Vec<Lift>,
}

#[derive(Serialize, ToSchema)]
pub struct ArmReport {
    /// `random`, `popular` or `personal`.
    pub arm: String,
    /// Who drew.
    pub shoppers: u64,
    /// Who bought after the first draw.
    pub bought_after: u64,
    /// Their share.
    pub rate: Estimate,
    /// What was spent after the first draw, per shopper who drew; null of a single one.
    pub mean_spend_cents: Option<Estimate>,
}

#[derive(Serialize, ToSchema)]
pub struct Lift {
    /// `random` or `popular`.
    pub against: String,
    /// Difference of the shares.
    pub rate: Estimate,
    /// Difference of the means.
    pub mean_spend_cents: Option<Estimate>,
    /// Whether 0 is outside of the interval of the shares.
    pub significant: bool,
}

/// A figure with its interval of 95 %.
#[derive(Serialize, ToSchema)]
pub struct Estimate {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}
