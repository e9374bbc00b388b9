//! What is worded for people: a campaign that nobody has written yet, and a shopper in a paragraph.

use domain::campaign::{Definition, Finding};
use serde::Serialize;

/// A campaign for a segment, not stored anywhere.
#[derive(Debug, Clone, Serialize)]
pub struct DraftView {
    pub brief: String,
    /// The template's code.
    pub template: &'static str,
    /// `model` or `llm`.
    pub source: &'static str,
    pub campaign: Definition,
    /// What publishing would find.
    pub findings: Vec<Finding>,
}

/// A shopper's tastes in a paragraph.
#[derive(Debug, Clone, Serialize)]
pub struct PersonaWordsView {
    pub language: &'static str,
    /// `model` or `llm`.
    pub source: &'static str,
    pub text: String,
}
