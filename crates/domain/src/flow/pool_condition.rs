//! Pool conditions: comparisons of `n`, the ordinal of the draw at hand, `blacklisted`, and `when("…")` with an
//! expression in CEL, joined by `and`, `or` and parentheses.
//!
//! Example: `n >= 20 or (n > 3 and n != 7)`; `and` binds tighter than `or`.

use super::expression::Test;
use super::field::Needs;
use super::lexer::{Kind, Tokens, quote, unquote};
use super::{FlowError, bounds};
use crate::draw::Snapshot;
use std::fmt;
use std::sync::Arc;

/// How `n` is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    AtLeast,
    AtMost,
    Equal,
    Unequal,
    Above,
    Below,
}

impl Operator {
    pub const ALL: [Operator; 6] =
        [Operator::AtLeast, Operator::AtMost, Operator::Equal, Operator::Unequal, Operator::Above, Operator::Below];

    /// Whether `left` stands so to `right`.
    pub fn compare<T: PartialOrd>(self, left: &T, right: &T) -> bool {
        match self {
            Operator::AtLeast => left >= right,
            Operator::AtMost => left <= right,
            Operator::Equal => left == right,
            Operator::Unequal => left != right,
            Operator::Above => left > right,
            Operator::Below => left < right,
        }
    }

    /// The same comparison with its sides changed.
    pub(super) fn turned(self) -> Operator {
        match self {
            Operator::AtLeast => Operator::AtMost,
            Operator::AtMost => Operator::AtLeast,
            Operator::Above => Operator::Below,
            Operator::Below => Operator::Above,
            same => same,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Operator::AtLeast => ">=",
            Operator::AtMost => "<=",
            Operator::Equal => "==",
            Operator::Unequal => "!=",
            Operator::Above => ">",
            Operator::Below => "<",
        }
    }
}

/// An expression with its text, by which it is printed and compared.
#[derive(Debug, Clone)]
pub struct Written {
    text: Box<str>,
    test: Arc<Test>,
}

impl PartialEq for Written {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Written {}

/// A compiled condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Of `n`.
    Compare(Operator, u32),
    /// The shopper is on the blacklist, in whatever mode.
    Blacklisted,
    When(Written),
    /// All of them; two or more.
    And(Vec<Condition>),
    /// Any of them; two or more.
    Or(Vec<Condition>),
}

impl Condition {
    /// Whether the draw at hand meets it.
    pub fn holds(&self, snapshot: &Snapshot<'_>) -> bool {
        match self {
            Condition::Compare(operator, than) => operator.compare(&snapshot.n(), than),
            Condition::Blacklisted => snapshot.blacklist.is_some(),
            Condition::When(written) => written.test.holds(snapshot),
            Condition::And(all) => all.iter().all(|c| c.holds(snapshot)),
            Condition::Or(any) => any.iter().any(|c| c.holds(snapshot)),
        }
    }

    /// Whether draw `n` meets it, where `n` alone tells.
    pub fn by_n(&self, n: u32) -> Option<bool> {
        match self {
            Condition::Compare(operator, than) => Some(operator.compare(&n, than)),
            Condition::Blacklisted | Condition::When(_) => None,
            Condition::And(all) => decided(all, n, false),
            Condition::Or(any) => decided(any, n, true),
        }
    }

    /// What must be gathered for it.
    pub fn needs(&self) -> Needs {
        match self {
            Condition::Compare(..) | Condition::Blacklisted => Needs::default(),
            Condition::When(written) => written.test.needs(),
            Condition::And(parts) | Condition::Or(parts) => {
                parts.iter().fold(Needs::default(), |needs, part| needs.with(part.needs()))
            }
        }
    }

    /// The numbers that `n` is compared with: between them nothing changes.
    pub fn turns(&self, into: &mut Vec<u32>) {
        match self {
            Condition::Compare(_, than) => into.push(*than),
            Condition::And(parts) | Condition::Or(parts) => parts.iter().for_each(|part| part.turns(into)),
            Condition::Blacklisted | Condition::When(_) => {}
        }
    }

    /// Reads a condition.
    pub fn parse(text: &str) -> Result<Condition, FlowError> {
        let mut tokens = Tokens::of(text)?;
        let condition = any(&mut tokens, 1)?;
        let rest = tokens.peek();
        if rest.kind != Kind::End {
            let hint = "join comparisons by `and` or `or`";
            return Err(FlowError::new(rest.at, format!("the condition is over, but {} follows", rest.kind), hint));
        }
        Ok(condition)
    }
}

/// Prints a text that parses to the same condition.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (parts, joint) = match self {
            Condition::Compare(operator, than) => return write!(f, "n {} {than}", operator.text()),
            Condition::Blacklisted => return f.write_str("blacklisted"),
            Condition::When(written) => return write!(f, "when({})", quote(&written.text)),
            Condition::And(parts) => (parts, " and "),
            Condition::Or(parts) => (parts, " or "),
        };
        for (i, part) in parts.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { joint })?;
            match part {
                Condition::And(_) | Condition::Or(_) => write!(f, "({part})")?,
                _ => part.fmt(f)?,
            }
        }
        Ok(())
    }
}

fn any(tokens: &mut Tokens<'_>, depth: usize) -> Result<Condition, FlowError> {
    let mut parts = vec![all(tokens, depth)?];
    while tokens.take_if(Kind::Word("or"))? {
        parts.push(all(tokens, depth)?);
    }
    Ok(one_or(parts, Condition::Or))
}

fn all(tokens: &mut Tokens<'_>, depth: usize) -> Result<Condition, FlowError> {
    let mut parts = vec![compare(tokens, depth)?];
    while tokens.take_if(Kind::Word("and"))? {
        parts.push(compare(tokens, depth)?);
    }
    Ok(one_or(parts, Condition::And))
}

fn one_or(mut parts: Vec<Condition>, join: fn(Vec<Condition>) -> Condition) -> Condition {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => join(parts.into_iter().chain(last).collect()),
    }
}

fn compare(tokens: &mut Tokens<'_>, depth: usize) -> Result<Condition, FlowError> {
    let hint = "a condition looks like n >= 20, blacklisted or when(\"shopper.level > 2\")";
    let token = tokens.take()?;
    if depth > bounds::DEPTH {
        return Err(FlowError::new(token.at, format!("nested deeper than {}", bounds::DEPTH), ""));
    }
    match token.kind {
        Kind::Open => {
            let inner = any(tokens, depth + 1)?;
            tokens.expect(Kind::Close, "close what was opened")?;
            return Ok(inner);
        }
        Kind::Word("blacklisted") => return Ok(Condition::Blacklisted),
        Kind::Word("when") => {
            tokens.expect(Kind::Open, hint)?;
            return when(tokens, hint);
        }
        Kind::Word("n") => {}
        other => return Err(FlowError::new(token.at, format!("expected `n` or `(`, found {other}"), hint)),
    }
    let sign = tokens.take()?;
    let operator = match sign.kind {
        Kind::Operator(text) => Operator::ALL.into_iter().find(|operator| operator.text() == text),
        _ => None,
    };
    let Some(operator) = operator else {
        return Err(FlowError::new(sign.at, format!("expected a comparison, found {}", sign.kind), hint));
    };
    let number = tokens.take()?;
    match number.kind {
        Kind::Number(than) => Ok(Condition::Compare(operator, than)),
        other => Err(FlowError::new(number.at, format!("expected a whole number, found {other}"), hint)),
    }
}

/// What follows `when(`.
fn when(tokens: &mut Tokens<'_>, hint: &str) -> Result<Condition, FlowError> {
    let token = tokens.take()?;
    let Kind::Text(raw) = token.kind else {
        return Err(FlowError::new(token.at, format!("expected a text, found {}", token.kind), hint));
    };
    let text = unquote(raw, token.at)?;
    tokens.expect(Kind::Close, "close what was opened")?;
    let test = Test::compile(&text).map_err(|(message, hint)| FlowError::new(token.at, message, &hint))?;
    Ok(Condition::When(Written { text: text.into(), test: Arc::new(test) }))
}

/// `any` of the parts or all of them, by `n` alone: one that settles it is enough, an open one leaves it open.
fn decided(parts: &[Condition], n: u32, any: bool) -> Option<bool> {
    let mut open = false;
    for part in parts {
        match part.by_n(n) {
            Some(truth) if truth == any => return Some(any),
            Some(_) => {}
            None => open = true,
        }
    }
    if open { None } else { Some(!any) }
}
