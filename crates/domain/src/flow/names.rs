//! Which words mean something, and which one was probably meant.

use super::FlowError;
use super::condition::Ask;
use super::lexer::At;
use super::rules::{self, RuleKind};
use super::tree::Sub;

/// The words of the language itself.
const WORDS: [&str; 9] = ["THEN", "IF", "WHEN", "SWITCH", "CATCH", "FOR", "NOT", "AND", "OR"];

/// What a name is already, where it is something.
pub(super) fn taken(name: &str) -> Option<&'static str> {
    if RuleKind::named(name).is_some() {
        Some("a rule")
    } else if Ask::named(name).is_some() {
        Some("a condition")
    } else if WORDS.contains(&name) {
        Some("a word of the language")
    } else {
        None
    }
}

/// A name that is nothing, with what may have been meant.
pub(super) fn unknown_rule(word: &str, at: At, subs: &[Sub]) -> FlowError {
    let known = || rules::all().iter().map(|rule| rule.name).chain(subs.iter().map(|sub| sub.name.as_str()));
    let names = || known().chain(WORDS);
    let lower = word.to_lowercase();
    let near = names().map(|name| (distance(&lower, &name.to_lowercase()), name)).min();
    let hint = match near {
        Some((steps, name)) if steps <= 2 && 2 * steps < name.len() => format!("did you mean `{name}`?"),
        _ if Ask::named(word).is_some() => "it is a condition: ask it by IF(...)".to_owned(),
        _ => format!("the rules are: {}", known().collect::<Vec<_>>().join(", ")),
    };
    FlowError::new(at, format!("unknown rule `{word}`"), &hint)
}

/// Edits from one word to another (Levenshtein 1966), for suggestions. Words longer than 32 characters are far away.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    if a.chars().count() > 32 || b.len() > 32 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let swap = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = swap.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
