//! The messages of the topics of advice, as `docs/advice/*.schema.json` has them, and what advisers word for people.

use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = AdviceQuestions)]
pub struct Questions {
    pub data: Vec<Question>,
    /// Where to read on; never null, as a topic has no end.
    pub next_cursor: String,
}

/// A question without personal data.
#[derive(Serialize, ToSchema)]
#[schema(as = AdviceQuestion)]
pub struct Question {
    #[schema(example = 1)]
    pub version: u32,
    /// Grows along the topic.
    pub id: String,
    #[schema(format = DateTime)]
    pub at: String,
    /// `choice`: which option would be bought rather; `rank`: which prizes are wanted most.
    pub kind: String,
    /// `zh` or `en`: that of names, and of an explanation.
    pub language: String,
    /// What one shopper bought, the latest first.
    pub bought: Vec<Line>,
    /// Of a choice.
    pub options: Option<Vec<OptionTold>>,
    /// Of a rank.
    pub prizes: Option<Vec<Prize>>,
    /// An answer after that has no effect on whoever waits.
    #[schema(format = DateTime)]
    pub answer_by: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AdviceLine)]
pub struct Line {
    /// A category, or a product where it has none.
    pub kind: String,
    pub times: u32,
    pub days_ago: Option<i64>,
    /// A band of whole units of the currency, like `10-49`.
    pub price: Option<String>,
    pub returned: Option<u32>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AdviceOption)]
pub struct OptionTold {
    pub id: String,
    pub items: Vec<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AdvicePrize)]
pub struct Prize {
    pub code: String,
    pub name: String,
    pub category: String,
    pub price: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AdviceAnswer)]
pub struct Answer {
    /// Of the answer's form; 1 where absent.
    #[schema(example = 1)]
    pub version: Option<u32>,
    /// The question's id.
    pub question: String,
    /// Of a choice: of every option, adding up to 1.
    pub probabilities: Option<BTreeMap<String, f64>>,
    /// Of a rank: all codes, most wanted first.
    pub order: Option<Vec<String>>,
    /// A sentence that may be shown, in the question's language.
    pub explanation: Option<String>,
    /// Who answers, in a word.
    pub analyst: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AdviceAnswers)]
pub struct Answers {
    pub data: Vec<AnswerKept>,
    pub next_cursor: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AdviceAnswerKept)]
pub struct AnswerKept {
    #[serde(flatten)]
    pub answer: Answer,
    #[schema(format = DateTime)]
    pub at: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AdviceTaken)]
pub struct Taken {
    pub accepted: u32,
    /// Given before, word for word.
    pub duplicates: u32,
    pub rejected: Vec<Rejected>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AdviceRejected)]
pub struct Rejected {
    pub index: u32,
    /// `question_unknown`, `question_answered`, `probabilities_invalid`, `order_invalid`, `invalid_answer`, `answer_too_large` or
    /// `version_newer`.
    pub code: String,
    pub detail: String,
}

/// A shopper's tastes in a paragraph.
#[derive(Serialize, ToSchema)]
pub struct PersonaWords {
    /// `zh` or `en`.
    pub language: String,
    /// `model` or `llm`.
    pub source: String,
    pub text: String,
}
