//! A shopper's persona in words: a language model's where one is configured, else a paragraph made of the same facts.

use super::Koi;
use crate::advise::{prompts, redact, shown};
use crate::error::Result;
use crate::ports::{Ask, Shape, Spoken};
use crate::worded::PersonaWordsView;
use recommend::text::Language;
use serde_json::json;
use std::time::Duration;

/// Characters and tokens of a paragraph, and how long it is waited for.
const PARAGRAPH_CHARS: usize = 800;
const PARAGRAPH_TOKENS: u32 = 400;
const WITHIN: Duration = Duration::from_secs(10);
/// Kinds of things that the paragraph made here names.
const NAMED: usize = 3;

impl Koi {
    /// One paragraph about what a shopper likes, in the language asked for.
    ///
    /// # Errors
    /// An unknown shopper, or records out of reach.
    pub async fn persona_in_words(&self, external_id: &str, language: Language) -> Result<PersonaWordsView> {
        let shopper = self.known_shopper(external_id).await?;
        let bought = redact::lines(&self.history(shopper).await?, self.now_ms());
        let language_word = match language {
            Language::Zh => "zh",
            Language::En => "en",
        };
        let view = |source, text| PersonaWordsView { language: language_word, source, text };
        if let (Some(model), false) = (self.language_model(), bought.is_empty()) {
            let prompt = prompts::persona(language);
            let schema = json!({"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"], "additionalProperties": false});
            let ask = Ask {
                prompt: prompt.name,
                instruction: prompt.text.to_owned(),
                data: json!({"bought": bought}).to_string(),
                shape: Shape::Object { name: "persona", schema },
                answer_tokens: PARAGRAPH_TOKENS,
            };
            if let Ok(said) = model.ask(&ask, WITHIN).await
                && let Spoken::Object(object) = said.answer
                && let Some(text) = object["text"].as_str().and_then(|text| shown(text, language, PARAGRAPH_CHARS))
            {
                return Ok(view("llm", text));
            }
        }
        Ok(view("model", paragraph(&bought, language)))
    }
}

/// The facts as sentences.
fn paragraph(bought: &[redact::Line], language: Language) -> String {
    let zh = language == Language::Zh;
    let Some(latest) = bought.first() else {
        return if zh { "还没有购买记录。" } else { "Nothing bought yet." }.to_owned();
    };
    let mut often: Vec<&redact::Line> = bought.iter().collect();
    often.sort_by_key(|line| std::cmp::Reverse(line.times));
    let named = often.iter().take(NAMED).map(|line| {
        if zh {
            format!("{}（{} 次）", line.kind, line.times)
        } else {
            format!("{} ({} times)", line.kind, line.times)
        }
    });
    let named: Vec<String> = named.collect();
    let days = latest.days_ago.unwrap_or(0);
    let price = often.iter().find_map(|line| line.price);
    let returned: u32 = bought.iter().map(|line| line.returned).sum();
    let mut text = if zh {
        format!("常买{}；最近一次在 {days} 天前，买的是{}。", named.join("、"), latest.kind)
    } else {
        format!("Mostly buys {}; last {days} days ago, {}.", named.join(", "), latest.kind)
    };
    if let Some(price) = price {
        text += &if zh { format!("价位多在 {price}。") } else { format!(" Usual price: {price}.") };
    }
    if returned > 0 {
        text += &if zh { format!("退过货 {returned} 次。") } else { format!(" Returned {returned} times.") };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paragraph_says_what_is_known() {
        let line = |kind: &str, times, days_ago, returned| redact::Line {
            kind: kind.into(),
            times,
            days_ago: Some(days_ago),
            price: Some("10-49"),
            returned,
        };
        let bought = [line("cups", 1, 2, 0), line("tea", 5, 9, 1)];
        assert_eq!(
            paragraph(&bought, Language::En),
            "Mostly buys tea (5 times), cups (1 times); last 2 days ago, cups. Usual price: 10-49. Returned 1 times."
        );
        assert_eq!(
            paragraph(&bought[..1], Language::Zh),
            "常买cups（1 次）；最近一次在 2 天前，买的是cups。价位多在 10-49。"
        );
        assert_eq!(paragraph(&[], Language::En), "Nothing bought yet.");
    }
}
