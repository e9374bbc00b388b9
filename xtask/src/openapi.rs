//! openapi.json at the root is what the code says; a difference is an error.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use xtask::process;

use crate::{cargo, web};

/// To print it takes no longer.
const PRINTED_WITHIN: Duration = Duration::from_secs(60);

/// Builds, then writes the document, or only compares it.
///
/// # Errors
/// When the build fails, or on a difference with `check`.
pub fn run(check: bool) -> Result<()> {
    let text = document(&cargo::build(false)?)?;
    if check {
        return compare(&text);
    }
    let path = cargo::root().join("openapi.json");
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    println!("wrote {}", path.display());
    web::write_client()
}

/// Compares with what the binary says that the tests have just built, so that it is not built again.
///
/// # Errors
/// On a difference.
pub fn check_built() -> Result<()> {
    compare(&document(&cargo::target().join("debug/koi"))?)
}

fn document(koi: &Path) -> Result<String> {
    let output = process::run(Command::new(koi).arg("openapi"), PRINTED_WITHIN)?;
    ensure!(output.status.success(), "koi openapi failed: {}", String::from_utf8_lossy(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout).context("koi openapi printed no JSON")?;
    Ok(format!("{}\n", serde_json::to_string_pretty(&document)?))
}

fn compare(text: &str) -> Result<()> {
    let had = fs::read_to_string(cargo::root().join("openapi.json")).unwrap_or_default();
    if had != text {
        let line = had.lines().zip(text.lines()).position(|(a, b)| a != b).unwrap_or_else(|| had.lines().count()) + 1;
        bail!("openapi.json differs from the code at line {line}; write it with: cargo xtask openapi");
    }
    println!("openapi.json is what the code says");
    Ok(())
}
