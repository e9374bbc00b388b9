//! Counts what a real Redis needs for the gate before draws, filled by the product's own calls, with every key counted:
//! beside one lock hash with a time to live per shopper, as Redisson keeps it.
//!
//! `bench_gate_memory SHOPPERS`, with a Redis of its own at KOI_TEST_REDIS, which it empties. One JSON object is printed.

use adapters::hints::{Options, Redis, Tuning};
use app::ports::{Clock, Hints, Hot, HotStrategy, Mark, Noted};
use domain::ids::{CampaignId, ShopperId};
use futures_util::stream::{self, StreamExt};
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;
use testkit::builders::NOON_MS;
use testkit::clock::FakeClock;

/// Questions under way at once.
const AT_ONCE: usize = 256;
/// Locks written by one pipeline.
const LOCKS_AT_ONCE: u64 = 10_000;
/// Shoppers whose short-lived keys are counted: a bucket of requests, a hot strategy.
const ACTIVE: u64 = 20_000;
/// Requests of each: a bucket is kept until it is full again, one second for each.
const REQUESTS: u32 = 20;
/// Keys are looked at after they are filled; until then none may expire.
const KEPT: Duration = Duration::from_secs(3_600);
const CAMPAIGN: CampaignId = CampaignId(1_234_567_890_123_456_789);

type Done<T> = redis::RedisResult<T>;

/// The engine, emptied and measured.
struct Engine {
    url: String,
    connection: MultiplexedConnection,
}

impl Engine {
    async fn ask<T: redis::FromRedisValue>(&mut self, words: &[&str]) -> Done<T> {
        let mut command = redis::cmd(words[0]);
        words[1..].iter().for_each(|word| _ = command.arg(*word));
        command.query_async(&mut self.connection).await
    }

    async fn used(&mut self) -> Done<f64> {
        // Without what it holds for those who ask, which is ours and not the shoppers'. Each is asked for: the sum that INFO
        // tells is up to a second old, and after a long pipeline wrong by more than all bitmaps together.
        let clients: String = self.ask(&["CLIENT", "LIST"]).await?;
        let theirs = clients.split_whitespace().filter_map(|field| field.strip_prefix("tot-mem=")?.parse::<f64>().ok());
        let theirs: f64 = theirs.sum();
        let info: String = self.ask(&["INFO", "memory"]).await?;
        let of = |name: &str| -> f64 {
            let value = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.trim().parse().ok());
            value.unwrap_or(0.0)
        };
        Ok(of("used_memory") - theirs)
    }

    async fn keys(&mut self) -> Done<u64> {
        self.ask(&["DBSIZE"]).await
    }

    /// Empties it, and gives what it uses then.
    async fn empty(&mut self) -> Done<f64> {
        self.ask::<()>(&["FLUSHALL", "SYNC"]).await?;
        self.used().await
    }

    /// Removes the keys of a pattern, and gives how much less it uses.
    async fn without(&mut self, pattern: &str) -> Done<f64> {
        let before = self.used().await?;
        let keys: Vec<String> = self.ask(&["KEYS", pattern]).await?;
        for some in keys.chunks(1_000) {
            let words: Vec<&str> = std::iter::once("DEL").chain(some.iter().map(String::as_str)).collect();
            self.ask::<()>(&words).await?;
        }
        Ok(before - self.used().await?)
    }

    /// The product's hints, as a node of a system of so many shoppers has them.
    async fn node(&self, shoppers: u64, clock: &Arc<FakeClock>) -> Redis {
        let options = Options { url: self.url.clone(), wait_ms: 1_000, shoppers, ..Options::default() };
        let engine = options.engine().expect("invariant: a URL that was connected to");
        let clock: Arc<dyn Clock> = clock.clone();
        Redis::start(engine, &options, Tuning { drawing_kept: KEPT }, clock).await.expect("invariant: as above")
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let shoppers: u64 = std::env::args().nth(1).ok_or("usage: bench_gate_memory SHOPPERS")?.parse()?;
    let url =
        std::env::var("KOI_TEST_REDIS").map_err(|_| "KOI_TEST_REDIS names a Redis; `cargo xtask bench` sets it")?;
    // Emptying a full Redis takes longer than the driver's own bound.
    let patient = AsyncConnectionConfig::new().set_response_timeout(None);
    let connection = redis::Client::open(url.as_str())?.get_multiplexed_async_connection_with_config(&patient).await?;
    let mut engine = Engine { url, connection };
    let lock = locks(&mut engine, shoppers).await? / shoppers as f64;
    let mut result = gate(&mut engine, shoppers).await?;
    let bitmap = result["bitmap_bytes_per_shopper"].as_f64().unwrap_or(f64::MAX);
    result.insert("shoppers".into(), json!(shoppers));
    result.insert("lock_bytes_per_shopper".into(), json!(rounded(lock, 2)));
    result.insert("saving".into(), json!(rounded(1.0 - bitmap / lock, 5)));
    let sparse = sparse(&mut engine, shoppers).await?;
    result.insert("sparse_bytes_per_shopper".into(), json!(rounded(sparse, 3)));
    engine.empty().await?;
    println!("{}", Value::Object(result));
    Ok(())
}

/// Ids as owners make them when shoppers come by the thousand a second.
fn id(i: u64) -> ShopperId {
    ShopperId(((60_000_000_000 + i / 4) << 22) | ((i * 31 % 64) << 16) | (i % 4))
}

/// One lock a shopper: a hash of who holds it, with the time to live of Redisson's watchdog.
async fn locks(engine: &mut Engine, shoppers: u64) -> Done<f64> {
    let before = engine.empty().await?;
    let mut from = 0;
    while from < shoppers {
        let to = (from + LOCKS_AT_ONCE).min(shoppers);
        let mut pipeline = redis::pipe();
        for i in from..to {
            let key = format!("draw_lock:{CAMPAIGN}:{}", id(i));
            let holder = format!("8743c9c0-0795-4907-87fd-{i:012x}:{}", i % 512);
            pipeline.cmd("HSET").arg(&key).arg(holder).arg(1).ignore();
            pipeline.cmd("PEXPIRE").arg(&key).arg(KEPT.as_millis() as u64).ignore();
        }
        pipeline.query_async::<()>(&mut engine.connection).await?;
        from = to;
    }
    Ok(engine.used().await? - before)
}

/// Asks about all of them, so many at once.
async fn each(range: impl Iterator<Item = u64>, ask: impl AsyncFn(u64)) {
    let ask = &ask;
    stream::iter(range).map(move |i| ask(i)).buffer_unordered(AT_ONCE).for_each(|_| std::future::ready(())).await;
}

async fn noted(noted: Option<Noted>) {
    match noted {
        Some(noted) => noted.await,
        None => panic!("Redis went away"),
    }
}

/// Everybody draws, half of them in one second and half in the next, signed in today and qualified.
async fn gate(engine: &mut Engine, shoppers: u64) -> Done<Map<String, Value>> {
    let clock = Arc::new(FakeClock::at(NOON_MS));
    let node = engine.node(shoppers, &clock).await;
    let before = engine.empty().await?;
    for half in [0, 1] {
        each((0..shoppers).filter(|i| i % 2 == half), async |i| {
            assert!(node.begin_drawing(id(i)).await, "{i} draws already");
        })
        .await;
        clock.advance(1_000);
    }
    let day = Mark::SignedIn { campaign: CAMPAIGN, day: 20_000 };
    for mark in [day, Mark::Qualified { campaign: CAMPAIGN }] {
        each(0..shoppers, async |i| noted(node.mark(mark, id(i))).await).await;
    }
    // As the product sees them: all of them, and nobody else.
    clock.advance(-1_000);
    each((0..shoppers).step_by(997), async |i| {
        assert!(node.is_marked(day, id(i)).await && !node.begin_drawing(id(i)).await, "{i} is not known");
    })
    .await;
    let (keys, total) = (engine.keys().await?, engine.used().await? - before);
    let drawing = engine.without("koi:*:b*").await?;
    let signed_in = engine.without("koi:*:i*").await?;
    let qualified = engine.without("koi:*:q*").await?;
    let directory = engine.without("koi:*:d").await?;
    let active = active(engine, &node, shoppers.min(ACTIVE)).await?;
    let per = |bytes: f64| json!(rounded(bytes / shoppers as f64, 3));
    let mut result = Map::new();
    for (name, value) in [
        ("bitmap_bytes_per_shopper", per(drawing)),
        ("signed_in_bytes_per_shopper", per(signed_in)),
        ("qualified_bytes_per_shopper", per(qualified)),
        ("directory_bytes_per_shopper", per(directory)),
        ("total_bytes_per_shopper", per(total)),
        ("active_bytes_per_shopper", json!(rounded(active, 1))),
        ("keys", json!(keys)),
    ] {
        result.insert(name.into(), value);
    }
    Ok(result)
}

/// What a shopper who is here at the moment needs besides, for seconds: a bucket of requests and a hot strategy.
async fn active(engine: &mut Engine, node: &Redis, shoppers: u64) -> Done<f64> {
    let slots: Vec<String> = (0..9).map(|slot| format!("[{},{slot},\"bought it 3 times\"]", slot / 4)).collect();
    let strategy = HotStrategy { slots: format!("[{}]", slots.join(",")), generation: 1, at_ms: NOON_MS };
    let before = engine.empty().await?;
    each(0..shoppers, async |i| {
        for _ in 0..REQUESTS {
            assert_eq!(node.admit(id(i).0, 1, 2 * REQUESTS).await, None);
        }
        noted(node.keep_strategy(id(i), CAMPAIGN, &strategy)).await;
    })
    .await;
    Ok((engine.used().await? - before) / shoppers as f64)
}

/// Everything that is kept of shoppers whose ids are strewn over 2^32, all of them marked.
async fn sparse(engine: &mut Engine, shoppers: u64) -> Done<f64> {
    let clock = Arc::new(FakeClock::at(NOON_MS));
    let node = engine.node(shoppers, &clock).await;
    let before = engine.empty().await?;
    let step = (1_u64 << 32) / shoppers.max(1);
    let strewn = |i: u64| ShopperId(i * step + i.wrapping_mul(0x9e37_79b9) % step.max(1));
    let mark = Mark::Qualified { campaign: CAMPAIGN };
    each(0..shoppers, async |i| noted(node.mark(mark, strewn(i))).await).await;
    each((0..shoppers).step_by(997), async |i| assert!(node.is_marked(mark, strewn(i)).await, "{i}")).await;
    Ok((engine.used().await? - before) / shoppers as f64)
}

fn rounded(value: f64, decimals: i32) -> f64 {
    let scale = 10_f64.powi(decimals);
    (value * scale).round() / scale
}
