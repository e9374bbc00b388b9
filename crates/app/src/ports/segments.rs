//! The port of named segments.

use super::PortResult;
use async_trait::async_trait;

/// A named segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentRow {
    pub name: String,
    /// CEL.
    pub expression: String,
    pub description: String,
    /// Unix milliseconds.
    pub updated_at_ms: i64,
}

/// Named segments. Durable when a call returns.
#[async_trait]
pub trait Segments: Send + Sync {
    /// All, by name.
    async fn segments(&self) -> PortResult<Vec<SegmentRow>>;
    /// Adds one or replaces the one of that name; whether it is new.
    async fn put_segment(&self, row: &SegmentRow) -> PortResult<bool>;
    /// Whether there was one.
    async fn delete_segment(&self, name: &str) -> PortResult<bool>;
}
