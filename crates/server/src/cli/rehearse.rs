//! `koi rehearse`: plays a campaign before anybody draws. Nothing is stored; the same seed gives the same output.

use super::{Failure, ambient_config, data_dir, runtime, say, say_json};
use adapters::embedded;
use app::RehearsalView;
use app::rehearse::crowd::{Crowd, Member, Visit};
use app::rehearse::spread::Spread;
use app::rehearse::{Ask, RehearseError, bounds, rehearse};
use domain::campaign::{Definition, Time};
use domain::draw::{NOBODY, Person};
use domain::ids::CampaignId;
use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// Bytes of a campaign's file; the API takes no larger body.
const CAMPAIGN_MAX: u64 = 16 << 20;
/// Tags of one recorded shopper, as rules see them.
const TAGS_MAX: usize = 64;

#[derive(clap::Args)]
pub struct Args {
    /// A body of `POST /campaigns` as JSON, or the id of a campaign in the data directory
    #[arg(long, value_name = "FILE|ID")]
    campaign: String,
    /// Shoppers of a synthetic crowd, who all come equally often
    #[arg(long, value_name = "N", required_unless_present = "crowd", conflicts_with = "crowd")]
    shoppers: Option<u32>,
    /// Tries to draw; with a recorded crowd as many as it has, unless said otherwise
    #[arg(long, value_name = "M", required_unless_present = "crowd")]
    draws: Option<u32>,
    /// A recorded crowd: CSV with the columns shopper,at and, where known, spend_cents, segment, level, tags, registered_at
    #[arg(long, value_name = "FILE")]
    crowd: Option<PathBuf>,
    /// The same seed gives the same rehearsal
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// The folder that holds the campaign, where an id is given
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let started = Instant::now();
    let definition = match args.campaign.parse::<CampaignId>() {
        Ok(id) => stored(id, args.data.clone())?,
        Err(_) => read_campaign(Path::new(&args.campaign))?,
    };
    let (crowd, as_many) = match (&args.crowd, args.shoppers) {
        (Some(file), _) => read_crowd(file)?,
        (None, shoppers) => (Crowd::Synthetic { shoppers: shoppers.unwrap_or(0) }, 0),
    };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let ask = Ask { definition, crowd, draws: args.draws.unwrap_or(as_many), seed: args.seed, threads };
    let view = rehearse(&ask, &AtomicBool::new(false)).map_err(|error| match error {
        RehearseError::OutOfBounds { .. } => Failure::usage(error),
        other => Failure::work(other),
    })?;
    if args.json {
        return say_json(&view);
    }
    say(&told(&view, &ask.definition.currency))?;
    say(&format!("{} draws played in {:.1} s", u64::from(view.draws) * view.rounds, started.elapsed().as_secs_f64()))
}

/// A campaign of a data directory, which no server may hold meanwhile.
fn stored(id: CampaignId, data: Option<PathBuf>) -> Result<Definition, Failure> {
    let config = ambient_config()?;
    let data = data_dir(data, &config);
    runtime()?.block_on(async {
        let embedded = embedded::open(&data, &config.embedded).await.map_err(Failure::open)?;
        let found = embedded.koi.campaign(id).await;
        embedded.close().await;
        Ok(found.map_err(Failure::work)?.definition)
    })
}

fn read_campaign(file: &Path) -> Result<Definition, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::Work(format!("{}: {error}", file.display()));
    if std::fs::metadata(file).map_err(|e| wrong(&e))?.len() > CAMPAIGN_MAX {
        return Err(wrong(&format!("more than {CAMPAIGN_MAX} bytes; that is no campaign")));
    }
    let text = std::fs::read(file).map_err(|e| wrong(&e))?;
    app::strict::from_slice(&text).map_err(|e| wrong(&e))
}

/// One line of a recorded crowd.
#[derive(serde::Deserialize)]
struct Row {
    shopper: String,
    at: Time,
    #[serde(default)]
    spend_cents: Option<i64>,
    #[serde(default)]
    segment: String,
    #[serde(default)]
    level: Option<i64>,
    /// Divided by spaces.
    #[serde(default)]
    tags: String,
    #[serde(default)]
    registered_at: Option<Time>,
}

/// A recorded crowd and how many visits it has. Who a shopper is, their first line says.
fn read_crowd(file: &Path) -> Result<(Crowd, u32), Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::Work(format!("{}: {error}", file.display()));
    let opened = File::open(file).map_err(|e| wrong(&e))?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(BufReader::new(opened));
    let mut known: HashMap<String, u32> = HashMap::new();
    let (mut members, mut visits) = (Vec::new(), Vec::new());
    for row in reader.deserialize() {
        let row: Row = row.map_err(|e| wrong(&e))?;
        if visits.len() >= bounds::DRAWS as usize {
            return Err(wrong(&format!("more than {} visits", bounds::DRAWS)));
        }
        let place = u32::try_from(members.len()).unwrap_or(u32::MAX);
        let member = *known.entry(row.shopper).or_insert(place);
        if member == place {
            members.push(Member {
                person: Person {
                    segment: row.segment,
                    level: row.level.unwrap_or(0),
                    tags: row.tags.split_whitespace().take(TAGS_MAX).map(Into::into).collect(),
                    ..NOBODY.clone()
                },
                registered_at_ms: row.registered_at.map(|at| at.as_ms()),
            });
        }
        visits.push(Visit { at_ms: row.at.as_ms(), member, spend_cents: row.spend_cents.unwrap_or(0) });
    }
    let count = u32::try_from(visits.len()).unwrap_or(u32::MAX);
    Ok((Crowd::Recorded { members, visits }, count))
}

/// The rehearsal for people to read.
fn told(view: &RehearsalView, currency: &str) -> String {
    let money = |cents: f64| format!("{:.2}", cents / 100.0);
    let cost = &view.cost_cents;
    let (low, high) = (cost.interval_90.low as f64, cost.interval_90.high as f64);
    let mut lines = vec![
        format!(
            "{}: {} shoppers, {} tries, {} rounds, seed {}",
            view.name, view.shoppers, view.draws, view.rounds, view.seed
        ),
        format!("draws     {}", around(&view.made)),
        format!("cost      {currency} {} (90 %: {} to {})", money(cost.mean), money(low), money(high)),
        format!("points    {}", around(&view.points_won)),
        "prizes    code, won of stock, sold out".to_owned(),
    ];
    for prize in &view.prizes {
        let stock = prize.stock.map_or("unlimited".to_owned(), |stock| stock.to_string());
        let sold_out = prize.sold_out.as_ref().map_or("never".to_owned(), |end| {
            let (low, high) = (&end.interval_90.low, &end.interval_90.high);
            format!("{} in {:.0} % of rounds (90 %: {low} to {high})", end.at, end.share * 100.0)
        });
        lines.push(format!("  {:<24} {} of {stock}; {sold_out}", prize.code, around(&prize.won)));
    }
    lines.push("odds      tier, promised, met".to_owned());
    lines.extend(view.tiers.iter().map(|tier| format!("  {:<24} {} {}", tier.code, tier.promised, tier.met)));
    lines.push(format!("refused   {}", around(&view.refused)));
    lines.extend(view.refusals.iter().map(|r| format!("  {:<24} {}: {}", r.rule, around(&r.draws), r.detail)));
    lines.join("\n")
}

fn around(spread: &Spread) -> String {
    format!("{} (90 %: {} to {})", spread.mean, spread.interval_90.low, spread.interval_90.high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_crowds_are_read_or_refused_with_their_line() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("crowd.csv");
        let good = "shopper,at,level,tags,spend_cents\nada,2026-01-01T08:00:00Z,3,app vip,100\nbo,2026-01-02T08:00:00Z,,,\nada,2026-01-03T08:00:00Z,9,,\n";
        std::fs::write(&file, good).unwrap();
        let (crowd, count) = read_crowd(&file).unwrap();
        let Crowd::Recorded { members, visits } = &crowd else { panic!("{crowd:?}") };
        assert_eq!((count, members.len(), visits[2].member, visits[0].spend_cents), (3, 2, 0, 100));
        assert_eq!((members[0].person.level, members[0].person.tags.len()), (3, 2), "the first line says who it is");
        for (text, want) in [
            ("shopper,when\nada,2026-01-01T08:00:00Z\n", "missing field `at`"),
            ("shopper,at\nada,yesterday\n", "not a time"),
            ("shopper,at\nada,2026-01-01T08:00:00Z,1\n", "line"),
        ] {
            std::fs::write(&file, text).unwrap();
            let Failure::Work(told) = read_crowd(&file).unwrap_err() else { panic!("wrong use") };
            assert!(told.contains(want), "{text:?}: {told}");
        }
    }
}
