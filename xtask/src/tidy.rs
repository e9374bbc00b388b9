//! The house rules that no compiler checks: lengths, docs, one rule per file, dependencies that point down, boards and
//! alerts that ask for what is told.
//!
//! Exceptions from the lengths are named in `xtask/tidy.toml` and only ever shrink: one that is larger than it need be is
//! an error too.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::cargo;

mod boards;
mod source;

const MAX_FILE_LINES: usize = 500;
const MAX_FUNCTION_LINES: usize = 70;
/// What every clone must have at its root.
const DOCUMENTS: [&str; 5] = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE"];
/// Marks of unfinished work, spelt apart so that this file may hold them.
const UNFINISHED: [&str; 4] =
    [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("todo", "!("), concat!("unimple", "mented!(")];
/// The project speaks only of itself: not of where it was written, nor of numbers in somebody's tracker.
const FORBIDDEN: [&str; 4] =
    [concat!("/work", "/main"), concat!("/work", "/shared"), concat!("issue", " #"), concat!("../shared", "/checks")];
/// The layers: which crates of the workspace each may depend on.
const LAYERS: [(&str, &[&str]); 7] = [
    ("domain", &[]),
    ("recommend", &["domain"]),
    ("app", &["domain", "recommend"]),
    ("adapters", &["app", "domain", "recommend"]),
    ("server", &["adapters", "app", "domain", "recommend"]),
    ("testkit", &["app", "domain", "recommend"]),
    ("xtask", &[]),
];

/// Checks everything and lists what is wrong.
///
/// # Errors
/// When anything is.
pub fn run() -> Result<()> {
    let root = cargo::root();
    let mut exceptions = Exceptions::read(&root.join("xtask/tidy.toml"))?;
    let mut wrong = Vec::new();
    let (mut files, mut texts) = (Vec::new(), Vec::new());
    for dir in ["crates", "xtask"] {
        rust_files(&root.join(dir), &mut files)?;
    }
    files.sort();
    for path in &files {
        let name = path.strip_prefix(&root).unwrap_or(path).to_string_lossy().into_owned();
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
        check_file(&name, &text, &mut exceptions, &mut wrong);
        texts.push(text);
    }
    exceptions.unused(&mut wrong);
    check_rules(&root, &mut wrong)?;
    boards::check(&root, &texts, &mut wrong)?;
    check_documents(&root, &mut wrong);
    check_layers(&mut wrong)?;
    if wrong.is_empty() {
        println!("{} files are tidy", files.len());
        return Ok(());
    }
    bail!("{} house rules broken:\n  {}", wrong.len(), wrong.join("\n  "))
}

fn rust_files(dir: &Path, into: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            rust_files(&path, into)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
    Ok(())
}

fn check_file(name: &str, text: &str, exceptions: &mut Exceptions, wrong: &mut Vec<String>) {
    let lines = text.lines().count();
    if let Some(told) = exceptions.judge(name, lines, MAX_FILE_LINES) {
        wrong.push(format!("{name}: {lines} lines, {told}"));
    }
    let source = source::Source::read(text);
    for function in &source.functions {
        let full = format!("{name}::{}", function.name);
        if let Some(told) = exceptions.judge(&full, function.lines, MAX_FUNCTION_LINES) {
            wrong.push(format!(
                "{name}:{}: fn {} has {} lines, {told}",
                function.first_line, function.name, function.lines
            ));
        }
    }
    let of_tests = name.contains("/tests/") || name.ends_with("/tests.rs") || name.starts_with("crates/testkit/");
    for (number, line) in &source.unwraps {
        if !of_tests {
            wrong.push(format!("{name}:{number}: unwrap outside tests: {line}"));
        }
    }
    if !text.starts_with("//!") && !of_tests {
        wrong.push(format!("{name}:1: a file opens with //! and what it is for"));
    }
    check_words(name, text, wrong);
}

fn check_words(name: &str, text: &str, wrong: &mut Vec<String>) {
    for (number, line) in text.lines().enumerate() {
        for word in UNFINISHED.iter().chain(&FORBIDDEN).filter(|word| line.contains(**word)) {
            wrong.push(format!("{name}:{}: {word:?}", number + 1));
        }
    }
}

/// One rule of the flow per file, each opening with what it means, and none forgotten in the list of all.
fn check_rules(root: &Path, wrong: &mut Vec<String>) -> Result<()> {
    let dir = root.join("crates/domain/src/flow/rules");
    let list = ["mod.rs", "../rules.rs"].iter().map(|name| dir.join(name)).find(|path| path.exists());
    let Some(list) = list else {
        wrong.push("crates/domain/src/flow/rules: no list of all rules".into());
        return Ok(());
    };
    let all = fs::read_to_string(list)?;
    for entry in fs::read_dir(&dir)?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(rule) = name.strip_suffix(".rs").filter(|rule| *rule != "mod") else { continue };
        let text = fs::read_to_string(entry.path())?;
        if all.matches(rule).count() < 2 {
            wrong.push(format!("flow/rules/{name}: declared but not in the list of all rules"));
        }
        if !text.lines().take_while(|line| line.starts_with("//!")).any(|line| line.to_lowercase().contains("example"))
        {
            wrong.push(format!("flow/rules/{name}: opens without an example"));
        }
    }
    Ok(())
}

fn check_documents(root: &Path, wrong: &mut Vec<String>) {
    for name in DOCUMENTS {
        match fs::read_to_string(root.join(name)) {
            Ok(text) if text.trim().is_empty() => wrong.push(format!("{name} is empty")),
            Ok(text) => check_words(name, &text, wrong),
            Err(_) => wrong.push(format!("{name} is missing")),
        }
    }
}

/// Dependencies point down only; what tests depend on is not looked at.
fn check_layers(wrong: &mut Vec<String>) -> Result<()> {
    let output = cargo::command(&["metadata", "--no-deps", "--format-version", "1", "--offline"]).output()?;
    let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata printed no JSON")?;
    for package in metadata["packages"].as_array().context("packages")? {
        let name = package["name"].as_str().unwrap_or_default();
        let Some((_, allowed)) = LAYERS.iter().find(|(layer, _)| *layer == name) else {
            wrong.push(format!("crate {name} has no place among the layers"));
            continue;
        };
        let of_workspace = package["dependencies"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|dependency| dependency["path"].is_string());
        for dependency in of_workspace.filter(|dependency| dependency["kind"] != "dev") {
            let on = dependency["name"].as_str().unwrap_or_default();
            if !allowed.contains(&on) {
                wrong.push(format!("crate {name} depends on {on}, which is not below it"));
            }
        }
    }
    Ok(())
}

/// Lengths that are longer than the rule, by file or `file::function`.
#[derive(Default)]
struct Exceptions {
    allowed: BTreeMap<String, usize>,
    used: Vec<String>,
}

impl Exceptions {
    /// Lines of the form `"path" = 510`; anything else but comments and tables is an error.
    fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut exceptions = Self::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', '['])) {
            let (name, lines) = line.split_once('=').with_context(|| format!("not `\"name\" = lines`: {line}"))?;
            let lines = lines.trim().parse().with_context(|| format!("no number of lines: {line}"))?;
            exceptions.allowed.insert(name.trim().trim_matches('"').to_owned(), lines);
        }
        Ok(exceptions)
    }

    /// What is wrong with that many lines, if anything.
    fn judge(&mut self, name: &str, lines: usize, most: usize) -> Option<String> {
        let Some(allowed) = self.allowed.get(name).copied() else {
            return (lines > most).then(|| format!("at most {most}"));
        };
        self.used.push(name.to_owned());
        if lines > allowed {
            Some(format!("its exception allows {allowed}"))
        } else if lines <= most {
            Some("needs no exception any more; remove it from xtask/tidy.toml".into())
        } else if lines < allowed {
            Some(format!("its exception allows {allowed}; lower it in xtask/tidy.toml"))
        } else {
            None
        }
    }

    fn unused(&self, wrong: &mut Vec<String>) {
        let gone = self.allowed.keys().filter(|name| !self.used.contains(name));
        wrong.extend(gone.map(|name| format!("xtask/tidy.toml names {name}, which does not exist")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_only_shrink() {
        let check = |allowed: Option<usize>, lines: usize, fine: bool| {
            let mut exceptions = Exceptions::default();
            exceptions.allowed.extend(allowed.map(|allowed| ("f".to_owned(), allowed)));
            assert_eq!(exceptions.judge("f", lines, 500).is_none(), fine, "{allowed:?} {lines}");
        };
        check(None, 500, true);
        check(None, 501, false);
        check(Some(510), 510, true);
        check(Some(510), 511, false);
        check(Some(510), 509, false);
        check(Some(510), 500, false);
    }
}
