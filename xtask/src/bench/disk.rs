//! How often per second the disk can be made to keep something.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// What one append holds, in bytes.
const APPEND_BYTES: usize = 8 << 10;

/// `fdatasync`s of 8-KiB appends per second to a file in `dir`, measured for so long.
///
/// # Errors
/// When the directory cannot be written, or is in memory: then it would tell nothing.
pub fn fsync_per_s(dir: &Path, during: Duration) -> Result<f64> {
    ensure!(!in_memory(dir)?, "{} is in memory; choose a directory on a disk", dir.display());
    let path = dir.join("fsync-probe");
    let mut file =
        OpenOptions::new().create(true).write(true).truncate(true).open(&path).context("cannot write a probe")?;
    let bytes = vec![7; APPEND_BYTES];
    let (started, mut count) = (Instant::now(), 0_u32);
    while started.elapsed() < during {
        file.write_all(&bytes)?;
        file.sync_data()?;
        count += 1;
    }
    let rate = f64::from(count) / started.elapsed().as_secs_f64();
    drop(file);
    fs::remove_file(&path)?;
    Ok(rate)
}

/// Whether the file system of `dir` is a tmpfs or ramfs, by the longest mount point that holds it.
fn in_memory(dir: &Path) -> Result<bool> {
    let dir = fs::canonicalize(dir)?;
    let mounts = fs::read_to_string("/proc/self/mounts").context("cannot read /proc/self/mounts")?;
    let holding = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ');
        let (_, point, kind) = (fields.next()?, fields.next()?, fields.next()?);
        dir.starts_with(point).then_some((point.len(), kind))
    });
    Ok(holding.max().is_some_and(|(_, kind)| kind == "tmpfs" || kind == "ramfs"))
}
