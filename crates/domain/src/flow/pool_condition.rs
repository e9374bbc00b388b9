//! Pool conditions: comparisons of `n`, the ordinal of the draw at hand, joined by `and`, `or` and parentheses.
//!
//! Example: `n >= 20 or (n > 3 and n != 7)`; `and` binds tighter than `or`.

use super::lexer::{Kind, Tokens};
use super::{FlowError, bounds};
use std::fmt;

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

/// A compiled condition on `n`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    Compare(Operator, u32),
    /// All of them; two or more.
    And(Vec<Condition>),
    /// Any of them; two or more.
    Or(Vec<Condition>),
}

impl Condition {
    /// Whether draw `n` meets it.
    pub fn holds(&self, n: u32) -> bool {
        match self {
            Condition::Compare(Operator::AtLeast, than) => n >= *than,
            Condition::Compare(Operator::AtMost, than) => n <= *than,
            Condition::Compare(Operator::Equal, than) => n == *than,
            Condition::Compare(Operator::Unequal, than) => n != *than,
            Condition::Compare(Operator::Above, than) => n > *than,
            Condition::Compare(Operator::Below, than) => n < *than,
            Condition::And(all) => all.iter().all(|c| c.holds(n)),
            Condition::Or(any) => any.iter().any(|c| c.holds(n)),
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
            Condition::And(parts) => (parts, " and "),
            Condition::Or(parts) => (parts, " or "),
        };
        for (i, part) in parts.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { joint })?;
            match part {
                Condition::Compare(..) => part.fmt(f)?,
                _ => write!(f, "({part})")?,
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
    let hint = "a condition looks like n >= 20";
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
