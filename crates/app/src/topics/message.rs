//! The forms of messages; those of the server's schemas, which a test compares (docs/schemas).

use super::VERSION;
use crate::koi::Koi;
use crate::ports::{PublicMessage, PublicTopic};
use crate::rows::{Projected, draw_in};
use crate::time::rfc3339;
use domain::draw::BlacklistMode;
use domain::record::Fact;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// A message about a shopper.
#[derive(Serialize)]
struct Told<'a, D> {
    version: u32,
    /// The same whenever it is told: log, offset, place. One who has seen it passes over it.
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    at: &'a str,
    shopper: &'a str,
    data: D,
}

/// A message about what is configured.
#[derive(Serialize)]
pub(super) struct Config<'a> {
    pub version: u32,
    pub id: &'a str,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub at: String,
    pub data: Value,
}

/// Words the messages of one record.
pub(super) struct Teller<'a> {
    place: (u8, u64),
    at: String,
    shopper: &'a str,
    pub told: Vec<PublicMessage>,
}

impl<'a> Teller<'a> {
    pub fn new(place: (u8, u64), at_ms: i64, shopper: &'a str) -> Self {
        Self { place, at: rfc3339(at_ms), shopper, told: Vec::new() }
    }

    fn tell(&mut self, topic: PublicTopic, kind: &'static str, data: impl Serialize) {
        let ((part, offset), nth) = (self.place, self.told.len());
        let id = format!("{part}-{offset}-{nth}");
        let told = Told { version: VERSION, id, kind, at: &self.at, shopper: self.shopper, data };
        let value = serde_json::to_string(&told).expect("invariant: a view can always be written as JSON");
        self.told.push(PublicMessage { topic, key: self.shopper.to_owned(), value });
    }

    /// Draws as they were answered.
    pub fn draws(&mut self, rows: &Projected, answer: &[u8]) {
        for draw in &rows.draws {
            let object = draw_in(answer, draw.id).and_then(|object| std::str::from_utf8(object).ok());
            // An answer is this process' own JSON; the identity alone is still true where it could not be read.
            let data: Box<RawValue> = object
                .and_then(|object| RawValue::from_string(object.to_owned()).ok())
                .unwrap_or_else(|| raw(&json!({"id": draw.id, "campaign_id": draw.campaign, "n": draw.n})));
            self.tell(PublicTopic::Draws, "draw.result", data);
        }
    }

    /// Awards that were made, whole; of those that moved, where they stand.
    pub fn awards(&mut self, rows: &Projected, koi: &Koi) {
        for award in &rows.awards {
            match koi.award_view(&award.clone().after(&rows.award_moves)) {
                Some(view) => self.tell(PublicTopic::Awards, "award.created", view),
                // Its campaign is not known here.
                None => self.tell(PublicTopic::Awards, "award.created", json!({"id": award.id, "state": award.state})),
            }
        }
        for moved in rows.award_moves.iter().filter(|m| !rows.awards.iter().any(|a| a.id == m.award)) {
            let mut data = json!({"id": moved.award, "state": moved.state});
            if let Some(by) = moved.claim_by_ms {
                data["claim_by"] = json!(rfc3339(by));
            }
            self.tell(PublicTopic::Awards, "award.updated", data);
        }
    }

    pub fn points(&mut self, rows: &Projected) {
        for entry in &rows.entries {
            let mut data = json!({
                "id": entry.id, "amount": entry.amount, "balance": entry.balance, "contra": entry.contra.word(),
                "reason": entry.reason, "business_key": entry.business_key,
            });
            if let Some(at) = entry.expires_at_ms {
                data["expires_at"] = json!(rfc3339(at));
            }
            self.tell(PublicTopic::Points, "points.changed", data);
        }
    }

    /// Orders that were made, whole; of those that moved, where they stand.
    pub fn orders(&mut self, rows: &Projected) {
        for order in &rows.orders {
            let view = order.view(u64::from(order.chances), order.at_ms);
            let mut data = json!(view);
            // What is left changes with every draw; who follows draws counts them.
            if let Some(members) = data.as_object_mut() {
                ["left", "pending"].iter().for_each(|of_the_moment| drop(members.remove(*of_the_moment)));
            }
            self.tell(PublicTopic::Orders, "order.created", data);
        }
        for moved in &rows.order_moves {
            self.tell(PublicTopic::Orders, "order.updated", json!({"id": moved.order, "state": moved.state.word()}));
        }
    }

    /// What else is to be known of a shopper.
    pub fn notices(&mut self, facts: &[Fact]) {
        for fact in facts {
            let (kind, data) = match fact {
                Fact::Registered { registered_at_ms, .. } => {
                    ("shopper.registered", json!({"registered_at": rfc3339(*registered_at_ms)}))
                }
                Fact::Erased => ("shopper.erased", json!({})),
                Fact::SignedIn { campaign, .. } => ("shopper.signed_in", json!({"campaign_id": campaign})),
                Fact::Blacklisted { campaign, mode, until_ms, .. } => {
                    let mode = match mode {
                        BlacklistMode::PointsOnly => "points_only",
                        BlacklistMode::Refuse => "refuse",
                    };
                    let until = until_ms.map(rfc3339);
                    ("shopper.blocked", some(json!({"campaign_id": campaign, "mode": mode, "until": until})))
                }
                Fact::Unblacklisted { campaign } => ("shopper.unblocked", some(json!({"campaign_id": campaign}))),
                Fact::RefundDue(due) => {
                    let (order, campaign, cents) = (due.order, due.campaign, due.amount_cents);
                    let data = json!({"order_id": order, "campaign_id": campaign, "amount_cents": cents});
                    ("refund.due", data)
                }
                _ => continue,
            };
            self.tell(PublicTopic::Notices, kind, data);
        }
    }
}

/// Without the members that are null.
fn some(mut data: Value) -> Value {
    if let Some(members) = data.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    data
}

fn raw(value: &Value) -> Box<RawValue> {
    RawValue::from_string(value.to_string()).expect("invariant: what a JSON value is written as is JSON")
}
