//! The project's own tasks: `cargo xtask demo`, `cargo xtask test`, `cargo xtask bench NAME` and what they are made of.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

mod bench;
mod cargo;
mod choice;
mod demo;
mod engines;
mod interactions;
mod openapi;
mod retail;
mod shop;
mod split;
mod testing;
mod tidy;
mod web;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Tasks of the Koi project")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Makes a shop, imports its purchases, publishes a campaign, draws, and serves.
    Demo {
        /// Where to listen.
        #[arg(long, default_value = "127.0.0.1:8080")]
        listen: SocketAddr,
        /// End after the first draws.
        #[arg(long)]
        exit: bool,
        /// The public Online Retail file instead of a generated shop.
        #[arg(long)]
        online_retail: Option<PathBuf>,
        /// Shoppers of the generated shop.
        #[arg(long, default_value_t = 3_000)]
        shoppers: usize,
        /// Seed of the generated shop.
        #[arg(long, default_value_t = 8)]
        seed: u64,
        /// Only print the campaign, as a body of `POST /campaigns`, for `koi rehearse`.
        #[arg(long)]
        print_campaign: bool,
    },
    /// Runs every check and test; with a name, one of the long ones, ending in one line of JSON.
    Test {
        /// crash, fsync, idempotency, odds, bad_input, seeds, restore, awards, survive, a11y, drawings, rehearse, reshard, conformance, llm, or any part of a test's name
        /// like flow_language, hot_reload, orders, points, limits, publish.
        name: Option<String>,
        /// How many rounds, where the test has rounds.
        #[arg(long)]
        rounds: Option<u64>,
        /// Draws before the restart that `crash` times.
        #[arg(long)]
        draws: Option<u64>,
    },
    /// Measures.
    Bench {
        #[command(subcommand)]
        what: bench::Bench,
    },
    /// Installs, starts, shows or stops the engines of a cluster on this machine, their data under `target/cluster`.
    Cluster {
        #[command(subcommand)]
        what: engines::Task,
    },
    /// Writes the train and test baskets that `koi evaluate next-basket` is measured on.
    NextBasketSplit {
        /// The public Online Retail file, `.csv` or `.csv.gz`.
        #[arg(long)]
        online_retail: PathBuf,
        /// The directory that train.csv and test.csv are written to.
        #[arg(long)]
        out: PathBuf,
    },
    /// Writes synthetic train and test rows that `koi evaluate top-n` is measured on.
    Interactions {
        #[command(flatten)]
        options: interactions::Options,
        /// The directory that train.csv and test.csv are written to.
        #[arg(long)]
        out: PathBuf,
    },
    /// Writes the purchases and questions that `koi evaluate choice` is measured on: P.csv, Q-uniform.jsonl and
    /// Q-popular.jsonl.
    ChoiceQuestions {
        /// Draws other questions.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// The folder of Complete Journey.
        #[arg(long, default_value = "../shared/data/complete-journey")]
        data: PathBuf,
        /// The directory that the files are written to.
        #[arg(long, default_value = "target/choice")]
        out: PathBuf,
    },
    /// Writes openapi.json from the code.
    Openapi {
        /// Only compare, and fail where they differ.
        #[arg(long)]
        check: bool,
    },
    /// Builds the web pages into web/dist, which the server serves; needs Node.
    Web,
    /// Takes the pictures that the README shows, into docs/pictures.
    Pictures,
    /// Checks the house rules.
    Tidy,
    /// The load of `bench draw`, as a process of its own.
    #[command(hide = true)]
    Load(bench::load::Load),
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Demo { online_retail, shoppers, seed, print_campaign: true, .. } => {
            demo::print_campaign(online_retail.as_deref(), shoppers, seed)
        }
        Task::Demo { listen, exit, online_retail, shoppers, seed, .. } => {
            demo::run(&demo::Options { listen, exit, online_retail, shoppers, seed })
        }
        Task::Test { name: None, .. } => testing::all(),
        Task::Test { name: Some(name), rounds, draws } => testing::one(&name, rounds, draws),
        Task::Bench { what } => bench::run(what),
        Task::Cluster { what } => engines::run(&what),
        Task::NextBasketSplit { online_retail, out } => split::next_basket_split(&online_retail, &out),
        Task::Interactions { options, out } => {
            interactions::write(options, &out)?;
            println!("train.csv with {} rows and test.csv are in {}", options.rows, out.display());
            Ok(())
        }
        Task::ChoiceQuestions { seed, data, out } => choice::choice_questions(&data, seed, &out),
        Task::Openapi { check } => openapi::run(check),
        Task::Web => web::build(),
        Task::Pictures => web::pictures(),
        Task::Tidy => tidy::run(),
        Task::Load(load) => load.run(),
    }
}
