//! Times personal strategies with all work per shopper: scores, composed slots, their stored form, and the records they
//! are stored in, committed in the chunks of the strategist.
//!
//! `bench_generate LINES DIR SHOPPERS` reads Online Retail's lines, makes SHOPPERS synthetic shoppers besides (0: none), keeps
//! records in DIR, and prints one JSON object. The set of shoppers is repeated until a measurement took ten seconds.
//! "Per core" is per second of processor time, of whatever thread.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use adapters::records::Store;
use adapters::vault::Vault;
use app::koi::stored_slots;
use app::ports::{JobCursor, Shelves, StrategyRow};
use domain::behaviour::{Action, Behaviour, Item};
use domain::ids::{CampaignId, ShopperId, mix};
use recommend::Scratch;
use recommend::baskets::{Builder, Dataset, History};
use recommend::fit::{Fitted, Options, Who};
use recommend::hit_rate;
use recommend::prizes::PrizeIndex;
use serde_json::{Value, json};

#[path = "../../recommend/examples/retail/mod.rs"]
mod retail;

/// The least that a measurement takes.
const MEASURED_FOR: Duration = Duration::from_secs(10);
/// Strategies of one transaction, as the strategist has them.
const CHUNK: usize = 1_000;
/// Slots per tier of the campaign that is filled.
const TIERS: [u8; 9] = [0, 0, 0, 0, 1, 1, 1, 2, 2];
/// Shoppers who buy once more.
const UPDATES: usize = 2_000;
const DAY_MS: i64 = 86_400_000;
/// The synthetic shop: items, the tastes they fall into, baskets and items of a basket at most.
const ITEMS: u64 = 10_000;
const TASTES: u64 = 200;
const BASKETS: u64 = 6;
const BASKET: u64 = 5;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [lines, dir, shoppers] = arguments.as_slice() else {
        return Err(io::Error::other("usage: bench_generate LINES DIR SHOPPERS"));
    };
    let shoppers: u64 = shoppers.parse().map_err(io::Error::other)?;
    let options = Options { threads: 1, ..Options::default() };
    let rate = hit_rate::measure(&retail::read(lines)?, options);
    let rate = rate.ok_or_else(|| io::Error::other("too few shoppers or items"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let dir = Path::new(dir);
    let mut result = runtime.block_on(measure(retail::read(lines)?, options, &dir.join("retail")))?;
    let more = json!({
        "hit_rate_personal": rounded(rate.hit_rate_personal, 4),
        "hit_rate_random": rounded(rate.hit_rate_random, 4),
        "lift": rounded(rate.lift(), 2),
        "held_out": rate.shoppers,
        "disjoint_pairs": rate.disjoint_pairs,
        "disjoint_same": rate.disjoint_same,
    });
    merge(&mut result, more);
    if shoppers > 0 {
        let synthetic = runtime.block_on(measure(synthetic(shoppers), options, &dir.join("synthetic")))?;
        result["synthetic"] = synthetic;
    }
    result["peak_rss_mb"] = json!(peak_mb());
    println!("{result}");
    Ok(())
}

fn merge(into: &mut Value, more: Value) {
    if let (Some(into), Value::Object(more)) = (into.as_object_mut(), more) {
        into.extend(more);
    }
}

async fn measure(data: Dataset, options: Options, dir: &Path) -> io::Result<Value> {
    fs::create_dir_all(dir)?;
    let store = Store::open(dir, Vault::open(dir).map_err(io::Error::other)?).await.map_err(io::Error::other)?;
    let started = Instant::now();
    let fitted = Fitted::fit(data, options);
    let fit_s = started.elapsed().as_secs_f64();
    let index = hit_rate::campaign(&fitted).ok_or_else(|| io::Error::other("too few items"))?;
    let on_the_way = generate(&fitted, &index, &store).await?;
    let started = Instant::now();
    fitted.refresh_neighbours(2);
    let neighbours_s = started.elapsed().as_secs_f64();
    let refreshed = generate(&fitted, &index, &store).await?;
    let [warm_p50_ms, warm_p99_ms] = warm_updates(&fitted, &index, &store).await?;
    store.close().await;
    Ok(json!({
        "shoppers_per_s_per_core": refreshed.per_core.round(),
        "shoppers_per_s": refreshed.per_second.round(),
        "shoppers_per_s_per_core_on_the_way": on_the_way.per_core.round(),
        "fit_s": rounded(fit_s, 3),
        "neighbours_s": rounded(neighbours_s, 3),
        "neighbours_threads": 2,
        "warm_update_ms": rounded(warm_p50_ms, 3),
        "warm_update_p99_ms": rounded(warm_p99_ms, 3),
        "shoppers": fitted.data().len(),
        "items": fitted.catalogue().len(),
        "model": fitted.model(),
    }))
}

struct Rate {
    per_second: f64,
    per_core: f64,
}

/// Strategies of everybody, stored, again and again.
async fn generate(fitted: &Fitted, index: &PrizeIndex, store: &Store) -> io::Result<Rate> {
    let shoppers: Vec<ShopperId> = (0..fitted.data().len()).map(|place| fitted.data().shopper(place)).collect();
    let mut composer = Composer { fitted, index, scratch: Scratch::default(), slots: Vec::new() };
    let (started, cpu_started, mut made) = (Instant::now(), cpu_s()?, 0_usize);
    let mut generation = 0;
    while started.elapsed() < MEASURED_FOR {
        generation += 1;
        for chunk in shoppers.chunks(CHUNK) {
            let rows = chunk.iter().map(|&shopper| composer.row(shopper, Who::Shopper(shopper), generation)).collect();
            keep(store, rows, generation).await?;
            made += chunk.len();
            // A million take longer than needed to know the rate.
            if made >= shoppers.len().min(CHUNK * 100) && started.elapsed() >= MEASURED_FOR {
                break;
            }
        }
    }
    let (wall, cpu) = (started.elapsed().as_secs_f64(), cpu_s()? - cpu_started);
    Ok(Rate { per_second: made as f64 / wall, per_core: made as f64 / cpu })
}

/// One more purchase each: the history read anew, slots composed and stored; the median and the 99th percentile in
/// milliseconds.
async fn warm_updates(fitted: &Fitted, index: &PrizeIndex, store: &Store) -> io::Result<[f64; 2]> {
    let mut composer = Composer { fitted, index, scratch: Scratch::default(), slots: Vec::new() };
    let count = fitted.data().len().min(UPDATES);
    let mut took_ms = Vec::with_capacity(count);
    for number in 0..count {
        let place = number * (fitted.data().len() / count);
        let shopper = fitted.data().shopper(place);
        let mut acts = acts(fitted, place);
        let bought = fitted.data().by_rank()[mix(number as u64) as usize % fitted.catalogue().len()];
        acts.push(purchase("new", 1 << 44, [fitted.catalogue().sku(bought)]));
        let started = Instant::now();
        let history = History::new(fitted.catalogue(), &acts);
        let row = composer.row(shopper, Who::Newer(shopper, &history), 1_000);
        keep(store, vec![row], 1_000).await?;
        took_ms.push(started.elapsed().as_secs_f64() * 1_000.0);
    }
    took_ms.sort_by(f64::total_cmp);
    Ok([took_ms[count / 2], took_ms[count * 99 / 100]])
}

/// What a shopper did, as it is stored.
fn acts(fitted: &Fitted, place: usize) -> Vec<Behaviour> {
    let baskets = fitted.data().baskets(place);
    let act = |basket: usize| {
        let skus = baskets.items(basket).iter().map(|&item| fitted.catalogue().sku(item));
        purchase(&basket.to_string(), baskets.at_ms(basket), skus)
    };
    (0..baskets.len()).map(act).collect()
}

fn purchase<'a>(order: &str, at_ms: i64, skus: impl IntoIterator<Item = &'a str>) -> Behaviour {
    let item = |sku: &str| Item {
        sku: sku.to_owned(),
        name: String::new(),
        category: String::new(),
        price_cents: 100,
        quantity: 1,
    };
    let items = skus.into_iter().map(item).collect();
    Behaviour { id: order.to_owned(), at_ms, action: Action::Purchase { order_id: order.to_owned(), items } }
}

struct Composer<'a> {
    fitted: &'a Fitted,
    index: &'a PrizeIndex,
    scratch: Scratch,
    slots: Vec<recommend::compose::Slot>,
}

impl Composer<'_> {
    fn row(&mut self, shopper: ShopperId, who: Who<'_>, generation: u32) -> StrategyRow {
        self.index.compose(self.fitted, who, mix(shopper.0), &mut self.scratch, &mut self.slots);
        let slots = stored_slots(TIERS.into_iter(), &self.slots, self.fitted.catalogue());
        StrategyRow { shopper, campaign: CampaignId(1), slots, generation, message: 0, at_ms: 0 }
    }
}

async fn keep(store: &Store, rows: Vec<StrategyRow>, generation: u32) -> io::Result<()> {
    let after = rows.last().map_or(ShopperId(0), |row| row.shopper);
    let cursor = JobCursor { campaign: CampaignId(1), after, done: 0, total: 0, generation, finished: false };
    store.put_strategies(rows, cursor).await.map_err(|error| io::Error::other(format!("{error:?}")))
}

/// Shoppers of a few tastes each, the same every time.
fn synthetic(shoppers: u64) -> Dataset {
    let mut builder = Builder::default();
    for item in 0..ITEMS {
        if let Some(id) = builder.catalogue().intern(&format!("i{item}"), "", "") {
            builder.catalogue().saw_price(id, 100 + (mix(item) % 5_000) as i64);
        }
    }
    let mut state = 1;
    let mut draw = |n: u64| {
        state = mix(state + 0x9e37);
        state % n
    };
    for shopper in 0..shoppers {
        let tastes = [draw(TASTES), draw(TASTES), draw(TASTES)];
        for basket in 0..2 + draw(BASKETS - 1) {
            let at_ms = (20_000 + basket as i64 * 30 + draw(30) as i64) * DAY_MS;
            for _ in 0..1 + draw(BASKET) {
                // The lower of two draws: each taste has popular and rare items.
                let of_taste = ITEMS / TASTES;
                let item = tastes[draw(3) as usize] * of_taste + draw(of_taste).min(draw(of_taste));
                builder.add_line(ShopperId((shopper + 1) << 22), basket, at_ms, item as u32);
            }
        }
    }
    builder.build()
}

/// Processor seconds of all threads so far.
fn cpu_s() -> io::Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The name may hold spaces; after it come the state and, as the 12th and 13th, the ticks in user and kernel mode.
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or("").split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok());
    match (ticks(11), ticks(12)) {
        (Some(user), Some(kernel)) => Ok((user + kernel) / 100.0),
        _ => Err(io::Error::other("/proc/self/stat cannot be read")),
    }
}

fn peak_mb() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse().unwrap_or(0.0);
    (kilobytes / 1_024.0).round()
}

fn rounded(value: f64, decimals: i32) -> f64 {
    let scale = 10f64.powi(decimals);
    (value * scale).round() / scale
}
