//! `koi advise label`: a sample labelled by the language model, and what that was worth.

use super::{Failure, data_dir, runtime, say, say_json};
use crate::config::{self, Config};
use adapters::embedded;
use app::koi::{LabelAsk, LabelReport};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::PathBuf;
use std::time::Duration;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Label a stratified sample of past purchases, distil it into the local model, ask about the least certain ones
    Label(Args),
}

#[derive(clap::Args)]
pub struct Args {
    /// Questions of the sample
    #[arg(long, default_value_t = 400, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    sample: u32,
    /// Questions at most about the least certain shoppers, as far as the day's budget reaches
    #[arg(long, default_value_t = 400, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=100_000))]
    uncertain: u32,
    /// Seconds that one question may take
    #[arg(long, default_value_t = 20, value_name = "S", value_parser = clap::value_parser!(u32).range(1..=600))]
    within: u32,
    /// The configuration file, for [llm]; without one, the defaults and the environment
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder that holds everything
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(command: Command) -> Result<(), Failure> {
    let Command::Label(args) = command;
    let config = Config::load(args.config.as_deref(), config::environment()).map_err(Failure::usage)?;
    crate::observe::start_logs(&config.log);
    if config.llm.endpoints.is_empty() {
        return Err(Failure::Usage("no language model is configured; [llm.endpoints.NAME] names one".to_owned()));
    }
    let data = data_dir(args.data, &config);
    let ask = LabelAsk {
        sample: args.sample as usize,
        uncertain: args.uncertain as usize,
        within: Duration::from_secs(args.within.into()),
        at_once: config.llm.concurrency as usize,
    };
    let bar = ProgressBar::new(u64::from(args.sample) + u64::from(args.uncertain)).with_style(style());
    let report = runtime()?.block_on(async {
        let embedded = embedded::open(&data, &config.embedded).await.map_err(Failure::open)?;
        let label = async {
            adapters::advice::start(&embedded.koi, &data, &config.llm, &config.advice).map_err(Failure::work)?;
            embedded.koi.label(ask, &|asked| bar.inc(asked)).await.map_err(Failure::work)
        };
        let report = label.await;
        embedded.close().await;
        report
    });
    bar.finish_and_clear();
    let report = report?;
    if args.json { say_json(&report) } else { say(&text(&report)) }
}

fn text(report: &LabelReport) -> String {
    let mut lines = vec![
        format!(
            "{} of {} questions labelled, {} of the least certain ones, {} without an answer; {} tokens, {:.4} cents{}",
            report.labelled,
            report.questions,
            report.uncertain,
            report.silent,
            report.tokens,
            report.cost_cents,
            if report.budget_reached { "; the day's budget is spent" } else { "" }
        ),
        format!("{:<28}{:>10}{:>12}{:>12}{:>12}", "log loss", "questions", "without", "with", "std error"),
    ];
    for (name, worth) in [
        ("distilled into the model", &report.distilled),
        ("answers beside the model", &report.advised),
        ("least certain, answered", &report.least_certain),
    ] {
        lines.push(format!(
            "{name:<28}{:>10}{:>12.4}{:>12.4}{:>12.4}",
            worth.questions, worth.log_loss_without, worth.log_loss_with, worth.standard_error
        ));
    }
    lines.push(format!(
        "from now on distilled weights count {}, answers {} beside the local model's 1",
        report.weight, report.advice_weight
    ));
    lines.join("\n")
}

fn style() -> ProgressStyle {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} {eta}");
    style.unwrap_or_else(|_| ProgressStyle::default_bar())
}
