//! `koi operators add`: the first owner, and any other where the console is out of reach.

use super::{Failure, ambient_config, data_dir, runtime, say, say_json};
use adapters::embedded;
use app::desk::Caller;
use app::koi::NewOperator;
use clap::builder::PossibleValuesParser;
use domain::operator::Role;
use serde_json::json;
use std::io::{BufRead, IsTerminal, Read, Write};
use std::path::PathBuf;

/// Bytes that are read of a password; more is none.
const PASSWORD_BYTES: u64 = 1_024;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Make an operator; the password is one line on standard input
    Add(Add),
}

#[derive(clap::Args)]
pub struct Add {
    /// What they sign in with
    #[arg(value_name = "LOGIN")]
    login: String,
    /// How they are called; the login where absent
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// owner, campaign_manager, support, auditor or analyst
    #[arg(long, value_name = "ROLE", value_parser = PossibleValuesParser::new(Role::ALL.iter().map(|role| role.word())))]
    role: String,
    /// The folder that holds everything
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(command: Command) -> Result<(), Failure> {
    let Command::Add(args) = command;
    let config = ambient_config()?;
    let data = data_dir(args.data, &config);
    let role = Role::of_word(&args.role).ok_or_else(|| Failure::usage("no such role"))?;
    let password = password()?;
    let new = NewOperator { name: args.name.unwrap_or_else(|| args.login.clone()), login: args.login, role, password };
    let made = runtime()?.block_on(async {
        let embedded = embedded::open(&data, &config.embedded).await.map_err(Failure::open)?;
        let made = embedded.koi.create_operator(&Caller::command_line(), new).await;
        embedded.close().await;
        made.map_err(Failure::work)
    })?;
    if args.json {
        return say_json(&json!({"id": made.id, "login": made.login, "role": made.role}));
    }
    say(&format!("{} may sign in as {} ({})", made.name, made.login, made.role.word()))
}

/// One line of standard input. Never an argument: those are seen by everybody on the machine.
fn password() -> Result<String, Failure> {
    let input = std::io::stdin();
    if input.is_terminal() {
        // Without the prompt the line is still read.
        _ = write!(std::io::stderr(), "password (it shows while you type; pipe it in to hide it): ");
    }
    let mut line = String::new();
    let read = std::io::BufReader::new(input.lock().take(PASSWORD_BYTES)).read_line(&mut line);
    read.map_err(|error| Failure::Work(format!("cannot read the password: {error}")))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
