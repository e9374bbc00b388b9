//! `koi import`: behaviour from files.

use super::{Failure, ambient_config, data_dir, runtime, say, say_json};
use adapters::{embedded, import};
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Args {
    #[arg(value_enum)]
    format: Format,
    /// The file, or the folder of complete-journey; `.gz` is read as it is
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The folder that holds everything
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Only count
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// UCI Online Retail, as CSV or XLSX
    OnlineRetail,
    /// Complete Journey, a folder of CSVs
    CompleteJourney,
    /// Our own columns, as CSV, NDJSON or XLSX
    Purchases,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let config = ambient_config()?;
    let data = data_dir(args.data.clone(), &config);
    let format = match args.format {
        Format::OnlineRetail => import::Format::OnlineRetail,
        Format::CompleteJourney => import::Format::CompleteJourney,
        Format::Purchases => import::Format::Purchases,
    };
    let bar = ProgressBar::new(0).with_style(style());
    let mut progress = |bytes: u64, total: u64| {
        bar.set_length(total);
        bar.set_position(bytes);
    };
    let work = embedded::import(&data, format, &args.file, args.dry_run, &mut progress);
    let summary = runtime()?.block_on(work);
    bar.finish_and_clear();
    let s = summary.map_err(|error| match error {
        embedded::ImportError::File(file) if file.is_wrong_use() => Failure::usage(file),
        embedded::ImportError::Open(error) => Failure::open(error),
        other => Failure::work(other),
    })?;
    if args.json {
        return say_json(&s);
    }
    let verb = if args.dry_run { "would be accepted" } else { "accepted" };
    let mut text = format!(
        "{} rows in {:.1} s: {} {verb}, {} duplicates, {} rejected, {} skipped",
        s.rows, s.seconds, s.accepted, s.duplicates, s.rejected, s.skipped
    );
    if let Some(file) = &s.reject_file {
        text.push_str(&format!("\nrejected lines and why: {}", file.display()));
    }
    say(&text)
}

/// Bytes, since nobody knows a file's rows before it is read.
fn style() -> ProgressStyle {
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
    style.unwrap_or_else(|_| ProgressStyle::default_bar())
}
