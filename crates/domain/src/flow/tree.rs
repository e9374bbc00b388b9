//! A flow as a tree, and the tree as text.

use super::lexer::{At, quote};
use std::fmt;

/// A whole flow: named sub-flows, and the expression that a draw runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    pub subs: Vec<Sub>,
    pub main: Node,
}

/// `name = expression;`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sub {
    pub name: String,
    pub node: Node,
    pub at: At,
}

/// One part of a flow, with its place in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    pub kind: NodeKind,
    /// `.tag("…")`
    pub tag: Option<String>,
    pub at: At,
}

/// What a part is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeKind {
    /// All of them in order; never empty.
    Then(Vec<Node>),
    /// All of them, whatever one of them refuses; then the first refusal in order counts. Never empty.
    When(Vec<Node>),
    /// The first branch whose condition is true, else the last part.
    If { branches: Vec<(Cond, Node)>, otherwise: Option<Box<Node>> },
    /// The part with the label that the selector comes to, else the default.
    Switch { selector: Call, cases: Vec<Node>, otherwise: Option<Box<Node>> },
    /// The second where the first refuses.
    Catch { body: Box<Node>, rescue: Option<Box<Node>> },
    /// So many times, until the condition is true.
    For { times: u32, body: Box<Node>, until: Option<Cond> },
    /// A rule or a sub-flow.
    Call(Call),
    /// `when("…")` as a rule of its own.
    Expression(String),
}

/// A name with its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub name: String,
    /// `.data('…')` and where it stands.
    pub data: Option<(String, At)>,
    pub at: At,
}

/// A condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cond {
    Ask(String, At),
    /// `when("…")`
    Expression(String, At),
    Not(Box<Cond>),
    /// One or more.
    And(Vec<Cond>),
    /// One or more.
    Or(Vec<Cond>),
}

impl Cond {
    /// Where it starts.
    pub fn at(&self) -> At {
        match self {
            Cond::Ask(_, at) | Cond::Expression(_, at) => *at,
            Cond::Not(inner) => inner.at(),
            Cond::And(parts) | Cond::Or(parts) => parts.first().map(Cond::at).unwrap_or_default(),
        }
    }
}

impl Node {
    /// What a `SWITCH` knows it by: its tag, else its name.
    pub fn label(&self) -> Option<&str> {
        match (&self.tag, &self.kind) {
            (Some(tag), _) => Some(tag),
            (None, NodeKind::Call(call)) => Some(&call.name),
            _ => None,
        }
    }
}

/// Prints text that parses to the same flow.
impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for sub in &self.subs {
            writeln!(f, "{} = {};", sub.name, sub.node)?;
        }
        self.main.fmt(f)
    }
}

fn list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, word: &str, parts: &[T]) -> fmt::Result {
    write!(f, "{word}(")?;
    for (i, part) in parts.iter().enumerate() {
        f.write_str(if i == 0 { "" } else { ", " })?;
        part.fmt(f)?;
    }
    f.write_str(")")
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            NodeKind::Then(parts) => list(f, "THEN", parts)?,
            NodeKind::When(parts) => list(f, "WHEN", parts)?,
            NodeKind::If { branches, otherwise } => branched(f, branches, otherwise.as_deref())?,
            NodeKind::Switch { selector, cases, otherwise } => {
                write!(f, "SWITCH({selector})")?;
                list(f, ".to", cases)?;
                if let Some(otherwise) = otherwise {
                    write!(f, ".DEFAULT({otherwise})")?;
                }
            }
            NodeKind::Catch { body, rescue } => {
                write!(f, "CATCH({body})")?;
                if let Some(rescue) = rescue {
                    write!(f, ".DO({rescue})")?;
                }
            }
            NodeKind::For { times, body, until } => {
                write!(f, "FOR({times}).DO({body})")?;
                if let Some(until) = until {
                    write!(f, ".BREAK({until})")?;
                }
            }
            NodeKind::Call(call) => call.fmt(f)?,
            NodeKind::Expression(text) => write!(f, "when({})", quote(text))?,
        }
        match &self.tag {
            Some(tag) => write!(f, ".tag({})", quote(tag)),
            None => Ok(()),
        }
    }
}

fn branched(f: &mut fmt::Formatter<'_>, branches: &[(Cond, Node)], otherwise: Option<&Node>) -> fmt::Result {
    for (i, (cond, node)) in branches.iter().enumerate() {
        let word = if i == 0 { "IF" } else { ".ELIF" };
        match otherwise {
            Some(otherwise) if branches.len() == 1 => write!(f, "{word}({cond}, {node}, {otherwise})")?,
            _ => write!(f, "{word}({cond}, {node})")?,
        }
    }
    match otherwise {
        Some(otherwise) if branches.len() > 1 => write!(f, ".ELSE({otherwise})"),
        _ => Ok(()),
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match &self.data {
            Some((data, _)) => write!(f, ".data({})", quote(data)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Cond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cond::Ask(word, _) => f.write_str(word),
            Cond::Expression(text, _) => write!(f, "when({})", quote(text)),
            Cond::Not(inner) => write!(f, "NOT({inner})"),
            Cond::And(parts) => list(f, "AND", parts),
            Cond::Or(parts) => list(f, "OR", parts),
        }
    }
}
