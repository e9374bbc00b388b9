//! The port of the model's versions.

use super::PortResult;
use async_trait::async_trait;

pub use recommend::life::Comparison;

/// Where a version of the model stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ModelState {
    /// Everybody is scored by it.
    InService,
    /// Was in service.
    Retired,
    /// Did worse than the one in service and never replaced it.
    Refused,
}

impl ModelState {
    /// The word of storage and answers.
    pub fn word(self) -> &'static str {
        match self {
            ModelState::InService => "in_service",
            ModelState::Retired => "retired",
            ModelState::Refused => "refused",
        }
    }

    /// The state of that word.
    pub fn named(word: &str) -> Option<Self> {
        [Self::InService, Self::Retired, Self::Refused].into_iter().find(|state| state.word() == word)
    }
}

/// A version of the model: what it takes to fit it again. Fitting is a pure function of the behaviour up to a moment, so
/// no copy of anybody's history is kept, and an erased shopper is in no old version.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelRow {
    /// 1, 2, 3 …
    pub version: u32,
    /// The model's name in `recommend`.
    pub kind: String,
    /// It has seen what happened up to then.
    pub until_ms: i64,
    pub fitted_at_ms: i64,
    pub shoppers: u64,
    pub baskets: u64,
    pub items: u64,
    pub state: ModelState,
    /// An operator put it into service: no newer one replaces it by itself.
    pub held: bool,
    /// Against the one that was in service, where there was enough to compare on.
    pub comparison: Option<Comparison>,
    /// How far what is bought had moved since that one was fitted.
    pub drift: Option<f64>,
}

/// Versions of the model. Durable when a call returns.
#[async_trait]
pub trait Models: Send + Sync {
    /// Versions below `before`, newest first.
    async fn versions(&self, before: u32, limit: u32) -> PortResult<Vec<ModelRow>>;
    /// One of them.
    async fn version(&self, version: u32) -> PortResult<Option<ModelRow>>;
    /// The one in service.
    async fn in_service(&self) -> PortResult<Option<ModelRow>>;
    /// Adds a version; one that is in service retires the one before it in the same transaction. Versions older than the
    /// newest `keep` that are not in service are forgotten.
    async fn add(&self, row: &ModelRow, keep: u32) -> PortResult<()>;
    /// Puts a version into service and retires the one before; whether there is such a version.
    async fn activate(&self, version: u32, held: bool) -> PortResult<bool>;
}
