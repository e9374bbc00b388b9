//! `koi evaluate`: models measured on baskets they have not seen.

use super::{Failure, say, say_json};
use recommend::evaluate::{self, Options, Source};
use recommend::models::Kind;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Foresee each shopper's next basket; files have the columns shopper,basket,at,item
    NextBasket(NextBasket),
}

#[derive(clap::Args)]
pub struct NextBasket {
    /// Baskets to learn from
    #[arg(long, value_name = "FILE")]
    train: PathBuf,
    /// The next basket of each shopper
    #[arg(long, value_name = "FILE")]
    test: PathBuf,
    /// Lengths of the lists, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "10,20", value_name = "K")]
    k: Vec<usize>,
    /// A model's name, or all
    #[arg(long, default_value = "all", value_parser = models, value_name = "NAME")]
    model: Models,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What `--model` names.
#[derive(Clone)]
struct Models(Vec<Kind>);

fn models(name: &str) -> Result<Models, String> {
    if name == "all" {
        return Ok(Models(Kind::ALL.to_vec()));
    }
    name.parse().map(|kind| Models(vec![kind])).map_err(|error: <Kind as std::str::FromStr>::Err| error.to_string())
}

pub fn run(command: Command) -> Result<(), Failure> {
    let Command::NextBasket(args) = command;
    let (train_name, test_name) = (args.train.display().to_string(), args.test.display().to_string());
    let train = Source { name: &train_name, reader: open(&args.train)? };
    let test = Source { name: &test_name, reader: open(&args.test)? };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let options = Options { ks: args.k, models: args.model.0, threads };
    let started = Instant::now();
    let seconds = || started.elapsed().as_secs_f64();
    let report = evaluate::next_basket(train, test, &options, &seconds).map_err(|error| match error {
        evaluate::EvaluateError::K(_) => Failure::usage(error),
        other => Failure::work(other),
    })?;
    if args.json { say_json(&report) } else { say(&report.to_string()) }
}

fn open(path: &Path) -> Result<File, Failure> {
    let file = File::open(path).map_err(|e| Failure::Work(format!("cannot read {}: {e}", path.display())))?;
    if file.metadata().is_ok_and(|m| m.is_dir()) {
        return Err(Failure::Work(format!("{} is a directory; name a CSV file", path.display())));
    }
    Ok(file)
}
