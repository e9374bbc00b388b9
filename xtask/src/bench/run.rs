//! One run of the load as a process of its own, and what is waited for before it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use xtask::fixture::{self, KEY};
use xtask::http::{Call, Client};
use xtask::process::wait_for;

const STRATEGIES_WITHIN: Duration = Duration::from_secs(120);
/// The background job rests when its progress has not moved for so long.
const RESTED_FOR: Duration = Duration::from_secs(2);
/// Between two looks at it.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What one run of the load tells.
pub struct Run {
    pub rps: f64,
    pub ok: f64,
    pub errors: u64,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

/// Runs `xtask load` against these servers; `draws` are the path and the file of tokens, without which it is a Redis.
///
/// # Errors
/// When it fails, or tells something else.
pub fn load(
    load: &Path,
    addresses: &[SocketAddr],
    connections: usize,
    seconds: f64,
    draws: Option<(&str, &PathBuf)>,
) -> Result<Run> {
    let mut command = Command::new(load);
    command.args(["load", "--connections", &connections.to_string(), "--seconds", &seconds.to_string()]);
    for address in addresses {
        command.args(["--address", &address.to_string()]);
    }
    if let Some((path, tokens)) = draws {
        command.args(["--path", path, "--tokens"]).arg(tokens);
    }
    let output = command.stderr(Stdio::inherit()).output().context("cannot start the load")?;
    ensure!(output.status.success(), "the load failed: {}", output.status);
    let told: Value = serde_json::from_slice(&output.stdout).context("the load printed no JSON")?;
    let field = |name: &str| told[name].as_f64().with_context(|| format!("the load told no {name}: {told}"));
    let errors = field("errors")? as u64;
    if errors > 0 {
        eprintln!("answers other than 201: {}", told["statuses"]);
    }
    Ok(Run { rps: field("rps")?, ok: field("ok")?, errors, p50_ms: field("p50_ms")?, p99_ms: field("p99_ms")? })
}

/// Waits until the background job that makes strategies rests.
///
/// # Errors
/// It does not in time.
pub fn await_rest(client: &mut Client, campaign: &str) -> Result<()> {
    let report = format!("/campaigns/{campaign}/report");
    let (mut last, mut since) = (json!(null), Instant::now());
    wait_for(STRATEGIES_WITHIN, "the background job to rest", || {
        std::thread::sleep(LOOK_EVERY);
        let now = fixture::must(client, &Call::get(report.as_str()).token(KEY)).ok()?["generation"].clone();
        if now != last {
            (last, since) = (now, Instant::now());
        }
        (since.elapsed() >= RESTED_FOR).then_some(())
    })
}
