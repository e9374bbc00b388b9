//! What an act changed, as the audit keeps it: member by member, bounded, without secrets and personal fields.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Members whose values are never written: secrets, and what is said of a person.
const WITHHELD: &[&str] = &[
    "password",
    "secret",
    "secrets",
    "token",
    "key",
    "csrf_token",
    "campaign_seed",
    "seed",
    "email",
    "phone",
    "address",
    "attributes",
    "person_name",
    "codes",
    "login",
    "headers",
];
/// Changes of one entry; the rest is counted.
const CHANGES_MAX: usize = 200;
/// Bytes of one value; a longer one is named by its hash.
const VALUE_MAX: usize = 1_024;

/// One member before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// A JSON pointer (RFC 6901); `…` where more changed than is kept.
    pub path: String,
    pub before: Value,
    pub after: Value,
}

/// The members in which two values differ.
pub fn changes(before: &Value, after: &Value) -> Vec<Change> {
    let mut found = Vec::new();
    walk("", before, after, &mut found);
    if found.len() > CHANGES_MAX {
        let more = found.len() - CHANGES_MAX;
        found.truncate(CHANGES_MAX);
        found.push(Change { path: "…".to_owned(), before: Value::Null, after: format!("{more} more").into() });
    }
    found
}

fn walk(path: &str, before: &Value, after: &Value, found: &mut Vec<Change>) {
    if before == after {
        return;
    }
    match (before, after) {
        (Value::Object(a), Value::Object(b)) => {
            let names: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for name in names {
                let (was, is) = (a.get(name).unwrap_or(&Value::Null), b.get(name).unwrap_or(&Value::Null));
                let below = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
                if WITHHELD.contains(&name.as_str()) {
                    if was != is {
                        let said = |v: &Value| if v.is_null() { Value::Null } else { "withheld".into() };
                        found.push(Change { path: below, before: said(was), after: said(is) });
                    }
                } else {
                    walk(&below, was, is, found);
                }
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (at, (was, is)) in a.iter().zip(b).enumerate() {
                walk(&format!("{path}/{at}"), was, is, found);
            }
        }
        _ => found.push(Change { path: path.to_owned(), before: short(before), after: short(after) }),
    }
}

/// A value without what is withheld, short enough to keep.
pub fn redacted(value: &Value) -> Value {
    short(value)
}

fn short(value: &Value) -> Value {
    let clean = without_withheld(value);
    let text = clean.to_string();
    if text.len() <= VALUE_MAX {
        return clean;
    }
    format!("sha256:{}", hex::encode(Sha256::digest(text))).into()
}

fn without_withheld(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, member)| {
                let kept = if WITHHELD.contains(&name.as_str()) && !member.is_null() {
                    "withheld".into()
                } else {
                    without_withheld(member)
                };
                (name.clone(), kept)
            })
            .collect(),
        Value::Array(items) => items.iter().map(without_withheld).collect(),
        plain => plain.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn changes_name_members_and_withhold_secrets() {
        for (before, after, want) in [
            (json!({"a": 1}), json!({"a": 1}), json!([])),
            (json!({"a": 1, "b": 2}), json!({"a": 2, "b": 2}), json!([["/a", 1, 2]])),
            (json!({"a": {"b/c": 1}}), json!({"a": {}}), json!([["/a/b~1c", 1, null]])),
            (json!({"l": [1, 2]}), json!({"l": [1, 3]}), json!([["/l/1", 2, 3]])),
            (json!({"l": [1]}), json!({"l": [1, 3]}), json!([["/l", [1], [1, 3]]])),
            (json!({"password": "a"}), json!({"password": "b"}), json!([["/password", "withheld", "withheld"]])),
            (json!({"password": "a"}), json!({"password": "a"}), json!([])),
            (json!(null), json!({"email": "a@b", "x": 1}), json!([["", null, {"email": "withheld", "x": 1}]])),
            (json!({"x": {"a": [{"key": "k"}]}}), json!({"x": 1}), json!([["/x", {"a": [{"key": "withheld"}]}, 1]])),
        ] {
            let got: Vec<Value> = changes(&before, &after).iter().map(|c| json!([c.path, c.before, c.after])).collect();
            assert_eq!(Value::from(got), want, "{before} to {after}");
        }
    }

    #[test]
    fn entries_are_bounded() {
        let many: Value = (0..1_000).map(|i| (format!("m{i}"), json!(i))).collect::<serde_json::Map<_, _>>().into();
        let found = changes(&json!({}), &many);
        assert_eq!(found.len(), CHANGES_MAX + 1);
        assert_eq!(found.last().unwrap().after, "800 more");
        let long = changes(&json!({"a": 1}), &json!({"a": "x".repeat(10_000)}));
        assert!(long[0].after.as_str().unwrap().starts_with("sha256:"), "{:?}", long[0].after);
    }
}
