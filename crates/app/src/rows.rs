//! Records as rows: what projection makes of a ledger record, and what the lists read back.
//!
//! The same function maps a record that is already projected and one that is not, so a list that merges both cannot
//! tell them apart.

use crate::ports::{Position, StoredAccount};
use domain::award::AwardState;
use domain::ids::{AwardId, CampaignId, DrawId, EntryId, OrderId, ShopperId};
use domain::order::OrderKind;
use domain::points::Entry;
use domain::record::{Drawn, Fact, KeyHash, Keyed, Record};

#[derive(Debug, Clone)]
pub struct DrawRow {
    pub id: DrawId,
    pub shopper: ShopperId,
    pub campaign: CampaignId,
    pub n: u64,
    pub key: KeyHash,
    pub request: u64,
    /// The record whose answer holds this draw's object; see [`draw_in`].
    pub offset: u64,
    pub award: Option<AwardId>,
}

#[derive(Debug, Clone)]
pub struct AwardRow {
    pub id: AwardId,
    pub shopper: ShopperId,
    pub campaign: CampaignId,
    pub draw: DrawId,
    pub rules: u32,
    pub prize: u16,
    pub points: u32,
    pub state: AwardState,
    pub at_ms: i64,
}

#[derive(Debug, Clone)]
pub struct EntryRow {
    pub shopper: ShopperId,
    pub id: EntryId,
    pub amount: i64,
    pub balance: i64,
    pub business_key: String,
    pub reason: String,
    pub at_ms: i64,
}

#[derive(Debug, Clone)]
pub struct OrderRow {
    pub id: OrderId,
    pub shopper: ShopperId,
    pub campaign: CampaignId,
    pub kind: OrderKind,
    pub chances: u32,
    pub first: u64,
    pub reason: String,
    pub at_ms: i64,
}

/// A key that is not a draw's (those stand in the draws' own rows). The answer is the ledger's record at `offset`.
#[derive(Debug, Clone)]
pub struct AnswerRow {
    pub shopper: ShopperId,
    pub key: Keyed,
    pub offset: u64,
}

#[derive(Debug, Clone)]
pub struct BehaviourRow {
    pub shopper: ShopperId,
    pub key: KeyHash,
    pub at_ms: i64,
    /// `domain::behaviour::Behaviour` as JSON; still sealed when it comes from the ledger.
    pub payload: Vec<u8>,
}

/// All rows of one projected batch.
#[derive(Debug, Default)]
pub struct Projected {
    pub position: Position,
    pub accounts: Vec<StoredAccount>,
    pub draws: Vec<DrawRow>,
    pub awards: Vec<AwardRow>,
    pub award_states: Vec<(ShopperId, AwardId, AwardState)>,
    pub entries: Vec<EntryRow>,
    pub orders: Vec<OrderRow>,
    pub answers: Vec<AnswerRow>,
    pub behaviours: Vec<BehaviourRow>,
    /// Profiles that behaviours changed, as JSON.
    pub profiles: Vec<(ShopperId, String)>,
    pub counters: Vec<(CampaignId, String)>,
}

impl Projected {
    /// Adds the rows of one record at `offset`.
    pub fn take(&mut self, offset: u64, record: &Record<'_>) {
        let shopper = record.shopper;
        let mut drawn = false;
        for fact in &record.facts {
            match fact {
                Fact::Drawn(d) => {
                    drawn = true;
                    self.take_draw(offset, record, d);
                }
                Fact::Points(entry) => self.entries.push(entry_row(shopper, record.at_ms, entry)),
                Fact::Granted(g) => self.orders.push(OrderRow {
                    id: g.order,
                    shopper,
                    campaign: g.campaign,
                    kind: g.kind,
                    chances: g.chances,
                    first: g.first,
                    reason: g.reason.clone(),
                    at_ms: record.at_ms,
                }),
                Fact::AwardMoved { award, state } => self.award_states.push((shopper, *award, *state)),
                Fact::Behaved { key, at_ms, sealed } => {
                    self.behaviours.push(BehaviourRow { shopper, key: *key, at_ms: *at_ms, payload: sealed.clone() });
                }
                Fact::Owner { epoch, name } => (self.position.epoch, self.position.owner) = (*epoch, *name),
                Fact::Registered { .. }
                | Fact::SignedIn { .. }
                | Fact::Blacklisted { .. }
                | Fact::Unblacklisted { .. }
                | Fact::Spent { .. }
                | Fact::Watched(_)
                | Fact::Campaign { .. } => {}
            }
        }
        if !drawn {
            self.answers.extend(record.keys.iter().map(|key| AnswerRow { shopper, key: *key, offset }));
        }
    }

    fn take_draw(&mut self, offset: u64, record: &Record<'_>, d: &Drawn) {
        let (key, request) = record.keys.first().map_or(([0; 16], 0), |k| (k.hash, k.request));
        self.draws.push(DrawRow {
            id: d.draw,
            shopper: record.shopper,
            campaign: d.campaign,
            n: d.n,
            key,
            request,
            offset,
            award: d.award.map(|(id, _)| id),
        });
        if let (Some((id, state)), Some(prize)) = (d.award, d.prize) {
            self.awards.push(AwardRow {
                id,
                shopper: record.shopper,
                campaign: d.campaign,
                draw: d.draw,
                rules: d.rules,
                prize,
                points: d.points,
                state,
                at_ms: record.at_ms,
            });
        }
    }
}

fn entry_row(shopper: ShopperId, at_ms: i64, entry: &Entry) -> EntryRow {
    EntryRow {
        shopper,
        id: entry.id,
        amount: entry.amount,
        balance: entry.balance,
        business_key: entry.cause.business_key(),
        reason: entry.cause.reason().to_owned(),
        at_ms,
    }
}

/// What opens and closes an answer of several draws; `wrap_draws` and `draw_in` agree on it.
const DRAWS_OPEN: &[u8] = b"{\"draws\":[";
const DRAWS_CLOSE: &[u8] = b"]}";
/// What stands between two of them: a draw's object never holds it outside a string, and inside one quotes are escaped.
const DRAWS_BETWEEN: &[u8] = b"},{\"id\":";

/// The answer to `count` draws from their objects: byte for byte what was first answered.
pub fn wrap_draws(bodies: &[Vec<u8>]) -> Vec<u8> {
    let mut out = DRAWS_OPEN.to_vec();
    out.extend(bodies.join(&b','));
    out.extend(DRAWS_CLOSE);
    out
}

/// A draw's object within its record's answer, which is of that draw alone or of several.
pub fn draw_in(answer: &[u8], draw: DrawId) -> Option<&[u8]> {
    let open = format!("{{\"id\":\"{draw}\"");
    let mut rest = answer.strip_prefix(DRAWS_OPEN).and_then(|a| a.strip_suffix(DRAWS_CLOSE)).unwrap_or(answer);
    loop {
        let end = find(rest, DRAWS_BETWEEN);
        if rest.starts_with(open.as_bytes()) {
            return Some(end.map_or(rest, |at| &rest[..=at]));
        }
        rest = &rest[end? + 2..];
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|w| w == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_come_out_of_an_answer_as_they_went_in() {
        let bodies: Vec<Vec<u8>> =
            (0..4).map(|i| format!("{{\"id\":\"{i}\",\"prize\":{{\"name\":\"a\\\"}},{{\\\"id\\\":b\"}},\"path\":[{{\"x\":1}},{{\"y\":2}}]}}").into_bytes()).collect();
        for count in 1..=4 {
            let answer = if count == 1 { bodies[0].clone() } else { wrap_draws(&bodies[..count]) };
            for (nth, want) in bodies[..count].iter().enumerate() {
                let got = draw_in(&answer, DrawId(nth as u64));
                assert_eq!(got, Some(&want[..]), "draw {nth} of {count}: {}", String::from_utf8_lossy(&answer));
            }
            assert_eq!(draw_in(&answer, DrawId(count as u64)), None, "a draw that is not in it");
        }
    }
}
