//! A shopper's persona in words: a language model's where one is configured, else a paragraph made of the same facts.

use super::Koi;
use crate::advise::{prompts, redact, shown};
use crate::error::{Error, Result};
use crate::ports::{Ask, Shape, Spoken};
use crate::worded::PersonaWordsView;
use recommend::text::Language;
use serde_json::json;
use std::time::Duration;

/// Characters and tokens of a paragraph, and how long it is waited for.
const PARAGRAPH_CHARS: usize = 800;
const PARAGRAPH_TOKENS: u32 = 400;
const WITHIN: Duration = Duration::from_secs(10);

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
        // The profile's own paragraph: there is one way of saying it.
        let profile = self.profile(external_id).await?;
        let text = profile["persona"][language_word].as_str().map(str::to_owned);
        Ok(view("model", text.ok_or(Error::Unavailable("the profile could not be read"))?))
    }
}
