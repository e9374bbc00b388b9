//! Benches of the pure crates, which are examples of theirs: this crate stays light.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use xtask::cluster::{Cluster, Engine};
use xtask::process::Scratch;

use crate::{cargo, engines, retail};

/// One decided draw.
///
/// # Errors
/// When the example fails.
pub fn decide() -> Result<Value> {
    run(&["run", "--release", "-p", "domain", "--example", "bench_decide"])
}

/// Strategies on the Online Retail file, and of so many synthetic shoppers.
///
/// # Errors
/// When the file cannot be read or the example fails.
pub fn generate(file: &Path, shoppers: u64) -> Result<Value> {
    let scratch = Scratch::new(&cargo::target().join("bench"), "generate")?;
    let lines = scratch.join("lines.tsv");
    retail::write_lines(file, &lines)?;
    let (lines, dir) = (lines.to_str().context("a plain path")?, scratch.path().to_str().context("a plain path")?);
    let shoppers = shoppers.to_string();
    run(&["run", "--release", "-p", "adapters", "--example", "bench_generate", "--", lines, dir, &shoppers])
}

/// An example of `recommend` on the lines of the Online Retail file.
///
/// # Errors
/// When the file cannot be read or the example fails.
pub fn on_retail(example: &str, file: &Path) -> Result<Value> {
    let scratch = Scratch::new(&cargo::target().join("bench"), example)?;
    let lines = scratch.join("lines.tsv");
    retail::write_lines(file, &lines)?;
    recommend(example, &[lines.to_str().context("a plain path")?])
}

/// An example of `recommend` with these arguments.
///
/// # Errors
/// When it fails.
pub fn recommend(example: &str, arguments: &[&str]) -> Result<Value> {
    let fixed = ["run", "--release", "-p", "recommend", "--example", example, "--"];
    run(&[&fixed, arguments].concat())
}

/// Durable appends, embedded and on Kafka.
///
/// # Errors
/// When Kafka cannot be started or the example fails.
pub fn log() -> Result<Value> {
    let engines = engines::Running::start(&[Engine::Kafka])?;
    run_with(&["run", "--release", "-p", "adapters", "--example", "bench_log"], &engines.variables())
}

/// Rows into a database directly and through the proxy.
///
/// # Errors
/// When the engines cannot be started or the example fails.
pub fn shard() -> Result<Value> {
    let engines = engines::Running::start(&[Engine::MariaDb, Engine::Proxy])?;
    run_with(&["run", "--release", "-p", "adapters", "--example", "bench_shard"], &engines.variables())
}

/// What the gate before draws costs in a Redis of its own, beside locks.
///
/// # Errors
/// When Redis cannot be started or the example fails.
pub fn gate_memory(shoppers: u64) -> Result<Value> {
    let scratch = Scratch::new(&cargo::target().join("bench"), "gate-memory")?;
    let cluster = Cluster::new(scratch.join("engines"));
    cluster.up(&[Engine::Redis], &mut |line| eprintln!("{line}"))?;
    let shoppers = shoppers.to_string();
    let fixed = ["run", "--release", "-p", "adapters", "--example", "bench_gate_memory", "--", &shoppers];
    let result = run_with(&fixed, &cluster.variables());
    cluster.down(&mut |line| eprintln!("{line}"))?;
    result
}

/// What a cold draw needs, one after the other and at once, on the real engines.
///
/// # Errors
/// When an engine cannot be started or the example fails.
pub fn gather(shoppers: u64) -> Result<Value> {
    let engines = engines::Running::start(&[Engine::MariaDb, Engine::Proxy, Engine::Redis])?;
    let shoppers = shoppers.to_string();
    let fixed = ["run", "--release", "-p", "adapters", "--example", "bench_gather", "--", &shoppers];
    run_with(&fixed, &engines.variables())
}

/// Runs an example and reads the JSON object in its last line.
fn run(arguments: &[&str]) -> Result<Value> {
    run_with(arguments, &[])
}

fn run_with(arguments: &[&str], variables: &[(&'static str, String)]) -> Result<Value> {
    let mut command = cargo::command(arguments);
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    let output = command.stderr(Stdio::inherit()).output().context("cannot start cargo")?;
    ensure!(output.status.success(), "cargo {} failed: {}", arguments.join(" "), output.status);
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().last().unwrap_or_default();
    serde_json::from_str(last).with_context(|| format!("the last line is no JSON: {last:?}"))
}
