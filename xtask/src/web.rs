//! The web pages: `cargo xtask web` builds them, `cargo xtask test` checks them and drives them in a real browser.
//!
//! Everything of it needs Node and npm; nothing else of the project does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

use crate::cargo;

/// What Vite asks for: the least minor version of each major version; later majors are taken as they are.
const NODE_AT_LEAST: (u32, u32) = (20, 19);
/// Debian's names of what the browser tests need: the browser, and fonts for Chinese and for pictures of prizes.
const PACKAGES: [&str; 3] = ["chromium", "fonts-noto-cjk", "fonts-noto-color-emoji"];
/// Where the browser and the fonts are once they are installed.
const INSTALLED: [&str; 3] = [
    "/usr/bin/chromium",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf",
];

/// The tests in a browser that have a name of their own: which files they are, and the rounds of their long form.
pub const LONG: [(&str, &[&str], u64); 3] =
    [("survive", &["survive"], 200), ("a11y", &["pages", "keyboard", "console"], 1), ("live_cut", &["live"], 1)];

fn dir() -> PathBuf {
    cargo::root().join("web")
}

/// Why the pages cannot be built here; nothing where they can.
pub fn missing() -> Option<String> {
    let version = |program: &str| {
        let output = Command::new(program).arg("--version").stderr(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let (major, minor) = NODE_AT_LEAST;
    match version("node") {
        None => Some(format!("there is no Node; {major}.{minor} or later builds them")),
        Some(found) if !is_enough(&found) => Some(format!("Node is {found}; it takes {major}.{minor} or later")),
        Some(_) => version("npm").is_none().then(|| "there is no npm".to_owned()),
    }
}

/// Whether `v20.20.2` is late enough.
fn is_enough(version: &str) -> bool {
    let mut numbers = version.trim_start_matches('v').split('.').map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= NODE_AT_LEAST
}

/// Runs an npm command in `web/`.
fn npm(arguments: &[&str], envs: &[(&str, String)]) -> Result<()> {
    let mut command = Command::new("npm");
    command.current_dir(dir()).args(arguments).envs(envs.iter().map(|(name, value)| (name, value)));
    let status = command.status().context("cannot start npm")?;
    ensure!(status.success(), "npm {} failed: {status}", arguments.join(" "));
    Ok(())
}

/// Installs what package-lock.json names, unless that is there already.
fn install() -> Result<()> {
    if let Some(why) = missing() {
        bail!("the web pages cannot be built: {why}");
    }
    let lock = fs::read(dir().join("package-lock.json")).context("web/package-lock.json")?;
    let done = dir().join("node_modules/.installed-lock");
    if fs::read(&done).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    npm(&["ci"], &[])?;
    fs::write(&done, lock).with_context(|| format!("cannot write {}", done.display()))
}

/// Builds the pages into `web/dist`.
///
/// # Errors
/// Without Node, or when a step fails.
pub fn build() -> Result<()> {
    install()?;
    npm(&["run", "--silent", "build"], &[])
}

/// Writes the typed client from openapi.json where Node is there, so that the two change together.
///
/// # Errors
/// When npm's packages cannot be installed, or the generator fails.
pub fn write_client() -> Result<()> {
    if let Some(why) = missing() {
        println!("web/client was not written anew ({why}); the tests will find it out of date");
        return Ok(());
    }
    install()?;
    npm(&["run", "--silent", "client"], &[])
}

/// What needs no browser: the client is what openapi.json says, types, lint, unit tests, and the build with its budget.
///
/// # Errors
/// When any of it fails.
pub fn check() -> Result<()> {
    install()?;
    for script in ["check", "lint", "test", "build"] {
        npm(&["run", "--silent", script], &[])?;
    }
    Ok(())
}

/// Installs the browser and the fonts where they are missing.
fn install_browser() -> Result<()> {
    if INSTALLED.iter().all(|path| Path::new(path).exists()) {
        return Ok(());
    }
    println!("installing {}", PACKAGES.join(", "));
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        command.status().is_ok_and(|status| status.success())
    };
    let install: Vec<&str> = ["install", "-y", "--no-install-recommends"].into_iter().chain(PACKAGES).collect();
    let installed = apt(&install) || (apt(&["update"]) && apt(&install));
    if !installed {
        bail!("the browser tests need {}; apt-get could not install them (as root?)", PACKAGES.join(", "));
    }
    Ok(())
}

/// Runs the browser tests whose files are named so (all without a name) on the built binary and pages; gives the figures
/// that they reported.
///
/// # Errors
/// When something cannot be installed, or a test fails.
pub fn browser(koi: &Path, files: &[&str], rounds: Option<u64>) -> Result<Map<String, Value>> {
    run_browser(koi, "vitest.browser.config.ts", files, rounds)
}

/// Measures the pages.
///
/// # Errors
/// When something cannot be installed, or a page does not come up.
pub fn bench(koi: &Path) -> Result<Value> {
    build()?;
    Ok(Value::Object(run_browser(koi, "vitest.bench.config.ts", &[], None)?))
}

/// Takes the README's pictures anew.
///
/// # Errors
/// When something cannot be installed, or a page does not come up.
pub fn pictures() -> Result<()> {
    let koi = cargo::build(false)?;
    build()?;
    run_browser(&koi, "vitest.pictures.config.ts", &[], None).map(drop)
}

fn run_browser(koi: &Path, config: &str, files: &[&str], rounds: Option<u64>) -> Result<Map<String, Value>> {
    install()?;
    install_browser()?;
    let counters = cargo::target().join("web-counters");
    if counters.exists() {
        fs::remove_dir_all(&counters)?;
    }
    let mut envs = vec![
        ("KOI_BINARY", koi.display().to_string()),
        ("KOI_COUNTERS", counters.display().to_string()),
        ("KOI_SCREENSHOTS", cargo::target().join("screenshots").display().to_string()),
    ];
    envs.extend(rounds.map(|rounds| ("KOI_ROUNDS", rounds.to_string())));
    let mut arguments = vec!["exec", "--", "vitest", "run", "--config", config];
    arguments.extend(files);
    let mut command = Command::new("npm");
    // What the tests print is for people; a bench's standard output is its figures alone.
    command.current_dir(dir()).args(&arguments).envs(envs).stdout(std::io::stderr());
    let status = command.status().context("cannot start npm")?;
    ensure!(status.success(), "the browser tests failed: {status}");
    gathered(&counters)
}

/// The figures that test files reported, each into a file of its own; numbers of one name are added up.
fn gathered(directory: &Path) -> Result<Map<String, Value>> {
    let mut sum = Map::new();
    let Ok(files) = fs::read_dir(directory) else { return Ok(sum) };
    for file in files {
        let text = fs::read(file?.path())?;
        let figures: Map<String, Value> = serde_json::from_slice(&text).context("figures of a browser test")?;
        for (name, value) in figures {
            let before = sum.get(&name).and_then(Value::as_u64);
            let value = match (before, value.as_u64()) {
                (Some(before), Some(now)) => (before + now).into(),
                _ => value,
            };
            sum.insert(name, value);
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::is_enough;

    #[test]
    fn node_is_new_enough_from_20_19_on() {
        for (version, want) in [
            ("v20.19.0", true),
            ("v20.20.2", true),
            ("v22.1.0", true),
            ("v20.18.3", false),
            ("v18.20.4", false),
            ("", false),
        ] {
            assert_eq!(is_enough(version), want, "{version:?}");
        }
    }
}
