//! Times what a cold draw needs, each source by itself and all at once, on the real engines and without any artificial
//! delay: the strategy (Redis, which does not have it, then records), the profile (person and profile at once, records),
//! and the account with its risk flags and keys (records, as the owner loads it). Records are MariaDB's behind
//! ShardingSphere-Proxy. No shopper is asked about twice.
//!
//! `bench_gather SHOPPERS` with KOI_TEST_PROXY and KOI_TEST_REDIS; one JSON object is printed.

use adapters::clock::SystemClock;
use adapters::hints::{self, Opened};
use adapters::records::Store;
use adapters::vault::Vault;
use app::koi::gather::together;
use app::ports::{Accounts, JobCursor, Person, Projection, Registry, Shelves, StrategyRow};
use domain::ids::{CampaignId, ShopperId};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

#[path = "sharded/mod.rs"]
mod sharded;

use sharded::{Made, Result, find};
use testkit::builders::{NOON_MS, Story, key};

/// Shoppers of one transaction while everything is made.
const CHUNK: usize = 500;
/// Shoppers asked about before anything is timed: connections, statements and the proxy's code are warm then.
const WARMED: usize = 300;
/// Keys that the owner loads of a cold account.
const KEYS: u32 = 4_096;
const WITHIN: Duration = Duration::from_secs(5);
const CAMPAIGN: CampaignId = CampaignId(41);

type Asked = app::Result<()>;

/// Where everything is.
struct Sources {
    store: Store,
    near: Opened,
}

impl Sources {
    async fn strategy(&self, shopper: ShopperId) -> Asked {
        if self.near.hot.strategy(shopper, CAMPAIGN).await.is_none() {
            let row = self.store.strategy(shopper, CAMPAIGN).await?;
            assert!(row.is_some(), "it was stored");
        }
        Ok(())
    }

    async fn profile(&self, shopper: ShopperId) -> Asked {
        let (person, profile) = tokio::join!(self.store.person(shopper), self.store.profile(shopper));
        assert!(person?.is_some() && profile?.is_some(), "they were stored");
        Ok(())
    }

    async fn risk(&self, shopper: ShopperId) -> Asked {
        let accounts = self.store.by_ids(&[shopper]).await?;
        let keys = self.store.keys(shopper, KEYS).await?;
        assert!(accounts.len() == 1 && !keys.is_empty(), "they were stored");
        Ok(())
    }
}

/// Milliseconds of some work.
async fn timed(work: impl Future<Output = Asked>) -> app::Result<f64> {
    let from = Instant::now();
    work.await?;
    Ok(from.elapsed().as_secs_f64() * 1e3)
}

#[tokio::main]
async fn main() -> Result<()> {
    let shoppers: usize = std::env::args().nth(1).ok_or("usage: bench_gather SHOPPERS")?.parse()?;
    let (dir, made) = (tempfile::tempdir()?, Made::new().await?);
    let store = Store::connect(&made.sharded, Vault::open(dir.path())?).await?;
    let options = hints::Options {
        url: find("KOI_TEST_REDIS")?,
        wait_ms: 1_000,
        prefix: format!("bench-{:x}", app::random::word()),
        ..Default::default()
    };
    let near = hints::open(&options, Arc::new(SystemClock)).await?;
    let ids = fill(&store, WARMED + 2 * shoppers).await?;
    let sources = Sources { store, near };
    let (warm, timed_ids) = ids.split_at(WARMED);
    for shopper in warm {
        together(WITHIN, sources.strategy(*shopper), sources.profile(*shopper), sources.risk(*shopper)).await?;
    }
    let mut rows: Vec<[f64; 5]> = Vec::new();
    for pair in timed_ids.chunks_exact(2) {
        let (one, two) = (pair[0], pair[1]);
        let strategy = timed(sources.strategy(one)).await?;
        let profile = timed(sources.profile(one)).await?;
        let risk = timed(sources.risk(one)).await?;
        let all = together(WITHIN, sources.strategy(two), sources.profile(two), sources.risk(two));
        let concurrent = timed(async { all.await.map(drop) }).await?;
        rows.push([strategy, profile, risk, strategy + profile + risk, concurrent]);
    }
    sources.store.close().await;
    made.drop().await?;
    println!("{}", result(&rows));
    Ok(())
}

/// Makes shoppers of whom everything is in records.
async fn fill(store: &Store, shoppers: usize) -> Result<Vec<ShopperId>> {
    let (mut story, mut all) = (Story::default(), Vec::new());
    let word = app::random::word();
    let slots: Vec<String> = (0..9).map(|slot| format!("[{},{slot},\"bought it 3 times\"]", slot / 4)).collect();
    let slots = format!("[{}]", slots.join(","));
    while all.len() < shoppers {
        let chunk: Vec<ShopperId> = (0..CHUNK.min(shoppers - all.len()))
            .map(|i| {
                let name = format!("gather-{word:x}-{}", all.len() + i);
                let shopper = story.register(&name);
                story.grant(shopper, CAMPAIGN, 5, key(&name));
                shopper
            })
            .collect();
        let mut batch = story.rows();
        let profile = json!({"orders": 3, "spend_cents": 12_345}).to_string();
        batch.profiles = chunk.iter().map(|shopper| (*shopper, profile.clone())).collect();
        store.apply(batch).await?;
        let row = |shopper: &ShopperId| StrategyRow {
            shopper: *shopper,
            campaign: CAMPAIGN,
            slots: slots.clone(),
            generation: 1,
            message: 0,
            at_ms: NOON_MS,
        };
        let (after, done) = (chunk[chunk.len() - 1], (all.len() + chunk.len()) as u64);
        let cursor = JobCursor { campaign: CAMPAIGN, after, done, total: done, generation: 1, finished: true };
        store.put_strategies(chunk.iter().map(row).collect(), cursor).await?;
        for shopper in &chunk {
            let person = Person { name: None, attributes: json!({"segment": "vip", "level": 3}).to_string() };
            store.put_person(*shopper, &person).await?;
        }
        all.extend(chunk);
    }
    Ok(all)
}

/// Medians, so that one pause of a virtual machine does not decide; the bound is that of the sources' medians.
fn result(rows: &[[f64; 5]]) -> Value {
    let median = |column: usize| {
        let mut values: Vec<f64> = rows.iter().map(|row| row[column]).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(0.0)
    };
    let rounded = |value: f64| (value * 1_000.0).round() / 1_000.0;
    let [strategy, profile, risk, sequential, concurrent] = std::array::from_fn(median);
    let (sum, longest) = (strategy + profile + risk, strategy.max(profile).max(risk));
    let (ratio, bound) = (sequential / concurrent, sum / longest);
    json!({
        "sources_ms": {"strategy": rounded(strategy), "profile": rounded(profile), "risk": rounded(risk)},
        "sequential_ms": rounded(sequential), "concurrent_ms": rounded(concurrent), "ratio": rounded(ratio),
        "bound": rounded(bound), "ratio_of_bound": rounded(ratio / bound), "samples": rows.len(),
    })
}
