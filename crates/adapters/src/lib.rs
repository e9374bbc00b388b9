//! The ports' adapters on real engines, and how the embedded ones are put together.

pub mod advice;
mod background;
pub mod clock;
#[cfg(feature = "kafka")]
pub mod cluster;
pub mod embedded;
pub mod hints;
pub mod import;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod ledger;
pub mod llm;
pub mod notifier;
pub mod records;
pub mod vault;
pub mod webhook;
