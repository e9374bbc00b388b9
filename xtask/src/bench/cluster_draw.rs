//! `bench cluster-draw`: durable draws through two nodes on real engines, and through one of them alone, beside single
//! operations of the same Redis over as many connections. Everything shares this machine, the load included.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::{Map, Value, json};
use xtask::cluster::{Cluster, Engine};
use xtask::fixture::{self, KEY, KEY_VARIABLE, ample_campaign, metric};
use xtask::http::Call;
use xtask::process::{Scratch, Server, Start, cpu_seconds, wait_for};

use super::run::{self, Run};
use super::{median, rounded};
use crate::cargo;

const NODES: usize = 2;
const SHOPPERS: usize = 4_000;
/// Connections that make the shoppers.
const MAKERS: usize = 32;
/// Draws per second that the chances suffice for.
const FASTEST_RPS: f64 = 30_000.0;
/// The proxy's and Kafka's virtual machines are cold before that, and ten times as slow.
const WARM: f64 = 10.0;
/// Every draw is in the records by then, or the projection does not keep up at all.
const DRAINED_WITHIN: Duration = Duration::from_secs(120);
/// The first node makes the tables, which takes the proxy long.
const READY_WITHIN: Duration = Duration::from_secs(180);
/// 32 bytes in hex, the same for all nodes.
const MASTER_KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// What the command line says.
#[derive(Args)]
pub struct Options {
    /// Seconds of each run of draws.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Rounds, each of a run of Redis alone and one of draws.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    #[arg(long, default_value_t = 128)]
    connections: usize,
}

struct Scene {
    engines: Cluster,
    nodes: Vec<Server>,
    load: PathBuf,
    redis: SocketAddr,
    path: String,
    tokens: PathBuf,
}

/// One round.
struct Round {
    redis: Run,
    draws: Run,
    drain_s: f64,
    /// CPU seconds by process, until all is projected.
    cpu: Vec<(String, f64)>,
}

/// Runs it.
///
/// # Errors
/// When anything fails to build, start or answer.
pub fn run(options: &Options) -> Result<Value> {
    ensure!(options.rounds > 0 && options.connections > 0, "at least one round over one connection");
    let koi = cargo::build(true)?;
    let base = cargo::target().join("bench");
    let engines = Cluster::new(base.join("engines")).with_libraries(cargo::target().join("cluster")).in_earnest();
    engines.down(&mut |line| eprintln!("{line}"))?;
    engines.forget()?;
    let scratch = Scratch::new(&base, "cluster-draw")?;
    let up = engines.up(&Engine::ALL, &mut |line| eprintln!("{line}"));
    let result = up.and_then(|()| measure_all(&koi, &engines, &scratch, options));
    engines.down(&mut |line| eprintln!("{line}"))?;
    result
}

fn measure_all(koi: &Path, engines: &Cluster, scratch: &Scratch, options: &Options) -> Result<Value> {
    let mut scene = Scene::new(koi, engines, scratch, options)?;
    scene.draw(WARM, options)?;
    let mut result = scene.measure(options)?;
    // The one that stays takes the other's logs over.
    for node in scene.nodes.drain(1..) {
        stop(node)?;
    }
    scene.draw(WARM / 2.0, options)?;
    result["one_node"] = scene.measure(options)?;
    for node in scene.nodes.drain(..) {
        stop(node)?;
    }
    Ok(result)
}

fn stop(mut node: Server) -> Result<()> {
    let status = node.stop()?;
    ensure!(status.success(), "a node did not stop in good order: {status}");
    Ok(())
}

impl Scene {
    fn new(koi: &Path, engines: &Cluster, scratch: &Scratch, options: &Options) -> Result<Self> {
        let started = (0..NODES).map(|number| start(koi, engines, scratch, number));
        let nodes = started.collect::<Result<Vec<_>>>()?;
        let mut client = nodes[0].client();
        let campaign = fixture::publish(&mut client, &ample_campaign())?;
        let seconds = 2.0 * (WARM + options.seconds * f64::from(options.rounds));
        let chances = (seconds * FASTEST_RPS / SHOPPERS as f64) as u32 + 50;
        eprintln!("making {SHOPPERS} shoppers with {chances} chances each …");
        let shoppers = fixture::shoppers(nodes[0].address, &campaign, "bench", SHOPPERS, chances, MAKERS)?;
        let tokens = scratch.join("tokens");
        let lines: Vec<&str> = shoppers.iter().map(|(_, token)| token.as_str()).collect();
        fs::write(&tokens, lines.join("\n"))?;
        run::await_rest(&mut client, &campaign)?;
        let redis = engines.url(Engine::Redis)?.trim_start_matches("redis://").parse()?;
        let (load, path) = (koi.with_file_name("xtask"), format!("/api/v1/campaigns/{campaign}/draws"));
        Ok(Self { engines: engines.clone(), nodes, load, redis, path, tokens })
    }

    fn draw(&self, seconds: f64, options: &Options) -> Result<Run> {
        let addresses: Vec<SocketAddr> = self.nodes.iter().map(|node| node.address).collect();
        run::load(&self.load, &addresses, options.connections, seconds, Some((&self.path, &self.tokens)))
    }

    fn round(&self, options: &Options) -> Result<Round> {
        let redis = run::load(&self.load, &[self.redis], options.connections, options.seconds / 2.0, None)?;
        let before = self.cpu();
        let draws = self.draw(options.seconds, options)?;
        let ended = Instant::now();
        self.await_drained()?;
        let drain_s = ended.elapsed().as_secs_f64();
        let cpu = self.cpu().into_iter().zip(before).map(|((name, after), (_, before))| (name, after - before));
        Ok(Round { redis, draws, drain_s, cpu: cpu.collect() })
    }

    /// CPU seconds that each process has used so far.
    fn cpu(&self) -> Vec<(String, f64)> {
        let nodes = self.nodes.iter().enumerate().map(|(number, node)| (format!("koi_{number}"), node.pid()));
        let engines = self.engines.status().into_iter().filter_map(|s| Some((s.engine.word().to_owned(), s.pid?)));
        nodes.chain(engines).map(|(name, pid)| (name, cpu_seconds(pid))).collect()
    }

    fn await_drained(&self) -> Result<()> {
        wait_for(DRAINED_WITHIN, "the projection", || {
            let lags = self.nodes.iter().map(|node| {
                let text = node.client().send(&Call::get("/metrics")).ok()?.text().into_owned();
                metric(&text, "koi_projection_lag_records", "")
            });
            lags.collect::<Option<Vec<f64>>>()?.iter().all(|lag| *lag == 0.0).then_some(())
        })
    }

    fn measure(&self, options: &Options) -> Result<Value> {
        let mut rounds = Vec::new();
        for number in 1..=options.rounds {
            self.await_drained()?;
            let round = self.round(options)?;
            eprintln!(
                "{} nodes, round {number}: Redis {:.0}/s, draws {:.0}/s, p99 {:.1} ms, drained in {:.1} s",
                self.nodes.len(),
                round.redis.rps,
                round.draws.rps,
                round.draws.p99_ms,
                round.drain_s
            );
            rounds.push(round);
        }
        let middle = |field: fn(&Round) -> f64| median(&rounds.iter().map(field).collect::<Vec<_>>());
        let (rps, redis_rps) = (middle(|r| r.draws.rps), middle(|r| r.redis.rps));
        let draws: f64 = rounds.iter().map(|r| r.draws.ok).sum();
        let errors: u64 = rounds.iter().map(|r| r.draws.errors + r.redis.errors).sum();
        let mut cpu = Map::new();
        let names = rounds.first().context("no round")?.cpu.iter().map(|(name, _)| name.clone());
        for (at, name) in names.enumerate() {
            let seconds: f64 = rounds.iter().filter_map(|r| r.cpu.get(at)).map(|(_, seconds)| seconds).sum();
            cpu.insert(name, json!(rounded(seconds * 1_000.0 / draws.max(1.0), 4)));
        }
        Ok(json!({
            "rps": rounded(rps, 0), "p50_ms": rounded(middle(|r| r.draws.p50_ms), 2), "p99_ms": rounded(middle(|r| r.draws.p99_ms), 2),
            "cpu_ms_per_draw": cpu, "redis_single_op_rps": rounded(redis_rps, 0), "ratio": rounded(rps / redis_rps, 3),
            "drain_s": rounded(middle(|r| r.drain_s), 2), "errors": errors, "draws": draws, "nodes": self.nodes.len(),
            "connections": options.connections, "seconds": options.seconds, "rounds": options.rounds,
        }))
    }
}

fn start(koi: &Path, engines: &Cluster, scratch: &Scratch, number: usize) -> Result<Server> {
    let data = scratch.join(&format!("node-{number}"));
    fs::create_dir_all(&data)?;
    fs::write(data.join("master.key"), MASTER_KEY)?;
    let brokers = engines.url(Engine::Kafka)?.trim_start_matches("kafka://").to_owned();
    let start = Start::new(koi, data).env(KEY_VARIABLE, KEY).env("KOI__LEDGER__KIND", "kafka");
    let start = start.env("KOI__LEDGER__BROKERS", brokers).env("KOI__LEDGER__REPLICATION", "1");
    let start = start.env("KOI__LEDGER__MIN_INSYNC", "1").env("KOI__CLUSTER__LISTEN", "127.0.0.1:0");
    let start = start.env("KOI__RECORDS__URL", engines.url(Engine::Proxy)?);
    start.env("KOI__HINTS__URL", engines.url(Engine::Redis)?).start_within(READY_WITHIN)
}
