//! `cargo xtask bench NAME`: release builds, one JSON object on standard output with `--json`, everything else on
//! standard error.

use std::path::PathBuf;

use anyhow::Result;
use clap::Subcommand;
use serde_json::Value;

mod cluster_draw;
mod disk;
mod draw;
mod examples;
mod histogram;
mod import;
pub mod load;
mod run;
mod train;

/// What is measured.
#[derive(Subcommand)]
pub enum Bench {
    /// Durable draws over HTTP beside an empty handler.
    Draw {
        #[command(flatten)]
        options: draw::Options,
        #[arg(long)]
        json: bool,
    },
    /// Durable draws through two nodes, and one, on Kafka, ShardingSphere-Proxy, MariaDB and Redis, beside Redis alone.
    ClusterDraw {
        #[command(flatten)]
        options: cluster_draw::Options,
        #[arg(long)]
        json: bool,
    },
    /// One decided draw, in nanoseconds, on one thread.
    Decide {
        #[arg(long)]
        json: bool,
    },
    /// Durable appends of 200-byte records, embedded and on Kafka.
    Log {
        #[arg(long)]
        json: bool,
    },
    /// Rows per second into a database directly and through ShardingSphere-Proxy, batched and warm.
    Shard {
        #[arg(long)]
        json: bool,
    },
    /// What the gate before draws needs in a real Redis per shopper, beside one lock per shopper.
    GateMemory {
        #[arg(long, default_value_t = 1_000_000)]
        shoppers: u64,
        #[arg(long)]
        json: bool,
    },
    /// What a cold draw needs, one source after the other and all at once, on the real engines.
    Gather {
        #[arg(long, default_value_t = 500)]
        shoppers: u64,
        #[arg(long)]
        json: bool,
    },
    /// The Online Retail file into an empty data directory, until the last profile can be read.
    Import {
        /// The file, `.csv` or `.csv.gz`.
        #[arg(long, default_value = "../shared/data/online-retail/online_retail.csv.gz")]
        online_retail: PathBuf,
        #[arg(long)]
        json: bool,
    },
    /// The web pages: what they weigh, how smooth and how quick they are in a real browser on a slow device.
    Web {
        #[arg(long)]
        json: bool,
    },
    /// Personal strategies per second and core, and how often their prizes are what is bought next.
    Generate {
        /// The file, `.csv` or `.csv.gz`.
        #[arg(long, default_value = "../shared/data/online-retail/online_retail.csv.gz")]
        online_retail: PathBuf,
        /// Synthetic shoppers that are measured besides.
        #[arg(long, default_value_t = 1_000_000)]
        shoppers: u64,
        #[arg(long)]
        json: bool,
    },
    /// Our iALS beside that of Python's `implicit`, on the same rows.
    Train {
        #[arg(long)]
        json: bool,
    },
    /// How small a table the BPR model's lottery tickets leave, and at what quality.
    Tickets {
        /// The file, `.csv` or `.csv.gz`.
        #[arg(long, default_value = "../shared/data/online-retail/online_retail.csv.gz")]
        online_retail: PathBuf,
        #[arg(long)]
        json: bool,
    },
    /// What trigger-triggered pairs do to lists: coverage, Gini of exposure, ndcg.
    Pairs {
        /// The file, `.csv` or `.csv.gz`.
        #[arg(long, default_value = "../shared/data/online-retail/online_retail.csv.gz")]
        online_retail: PathBuf,
        #[arg(long)]
        json: bool,
    },
}

/// Runs one.
///
/// # Errors
/// When it fails.
pub fn run(what: Bench) -> Result<()> {
    let (result, json) = match what {
        Bench::Draw { options, json } => (draw::run(&options)?, json),
        Bench::ClusterDraw { options, json } => (cluster_draw::run(&options)?, json),
        Bench::Log { json } => (examples::log()?, json),
        Bench::Shard { json } => (examples::shard()?, json),
        Bench::GateMemory { shoppers, json } => (examples::gate_memory(shoppers)?, json),
        Bench::Gather { shoppers, json } => (examples::gather(shoppers)?, json),
        Bench::Decide { json } => (examples::decide()?, json),
        Bench::Import { online_retail, json } => (import::run(&online_retail)?, json),
        Bench::Web { json } => (crate::web::bench(&crate::cargo::build(true)?)?, json),
        Bench::Generate { online_retail, shoppers, json } => (examples::generate(&online_retail, shoppers)?, json),
        Bench::Train { json } => (train::run()?, json),
        Bench::Tickets { online_retail, json } => (examples::on_retail("bench_tickets", &online_retail)?, json),
        Bench::Pairs { online_retail, json } => (examples::on_retail("bench_pairs", &online_retail)?, json),
    };
    print(&result, json)
}

fn print(result: &Value, json: bool) -> Result<()> {
    if json {
        println!("{result}");
    } else {
        println!("{}", serde_json::to_string_pretty(result)?);
    }
    Ok(())
}

/// The middle one; 0 of none.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

/// Rounded to so many decimals, so that results read well.
fn rounded(value: f64, decimals: i32) -> f64 {
    let scale = 10_f64.powi(decimals);
    (value * scale).round() / scale
}
