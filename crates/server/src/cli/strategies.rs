//! `koi strategies generate`: personal strategies now rather than in the background.

use super::{Failure, ambient_config, data_dir, runtime, say, say_json};
use adapters::embedded;
use domain::ids::CampaignId;
use indicatif::{ProgressBar, ProgressStyle};
use std::path::PathBuf;
use std::time::Instant;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Choose prizes for every shopper; started again, it goes on where it stopped
    Generate(Generate),
}

#[derive(clap::Args)]
pub struct Generate {
    /// Only this campaign
    #[arg(long, value_name = "ID")]
    campaign: Option<CampaignId>,
    /// The folder that holds everything
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(command: Command) -> Result<(), Failure> {
    let Command::Generate(args) = command;
    let config = ambient_config()?;
    let data = data_dir(args.data, &config);
    let bar = ProgressBar::new(0).with_style(style());
    let started = Instant::now();
    let made = runtime()?.block_on(async {
        let embedded = embedded::open(&data, &config.embedded).await.map_err(Failure::open)?;
        let progress = |done: u64, total: u64| {
            bar.set_length(total);
            bar.set_position(done);
        };
        let made = embedded.koi.generate_strategies(args.campaign, &progress).await;
        embedded.close().await;
        made.map_err(Failure::work)
    });
    bar.finish_and_clear();
    let made = made?;
    if args.json {
        return say_json(&made);
    }
    let seconds = started.elapsed().as_secs_f64();
    say(&format!("{} of {} strategies made in {seconds:.1} s, {} stale", made.done, made.total, made.stale))
}

fn style() -> ProgressStyle {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} {eta}");
    style.unwrap_or_else(|_| ProgressStyle::default_bar())
}
