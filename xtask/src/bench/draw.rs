//! `bench draw`: durable draws over HTTP beside an empty handler of the same server, in alternated rounds.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::{Value, json};
use xtask::fixture::{self, KEY, KEY_VARIABLE, ample_campaign, metric};
use xtask::http::Call;
use xtask::process::{Scratch, Server, Start, free_address, wait_for};

use super::run::{self, Run};
use super::{disk, median, rounded};
use crate::cargo;

const SHOPPERS: usize = 10_000;
/// Connections that make the shoppers.
const MAKERS: usize = 64;
/// Draws per second that the chances suffice for.
const FASTEST_RPS: f64 = 60_000.0;
const PROBED_FOR: Duration = Duration::from_secs(2);
/// Every draw is in the records by then, or the projection does not keep up at all.
const DRAINED_WITHIN: Duration = Duration::from_secs(120);

/// What the command line says.
#[derive(Args)]
pub struct Options {
    /// Seconds of each round.
    #[arg(long, default_value_t = 20.0)]
    seconds: f64,
    /// Rounds, each of an empty run and a run of draws.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Numbers of connections; the first fills the top level of the result, the others `cN`.
    #[arg(long, value_delimiter = ',', default_value = "128,512")]
    connections: Vec<usize>,
}

/// Everything that a run needs.
struct Scene {
    load: PathBuf,
    tokens: PathBuf,
    koi: Server,
    empty: Empty,
    path: String,
    seconds: f64,
    fsync_per_s: f64,
}

/// Runs it.
///
/// # Errors
/// When anything fails to build, start or answer.
pub fn run(options: &Options) -> Result<Value> {
    ensure!(!options.connections.is_empty() && options.rounds > 0, "at least one round at one number of connections");
    let koi = cargo::build(true)?;
    let scratch = Scratch::new(&cargo::target().join("bench"), "draw")?;
    let fsync_per_s = disk::fsync_per_s(scratch.path(), PROBED_FOR)?;
    eprintln!("the disk keeps {fsync_per_s:.0} appends of 8 KiB per second");
    let scene = Scene::new(&koi, &scratch, options, fsync_per_s)?;
    let mut result = json!({});
    for (position, connections) in options.connections.iter().enumerate() {
        let measured = scene.measure(*connections, options.rounds)?;
        if position == 0 {
            result = measured;
        } else {
            result[format!("c{connections}")] = measured;
        }
    }
    Ok(result)
}

impl Scene {
    fn new(koi: &Path, scratch: &Scratch, options: &Options, fsync_per_s: f64) -> Result<Self> {
        let server = Start::new(koi, scratch.join("data")).env(KEY_VARIABLE, KEY).start()?;
        let mut client = server.client();
        let campaign = fixture::publish(&mut client, &ample_campaign())?;
        let seconds = options.seconds * f64::from(options.rounds) * options.connections.len() as f64;
        let chances = (seconds * FASTEST_RPS / SHOPPERS as f64) as u32 + 50;
        eprintln!("making {SHOPPERS} shoppers with {chances} chances each …");
        let shoppers = fixture::shoppers(server.address, &campaign, "bench", SHOPPERS, chances, MAKERS)?;
        let tokens = scratch.join("tokens");
        let lines: Vec<&str> = shoppers.iter().map(|(_, token)| token.as_str()).collect();
        fs::write(&tokens, lines.join("\n"))?;
        run::await_rest(&mut client, &campaign)?;
        let load = koi.with_file_name("xtask");
        let path = format!("/api/v1/campaigns/{campaign}/draws");
        let empty = Empty::start(koi)?;
        Ok(Self { load, tokens, koi: server, empty, path, seconds: options.seconds, fsync_per_s })
    }

    fn measure(&self, connections: usize, rounds: u32) -> Result<Value> {
        let (mut empty, mut durable, mut batches, mut drains) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for round in 1..=rounds {
            let bare = self.load(self.empty.address, connections)?;
            let before = self.metrics()?;
            let draws = self.load(self.koi.address, connections)?;
            let ended = Instant::now();
            let after = self.metrics()?;
            self.await_drained()?;
            let grown = |name: &str, label: &str| -> Result<f64> {
                let value = |text: &str| metric(text, name, label).with_context(|| format!("/metrics lacks {name}"));
                Ok(value(&after)? - metric(&before, name, label).unwrap_or(0.0))
            };
            let commits = grown("koi_ledger_commits_total", "")?;
            batches.push(grown("koi_draws_total", "result=\"drawn\"")? / commits.max(1.0));
            drains.push(ended.elapsed().as_secs_f64());
            eprintln!(
                "{connections} connections, round {round}: empty {:.0}/s, draws {:.0}/s, p99 {:.1} ms, drained in {:.1} s",
                bare.rps,
                draws.rps,
                draws.p99_ms,
                drains[drains.len() - 1]
            );
            empty.push(bare);
            durable.push(draws);
        }
        let middle = |runs: &[Run], field: fn(&Run) -> f64| median(&runs.iter().map(field).collect::<Vec<_>>());
        let (empty_rps, durable_rps) = (middle(&empty, |run| run.rps), middle(&durable, |run| run.rps));
        let bound_rps = empty_rps.min(self.fsync_per_s * connections as f64);
        let drain_s = drains.iter().copied().fold(0.0, f64::max);
        let errors: u64 = empty.iter().chain(&durable).map(|run| run.errors).sum();
        let draws: f64 = durable.iter().map(|run| run.ok).sum();
        Ok(json!({
            "empty_rps": rounded(empty_rps, 0), "durable_rps": rounded(durable_rps, 0), "ratio": rounded(durable_rps / empty_rps, 3),
            "connections": connections, "fsync_per_s": rounded(self.fsync_per_s, 0), "bound_rps": rounded(bound_rps, 0),
            "ratio_of_bound": rounded(durable_rps / bound_rps, 3), "batch_mean": rounded(median(&batches), 1),
            "p50_ms": rounded(middle(&durable, |run| run.p50_ms), 2), "p99_ms": rounded(middle(&durable, |run| run.p99_ms), 2),
            "drain_s": rounded(drain_s, 2), "errors": errors, "draws": draws, "seconds": self.seconds, "rounds": rounds,
        }))
    }

    fn load(&self, address: SocketAddr, connections: usize) -> Result<Run> {
        run::load(&self.load, &[address], connections, self.seconds, Some((&self.path, &self.tokens)))
    }

    fn metrics(&self) -> Result<String> {
        Ok(self.koi.client().send(&Call::get("/metrics"))?.text().into_owned())
    }

    fn await_drained(&self) -> Result<()> {
        wait_for(DRAINED_WITHIN, "the projection", || {
            let lag = self.metrics().ok().and_then(|text| metric(&text, "koi_projection_lag_records", ""));
            (lag == Some(0.0)).then_some(())
        })
    }
}

/// The empty handler: the same server settings, no middleware, a fixed answer.
struct Empty {
    child: Child,
    address: SocketAddr,
}

impl Empty {
    fn start(koi: &Path) -> Result<Self> {
        let address = free_address()?;
        let mut command = Command::new(koi);
        command.args(["bench-empty", "--listen", &address.to_string()]).stdin(Stdio::null()).stdout(Stdio::null());
        let mut empty = Self { child: command.spawn().context("cannot start the empty handler")?, address };
        let listening = wait_for(Duration::from_secs(10), "the empty handler", || {
            let exited = empty.child.try_wait().ok().flatten().is_some();
            (exited || TcpStream::connect(address).is_ok()).then_some(!exited)
        })?;
        ensure!(listening, "the empty handler exited");
        Ok(empty)
    }
}

impl Drop for Empty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
