//! `koi config check` and `koi config default`.

use super::{Failure, say};
use crate::config::{Config, DEFAULT_TEXT};
use std::path::PathBuf;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Say what is wrong with a configuration file
    Check {
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print the default configuration with its comments
    Default,
}

pub fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Check { file } => {
            Config::load(Some(file), []).map_err(Failure::work)?;
            say(&format!("{}: nothing is wrong", file.display()))
        }
        Command::Default => say(DEFAULT_TEXT.trim_end()),
    }
}
