//! The rule flow: the chain of rules that a draw passes, written in LiteFlow's EL.
//!
//! Text becomes a tree ([`parse`]), the tree is checked ([`Node::check`]) and flattened to a [`Plan`] that a draw runs
//! without allocating. Each rule has its own file under `rules/`; [`rules::all`] lists them in their usual order.

mod check;
mod compare;
mod lexer;
mod parser;
mod plan;
pub mod pool_condition;
pub mod rules;

pub use compare::compare;
pub use lexer::At;
pub use parser::{Node, parse};
pub use plan::{Ask, Plan};

/// The flow of a campaign that names none.
pub const DEFAULT_FLOW: &str = "THEN(blacklist, window, limits, pool, draw, unlock, stock, IF(sold_out, fallback))";

/// Named bounds of a flow and of a pool condition.
pub mod bounds {
    /// Longest text in bytes.
    pub const TEXT_BYTES: usize = 64 * 1024;
    /// Deepest nesting; keeps the recursion of parser and checker off the stack's end.
    pub const DEPTH: usize = 64;
    /// Most parts of one flow; a plan counts its steps in 16 bits.
    pub const STEPS: usize = 1024;
}

/// What is wrong with a flow or a condition, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
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
