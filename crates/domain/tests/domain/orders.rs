//! Orders: the table, and random histories of an account against a model that knows nothing of lots.

use domain::account::Account;
use domain::chances::{NEVER, Rebate};
use domain::ids::{CampaignId, DrawId, OrderId, ShopperId};
use domain::order::{OrderEvent, OrderKind, OrderState, TABLE, after, mermaid};
use domain::proposal::Proposal;
use domain::record::{Billed, Drawn, Fact, Granted};
use proptest::prelude::*;
use proptest::test_runner::Config;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use std::collections::BTreeMap;
use std::path::Path;

/// Random histories.
const HISTORIES: u32 = 10_000;
/// Steps of one.
const STEPS: std::ops::Range<usize> = 1..32;

const HERE: CampaignId = CampaignId(7);

#[test]
fn every_state_meets_every_event() {
    let mut allowed = 0;
    for from in OrderState::ALL {
        for event in OrderEvent::ALL {
            let rows: Vec<_> = TABLE.iter().filter(|row| row.from == from && row.event == event).collect();
            assert!(rows.len() <= 1, "{} under {} is told twice", from.word(), event.word());
            match after(from, event) {
                Ok(to) => {
                    allowed += 1;
                    assert_eq!(rows.first().map(|row| row.to), Some(to), "{} under {}", from.word(), event.word());
                    assert_ne!(to, OrderState::Initial, "nothing leads back to the start");
                }
                Err(no) => {
                    assert!(rows.is_empty());
                    let told = format!("an order that is {} takes no {}", from.word(), event.word());
                    assert_eq!(no.to_string(), told);
                }
            }
        }
        assert_eq!(OrderState::parse(from.word()), Some(from));
    }
    assert_eq!(allowed, TABLE.len(), "every row is reached");
    for over in [OrderState::Used, OrderState::Expired, OrderState::Closed] {
        for event in OrderEvent::ALL {
            assert!(after(over, event).is_ok_and(|to| to == over) || after(over, event).is_err(), "what is over stays");
        }
    }
    println!("states {}, events {}, transitions {}", OrderState::ALL.len(), OrderEvent::ALL.len(), TABLE.len());
}

#[test]
fn the_diagram_is_the_table() {
    const START: &str = "```mermaid\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/orders.md");
    let text = std::fs::read_to_string(&path).expect("docs/orders.md");
    let (before, rest) = text.split_once(START).expect("a diagram");
    let (shown, behind) = rest.split_once("```").expect("its end");
    if std::env::var_os("KOI_WRITE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{START}{}```{behind}", mermaid())).expect("docs/orders.md is written");
        return;
    }
    assert_eq!(shown, mermaid(), "docs/orders.md is not drawn from the table; run this test with KOI_WRITE_DOCS=1");
}

/// What the model knows of one order.
#[derive(Debug, Clone)]
struct Known {
    state: OrderState,
    left: u64,
    expires_at_ms: i64,
    /// Of a purchase: its amount, per chance, and what it still stands for.
    bought: Option<(i64, i64, u64)>,
}

/// The model: orders one by one, chances counted.
#[derive(Debug, Clone, Default)]
struct Model {
    now_ms: i64,
    made: u64,
    orders: BTreeMap<u64, Known>,
    granted: u64,
    used: u64,
    expired: u64,
    taken_back: u64,
}

#[derive(Debug, Clone)]
enum Act {
    Grant { chances: u32, valid_ms: Option<i64> },
    Bill { chances: u32 },
    Buy { cents: i64, per_cents: i64 },
    Pay { nth: usize },
    Cancel { nth: usize },
    TimeOut { nth: usize },
    Return { nth: usize, cents: i64 },
    Draw { count: usize },
    Wait { ms: i64 },
}

impl Model {
    /// The order that a draw spends from: oldest expiry, then oldest order.
    fn next(&self) -> Option<u64> {
        let live =
            self.orders.iter().filter(|(_, o)| o.state == OrderState::Effective && o.expires_at_ms > self.now_ms);
        live.min_by_key(|(id, o)| (o.expires_at_ms, **id)).map(|(id, _)| *id)
    }

    fn nth(&self, nth: usize) -> Option<u64> {
        let count = self.orders.len();
        self.orders.keys().nth(nth.checked_rem(count)?).copied()
    }

    fn add(&mut self, state: OrderState, left: u64, expires_at_ms: i64, bought: Option<(i64, i64, u64)>) {
        self.made += 1;
        self.orders.insert(self.made, Known { state, left, expires_at_ms, bought });
        if state == OrderState::Effective {
            self.granted += left;
        }
    }

    fn expire(&mut self) {
        for order in self.orders.values_mut() {
            if order.state == OrderState::Effective && order.expires_at_ms <= self.now_ms {
                order.state = OrderState::Expired;
                self.expired += std::mem::take(&mut order.left);
            }
        }
    }

    fn act(&mut self, act: &Act) {
        match *act {
            Act::Grant { chances, valid_ms } => {
                let expires = valid_ms.map_or(NEVER, |ms| self.now_ms + ms);
                self.add(OrderState::Effective, u64::from(chances), expires, None);
            }
            Act::Bill { chances } => self.add(OrderState::PendingPayment, u64::from(chances), NEVER, None),
            Act::Buy { cents, per_cents } => {
                let chances = (cents / per_cents) as u64;
                self.add(OrderState::Effective, chances, NEVER, Some((cents, per_cents, chances)));
            }
            Act::Pay { nth } | Act::Cancel { nth } | Act::TimeOut { nth } => {
                let Some(order) = self.nth(nth).and_then(|id| self.orders.get_mut(&id)) else { return };
                if order.state == OrderState::PendingPayment {
                    let paid = matches!(act, Act::Pay { .. });
                    order.state = if paid { OrderState::Effective } else { OrderState::Closed };
                    self.granted += if paid { order.left } else { 0 };
                }
            }
            Act::Return { nth, cents } => {
                self.expire();
                let Some(order) = self.nth(nth).and_then(|id| self.orders.get_mut(&id)) else { return };
                let (OrderState::Effective, Some((spent, per_cents, stands))) = (order.state, order.bought) else {
                    return;
                };
                let kept = (spent - cents).max(0);
                let deserved = stands.min((kept / per_cents) as u64);
                let taken = (stands - deserved).min(order.left);
                order.bought = Some((kept, per_cents, deserved));
                order.left -= taken;
                self.taken_back += taken;
                if order.left == 0 {
                    order.state = OrderState::Closed;
                }
            }
            Act::Draw { count } => {
                self.expire();
                for _ in 0..count {
                    let Some(order) = self.next().and_then(|id| self.orders.get_mut(&id)) else { return };
                    order.left -= 1;
                    self.used += 1;
                    if order.left == 0 {
                        order.state = OrderState::Used;
                    }
                }
            }
            Act::Wait { ms } => self.now_ms += ms,
        }
    }
}

impl ReferenceStateMachine for Model {
    type State = Model;
    type Transition = Act;

    fn init_state() -> BoxedStrategy<Model> {
        Just(Model::default()).boxed()
    }

    fn transitions(_: &Model) -> BoxedStrategy<Act> {
        let nth = 0..64usize;
        prop_oneof![
            3 => (1..6u32, prop::option::of(1..500i64)).prop_map(|(chances, valid_ms)| Act::Grant { chances, valid_ms }),
            2 => (1..4u32).prop_map(|chances| Act::Bill { chances }),
            2 => (1..20i64, 1..5i64).prop_map(|(n, per)| Act::Buy { cents: n * per, per_cents: per }),
            2 => nth.clone().prop_map(|nth| Act::Pay { nth }),
            1 => nth.clone().prop_map(|nth| Act::Cancel { nth }),
            1 => nth.clone().prop_map(|nth| Act::TimeOut { nth }),
            2 => (nth, 1..40i64).prop_map(|(nth, cents)| Act::Return { nth, cents }),
            6 => (1..11usize).prop_map(|count| Act::Draw { count }),
            2 => (1..300i64).prop_map(|ms| Act::Wait { ms }),
        ]
        .boxed()
    }

    fn apply(mut state: Model, act: &Act) -> Model {
        state.act(act);
        state
    }
}

/// The account, fed with the facts that the same acts propose.
struct Real {
    account: Account,
    now_ms: i64,
    made: u64,
}

impl Real {
    fn granted(order: OrderId, kind: OrderKind, chances: u32, expires_at_ms: Option<i64>) -> Granted {
        let (reason, points, streak, rebate) = (String::new(), 0, 0, None);
        Granted { order, campaign: HERE, kind, chances, lot: order, expires_at_ms, reason, points, streak, rebate }
    }

    fn order(&mut self) -> OrderId {
        self.made += 1;
        OrderId(self.made)
    }

    fn nth(&self, nth: usize) -> OrderId {
        OrderId((nth as u64).checked_rem(self.made).map_or(0, |n| n + 1))
    }

    fn act(&mut self, act: &Act) {
        let mut proposal = Proposal::new(&self.account);
        match *act {
            Act::Grant { chances, valid_ms } => {
                let expires = valid_ms.map(|ms| self.now_ms + ms);
                proposal.grant(Self::granted(self.order(), OrderKind::Grant, chances, expires)).expect("granted");
            }
            Act::Bill { chances } => {
                let bill = Billed { order: self.order(), campaign: HERE, chances, price_cents: 1, pay_by_ms: NEVER };
                proposal.bill(bill).expect("a history is shorter than the bound on unpaid orders");
            }
            Act::Buy { cents, per_cents } => {
                let order = self.order();
                let granted = (cents / per_cents) as u32;
                let rebate = Rebate { source: order.0, cents, per_cents, granted, until_ms: NEVER };
                let plain = Self::granted(order, OrderKind::Purchase, granted, None);
                proposal.grant(Granted { rebate: Some(rebate), ..plain }).expect("granted");
            }
            Act::Pay { nth } => {
                let order = self.nth(nth);
                if let Some(unpaid) = self.account.unpaid.iter().find(|u| u.order == order) {
                    proposal.grant(Self::granted(order, OrderKind::Paid, unpaid.chances, None)).expect("granted");
                }
            }
            Act::Cancel { nth } => _ = proposal.close_unpaid(HERE, self.nth(nth), OrderEvent::Cancel),
            Act::TimeOut { nth } => _ = proposal.close_unpaid(HERE, self.nth(nth), OrderEvent::TimeOut),
            Act::Return { nth, cents } => {
                proposal.expire_chances(HERE, self.now_ms);
                _ = proposal.take_back(HERE, self.nth(nth).0, cents, self.now_ms);
            }
            Act::Draw { count } => {
                proposal.expire_chances(HERE, self.now_ms);
                self.draw(&mut proposal, count);
            }
            Act::Wait { ms } => self.now_ms += ms,
        }
        // What was proposed is folded once more, as projection does.
        for fact in &proposal.facts {
            self.account.fold(fact).expect("what was proposed continues the account");
        }
        assert_eq!(self.account, proposal.account, "two folds are equal");
    }

    fn draw(&self, proposal: &mut Proposal, count: usize) {
        let Some(enrolment) = proposal.account.enrolment(HERE) else { return };
        let (used, spends) = (enrolment.used, enrolment.lots.spends(self.now_ms, count).collect::<Vec<_>>());
        for (n, spend) in (used + 1..).zip(spends) {
            let drawn = Drawn { order: spend.order, last: spend.last, ..Drawn::thanks(DrawId(n), HERE, n, 0) };
            proposal.push(Fact::Drawn(Box::new(drawn))).expect("a draw of the next chance");
        }
    }
}

struct Histories;

impl StateMachineTest for Histories {
    type SystemUnderTest = Real;
    type Reference = Model;

    fn init_test(_: &Model) -> Real {
        Real { account: Account::new(ShopperId(1)), now_ms: 0, made: 0 }
    }

    fn apply(mut real: Real, _: &Model, act: Act) -> Real {
        real.act(&act);
        real
    }

    fn check_invariants(real: &Real, model: &Model) {
        assert_eq!(real.made, model.made);
        let none = Account::new(ShopperId(1));
        let account = if real.account.enrolment(HERE).is_some() { &real.account } else { &none };
        let Some(e) = account.enrolment(HERE) else {
            assert_eq!(model.granted, 0);
            return;
        };
        let left: u64 = e.lots.iter().map(|lot| lot.left).sum();
        assert_eq!(e.granted - e.used - e.expired - e.taken_back, left, "chances conserve: {e:?}");
        assert_eq!(e.left(), left);
        assert_eq!((e.granted, e.used, e.taken_back), (model.granted, model.used, model.taken_back));
        // What is due may not be written off yet; it is never drawn.
        let live = |o: &&Known| o.state == OrderState::Effective && o.expires_at_ms > model.now_ms;
        assert_eq!(e.left_at(real.now_ms), model.orders.values().filter(live).map(|o| o.left).sum::<u64>());
        for (id, order) in &model.orders {
            let want = match order.state {
                OrderState::Effective if order.expires_at_ms <= model.now_ms => continue,
                state @ (OrderState::PendingPayment | OrderState::Effective) => Some(state),
                _ => None,
            };
            assert_eq!(real.account.state_of(HERE, OrderId(*id)), want, "order {id}: {order:?}");
        }
        let keys: Vec<_> = e.lots.iter().map(|lot| (lot.expires_at_ms, lot.order)).collect();
        assert!(keys.is_sorted(), "oldest expiry first, then oldest order");
    }
}

prop_state_machine! {
    #![proptest_config(Config { cases: HISTORIES, max_shrink_iters: 10_000, failure_persistence: None, ..Config::default() })]

    /// granted - used - expired - taken back = left, always.
    #[test]
    fn orders_conserve_chances(sequential STEPS => Histories);
}

#[test]
fn lots_stay_bounded_and_lose_nothing() {
    let mut real = Real { account: Account::new(ShopperId(1)), now_ms: 0, made: 0 };
    for i in 0..3 * domain::chances::LOTS_MAX as i64 {
        let valid_ms = (i % 3 == 0).then_some(10_000 + i % 7);
        real.act(&Act::Grant { chances: 2, valid_ms });
    }
    let e = real.account.enrolment(HERE).expect("enrolled");
    assert_eq!(e.lots.len(), domain::chances::LOTS_MAX);
    assert_eq!(e.left_at(0), 6 * domain::chances::LOTS_MAX as u64);
    real.act(&Act::Draw { count: 10 });
    real.now_ms = 20_000;
    real.act(&Act::Draw { count: 10 });
    let e = real.account.enrolment(HERE).expect("enrolled");
    assert_eq!(e.granted - e.used - e.expired, e.lots.iter().map(|lot| lot.left).sum::<u64>());
    assert_eq!(e.used, 20);
}
