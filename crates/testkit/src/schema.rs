//! A JSON Schema against a value: the part of draft 2020-12 that the project's own schemas use. A keyword that it does not
//! know fails, rather than pass unchecked.

use serde_json::Value;

/// Says nothing about validity.
const NOTES: [&str; 9] =
    ["$schema", "$defs", "title", "description", "format", "pattern", "example", "examples", "uniqueItems"];

/// Whether `value` is what `schema` says; else where it is not.
///
/// # Errors
/// The path, and what is wrong there.
pub fn check(schema: &Value, value: &Value) -> Result<(), String> {
    at(schema, schema, value, "$")
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "null" => value.is_null(),
        _ => false,
    }
}

fn at(whole: &Value, schema: &Value, value: &Value, path: &str) -> Result<(), String> {
    let Some(keywords) = schema.as_object() else { return Ok(()) };
    for (keyword, wanted) in keywords {
        let fits = match keyword.as_str() {
            "$ref" => {
                let place = wanted.as_str().and_then(|place| place.strip_prefix('#'));
                let part = place.and_then(|place| whole.pointer(place));
                at(whole, part.ok_or_else(|| format!("{path}: {wanted} is nowhere"))?, value, path)?;
                true
            }
            "type" => match wanted {
                Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).any(|kind| is(kind, value)),
                kind => is(kind.as_str().unwrap_or_default(), value),
            },
            "enum" => wanted.as_array().is_some_and(|all| all.contains(value)),
            "const" => wanted == value,
            "required" => {
                wanted.as_array().into_iter().flatten().filter_map(Value::as_str).all(|name| value.get(name).is_some())
            }
            "properties" => {
                for (name, part) in wanted.as_object().into_iter().flatten() {
                    if let Some(member) = value.get(name) {
                        at(whole, part, member, &format!("{path}.{name}"))?;
                    }
                }
                true
            }
            "additionalProperties" => rest(whole, keywords.get("properties"), wanted, value, path)?,
            "items" => {
                for (place, one) in value.as_array().into_iter().flatten().enumerate() {
                    at(whole, wanted, one, &format!("{path}[{place}]"))?;
                }
                true
            }
            "oneOf" => {
                wanted.as_array().into_iter().flatten().filter(|one| at(whole, one, value, path).is_ok()).count() == 1
            }
            "allOf" => wanted.as_array().into_iter().flatten().all(|one| at(whole, one, value, path).is_ok()),
            "minimum" => value.as_f64().is_none_or(|n| Some(n) >= wanted.as_f64()),
            "maximum" => value.as_f64().is_none_or(|n| Some(n) <= wanted.as_f64()),
            "minLength" => value.as_str().is_none_or(|text| Some(text.chars().count() as u64) >= wanted.as_u64()),
            "maxLength" => value.as_str().is_none_or(|text| Some(text.chars().count() as u64) <= wanted.as_u64()),
            "minItems" => value.as_array().is_none_or(|all| Some(all.len() as u64) >= wanted.as_u64()),
            "maxItems" => value.as_array().is_none_or(|all| Some(all.len() as u64) <= wanted.as_u64()),
            note if NOTES.contains(&note) => true,
            unknown => return Err(format!("{path}: the keyword {unknown} is not known here")),
        };
        if !fits {
            return Err(format!("{path}: {value} is not {keyword} {wanted}"));
        }
    }
    Ok(())
}

fn rest(whole: &Value, named: Option<&Value>, wanted: &Value, value: &Value, path: &str) -> Result<bool, String> {
    let members = value.as_object().into_iter().flatten();
    for (name, member) in members.filter(|(name, _)| named.is_none_or(|named| named.get(*name).is_none())) {
        if *wanted == Value::Bool(false) {
            return Err(format!("{path}: `{name}` is not known"));
        }
        at(whole, wanted, member, &format!("{path}.{name}"))?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_does_not_fit_is_said() {
        let schema = json!({
            "type": "object", "required": ["id"], "additionalProperties": false,
            "properties": {"id": {"type": "string", "minLength": 1}, "n": {"type": ["integer", "null"], "minimum": 1},
                           "of": {"$ref": "#/$defs/Of"}},
            "$defs": {"Of": {"type": "array", "items": {"enum": ["a", "b"]}}},
        });
        for (value, fits) in [
            (json!({"id": "x"}), true),
            (json!({"id": "x", "n": null, "of": ["a", "b"]}), true),
            (json!({"id": ""}), false),
            (json!({}), false),
            (json!({"id": 1}), false),
            (json!({"id": "x", "n": 0}), false),
            (json!({"id": "x", "n": 1.5}), false),
            (json!({"id": "x", "of": ["c"]}), false),
            (json!({"id": "x", "colour": "red"}), false),
            (json!([]), false),
        ] {
            assert_eq!(check(&schema, &value).is_ok(), fits, "{value}: {:?}", check(&schema, &value));
        }
        assert!(check(&json!({"surprise": 1}), &json!(1)).is_err());
    }
}
