//! A flow as a graph: what an editor draws, as JSON nodes and edges or as Mermaid text.

use super::lexer::At;
use super::rules::RuleKind;
use super::tree::{Call, Flow, Node, NodeKind};
use super::{FlowError, Plan};
use serde::Serialize;
use std::fmt::Write;

/// One box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GraphNode {
    pub id: String,
    /// `start`, `end`, `rule`, `condition`, `switch`, `fork`, `join`, `catch` or `loop`.
    pub kind: &'static str,
    /// What stands in it.
    pub label: String,
    /// What a rule does, in one sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub does: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// A rule's parameters as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// The sub-flow that it stands in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// Where it stands in the text, from 1.
    pub line: u32,
    pub column: u32,
}

/// One arrow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Edge {
    pub from: String,
    pub to: String,
    /// `yes`, `no`, `refused`, a label of a `SWITCH`, `again`; empty where there is only one way.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub label: String,
}

/// Boxes and arrows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Graph {
    pub nodes: Vec<GraphNode>,
    pub edges: Vec<Edge>,
}

/// An arrow that still goes nowhere.
type Loose = (usize, String);

struct Drawing<'f> {
    flow: &'f Flow,
    sub: Option<String>,
    graph: Graph,
}

impl Graph {
    /// The graph of a flow, sub-flows written out.
    ///
    /// # Errors
    /// What is wrong with the flow, where it does not compile.
    pub fn of(flow: &Flow) -> Result<Graph, Vec<FlowError>> {
        Plan::of(flow)?;
        let graph = Graph { nodes: Vec::new(), edges: Vec::new() };
        let mut drawing = Drawing { flow, sub: None, graph };
        let start = drawing.add("start", "start".to_owned(), flow.main.at);
        let exits = drawing.node(&flow.main, vec![(start, String::new())]);
        let end = drawing.add("end", "end".to_owned(), flow.main.at);
        drawing.join(exits, end);
        Ok(drawing.graph)
    }

    /// The graph as a Mermaid flowchart.
    pub fn mermaid(&self) -> String {
        let mut text = "flowchart TD\n".to_owned();
        for node in &self.nodes {
            let label = escape(&match &node.tag {
                Some(tag) => format!("{} [{tag}]", node.label),
                None => node.label.clone(),
            });
            let (open, close) = match node.kind {
                "start" | "end" => ("([", "])"),
                "condition" | "switch" => ("{", "}"),
                "fork" | "join" | "catch" | "loop" => ("[[", "]]"),
                _ => ("[", "]"),
            };
            _ = writeln!(text, "  {}{open}\"{label}\"{close}", node.id);
        }
        for edge in &self.edges {
            match edge.label.as_str() {
                "" => _ = writeln!(text, "  {} --> {}", edge.from, edge.to),
                label => _ = writeln!(text, "  {} -->|\"{}\"| {}", edge.from, escape(label), edge.to),
            }
        }
        text
    }
}

/// Mermaid ends a text at a quote and reads `#` as an entity.
fn escape(text: &str) -> String {
    text.replace('#', "#35;").replace('"', "#quot;")
}

impl Drawing<'_> {
    fn add(&mut self, kind: &'static str, label: String, at: At) -> usize {
        let id = format!("n{}", self.graph.nodes.len());
        let (sub, line, column) = (self.sub.clone(), at.line, at.column);
        self.graph.nodes.push(GraphNode { id, kind, label, does: None, tag: None, data: None, sub, line, column });
        self.graph.nodes.len() - 1
    }

    fn join(&mut self, from: Vec<Loose>, to: usize) {
        for (node, label) in from {
            let (from, to) = (self.graph.nodes[node].id.clone(), self.graph.nodes[to].id.clone());
            self.graph.edges.push(Edge { from, to, label });
        }
    }

    /// Draws a part behind `from` and returns the arrows that leave it.
    fn node(&mut self, node: &Node, from: Vec<Loose>) -> Vec<Loose> {
        match &node.kind {
            NodeKind::Then(parts) => parts.iter().fold(from, |from, part| self.node(part, from)),
            NodeKind::When(parts) => {
                let fork = self.add("fork", "WHEN".to_owned(), node.at);
                self.join(from, fork);
                let mut exits = Vec::new();
                for part in parts {
                    exits.extend(self.node(part, vec![(fork, String::new())]));
                }
                let join = self.add("join", "first refusal counts".to_owned(), node.at);
                self.join(exits, join);
                vec![(join, String::new())]
            }
            NodeKind::If { branches, otherwise } => {
                let (mut from, mut exits) = (from, Vec::new());
                for (cond, then) in branches {
                    let ask = self.add("condition", cond.to_string(), cond.at());
                    self.join(from, ask);
                    exits.extend(self.node(then, vec![(ask, "yes".to_owned())]));
                    from = vec![(ask, "no".to_owned())];
                }
                match otherwise {
                    Some(otherwise) => exits.extend(self.node(otherwise, from)),
                    None => exits.extend(from),
                }
                exits
            }
            NodeKind::Switch { selector, cases, otherwise } => self.switch(selector, cases, otherwise.as_deref(), from),
            NodeKind::Catch { body, rescue } => {
                let catch = self.add("catch", "CATCH".to_owned(), node.at);
                self.join(from, catch);
                let mut exits = self.node(body, vec![(catch, String::new())]);
                let refused = vec![(catch, "refused".to_owned())];
                match rescue {
                    Some(rescue) => exits.extend(self.node(rescue, refused)),
                    None => exits.extend(refused),
                }
                exits
            }
            NodeKind::For { times, body, until } => {
                let label = match until {
                    Some(until) => format!("FOR {times} until {until}"),
                    None => format!("FOR {times}"),
                };
                let head = self.add("loop", label, node.at);
                self.join(from, head);
                let ends = self.node(body, vec![(head, String::new())]);
                self.join(ends.into_iter().map(|(node, _)| (node, "again".to_owned())).collect(), head);
                vec![(head, "done".to_owned())]
            }
            NodeKind::Call(call) => self.call(node, call, from),
            NodeKind::Expression(text) => {
                let rule = self.add("rule", format!("when({text})"), node.at);
                self.join(from, rule);
                vec![(rule, String::new())]
            }
        }
    }

    fn call(&mut self, node: &Node, call: &Call, from: Vec<Loose>) -> Vec<Loose> {
        let flow = self.flow;
        if let Some(sub) = flow.subs.iter().find(|sub| sub.name == call.name) {
            let outer = self.sub.replace(sub.name.clone());
            let exits = self.node(&sub.node, from);
            self.sub = outer;
            return exits;
        }
        let rule = self.add("rule", call.name.clone(), node.at);
        let shown = &mut self.graph.nodes[rule];
        shown.does = RuleKind::named(&call.name).map(|kind| kind.about().does);
        shown.tag.clone_from(&node.tag);
        shown.data = call.data.as_ref().map(|(data, _)| data.clone());
        self.join(from, rule);
        // A refusal leaves the flow: nothing follows it.
        if call.name == "refuse" { Vec::new() } else { vec![(rule, String::new())] }
    }

    fn switch(&mut self, selector: &Call, cases: &[Node], otherwise: Option<&Node>, from: Vec<Loose>) -> Vec<Loose> {
        let ask = self.add("switch", selector.name.clone(), selector.at);
        self.graph.nodes[ask].data = selector.data.as_ref().map(|(data, _)| data.clone());
        self.join(from, ask);
        let mut exits = Vec::new();
        for case in cases {
            exits.extend(self.node(case, vec![(ask, case.label().unwrap_or_default().to_owned())]));
        }
        let other = vec![(ask, "otherwise".to_owned())];
        match otherwise {
            Some(otherwise) => exits.extend(self.node(otherwise, other)),
            None => exits.extend(other),
        }
        exits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::parse;

    #[test]
    fn flows_are_drawn_with_every_way_through_them() {
        let text = "THEN(WHEN(blacklist, limits), CATCH(cooldown).DO(points_only), pool, draw.tag(\"roll\"), stock, IF(sold_out, fallback))";
        let graph = Graph::of(&parse(text).expect("reads")).expect("compiles");
        let want = "flowchart TD
  n0([\"start\"])
  n1[[\"WHEN\"]]
  n2[\"blacklist\"]
  n3[\"limits\"]
  n4[[\"first refusal counts\"]]
  n5[[\"CATCH\"]]
  n6[\"cooldown\"]
  n7[\"points_only\"]
  n8[\"pool\"]
  n9[\"draw [roll]\"]
  n10[\"stock\"]
  n11{\"sold_out\"}
  n12[\"fallback\"]
  n13([\"end\"])
  n0 --> n1
  n1 --> n2
  n1 --> n3
  n2 --> n4
  n3 --> n4
  n4 --> n5
  n5 --> n6
  n5 -->|\"refused\"| n7
  n6 --> n8
  n7 --> n8
  n8 --> n9
  n9 --> n10
  n10 --> n11
  n11 -->|\"yes\"| n12
  n12 --> n13
  n11 -->|\"no\"| n13
";
        assert_eq!(graph.mermaid(), want);
        let json = serde_json::to_value(&graph.nodes[9]).expect("writes");
        assert_eq!(json["tag"], "roll");
        assert_eq!(json["line"], 1);
    }
}
