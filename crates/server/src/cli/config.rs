//! `koi config check` and `koi config default`.

use super::{Failure, say, say_json};
use crate::config::{Config, DEFAULT_TEXT};
use std::path::PathBuf;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Say what is wrong with a configuration file
    Check {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print the default configuration with its comments
    Default,
}

pub fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Check { file, json } => {
            let checked = Config::load(Some(file), []);
            if *json {
                let error = checked.as_ref().err().map(ToString::to_string);
                say_json(&serde_json::json!({"ok": error.is_none(), "error": error}))?;
            }
            checked.map_err(Failure::work)?;
            if *json { Ok(()) } else { say(&format!("{}: nothing is wrong", file.display())) }
        }
        Command::Default => say(DEFAULT_TEXT.trim_end()),
    }
}
