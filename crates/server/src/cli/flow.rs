//! `koi flow check` and `koi flow draw`.

use super::{Failure, say, say_json};
use domain::flow::{FlowError, Graph, Plan, parse};
use std::path::{Path, PathBuf};

#[derive(clap::Subcommand)]
pub enum Command {
    /// Say what is wrong with a rule flow, with line and column
    Check {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print a rule flow as a Mermaid flowchart
    Draw {
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// A file longer than this is no flow.
const FILE_BYTES: u64 = 16 << 20;

fn read(file: &Path) -> Result<String, Failure> {
    let wrong = |error: std::io::Error| Failure::Work(format!("{}: {error}", file.display()));
    if std::fs::metadata(file).map_err(wrong)?.len() > FILE_BYTES {
        return Err(Failure::Work(format!("{}: longer than {FILE_BYTES} bytes", file.display())));
    }
    std::fs::read_to_string(file).map_err(wrong)
}

fn told(file: &Path, errors: &[FlowError]) -> Failure {
    let lines = errors.iter().map(|error| {
        let joint = if error.hint.is_empty() { "" } else { "; " };
        format!("{}:{}:{}: {}{joint}{}", file.display(), error.line, error.column, error.message, error.hint)
    });
    Failure::Work(lines.collect::<Vec<_>>().join("\n"))
}

pub fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Check { file, json } => {
            let compiled = Plan::compile(&read(file)?);
            if *json {
                let errors = compiled.as_ref().err().map_or(&[][..], Vec::as_slice);
                let listed: Vec<_> = errors
                    .iter()
                    .map(|e| serde_json::json!({"line": e.line, "column": e.column, "message": e.message, "hint": e.hint}))
                    .collect();
                say_json(&serde_json::json!({"ok": listed.is_empty(), "errors": listed}))?;
            }
            match compiled {
                Ok(_) if *json => Ok(()),
                Ok(plan) => say(&format!("{}: nothing is wrong; {} rules", file.display(), plan.rule_count())),
                Err(errors) => Err(told(file, &errors)),
            }
        }
        Command::Draw { file } => {
            let flow = parse(&read(file)?).map_err(|error| told(file, &[error]))?;
            let graph = Graph::of(&flow).map_err(|errors| told(file, &errors))?;
            say(graph.mermaid().trim_end())
        }
    }
}
