//! The words of an OpenAI-compatible endpoint: the body of a question, and what its answer says.
//!
//! Answers are read as they come, member by member: servers leave members out, add some, and say null.

use app::advise::parse;
use app::ports::{Ask, Letters, Shape, Spoken};
use serde_json::{Value, json};

/// Tokens per place of which probabilities are asked for; the most that endpoints give.
const TOP_TOKENS: u32 = 20;
/// Depth to which a schema is followed.
const DEPTH_MAX: usize = 16;

/// How a question is put, the best way first. An endpoint is asked in the first one that it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    pub form: Form,
    /// Whether the probabilities of tokens are asked for.
    pub tokens: bool,
}

/// What holds the answer's form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `response_format` with the schema.
    JsonSchema,
    /// `response_format` of any object, the schema in the instruction.
    JsonObject,
    /// Words alone.
    Plain,
}

/// All ways.
pub const WAYS: [Way; 6] = [
    Way { form: Form::JsonSchema, tokens: true },
    Way { form: Form::JsonSchema, tokens: false },
    Way { form: Form::JsonObject, tokens: true },
    Way { form: Form::JsonObject, tokens: false },
    Way { form: Form::Plain, tokens: true },
    Way { form: Form::Plain, tokens: false },
];

/// The schema of an answer. Of a letter's, confidence in words is only asked for where tokens tell nothing.
fn schema(shape: &Shape, tokens: bool) -> (&'static str, Value) {
    match shape {
        Shape::Object { name, schema } => (*name, schema.clone()),
        Shape::Letter(n) => {
            let letters: Vec<String> = (b'A'..).take(*n).map(|letter| char::from(letter).to_string()).collect();
            let mut schema = json!({
                "type": "object",
                "properties": {"answer": {"type": "string", "enum": letters}},
                "required": ["answer"],
                "additionalProperties": false
            });
            if !tokens {
                schema["properties"]["confidence"] = json!({"type": "integer"});
                schema["required"] = json!(["answer", "confidence"]);
            }
            ("choice", schema)
        }
    }
}

/// The body of a question.
pub fn body(ask: &Ask, model: &str, way: Way) -> String {
    let tokens = way.tokens && matches!(ask.shape, Shape::Letter(_));
    let (name, schema) = schema(&ask.shape, tokens);
    let in_words = match (way.form, &ask.shape) {
        (Form::JsonSchema, _) | (Form::Plain, Shape::Letter(_)) => String::new(),
        (Form::JsonObject, _) | (Form::Plain, Shape::Object { .. }) => {
            format!("\nAnswer with one JSON object of this JSON Schema and nothing else: {schema}")
        }
    };
    let mut body = json!({
        "model": model,
        "messages": [
            {"role": "system", "content": format!("{}{in_words}", ask.instruction)},
            {"role": "user", "content": ask.data}
        ],
        "temperature": 0,
        "max_tokens": ask.answer_tokens,
        "stream": false
    });
    if tokens {
        body["logprobs"] = json!(true);
        body["top_logprobs"] = json!(TOP_TOKENS);
    }
    match way.form {
        Form::JsonSchema => {
            body["response_format"] =
                json!({"type": "json_schema", "json_schema": {"name": name, "strict": true, "schema": schema}});
        }
        Form::JsonObject => body["response_format"] = json!({"type": "json_object"}),
        Form::Plain => {}
    }
    body.to_string()
}

/// The answer to a question, checked; nothing where there is none in it.
pub fn spoken(ask: &Ask, reply: &Value) -> Option<Spoken> {
    let choice = reply.get("choices")?.get(0)?;
    let content = choice.get("message")?.get("content")?.as_str()?;
    match &ask.shape {
        Shape::Letter(n) => {
            let chosen = parse::chosen(content, *n)?;
            let letters = letters(content, choice, chosen.letter, *n);
            Some(Spoken::Letter { letter: chosen.letter, letters, confidence: chosen.confidence })
        }
        Shape::Object { schema, .. } => {
            let object = parse::object(content)?;
            keeps_to(&object, schema, DEPTH_MAX).then_some(Spoken::Object(object))
        }
    }
}

/// Tokens of question and answer as the endpoint counted them.
pub fn usage(reply: &Value) -> Option<(u64, u64)> {
    let usage = reply.get("usage")?;
    let of = |name: &str| usage.get(name).and_then(Value::as_u64);
    let (prompt, answer) = (of("prompt_tokens")?, of("completion_tokens")?);
    // Where the sum says more than its parts, the sum counts: some count thoughts only there.
    let all = of("total_tokens").unwrap_or(0).max(prompt.saturating_add(answer));
    Some((prompt, all - prompt))
}

/// What the tokens say of the letters, at the token that holds the chosen one.
fn letters(content: &str, choice: &Value, chosen: usize, n: usize) -> Option<Letters> {
    let tokens = choice.get("logprobs")?.get("content")?.as_array()?;
    let at = place_of(content, chosen)?;
    let mut end = 0;
    let token = tokens.iter().find(|token| {
        end += bytes(token);
        end > at
    })?;
    let text = |token: &Value| token.get("token").and_then(Value::as_str).map(str::to_owned);
    let letter = |token: &Value| text(token).and_then(|text| parse::letter_in(&text, n));
    // The tokens may not be those of the content, as where thoughts were cut out.
    if letter(token) != Some(chosen) {
        return None;
    }
    let p = |token: &Value| token.get("logprob").and_then(Value::as_f64).filter(|log| *log <= 1e-6).map(f64::exp);
    let mut probabilities = vec![0.0; n];
    let top = token.get("top_logprobs").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let own = text(token);
    let missing = (!top.iter().any(|other| text(other) == own)).then_some(token);
    for other in top.iter().chain(missing) {
        if let (Some(place), Some(p)) = (letter(other), p(other)) {
            probabilities[place] += p;
        }
    }
    let mass: f64 = probabilities.iter().sum();
    // Rounding may take a sum of probabilities a little above 1; more is no distribution.
    if !(f64::MIN_POSITIVE..=1.01).contains(&mass) {
        return None;
    }
    probabilities.iter_mut().for_each(|p| *p /= mass);
    Some(Letters { probabilities, mass: mass.min(1.0) })
}

/// Bytes of the content that a token makes.
fn bytes(token: &Value) -> usize {
    let told = token.get("bytes").and_then(Value::as_array).map(Vec::len);
    told.unwrap_or_else(|| token.get("token").and_then(Value::as_str).map_or(0, str::len))
}

/// Where in the content the chosen letter stands, in bytes: in an object behind its member, else the first one that
/// stands alone.
fn place_of(content: &str, chosen: usize) -> Option<usize> {
    let letter = char::from(b'A' + u8::try_from(chosen).ok()?);
    let from = content.rfind("</think>").unwrap_or(0);
    let from = match content[from..].find("\"answer\"") {
        Some(at) => from + at + "\"answer\"".len(),
        None => from,
    };
    let wide = char::from_u32(letter as u32 + 0xfee0)?;
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let stands_alone = |(at, c): &(usize, char)| {
        let (before, after) = (content[..*at].chars().next_back(), content[at + c.len_utf8()..].chars().next());
        (c.to_ascii_uppercase() == letter || *c == wide) && !is_word(before) && !is_word(after)
    };
    content.char_indices().filter(|(at, _)| *at >= from).find(stands_alone).map(|(at, _)| at)
}

/// Whether a value keeps to a schema, as far as [`Shape::Object`] promises.
pub fn keeps_to(value: &Value, schema: &Value, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array)
        && !allowed.contains(value)
    {
        return false;
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("object") => {
            let Some(object) = value.as_object() else { return false };
            let properties = schema.get("properties").and_then(Value::as_object);
            let of = |name: &str| properties.and_then(|all| all.get(name));
            let required = schema.get("required").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
            required.iter().all(|name| name.as_str().is_some_and(|name| object.contains_key(name)))
                && object.iter().all(|(name, value)| of(name).map_or(!closed, |schema| keeps_to(value, schema, depth)))
        }
        Some("array") => {
            let items = schema.get("items");
            value
                .as_array()
                .is_some_and(|all| all.iter().all(|one| items.is_none_or(|schema| keeps_to(one, schema, depth))))
        }
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        _ => true,
    }
}

#[cfg(test)]
mod tests;
