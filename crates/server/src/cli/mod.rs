//! The command line. Exit status: 0 done, 1 the work failed, 2 wrong use. With `--json` a command prints one JSON object
//! on standard output and nothing else there, also where it fails: what a check found, else
//! `{"error": {"code", "message", "hint"}}`. Progress and logs go to standard error.

mod advise;
mod bench_empty;
mod choice;
mod config;
mod engines;
mod evaluate;
mod flow;
mod import;
mod keep;
mod models;
mod operators;
mod receipt;
mod rehearse;
mod serve;
mod strategies;
mod topics;
mod tune;

use crate::config::{self as settings, Config};
use adapters::embedded::OpenError;
use clap::{Parser, Subcommand};
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

/// Koi: purchases in, personal prize draws out.
#[derive(Parser)]
#[command(name = "koi", version, propagate_version = true, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the HTTP API, everything in one process
    Serve(serve::Args),
    /// Load behaviour from a file; twice changes nothing
    Import(import::Args),
    /// Personal strategies
    #[command(subcommand)]
    Strategies(strategies::Command),
    /// Measure models on baskets they have not seen
    #[command(subcommand)]
    Evaluate(evaluate::Command),
    /// Compare hyper-parameters on a validation split
    Tune(tune::Args),
    /// A language model as adviser
    #[command(subcommand)]
    Advise(advise::Command),
    /// Versions of the recommendation model
    #[command(subcommand)]
    Models(models::Command),
    /// Topics that other programs read and write
    #[command(subcommand)]
    Topics(topics::Command),
    /// People who work with the console
    #[command(subcommand)]
    Operators(operators::Command),
    /// The configuration
    #[command(subcommand)]
    Config(config::Command),
    /// Rule flows
    #[command(subcommand)]
    Flow(flow::Command),
    /// Play a campaign before anybody draws; changes nothing
    Rehearse(rehearse::Args),
    /// Recompute a draw from its receipt
    VerifyReceipt(receipt::Args),
    /// Copy a data directory while a server may be running on it
    Backup(keep::BackupArgs),
    /// Make a data directory from a backup
    Restore(keep::RestoreArgs),
    /// Print the OpenAPI document
    #[command(hide = true)]
    Openapi,
    /// Serve a handler that does nothing, to compare with
    #[command(hide = true)]
    BenchEmpty(bench_empty::Args),
}

/// Why a command ended early.
#[derive(Debug)]
enum Failure {
    /// Exit status 2.
    Usage(String),
    /// Exit status 1.
    Work(String),
    /// Exit status 1: another process has the data directory.
    InUse(String),
}

impl Failure {
    fn usage(error: impl std::fmt::Display) -> Self {
        Failure::Usage(error.to_string())
    }

    fn work(error: impl std::fmt::Display) -> Self {
        Failure::Work(error.to_string())
    }

    /// Why a data directory was not opened.
    fn open(error: OpenError) -> Self {
        match error {
            OpenError::Locked(_) => Failure::InUse(error.to_string()),
            other => Failure::work(other),
        }
    }

    fn status(&self) -> u8 {
        match self {
            Failure::Usage(_) => 2,
            Failure::Work(_) | Failure::InUse(_) => 1,
        }
    }

    fn message(&self) -> &str {
        match self {
            Failure::Usage(message) | Failure::Work(message) | Failure::InUse(message) => message,
        }
    }

    /// As `--json` shows it; the codes are stable words.
    fn report(&self) -> serde_json::Value {
        let (code, hint) = match self {
            Failure::Usage(_) => ("wrong_use", Some("`koi COMMAND --help` says what a command takes")),
            Failure::Work(_) => ("failed", None),
            Failure::InUse(_) => {
                ("data_in_use", Some("a server runs on this data: ask it over HTTP, or stop it first"))
            }
        };
        serde_json::json!({"error": {"code": code, "message": self.message(), "hint": hint}})
    }
}

/// Whether this process has printed its JSON object: there is one, whatever goes wrong after it.
static SAID_JSON: AtomicBool = AtomicBool::new(false);

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    let wants_json = std::env::args_os().skip(1).take_while(|word| word != "--").any(|word| word == "--json");
    let failure = match Cli::try_parse() {
        Ok(cli) => match dispatch(cli.command) {
            Ok(()) => return ExitCode::SUCCESS,
            Err(failure) => {
                let _closed = writeln!(std::io::stderr(), "koi: {}", failure.message());
                failure
            }
        },
        Err(error) => {
            // Help and version are no errors to clap's callers either; a closed pipe is nobody's loss.
            let _closed = error.print();
            if !error.use_stderr() {
                return ExitCode::SUCCESS;
            }
            Failure::usage(error.render().to_string().trim_end())
        }
    };
    if wants_json && !SAID_JSON.load(Ordering::Relaxed) {
        // Who does not read it has the status.
        _ = say_json(&failure.report());
    }
    ExitCode::from(failure.status())
}

fn dispatch(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(args) => serve::run(args),
        Command::Import(args) => import::run(&args),
        Command::Strategies(command) => strategies::run(command),
        Command::Evaluate(command) => evaluate::run(command),
        Command::Tune(args) => tune::run(args),
        Command::Advise(command) => advise::run(command),
        Command::Models(command) => models::run(command),
        Command::Topics(command) => topics::run(command),
        Command::Operators(command) => operators::run(command),
        Command::Config(command) => config::run(&command),
        Command::Flow(command) => flow::run(&command),
        Command::Rehearse(args) => rehearse::run(&args),
        Command::VerifyReceipt(args) => receipt::run(&args),
        Command::Backup(args) => keep::backup(&args),
        Command::Restore(args) => keep::restore(&args),
        Command::Openapi => say(&crate::http::openapi::text()),
        Command::BenchEmpty(args) => bench_empty::run(&args),
    }
}

/// One line (or text) on standard output.
fn say(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .map_err(|e| Failure::Work(format!("cannot write the answer: {e}")))
}

/// One JSON object on standard output.
fn say_json(value: &impl Serialize) -> Result<(), Failure> {
    SAID_JSON.store(true, Ordering::Relaxed);
    say(&serde_json::to_string(value).map_err(Failure::work)?)
}

/// The configuration of commands without `--config`: defaults and the environment. Logs start with it.
fn ambient_config() -> Result<Config, Failure> {
    let config = Config::load(None, settings::environment()).map_err(Failure::usage)?;
    crate::observe::start_logs(&config.log);
    Ok(config)
}

/// `--data`, else what the configuration says.
fn data_dir(given: Option<PathBuf>, config: &Config) -> PathBuf {
    given.unwrap_or_else(|| config.server.data.clone())
}

/// A runtime for commands that wait for things.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let built = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    built.map_err(|e| Failure::Work(format!("cannot start the runtime: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn commands_are_those_of_the_contract() {
        for (line, ok) in [
            ("koi serve", true),
            ("koi serve --config koi.toml --listen 127.0.0.1:1 --data d", true),
            ("koi serve --listen nowhere", false),
            ("koi import online-retail f.csv.gz --data d --dry-run --json", true),
            ("koi import purchases f.csv", true),
            ("koi import purchases", false),
            ("koi import nothing f.csv", false),
            ("koi strategies generate --campaign 7 --data d --json", true),
            ("koi strategies generate --campaign x", false),
            ("koi evaluate next-basket --train t --test s --k 10,20 --model all --json", true),
            ("koi evaluate next-basket --train t --test s --model best", false),
            ("koi evaluate next-basket --train t --test s --k ten", false),
            ("koi evaluate next-basket --train t", false),
            ("koi evaluate next-basket --train t --test s --model combined", true),
            ("koi evaluate next-basket --train t --test s --model item-knn", true),
            ("koi evaluate top-n --train t --test s --k 20 --model rp3beta --json", true),
            ("koi evaluate top-n --train t --test s --model none", false),
            ("koi evaluate top-n --train t", false),
            ("koi tune --train t --model rp3beta --json", true),
            ("koi tune --train t --test s", false),
            ("koi tune", false),
            ("koi advise label --data d --sample 10 --json", true),
            ("koi advise label --sample 0", false),
            ("koi advise", false),
            ("koi evaluate choice --purchases p --questions q --json", true),
            ("koi evaluate choice --purchases p --questions q --diagram d.svg", true),
            ("koi evaluate choice --purchases p", false),
            ("koi models list --data d --json", true),
            ("koi models activate 3 --data d", true),
            ("koi models activate", false),
            ("koi models activate last", false),
            ("koi topics replay --config koi.toml --limit 5 --dry-run --json", true),
            ("koi topics replay", true),
            ("koi topics replay --limit 0", false),
            ("koi topics", false),
            ("koi config default", true),
            ("koi config check koi.toml", true),
            ("koi config", false),
            ("koi flow check f.el", true),
            ("koi flow check f.el --json", true),
            ("koi flow draw f.el", true),
            ("koi flow", false),
            ("koi rehearse --campaign c.json --shoppers 10 --draws 100 --seed 7 --json", true),
            ("koi rehearse --campaign 7 --crowd c.csv --data d", true),
            ("koi rehearse --campaign c.json --shoppers 10", false),
            ("koi rehearse --campaign c.json --draws 10", false),
            ("koi rehearse --campaign c.json --crowd c.csv --shoppers 3", false),
            ("koi verify-receipt r.json --json", true),
            ("koi backup b --data d", true),
            ("koi restore b --data d", true),
            ("koi operators add ada --role owner --data d --json", true),
            ("koi operators add ada --role king", false),
            ("koi operators add --role owner", false),
            ("koi openapi", true),
            ("koi bench-empty --listen 127.0.0.1:0", true),
            ("koi dance", false),
            ("koi", false),
        ] {
            assert_eq!(Cli::try_parse_from(line.split(' ')).is_ok(), ok, "{line}");
        }
    }
}
