//! The deciding core seen from outside, as tables of input and expectation.
#![expect(clippy::unwrap_used, reason = "a test that fails to unwrap has failed")]

mod compare;
mod conditions;
mod decide;
mod fairness_of_edits;
mod fallback;
mod findings;
mod fixture;
mod flow_language;
mod flow_pairs;
mod life;
mod odds;
mod orders;
mod pools;
mod publish;
mod receipts;
mod rules;
