//! A language model's order of prizes for one shopper.

use super::board::RankQuestion;
use super::prompts;
use crate::ports::{Ask, LanguageModel, Shape, Silence, Spoken};
use serde_json::{Value, json};
use std::time::Duration;

/// Tokens of one code in an answer, and of what stands around them all.
const CODE_TOKENS: u32 = 16;
const FRAME_TOKENS: u32 = 32;

/// The codes of a question's prizes, most wanted first, each once.
///
/// # Errors
/// Why there is no order.
pub async fn rank(
    model: &dyn LanguageModel,
    question: &RankQuestion,
    within: Duration,
) -> Result<Vec<String>, Silence> {
    let codes: Vec<&str> = question.prizes.iter().map(|prize| prize.code.as_str()).collect();
    let prompt = prompts::rank(question.language);
    let schema = json!({
        "type": "object",
        "properties": {"order": {"type": "array", "items": {"type": "string", "enum": codes}}},
        "required": ["order"],
        "additionalProperties": false
    });
    let ask = Ask {
        prompt: prompt.name,
        instruction: prompt.text.to_owned(),
        data: json!({"bought": question.bought, "prizes": question.prizes}).to_string(),
        shape: Shape::Object { name: "order", schema },
        answer_tokens: FRAME_TOKENS + CODE_TOKENS * u32::try_from(codes.len()).unwrap_or(u32::MAX / CODE_TOKENS / 2),
    };
    match model.ask(&ask, within).await?.answer {
        Spoken::Object(object) => mended(&object, &codes).ok_or(Silence::Unusable),
        Spoken::Letter { .. } => Err(Silence::Unusable),
    }
}

/// An order of all codes: grammars do not keep models from saying one twice or leaving some out, so later repeats go and
/// what is missing follows in the order asked. Of an order that names nothing, nothing.
fn mended(object: &Value, codes: &[&str]) -> Option<Vec<String>> {
    let mut order: Vec<&str> = Vec::with_capacity(codes.len());
    for code in object.get("order")?.as_array()?.iter().filter_map(Value::as_str) {
        if codes.contains(&code) && !order.contains(&code) {
            order.push(code);
        }
    }
    if order.is_empty() {
        return None;
    }
    let missing: Vec<&str> = codes.iter().filter(|code| !order.contains(code)).copied().collect();
    Some(order.into_iter().chain(missing).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_mended_or_none() {
        let codes = ["a", "b", "c"];
        for (said, want) in [
            (json!({"order": ["c", "a", "b"]}), Some("cab")),
            (json!({"order": ["c", "c", "c"]}), Some("cab")),
            (json!({"order": ["b"]}), Some("bac")),
            (json!({"order": ["z", "b"]}), Some("bac")),
            (json!({"order": []}), None),
            (json!({"order": ["z"]}), None),
            (json!({"order": "a"}), None),
            (json!({}), None),
        ] {
            assert_eq!(mended(&said, &codes).map(|order| order.concat()).as_deref(), want, "{said}");
        }
    }
}
