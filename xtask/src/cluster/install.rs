//! Getting what is missing by the ordinary package managers: apt, and Maven for what only Maven Central has.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

/// Whether a program can be started.
pub(super) fn has(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).chain([PathBuf::from("/usr/sbin")]).any(|folder| folder.join(program).is_file())
}

/// Makes sure of `program`, which is in Debian's `packages`. Their services are kept down: what runs is started here.
pub(crate) fn apt(program: &str, packages: &[&str]) -> Result<()> {
    if has(program) {
        return Ok(());
    }
    let list = packages.join(" ");
    let by_hand = format!("apt-get install -y --no-install-recommends {list}");
    ensure!(has("apt-get"), "{program} is missing and there is no apt-get; install {list} by this system's own means");
    if !is_root() {
        bail!("{program} is missing; run as root: RUNLEVEL=1 {by_hand}");
    }
    eprintln!("installing {list}");
    let mut command = Command::new("apt-get");
    command.env("RUNLEVEL", "1").env("DEBIAN_FRONTEND", "noninteractive");
    command.args(["-q", "-o", "DPkg::Lock::Timeout=300", "install", "-y", "--no-install-recommends"]).args(packages);
    // Standard output is for what the caller asked for.
    let done = command.stdout(std::io::stderr()).status().context("cannot start apt-get")?;
    ensure!(done.success() && has(program), "apt-get could not install {list}; try: apt-get update && {by_hand}");
    Ok(())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|done| done.stdout.trim_ascii() == b"0")
}

/// Copies the jars that a pom names into `lib` and gives that folder; again only when the pom has changed.
pub(super) fn maven(lib: &Path, pom: &str) -> Result<()> {
    let stamp = lib.join(".pom");
    if fs::read_to_string(&stamp).is_ok_and(|done| done == pom) {
        return Ok(());
    }
    apt("java", &["default-jre-headless"])?;
    apt("mvn", &["maven"])?;
    _ = fs::remove_dir_all(lib);
    fs::create_dir_all(lib).with_context(|| format!("cannot make {}", lib.display()))?;
    let file = lib.join("pom.xml");
    fs::write(&file, pom)?;
    eprintln!("fetching jars into {}", lib.display());
    let mut command = Command::new("mvn");
    command.args(["-B", "-q", "-f"]).arg(&file).arg("dependency:copy-dependencies");
    command.arg("-DincludeScope=runtime").arg(format!("-DoutputDirectory={}", lib.display()));
    let done = command.stdout(std::io::stderr()).status().context("cannot start mvn")?;
    ensure!(done.success(), "Maven could not fetch the jars of {}; is Maven Central within reach?", file.display());
    Ok(fs::write(stamp, pom)?)
}

/// All jars of a folder in one fixed order, as a class path.
pub(super) fn class_path(lib: &Path) -> Result<String> {
    let mut jars: Vec<String> = Vec::new();
    for entry in fs::read_dir(lib)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "jar") {
            jars.push(path.display().to_string());
        }
    }
    ensure!(!jars.is_empty(), "there are no jars in {}", lib.display());
    jars.sort_unstable();
    Ok(jars.join(":"))
}
