//! Versions of a published campaign's rules: written beside those in force, published by a second person where that is
//! wished, announced, and in force from a stated time on. Whatever may leave a shopper worse off comes this way only.

use super::acts::{in_force, misplaced, passed};
use super::{definition, patched, text, to_its_end};
use crate::error::{Error, Result};
use crate::koi::Koi;
use crate::ports::{CampaignRow, RuleVersion, VersionState};
use crate::runtime::state_at;
use crate::time::rfc3339;
use crate::views::{DiffView, Page, PageAsk, VersionView};
use domain::campaign::compare::{Effect, compare, moved, worst};
use domain::campaign::life::Event;
use domain::campaign::{Definition, Finding, State};
use domain::ids::CampaignId;
use serde_json::{Map, Value};

/// Versions that are looked through for one that waits.
const NEWEST: u32 = 50;

/// How campaigns are published here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CampaignPolicy {
    /// What one person wrote another one publishes.
    pub second_person: bool,
    /// How long before it takes effect a change that is not in the shopper's favour is announced at least.
    pub notice_ms: i64,
}

impl Default for CampaignPolicy {
    fn default() -> Self {
        Self { second_person: false, notice_ms: 3_600_000 }
    }
}

const NO_VERSION: Error = Error::NotFound { code: "version_unknown", detail: "no version of that number" };

fn conflict<T>(code: &'static str, detail: impl Into<String>) -> Result<T> {
    Err(Error::Conflict { code, detail: detail.into() })
}

fn read(rules: &RuleVersion) -> Result<Definition> {
    serde_json::from_str(&rules.definition).map_err(|_| Error::Unavailable("stored rules cannot be read"))
}

impl Koi {
    /// Who publishes must not be who wrote, where a second person is wished.
    pub(super) fn second_person(&self, author: &str) -> Result<()> {
        if self.policy.second_person && (self.by.is_empty() || *self.by == *author) {
            let detail = "a second person publishes what this one wrote; ask with another key or operator";
            return conflict("second_person_needed", detail);
        }
        Ok(())
    }

    /// Writes a new version beside the rules in force: theirs under a JSON merge patch (RFC 7396). Nothing is public yet.
    pub async fn draft_version(
        &self,
        id: CampaignId,
        changes: Map<String, Value>,
        effective_at_ms: Option<i64>,
    ) -> Result<VersionView> {
        let koi = self.clone();
        to_its_end(async move { koi.draft(id, changes, effective_at_ms).await }).await
    }

    async fn draft(&self, id: CampaignId, changes: Map<String, Value>, at_ms: Option<i64>) -> Result<VersionView> {
        let _one_at_a_time = self.inner.acts.lock().await;
        let (row, before) = self.amendable(id).await?;
        let next = patched(&row.definition, changes)?;
        if next == before {
            return Err(Error::invalid("unchanged", "changes", "these are the rules in force already"));
        }
        let now_ms = self.now_ms();
        let rules = RuleVersion {
            version: self.next_rules_version(id).await?,
            state: VersionState::Draft,
            hash: next.hash(),
            definition: text(&next),
            effective_at_ms: at_ms.unwrap_or(now_ms),
            announced_at_ms: None,
            author: self.by.to_string(),
            publisher: String::new(),
            ..in_force(&row, &before, now_ms)
        };
        let row = CampaignRow { version: row.version + 1, ..row };
        self.act(&row, &before, Some(&rules)).await?;
        version_view(&rules, &row, true)
    }

    /// A campaign whose published rules may change, and those rules.
    async fn amendable(&self, id: CampaignId) -> Result<(CampaignRow, Definition)> {
        let row = self.row(id).await?;
        let rules = definition(&row)?;
        let now = state_at(row.state, rules.starts_at.as_ms(), rules.ends_at.as_ms(), self.now_ms());
        now.next(Event::Amend).map_err(misplaced)?;
        Ok((row, rules))
    }

    /// Publishes a version: it is announced, and takes effect at its time; at once where its time has come and no shopper
    /// is worse off by it.
    pub async fn publish_version(&self, id: CampaignId, version: u32, acknowledge: &[String]) -> Result<VersionView> {
        let (koi, acknowledge) = (self.clone(), acknowledge.to_vec());
        to_its_end(async move { koi.announce(id, version, &acknowledge).await }).await
    }

    async fn announce(&self, id: CampaignId, version: u32, acknowledge: &[String]) -> Result<VersionView> {
        let _one_at_a_time = self.inner.acts.lock().await;
        let (row, before) = self.amendable(id).await?;
        let rules = self.rules_of(id, version).await?;
        match rules.state {
            VersionState::Draft => {}
            VersionState::Announced | VersionState::Applied => return version_view(&rules, &row, true),
            VersionState::Withdrawn => return conflict("version_withdrawn", "the version was withdrawn"),
        }
        self.second_person(&rules.author)?;
        if row.rules_version > version {
            return conflict("version_outdated", "the rules changed since this was written; write it anew");
        }
        if self.announced_of(id).await?.is_some() {
            return conflict("version_announced", "another version is announced already; withdraw it first");
        }
        let (next, now_ms) = (read(&rules)?, self.now_ms());
        let effective_at_ms = rules.effective_at_ms.max(now_ms);
        let findings = publishable(&before, &next, effective_at_ms, acknowledge)?;
        let worse = worst(&compare(&before, &next)) == Effect::Against;
        if worse && rules.effective_at_ms < now_ms.saturating_add(self.policy.notice_ms) {
            let detail = format!(
                "a shopper may be worse off by it, so it is announced {} s before it takes effect at least",
                self.policy.notice_ms / 1_000
            );
            return Err(Error::invalid("notice_short", "effective_at", detail));
        }
        let at_once = effective_at_ms == now_ms;
        let rules = RuleVersion {
            state: if at_once { VersionState::Applied } else { VersionState::Announced },
            effective_at_ms,
            announced_at_ms: Some(now_ms),
            publisher: self.by.to_string(),
            ..rules
        };
        let row = if at_once { applied(row, &rules) } else { CampaignRow { version: row.version + 1, ..row } };
        self.act(&row, if at_once { &next } else { &before }, Some(&rules)).await?;
        Ok(VersionView { findings: Some(findings), ..version_view(&rules, &row, true)? })
    }

    /// Takes back a version that is not in force yet.
    pub async fn withdraw_version(&self, id: CampaignId, version: u32) -> Result<VersionView> {
        let koi = self.clone();
        to_its_end(async move { koi.withdraw(id, version).await }).await
    }

    async fn withdraw(&self, id: CampaignId, version: u32) -> Result<VersionView> {
        let _one_at_a_time = self.inner.acts.lock().await;
        let row = self.row(id).await?;
        let rules = self.rules_of(id, version).await?;
        match rules.state {
            VersionState::Draft | VersionState::Announced => {}
            VersionState::Withdrawn => return version_view(&rules, &row, true),
            VersionState::Applied => return conflict("version_applied", "the version took effect; it stays on record"),
        }
        let rules = RuleVersion { state: VersionState::Withdrawn, ..rules };
        let row = CampaignRow { version: row.version + 1, ..row };
        let in_force = definition(&row)?;
        self.act(&row, &in_force, Some(&rules)).await?;
        version_view(&rules, &row, true)
    }

    /// Brings into force what was announced for now. Returns how many versions took effect.
    pub async fn apply_due(&self) -> Result<usize> {
        let now_ms = self.now_ms();
        let mut applied = 0;
        for rules in self.parts().campaigns.announced().await? {
            if rules.effective_at_ms <= now_ms {
                let koi = self.clone();
                applied += to_its_end(async move { koi.apply(rules.campaign, rules.version).await }).await?;
            }
        }
        Ok(applied)
    }

    async fn apply(&self, id: CampaignId, version: u32) -> Result<usize> {
        let _one_at_a_time = self.inner.acts.lock().await;
        // Read again under the lock: it may have been withdrawn meanwhile.
        let (row, rules) = (self.row(id).await?, self.rules_of(id, version).await?);
        if rules.state != VersionState::Announced {
            return Ok(0);
        }
        let over = matches!(row.state, State::Ended | State::Archived);
        let state = if over { VersionState::Withdrawn } else { VersionState::Applied };
        let rules = RuleVersion { state, ..rules };
        let row = if over { CampaignRow { version: row.version + 1, ..row } } else { applied(row, &rules) };
        let next = definition(&row)?;
        self.act(&row, &next, Some(&rules)).await?;
        if !over {
            tracing::info!(campaign = %id, version, "announced rules took effect");
            self.parts().wishes.campaign();
        }
        Ok(usize::from(!over))
    }

    async fn rules_of(&self, id: CampaignId, version: u32) -> Result<RuleVersion> {
        self.parts().campaigns.rules(id, version).await?.ok_or(NO_VERSION)
    }

    /// The version of a campaign that waits for its time, where there is one.
    pub(super) async fn announced_of(&self, id: CampaignId) -> Result<Option<RuleVersion>> {
        let newest = self.parts().campaigns.versions(id, u32::MAX, NEWEST).await?;
        Ok(newest.into_iter().find(|rules| rules.state == VersionState::Announced))
    }

    /// A campaign's versions, newest first, without their definitions.
    pub async fn versions(&self, id: CampaignId, page: PageAsk) -> Result<Page<VersionView>> {
        let row = self.row(id).await?;
        let before = page.before.and_then(|before| u32::try_from(before).ok()).unwrap_or(u32::MAX);
        let mut rows = self.parts().campaigns.versions(id, before, page.limit + 1).await?;
        let more = rows.len() > page.limit as usize;
        rows.truncate(page.limit as usize);
        let next_cursor = if more { rows.last().map(|r| r.version.to_string()) } else { None };
        let data = rows.iter().map(|rules| version_view(rules, &row, false)).collect::<Result<_>>()?;
        Ok(Page { data, next_cursor })
    }

    /// One version, whole.
    pub async fn version(&self, id: CampaignId, version: u32) -> Result<VersionView> {
        let row = self.row(id).await?;
        version_view(&self.rules_of(id, version).await?, &row, true)
    }

    /// What a version changes: against `from`, else against the rules in force where it is not in force yet, else against
    /// those that were in force before it.
    pub async fn diff_version(&self, id: CampaignId, version: u32, from: Option<u32>) -> Result<DiffView> {
        let row = self.row(id).await?;
        let rules = self.rules_of(id, version).await?;
        let from = match from {
            Some(from) => Some(self.rules_of(id, from).await?),
            None if rules.state != VersionState::Applied => Some(self.rules_of(id, row.rules_version).await?),
            None => {
                let older = self.parts().campaigns.versions(id, version, NEWEST).await?;
                older.into_iter().find(|rules| rules.state == VersionState::Applied)
            }
        };
        let Some(from) = from else {
            return Ok(DiffView { from: None, to: version, effect: Effect::Neutral, changes: Vec::new() });
        };
        let changes = compare(&read(&from)?, &read(&rules)?);
        Ok(DiffView { from: Some(from.version), to: version, effect: worst(&changes), changes })
    }
}

/// The findings of rules that are to follow others. Results refer to prizes and tiers by place: these keep theirs.
fn publishable(before: &Definition, next: &Definition, at_ms: i64, acknowledge: &[String]) -> Result<Vec<Finding>> {
    let misplaced = moved(before, next);
    if misplaced.is_empty() { passed(next, at_ms, acknowledge) } else { Err(Error::Findings(misplaced)) }
}

/// The row under rules that take effect.
fn applied(row: CampaignRow, rules: &RuleVersion) -> CampaignRow {
    CampaignRow { version: row.version + 1, rules_version: rules.version, definition: rules.definition.clone(), ..row }
}

fn version_view(rules: &RuleVersion, row: &CampaignRow, whole: bool) -> Result<VersionView> {
    let state = match rules.state {
        VersionState::Applied if rules.version == row.rules_version => "in_force",
        VersionState::Applied => "past",
        other => other.word(),
    };
    Ok(VersionView {
        campaign_id: rules.campaign,
        version: rules.version,
        state,
        rules_hash: hex::encode(rules.hash),
        effective_at: rfc3339(rules.effective_at_ms),
        created_at: rfc3339(rules.created_at_ms),
        announced_at: rules.announced_at_ms.map(rfc3339),
        author: rules.author.clone(),
        publisher: rules.publisher.clone(),
        definition: if whole { Some(read(rules)?) } else { None },
        findings: None,
    })
}
