//! What advice leaves behind: questions put to whoever listens, their answers, and what was learned from them.

use super::PortResult;
use async_trait::async_trait;
use domain::ids::ShopperId;

/// One question on the topic of questions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdviceRow {
    /// Its offset: grows, without holes to rely on.
    pub id: u64,
    pub at_ms: i64,
    /// The message, JSON.
    pub body: String,
}

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerNoted {
    /// The first one to its question.
    New,
    /// The same was given before.
    Same,
    /// Another one was given before; that one stays.
    Other,
    /// There is no such question (any more).
    Unknown,
}

/// Two topics, of questions and of answers, and the teacher. Durable when a call returns.
#[async_trait]
pub trait AdviceStore: Send + Sync {
    /// Appends questions; their ids. The oldest ones are forgotten beyond the topic's bound.
    async fn put_questions(&self, bodies: Vec<String>, at_ms: i64) -> PortResult<Vec<u64>>;
    /// Questions above `after`, in order.
    async fn questions(&self, after: u64, limit: u32) -> PortResult<Vec<AdviceRow>>;
    /// One question.
    async fn question(&self, id: u64) -> PortResult<Option<AdviceRow>>;
    /// Appends an answer to its question; one question has one answer.
    async fn put_answer(&self, question: u64, body: String, at_ms: i64) -> PortResult<AnswerNoted>;
    /// Answers to questions above `after`, in the order of their questions.
    async fn answers(&self, after: u64, limit: u32) -> PortResult<Vec<AdviceRow>>;
    /// Deletes the questions about a shopper and their answers.
    async fn forget(&self, shopper: ShopperId) -> PortResult<()>;
    /// Keeps what was learned from a teacher (JSON) in the place of what was learned before.
    async fn put_teacher(&self, teacher: String) -> PortResult<()>;
    async fn teacher(&self) -> PortResult<Option<String>>;
}
