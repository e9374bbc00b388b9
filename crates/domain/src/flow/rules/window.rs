//! `window`: draws are made from `starts_at` until just before `ends_at`, and only on the dates, days and hours named.
//!
//! Example: `window.data('{"days": ["sat", "sun"], "hours": [{"from": "10:00", "to": "22:00"}]}')`: a draw on Saturday
//! at 21:59 in the campaign's time zone is made, one at 22:00 is refused. Hours may pass midnight: 22:00 to 02:00.

use super::{About, Stage};
use crate::campaign::Rules;
use crate::draw::{Civil, Refusal, Run, Shelf, Snapshot, Step, Stop};
use jiff::civil::Date;
use serde::{Deserialize, Deserializer, de};

pub const ABOUT: About = About {
    name: "window",
    does: "refuses draws outside the campaign's window, and outside the dates, days and hours named",
    takes: r#"{"dates": [{"from": "2026-03-01", "to": "2026-03-07"}], "days": ["mon", "sun"], "hours": [{"from": "10:00", "to": "22:00"}]}"#,
    stage: Stage::Before,
};

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Days since 1970-01-01, both ends inclusive.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Dates {
    #[serde(deserialize_with = "day")]
    from: i32,
    #[serde(deserialize_with = "day")]
    to: i32,
}

/// Minutes of the day, the end exclusive.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hours {
    #[serde(deserialize_with = "minute")]
    from: u16,
    #[serde(deserialize_with = "minute")]
    to: u16,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    dates: Vec<Dates>,
    #[serde(deserialize_with = "weekdays")]
    days: Weekdays,
    hours: Vec<Hours>,
}

/// Bit 0 is Monday; no bit is every day.
type Weekdays = u8;

fn day<'de, D: Deserializer<'de>>(from: D) -> Result<i32, D::Error> {
    let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
    let date = text.parse::<Date>().map_err(|_| de::Error::custom(format!("{text:?} is no date like 2026-03-01")))?;
    date.since(Date::constant(1970, 1, 1)).map(|span| span.get_days()).map_err(de::Error::custom)
}

fn minute<'de, D: Deserializer<'de>>(from: D) -> Result<u16, D::Error> {
    let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
    let read = |text: &str| {
        let (hour, minute) = text.split_once(':').filter(|(h, m)| h.len() == 2 && m.len() == 2)?;
        let (hour, minute) = (hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?);
        (minute < 60 && hour * 60 + minute <= 24 * 60).then_some(hour * 60 + minute)
    };
    read(&text).ok_or_else(|| de::Error::custom(format!("{text:?} is no time like 09:30")))
}

fn weekdays<'de, D: Deserializer<'de>>(from: D) -> Result<Weekdays, D::Error> {
    let mut bits = 0;
    for word in <Vec<String>>::deserialize(from)? {
        let at = DAYS.iter().position(|day| *day == word);
        bits |= 1 << at.ok_or_else(|| de::Error::custom(format!("{word:?} is none of {}", DAYS.join(", "))))?;
    }
    Ok(bits)
}

impl Settings {
    pub(super) fn needs_calendar(&self) -> bool {
        !self.dates.is_empty() || self.days != 0 || !self.hours.is_empty()
    }

    fn open(&self, civil: Civil) -> bool {
        let hours = |h: &Hours| match h.from <= h.to {
            true => h.from <= civil.minute && civil.minute < h.to,
            false => h.from <= civil.minute || civil.minute < h.to,
        };
        (self.dates.is_empty() || self.dates.iter().any(|d| d.from <= civil.day && civil.day <= d.to))
            && (self.days == 0 || self.days & (1 << (civil.weekday.clamp(1, 7) - 1)) != 0)
            && (self.hours.is_empty() || self.hours.iter().any(hours))
    }
}

fn refuses(rules: &Rules, snapshot: &Snapshot<'_>, settings: &Settings) -> Option<Refusal> {
    if snapshot.now_ms < rules.starts_at_ms {
        return Some(Refusal::NotStarted);
    }
    if snapshot.now_ms >= rules.ends_at_ms {
        return Some(Refusal::Over);
    }
    (!settings.open(snapshot.civil)).then_some(Refusal::OutsideHours)
}

pub(super) fn run<S: Shelf>(run: &mut Run<'_, S>, settings: &Settings) -> Result<(), Stop> {
    if let Some(refusal) = refuses(run.rules, run.snapshot, settings) {
        return Err(Stop::Refuse(refusal));
    }
    run.path.push(Step::Window);
    Ok(())
}
