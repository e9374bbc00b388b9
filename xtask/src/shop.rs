//! A believable shop for the demo: shoppers with tastes, a catalogue, a year and a half of purchases, and a campaign
//! whose prizes come from the catalogue. The same seed and day make the same files to the byte.

mod campaign;
mod catalogue;
pub mod random;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use serde_json::Value;

use catalogue::{KINDS, Product, catalogue};
use random::Random;

/// Most shoppers of one shop; purchases are sorted in memory, some 4 KB each.
pub const MAX_SHOPPERS: usize = 200_000;
/// How far back the purchases go.
const HISTORY_DAYS: f64 = 540.0;
/// How far back the reviews, searches, views and sign-ins go.
const EVENT_DAYS: f64 = 30.0;
const DAY_MS: i64 = 86_400_000;
/// The part of bought lines that comes back.
const RETURN_RATE: f64 = 0.03;
const REVIEW_RATE: f64 = 0.15;
/// Most products that a shopper buys again and again.
const MAX_STAPLES: usize = 5;
const SAMPLES: usize = 8;

/// A generated shop.
#[derive(Debug)]
pub struct Shop {
    /// NDJSON in the `purchases` format, oldest first.
    pub purchases: PathBuf,
    /// NDJSON of behaviours as `POST /events` takes them, oldest first.
    pub events: PathBuf,
    /// A body for `POST /campaigns`, open from the day of generation for 30 days.
    pub campaign: Value,
    /// Shoppers to show, busy ones, each of another taste.
    pub samples: Vec<Sample>,
    pub shoppers: usize,
    pub products: usize,
    pub lines: usize,
    pub return_lines: usize,
    pub event_count: usize,
}

/// A shopper to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// External id.
    pub id: String,
    /// Names of the liked categories, the best liked first.
    pub likes: Vec<&'static str>,
    /// Orders in the history.
    pub orders: usize,
}

/// Writes a shop of `shoppers` shoppers into the directory `out`, which is made where it does not exist. Its history
/// ends at the start of the current UTC day.
pub fn generate(out: &Path, shoppers: usize, seed: u64) -> Result<Shop> {
    generate_at(out, shoppers, seed, today_ms()?)
}

/// Unix milliseconds of the start of the current UTC day.
fn today_ms() -> Result<i64> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).context("the clock stands before 1970")?;
    let now_ms = i64::try_from(now.as_millis())?;
    Ok(now_ms - now_ms % DAY_MS)
}

/// The campaign of the shop that `generate` would make today, without making the shop.
pub fn campaign(shoppers: usize, seed: u64) -> Result<Value> {
    Ok(campaign::body(&catalogue(&mut Random::new(seed)), shoppers, today_ms()?))
}

/// `generate` as of a given day (Unix milliseconds of its start).
pub fn generate_at(out: &Path, shoppers: usize, seed: u64, today_ms: i64) -> Result<Shop> {
    ensure!((1..=MAX_SHOPPERS).contains(&shoppers), "a shop has 1 to {MAX_SHOPPERS} shoppers, not {shoppers}");
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let mut random = Random::new(seed);
    let products = catalogue(&mut random);
    let (mut lines, mut events, mut samples) = (Vec::new(), Vec::new(), Vec::new());
    for number in 1..=shoppers {
        let shopper = Shopper::new(number, &mut random.fork(), &products);
        let orders = shopper.buy(&mut random.fork(), &products, today_ms, &mut lines, &mut events);
        shopper.browse(&mut random.fork(), &products, today_ms, &mut events);
        sample(&mut samples, &shopper, orders);
    }
    // Ties in time are broken by what is unique, so that the order never depends on the sort.
    lines.sort_by(|a, b| (a.at_ms, &a.order_id, &a.sku).cmp(&(b.at_ms, &b.order_id, &b.sku)));
    events.sort_by(|a, b| (a.at_ms, &a.shopper, &a.id).cmp(&(b.at_ms, &b.shopper, &b.id)));
    let (purchases_path, events_path) = (out.join("purchases.ndjson"), out.join("events.ndjson"));
    write_lines(&purchases_path, &lines)?;
    write_lines(&events_path, &events)?;
    Ok(Shop {
        purchases: purchases_path,
        events: events_path,
        campaign: campaign::body(&products, shoppers, today_ms),
        samples,
        shoppers,
        products: products.len(),
        return_lines: lines.iter().filter(|line| line.quantity < 0).count(),
        lines: lines.len(),
        event_count: events.len(),
    })
}

/// A row of the `purchases` format.
#[derive(Serialize)]
struct Line<'a> {
    shopper: String,
    order_id: String,
    #[serde(rename = "at", serialize_with = "as_time")]
    at_ms: i64,
    sku: &'a str,
    name: &'a str,
    category: &'static str,
    price_cents: i64,
    quantity: i32,
}

/// A behaviour that is no purchase.
#[derive(Serialize)]
struct Event<'a> {
    id: String,
    shopper: String,
    #[serde(rename = "at", serialize_with = "as_time")]
    at_ms: i64,
    #[serde(flatten)]
    act: Act<'a>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Act<'a> {
    Review { sku: &'a str, rating: u8, text: &'static str },
    Search { query: &'static str },
    View { sku: &'a str },
    SignIn {},
}

/// What one shopper is like.
struct Shopper {
    id: String,
    /// Liked categories, the best liked first.
    likes: Vec<usize>,
    /// Products bought again and again, with the days they last.
    staples: Vec<(usize, f64)>,
    /// Days between two orders, on average.
    pace_days: f64,
    /// Days before today of the first and of the last possible order.
    from_days: f64,
    to_days: f64,
}

impl Shopper {
    fn new(number: usize, random: &mut Random, products: &[Product]) -> Shopper {
        let wanted = 2 + random.below(3);
        let mut likes: Vec<usize> = Vec::new();
        while likes.len() < wanted {
            let kind = random.below(KINDS.len());
            if !likes.contains(&kind) {
                likes.push(kind);
            }
        }
        let mut staples: Vec<(usize, f64)> = Vec::new();
        for &kind in likes.iter().filter(|&&kind| KINDS[kind].cycle_days > 0.0) {
            for _ in 0..1 + random.below(2) {
                let product = pick(random, products, kind);
                if staples.len() < MAX_STAPLES && staples.iter().all(|(known, _)| *known != product) {
                    staples.push((product, KINDS[kind].cycle_days * random.between(0.8, 1.6)));
                }
            }
        }
        let from_days = HISTORY_DAYS * random.unit().sqrt();
        // A fifth has left the shop since.
        let to_days = if random.chance(0.2) { from_days * random.unit() } else { 0.0 };
        let pace_days = (27.0 * (0.55_f64 * random.normal()).exp()).clamp(6.0, 150.0);
        Shopper { id: format!("shopper-{number:05}"), likes, staples, pace_days, from_days, to_days }
    }

    /// Adds the shopper's purchases, returns and reviews; returns the number of orders.
    fn buy<'a>(
        &self,
        random: &mut Random,
        products: &'a [Product],
        today_ms: i64,
        lines: &mut Vec<Line<'a>>,
        events: &mut Vec<Event<'a>>,
    ) -> usize {
        let mut orders = 0;
        let mut days_ago = self.from_days;
        let mut last_bought: Vec<Option<f64>> = vec![None; self.staples.len()];
        while days_ago > self.to_days.max(0.1) {
            orders += 1;
            let order_id = format!("{}-{orders:03}", self.id.replacen("shopper", "D", 1));
            let at_ms = moment(random, today_ms, days_ago);
            for (product, quantity) in self.basket(random, products, days_ago, &mut last_bought) {
                let line = |order_id: String, at_ms, quantity| Line {
                    shopper: self.id.clone(),
                    order_id,
                    at_ms,
                    sku: &products[product].sku,
                    name: &products[product].name,
                    category: KINDS[products[product].kind].code,
                    price_cents: products[product].price_cents,
                    quantity,
                };
                lines.push(line(order_id.clone(), at_ms, quantity));
                let later_ms = at_ms + (random.between(2.0, 12.0) * DAY_MS as f64) as i64;
                if random.chance(RETURN_RATE) && later_ms < today_ms {
                    lines.push(line(format!("R{order_id}"), later_ms, -quantity));
                } else if random.chance(REVIEW_RATE) && is_recent(later_ms, today_ms) {
                    let (rating, text) = opinion(random);
                    let act = Act::Review { sku: &products[product].sku, rating, text };
                    events.push(self.event(format!("review-{order_id}-{}", products[product].sku), later_ms, act));
                }
            }
            days_ago -= self.pace_days * random.between(0.4, 1.6);
        }
        orders
    }

    /// What an order holds: the staples that have run out, and something that caught the eye. Never empty, no product twice.
    fn basket(
        &self,
        random: &mut Random,
        products: &[Product],
        days_ago: f64,
        last_bought: &mut [Option<f64>],
    ) -> Vec<(usize, i32)> {
        let mut basket: Vec<(usize, i32)> = Vec::new();
        for ((product, cycle_days), last) in self.staples.iter().zip(last_bought) {
            let is_due = last.is_none_or(|last| last - days_ago >= cycle_days * 0.8);
            if is_due && random.chance(0.85) {
                *last = Some(days_ago);
                basket.push((*product, 1 + random.below(3) as i32));
            }
        }
        let extras = if basket.is_empty() { 1 + random.below(3) } else { random.below(3) };
        for _ in 0..extras {
            let kind = if random.chance(0.88) { self.liked(random) } else { random.below(KINDS.len()) };
            let product = pick(random, products, kind);
            if basket.iter().all(|(known, _)| *known != product) {
                basket.push((product, 1 + i32::from(random.chance(0.2))));
            }
        }
        basket
    }

    /// Adds the last weeks' searches, views and sign-ins, of those who have not left.
    fn browse<'a>(&self, random: &mut Random, products: &'a [Product], today_ms: i64, events: &mut Vec<Event<'a>>) {
        if self.to_days > EVENT_DAYS {
            return;
        }
        let visits = random.below(6);
        for visit in 0..visits {
            // One visit in each stretch of the window, so that no two fall on one day.
            let stretch = EVENT_DAYS / visits as f64;
            let days_ago = stretch * (visit as f64 + random.between(0.5, 0.95));
            let mut at_ms = moment(random, today_ms, days_ago);
            let mut step = |random: &mut Random| {
                at_ms += 20_000 + random.below(120_000) as i64;
                at_ms
            };
            if random.chance(0.6) {
                events.push(self.event(format!("sign-in-{visit}"), step(random), Act::SignIn {}));
            }
            let kind = self.liked(random);
            if random.chance(0.5) {
                let thing = products[pick(random, products, kind)].thing;
                let query = if random.chance(0.75) { thing.0 } else { thing.1 };
                events.push(self.event(format!("search-{visit}"), step(random), Act::Search { query }));
            }
            for view in 0..1 + random.below(3) {
                let sku = &products[pick(random, products, kind)].sku;
                events.push(self.event(format!("view-{visit}-{view}"), step(random), Act::View { sku }));
            }
        }
    }

    fn event<'a>(&self, id: String, at_ms: i64, act: Act<'a>) -> Event<'a> {
        Event { id, shopper: self.id.clone(), at_ms, act }
    }

    /// One of the liked categories, earlier ones oftener.
    fn liked(&self, random: &mut Random) -> usize {
        self.likes[random.below(self.likes.len()).min(random.below(self.likes.len()))]
    }
}

/// A product of a category, popular ones oftener.
fn pick(random: &mut Random, products: &[Product], kind: usize) -> usize {
    let per_kind = products.len() / KINDS.len();
    kind * per_kind + random.popular(per_kind)
}

/// A moment of the day that lies `days_ago` before today, between 8 and 23 o'clock in Shanghai, which is 0 to 15 in UTC.
fn moment(random: &mut Random, today_ms: i64, days_ago: f64) -> i64 {
    let seconds = random.below(15 * 3_600) as i64;
    today_ms - (days_ago.floor() as i64 + 1) * DAY_MS + seconds * 1_000
}

fn is_recent(at_ms: i64, today_ms: i64) -> bool {
    (today_ms - EVENT_DAYS as i64 * DAY_MS..today_ms).contains(&at_ms)
}

fn opinion(random: &mut Random) -> (u8, &'static str) {
    let texts = ["不太满意，和描述不符", "一般，包装有破损", "还行，物流慢了点", "不错，会再买", "非常喜欢，强烈推荐"];
    let rating = match random.below(100) {
        0..4 => 1,
        4..9 => 2,
        9..20 => 3,
        20..50 => 4,
        _ => 5,
    };
    (rating, texts[usize::from(rating) - 1])
}

/// Keeps the shopper to show where no earlier one has the same favourite and the orders are many.
fn sample(samples: &mut Vec<Sample>, shopper: &Shopper, orders: usize) {
    let likes: Vec<&str> = shopper.likes.iter().map(|&kind| KINDS[kind].name).collect();
    let candidate = Sample { id: shopper.id.clone(), likes, orders };
    match samples.iter().position(|known| known.likes[0] == candidate.likes[0]) {
        Some(at) if samples[at].orders < orders => samples[at] = candidate,
        None if samples.len() < SAMPLES => samples.push(candidate),
        _ => {}
    }
}

fn write_lines<T: Serialize>(path: &Path, rows: &[T]) -> Result<()> {
    let about = || format!("cannot write {}", path.display());
    let mut file = BufWriter::new(File::create(path).with_context(about)?);
    for row in rows {
        serde_json::to_writer(&mut file, row).with_context(about)?;
        file.write_all(b"\n").with_context(about)?;
    }
    file.flush().with_context(about)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn as_time<S: serde::Serializer>(at_ms: &i64, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&rfc3339(*at_ms))
}

/// RFC 3339 in UTC, whole seconds. Days by Howard Hinnant's "chrono-compatible low-level date algorithms" (2013).
fn rfc3339(at_ms: i64) -> String {
    let (days, second) = (at_ms.div_euclid(DAY_MS), at_ms.rem_euclid(DAY_MS) / 1_000);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3_600, second / 60 % 60, second % 60)
}
