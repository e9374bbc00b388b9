//! A named segment: who belongs to it, as a condition in CEL over `profile` (what `GET /shoppers/{id}/profile` shows) and
//! `shopper` (the attributes that the shop told).
//!
//! Example: `profile.orders >= 3 && profile.churn_risk > 0.5 && shopper.city == "杭州"`. The same bounds hold as for
//! `when("…")`: no loops, no calls of unknown cost. What a shopper lacks makes the condition false.

use super::expression::{allowed, bounded};
use cel::common::ast::Expr;
use cel::{Context, Program, Value};
use serde_json::Value as Json;
use std::collections::HashMap;
use std::sync::Arc;

/// Nesting of what is told of a shopper; deeper parts are not seen.
const DEPTH: usize = 4;

/// A compiled condition.
#[derive(Clone)]
pub struct Segment(Arc<Program>);

impl Segment {
    /// Reads an expression; `example` is a profile with all members there are. On failure what is wrong with it, as a
    /// lowercase fragment.
    pub fn compile(text: &str, example: &Json) -> Result<Segment, String> {
        bounded(text).map_err(|(message, _)| message)?;
        let program = Program::compile(text).map_err(|errors| {
            let first = errors.errors.first().map(|error| error.msg.lines().next().unwrap_or_default().to_lowercase());
            format!("the expression cannot be read: {}", first.unwrap_or_default())
        })?;
        let expression = &program.expression().expr;
        allowed(expression, &["shopper", "profile"]).map_err(|(message, _)| message)?;
        known(expression, example)?;
        let segment = Segment(Arc::new(program));
        // What cannot be evaluated for the example may be for others: they have other attributes.
        match segment.evaluate(example, &Json::Null) {
            Some(Value::Bool(_)) | None => Ok(segment),
            Some(other) => Err(format!("the expression gives {}, not true or false", other.type_of())),
        }
    }

    /// Whether somebody belongs.
    pub fn holds(&self, profile: &Json, shopper: &Json) -> bool {
        matches!(self.evaluate(profile, shopper), Some(Value::Bool(true)))
    }

    fn evaluate(&self, profile: &Json, shopper: &Json) -> Option<Value> {
        let mut context = Context::default();
        for (name, json) in [("profile", profile), ("shopper", shopper)] {
            let members: HashMap<String, Value> = match json {
                Json::Object(members) => members.iter().map(|(name, value)| (name.clone(), read(value, 1))).collect(),
                _ => HashMap::new(),
            };
            context.add_variable_from_value(name, members);
        }
        self.0.execute(&context).ok()
    }
}

fn read(json: &Json, depth: usize) -> Value {
    match json {
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::Int(whole),
            None => Value::Float(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(parts) if depth < DEPTH => {
            Value::from(parts.iter().map(|part| read(part, depth + 1)).collect::<Vec<_>>())
        }
        Json::Object(members) if depth < DEPTH => {
            let members = members.iter().map(|(name, value)| (name.clone(), read(value, depth + 1)));
            Value::from(members.collect::<HashMap<String, Value>>())
        }
        _ => Value::Null,
    }
}

/// Whether every member of the profile that is asked for exists.
fn known(expr: &Expr, example: &Json) -> Result<(), String> {
    match expr {
        Expr::Select(select) => {
            if matches!(&select.operand.expr, Expr::Ident(name) if name == "profile")
                && example.get(&*select.field).is_none()
            {
                return Err(format!("the profile has no member `{}`", select.field));
            }
            known(&select.operand.expr, example)
        }
        Expr::Call(call) => {
            let mut parts = call.target.iter().map(|target| &**target).chain(&call.args);
            parts.try_for_each(|part| known(&part.expr, example))
        }
        Expr::List(list) => list.elements.iter().try_for_each(|part| known(&part.expr, example)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn example() -> Json {
        json!({"orders": 3, "spend_cents": 30_000, "churn_risk": 0.25, "channel": "search",
               "rfm": {"segment": "champions"}, "tastes": [{"category": "kitchen"}], "price_sensitivity": null})
    }

    #[test]
    fn conditions_are_read_or_refused() {
        for (text, want) in [
            ("profile.orders >= 3", Ok(true)),
            ("profile.orders > 3", Ok(false)),
            ("profile.churn_risk < 0.5 && shopper.city == \"杭州\"", Ok(true)),
            ("profile.rfm.segment == \"champions\"", Ok(true)),
            ("profile.channel in [\"search\", \"browse\"]", Ok(true)),
            ("shopper.level >= 3 || profile.orders == 0", Ok(true)),
            ("shopper.unknown == 1", Ok(false)),
            ("profile.price_sensitivity > 0.5", Ok(false)),
            ("\"vip\" in shopper.tags", Ok(true)),
            ("true", Ok(true)),
            ("profile.order >= 3", Err("the profile has no member `order`")),
            ("profile.orders", Err("gives int, not true or false")),
            ("campaign.n > 1", Err("asks for `campaign`")),
            ("profile.tastes.all(t, t.category == \"k\")", Err("loops")),
            ("matches(profile.channel, \"x\")", Err("calls `matches`")),
            ("profile.orders >=", Err("cannot be read")),
            ("", Err("cannot be read")),
            (&"(".repeat(100), Err("nested")),
            (&format!("profile.orders == {}1", " ".repeat(600)), Err("bytes")),
        ] {
            let shopper = json!({"city": "杭州", "level": 4, "tags": ["vip"]});
            let got = Segment::compile(text, &example()).map(|segment| segment.holds(&example(), &shopper));
            match (got, want) {
                (Ok(got), Ok(want)) => assert_eq!(got, want, "{text}"),
                (Err(got), Err(want)) => assert!(got.contains(want), "{text}: {got}"),
                (got, want) => panic!("{text}: {got:?}, want {want:?}"),
            }
        }
    }

    #[test]
    fn nobody_told_of_belongs_to_nothing() {
        let segment = Segment::compile("profile.orders >= 0 && shopper.level >= 0", &example()).expect("read");
        for (profile, shopper) in [(Json::Null, Json::Null), (example(), json!([1])), (json!({}), json!({"level": 1}))]
        {
            assert!(!segment.holds(&profile, &shopper), "{profile} {shopper}");
        }
    }
}
