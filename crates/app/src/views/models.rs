//! Versions of the model, and named segments.

use serde::Serialize;

/// A version of the recommendation model.
#[derive(Debug, Clone, Serialize)]
pub struct ModelView {
    pub version: u32,
    /// The model's name.
    pub model: String,
    pub state: &'static str,
    /// No newer version replaces it by itself.
    pub held: bool,
    pub fitted_at: String,
    pub shoppers: u64,
    pub baskets: u64,
    pub items: u64,
    /// Against the version that was in service; `null` where there was too little to compare on.
    pub comparison: Option<recommend::life::Comparison>,
    /// Population stability index of what is bought since then.
    pub drift: Option<f64>,
}

/// A named segment.
#[derive(Debug, Clone, Serialize)]
pub struct SegmentView {
    /// What `If-Match` may name; a header.
    #[serde(skip)]
    pub etag: String,
    pub name: String,
    /// CEL.
    pub expression: String,
    pub description: String,
    pub updated_at: String,
}
