//! What is known of a shopper, a campaign and the moment before a draw.

use super::BlacklistMode;
use crate::campaign::{PrizeIx, State, TierIx, bounds};
use crate::ids::ShopperId;

/// What the shop told of a person and what behaviour says about one. Gathered only where a flow asks for it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Person {
    /// Empty where none was told.
    pub segment: String,
    /// 0 where none was told.
    pub level: i64,
    pub tags: Vec<Box<str>>,
    pub orders: i64,
    pub returns: i64,
    /// Minor units, over the whole history.
    pub spend_cents: i64,
    /// Days since the last purchase; `i64::MAX` where there is none.
    pub recency_days: i64,
}

/// Somebody of whom nothing was told.
pub static NOBODY: Person = Person {
    segment: String::new(),
    level: 0,
    tags: Vec::new(),
    orders: 0,
    returns: 0,
    spend_cents: 0,
    recency_days: i64::MAX,
};

/// A moment on the calendar of the campaign's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Civil {
    /// Days since 1970-01-01.
    pub day: i32,
    /// 1 is Monday, 7 is Sunday.
    pub weekday: u8,
    /// Minutes since midnight by the clock on the wall.
    pub minute: u16,
}

/// What the shop and the platform hold against a shopper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Risk {
    /// 0 to 100, given by the shop.
    pub score: u32,
    /// Draws in the last hour from the shopper's device, and from the address; 0 where neither is known.
    pub device_draws: u32,
    pub address_draws: u32,
}

/// Draws since the last prize of each tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dry([u16; bounds::TIERS]);

impl Default for Dry {
    fn default() -> Self {
        Dry([0; bounds::TIERS])
    }
}

impl Dry {
    /// Draws since the last prize of `tier`, or since the first draw.
    pub fn of(&self, tier: TierIx) -> u32 {
        self.0.get(usize::from(tier)).copied().map_or(0, u32::from)
    }

    /// Sets one counter. Above 65,535 it stays there: no guarantee waits that long.
    pub fn set(&mut self, tier: TierIx, draws: u64) {
        if let Some(place) = self.0.get_mut(usize::from(tier)) {
            *place = u16::try_from(draws).unwrap_or(u16::MAX);
        }
    }

    /// Every counter at `draws`: what a shopper without any prize has.
    pub fn all(draws: u64) -> Self {
        Dry([u16::try_from(draws).unwrap_or(u16::MAX); bounds::TIERS])
    }

    fn after(mut self, tier: Option<TierIx>) -> Self {
        for draws in &mut self.0 {
            *draws = draws.saturating_add(1);
        }
        if let Some(tier) = tier {
            self.set(tier, 0);
        }
        self
    }
}

/// Prizes won by earlier draws of the same command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fresh {
    prizes: [PrizeIx; Fresh::BOUND],
    len: u8,
}

impl Fresh {
    /// A command has at most ten draws.
    pub const BOUND: usize = 10;

    fn push(mut self, prize: PrizeIx) -> Self {
        if let Some(place) = self.prizes.get_mut(usize::from(self.len)) {
            (*place, self.len) = (prize, self.len + 1);
        }
        self
    }
}

/// What the account, the campaign and the clock say before a draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Snapshot<'a> {
    pub shopper: ShopperId,
    /// Chances used; this draw's ordinal is one more.
    pub used: u32,
    /// Chances left.
    pub left: u32,
    /// Draws on the campaign's present local day, and in its present week from Monday.
    pub draws_today: u32,
    pub draws_week: u32,
    /// Draws in all campaigns, and of those today.
    pub draws_everywhere: u32,
    pub draws_everywhere_today: u32,
    /// Draws that all shoppers have made in the campaign.
    pub campaign_draws: u64,
    /// Unix milliseconds of the last draw in the campaign.
    pub last_draw_ms: Option<i64>,
    /// What the shopper has bought for inside the campaign's window, minor units.
    pub spend_cents: i64,
    pub registered_at_ms: i64,
    pub blacklist: Option<BlacklistMode>,
    /// Unix milliseconds.
    pub now_ms: i64,
    /// The same moment on the campaign's calendar; only filled where [`crate::flow::Needs::calendar`].
    pub civil: Civil,
    pub state: State,
    /// What the campaign may still spend, minor units; `None` is without bound.
    pub budget_left_cents: Option<i64>,
    pub risk: Risk,
    /// Words that the shop put on the shopper.
    pub flags: &'a [Box<str>],
    pub dry: Dry,
    /// Prizes won so far, ascending.
    pub won: &'a [PrizeIx],
    pub fresh: Fresh,
    pub person: &'a Person,
}

impl Snapshot<'static> {
    /// A shopper without history and without chances in a live campaign: what the other fields start from.
    pub fn blank(now_ms: i64) -> Self {
        Snapshot {
            shopper: ShopperId(0),
            used: 0,
            left: 0,
            draws_today: 0,
            draws_week: 0,
            draws_everywhere: 0,
            draws_everywhere_today: 0,
            campaign_draws: 0,
            last_draw_ms: None,
            spend_cents: 0,
            registered_at_ms: now_ms,
            blacklist: None,
            now_ms,
            civil: Civil::default(),
            state: State::Live,
            budget_left_cents: None,
            risk: Risk::default(),
            flags: &[],
            dry: Dry::default(),
            won: &[],
            fresh: Fresh::default(),
            person: &NOBODY,
        }
    }
}

impl Snapshot<'_> {
    /// This draw's ordinal: 1, 2, 3 ...
    pub fn n(&self) -> u32 {
        self.used.saturating_add(1)
    }

    /// Whether the shopper won `prize` before.
    pub fn has_won(&self, prize: PrizeIx) -> bool {
        self.won.binary_search(&prize).is_ok() || self.fresh.prizes[..usize::from(self.fresh.len)].contains(&prize)
    }

    /// The snapshot that the next of several draws starts from, `cost_cents` having been spent and `prize` of `tier`
    /// having been won.
    pub fn after(self, cost_cents: i64, prize: Option<PrizeIx>, tier: Option<TierIx>) -> Self {
        Snapshot {
            used: self.used.saturating_add(1),
            left: self.left.saturating_sub(1),
            draws_today: self.draws_today.saturating_add(1),
            draws_week: self.draws_week.saturating_add(1),
            draws_everywhere: self.draws_everywhere.saturating_add(1),
            draws_everywhere_today: self.draws_everywhere_today.saturating_add(1),
            campaign_draws: self.campaign_draws.saturating_add(1),
            last_draw_ms: Some(self.now_ms),
            budget_left_cents: self.budget_left_cents.map(|left| left.saturating_sub(cost_cents)),
            risk: Risk {
                device_draws: self.risk.device_draws.saturating_add(u32::from(self.risk.device_draws > 0)),
                address_draws: self.risk.address_draws.saturating_add(u32::from(self.risk.address_draws > 0)),
                ..self.risk
            },
            dry: self.dry.after(tier),
            fresh: prize.map_or(self.fresh, |prize| self.fresh.push(prize)),
            ..self
        }
    }
}
