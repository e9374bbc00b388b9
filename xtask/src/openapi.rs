//! openapi.json at the root is what the code says; a difference is an error.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use xtask::process;

use crate::cargo;

/// Prints a document takes no longer.
const PRINTED_WITHIN: Duration = Duration::from_secs(60);

/// Writes the document, or only compares it.
///
/// # Errors
/// When the build fails, or on a difference with `check`.
pub fn run(check: bool) -> Result<()> {
    let koi = cargo::build(false)?;
    let output = process::run(Command::new(&koi).arg("openapi"), PRINTED_WITHIN)?;
    ensure!(output.status.success(), "koi openapi failed: {}", String::from_utf8_lossy(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout).context("koi openapi printed no JSON")?;
    let text = format!("{}\n", serde_json::to_string_pretty(&document)?);
    let path = cargo::root().join("openapi.json");
    if check {
        let had = fs::read_to_string(&path).unwrap_or_default();
        if had != text {
            let line =
                had.lines().zip(text.lines()).position(|(a, b)| a != b).unwrap_or_else(|| had.lines().count()) + 1;
            bail!("openapi.json differs from the code at line {line}; write it with: cargo xtask openapi");
        }
        println!("openapi.json is what the code says");
    } else {
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        println!("wrote {}", path.display());
    }
    Ok(())
}
