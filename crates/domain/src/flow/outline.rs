//! A flow as plain data that an editor can show and change: the tree of [`super::tree`] with JSON's names, conditions as
//! text. Whatever an outline holds, what counts is the text that it prints: that is parsed and checked like any other.

use super::lexer::{At, quote};
use super::tree::{Call, Cond, Flow, Node, NodeKind};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A whole flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = FlowOutline))]
pub struct Outline {
    #[serde(default)]
    pub subs: Vec<SubOutline>,
    pub main: Part,
}

/// A named sub-flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = FlowSub))]
pub struct SubOutline {
    pub name: String,
    pub part: Part,
}

/// One part of a flow. Which members it has depends on `kind`; the others are absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = FlowPart))]
pub struct Part {
    pub kind: PartKind,
    /// Of `then` and `when` all parts; of `switch` the cases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(no_recursion))]
    pub parts: Vec<Part>,
    /// Of `if`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(no_recursion))]
    pub branches: Vec<Branch>,
    /// Of `catch` and `for`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(no_recursion))]
    pub body: Option<Box<Part>>,
    /// Of `if`, `switch` and `catch`: what comes where nothing else does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(no_recursion))]
    pub otherwise: Option<Box<Part>>,
    /// Of `rule` and `switch`: the rule's word, or a sub-flow's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Of `rule` and `switch`: parameters as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// Of `for`: rounds, and the condition that ends them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Of `expression`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Where it stands in the text, from 1: what its box in the graph has too. Ignored where an outline is printed.
    #[serde(default)]
    pub line: u32,
    #[serde(default)]
    pub column: u32,
}

/// What a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = FlowPartKind))]
pub enum PartKind {
    Then,
    When,
    If,
    Switch,
    Catch,
    For,
    Rule,
    Expression,
}

/// One way of an `if`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = FlowBranch))]
pub struct Branch {
    /// A condition in EL.
    pub when: String,
    #[cfg_attr(feature = "openapi", schema(no_recursion))]
    pub then: Part,
    #[serde(default)]
    pub line: u32,
    #[serde(default)]
    pub column: u32,
}

impl From<&Flow> for Outline {
    fn from(flow: &Flow) -> Self {
        let sub = |sub: &super::tree::Sub| SubOutline { name: sub.name.clone(), part: Part::from(&sub.node) };
        Outline { subs: flow.subs.iter().map(sub).collect(), main: Part::from(&flow.main) }
    }
}

impl Part {
    fn new(kind: PartKind, at: At) -> Self {
        Part {
            kind,
            parts: Vec::new(),
            branches: Vec::new(),
            body: None,
            otherwise: None,
            name: String::new(),
            data: None,
            times: None,
            until: None,
            expression: None,
            tag: None,
            line: at.line,
            column: at.column,
        }
    }

    fn called(self, call: &Call) -> Self {
        Part { name: call.name.clone(), data: call.data.as_ref().map(|(data, _)| data.clone()), ..self }
    }
}

fn boxed(node: Option<&Node>) -> Option<Box<Part>> {
    node.map(|node| Box::new(Part::from(node)))
}

impl From<&Node> for Part {
    fn from(node: &Node) -> Self {
        let all = |nodes: &[Node]| nodes.iter().map(Part::from).collect();
        let new = |kind| Part::new(kind, node.at);
        let part = match &node.kind {
            NodeKind::Then(parts) => Part { parts: all(parts), ..new(PartKind::Then) },
            NodeKind::When(parts) => Part { parts: all(parts), ..new(PartKind::When) },
            NodeKind::If { branches, otherwise } => {
                let branch = |(cond, then): &(Cond, Node)| Branch {
                    when: cond.to_string(),
                    then: Part::from(then),
                    line: cond.at().line,
                    column: cond.at().column,
                };
                let branches = branches.iter().map(branch).collect();
                Part { branches, otherwise: boxed(otherwise.as_deref()), ..new(PartKind::If) }
            }
            NodeKind::Switch { selector, cases, otherwise } => {
                let otherwise = boxed(otherwise.as_deref());
                Part { parts: all(cases), otherwise, ..new(PartKind::Switch) }.called(selector)
            }
            NodeKind::Catch { body, rescue } => {
                let otherwise = boxed(rescue.as_deref());
                Part { body: boxed(Some(body)), otherwise, ..new(PartKind::Catch) }
            }
            NodeKind::For { times, body, until } => Part {
                times: Some(*times),
                body: boxed(Some(body)),
                until: until.as_ref().map(ToString::to_string),
                ..new(PartKind::For)
            },
            NodeKind::Call(call) => new(PartKind::Rule).called(call),
            NodeKind::Expression(text) => Part { expression: Some(text.clone()), ..new(PartKind::Expression) },
        };
        Part { tag: node.tag.clone(), ..part }
    }
}

/// Prints the flow's text.
impl fmt::Display for Outline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for sub in &self.subs {
            writeln!(f, "{} = {};", sub.name, sub.part)?;
        }
        self.main.fmt(f)
    }
}

impl Part {
    fn list(f: &mut fmt::Formatter<'_>, word: &str, parts: &[Part]) -> fmt::Result {
        write!(f, "{word}(")?;
        for (i, part) in parts.iter().enumerate() {
            write!(f, "{}{part}", if i == 0 { "" } else { ", " })?;
        }
        f.write_str(")")
    }

    fn call(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match &self.data {
            Some(data) => write!(f, ".data({})", quote(data)),
            None => Ok(()),
        }
    }

    fn branched(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, Branch { when, then, .. }) in self.branches.iter().enumerate() {
            write!(f, "{}({when}, {then})", if i == 0 { "IF" } else { ".ELIF" })?;
        }
        match &self.otherwise {
            Some(otherwise) => write!(f, ".ELSE({otherwise})"),
            None => Ok(()),
        }
    }

    /// What is not there prints as nothing, and the parser says so at its place.
    fn inner(of: &Option<Box<Part>>) -> String {
        of.as_ref().map(ToString::to_string).unwrap_or_default()
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            PartKind::Then => Part::list(f, "THEN", &self.parts)?,
            PartKind::When => Part::list(f, "WHEN", &self.parts)?,
            PartKind::If => self.branched(f)?,
            PartKind::Switch => {
                f.write_str("SWITCH(")?;
                self.call(f)?;
                f.write_str(")")?;
                Part::list(f, ".to", &self.parts)?;
                if let Some(otherwise) = &self.otherwise {
                    write!(f, ".DEFAULT({otherwise})")?;
                }
            }
            PartKind::Catch => {
                write!(f, "CATCH({})", Part::inner(&self.body))?;
                if let Some(rescue) = &self.otherwise {
                    write!(f, ".DO({rescue})")?;
                }
            }
            PartKind::For => {
                write!(f, "FOR({}).DO({})", self.times.unwrap_or(0), Part::inner(&self.body))?;
                if let Some(until) = &self.until {
                    write!(f, ".BREAK({until})")?;
                }
            }
            PartKind::Rule => self.call(f)?,
            PartKind::Expression => write!(f, "when({})", quote(self.expression.as_deref().unwrap_or_default()))?,
        }
        match &self.tag {
            Some(tag) => write!(f, ".tag({})", quote(tag)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{DEFAULT_FLOW, parse};

    #[test]
    fn an_outline_prints_the_flow_that_it_was_made_of() {
        for text in [
            DEFAULT_FLOW,
            "checks = WHEN(blacklist, limits);\nTHEN(checks, pool, draw.tag(\"roll\"), stock, IF(sold_out, fallback))",
            "THEN(CATCH(cooldown).DO(points_only), pool, draw, stock, IF(sold_out, substitute, stock))",
            "THEN(pool, draw, stock, IF(NOT(sold_out), stock).ELIF(AND(sold_out, when(\"n > 3\")), fallback).ELSE(fallback))",
            "THEN(SWITCH(split.data(\"1:1\")).to(pool.tag(\"a\"), pool.tag(\"b\")).DEFAULT(pool), draw, stock)",
            "THEN(pool, draw, FOR(3).DO(stock).BREAK(sold_out), when(\"n > 1\"))",
        ] {
            let flow = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let outline = Outline::from(&flow);
            let json = serde_json::to_string(&outline).expect("written");
            let read: Outline = serde_json::from_str(&json).expect("read");
            let again = parse(&read.to_string()).unwrap_or_else(|error| panic!("{read}: {error}"));
            assert_eq!(again.to_string(), flow.to_string(), "{text}");
        }
    }

    #[test]
    fn what_an_outline_lacks_is_an_error_of_its_text() {
        for json in [
            r#"{"main": {"kind": "then"}}"#,
            r#"{"main": {"kind": "catch"}}"#,
            r#"{"main": {"kind": "rule", "name": "x)("}}"#,
            r#"{"main": {"kind": "if", "branches": [{"when": "", "then": {"kind": "rule", "name": "pool"}}]}}"#,
        ] {
            let outline: Outline = serde_json::from_str(json).expect("of the right shape");
            assert!(parse(&outline.to_string()).is_err(), "{json}");
        }
    }
}
