//! [`Shelves`]: behaviour, profiles, strategies and the job that makes them.

use crate::builders::{Story, view};
use app::ports::{JobCursor, Projection, Shelves, StrategyRow};
use domain::ids::{CampaignId, ShopperId};

const HERE: CampaignId = CampaignId(41);
const THERE: CampaignId = CampaignId(42);

/// Histories are whole and oldest first, whatever the page's size cuts.
pub async fn reads_whole_histories<S: Shelves + Projection>(open: impl AsyncFn() -> S) {
    let store = open().await;
    assert!(store.histories(ShopperId(0), 10).await.expect("readable").is_empty());
    let mut story = Story::default();
    let mut want: Vec<(ShopperId, Vec<String>)> = Vec::new();
    for (i, count) in [3i64, 1, 7, 2, 1, 4].into_iter().enumerate() {
        let shopper = story.register(&format!("s{i}"));
        let behaviours: Vec<_> = (0..count).map(|at| view(&format!("{i} {}", 9 - at), at, "cup")).collect();
        // Told newest first, under keys that fall: the order is that of the acts, not of arrival or key.
        for behaviour in behaviours.iter().rev() {
            story.behave(shopper, std::slice::from_ref(behaviour));
        }
        want.push((shopper, behaviours.iter().map(|b| serde_json::to_string(b).expect("JSON")).collect()));
    }
    let mut rows = story.rows();
    rows.profiles.push((want[0].0, "{\"a\":1}".into()));
    store.apply(rows).await.expect("applied");
    want.sort_unstable();
    for limit in [1, 2, 3, 4, 5, 7, 8, 18, 100] {
        let (mut got, mut after) = (Vec::new(), ShopperId(0));
        while got.len() <= want.len() {
            let page = store.histories(after, limit).await.expect("readable");
            let Some((last, _)) = page.last() else { break };
            after = *last;
            got.extend(page);
        }
        assert_eq!(got, want, "pages of about {limit}");
    }
    assert_eq!(
        store.profile(want[0].0).await.expect("readable").is_some(),
        want[0].0.partition() == domain::ids::partition_of("s0")
    );
    assert_eq!(store.profile(ShopperId(5)).await, Ok(None));
}

fn cursor(done: u64, finished: bool) -> JobCursor {
    JobCursor { campaign: HERE, after: ShopperId(done), done, total: 9, generation: 2, finished }
}

fn strategy(shopper: ShopperId, campaign: CampaignId, generation: u32) -> StrategyRow {
    StrategyRow { shopper, campaign, slots: format!("[[0,{generation},null]]"), generation, message: 0, at_ms: 0 }
}

/// Strategies and the cursor behind them are one; behaviour makes a strategy stale, a new one is fresh.
pub async fn keeps_strategies<S: Shelves + Projection>(open: impl AsyncFn() -> S) {
    let store = open().await;
    let mut story = Story::default();
    let shoppers: Vec<ShopperId> = (0..5).map(|i| story.register(&format!("s{i}"))).collect();
    store.apply(story.rows()).await.expect("applied");
    assert_eq!(store.cursor(HERE).await, Ok(None));
    assert_eq!(store.strategy(shoppers[0], HERE).await, Ok(None));
    let rows = shoppers[..3].iter().map(|s| strategy(*s, HERE, 1)).collect();
    store.put_strategies(rows, cursor(3, false)).await.expect("stored");
    let elsewhere = JobCursor { campaign: THERE, ..cursor(1, true) };
    store.put_strategies(vec![strategy(shoppers[0], THERE, 1)], elsewhere).await.expect("stored");
    drop(store);

    let store = open().await;
    assert_eq!(store.cursor(HERE).await, Ok(Some(cursor(3, false))));
    assert_eq!(store.cursor(THERE).await, Ok(Some(elsewhere)));
    assert_eq!(store.strategy(shoppers[2], HERE).await, Ok(Some(strategy(shoppers[2], HERE, 1))));
    assert_eq!(store.strategy(shoppers[3], HERE).await, Ok(None));
    let mut personal = shoppers[..3].to_vec();
    personal.sort_unstable();
    assert_eq!(store.with_strategy(HERE, ShopperId(0), 10).await, Ok(personal.clone()));
    assert_eq!(
        store.with_strategy(HERE, personal[0], 1).await,
        Ok(vec![personal[1]]),
        "above the last, a page at a time"
    );

    assert_eq!(store.stale(HERE, 10).await, Ok(vec![]), "a new strategy is fresh");
    for (i, id) in [(1, "a"), (1, "b"), (4, "c")] {
        story.behave(shoppers[i], &[view(id, 1, "cup")]);
    }
    store.apply(story.rows()).await.expect("applied");
    assert_eq!(store.stale(HERE, 10).await, Ok(vec![shoppers[1]]), "who behaved and has a strategy");
    assert_eq!(store.stale(THERE, 10).await, Ok(vec![]), "who has none here is not stale here");
    store.put_strategies(vec![strategy(shoppers[1], HERE, 2)], cursor(5, true)).await.expect("stored");
    assert_eq!(store.stale(HERE, 10).await, Ok(vec![]));
    assert_eq!(store.strategy(shoppers[1], HERE).await, Ok(Some(strategy(shoppers[1], HERE, 2))), "replaced");
    assert_eq!(store.cursor(HERE).await, Ok(Some(cursor(5, true))));
}
