//! `koi topics replay`: dead letters go back to the topics they came from.

use super::{Failure, runtime, say, say_json};
use crate::config::{self as settings, Config};
use adapters::cluster::LedgerKind;
use adapters::kafka;
use std::path::PathBuf;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Write dead letters back to the topics they came from, those that no replay has written back yet
    Replay {
        /// The configuration file; without one, the defaults and the environment
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Letters at most
        #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
        limit: u64,
        /// Only say what there is, by reason
        #[arg(long)]
        dry_run: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

pub fn run(command: Command) -> Result<(), Failure> {
    let Command::Replay { config, limit, dry_run, json } = command;
    let config = Config::load(config.as_deref(), settings::environment()).map_err(Failure::usage)?;
    crate::observe::start_logs(&config.log);
    if config.ledger.kind != LedgerKind::Kafka {
        return Err(Failure::Work("there are no topics: ledger.kind is not \"kafka\"".to_owned()));
    }
    let runtime = runtime()?;
    let options = (&config.ledger.kafka(), &config.topics);
    let done = kafka::replay(runtime.handle(), options, limit, dry_run).map_err(Failure::work)?;
    if json {
        return say_json(&done);
    }
    let codes: Vec<String> = done.codes.iter().map(|(code, count)| format!("{code} {count}")).collect();
    let (letters, replayed, skipped) = (done.letters, done.replayed, done.skipped);
    say(&format!("{letters} dead letters ({}); {replayed} written back, {skipped} passed over", codes.join(", ")))
}
