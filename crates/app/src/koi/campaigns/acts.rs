//! Campaign acts: each is a row first, then a record that every owner reads back (R9).

use super::{definition, text, to_its_end};
use crate::command::Act;
use crate::error::{Error, Result};
use crate::koi::Koi;
use crate::ports::{CampaignRow, RuleVersion, VersionState};
use crate::runtime::{Runtime, state_at};
use crate::views::CampaignView;
use domain::campaign::compare::{Change, Effect, compare, moved};
use domain::campaign::life::{Event, Misplaced};
use domain::campaign::{Definition, Finding, Severity, State};
use domain::ids::CampaignId;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Characters of a refusal's text: a whole tier or flow is not repeated in it.
const DETAIL_CHARS: usize = 400;

/// The findings of what may be published.
///
/// # Errors
/// Those that block: errors always, warnings that are not acknowledged where the campaign is strict.
pub(super) fn passed(definition: &Definition, now_ms: i64, acknowledge: &[String]) -> Result<Vec<Finding>> {
    let findings = definition.check_publish(now_ms);
    let blocked = |f: &&Finding| match f.severity {
        Severity::Error => true,
        Severity::Warning => definition.strict && !acknowledge.iter().any(|code| code == f.code),
    };
    let blocking: Vec<Finding> = findings.iter().filter(blocked).cloned().collect();
    if blocking.is_empty() { Ok(findings) } else { Err(Error::Findings(blocking)) }
}

pub(super) fn misplaced(why: Misplaced) -> Error {
    Error::Conflict { code: why.code(), detail: why.to_string() }
}

fn against_shopper(change: &Change) -> Error {
    let detail = format!(
        "{}: {} instead of {} may leave a shopper worse off; publish it as a version that takes effect at a stated time",
        change.field, change.after, change.before
    );
    Error::Conflict { code: "against_shopper", detail: detail.chars().take(DETAIL_CHARS).collect() }
}

/// The rules that a row brings into force.
pub(super) fn in_force(row: &CampaignRow, definition: &Definition, now_ms: i64) -> RuleVersion {
    RuleVersion {
        campaign: row.id,
        version: row.rules_version,
        state: VersionState::Applied,
        hash: definition.hash(),
        definition: row.definition.clone(),
        effective_at_ms: now_ms,
        created_at_ms: now_ms,
        announced_at_ms: Some(now_ms),
        author: String::new(),
        publisher: String::new(),
    }
}

impl Koi {
    /// Publishes a draft: checks it, freezes it by hash, and lets every owner read it back.
    pub async fn publish(&self, id: CampaignId, acknowledge: &[String]) -> Result<CampaignView> {
        let (koi, acknowledge) = (self.clone(), acknowledge.to_vec());
        to_its_end(async move { koi.make_public(id, &acknowledge).await }).await
    }

    async fn make_public(&self, id: CampaignId, acknowledge: &[String]) -> Result<CampaignView> {
        let _one_at_a_time = self.inner.acts.lock().await;
        let row = self.row(id).await?;
        let definition = definition(&row)?;
        if row.state != State::Draft {
            if self.unread(&row) {
                // An earlier publish was stored but its callers were told 503: it is finished now.
                self.inner.unconfirmed.store(true, Ordering::Release);
                self.confirm(&row, &definition).await?;
                return self.view(&row, Some(definition.check_publish(self.now_ms())));
            }
            let now = state_at(row.state, definition.starts_at.as_ms(), definition.ends_at.as_ms(), self.now_ms());
            let detail = format!("the campaign is {} already", now.word());
            return Err(Error::Conflict { code: Misplaced::NotDraft.code(), detail });
        }
        self.second_person(&row.author)?;
        let now_ms = self.now_ms();
        let findings = passed(&definition, now_ms, acknowledge)?;
        let state = row.state.next(Event::Publish).map_err(misplaced)?;
        let row = CampaignRow {
            version: row.version + 1,
            rules_version: self.next_rules_version(id).await?,
            state,
            published_at_ms: Some(now_ms),
            ..row
        };
        let rules = RuleVersion {
            author: row.author.clone(),
            publisher: self.by.to_string(),
            ..in_force(&row, &definition, now_ms)
        };
        self.act(&row, &definition, Some(&rules)).await?;
        self.parts().wishes.campaign();
        self.view(&row, Some(findings))
    }

    /// The number of the next version of a campaign's rules.
    pub(super) async fn next_rules_version(&self, id: CampaignId) -> Result<u32> {
        let newest = self.parts().campaigns.versions(id, u32::MAX, 1).await?;
        Ok(newest.first().map_or(1, |rules| rules.version.saturating_add(1)))
    }

    /// Makes `next` the rules of a published campaign from now on. Returns the row as it is then: unchanged where `next`
    /// says what is in force already.
    ///
    /// # Errors
    /// `against_shopper` where a shopper may be worse off by it, the findings where it could not be published,
    /// `version_announced` where another version is to take effect, which this one would be undone by.
    pub(super) async fn amend(&self, row: CampaignRow, next: &Definition) -> Result<CampaignRow> {
        let before = definition(&row)?;
        let now_ms = self.now_ms();
        state_at(row.state, before.starts_at.as_ms(), before.ends_at.as_ms(), now_ms)
            .next(Event::Amend)
            .map_err(misplaced)?;
        let changes = compare(&before, next);
        if changes.is_empty() {
            return Ok(row);
        }
        if let Some(change) = changes.iter().find(|change| change.effect == Effect::Against) {
            return Err(against_shopper(change));
        }
        let misplaced = moved(&before, next);
        if !misplaced.is_empty() {
            return Err(Error::Findings(misplaced));
        }
        // What stood in the rules when they were published was seen then; only what is new may be wrong.
        let seen: Vec<String> = before.check_publish(now_ms).iter().map(|f| f.code.to_owned()).collect();
        passed(next, now_ms, &seen)?;
        // One person may not change what is public: they write a version, which another one publishes.
        self.second_person(&self.by)?;
        if self.announced_of(row.id).await?.is_some() {
            let detail = "an announced version would undo this when it takes effect; withdraw it first".into();
            return Err(Error::Conflict { code: "version_announced", detail });
        }
        let rules_version = self.next_rules_version(row.id).await?;
        let row = CampaignRow { version: row.version + 1, rules_version, definition: text(next), ..row };
        let by = || self.by.to_string();
        let rules = RuleVersion { author: by(), publisher: by(), ..in_force(&row, next, now_ms) };
        self.act(&row, next, Some(&rules)).await?;
        Ok(row)
    }

    /// Stops a campaign's draws for now.
    pub async fn pause(&self, id: CampaignId) -> Result<CampaignView> {
        self.live_through(id, Event::Pause).await
    }

    /// Lets a paused campaign go on.
    pub async fn resume(&self, id: CampaignId) -> Result<CampaignView> {
        self.live_through(id, Event::Resume).await
    }

    /// Ends a campaign for good and reveals its seed.
    pub async fn end(&self, id: CampaignId) -> Result<CampaignView> {
        self.live_through(id, Event::End).await
    }

    /// Puts a campaign that is over, or a draft, away.
    pub async fn archive(&self, id: CampaignId) -> Result<CampaignView> {
        self.live_through(id, Event::Archive).await
    }

    async fn live_through(&self, id: CampaignId, event: Event) -> Result<CampaignView> {
        let koi = self.clone();
        to_its_end(async move { koi.bring_through(id, event).await }).await
    }

    async fn bring_through(&self, id: CampaignId, event: Event) -> Result<CampaignView> {
        let _one_at_a_time = self.inner.acts.lock().await;
        let row = self.row(id).await?;
        let definition = definition(&row)?;
        let (starts_at_ms, ends_at_ms) = (definition.starts_at.as_ms(), definition.ends_at.as_ms());
        let now = state_at(row.state, starts_at_ms, ends_at_ms, self.now_ms());
        let to = now.next(event).map_err(misplaced)?;
        if row.published_at_ms.is_none() {
            // No owner knows of a draft.
            let row = CampaignRow { version: row.version + 1, state: to, ..row };
            self.parts().campaigns.update(&row, None).await?;
            return self.view(&row, None);
        }
        if row.state == to || (row.state.is_open() && to.is_open()) {
            if self.unread(&row) {
                // It was stored but its callers were told 503: it is finished now.
                self.inner.unconfirmed.store(true, Ordering::Release);
                self.confirm(&row, &definition).await?;
            }
            return self.view(&row, None);
        }
        let row = row.moved(to, &self.by, self.now_ms());
        self.act(&row, &definition, None).await?;
        self.view(&row, None)
    }

    /// Commits the row, then waits until the owner has read the act back. A crash in between is mended at the next
    /// start, which sends the acts of all rows again; a 503 in between by `finish_acts`.
    pub(super) async fn act(
        &self,
        row: &CampaignRow,
        definition: &Definition,
        rules: Option<&RuleVersion>,
    ) -> Result<()> {
        self.shrink_stock(&Runtime::new(row, definition).map_err(Error::Findings)?).await?;
        // Before the row is written, so that no failure in between is kept from the sweeper.
        self.inner.unconfirmed.store(true, Ordering::Release);
        self.parts().campaigns.update(row, rules).await?;
        self.confirm(row, definition).await
    }

    /// Whether the owner may not have read back what the table says.
    fn unread(&self, row: &CampaignRow) -> bool {
        // Where there are many owners only they know; telling those again who have read it costs one question each.
        self.owners().one().is_none() || self.runtime(row.id).is_none_or(|r| r.version < row.version)
    }

    /// R9's sweeper: sends the acts again that were stored but not confirmed. Returns how many.
    pub async fn finish_acts(&self) -> Result<usize> {
        if !self.inner.unconfirmed.swap(false, Ordering::AcqRel) {
            return Ok(0);
        }
        let _one_at_a_time = self.inner.acts.lock().await;
        let finished = self.confirm_unread().await;
        if finished.is_err() {
            self.inner.unconfirmed.store(true, Ordering::Release);
        }
        finished
    }

    async fn confirm_unread(&self) -> Result<usize> {
        let mut finished = 0;
        for row in self.parts().campaigns.published().await?.iter().filter(|row| self.unread(row)) {
            self.confirm(row, &definition(row)?).await?;
            finished += 1;
        }
        Ok(finished)
    }

    async fn confirm(&self, row: &CampaignRow, definition: &Definition) -> Result<()> {
        let runtime = Arc::new(Runtime::new(row, definition).map_err(Error::Findings)?);
        self.set_stock(&runtime).await?;
        self.tell_owners(Act::Campaign(runtime.clone())).await?;
        self.show_campaign(runtime);
        Ok(())
    }
}
