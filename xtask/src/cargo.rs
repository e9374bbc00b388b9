//! Calling cargo, and where it puts things.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The repository's root.
pub fn root() -> PathBuf {
    let manifest = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    manifest.parent().map_or(manifest.clone(), Path::to_path_buf)
}

/// The build directory.
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(PathBuf::from(dir)))
}

/// A cargo command in the repository's root.
pub fn command<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args(arguments);
    // What cargo told this process about its own package must not reach another build: scripts would run again.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") || text == "CARGO_PRIMARY_PACKAGE" {
            command.env_remove(&name);
        }
    }
    command
}

/// Runs cargo and fails when it does.
///
/// # Errors
/// When it cannot be started or exits with an error.
pub fn run(arguments: &[&str]) -> Result<()> {
    let status = command(arguments).status().context("cannot start cargo")?;
    ensure!(status.success(), "cargo {} failed: {status}", arguments.join(" "));
    Ok(())
}

/// Builds the binaries and gives the path of `koi`. The whole workspace is named so that features are those of the tests,
/// and nothing is built twice.
///
/// # Errors
/// When the build fails.
pub fn build(release: bool) -> Result<PathBuf> {
    let profile = if release { "release" } else { "debug" };
    let mut arguments = vec!["build", "--workspace", "--bins"];
    if release {
        arguments.push("--release");
    }
    run(&arguments)?;
    Ok(target().join(profile).join("koi"))
}
