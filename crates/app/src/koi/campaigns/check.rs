//! What publishing would say of a campaign, and how its rules would read, before anybody is promised anything.

use super::{definition, patched, published};
use crate::error::Result;
use crate::koi::Koi;
use crate::ports::CampaignRow;
use crate::runtime::state_at;
use crate::views::CheckView;
use domain::campaign::compare::{compare, moved, worst};
use domain::campaign::{Severity, State};
use domain::ids::CampaignId;
use serde_json::{Map, Value};

impl Koi {
    /// Checks a campaign as it would be with `changes` (a merge patch of its definition, as an edit takes it; empty: as it
    /// stands) and shows its rules as shoppers would read them. Changes nothing, and an error found is an answer.
    ///
    /// # Errors
    /// Those of an edit whose text makes no sense: a draft could not be kept so either.
    pub async fn check_campaign(&self, id: CampaignId, changes: Map<String, Value>) -> Result<CheckView> {
        let row = self.row(id).await?;
        let before = definition(&row)?;
        let next = patched(&row.definition, changes)?;
        let now_ms = self.now_ms();
        let is_draft = row.state == State::Draft;
        let mut findings = next.check_publish(now_ms);
        // Odds of tiers that make no sense cannot be shown: `Rules` is made of definitions without errors alone.
        let is_sound = !next.check().iter().any(|finding| finding.severity == Severity::Error);
        let changes = if is_draft { Vec::new() } else { compare(&before, &next) };
        if !is_draft {
            findings.extend(moved(&before, &next));
        }
        let state = state_at(row.state, next.starts_at.as_ms(), next.ends_at.as_ms(), now_ms);
        let row = CampaignRow { state: self.read_back(&row), ..row };
        Ok(CheckView {
            rules_hash: hex::encode(next.hash()),
            publishable: !findings.iter().any(|finding| finding.severity == Severity::Error),
            findings,
            effect: worst(&changes),
            changes,
            rules: is_sound.then(|| published::view(&row, &next, state, now_ms, None)),
        })
    }
}
