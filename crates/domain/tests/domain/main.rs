//! The deciding core seen from outside, as tables of input and expectation.
#![expect(clippy::unwrap_used, reason = "a test that fails to unwrap has failed")]

mod conditions;
mod decide;
mod fallback;
mod fairness_of_edits;
mod findings;
mod fixture;
mod flow_language;
mod pools;
mod odds;
mod receipts;
mod rules;
