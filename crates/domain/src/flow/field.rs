//! The names that conditions can ask about, each read from a snapshot without allocating.

use super::rules::qualified::days_between;
use crate::draw::Snapshot;

/// A name with a number, or with true (1) or false (0).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    N,
    Chances,
    DrawsToday,
    DrawsWeek,
    DrawsAll,
    SpendCents,
    Level,
    RegisteredDays,
    Risk,
    Blacklisted,
    Orders,
    Returns,
    ProfileSpend,
    RecencyDays,
    Hour,
    Weekday,
    Day,
}

/// Name, and whether it is true or false rather than a number.
const NAMES: [(Field, &str, bool); 17] = [
    (Field::N, "campaign.n", false),
    (Field::Chances, "campaign.chances", false),
    (Field::DrawsToday, "campaign.draws_today", false),
    (Field::DrawsWeek, "campaign.draws_week", false),
    (Field::DrawsAll, "campaign.draws_all", false),
    (Field::SpendCents, "campaign.spend_cents", false),
    (Field::Level, "shopper.level", false),
    (Field::RegisteredDays, "shopper.registered_days", false),
    (Field::Risk, "shopper.risk", false),
    (Field::Blacklisted, "shopper.blacklisted", true),
    (Field::Orders, "profile.orders", false),
    (Field::Returns, "profile.returns", false),
    (Field::ProfileSpend, "profile.spend_cents", false),
    (Field::RecencyDays, "profile.recency_days", false),
    (Field::Hour, "now.hour", false),
    (Field::Weekday, "now.weekday", false),
    (Field::Day, "now.day", false),
];

impl Field {
    /// Every name.
    pub fn all() -> impl Iterator<Item = Field> {
        NAMES.into_iter().map(|(field, _, _)| field)
    }

    /// The field of that name.
    pub fn named(name: &str) -> Option<Field> {
        NAMES.into_iter().find(|(_, known, _)| *known == name).map(|(field, _, _)| field)
    }

    /// Its name, like `shopper.level`.
    pub fn name(self) -> &'static str {
        NAMES[self as usize].1
    }

    /// Whether it is true or false rather than a number.
    pub fn is_truth(self) -> bool {
        NAMES[self as usize].2
    }

    /// Whether it is told by the shop or by behaviour, so that it must be gathered.
    pub(super) fn is_personal(self) -> bool {
        matches!(self, Field::Level | Field::Orders | Field::Returns | Field::ProfileSpend | Field::RecencyDays)
    }

    /// Whether it needs what a shopper bought within the campaign.
    pub(super) fn is_spend(self) -> bool {
        matches!(self, Field::SpendCents)
    }

    /// Whether it needs the calendar.
    pub(super) fn is_calendar(self) -> bool {
        matches!(self, Field::Hour | Field::Weekday | Field::Day)
    }

    /// Its value.
    pub fn read(self, snapshot: &Snapshot<'_>) -> i64 {
        match self {
            Field::N => i64::from(snapshot.n()),
            Field::Chances => i64::from(snapshot.left),
            Field::DrawsToday => i64::from(snapshot.draws_today),
            Field::DrawsWeek => i64::from(snapshot.draws_week),
            Field::DrawsAll => i64::try_from(snapshot.campaign_draws).unwrap_or(i64::MAX),
            Field::SpendCents => snapshot.spend_cents,
            Field::Level => snapshot.person.level,
            Field::RegisteredDays => days_between(snapshot.registered_at_ms, snapshot.now_ms),
            Field::Risk => i64::from(snapshot.risk.score),
            Field::Blacklisted => i64::from(snapshot.blacklist.is_some()),
            Field::Orders => snapshot.person.orders,
            Field::Returns => snapshot.person.returns,
            Field::ProfileSpend => snapshot.person.spend_cents,
            Field::RecencyDays => snapshot.person.recency_days,
            Field::Hour => i64::from(snapshot.civil.minute / 60),
            Field::Weekday => i64::from(snapshot.civil.weekday),
            Field::Day => i64::from(snapshot.civil.day),
        }
    }
}

/// What must be gathered for a flow besides account, campaign and clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    /// [`Snapshot::person`].
    pub person: bool,
    /// [`Snapshot::civil`].
    pub calendar: bool,
    /// Draws by device and address.
    pub velocity: bool,
    /// What was bought within the campaign's window.
    pub spend: bool,
    /// A general expression is evaluated, which allocates.
    pub expression: bool,
}

impl Needs {
    /// What either needs.
    pub fn with(self, other: Needs) -> Needs {
        Needs {
            person: self.person || other.person,
            calendar: self.calendar || other.calendar,
            velocity: self.velocity || other.velocity,
            spend: self.spend || other.spend,
            expression: self.expression || other.expression,
        }
    }
}
