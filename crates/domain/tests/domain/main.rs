//! The deciding core seen from outside, as tables of input and expectation.
#![expect(clippy::unwrap_used, reason = "a test that fails to unwrap has failed")]

mod compare;
mod conditions;
mod decide;
mod fallback;
mod findings;
mod fixture;
mod flows;
mod life;
mod odds;
mod orders;
mod publish;
mod receipts;
mod rules;
