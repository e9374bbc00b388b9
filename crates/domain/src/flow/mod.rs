//! The rule flow: the chain of rules that a draw passes, written in LiteFlow's EL.
//!
//! Text becomes a tree ([`parse`]), the tree is checked and flattened to a [`Plan`] that a draw runs without allocating.
//! Each rule has its own file under `rules/`; [`rules::all`] lists them in their usual order. A tree prints as text that
//! parses to the same tree, and as a [`Graph`].
//!
//! ```text
//! checks = WHEN(blacklist, window, limits);
//! THEN(checks, pool, draw, unlock, stock, IF(sold_out, fallback))
//! ```

mod compare;
mod compile;
mod condition;
pub mod expression;
pub mod field;
mod graph;
mod lexer;
mod names;
pub mod outline;
mod parser;
mod plan;
pub mod pool_condition;
pub mod rules;
pub mod segment;
pub mod tree;

pub use compare::compare;
pub use condition::Ask;
pub use field::Needs;
pub use graph::{Edge, Graph, GraphNode};
pub use lexer::At;
pub use parser::parse;
pub use plan::Plan;
pub use tree::{Flow, Node};

/// The flow of a campaign that names none: every rule that a campaign's own settings speak of.
pub const DEFAULT_FLOW: &str = "THEN(blacklist, window, limits, cooldown, risk, pool, weight, guarantee, draw, \
     unlock, once, release, stock, IF(sold_out, THEN(substitute, fallback)))";

/// Named bounds of a flow and of a pool condition.
pub mod bounds {
    /// Longest text in bytes.
    pub const TEXT_BYTES: usize = 64 * 1024;
    /// Deepest nesting; keeps the recursion of parser and compiler off the stack's end.
    pub const DEPTH: usize = 64;
    /// Most steps of one flow, sub-flows and loops written out; a plan counts them in 16 bits.
    pub const STEPS: usize = 1024;
    /// Most rounds of one loop.
    pub const TIMES: u32 = 100;
    /// Most sub-flows, and how deep they may name each other.
    pub const SUBS: usize = 64;
    pub const SUB_DEPTH: usize = 8;
    /// `WHEN` inside `WHEN`.
    pub const WHENS: usize = 8;
    /// Most errors told at once.
    pub const ERRORS: usize = 50;
}

/// What is wrong with a flow or a condition, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[error("line {line}, column {column}: {message}{}{hint}", if hint.is_empty() { "" } else { "; " })]
pub struct FlowError {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// A lowercase fragment.
    pub message: String,
    /// What to do about it; may be empty.
    pub hint: String,
}

impl FlowError {
    pub(crate) fn new(at: At, message: String, hint: &str) -> Self {
        FlowError { line: at.line, column: at.column, message, hint: hint.to_owned() }
    }
}
