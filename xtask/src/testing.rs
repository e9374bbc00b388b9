//! `cargo xtask test`: everything that must hold, in order, with the time each stage took; or one long test.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

use crate::engines::Running;
use crate::{cargo, openapi, tidy, web};
use xtask::cluster::Engine;
use xtask::{llama, python};

/// The long tests by name: filters of the black-box tests that they run, and the rounds of their long form.
const LONG: [(&str, &[&str], u64); 23] = [
    ("crash", &["crash::crash", "ready::"], 50),
    ("cluster_crash", &["cluster_crash::"], 30),
    ("fsync", &["fsync::"], 1),
    ("idempotency", &["idempotency::"], 20),
    ("odds", &["odds"], 1),
    ("bad_input", &["bad_input"], 500),
    ("seeds", &["seeds::"], 1),
    ("restore", &["restore::"], 1),
    ("awards", &["awards::"], 1),
    ("races", &["races::"], 100),
    ("drawings", &["drawings::"], 1),
    ("rehearse", &["rehearse::"], 1),
    ("live", &["live::"], 1),
    ("erasure", &["erasure::"], 1),
    // The suites of the ports, by every adapter on its real engine.
    ("conformance", &["engines::", "mysql::", "kafka::", "redis::"], 1),
    // Thousands of shoppers.
    ("reshard", &["reshard::"], 100),
    ("fair", &["fair::"], 1),
    ("hints", &["hints::"], 1),
    ("traces", &["traces::"], 1),
    // What other programs read and write.
    ("topics", &["topics::"], 1),
    ("rolling", &["rolling::"], 1),
    ("generation", &["generation::"], 1),
    ("llm", &["llm::", "advise::", "advice::"], 1),
];
/// Those that are also tested inside other crates.
const EVERYWHERE: [&str; 7] = ["odds", "awards", "drawings", "rehearse", "reshard", "conformance", "llm"];
/// Those that need the engines of a cluster.
const WITH_ENGINES: [&str; 7] = ["reshard", "conformance", "cluster_crash", "topics", "rolling", "generation", "llm"];
/// Draws before the restart that the long form of `crash` times.
const LONG_DRAWS: u64 = 1_000_000;

/// What cargo's test binaries reported.
#[derive(Default)]
struct Counts {
    passed: u64,
    failed: u64,
    ignored: u64,
    /// The counters that tests printed, merged.
    counters: Map<String, Value>,
}

/// Runs everything. All stages run even when one fails, so that one run tells all.
///
/// # Errors
/// When any stage failed.
pub fn all() -> Result<()> {
    let started = Instant::now();
    let mut counts = Counts::default();
    let mut failed = Vec::new();
    let mut stage = |name: &'static str, work: &mut dyn FnMut() -> Result<()>| {
        println!("\n== {name}");
        let from = Instant::now();
        let result = work();
        let seconds = from.elapsed().as_secs_f64();
        match result {
            Ok(()) => println!("== {name}: ok in {seconds:.1} s"),
            Err(error) => {
                println!("== {name}: FAILED in {seconds:.1} s: {error:#}");
                failed.push(name);
            }
        }
    };
    stage("format", &mut || cargo::run(&["fmt", "--all", "--check"]));
    stage("tidy", &mut tidy::run);
    stage("clippy", &mut || cargo::run(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]));
    stage("tests", &mut || {
        // Without them the tests that need none still tell something.
        let (engines, advice) = (Running::start(&Engine::ALL), advice_variables());
        let mut variables = engines.as_ref().map(Running::variables).unwrap_or_default();
        variables.extend(advice.as_ref().ok().into_iter().flatten().cloned());
        counts = cargo_test(&["test", "--workspace", "--no-fail-fast"], &variables)?;
        engines.context("the engines that some tests need")?;
        advice.context("what tests of advice need")?;
        ensure!(counts.failed == 0, "{} tests failed", counts.failed);
        Ok(())
    });
    stage("openapi", &mut openapi::check_built);
    stage("python", &mut || python::test(&cargo::root()));
    stage("web", &mut web::check);
    stage("browser", &mut || web::browser(&cargo::target().join("debug/koi"), &[], None).map(drop));
    let verdict = if failed.is_empty() { "ok" } else { "FAILED" };
    println!("\nall stages in {:.1} s; failed: {failed:?}", started.elapsed().as_secs_f64());
    // Stages beside the tests count as one each, so that a failure of any shows in the last line.
    let (passed, stages_failed) = (counts.passed, failed.iter().filter(|name| **name != "tests").count() as u64);
    let failures = counts.failed + stages_failed + u64::from(counts.failed == 0 && failed.contains(&"tests"));
    println!("test result: {verdict}. {passed} passed; {failures} failed; {} ignored", counts.ignored);
    println!("{passed} passed, {failures} failed");
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

/// Runs one long test, or every test whose name has `name` in it, and ends with one line of JSON.
///
/// # Errors
/// When a test failed, or there is none of that name.
pub fn one(name: &str, rounds: Option<u64>, draws: Option<u64>) -> Result<()> {
    if let Some((_, files, default_rounds)) = web::LONG.iter().find(|(known, ..)| *known == name) {
        return in_browser(name, files, rounds.unwrap_or(*default_rounds));
    }
    let started = Instant::now();
    let long = LONG.iter().find(|(known, ..)| *known == name);
    let mut arguments = vec!["test", "--workspace", "--no-fail-fast"];
    if long.is_some() && !EVERYWHERE.contains(&name) {
        arguments.extend(["--test", "blackbox"]);
    }
    arguments.extend(["--", "--nocapture", "--test-threads=1"]);
    if name == "cluster_crash" {
        arguments.push("--include-ignored");
    }
    let mut envs = Vec::new();
    match long {
        Some((_, filters, default_rounds)) => {
            arguments.extend(*filters);
            envs.push(("KOI_ROUNDS", rounds.unwrap_or(*default_rounds).to_string()));
        }
        None => {
            arguments.push(name);
            envs.extend(rounds.map(|rounds| ("KOI_ROUNDS", rounds.to_string())));
        }
    }
    // The black-box tests of the embedded engines need no others; anything else may.
    let engines =
        if long.is_none() || WITH_ENGINES.contains(&name) { Some(Running::start(&Engine::ALL)?) } else { None };
    envs.extend(engines.iter().flat_map(Running::variables));
    if ["llm", "advi"].iter().any(|part| name.contains(part)) {
        envs.extend(advice_variables()?);
    }
    if name == "crash" {
        envs.push(("KOI_DRAWS", draws.unwrap_or(LONG_DRAWS).to_string()));
    }
    let counts = cargo_test(&arguments, &envs)?;
    let mut line = json!({"test": name, "passed": counts.passed, "failed": counts.failed,
                          "seconds": started.elapsed().as_secs()});
    line.as_object_mut().context("an object")?.extend(counts.counters);
    println!("{line}");
    ensure!(counts.failed == 0, "{} tests failed", counts.failed);
    ensure!(counts.passed > 0, "no test is called {name}");
    Ok(())
}

/// What tests of advice need: a real language model's server, and Python for the worker; where both are.
fn advice_variables() -> Result<[(&'static str, String); 2]> {
    let (llama, python) = (llama::ensure_built()?, python::ensure_made()?);
    Ok([(llama::VARIABLE, llama.display().to_string()), (python::VARIABLE, python.display().to_string())])
}

/// Runs browser tests on a fresh build, and ends with one line of JSON.
fn in_browser(name: &str, files: &[&str], rounds: u64) -> Result<()> {
    let started = Instant::now();
    let koi = cargo::build(false)?;
    web::build()?;
    let counters = web::browser(&koi, files, Some(rounds));
    let mut line = json!({"test": name, "ok": counters.is_ok(), "seconds": started.elapsed().as_secs()});
    if let Ok(counters) = &counters {
        line.as_object_mut().context("an object")?.extend(counters.clone());
    }
    println!("{line}");
    counters.map(drop)
}

/// Runs cargo test, shows what it prints as it comes, and reads the results from it.
fn cargo_test(arguments: &[&str], envs: &[(&str, String)]) -> Result<Counts> {
    let mut command = cargo::command(arguments);
    command.envs(envs.iter().map(|(name, value)| (name, value))).stdout(Stdio::piped());
    let mut child = command.spawn().context("cannot start cargo")?;
    let mut counts = Counts::default();
    let output = child.stdout.take().context("a pipe")?;
    for line in BufReader::new(output).split(b'\n') {
        let line = line.context("cannot read what cargo prints")?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        counts.read(&line);
    }
    let status = child.wait()?;
    // A build that fails, or a binary that dies, reports no failed test; that must not pass for success.
    if !status.success() && counts.failed == 0 {
        bail!("cargo {} failed: {status}", arguments.join(" "));
    }
    Ok(counts)
}

impl Counts {
    fn read(&mut self, line: &str) {
        if let Some((_, results)) = line.split_once("test result: ") {
            for part in results.split_once(". ").map_or("", |(_, counts)| counts).split("; ") {
                let mut words = part.split_whitespace();
                let (Some(count), Some(what)) = (words.next(), words.next()) else { continue };
                let count = count.parse().unwrap_or(0);
                match what {
                    "passed" => self.passed += count,
                    "failed" => self.failed += count,
                    "ignored" => self.ignored += count,
                    _ => {}
                }
            }
        } else if let Some(start) = line.find("{\"") {
            // libtest prints `test NAME ... ` before the first line that a test prints.
            if let Ok(Value::Object(mut counters)) = serde_json::from_str::<Value>(&line[start..])
                && counters.remove("test").is_some()
            {
                self.counters.extend(counters);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_and_counters_are_read() {
        let mut counts = Counts::default();
        for line in [
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.10s",
            "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 9.10s",
            "test crash::crash ... {\"test\":\"crash\",\"lost\":0}",
            "{\"test\":\"ready\",\"ready_ms\":17.0}",
            "{\"not\": \"counters\"}",
            "{\"broken",
        ] {
            counts.read(line);
        }
        assert_eq!((counts.passed, counts.failed, counts.ignored), (13, 2, 1));
        assert_eq!(Value::Object(counts.counters), json!({"lost": 0, "ready_ms": 17.0}));
    }
}
