//! `koi models`: which version of the recommendation model is in service, and going back to an earlier one.

use super::{Failure, ambient_config, data_dir, runtime, say, say_json};
use adapters::embedded;
use app::PageAsk;
use app::desk::Caller;
use app::koi::{Deed, Target};
use domain::operator::Act;
use std::path::PathBuf;

/// Versions that are listed: the newest.
const LISTED: u32 = 50;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Versions, newest first
    List(Common),
    /// Put a version into service; an older one stays until another is activated
    Activate {
        // Not `version`: clap has an argument of that name already.
        #[arg(value_name = "VERSION")]
        number: u32,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(clap::Args)]
pub struct Common {
    /// The folder that holds everything
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(command: Command) -> Result<(), Failure> {
    let (version, common) = match command {
        Command::List(common) => (None, common),
        Command::Activate { number, common } => (Some(number), common),
    };
    let config = ambient_config()?;
    let data = data_dir(common.data, &config);
    let versions = runtime()?.block_on(async {
        let embedded = embedded::open(&data, &config.embedded).await.map_err(Failure::open)?;
        let koi = &embedded.koi;
        let done = match version {
            None => koi.models(PageAsk { limit: LISTED, before: None }).await.map(|page| page.data),
            Some(version) => {
                let deed = Deed::of(Act::ActivateModel).on(Target::Other("model", version.to_string()));
                let work = koi.activate_model(version);
                koi.audited(&Caller::command_line(), deed, work).await.map(|view| vec![view])
            }
        };
        embedded.close().await;
        done.map_err(Failure::work)
    })?;
    if common.json {
        return say_json(&serde_json::json!({ "models": versions }));
    }
    for model in versions {
        let held = if model.held { ", held" } else { "" };
        say(&format!(
            "{} {} {}{held}, fitted {} on {} baskets of {} shoppers",
            model.version, model.model, model.state, model.fitted_at, model.baskets, model.shoppers
        ))?;
    }
    Ok(())
}
