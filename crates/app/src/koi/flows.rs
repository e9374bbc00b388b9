//! A campaign's rule flow: shown as text and graph, edited while the campaign is live. And what the shop holds against a
//! shopper.

use super::Koi;
use crate::command::{Who, Work};
use crate::error::{Error, Result};
use crate::precondition::{IfMatch, watch_tag};
use crate::views::{FlowView, RiskView};
use domain::flow::{FlowError, Graph, Plan, parse};
use domain::ids::CampaignId;
use domain::tally::Watch;
use serde_json::{Map, Value};

/// What is wrong with a flow, as the API tells it.
pub(crate) fn flow_invalid(errors: Vec<FlowError>) -> Error {
    Error::Flow(errors)
}

impl Koi {
    /// The flow of a campaign with the version that it belongs to.
    pub async fn flow(&self, id: CampaignId) -> Result<FlowView> {
        let view = self.campaign(id).await?;
        Ok(FlowView {
            flow: view.definition.flow,
            version: view.rules_version,
            rules_hash: view.rules_hash,
            etag: view.version,
        })
    }

    /// The flow as boxes and arrows.
    pub async fn flow_graph(&self, id: CampaignId) -> Result<Graph> {
        let view = self.campaign(id).await?;
        let flow = parse(&view.definition.flow).map_err(|error| flow_invalid(vec![error]))?;
        Graph::of(&flow).map_err(flow_invalid)
    }

    /// Replaces the flow: a draft's as one likes, a published campaign's only in the shopper's favour. It decides the
    /// next draw after this returns.
    ///
    /// # Errors
    /// `Flow` with every error and its place; a conflict `against_shopper`; the old flow stays then.
    pub async fn put_flow(&self, id: CampaignId, if_match: &IfMatch, flow: String) -> Result<FlowView> {
        Plan::compile(&flow).map_err(flow_invalid)?;
        let patch: Map<String, Value> = std::iter::once(("flow".to_owned(), Value::from(flow))).collect();
        let view = self.edit_campaign(id, if_match, patch).await?;
        Ok(FlowView {
            flow: view.definition.flow,
            version: view.rules_version,
            rules_hash: view.rules_hash,
            etag: view.version,
        })
    }

    /// What the shop holds against a shopper from now on; replaces what it held before.
    ///
    /// # Errors
    /// `Stale`.
    pub async fn put_risk(&self, external_id: &str, watch: Watch, if_match: &IfMatch) -> Result<RiskView> {
        let view = RiskView::of(external_id, &watch);
        let work = Work::Watch { watch: Box::new(watch), if_match: if_match.clone() };
        self.ask(Who::Name(external_id.into()), work).await?;
        Ok(view)
    }
}

impl RiskView {
    /// What is held against a shopper.
    pub(super) fn of(external_id: &str, watch: &Watch) -> Self {
        RiskView {
            shopper: external_id.to_owned(),
            etag: watch_tag(watch),
            score: watch.score,
            flags: watch.flags.iter().map(ToString::to_string).collect(),
        }
    }
}
