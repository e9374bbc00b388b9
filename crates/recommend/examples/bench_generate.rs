//! Times personal strategies, one thread: scores, composed slots, and the bytes of each strategy written to a file and
//! synced in chunks.
//!
//! `bench_generate LINES OUT` reads tab-separated `shopper, invoice, at, item, price_cents, name` and prints one JSON
//! object. The set of shoppers is repeated until a measurement took ten seconds.

use std::fs::{self, File};
use std::io::{self, Write};
use std::time::{Duration, Instant};

use domain::ids::ShopperId;
use recommend::Scratch;
use recommend::baskets::{Builder, Dataset, order_key};
use recommend::compose::Slot;
use recommend::fit::{Fitted, Options, Who};
use recommend::hit_rate;

/// The least that a measurement takes.
const MEASURED_FOR: Duration = Duration::from_secs(10);
/// Strategies that are kept with one sync.
const CHUNK: usize = 500;

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(lines), Some(out)) = (arguments.next(), arguments.next()) else {
        return Err(io::Error::other("usage: bench_generate LINES OUT"));
    };
    let (data, rate_data) = (read(&lines)?, read(&lines)?);
    let options = Options { threads: 1, ..Options::default() };
    let rate = hit_rate::measure(&rate_data, options).ok_or_else(|| io::Error::other("too few shoppers or items"))?;
    let started = Instant::now();
    let fitted = Fitted::fit(data, options);
    let fit_s = started.elapsed().as_secs_f64();
    let index = hit_rate::campaign(&fitted).ok_or_else(|| io::Error::other("too few items"))?;
    let on_the_way = generate(&fitted, &index, &out)?;
    let started = Instant::now();
    fitted.refresh_neighbours(1);
    let neighbours_s = started.elapsed().as_secs_f64();
    let refreshed = generate(&fitted, &index, &out)?;
    println!(
        "{{\"shoppers_per_s_per_core\": {refreshed:.0}, \"shoppers_per_s_per_core_on_the_way\": {on_the_way:.0}, \
         \"fit_s\": {fit_s:.3}, \"neighbours_s\": {neighbours_s:.3}, \"shoppers\": {}, \"items\": {}, \"model\": \"{}\", \
         \"hit_rate_personal\": {:.4}, \"hit_rate_random\": {:.4}, \"lift\": {:.2}, \"held_out\": {}, \
         \"disjoint_pairs\": {}, \"disjoint_same\": {}}}",
        fitted.data().len(),
        fitted.catalogue().len(),
        fitted.model(),
        rate.hit_rate_personal,
        rate.hit_rate_random,
        rate.lift(),
        rate.shoppers,
        rate.disjoint_pairs,
        rate.disjoint_same,
    );
    Ok(())
}

/// Strategies per second.
fn generate(fitted: &Fitted, index: &recommend::prizes::PrizeIndex, out: &str) -> io::Result<f64> {
    let shoppers: Vec<ShopperId> = (0..fitted.data().len()).map(|place| fitted.data().shopper(place)).collect();
    let (mut scratch, mut slots, mut bytes) = (Scratch::default(), Vec::new(), Vec::new());
    let mut file = File::create(out)?;
    let (started, mut made) = (Instant::now(), 0_usize);
    while started.elapsed() < MEASURED_FOR {
        for chunk in shoppers.chunks(CHUNK) {
            bytes.clear();
            for shopper in chunk {
                index.compose(fitted, Who::Shopper(*shopper), shopper.0, &mut scratch, &mut slots);
                encode(*shopper, &slots, &mut bytes);
            }
            file.write_all(&bytes)?;
            file.sync_data()?;
            made += chunk.len();
        }
    }
    let rate = made as f64 / started.elapsed().as_secs_f64();
    drop(file);
    fs::remove_file(out)?;
    Ok(rate)
}

fn encode(shopper: ShopperId, slots: &[Slot], bytes: &mut Vec<u8>) {
    bytes.extend(shopper.0.to_le_bytes());
    for slot in slots {
        bytes.extend(slot.prize.to_le_bytes());
        bytes.push(u8::from(slot.reason.is_some()));
    }
}

fn read(path: &str) -> io::Result<Dataset> {
    let text = fs::read_to_string(path)?;
    let bad = |line: &str| io::Error::other(format!("not six columns: {line}"));
    let mut builder = Builder::default();
    for line in text.lines() {
        let mut fields = line.split('\t');
        let mut field = || fields.next().ok_or_else(|| bad(line));
        let (shopper, invoice, at, item, price, name) = (field()?, field()?, field()?, field()?, field()?, field()?);
        let shopper = ShopperId(shopper.parse().map_err(io::Error::other)?);
        if let Some(id) = builder.catalogue().intern(item, name, "") {
            builder.catalogue().saw_price(id, price.parse().map_err(io::Error::other)?);
            builder.add_line(shopper, order_key(invoice), at_ms(at).ok_or_else(|| bad(line))?, id);
        }
    }
    Ok(builder.build())
}

/// `2010-12-01 08:26:00` as Unix milliseconds (days-from-civil by Howard Hinnant, 2013).
fn at_ms(text: &str) -> Option<i64> {
    let mut numbers = text.split(['-', ' ', ':']).map(|part| part.parse::<i64>().ok());
    let mut next = || numbers.next().flatten();
    let (year, month, day, hour, minute, second) = (next()?, next()?, next()?, next()?, next()?, next()?);
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let year_of_era = year - era * 400;
    let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
    Some(((days * 24 + hour) * 60 + minute) * 60_000 + second * 1_000)
}
