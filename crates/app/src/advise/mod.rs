//! Advice from outside: what a language model is told, how its answers are read, and what they are worth.
//!
//! The local models do the work; advice is optional, bounded in time and money, and checked. Questions hold no personal
//! data ([`redact`]), what a shop wrote is data and never instruction ([`prompts`]), and an answer is one of a closed set
//! or none ([`parse`]).

pub mod board;
pub mod parse;
pub mod position;
pub mod prompts;
pub mod rank;
pub mod redact;

mod consult;
pub(crate) use consult::shown;
pub use consult::{Consultant, Manner};

/// The place of the first of the most probable options.
pub(crate) fn likeliest(probabilities: &[f64]) -> usize {
    let most = probabilities.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    probabilities.iter().position(|p| *p == most).unwrap_or(0)
}
