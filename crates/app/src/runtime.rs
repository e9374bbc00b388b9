//! A published campaign as the draw path sees it: everything worked out once per version.

use crate::ports::{CampaignRow, Good};
use domain::campaign::{Definition, Kind, LocalDay, Rules, State};
use domain::fairness::CampaignSeed;
use domain::ids::{CampaignId, ItemId};
use domain::moments::Moments;
use domain::order::OrderEvent;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One version of a published campaign, shared by the owner and the handlers.
#[derive(Debug, Clone)]
pub struct Runtime {
    pub id: CampaignId,
    /// The row's version, which campaign acts carry; that of the rules is `rules.version`.
    pub version: u32,
    /// The stored state; the window decides between scheduled, live and ended on top of it.
    pub state: State,
    pub published_at_ms: i64,
    pub rules: Arc<Rules>,
    pub seed: CampaignSeed,
    /// What points are rolled from once the campaign's end was read back.
    pub late_seed: CampaignSeed,
    /// When an act ended the campaign.
    ended_at_ms: Option<i64>,
    /// Secret until the campaign is over.
    pub moments: Moments,
    /// `"prize":{…` of every prize without its closing brace, and thanks last.
    prize_json: Vec<Box<[u8]>>,
    /// `"pool":"…"` of every pool.
    pool_json: Vec<Box<[u8]>>,
    top_tier: Option<u8>,
}

impl Runtime {
    /// Compiles a row.
    ///
    /// # Errors
    /// The findings of severity error.
    pub fn new(row: &CampaignRow, definition: &Definition) -> Result<Self, Vec<domain::campaign::Finding>> {
        let rules = Rules::compile(row.id, row.rules_version, definition)?;
        let moments = moments(&row.seed, row.id, definition);
        let mut prize_json: Vec<Box<[u8]>> = rules
            .prizes
            .iter()
            .map(|p| {
                let prize = serde_json::json!({"code": p.code, "name": p.name, "kind": p.kind.word(), "category": p.category, "value_cents": p.value_cents});
                open_object("prize", &prize)
            })
            .collect();
        let thanks = serde_json::json!({"code": "thanks", "name": "thanks", "kind": Kind::None.word(), "category": "", "value_cents": 0});
        prize_json.push(open_object("prize", &thanks));
        let pool_json = rules
            .pools
            .iter()
            .map(|p| format!("\"pool\":{}", serde_json::Value::from(&*p.code)).into_bytes().into())
            .collect();
        let top_tier = top_tier(&rules);
        Ok(Self {
            top_tier,
            id: row.id,
            version: row.version,
            state: row.state,
            published_at_ms: row.published_at_ms.unwrap_or(row.created_at_ms),
            rules: Arc::new(rules),
            seed: row.seed.clone(),
            late_seed: row.late_seed.clone(),
            ended_at_ms: row.ended_at_ms,
            moments,
            prize_json,
            pool_json,
        })
    }

    /// The same rules under another seed, for a play that nobody keeps.
    pub fn reseeded(&self, seed: CampaignSeed, definition: &Definition) -> Self {
        Self { moments: moments(&seed, self.id, definition), seed, ..self.clone() }
    }

    /// `"prize":{…` of a prize (none: thanks), still open for more fields.
    pub fn prize_json(&self, prize: Option<u16>) -> &[u8] {
        &self.prize_json[prize.map_or(self.prize_json.len() - 1, usize::from)]
    }

    /// `"pool":"…"`.
    pub fn pool_json(&self, pool: u8) -> &[u8] {
        &self.pool_json[usize::from(pool)]
    }

    /// The tier whose wins everybody may hear of: the most valuable of several that are worth something.
    pub fn top_tier(&self) -> Option<u8> {
        self.top_tier
    }

    /// Whether what happened at `at_ms` happened within the campaign: in its window, and before an act ended it. A
    /// campaign whose end nobody wrote the time of ran for its whole window.
    pub fn holds(&self, at_ms: i64) -> bool {
        let ends_at_ms = self.ended_at_ms.map_or(self.rules.ends_at_ms, |ended| ended.min(self.rules.ends_at_ms));
        at_ms >= self.rules.starts_at_ms && at_ms < ends_at_ms
    }

    /// The state at a moment, window included.
    pub fn state_at(&self, now_ms: i64) -> State {
        state_at(self.state, self.rules.starts_at_ms, self.rules.ends_at_ms, now_ms)
    }
}

/// The moments at which a campaign's prizes by time are won.
pub fn moments(seed: &CampaignSeed, id: CampaignId, rules: &Definition) -> Moments {
    let timed = rules.prizes.iter().zip(0u16..);
    let timed: Vec<_> = timed.filter_map(|(p, ix)| Some((ix, p.code.as_str(), p.moments?))).collect();
    Moments::derive(seed, id, rules.starts_at.as_ms(), rules.ends_at.as_ms(), &timed)
}

/// A stored state under its window: what was published is scheduled before it and over after it.
pub fn state_at(stored: State, starts_at_ms: i64, ends_at_ms: i64, now_ms: i64) -> State {
    match stored {
        State::Scheduled | State::Live | State::Paused if now_ms >= ends_at_ms => State::Ended,
        State::Scheduled | State::Live if now_ms < starts_at_ms => State::Scheduled,
        State::Scheduled | State::Live => State::Live,
        other => other,
    }
}

fn top_tier(rules: &Rules) -> Option<u8> {
    let worth = rules.tiers.iter().zip(0u8..).filter(|(tier, _)| tier.value_cents > 0);
    let top = worth.clone().max_by_key(|(tier, _)| tier.value_cents)?;
    // Where all are worth the same, none is big.
    worth.clone().any(|(tier, _)| tier.value_cents < top.0.value_cents).then_some(top.1)
}

fn open_object(name: &str, value: &serde_json::Value) -> Box<[u8]> {
    let mut text = format!("\"{name}\":{value}").into_bytes();
    text.pop();
    text.into()
}

/// What a campaign's draws, or an exchange item's orders, add up to: folded from the ledger, kept in records at the projection's offset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counters {
    pub draws: u64,
    pub cost_cents: i64,
    pub points_won: u64,
    pub granted: u64,
    /// Chances not drawn in time.
    pub expired: u64,
    /// Chances that returns took back.
    pub taken_back: u64,
    /// Units won, by the prize's place in the rules.
    pub won: Vec<u64>,
    /// Draws that rolled a tier, by its place.
    pub tiers: Vec<u64>,
    /// Draws from a pool, by its place.
    pub pools: Vec<u64>,
    /// Instant-win moments that were won.
    pub moments: u64,
    /// Of an item of the exchange shop: units bought and not given back.
    pub sold: u64,
    /// Units that this log gave back to a stock that several share, by the good's number.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub returned: Vec<(u32, u64)>,
}

impl Counters {
    /// Counts one draw.
    pub fn draw(&mut self, d: &domain::record::Drawn) {
        self.draws += 1;
        self.cost_cents += d.cost_cents;
        self.points_won += u64::from(d.points);
        bump(&mut self.pools, usize::from(d.pool));
        if let Some(tier) = d.tier {
            bump(&mut self.tiers, usize::from(tier));
        }
        if let Some(prize) = d.prize {
            bump(&mut self.won, usize::from(prize));
        }
    }

    /// What another log counted.
    pub fn add(&mut self, other: &Counters) {
        self.draws += other.draws;
        self.cost_cents += other.cost_cents;
        self.points_won += other.points_won;
        self.granted += other.granted;
        self.expired += other.expired;
        self.taken_back += other.taken_back;
        self.moments += other.moments;
        self.sold += other.sold;
        let counts = [(&mut self.won, &other.won), (&mut self.tiers, &other.tiers), (&mut self.pools, &other.pools)];
        for (mine, theirs) in counts {
            if mine.len() < theirs.len() {
                mine.resize(theirs.len(), 0);
            }
            mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| *mine += theirs);
        }
    }

    /// Units of a prize won so far.
    pub fn won(&self, prize: usize) -> u64 {
        self.won.get(prize).copied().unwrap_or(0)
    }

    /// Units of a good given back so far.
    pub fn returned(&self, good: Good) -> u64 {
        let number = good.number();
        self.returned.iter().find(|(known, _)| *known == number).map_or(0, |(_, units)| *units)
    }

    fn give_back(&mut self, good: u32, units: u64) {
        match self.returned.iter_mut().find(|(known, _)| *known == good) {
            Some((_, known)) => *known = units.max(*known),
            None => self.returned.push((good, units)),
        }
    }

    /// Counts what a fact says, where it is one of this campaign's or item's.
    pub fn fold(&mut self, fact: &domain::record::Fact) {
        match fact {
            domain::record::Fact::Drawn(d) => self.draw(d),
            domain::record::Fact::Granted(g) => self.granted += u64::from(g.chances),
            domain::record::Fact::MomentWon { .. } => self.moments += 1,
            domain::record::Fact::Exchanged(e) => self.sold += u64::from(e.quantity),
            domain::record::Fact::ExchangeEnded(e) if !e.given => self.sold = self.sold.saturating_sub(1),
            domain::record::Fact::EntryWon(won) => {
                bump(&mut self.won, usize::from(won.prize));
                self.cost_cents += won.cost_cents;
            }
            domain::record::Fact::OrderMoved(m) if m.event == OrderEvent::Expire => self.expired += m.chances,
            domain::record::Fact::OrderMoved(m) => self.taken_back += m.chances,
            domain::record::Fact::Returned { good, units, .. } => self.give_back(*good, *units),
            _ => {}
        }
    }
}

/// What a fact counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    Campaign(CampaignId),
    Item(ItemId),
}

impl Counted {
    /// Under which id its counters are stored. An item's is no campaign's: both come from the same maker of ids.
    pub fn stored_as(self) -> CampaignId {
        match self {
            Counted::Campaign(id) => id,
            Counted::Item(id) => CampaignId(id.0),
        }
    }
}

/// What a fact counts for.
pub fn counted_by(fact: &domain::record::Fact) -> Option<Counted> {
    match fact {
        domain::record::Fact::Drawn(d) => Some(Counted::Campaign(d.campaign)),
        domain::record::Fact::Granted(g) => Some(Counted::Campaign(g.campaign)),
        domain::record::Fact::MomentWon { campaign, .. } => Some(Counted::Campaign(*campaign)),
        domain::record::Fact::EntryWon(won) => Some(Counted::Campaign(won.campaign)),
        domain::record::Fact::OrderMoved(m) => Some(Counted::Campaign(m.campaign)),
        domain::record::Fact::Exchanged(e) => Some(Counted::Item(e.item)),
        domain::record::Fact::ExchangeEnded(e) => Some(Counted::Item(e.item)),
        domain::record::Fact::Returned { campaign, good, .. } if *good == Good::Item.number() => {
            Some(Counted::Item(ItemId(campaign.0)))
        }
        domain::record::Fact::Returned { campaign, .. } => Some(Counted::Campaign(*campaign)),
        _ => None,
    }
}

fn bump(counts: &mut Vec<u64>, at: usize) {
    if counts.len() <= at {
        counts.resize(at + 1, 0);
    }
    counts[at] += 1;
}

/// The campaign's local day, looked up once a day.
#[derive(Debug, Clone, Copy)]
pub struct DayCache(LocalDay);

impl DayCache {
    pub fn new(rules: &Rules, now_ms: i64) -> Self {
        Self(rules.local_day(now_ms))
    }

    /// The number of the day that holds `now_ms`.
    pub fn day(&mut self, rules: &Rules, now_ms: i64) -> i32 {
        if now_ms < self.0.starts_ms || now_ms >= self.0.ends_ms {
            self.0 = rules.local_day(now_ms);
        }
        self.0.number
    }
}
