//! Shoppers as the shop's server knows them: registration, behaviour, bans, points.

use super::{Answer, Koi};
use crate::command::{EventIn, Once, Reply, Who, Work};
use crate::error::{Error, Result};
use crate::keys::{KeyKind, hash, request_hash};
use crate::ports::Person;
use crate::precondition::{IfMatch, ban_tag, person_tag};
use crate::seal::{Key, seal};
use crate::time::rfc3339;
use crate::views::{
    BlacklistView, EventInput, EventRejection, EventsView, RecommendationView, ShopperInput, ShopperView,
};
use domain::account::Ban;
use domain::behaviour::Behaviour;
use domain::draw::BlacklistMode;
use domain::ids::{CampaignId, ShopperId};
use rustc_hash::FxHashMap;

/// Owners' answers awaited at once for the events of one request.
const EVENTS_AT_ONCE: usize = 256;

/// No campaign: the scope of keys that belong to the shopper alone.
const NO_CAMPAIGN: CampaignId = CampaignId(0);

fn named(external_id: &str) -> Who {
    Who::Name(external_id.into())
}

impl Koi {
    /// Registers a shopper or changes what is known of one. True where the shopper is new.
    ///
    /// The personal part is stored outside the ledger; it is durable before this returns.
    pub async fn put_shopper(&self, external_id: &str, input: ShopperInput) -> Result<(ShopperView, bool)> {
        self.put_shopper_if(external_id, input, &IfMatch::Absent).await
    }

    /// The same where what is known of the shopper still is what the caller read.
    ///
    /// # Errors
    /// `Stale`; nothing was changed and nobody registered.
    pub async fn put_shopper_if(
        &self,
        external_id: &str,
        input: ShopperInput,
        if_match: &IfMatch,
    ) -> Result<(ShopperView, bool)> {
        let lock = domain::ids::hash_text(external_id) as usize % self.inner.person_edits.len();
        let _one_at_a_time = self.inner.person_edits[lock].lock().await;
        if *if_match != IfMatch::Absent {
            if_match.check(self.shopper_tag(external_id).await?.as_deref())?;
        }
        let work = Work::Register { registered_at_ms: input.registered_at_ms };
        let Reply::Registered { id, created, registered_at_ms } = self.ask(named(external_id), work).await? else {
            return Err(Error::Unavailable("the owner answered something else"));
        };
        let registry = &self.parts().registry;
        let stored = if created { None } else { registry.person(id).await? };
        let mut person = stored.clone().unwrap_or_default();
        if input.name.is_some() {
            person.name = input.name;
        }
        if let Some(attributes) = input.attributes {
            person.attributes = serde_json::Value::Object(attributes).to_string();
        }
        if stored.as_ref() != Some(&person) && person != Person::default() {
            registry.put_person(id, &person).await?;
            self.inner.people.forget(id);
        }
        let view = ShopperView {
            id,
            external_id: external_id.to_owned(),
            etag: person_tag(&person, registered_at_ms),
            name: person.name,
            registered_at: rfc3339(registered_at_ms),
            attributes: serde_json::from_str(&person.attributes).unwrap_or_default(),
        };
        Ok((view, created))
    }

    /// The tag of what is known of a shopper; nothing where there is no such shopper.
    async fn shopper_tag(&self, external_id: &str) -> Result<Option<String>> {
        let seen = match self.ask(named(external_id), Work::Look).await {
            Ok(Reply::Seen(seen)) => seen,
            Ok(_) => return Err(Error::Unavailable("the owner answered something else")),
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let person = self.parts().registry.person(seen.account.id).await?.unwrap_or_default();
        Ok(Some(person_tag(&person, seen.account.registered_at_ms)))
    }

    /// The internal id behind an external one.
    pub async fn find_shopper(&self, external_id: &str) -> Result<Option<ShopperId>> {
        match self.ask(named(external_id), Work::Look).await {
            Ok(Reply::Seen(seen)) => Ok(Some(seen.account.id)),
            Ok(_) => Err(Error::Unavailable("the owner answered something else")),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn shopper(&self, external_id: &str) -> Result<ShopperId> {
        self.find_shopper(external_id).await?.ok_or(Error::no_shopper())
    }

    /// Takes behaviours: each shopper's part is one record. Where one owner fails the request fails, what was stored
    /// stays, and a repeat counts it as duplicate.
    pub async fn record_events(&self, events: Vec<EventInput>) -> Result<EventsView> {
        let mut view = EventsView::default();
        let mut by_shopper: FxHashMap<String, Vec<Behaviour>> = FxHashMap::default();
        let mut order = Vec::new();
        for event in events {
            match event {
                Ok((shopper, behaviour)) => {
                    let of_shopper = by_shopper.entry(shopper.clone()).or_default();
                    if of_shopper.is_empty() {
                        order.push(shopper);
                    }
                    of_shopper.push(behaviour);
                }
                Err(rejection) => view.rejected.push(rejection),
            }
        }
        for chunk in order.chunks(EVENTS_AT_ONCE) {
            let ids = self.register_all(chunk).await?;
            // Durable before the first record under them.
            let keys = self.parts().registry.sealing_keys(&ids).await?;
            let mut running = tokio::task::JoinSet::new();
            for ((shopper, id), key) in chunk.iter().zip(ids).zip(keys) {
                let events = by_shopper.remove(shopper).unwrap_or_default();
                let koi = self.clone();
                running.spawn(async move { koi.record_one(id, key, events).await });
            }
            while let Some(done) = running.join_next().await {
                let (accepted, duplicates) = done.map_err(|_| Error::Unavailable("an owner failed"))??;
                view.accepted += accepted;
                view.duplicates += duplicates;
            }
        }
        Ok(view)
    }

    /// The internal ids of shoppers, registered where they are new, in the order asked.
    async fn register_all(&self, external_ids: &[String]) -> Result<Vec<ShopperId>> {
        let mut running = tokio::task::JoinSet::new();
        for (at, external_id) in external_ids.iter().enumerate() {
            let (koi, who) = (self.clone(), named(external_id));
            running.spawn(async move { (at, koi.ask(who, Work::Register { registered_at_ms: None }).await) });
        }
        let mut ids = vec![ShopperId(0); external_ids.len()];
        while let Some(done) = running.join_next().await {
            let (at, reply) = done.map_err(|_| Error::Unavailable("an owner failed"))?;
            match reply? {
                Reply::Registered { id, .. } => ids[at] = id,
                _ => return Err(Error::Unavailable("the owner answered something else")),
            }
        }
        Ok(ids)
    }

    async fn record_one(&self, shopper: ShopperId, key: Key, behaviours: Vec<Behaviour>) -> Result<(usize, usize)> {
        let event = |behaviour: Behaviour| {
            let plain = serde_json::to_vec(&behaviour).expect("invariant: a behaviour that was read can be written");
            EventIn { hash: crate::event_key(&behaviour.id), sealed: seal(&key, &plain), behaviour }
        };
        let events = behaviours.into_iter().map(event).collect();
        match self.ask(Who::Id(shopper), Work::Events { events }).await? {
            Reply::Events { accepted, duplicates } => Ok((accepted, duplicates)),
            _ => Err(Error::Unavailable("the owner answered something else")),
        }
    }

    /// What behaviour says about a shopper, as the JSON of the API.
    pub async fn profile(&self, external_id: &str) -> Result<serde_json::Value> {
        let id = self.shopper(external_id).await?;
        let stored = self.parts().shelves.profile(id).await?;
        let profile: recommend::profile::Profile = match stored {
            Some(json) => serde_json::from_str(&json).map_err(|_| Error::Unavailable("stored data cannot be read"))?,
            None => recommend::profile::Profile::default(),
        };
        let mut json = super::model::profile_json(external_id, &profile, self.now_ms());
        let persona = self.persona(id, profile).await?;
        if let Some(object) = json.as_object_mut() {
            object.extend(persona);
        }
        let told = self.parts().registry.person(id).await?;
        let attributes = told.and_then(|told| serde_json::from_str(&told.attributes).ok()).unwrap_or_default();
        json["segments"] = self.segments_of(&json, &attributes).await?.into();
        Ok(json)
    }

    /// What the shopper will want next, best first.
    pub async fn recommendations(&self, external_id: &str, limit: usize) -> Result<Vec<RecommendationView>> {
        let id = self.shopper(external_id).await?;
        self.recommend(id, limit).await
    }

    /// Bars a shopper from drawing, or from anything but points. Doing it again replaces it.
    ///
    /// # Errors
    /// `campaign_unknown` where there is no such campaign; `Stale`.
    pub async fn put_blacklist(&self, external_id: &str, ban: Ban, if_match: &IfMatch) -> Result<BlacklistView> {
        if let Some(id) = ban.campaign {
            self.row(id).await?;
        }
        let (campaign, mode, until_ms) = (ban.campaign, ban.mode, ban.until_ms);
        let work =
            Work::Ban { campaign, mode, until_ms, reason: ban.reason.as_str().into(), if_match: if_match.clone() };
        self.ask(named(external_id), work).await?;
        Ok(BlacklistView::of(external_id, campaign, Some(&ban)))
    }

    /// Lifts a bar; lifting none is fine.
    ///
    /// # Errors
    /// `Stale`.
    pub async fn delete_blacklist(
        &self,
        external_id: &str,
        campaign: Option<CampaignId>,
        if_match: &IfMatch,
    ) -> Result<BlacklistView> {
        self.ask(named(external_id), Work::Unban { campaign, if_match: if_match.clone() }).await?;
        Ok(BlacklistView::of(external_id, campaign, None))
    }

    /// A shopper's bar in one campaign, or in all.
    pub async fn blacklist(&self, external_id: &str, campaign: Option<CampaignId>) -> Result<BlacklistView> {
        let Reply::Seen(seen) = self.ask(named(external_id), Work::Look).await? else {
            return Err(Error::Unavailable("the owner answered something else"));
        };
        Ok(BlacklistView::of(external_id, campaign, seen.account.ban(campaign)))
    }

    /// Moves points under the shop's own business key: 201, or 200 with the first answer.
    /// What they give expires at `expires_at_ms`, where there is one.
    pub async fn add_points(
        &self,
        external_id: &str,
        amount: i64,
        business_key: &str,
        reason: &str,
        expires_at_ms: Option<i64>,
    ) -> Result<Answer> {
        let expiry = expires_at_ms.map(i64::to_le_bytes).unwrap_or_default();
        let once = Once {
            hash: hash(KeyKind::Points, NO_CAMPAIGN, business_key.as_bytes()),
            request: request_hash(&[&amount.to_le_bytes(), reason.as_bytes(), &expiry]),
        };
        let (key, reason) = (business_key.into(), reason.into());
        let work = Work::Points { once, amount, business_key: key, reason, expires_at_ms };
        let reply = self.ask(named(external_id), work).await?;
        let mut answer = self.answered(reply, Some(200)).await?;
        // A business key is no Idempotency-Key: the header belongs to the latter.
        answer.replayed = false;
        Ok(answer)
    }

    /// Grants chances under the shop's own business key: 201 with the order, or 200 with the first answer.
    pub async fn grant(
        &self,
        campaign: CampaignId,
        external_id: &str,
        chances: u32,
        business_key: &str,
        reason: &str,
        expires_at_ms: Option<i64>,
    ) -> Result<Answer> {
        let expiry = expires_at_ms.map(i64::to_le_bytes).unwrap_or_default();
        let once = Once {
            hash: hash(KeyKind::Grant, campaign, business_key.as_bytes()),
            request: request_hash(&[&chances.to_le_bytes(), reason.as_bytes(), &expiry]),
        };
        self.known_campaign(campaign).await?;
        let work = Work::Grant { campaign, once, chances, expires_at_ms, reason: reason.into() };
        let reply = self.ask(named(external_id), work).await?;
        let mut answer = self.answered(reply, Some(200)).await?;
        answer.replayed = false;
        Ok(answer)
    }
}

impl EventRejection {
    /// A rejection of the event at `index`.
    pub fn new(index: usize, code: &'static str, detail: impl Into<String>) -> Self {
        Self { index, code, detail: detail.into() }
    }
}

impl BlacklistView {
    /// A shopper's bar in a campaign, or in all, or that there is none.
    pub(super) fn of(external_id: &str, campaign_id: Option<CampaignId>, ban: Option<&Ban>) -> Self {
        let word = |ban: &Ban| match ban.mode {
            BlacklistMode::PointsOnly => "points_only",
            BlacklistMode::Refuse => "refuse",
        };
        BlacklistView {
            shopper: external_id.to_owned(),
            etag: ban_tag(ban),
            mode: ban.map(word),
            campaign_id,
            until: ban.and_then(|ban| ban.until_ms).map(rfc3339),
            reason: ban.map(|ban| ban.reason.clone()),
        }
    }
}
