//! Campaigns: written as drafts, frozen by publishing, then moved by acts that every owner reads back (R9).

mod acts;
mod check;
mod patch;
mod published;
mod report;
mod stock;
mod versions;

pub(crate) use report::tiers_met;
pub use versions::CampaignPolicy;

use super::Koi;
use crate::error::{Error, Result};
use crate::ports::CampaignRow;
use crate::precondition::IfMatch;
use crate::runtime::state_at;
use crate::strict::Strict;
use crate::time::rfc3339;
use crate::views::{CampaignView, Page, PageAsk};
use domain::campaign::{Definition, Finding, State};
use domain::fairness::CampaignSeed;
use domain::ids::CampaignId;
use patch::merge;
use serde::Deserialize;
use serde_json::{Map, Value};

pub(super) fn definition(row: &CampaignRow) -> Result<Definition> {
    serde_json::from_str(&row.definition).map_err(|_| Error::Unavailable("a stored campaign cannot be read"))
}

fn text(definition: &Definition) -> String {
    String::from_utf8(definition.canonical()).expect("invariant: JSON is UTF-8")
}

/// Lets an edit or an act come to its end though its caller goes away: a write that is under way cannot be taken back,
/// and whoever comes next must find it done, not happening.
pub(super) async fn to_its_end<T: Send + 'static>(act: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    tokio::spawn(act).await.map_err(|_| Error::Unavailable("the act was cut short; ask again"))?
}

/// Campaigns that one question for a list looks at.
const LOOKED_AT: usize = 2_000;

/// Which campaigns are asked for; all where it says nothing.
#[derive(Debug, Clone, Default)]
pub struct CampaignFilter {
    pub state: Option<State>,
    /// What the name holds, in lower case.
    pub name: Option<String>,
}

impl CampaignFilter {
    fn matches(&self, view: &CampaignView) -> bool {
        let by_name = |name: &String| view.definition.name.to_lowercase().contains(name);
        self.state.is_none_or(|state| view.state == state) && self.name.as_ref().is_none_or(by_name)
    }
}

/// Findings that even a draft may not have: odds that cannot be counted are no odds, and nothing is kept of them.
const UNCOUNTABLE: [&str; 2] = ["weight_too_large", "weights_overflow"];

/// Refuses what even a draft may not say.
fn countable(definition: &Definition) -> Result<()> {
    match definition.check().into_iter().find(|finding| UNCOUNTABLE.contains(&finding.code)) {
        Some(Finding { code, detail, field, .. }) => Err(Error::Invalid { code, field, detail }),
        None => Ok(()),
    }
}

/// A definition under a merge patch.
fn patched(definition: &str, patch: Map<String, Value>) -> Result<Definition> {
    let mut whole: Value =
        serde_json::from_str(definition).map_err(|_| Error::Unavailable("a stored campaign cannot be read"))?;
    merge(&mut whole, Value::Object(patch));
    let patched = Definition::deserialize(Strict(whole)).map_err(|error| Error::Invalid {
        code: "invalid_body",
        field: None,
        detail: error.to_string(),
    })?;
    countable(&patched)?;
    Ok(patched)
}

impl Koi {
    /// A new draft.
    pub async fn create_campaign(&self, definition: Definition) -> Result<CampaignView> {
        countable(&definition)?;
        let id = self.make_id().await?;
        let row = CampaignRow {
            id: CampaignId(id),
            version: 1,
            rules_version: 0,
            state: State::Draft,
            definition: text(&definition),
            seed: CampaignSeed::new(crate::random::bytes32()),
            late_seed: CampaignSeed::new(crate::random::bytes32()),
            created_at_ms: self.now_ms(),
            published_at_ms: None,
            ended_at_ms: None,
            ended_by: String::new(),
            author: self.by.to_string(),
        };
        self.parts().campaigns.insert(&row).await?;
        self.view(&row, None)
    }

    /// Campaigns, newest first. Where few match, a page may be short while there are more: a question looks at
    /// [`LOOKED_AT`] at most.
    pub async fn campaigns(&self, filter: &CampaignFilter, page: PageAsk) -> Result<Page<CampaignView>> {
        let (limit, mut looked) = (page.limit as usize, 0);
        let mut before = page.before.unwrap_or(i64::MAX as u64).min(i64::MAX as u64);
        let mut data: Vec<CampaignView> = Vec::new();
        loop {
            let rows = self.parts().campaigns.list(before, page.limit + 1).await?;
            let more = rows.len() > limit;
            for row in rows.iter().take(limit) {
                before = row.id.0;
                let view = self.view(row, None)?;
                if filter.matches(&view) {
                    data.push(view);
                }
                if data.len() == limit {
                    break;
                }
            }
            looked += rows.len();
            let is_last = !more && rows.last().is_none_or(|row| row.id.0 == before);
            if is_last || data.len() == limit || looked >= LOOKED_AT {
                return Ok(Page { data, next_cursor: (!is_last).then(|| before.to_string()) });
            }
        }
    }

    /// One campaign.
    pub async fn campaign(&self, id: CampaignId) -> Result<CampaignView> {
        self.view(&self.row(id).await?, None)
    }

    pub(super) async fn row(&self, id: CampaignId) -> Result<CampaignRow> {
        self.parts().campaigns.load(id).await?.ok_or(Error::no_campaign())
    }

    /// Changes a campaign by a JSON merge patch (RFC 7396) of its definition: a draft as one likes, a published one at
    /// once and only in the shopper's favour.
    pub async fn edit_campaign(
        &self,
        id: CampaignId,
        if_match: &IfMatch,
        patch: Map<String, Value>,
    ) -> Result<CampaignView> {
        let (koi, if_match) = (self.clone(), if_match.clone());
        to_its_end(async move { koi.edit(id, &if_match, patch).await }).await
    }

    async fn edit(&self, id: CampaignId, if_match: &IfMatch, patch: Map<String, Value>) -> Result<CampaignView> {
        let _one_at_a_time = self.inner.acts.lock().await;
        let row = self.row(id).await?;
        if_match.check_version(row.version)?;
        let edited = patched(&row.definition, patch)?;
        if row.state != State::Draft {
            let row = self.amend(row, &edited).await?;
            return self.view(&row, None);
        }
        let author = self.by.to_string();
        let row = CampaignRow { version: row.version + 1, definition: text(&edited), author, ..row };
        self.parts().campaigns.update(&row, None).await?;
        self.view(&row, None)
    }

    /// A copy as a new draft with a seed of its own.
    pub async fn copy_campaign(&self, id: CampaignId) -> Result<CampaignView> {
        let row = self.row(id).await?;
        self.create_campaign(definition(&row)?).await
    }

    /// The stored state as far as it may reveal what is secret until then: neither the window's end nor the row alone does,
    /// the owner must have read the act back first (R9). Of many owners a node knows too little, and the row decides.
    fn read_back(&self, row: &CampaignRow) -> State {
        match self.runtime(row.id) {
            Some(known) if self.owners().one().is_some() && known.version < row.version => known.state,
            _ => row.state,
        }
    }

    fn view(&self, row: &CampaignRow, findings: Option<Vec<Finding>>) -> Result<CampaignView> {
        let definition = definition(row)?;
        let state = state_at(row.state, definition.starts_at.as_ms(), definition.ends_at.as_ms(), self.now_ms());
        let over = matches!(self.read_back(row), State::Ended | State::Archived);
        Ok(CampaignView {
            id: row.id,
            state,
            version: row.version,
            rules_version: row.rules_version,
            rules_hash: hex::encode(definition.hash()),
            seed_hash: (row.state != State::Draft).then(|| hex::encode(row.seed.commitment())),
            campaign_seed: over.then(|| hex::encode(row.seed.reveal())),
            created_at: rfc3339(row.created_at_ms),
            ended_at: row.ended_at_ms.map(rfc3339),
            ended_by: (!row.ended_by.is_empty()).then(|| row.ended_by.clone()),
            definition,
            findings,
        })
    }
}
