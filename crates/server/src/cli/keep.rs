//! `koi backup` and `koi restore`.

use super::{Failure, ambient_config, data_dir, say, say_json};
use adapters::embedded;
use serde_json::json;
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct BackupArgs {
    /// An empty or new folder for the copy
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The folder that holds everything
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
pub struct RestoreArgs {
    /// The folder of a backup
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// An empty or new folder
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

fn failure(error: embedded::BackupError) -> Failure {
    match error {
        embedded::BackupError::Open(error) => Failure::open(error),
        other => Failure::work(other),
    }
}

pub fn backup(args: &BackupArgs) -> Result<(), Failure> {
    let config = ambient_config()?;
    let data = data_dir(args.data.clone(), &config);
    embedded::backup(&data, &args.dir).map_err(failure)?;
    if args.json {
        return say_json(&json!({"data": data, "backup": args.dir}));
    }
    say(&format!("{} is copied to {}", data.display(), args.dir.display()))
}

pub fn restore(args: &RestoreArgs) -> Result<(), Failure> {
    let config = ambient_config()?;
    let data = data_dir(args.data.clone(), &config);
    embedded::restore(&args.dir, &data).map_err(failure)?;
    if args.json {
        return say_json(&json!({"data": data, "backup": args.dir}));
    }
    say(&format!("{} is restored from {}", data.display(), args.dir.display()))
}
