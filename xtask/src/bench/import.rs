//! `bench import`: the real file into an empty data directory.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use xtask::fixture::{KEY, KEY_VARIABLE};
use xtask::http::Call;
use xtask::process::{Scratch, Start, peak_rss_mb, wait_for};

use super::rounded;
use crate::{cargo, retail};

const IMPORTED_WITHIN: Duration = Duration::from_secs(600);
/// The last profile is there at once after the import, or soon.
const READABLE_WITHIN: Duration = Duration::from_secs(60);

/// Imports twice and gives the figures of the first run, with what the second one counted.
///
/// # Errors
/// When an import fails or its counts do not add up.
pub fn run(file: &Path) -> Result<Value> {
    let koi = cargo::build(true)?;
    let scratch = Scratch::new(&cargo::target().join("bench"), "import")?;
    let data = scratch.join("data");
    let last = retail::last_customer(file)?;
    let first = import(&koi, file, &data)?;
    let from = Instant::now();
    let server = Start::new(&koi, &data).env(KEY_VARIABLE, KEY).start()?;
    let path = format!("/shoppers/{last}/profile");
    let mut client = server.client();
    wait_for(READABLE_WITHIN, "the last shopper's profile", || {
        client.send(&Call::get(path.as_str()).token(KEY)).is_ok_and(|answer| answer.status == 200).then_some(())
    })?;
    // A start costs the same without an import; what it takes beyond readiness still belongs to the import.
    let after_ready_s = (from.elapsed().as_secs_f64() - server.ready_ms / 1_000.0).max(0.0);
    drop(server);
    let second = import(&koi, file, &data)?;
    let rows = first.counts["rows"].as_f64().context("rows")?;
    let seconds = first.seconds + after_ready_s;
    let mut result = json!({
        "rows_per_s": rounded(rows / seconds, 0), "peak_rss_mb": rounded(first.peak_rss_mb, 1), "seconds": rounded(seconds, 2),
        "second_run_duplicates": second.counts["duplicates"], "second_run_accepted": second.counts["accepted"],
        "second_run_seconds": rounded(second.seconds, 2), "data_mb": rounded(size_mb(&data)?, 1),
    });
    for field in ["rows", "accepted", "rejected", "skipped", "duplicates"] {
        result[field] = first.counts[field].clone();
    }
    Ok(result)
}

struct Imported {
    counts: Value,
    seconds: f64,
    peak_rss_mb: f64,
}

fn import(koi: &Path, file: &Path, data: &Path) -> Result<Imported> {
    let started = Instant::now();
    let mut command = Command::new(koi);
    command.args(["import", "online-retail", "--json", "--data"]).arg(data).arg(file);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot start koi import")?;
    let (pid, mut peak) = (child.id(), 0.0_f64);
    // The kernel keeps the highest mark until the process is gone, so looking now and then is exact but for the last look.
    let status = wait_for(IMPORTED_WITHIN, "the import", || {
        peak = peak.max(peak_rss_mb(pid));
        child.try_wait().ok().flatten()
    })?;
    let seconds = started.elapsed().as_secs_f64();
    ensure!(status.success(), "koi import failed: {status}");
    let output = child.wait_with_output()?;
    let counts: Value = serde_json::from_slice(&output.stdout).context("koi import printed no JSON object")?;
    let sum: u64 =
        ["accepted", "duplicates", "rejected", "skipped"].iter().filter_map(|field| counts[*field].as_u64()).sum();
    ensure!(Some(sum) == counts["rows"].as_u64(), "the counts do not add up: {counts}");
    Ok(Imported { counts, seconds, peak_rss_mb: peak })
}

fn size_mb(dir: &Path) -> Result<f64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)?.flatten() {
        let meta = entry.metadata()?;
        bytes += if meta.is_file() { meta.len() } else { 0 };
    }
    Ok(bytes as f64 / f64::from(1 << 20))
}
