//! `koi evaluate choice`: which group of products a shopper buys from, beside personal frequency.

use super::evaluate::open;
use super::{Failure, say, say_json};
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Args {
    /// Columns shopper,basket,at,item,category,price_cents,quantity
    #[arg(long, value_name = "FILE")]
    purchases: PathBuf,
    /// One question a line: {shopper, before, options: [{id, items}], answer}
    #[arg(long, value_name = "FILE")]
    questions: PathBuf,
    /// Write the reliability diagram here, as SVG
    #[arg(long, value_name = "FILE")]
    diagram: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let (purchases, questions) = (args.purchases.display().to_string(), args.questions.display().to_string());
    let report = recommend::choice::evaluate::evaluate(
        (&purchases, open(&args.purchases)?),
        (&questions, open(&args.questions)?),
    );
    let report = report.map_err(Failure::work)?;
    if let Some(path) = &args.diagram {
        let svg = recommend::calibrate::reliability_svg("choice", &report.model);
        std::fs::write(path, svg).map_err(|e| Failure::Work(format!("cannot write {}: {e}", path.display())))?;
    }
    if args.json { say_json(&report) } else { say(&report.to_string()) }
}
