//! [`Browse`]: what operators look through is all there, once, in order, wherever its rows lie.

use super::records::Rows;
use crate::builders::{NOON_MS, Story, key, view};
use app::ports::{Browse, JobCursor, RowFilter, Scanned, Shelves, ShopperFilter, Span, StepCount, StrategyRow};
use domain::award::AwardState;
use domain::ids::{CampaignId, ShopperId};
use domain::order::OrderKind;
use domain::record::{Fact, Granted};
use std::collections::BTreeSet;

const HERE: CampaignId = CampaignId(41);
const THERE: CampaignId = CampaignId(42);

/// All pages of a list of ids.
async fn pages(oldest_first: bool, limit: u32, page: impl AsyncFn(Span) -> Scanned<u64>) -> Vec<u64> {
    let (mut all, mut behind) = (Vec::new(), None);
    loop {
        let Scanned { rows, behind: next } = page(Span { behind, limit, oldest_first }).await;
        assert!(rows.len() <= limit as usize);
        all.extend(rows);
        match next {
            Some(_) => behind = next,
            None => return all,
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "a page that was just fetched, and nobody else wants it")]
fn scanned<T>(page: Scanned<T>, id: impl Fn(&T) -> u64) -> Scanned<u64> {
    Scanned { rows: page.rows.iter().map(id).collect(), behind: page.behind }
}

/// Walks find every row that is wanted, once, in the order asked for, page by page.
pub async fn walks_everything<R: Rows + Browse>(open: impl AsyncFn() -> R) {
    let store = open().await;
    assert_eq!(store.ping().await, Ok(()));
    let mut story = Story::default();
    let shoppers: Vec<ShopperId> = (0..12).map(|i| story.register(&format!("s{i}"))).collect();
    let (mut draws, mut awards, mut orders) = (Vec::new(), Vec::new(), Vec::new());
    for (i, shopper) in shoppers.iter().enumerate() {
        let campaign = if i % 3 == 0 { THERE } else { HERE };
        orders.push((story.grant(*shopper, campaign, 3, key(&format!("g{i}"))).0.0, campaign, *shopper));
        let (made, _) = story.draw(*shopper, campaign, 3, key(&format!("d{i}")));
        draws.extend(made.iter().map(|(draw, _)| (draw.0, campaign, *shopper)));
        awards.extend(made.iter().map(|(_, award)| (award.0, campaign, *shopper)));
    }
    store.apply(story.rows()).await.expect("applied");
    let want = |of: &[(u64, CampaignId, ShopperId)], oldest: bool, keep: &dyn Fn(CampaignId, ShopperId) -> bool| {
        let mut ids: Vec<u64> = of.iter().filter(|(_, c, s)| keep(*c, *s)).map(|(id, ..)| *id).collect();
        ids.sort_unstable();
        if !oldest {
            ids.reverse();
        }
        ids
    };
    let of_one = shoppers[4];
    for (filter, keep) in [
        (RowFilter::default(), Box::new(|_, _| true) as Box<dyn Fn(CampaignId, ShopperId) -> bool>),
        (RowFilter { campaign: Some(THERE), ..RowFilter::default() }, Box::new(|c, _| c == THERE)),
        (RowFilter { shopper: Some(of_one), ..RowFilter::default() }, Box::new(move |_, s| s == of_one)),
        (RowFilter { until_ms: Some(NOON_MS), ..RowFilter::default() }, Box::new(|_, _| false)),
    ] {
        for (oldest, limit) in [(true, 5), (false, 1), (false, 100)] {
            let got = pages(oldest, limit, async |span| {
                scanned(store.all_draws(&filter, span).await.expect("readable"), |row| row.id.0)
            });
            assert_eq!(got.await, want(&draws, oldest, &keep), "draws of {filter:?} by {limit}");
            let got = pages(oldest, limit, async |span| {
                scanned(store.all_awards(&filter, span).await.expect("readable"), |row| row.id.0)
            });
            assert_eq!(got.await, want(&awards, oldest, &keep), "awards of {filter:?} by {limit}");
            let got = pages(oldest, limit, async |span| {
                scanned(store.all_orders(&filter, span).await.expect("readable"), |row| row.id.0)
            });
            assert_eq!(got.await, want(&orders, oldest, &keep), "orders of {filter:?} by {limit}");
        }
    }
    let none = RowFilter { award_state: Some(AwardState::Failed), ..RowFilter::default() };
    let span = Span { behind: None, limit: 9, oldest_first: false };
    assert!(store.all_awards(&none, span).await.expect("readable").rows.is_empty());
    let names = |prefix: &str| ShopperFilter { prefix: Some(prefix.into()), blocked: false };
    for (filter, count) in [(ShopperFilter::default(), 12), (names("s1"), 3), (names("x"), 0)] {
        let found = pages(true, 4, async |span| {
            scanned(store.shoppers(&filter, span).await.expect("readable"), |row| row.account.id.0)
        });
        let found = found.await;
        assert!(found.is_sorted());
        assert_eq!(found.len(), count, "{filter:?}");
    }
}

/// Steps of time and the funnel count shoppers and draws of all partitions, each once.
pub async fn counts<R: Rows + Browse + Shelves>(open: impl AsyncFn() -> R) {
    let store = open().await;
    let mut story = Story::default();
    let shoppers: Vec<ShopperId> = (0..9).map(|i| story.register(&format!("s{i}"))).collect();
    for (i, shopper) in shoppers.iter().enumerate().take(6) {
        story.grant(*shopper, HERE, 2, key(&format!("g{i}")));
        story.draw(*shopper, HERE, 2, key(&format!("d{i}")));
    }
    for (i, shopper) in shoppers.iter().enumerate().skip(4) {
        story.behave(*shopper, &[view(&format!("v{i}"), NOON_MS + 1, "a"), view(&format!("w{i}"), NOON_MS, "b")]);
        // What a purchase grants: of those who bought, two had drawn before.
        let order = domain::ids::OrderId(story.new_id(*shopper));
        let bought = Granted {
            order,
            campaign: HERE,
            kind: OrderKind::Purchase,
            chances: 1,
            lot: order,
            expires_at_ms: None,
            reason: String::new(),
            points: 0,
            streak: 0,
            rebate: None,
        };
        story.facts(*shopper, vec![Fact::Granted(Box::new(bought))]);
    }
    let mut rows = story.rows();
    rows.profiles.extend(shoppers[4..].iter().map(|shopper| (*shopper, "{}".to_owned())));
    store.apply(rows).await.expect("applied");
    let strategy = |shopper: &ShopperId| StrategyRow {
        shopper: *shopper,
        campaign: HERE,
        slots: "[]".into(),
        generation: 1,
        message: 1,
        at_ms: 1,
    };
    let cursor = JobCursor { campaign: HERE, after: shoppers[0], done: 3, total: 9, generation: 1, finished: false };
    store.put_strategies(shoppers[..3].iter().map(strategy).collect(), cursor).await.expect("written");

    let funnel = store.funnel(HERE).await.expect("readable");
    assert_eq!((funnel.behaved, funnel.strategies, funnel.drew, funnel.bought_after), (5, 3, 6, 2));
    assert_eq!(store.funnel(THERE).await.expect("readable").drew, 0);
    let step_ms = 3_600_000;
    let (from, until) = (NOON_MS - step_ms, NOON_MS + step_ms);
    let steps = store.steps(HERE, from, until, step_ms).await.expect("readable");
    let sum = |prize: Option<u16>| steps.iter().filter(|s| s.prize == prize).map(|s: &StepCount| s.count).sum::<u64>();
    assert_eq!((sum(None), sum(Some(0))), (12, 12), "{steps:?}");
    assert!(steps.iter().all(|s| s.at_ms <= NOON_MS && NOON_MS < s.at_ms + step_ms), "{steps:?}");
    let ends: BTreeSet<_> = steps.iter().map(|s| (s.at_ms, s.prize)).collect();
    assert_eq!(ends.len(), steps.len(), "a step is told once");
    assert!(store.steps(HERE, until, until + step_ms, step_ms).await.expect("readable").is_empty());
    let told = store.behaviours(shoppers[5], 0, 9).await.expect("readable");
    assert_eq!(told.len(), 2);
    assert!(told[0].contains("v5") && told[1].contains("w5"), "newest first: {told:?}");
    assert_eq!(store.behaviours(shoppers[5], 1, 9).await.expect("readable"), told[1..]);
    assert!(store.behaviours(shoppers[0], 0, 9).await.expect("readable").is_empty());
}
