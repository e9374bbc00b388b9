//! The Python that the worker of `clients/python` is tested in: an environment of its own, outside the project.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::cluster::install::apt;

/// The variable by which tests are told where it is.
pub const VARIABLE: &str = "KOI_TEST_PYTHON";
/// What the worker and its tests need; as `clients/python/pyproject.toml` has it.
const PACKAGES: [&str; 8] = [
    "pandas>=2",
    "scikit-learn>=1.4",
    "fastapi>=0.110",
    "uvicorn>=0.29",
    "httpx>=0.27",
    "confluent-kafka>=2.4",
    "jsonschema>=4.20",
    "pytest>=8",
];

/// Where it is kept.
pub fn folder() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache");
    std::env::var_os("XDG_CACHE_HOME").map_or_else(home, PathBuf::from).join("koi/python")
}

/// Makes it where it is not there or has other packages.
///
/// # Errors
/// Which step failed.
pub fn ensure_made() -> Result<PathBuf> {
    let folder = folder();
    let parent = folder.parent().context("a folder above")?;
    fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    let lock = File::create(parent.join("python.lock"))?;
    lock.lock().context("cannot take the lock of the Python environment")?;
    let stamp = folder.join("packages");
    let wanted = PACKAGES.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|done| done == wanted) {
        return Ok(folder);
    }
    apt("python3", &["python3", "python3-venv"])?;
    eprintln!("making a Python environment in {}", folder.display());
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    run(Command::new(folder.join("bin/pip")).args(["install", "-q"]).args(PACKAGES))?;
    fs::write(stamp, wanted)?;
    Ok(folder)
}

/// Runs the worker's own tests.
///
/// # Errors
/// Where one fails.
pub fn test(root: &Path) -> Result<()> {
    let python = ensure_made()?.join("bin/python3");
    let package = root.join("clients/python");
    run(Command::new(python).args(["-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]).current_dir(package))
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.stdout(std::io::stderr()).status().context("cannot start Python")?;
    ensure!(status.success(), "{:?} failed: {status}", command.get_program());
    Ok(())
}
