//! The shop's endpoints and the messages on their way to them, coupon pools included: what operators do for fulfilment.

use super::Koi;
use crate::error::{Error, Result};
use crate::fulfil::{Dispatch, ENDPOINTS_MAX, MessageType};
use crate::ports::{Delivery, DeliveryState, Endpoint, Hurry, Secret};
use crate::time::rfc3339;
use crate::views::{CouponsView, DeliveryView, Page, PageAsk, WebhookView};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::campaign::{Definition, Kind};
use domain::ids::{CampaignId, DeliveryId, EndpointId};
use rustc_hash::FxHashSet;

/// Characters of a coupon code.
pub const COUPON_CHARS: usize = 128;
/// Codes of one upload.
pub const COUPONS_PER_UPLOAD: usize = 100_000;

impl Koi {
    pub(crate) fn dispatch(&self) -> &Dispatch {
        &self.parts().dispatch
    }

    /// Registers an endpoint. Its secret is shown in this answer and never again.
    pub async fn create_webhook(&self, url: &str, types: &[String]) -> Result<WebhookView> {
        let carrier = self.dispatch().carrier.get().ok_or(Error::Unavailable("messages are not delivered here"))?;
        carrier.check_url(url).map_err(|why| Error::invalid("url_refused", "url", why))?;
        let mut parsed = Vec::new();
        for word in types {
            let known = || MessageType::ALL.map(MessageType::word).join(", ");
            let unknown = || Error::invalid("type_unknown", "types", format!("known types are {}", known()));
            parsed.push(MessageType::parse(word).ok_or_else(unknown)?);
        }
        parsed.sort_unstable();
        parsed.dedup();
        if parsed.is_empty() {
            return Err(Error::invalid("types_none", "types", "name at least one type"));
        }
        if self.dispatch().subscriptions.now().0.len() >= ENDPOINTS_MAX {
            let detail = format!("there are {ENDPOINTS_MAX} webhooks already; delete one first");
            return Err(Error::Conflict { code: "webhooks_too_many", detail });
        }
        let id = EndpointId(self.make_id().await?);
        let secret = Secret(crate::random::bytes32().to_vec());
        let (url, created_at_ms) = (url.to_owned(), self.now_ms());
        let endpoint = Endpoint { id, url, types: parsed, secrets: vec![secret.clone()], created_at_ms };
        self.dispatch().endpoints.insert(&endpoint).await?;
        // Awards may have waited for somebody to take them.
        self.dispatch().deliveries.hurry(Hurry::Receivers, self.now_ms()).await?;
        self.dispatch().subscriptions.nudge();
        Ok(webhook_view(&endpoint, Some(&secret)))
    }

    /// All endpoints, newest first, without their secrets.
    pub fn webhooks(&self) -> Vec<WebhookView> {
        self.dispatch().subscriptions.now().0.iter().rev().map(|e| webhook_view(e, None)).collect()
    }

    /// One endpoint.
    pub fn webhook(&self, id: EndpointId) -> Result<WebhookView> {
        self.endpoint(id).map(|e| webhook_view(&e, None))
    }

    fn endpoint(&self, id: EndpointId) -> Result<Endpoint> {
        let all = self.dispatch().subscriptions.now();
        all.0.iter().find(|e| e.id == id).cloned().ok_or(Error::no_webhook())
    }

    /// Removes an endpoint with its messages; awards that it was to fulfil go to another one.
    pub async fn delete_webhook(&self, id: EndpointId) -> Result<()> {
        if !self.dispatch().endpoints.delete(id).await? {
            return Err(Error::no_webhook());
        }
        self.dispatch().subscriptions.nudge();
        Ok(())
    }

    /// Makes a new secret. It and the one before sign from now on; an older one no longer does.
    pub async fn rotate_webhook(&self, id: EndpointId) -> Result<WebhookView> {
        let mut endpoint = self.endpoint(id)?;
        let secret = Secret(crate::random::bytes32().to_vec());
        endpoint.secrets.truncate(1);
        endpoint.secrets.insert(0, secret.clone());
        self.set_secrets(&endpoint).await?;
        Ok(webhook_view(&endpoint, Some(&secret)))
    }

    /// Lets only the newest secret sign.
    pub async fn retire_webhook_secret(&self, id: EndpointId) -> Result<WebhookView> {
        let mut endpoint = self.endpoint(id)?;
        endpoint.secrets.truncate(1);
        self.set_secrets(&endpoint).await?;
        Ok(webhook_view(&endpoint, None))
    }

    async fn set_secrets(&self, endpoint: &Endpoint) -> Result<()> {
        let changed = self.dispatch().endpoints.set_secrets(endpoint.id, &endpoint.secrets).await?;
        if changed { Ok(()) } else { Err(Error::no_webhook()) }
    }

    /// Deliveries, newest first.
    pub async fn deliveries(&self, state: Option<DeliveryState>, page: PageAsk) -> Result<Page<DeliveryView>> {
        let before = page.before.unwrap_or(i64::MAX as u64).min(i64::MAX as u64);
        let mut rows = self.dispatch().deliveries.list(state, before, page.limit + 1).await?;
        let more = rows.len() > page.limit as usize;
        rows.truncate(page.limit as usize);
        let next_cursor = if more { rows.last().map(|d| d.id.to_string()) } else { None };
        Ok(Page { data: rows.into_iter().map(delivery_view).collect(), next_cursor })
    }

    /// Sends a parked delivery, or one that waits, again now.
    pub async fn replay_delivery(&self, id: DeliveryId) -> Result<()> {
        if self.dispatch().deliveries.hurry(Hurry::One(id), self.now_ms()).await? == 0 {
            let detail = "no delivery of that id that is parked or waits";
            return Err(Error::NotFound { code: "delivery_unknown", detail });
        }
        self.dispatch().subscriptions.nudge();
        Ok(())
    }

    /// Adds codes to the pool of a coupon prize; awards that waited for one are fulfilled.
    pub async fn add_coupons(&self, id: CampaignId, prize: &str, codes: Vec<String>) -> Result<CouponsView> {
        self.check_coupon_prize(id, prize).await?;
        self.fill_pool(id, prize, codes).await
    }

    /// The same for any pool: an item's is kept under its own id.
    pub(super) async fn fill_pool(&self, id: CampaignId, prize: &str, codes: Vec<String>) -> Result<CouponsView> {
        if codes.is_empty() || codes.len() > COUPONS_PER_UPLOAD {
            let detail = format!("an upload has 1 to {COUPONS_PER_UPLOAD} codes");
            return Err(Error::invalid("codes_count", "codes", detail));
        }
        let bad = |code: &String| {
            code.is_empty() || code.chars().count() > COUPON_CHARS || code.chars().any(char::is_control)
        };
        if let Some(at) = codes.iter().position(bad) {
            let detail = format!("code {} of the upload: a code has 1 to {COUPON_CHARS} printable characters", at + 1);
            return Err(Error::invalid("code_invalid", &format!("codes[{at}]"), detail));
        }
        let total = codes.len() as u64;
        let mut seen = FxHashSet::default();
        let unique: Vec<String> = codes.into_iter().filter(|code| seen.insert(code.clone())).collect();
        let added = self.dispatch().coupons.add(id, prize, &unique).await?;
        self.dispatch().deliveries.hurry(Hurry::Pool(id), self.now_ms()).await?;
        self.dispatch().subscriptions.nudge();
        let (free, assigned) = self.dispatch().coupons.count(id, prize).await?;
        Ok(CouponsView { added, duplicates: total - added, free, assigned })
    }

    /// How many codes a pool holds.
    pub async fn coupons(&self, id: CampaignId, prize: &str) -> Result<CouponsView> {
        self.check_coupon_prize(id, prize).await?;
        self.pool_view(id, prize).await
    }

    pub(super) async fn pool_view(&self, id: CampaignId, prize: &str) -> Result<CouponsView> {
        let (free, assigned) = self.dispatch().coupons.count(id, prize).await?;
        Ok(CouponsView { added: 0, duplicates: 0, free, assigned })
    }

    async fn check_coupon_prize(&self, id: CampaignId, code: &str) -> Result<()> {
        const NONE: Error = Error::NotFound { code: "prize_unknown", detail: "the campaign has no such prize" };
        let row = self.parts().campaigns.load(id).await?.ok_or(Error::no_campaign())?;
        let definition: Definition = serde_json::from_str(&row.definition)
            .map_err(|_| Error::Unavailable("a stored campaign cannot be read"))?;
        match definition.prizes.iter().find(|p| p.code == code).ok_or(NONE)?.kind {
            Kind::Coupon => Ok(()),
            other => {
                let detail = format!("the prize is of kind {}; only coupons come from a pool", other.word());
                Err(Error::Conflict { code: "prize_not_coupon", detail })
            }
        }
    }
}

fn webhook_view(endpoint: &Endpoint, secret: Option<&Secret>) -> WebhookView {
    WebhookView {
        id: endpoint.id,
        url: endpoint.url.clone(),
        types: endpoint.types.iter().map(|t| t.word()).collect(),
        secrets: endpoint.secrets.len(),
        secret: secret.map(|s| format!("whsec_{}", STANDARD.encode(&s.0))),
        created_at: rfc3339(endpoint.created_at_ms),
    }
}

fn delivery_view(d: Delivery) -> DeliveryView {
    DeliveryView {
        id: d.id,
        webhook_id: d.new.endpoint,
        message_id: d.new.message,
        r#type: d.new.kind.word(),
        state: d.state.word(),
        attempts: d.attempts,
        award_id: d.new.award,
        problem: d.problem,
        next_at: (d.state == DeliveryState::Pending).then(|| rfc3339(d.due_ms)),
        at: rfc3339(d.new.at_ms),
    }
}
