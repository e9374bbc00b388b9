//! Dependencies point down only, and the pure crates stay pure: `cargo metadata` is asked, not the memory.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Which of the workspace's crates each crate may use, at most.
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("recommend", &["domain"]),
    ("app", &["domain", "recommend"]),
    ("adapters", &["app", "domain", "recommend"]),
    ("server", &["adapters", "app", "domain", "recommend"]),
    ("testkit", &["app", "domain", "recommend"]),
    // It starts the built binary and speaks HTTP to it, like anybody.
    ("xtask", &[]),
];
/// What tests may use besides.
const TOOLS: &[&str] = &["testkit", "xtask"];
/// Crates that do no IO, know no clock and no wire format.
const PURE: &[&str] = &["domain", "recommend"];
const IMPURE: &[&str] = &["tokio", "sqlx", "sqlx-core", "sea-orm", "rusqlite", "axum", "reqwest", "hyper"];

fn host() -> String {
    let version = Command::new(env!("CARGO").to_owned().replace("cargo", "rustc")).arg("-vV").output();
    let version = version.or_else(|_| Command::new("rustc").arg("-vV").output()).expect("rustc tells its version");
    let text = String::from_utf8(version.stdout).expect("text");
    text.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host").to_owned()
}

fn metadata() -> Value {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--offline",
            "--filter-platform",
            &host(),
            "--manifest-path",
            manifest,
        ])
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// One edge of the workspace: who uses whom, and whether only its tests do.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Edge {
    from: String,
    to: String,
    tests_only: bool,
}

/// What is wrong with the edges, in words.
fn wrong(edges: &[Edge]) -> Vec<String> {
    let mut wrong = Vec::new();
    for Edge { from, to, tests_only } in edges {
        let Some((_, may)) = MAY_USE.iter().find(|(name, _)| name == from) else {
            wrong.push(format!(
                "the crate {from} has no place in this list; a new crate needs a reason in ARCHITECTURE.md"
            ));
            continue;
        };
        let allowed = may.contains(&to.as_str()) || (*tests_only && TOOLS.contains(&to.as_str()));
        if !allowed {
            let how = if *tests_only { "in its tests" } else { "in what it ships" };
            wrong.push(format!("{from} must not use {to} {how}"));
        }
    }
    wrong
}

fn edges(metadata: &Value) -> Vec<Edge> {
    let packages = metadata["packages"].as_array().expect("packages");
    let members: BTreeSet<&str> =
        packages.iter().filter(|p| p["source"].is_null()).map(|p| p["name"].as_str().expect("a name")).collect();
    let mut edges = Vec::new();
    for package in packages.iter().filter(|p| p["source"].is_null()) {
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let to = dependency["name"].as_str().expect("a name");
            if members.contains(to) {
                let tests_only = dependency["kind"] == "dev";
                edges.push(Edge {
                    from: package["name"].as_str().expect("a name").to_owned(),
                    to: to.to_owned(),
                    tests_only,
                });
            }
        }
    }
    edges
}

#[test]
fn the_workspace_depends_downwards() {
    let metadata = metadata();
    let edges = edges(&metadata);
    assert_eq!(wrong(&edges), [""; 0]);
    let used: BTreeSet<&str> = edges.iter().map(|e| e.from.as_str()).collect();
    assert!(used.contains("server") && used.contains("app"), "the graph was read: {used:?}");
}

#[test]
fn a_wrong_direction_is_found() {
    for (from, to, tests_only, ok) in [
        ("server", "adapters", false, true),
        ("adapters", "app", false, true),
        ("app", "adapters", false, false),
        ("app", "adapters", true, false),
        ("domain", "recommend", false, false),
        ("recommend", "app", false, false),
        ("adapters", "server", false, false),
        ("adapters", "testkit", true, true),
        ("adapters", "testkit", false, false),
        ("testkit", "adapters", false, false),
        ("xtask", "domain", false, false),
        ("server", "xtask", true, true),
        ("server", "xtask", false, false),
        ("surprise", "domain", false, false),
    ] {
        let edge = Edge { from: from.to_owned(), to: to.to_owned(), tests_only };
        assert_eq!(wrong(std::slice::from_ref(&edge)).is_empty(), ok, "{edge:?}");
    }
}

#[test]
fn pure_crates_stay_pure() {
    let metadata = metadata();
    let name = |id: &Value| {
        let packages = metadata["packages"].as_array().expect("packages");
        packages.iter().find(|p| p["id"] == *id).map(|p| p["name"].as_str().expect("a name")).expect("a package")
    };
    let mut uses: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for node in metadata["resolve"]["nodes"].as_array().expect("nodes") {
        let shipped =
            |dep: &&Value| dep["dep_kinds"].as_array().is_some_and(|kinds| kinds.iter().any(|k| k["kind"].is_null()));
        let deps = node["deps"].as_array().expect("deps").iter().filter(shipped).map(|dep| name(&dep["pkg"]));
        uses.entry(name(&node["id"])).or_default().extend(deps);
    }
    for pure in PURE {
        let (mut reached, mut open) = (BTreeSet::new(), vec![*pure]);
        while let Some(next) = open.pop() {
            open.extend(uses.get(next).into_iter().flatten().filter(|dep| reached.insert(**dep)));
        }
        assert!(reached.contains("serde"), "{pure}: the graph was read");
        let impure: Vec<_> = IMPURE.iter().filter(|crate_| reached.contains(**crate_)).collect();
        assert!(impure.is_empty(), "{pure} does no IO, but reaches {impure:?}");
    }
}
