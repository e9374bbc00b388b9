//! EL text to a tree, and back.

use super::lexer::{At, Kind, Token, Tokens};
use super::plan::Ask;
use super::rules::{self, RuleKind};
use super::{FlowError, bounds};
use std::fmt;

/// A flow as a tree, with the place of each part in its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// All of them in order; never empty.
    Then(Vec<Node>, At),
    /// The second where the condition is true, else the third.
    If(Ask, Box<Node>, Option<Box<Node>>, At),
    Rule(RuleKind, At),
}

impl Node {
    /// Where it starts.
    pub fn at(&self) -> At {
        match self {
            Node::Then(_, at) | Node::If(_, _, _, at) | Node::Rule(_, at) => *at,
        }
    }
}

/// Prints EL that parses to the same tree.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Node::Then(nodes, _) => {
                f.write_str("THEN(")?;
                for (i, node) in nodes.iter().enumerate() {
                    f.write_str(if i == 0 { "" } else { ", " })?;
                    node.fmt(f)?;
                }
                f.write_str(")")
            }
            Node::If(ask, then, None, _) => write!(f, "IF({}, {then})", ask.word()),
            Node::If(ask, then, Some(otherwise), _) => write!(f, "IF({}, {then}, {otherwise})", ask.word()),
            Node::Rule(rule, _) => f.write_str(rule.about().name),
        }
    }
}

/// Reads a flow. Only its shape is judged here; what the rules mean together is [`Node::check`]'s.
pub fn parse(text: &str) -> Result<Node, FlowError> {
    let mut tokens = Tokens::of(text)?;
    let node = node(&mut tokens, 1)?;
    tokens.take_if(Kind::Semicolon)?;
    let rest = tokens.peek();
    if rest.kind != Kind::End {
        let hint = "a flow is one expression; put several in THEN(...)";
        return Err(FlowError::new(rest.at, format!("the flow is over, but {} follows", rest.kind), hint));
    }
    Ok(node)
}

fn node(tokens: &mut Tokens<'_>, depth: usize) -> Result<Node, FlowError> {
    let token = tokens.take()?;
    if depth > bounds::DEPTH {
        return Err(FlowError::new(token.at, format!("nested deeper than {}", bounds::DEPTH), ""));
    }
    match token.kind {
        Kind::Word("THEN") => {
            open(tokens, "THEN")?;
            Ok(Node::Then(list(tokens, depth)?, token.at))
        }
        Kind::Word("IF") => {
            open(tokens, "IF")?;
            branch(tokens, token.at, depth)
        }
        Kind::Word(word) => match RuleKind::named(word) {
            Some(rule) => Ok(Node::Rule(rule, token.at)),
            None => Err(unknown_rule(word, token.at)),
        },
        other => {
            let hint = "a flow looks like THEN(pool, draw)";
            Err(FlowError::new(token.at, format!("expected a rule, THEN or IF, found {other}"), hint))
        }
    }
}

fn open(tokens: &mut Tokens<'_>, word: &str) -> Result<(), FlowError> {
    tokens.expect(Kind::Open, &format!("write {word}(...)")).map(drop)
}

fn list(tokens: &mut Tokens<'_>, depth: usize) -> Result<Vec<Node>, FlowError> {
    let first = tokens.peek();
    if first.kind == Kind::Close {
        return Err(FlowError::new(first.at, "THEN holds nothing".to_owned(), "name at least one rule in it"));
    }
    let mut nodes = vec![node(tokens, depth + 1)?];
    while tokens.take_if(Kind::Comma)? {
        nodes.push(node(tokens, depth + 1)?);
    }
    tokens.expect(Kind::Close, "parts are separated by commas and closed by `)`")?;
    Ok(nodes)
}

fn branch(tokens: &mut Tokens<'_>, at: At, depth: usize) -> Result<Node, FlowError> {
    let ask = ask(tokens.take()?)?;
    tokens.expect(Kind::Comma, "write IF(condition, then) or IF(condition, then, else)")?;
    let then = Box::new(node(tokens, depth + 1)?);
    let otherwise = match tokens.take_if(Kind::Comma)? {
        true => Some(Box::new(node(tokens, depth + 1)?)),
        false => None,
    };
    tokens.expect(Kind::Close, "IF takes a condition and one or two parts; put more in THEN(...)")?;
    Ok(Node::If(ask, then, otherwise, at))
}

fn ask(token: Token<'_>) -> Result<Ask, FlowError> {
    if let Kind::Word(word) = token.kind
        && let Some(ask) = Ask::named(word)
    {
        return Ok(ask);
    }
    Err(FlowError::new(token.at, format!("expected a condition, found {}", token.kind), "the conditions are: sold_out"))
}

fn unknown_rule(word: &str, at: At) -> FlowError {
    let names = || rules::all().iter().map(|rule| rule.name).chain(["THEN", "IF"]);
    let lower = word.to_lowercase();
    let near = names().map(|name| (distance(&lower, &name.to_lowercase()), name)).min();
    let hint = match near {
        Some((steps, name)) if steps <= 2 && 2 * steps < name.len() => format!("did you mean `{name}`?"),
        _ if Ask::named(word).is_some() => "it is a condition: ask it by IF(...)".to_owned(),
        _ => format!("the rules are: {}", rules::all().iter().map(|rule| rule.name).collect::<Vec<_>>().join(", ")),
    };
    FlowError::new(at, format!("unknown rule `{word}`"), &hint)
}

/// Edits from one word to another (Levenshtein 1966), for suggestions. Words longer than 32 characters are far away.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    if a.chars().count() > 32 || b.len() > 32 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let swap = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = swap.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
