//! Stock that two logs share (R6): two owners, each of a partition with a log of its own, over records on the real server.

use crate::harness::{Rig, draw, publish, refusal, shopper, within};
use crate::servers::Own;
use adapters::ledger::{SqliteLedger, SqliteLedgerReader};
use adapters::records::Store;
use app::koi::Koi;
use app::owner::{Limits, Stores};
use app::ports::{Escrow, Good, Holding, PortError, PortResult, Share, Take};
use async_trait::async_trait;
use domain::ids::{CampaignId, ShopperId, partition_of};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use testkit::builders::{NOON_MS, one_prize};
use testkit::clock::FakeClock;

const DEADLINE: Duration = Duration::from_secs(20);
const CUP: Good = Good::Prize(0);

/// What goes wrong with the next transaction.
const NOTHING: u8 = 0;
/// It fails, and nothing was done.
const REFUSED: u8 = 1;
/// It is done, and its answer is lost.
const UNCLEAR: u8 = 2;
/// The rows are out of reach.
const AWAY: u8 = 3;

struct Shaky {
    real: Store,
    fault: Arc<AtomicU8>,
}

const GONE: PortError = PortError::Unreachable("the records");

#[async_trait]
impl Escrow for Shaky {
    async fn stock(&self, campaign: CampaignId, good: Good, total: u64) -> PortResult<bool> {
        self.real.stock(campaign, good, total).await
    }

    async fn take(&self, share: Share, taken: u64, units: u64, within: u64) -> PortResult<Take> {
        match self.fault.load(Ordering::Acquire) {
            REFUSED | AWAY => return Err(GONE),
            UNCLEAR => {
                _ = self.real.take(share, taken, units, within).await;
                self.fault.store(NOTHING, Ordering::Release);
                return Err(GONE);
            }
            _ => {}
        }
        self.real.take(share, taken, units, within).await
    }

    async fn holding(&self, share: Share) -> PortResult<Holding> {
        if self.fault.load(Ordering::Acquire) == AWAY { Err(GONE) } else { self.real.holding(share).await }
    }

    async fn give_back(&self, share: Share, returned: u64) -> PortResult<()> {
        if self.fault.load(Ordering::Acquire) == AWAY { Err(GONE) } else { self.real.give_back(share, returned).await }
    }

    async fn left(&self, campaign: CampaignId, good: Good) -> PortResult<Option<u64>> {
        if self.fault.load(Ordering::Acquire) == AWAY { Err(GONE) } else { self.real.left(campaign, good).await }
    }
}

/// One owner.
struct Node {
    harness: Rig,
    clock: Arc<FakeClock>,
    fault: Arc<AtomicU8>,
}

impl Node {
    async fn open(data: &Path, store: Store, part: u8, now_ms: i64) -> Self {
        let (clock, fault) = (Arc::new(FakeClock::at(now_ms)), Arc::new(AtomicU8::new(NOTHING)));
        let escrow = Arc::new(Shaky { real: store.clone(), fault: fault.clone() });
        let log = (Box::new(SqliteLedger::open(data).unwrap()) as _, Arc::new(SqliteLedgerReader::new(data)) as _);
        let stores = Some(Stores { escrow, part });
        let store = store.of_log(part);
        let harness = Rig::sharing(data, store, log, Limits::default(), clock.clone(), stores).await;
        Self { harness, clock, fault }
    }

    fn koi(&self) -> &Koi {
        &self.harness.koi
    }
}

/// The `nth` external id of a partition.
fn name(part: u8, nth: usize) -> String {
    (0..).map(|i| format!("s{i}")).filter(|name| partition_of(name) == part).nth(nth).unwrap()
}

fn won(drawn: &Value) -> bool {
    drawn["prize"]["code"] == "cup"
}

/// Draws `count` times for a shopper and counts cups.
async fn draws(koi: Koi, campaign: CampaignId, shopper: ShopperId, count: usize) -> u64 {
    let mut cups = 0;
    for i in 0..count {
        let drawn = draw(&koi, campaign, shopper, &format!("k{i}")).await.unwrap();
        cups += u64::from(won(&drawn));
    }
    cups
}

/// Two owners with two shoppers each, and a campaign of one prize.
struct Two {
    own: Own,
    dirs: [tempfile::TempDir; 2],
    nodes: Vec<Node>,
    campaign: CampaignId,
}

async fn two(prize: Value, change: impl FnOnce(&mut Value)) -> Two {
    let own = Own::new().await;
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let first = Node::open(dirs[0].path(), own.open().await, 1, NOON_MS).await;
    let mut definition = one_prize(&prize);
    change(&mut definition);
    let campaign = publish(first.koi(), definition).await;
    let second = Node::open(dirs[1].path(), own.open().await, 2, NOON_MS).await;
    Two { own, dirs, nodes: vec![first, second], campaign }
}

impl Two {
    async fn shoppers(&self, each: usize, chances: u32) -> Vec<(Koi, ShopperId)> {
        let mut all = Vec::new();
        for (node, part) in self.nodes.iter().zip([1, 2]) {
            for nth in 0..each {
                let id = shopper(node.koi(), &name(part, nth), self.campaign, chances).await;
                all.push((node.koi().clone(), id));
            }
        }
        all
    }

    async fn draw_at_once(&self, shoppers: &[(Koi, ShopperId)], count: usize) -> Vec<u64> {
        let campaign = self.campaign;
        let running: Vec<_> =
            shoppers.iter().map(|(koi, id)| tokio::spawn(draws(koi.clone(), campaign, *id, count))).collect();
        let mut cups = Vec::new();
        for one in running {
            cups.push(one.await.unwrap());
        }
        cups
    }

    async fn end(self) {
        for node in self.nodes {
            node.harness.stop().await;
        }
        self.own.drop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_last_unit_is_won_by_one_of_two_owners() {
    const STOCK: u64 = 25;
    let two = two(json!({"stock": STOCK}), |_| {}).await;
    let shoppers = two.shoppers(4, 10).await;
    let cups = two.draw_at_once(&shoppers, 10).await;
    // 80 draws, each of which hits the cup, for 25 of them.
    assert_eq!(cups.iter().sum::<u64>(), STOCK, "{cups:?}");
    let store = two.own.open().await;
    assert_eq!(store.left(two.campaign, CUP).await, Ok(Some(0)));
    let mut taken = 0;
    for part in [1, 2] {
        let holding = store.holding(Share { campaign: two.campaign, good: CUP, part }).await.unwrap();
        assert_eq!(holding.returned, 0);
        taken += holding.taken;
    }
    assert_eq!(taken, STOCK, "near the end nobody takes more than a roll needs");
    store.close().await;
    two.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_lost_answer_costs_no_unit_and_gives_none_twice() {
    let two = two(json!({"stock": 3}), |_| {}).await;
    let shoppers = two.shoppers(1, 9).await;
    let (koi, ada) = &shoppers[0];
    two.nodes[0].fault.store(REFUSED, Ordering::Release);
    assert_eq!(refusal(draw(koi, two.campaign, *ada, "a").await), "unavailable", "no fallback while the row is away");
    two.nodes[0].fault.store(AWAY, Ordering::Release);
    assert_eq!(refusal(draw(koi, two.campaign, *ada, "a").await), "unavailable");
    two.nodes[0].fault.store(UNCLEAR, Ordering::Release);
    assert!(won(&draw(koi, two.campaign, *ada, "a").await.unwrap()), "it was taken, and is found by reading");
    two.nodes[0].fault.store(NOTHING, Ordering::Release);
    let cups = two.draw_at_once(&shoppers, 4).await;
    assert_eq!(cups.iter().sum::<u64>(), 2, "{cups:?}");
    two.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_successor_inherits_and_idle_units_go_to_whoever_needs_them() {
    // Plenty: the first owner takes 32 at a time.
    let mut two = two(json!({"stock": 20_000}), |_| {}).await;
    let shoppers = two.shoppers(1, 40).await;
    let campaign = two.campaign;
    assert_eq!(draws(shoppers[0].0.clone(), campaign, shoppers[0].1, 10).await, 10);
    let store = two.own.open().await;
    let share = |part| Share { campaign, good: CUP, part };
    let taken = store.holding(share(1)).await.unwrap().taken;
    assert!(taken >= 32, "{taken} were taken ahead of need");
    // It ends and another one takes its log over: what was taken is the log's.
    drop(shoppers);
    let first = two.nodes.remove(0);
    first.harness.stop().await;
    let later = NOON_MS + 60_000;
    let first = Node::open(two.dirs[0].path(), two.own.open().await, 1, later).await;
    two.nodes.insert(0, first);
    let shoppers = two.shoppers(1, 0).await;
    assert!(won(&draw(&shoppers[0].0, campaign, shoppers[0].1, "after").await.unwrap()));
    assert_eq!(store.holding(share(1)).await.unwrap().taken, taken, "nothing more was needed");
    // Somebody else takes all that is left; the stock is not plenty any more and what lies idle comes back.
    let left = store.left(campaign, CUP).await.unwrap().unwrap();
    assert_eq!(store.take(share(3), 0, left, u64::MAX).await, Ok(Take::Taken { taken: left }));
    two.nodes[0].clock.set(later + 30_000);
    within(DEADLINE, "idle units back", async || {
        store.holding(share(1)).await.is_ok_and(|holding| holding.returned == taken - 11)
    })
    .await;
    assert_eq!(store.left(campaign, CUP).await, Ok(Some(taken - 11)));
    // The other owner takes them one by one, the last one too.
    let cups = draws(shoppers[1].0.clone(), campaign, shoppers[1].1, 40).await;
    assert_eq!(cups, taken - 11, "the last unit is won by somebody");
    assert!(!won(&draw(&shoppers[0].0, campaign, shoppers[0].1, "none").await.unwrap()), "what went back is gone");
    store.close().await;
    drop(shoppers);
    two.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_budget_is_kept_across_owners() {
    // A cup costs 15.00: of 200.00 thirteen are paid.
    let two = two(json!({}), |whole| whole["limits"] = json!({"budget_cents": 20_000})).await;
    let shoppers = two.shoppers(3, 8).await;
    let cups = two.draw_at_once(&shoppers, 8).await;
    let cups = cups.iter().sum::<u64>();
    // What is less than a cup may lie with either owner, which may cost one of them.
    assert!((12..=13).contains(&cups), "{cups} cups of 15.00 for 200.00");
    two.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fewer_than_are_out_cannot_be_published() {
    let two = two(json!({"stock": 10}), |_| {}).await;
    let shoppers = two.shoppers(1, 8).await;
    assert_eq!(two.draw_at_once(&shoppers, 4).await, [4, 4]);
    let store = two.own.open().await;
    assert_eq!(store.stock(two.campaign, CUP, 7).await, Ok(false), "eight are out");
    assert_eq!(store.left(two.campaign, CUP).await, Ok(Some(2)));
    store.close().await;
    drop(shoppers);
    two.end().await;
}
