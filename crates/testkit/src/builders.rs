//! Things to test with: a campaign, behaviours, and a little ledger that tells of shoppers.

use app::ports::{Position, StoredAccount};
use app::rows::{Projected, wrap_draws};
use domain::account::Account;
use domain::award::AwardState;
use domain::behaviour::{Action, Behaviour, Item};
use domain::campaign::Definition;
use domain::ids::{AwardId, CampaignId, DrawId, EntryId, IdMaker, OrderId, ShopperId, partition_of};
use domain::order::OrderKind;
use domain::points::{Cause, Contra, Entry};
use domain::record::{ALL_PARTITIONS, Drawn, Fact, Granted, KeyHash, Keyed, Record};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// 2026-03-10T04:00:00Z, noon in Shanghai: inside the window of [`campaign`].
pub const NOON_MS: i64 = 1_773_115_200_000;
/// A day.
pub const DAY_MS: i64 = 86_400_000;

/// A campaign that is open from 2020 to 2100: goods in plenty, points between 5 and 9, a chance per sign-in and per
/// 100.00 of a purchase. Its budget and limits are without bound.
pub fn campaign() -> Value {
    json!({
        "name": "Spring", "starts_at": "2020-01-01T00:00:00Z", "ends_at": "2100-01-01T00:00:00Z",
        "prizes": [
            {"code": "cup", "name": "Cup", "kind": "goods", "category": "kitchen", "skus": ["CUP"], "value_cents": 3900, "cost_cents": 1500},
            {"code": "mug", "name": "Mug", "kind": "goods", "category": "kitchen", "skus": ["MUG"], "value_cents": 4200, "cost_cents": 1600},
            {"code": "pen", "name": "Pen", "kind": "goods", "category": "office", "skus": ["PEN"], "value_cents": 900, "cost_cents": 300},
            {"code": "pts", "name": "Points", "kind": "points", "points": {"min": 5, "max": 9}},
        ],
        "tiers": [
            {"code": "small", "slots": 2, "weight": 50, "value_cents": {"min": 1, "max": 5000}},
            {"code": "points", "slots": 1, "weight": 50, "prizes": ["pts"]},
        ],
        "chances": {"sign_in": 1, "per_purchase_cents": 10_000, "points_on_purchase": {"min": 1, "max": 50}},
    })
}

/// A campaign with one prize of goods, which every draw hits: what is not to be had ends in thanks.
pub fn one_prize(prize: &Value) -> Value {
    let mut whole = campaign();
    let mut cup = json!({"code": "cup", "name": "Cup", "kind": "goods", "value_cents": 3900, "cost_cents": 1500});
    for (name, value) in prize.as_object().into_iter().flatten() {
        cup[name] = value.clone();
    }
    whole["prizes"] = json!([cup]);
    whole["tiers"] = json!([{"code": "small", "slots": 1, "weight": 1, "prizes": ["cup"]}]);
    whole
}

/// A campaign's JSON as what the use cases take.
///
/// # Panics
/// Where it is no definition.
pub fn definition(value: Value) -> Definition {
    serde_json::from_value(value).unwrap_or_else(|error| panic!("no definition: {error}"))
}

/// A purchase of one line of `sku` for `cents`.
pub fn purchase(id: &str, order: &str, at_ms: i64, sku: &str, cents: i64) -> Behaviour {
    let item =
        Item { sku: sku.into(), name: sku.to_lowercase(), category: String::new(), price_cents: cents, quantity: 1 };
    Behaviour { id: id.into(), at_ms, action: Action::Purchase { order_id: order.into(), items: vec![item] } }
}

/// A sign-in.
pub fn sign_in(id: &str, at_ms: i64) -> Behaviour {
    Behaviour { id: id.into(), at_ms, action: Action::SignIn {} }
}

/// A view, which grants nothing.
pub fn view(id: &str, at_ms: i64, sku: &str) -> Behaviour {
    Behaviour { id: id.into(), at_ms, action: Action::View { sku: sku.into() } }
}

/// Records behind their lengths, as a batch lies in the ledger.
pub fn frame<'a>(records: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut data = Vec::new();
    for record in records {
        data.extend_from_slice(&(record.len() as u32).to_le_bytes());
        data.extend_from_slice(record);
    }
    data
}

/// A key of its own for every text.
pub fn key(text: &str) -> KeyHash {
    let mut hash = [0u8; 16];
    for (i, byte) in text.bytes().enumerate() {
        hash[i % 16] = hash[i % 16].wrapping_mul(31).wrapping_add(byte);
    }
    // High bits set: keys are stored as signed numbers.
    hash[0] |= 0x80;
    hash[15] = text.len() as u8;
    hash
}

struct Told {
    offset: u64,
    shopper: ShopperId,
    keys: Vec<Keyed>,
    facts: Vec<Fact>,
    answer: Vec<u8>,
}

/// A little ledger in the making: each call tells one record, [`Story::rows`] makes rows of what was told since.
#[derive(Default)]
pub struct Story {
    ids: IdMaker,
    next: u64,
    told: Vec<Told>,
    accounts: BTreeMap<ShopperId, Account>,
}

impl Story {
    /// A shopper who registers.
    pub fn register(&mut self, external_id: &str) -> ShopperId {
        let id = ShopperId(self.ids.make(NOON_MS, partition_of(external_id)));
        self.accounts.insert(id, Account::new(id));
        self.tell(
            id,
            None,
            vec![Fact::Registered { external_id: external_id.into(), registered_at_ms: NOON_MS }],
            Vec::new(),
        );
        id
    }

    /// Chances under a key; returns the answer.
    pub fn grant(
        &mut self,
        shopper: ShopperId,
        campaign: CampaignId,
        chances: u32,
        key: KeyHash,
    ) -> (OrderId, Vec<u8>) {
        let order = OrderId(self.id(shopper));
        let fact = Fact::Granted(Box::new(Granted {
            order,
            campaign,
            kind: OrderKind::Grant,
            chances,
            lot: order,
            expires_at_ms: None,
            reason: "gift".into(),
            points: 0,
            streak: 0,
            rebate: None,
        }));
        let answer = json!({"id": order, "chances": chances}).to_string().into_bytes();
        self.tell(shopper, Some(key), vec![fact], answer.clone());
        (order, answer)
    }

    /// `count` draws as one command, each of which wins; returns their ids, their awards and the answer.
    pub fn draw(
        &mut self,
        shopper: ShopperId,
        campaign: CampaignId,
        count: u64,
        key: KeyHash,
    ) -> (Vec<(DrawId, AwardId)>, Vec<u8>) {
        let enrolment = self.accounts[&shopper].enrolment(campaign).cloned();
        let used = enrolment.as_ref().map_or(0, |e| e.used);
        let spends: Vec<_> = enrolment.iter().flat_map(|e| e.lots.spends(NOON_MS, count as usize)).collect();
        assert_eq!(spends.len() as u64, count, "a story draws what was granted");
        let (mut facts, mut bodies, mut made) = (Vec::new(), Vec::new(), Vec::new());
        for (n, spend) in (used + 1..=used + count).zip(spends) {
            let (draw, award) = (DrawId(self.id(shopper)), AwardId(self.id(shopper)));
            let body = json!({"id": draw, "n": n, "prize": {"code": "\"},{\"id\":"}, "award": {"id": award, "state": "granted"}});
            // `id` stands first, as in a real answer; a map would be sorted.
            let body = format!("{{\"id\":\"{draw}\",{}", &body.to_string()[1..]);
            bodies.push(body.into_bytes());
            facts.push(Fact::Drawn(Box::new(Drawn {
                draw,
                campaign,
                rules: 2,
                n,
                day: 20_000,
                pool: 0,
                slot: Some(0),
                tier: Some(0),
                prize: Some(0),
                points: 0,
                cost_cents: 1500,
                award: Some((award, AwardState::Granted)),
                order: spend.order,
                last: spend.last,
                from: Some(0),
                held: false,
            })));
            made.push((draw, award));
        }
        let answer = if count == 1 { bodies.remove(0) } else { wrap_draws(&bodies) };
        self.tell(shopper, Some(key), facts, answer.clone());
        (made, answer)
    }

    /// Points under a shop's key.
    pub fn points(&mut self, shopper: ShopperId, amount: i64, business_key: &str) -> EntryId {
        let id = EntryId(self.id(shopper));
        let balance = self.accounts[&shopper].points + amount;
        let cause = Cause::Shop { business_key: business_key.into(), reason: "thanks".into() };
        let answer = json!({"balance": balance}).to_string().into_bytes();
        self.tell(
            shopper,
            Some(key(business_key)),
            vec![Fact::Points(Entry {
                id,
                amount,
                balance,
                contra: if amount < 0 { Contra::Spent } else { Contra::Issued },
                expires_at_ms: None,
                cause,
                rolled: None,
            })],
            answer,
        );
        id
    }

    /// Facts of any kind in one record.
    pub fn facts(&mut self, shopper: ShopperId, facts: Vec<Fact>) {
        self.tell(shopper, None, facts, Vec::new());
    }

    /// A new id of the shopper's partition.
    pub fn new_id(&mut self, shopper: ShopperId) -> u64 {
        self.id(shopper)
    }

    /// An award that moves on.
    pub fn claim(&mut self, shopper: ShopperId, award: AwardId) {
        let fact = Fact::AwardMoved { award, state: AwardState::Claimed };
        self.tell(shopper, Some(key(&format!("claim {award}"))), vec![fact], Vec::new());
    }

    /// Behaviours in one record. Their payloads stand open, as projection hands them on.
    pub fn behave(&mut self, shopper: ShopperId, behaviours: &[Behaviour]) {
        let fact = |b: &Behaviour| Fact::Behaved {
            key: key(&b.id),
            at_ms: b.at_ms,
            sealed: serde_json::to_vec(b).expect("JSON"),
        };
        self.tell(shopper, None, behaviours.iter().map(fact).collect(), Vec::new());
    }

    /// The shopper's account, all that was told folded in.
    pub fn account(&self, shopper: ShopperId) -> &Account {
        &self.accounts[&shopper]
    }

    /// The offset of the next record.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// What projection makes of everything told since the last call.
    pub fn rows(&mut self) -> Projected {
        let position = Position { next: self.next, epoch: 3, owner: u64::MAX - 1 };
        let mut rows = Projected { position, ..Projected::default() };
        let mut touched = Vec::new();
        for told in std::mem::take(&mut self.told) {
            let Told { offset, shopper, keys, facts, answer } = told;
            rows.take(offset, &record(shopper, &keys, &facts, &answer));
            touched.push(shopper);
        }
        touched.sort_unstable();
        touched.dedup();
        rows.accounts =
            touched.iter().map(|id| StoredAccount { account: self.accounts[id].clone(), next: self.next }).collect();
        rows
    }

    fn id(&mut self, shopper: ShopperId) -> u64 {
        self.ids.make(NOON_MS, shopper.partition())
    }

    fn tell(&mut self, shopper: ShopperId, key: Option<KeyHash>, facts: Vec<Fact>, answer: Vec<u8>) {
        if let Some(account) = self.accounts.get_mut(&shopper) {
            for fact in &facts {
                account.fold(fact).expect("a story continues its accounts");
            }
        }
        // A request's hash uses all 64 bits.
        let keys = key.map(|hash| Keyed { hash, request: u64::MAX - self.next, status: 201 }).into_iter().collect();
        self.told.push(Told { offset: self.next, shopper, keys, facts, answer });
        self.next += 1;
    }
}

/// A record under the marker of epoch 3.
fn record<'a>(shopper: ShopperId, keys: &[Keyed], facts: &[Fact], answer: &'a [u8]) -> Record<'a> {
    Record {
        epoch: 3,
        owner: u64::MAX - 1,
        part: if shopper.0 == 0 { ALL_PARTITIONS } else { shopper.partition() },
        at_ms: NOON_MS,
        shopper,
        keys: keys.iter().copied().collect(),
        facts: facts.iter().cloned().collect(),
        answer,
    }
}
