//! `cargo xtask bench train`: our iALS beside that of Python's `implicit`, on the same rows, with the same number of
//! factors, rounds and threads; the time is of fitting alone, after a warm-up, and both are measured by the same code.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use xtask::process::Scratch;

use super::{examples, median, rounded};
use crate::{cargo, interactions};

const FACTORS: &str = "64";
const ITERATIONS: &str = "15";
const REGULARIZATION: &str = "5";
const WEIGHT: &str = "20";
const THREADS: &str = "2";
/// Alternated, so that what else the machine does falls on both.
const ROUNDS: usize = 3;
const SCRIPT: &str = include_str!("implicit_als.py");
const PACKAGE: &str = "implicit==0.7.3";

/// Runs both in turns.
///
/// # Errors
/// When Python or the package cannot be had, or either fails.
pub fn run() -> Result<Value> {
    let python = python()?;
    let scratch = Scratch::new(&cargo::target().join("bench"), "train")?;
    let shape = interactions::Options { shoppers: 50_000, items: 50_000, rows: 1_000_000, seed: 1 };
    interactions::write(shape, scratch.path())?;
    let (train, test) = (scratch.join("train.csv"), scratch.join("test.csv"));
    let (mut ours, mut theirs, mut last) = (Vec::new(), Vec::new(), Value::Null);
    for _ in 0..ROUNDS {
        let out = scratch.path().to_str().context("a plain path")?;
        let file = train.to_str().context("a plain path")?;
        let fitted =
            examples::recommend("bench_train", &[file, out, FACTORS, ITERATIONS, REGULARIZATION, WEIGHT, THREADS])?;
        ours.push(fitted["fit_s"].as_f64().context("our seconds")?);
        last = implicit(&python, &train, &test, scratch.path())?;
        theirs.push(last["fit_s"].as_f64().context("their seconds")?);
        eprintln!("fit: ours {:.3} s, theirs {:.3} s", ours[ours.len() - 1], theirs[theirs.len() - 1]);
    }
    let figure = |name: &str| last[name].as_f64().with_context(|| format!("no {name}"));
    let (ndcg_ours, ndcg_theirs) = (figure("ndcg_ours")?, figure("ndcg_theirs")?);
    Ok(json!({
        "time_ratio": rounded(median(&theirs) / median(&ours), 2),
        "ndcg_difference": rounded(ndcg_ours - ndcg_theirs, 4),
        "ours_s": rounded(median(&ours), 3),
        "theirs_s": rounded(median(&theirs), 3),
        "ndcg_ours": rounded(ndcg_ours, 4),
        "ndcg_theirs": rounded(ndcg_theirs, 4),
        "factors": 64,
        "iterations": 15,
        "threads": 2,
        "interactions": shape.rows,
        "implicit": last["version"],
    }))
}

fn implicit(python: &Path, train: &Path, test: &Path, ours: &Path) -> Result<Value> {
    let output = Command::new(python)
        .args(["-c", SCRIPT])
        .args([train, test, ours])
        .args([FACTORS, ITERATIONS, REGULARIZATION, WEIGHT, THREADS])
        .env("OPENBLAS_NUM_THREADS", "1")
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start Python")?;
    ensure!(output.status.success(), "implicit failed: {}", output.status);
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(text.lines().last().unwrap_or_default()).context("implicit's answer is no JSON")
}

/// A Python with the package, in an environment of its own below the build directory, made once.
fn python() -> Result<PathBuf> {
    let home = cargo::target().join("implicit");
    let python = home.join("bin/python");
    let works = |python: &Path| {
        Command::new(python).args(["-c", "import implicit"]).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
    };
    if !works(&python) {
        let step = |program: &Path, arguments: &[&str]| -> Result<()> {
            let status = Command::new(program).args(arguments).stdout(Stdio::null()).status();
            let status = status.with_context(|| format!("cannot start {}", program.display()))?;
            ensure!(status.success(), "{} {arguments:?} failed: {status}", program.display());
            Ok(())
        };
        step(Path::new("python3"), &["-m", "venv", home.to_str().context("a plain path")?])?;
        step(&python, &["-m", "pip", "install", "--quiet", PACKAGE])?;
        ensure!(works(&python), "{PACKAGE} was installed and cannot be imported");
    }
    Ok(python)
}
