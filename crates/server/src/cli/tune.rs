//! `koi tune`: hyper-parameters on a validation split.

use super::evaluate::{open, threads};
use super::{Failure, say, say_json};
use recommend::evaluate::Source;
use recommend::models::Kind;
use recommend::tune;
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Args {
    /// Baskets, with the columns shopper,basket,at,item; each shopper's last one is what settings are compared on
    #[arg(long, value_name = "FILE")]
    train: PathBuf,
    /// A model's name, or all
    #[arg(long, default_value = "all", value_parser = super::evaluate::models, value_name = "NAME")]
    model: super::evaluate::Models,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> Result<(), Failure> {
    let name = args.train.display().to_string();
    let train = Source { name: &name, reader: open(&args.train)? };
    let kinds: Vec<Kind> = args.model.0;
    let report = tune::tune(train, &kinds, threads()).map_err(Failure::work)?;
    if args.json { say_json(&report) } else { say(&report.to_string()) }
}
