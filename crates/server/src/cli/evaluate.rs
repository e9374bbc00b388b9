//! `koi evaluate`: models measured on what they have not seen.

use super::{Failure, choice, say, say_json};
use recommend::evaluate::top_n::{self, Meter};
use recommend::evaluate::{self, EvaluateError, Options, Report, Source};
use recommend::models::Kind;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Foresee each shopper's next basket; files have the columns shopper,basket,at,item
    NextBasket(NextBasket),
    /// Foresee what a shopper takes that they have not had; files have the columns shopper,item
    TopN(TopN),
    /// Foresee which of several groups of products a shopper buys from
    Choice(choice::Args),
}

#[derive(clap::Args)]
pub struct NextBasket {
    #[command(flatten)]
    files: Files,
    /// Lengths of the lists, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "10,20", value_name = "K")]
    k: Vec<usize>,
}

#[derive(clap::Args)]
pub struct TopN {
    #[command(flatten)]
    files: Files,
    /// Lengths of the lists, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "20", value_name = "K")]
    k: Vec<usize>,
}

/// What both have in common.
#[derive(clap::Args)]
struct Files {
    /// What to learn from
    #[arg(long, value_name = "FILE")]
    train: PathBuf,
    /// What to foresee
    #[arg(long, value_name = "FILE")]
    test: PathBuf,
    /// A model's name, or all
    #[arg(long, default_value = "all", value_parser = models, value_name = "NAME")]
    model: Models,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What `--model` names.
#[derive(Clone)]
pub(super) struct Models(pub(super) Vec<Kind>);

pub(super) fn models(name: &str) -> Result<Models, String> {
    if name == "all" {
        return Ok(Models(Kind::ALL.to_vec()));
    }
    name.parse().map(|kind| Models(vec![kind])).map_err(|error: <Kind as std::str::FromStr>::Err| error.to_string())
}

pub fn run(command: Command) -> Result<(), Failure> {
    let started = Instant::now();
    let seconds = || started.elapsed().as_secs_f64();
    match command {
        Command::NextBasket(args) => {
            measure(args.files, args.k, |train, test, options| evaluate::next_basket(train, test, options, &seconds))
        }
        Command::TopN(args) => measure(args.files, args.k, |train, test, options| {
            let meter = Meter { seconds: &seconds, peak_mb: &peak_mb };
            top_n::top_n(train, test, options, &meter)
        }),
        Command::Choice(args) => choice::run(&args),
    }
}

fn measure(
    files: Files,
    ks: Vec<usize>,
    work: impl FnOnce(Source<'_, File>, Source<'_, File>, &Options) -> Result<Report, EvaluateError>,
) -> Result<(), Failure> {
    let (train_name, test_name) = (files.train.display().to_string(), files.test.display().to_string());
    let train = Source { name: &train_name, reader: open(&files.train)? };
    let test = Source { name: &test_name, reader: open(&files.test)? };
    let options = Options { ks, models: files.model.0, threads: threads() };
    let report = work(train, test, &options).map_err(|error| match error {
        EvaluateError::K(_) => Failure::usage(error),
        other => Failure::work(other),
    })?;
    if files.json { say_json(&report) } else { say(&report.to_string()) }
}

/// As many as the machine runs at once.
pub(super) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

pub(super) fn open(path: &Path) -> Result<File, Failure> {
    let file = File::open(path).map_err(|e| Failure::Work(format!("cannot read {}: {e}", path.display())))?;
    if file.metadata().is_ok_and(|m| m.is_dir()) {
        return Err(Failure::Work(format!("{} is a directory; name a CSV file", path.display())));
    }
    Ok(file)
}

/// The peak of this process' resident memory since it was last asked, where the system tells (Linux). Writing a 5 into
/// `clear_refs` sets the peak back to what is held now.
fn peak_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    std::fs::write("/proc/self/clear_refs", "5").ok()?;
    Some(kilobytes / 1_024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_told_where_the_system_tells() {
        assert!(peak_mb().is_none_or(|mb| mb > 1.0 && peak_mb().is_some()));
    }
}
