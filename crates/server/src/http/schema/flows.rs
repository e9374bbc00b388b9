//! Rule flows and risk, as they are answered.

use serde::Serialize;
use utoipa::ToSchema;

/// A campaign's rule flow.
#[derive(Serialize, ToSchema)]
pub struct Flow {
    /// The rule chain in EL.
    pub flow: String,
    /// The version of the rules that it belongs to: what draws and receipts name. 0 for a draft.
    pub version: u32,
    /// SHA-256 of the rules, hex.
    pub rules_hash: String,
}

/// One box of a flow.
#[derive(Serialize, ToSchema)]
pub struct GraphNode {
    pub id: String,
    /// `start`, `end`, `rule`, `condition`, `switch`, `fork`, `join`, `catch` or `loop`.
    pub kind: String,
    pub label: String,
    /// What a rule does, in one sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub does: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// A rule's parameters as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// The sub-flow that it stands in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    pub line: u32,
    pub column: u32,
}

/// One arrow of a flow.
#[derive(Serialize, ToSchema)]
pub struct GraphEdge {
    pub from: String,
    pub to: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub label: String,
}

/// A flow as boxes and arrows.
#[derive(Serialize, ToSchema)]
pub struct FlowGraph {
    pub nodes: Vec<GraphNode>,
    pub edges: Vec<GraphEdge>,
}

/// One of the rules that flows are made of.
#[derive(Serialize, ToSchema)]
pub struct RuleCard {
    /// The word in EL.
    pub name: String,
    /// What it does, in one sentence.
    pub does: String,
    /// An example of its `.data('…')`; empty where it takes none.
    pub takes: String,
    /// `before`, `odds`, `draw`, `after` or `any`: where it may stand.
    pub stage: String,
}

/// All rules, in the order in which a flow usually has them.
#[derive(Serialize, ToSchema)]
pub struct RuleCards {
    pub data: Vec<RuleCard>,
}

/// What the shop holds against a shopper.
#[derive(Serialize, ToSchema)]
pub struct Risk {
    pub shopper: String,
    /// 0 to 100.
    pub score: u8,
    pub flags: Vec<String>,
}

/// How far a shopper is from a guaranteed tier.
#[derive(Serialize, ToSchema)]
pub struct Guarantee {
    pub tier: String,
    /// After so many draws without a prize of the tier the next one is of it.
    pub after: u32,
    /// Draws since the last prize of it.
    pub draws_without: u32,
}
