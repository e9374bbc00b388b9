//! What boards and alerts ask for must be what koi tells: a name that nothing tells shows an empty panel, and an alert
//! that never fires.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

const BOARD: &str = "deploy/grafana/koi.json";
const RULES: &str = "deploy/prometheus/koi.rules.yml";
/// Where each alert says what to do about it.
const GUIDE: &str = "docs/operations.md";
/// What Prometheus adds to a histogram's name.
const SUFFIXES: [&str; 3] = ["_bucket", "_sum", "_count"];

/// The names of metrics in a text.
fn asked(text: &str) -> BTreeSet<&str> {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let words = text.split(|c| !word(c)).filter(|word| word.starts_with("koi_"));
    words.map(|word| SUFFIXES.iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word)).collect()
}

/// The names of the alerts.
fn alerts(rules: &str) -> Vec<&str> {
    rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect()
}

/// Compares them with the sources.
pub fn check(root: &Path, sources: &[String], wrong: &mut Vec<String>) -> Result<()> {
    let read = |name: &str| fs::read_to_string(root.join(name)).with_context(|| format!("cannot read {name}"));
    for name in [BOARD, RULES] {
        for metric in asked(&read(name)?) {
            let told = format!("\"{metric}\"");
            if !sources.iter().any(|source| source.contains(&told)) {
                wrong.push(format!("{name}: nothing tells {metric}"));
            }
        }
    }
    let (rules, guide) = (read(RULES)?, read(GUIDE)?);
    for alert in alerts(&rules) {
        if !guide.contains(alert) {
            wrong.push(format!("{GUIDE} does not say what to do about {alert}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_without_what_histograms_add() {
        let text = r#"rate(koi_x_seconds_bucket{job="koi"}[5m]) / koi_y_total + up{job="koi"}"#;
        assert_eq!(asked(text).into_iter().collect::<Vec<_>>(), ["koi_x_seconds", "koi_y_total"]);
        assert_eq!(alerts("  - alert: KoiDown\n    expr: up == 0"), ["KoiDown"]);
    }
}
