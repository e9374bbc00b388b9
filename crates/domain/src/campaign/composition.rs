//! How a campaign's strategies are composed besides what shoppers want, and what they are measured against. Which prizes a
//! shopper sees changes by it; no odds do.

use serde::{Deserialize, Serialize};

/// Shares of shoppers, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = CampaignComposition))]
pub struct Composition {
    /// These keep the random strategy: what personalisation is worth is measured against them.
    pub random_percent: u8,
    /// These see what most shoppers want: with the random ones at most 100.
    pub popular_percent: u8,
    /// The last slot of these shoppers' tiers of three slots or more shows a prize that they would not see: the floor of
    /// exposure of the long tail, and something new.
    pub explore_percent: u8,
}

impl Composition {
    /// Whether nothing was asked for.
    pub fn is_usual(&self) -> bool {
        *self == Composition::default()
    }

    /// Whether strategies are measured against others.
    pub fn has_arms(&self) -> bool {
        self.random_percent > 0 || self.popular_percent > 0
    }

    /// What is wrong with it, as a member and a lowercase fragment.
    pub(super) fn fault(&self) -> Option<(&'static str, &'static str)> {
        if u16::from(self.random_percent) + u16::from(self.popular_percent) > 100 {
            return Some(("composition.random_percent", "more than 100 percent with the popular ones"));
        }
        (self.explore_percent > 100).then_some(("composition.explore_percent", "more than 100 percent"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_percents() {
        for (random_percent, popular_percent, explore_percent, ok) in
            [(0, 0, 0, true), (50, 50, 100, true), (51, 50, 0, false), (255, 255, 0, false), (0, 0, 101, false)]
        {
            let composition = Composition { random_percent, popular_percent, explore_percent };
            assert_eq!(composition.fault().is_none(), ok, "{composition:?}");
        }
        assert!(serde_json::from_str::<Composition>("{\"random_percent\": -1}").is_err());
        assert!(serde_json::from_str::<Composition>("{\"random\": 1}").is_err());
        assert!(Composition::default().is_usual() && !Composition::default().has_arms());
    }
}
