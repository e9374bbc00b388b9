//! The recommendation model in service: fitted in the background over all histories, shared by everyone who scores.

use super::Koi;
use crate::error::{Error, Result};
use crate::views::RecommendationView;
use domain::behaviour::{Action, Behaviour};
use domain::ids::ShopperId;
use recommend::Scratch;
use recommend::baskets::MAX_BASKETS;
use recommend::fit::{Fitted, Who};
use recommend::profile::Profile;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// Behaviours of one shopper that are read where somebody asks or is composed for: a shop's house account has millions.
const HISTORY: u32 = 5_000;

/// The model in service, if one was fitted yet.
#[derive(Default)]
pub(super) struct Model {
    pub(super) fitted: RwLock<Option<Arc<Fitted>>>,
    /// The model in service and the ones before it, by version.
    pub(super) at_hand: RwLock<Vec<(u32, Arc<Fitted>)>>,
    /// When the last fit ended and how long it took.
    pub(super) last_fit: RwLock<Option<(Instant, Duration)>>,
    pub(super) fitting: tokio::sync::Mutex<()>,
    /// How often an operator put a version into service: a walk that began before starts over.
    pub(super) activations: AtomicU64,
    /// Somebody was erased whom the model in service may know.
    pub(super) forget: AtomicBool,
    /// When a finished walk was last started over.
    walked_again: RwLock<Option<Instant>>,
}

impl Model {
    /// Whether a finished walk may start over now; says so once in `every`.
    pub(super) fn may_walk_again(&self, every: Duration) -> bool {
        let mut last = self.walked_again.write().unwrap_or_else(PoisonError::into_inner);
        let may = last.is_none_or(|at| at.elapsed() >= every);
        if may {
            *last = Some(Instant::now());
        }
        may
    }
}

/// A shopper's behaviours as the models read them; those that cannot be read are left out.
pub(super) fn behaviours(texts: &[String]) -> Vec<Behaviour> {
    texts.iter().filter_map(|text| serde_json::from_str(text).ok()).collect()
}

/// Whether a shopper bought something since the model was fitted.
pub(super) fn is_unseen(fitted: &Fitted, shopper: ShopperId, behaviours: &[Behaviour]) -> bool {
    let mut orders: Vec<&str> = behaviours
        .iter()
        .filter_map(|b| match &b.action {
            Action::Purchase { order_id, .. } => Some(order_id.as_str()),
            _ => None,
        })
        .collect();
    orders.sort_unstable();
    orders.dedup();
    let seen = fitted.data().place(shopper).map_or(0, |place| fitted.data().baskets(place).len());
    // A data set keeps no more of one shopper.
    orders.len().min(MAX_BASKETS) > seen
}

impl Koi {
    /// The model in service; the first caller waits for it to be fitted.
    pub(super) async fn fitted(&self) -> Result<Arc<Fitted>> {
        if let Some(fitted) = self.model_at_hand() {
            return Ok(fitted);
        }
        let _one_at_a_time = self.inner.model.fitting.lock().await;
        match self.model_at_hand() {
            Some(fitted) => Ok(fitted),
            None => self.fit_now().await,
        }
    }

    /// Whether another fit may start: fitting takes at most one part in `share` of the time.
    pub(super) fn fit_is_due(&self, share: u32) -> bool {
        let last = *self.inner.model.last_fit.read().unwrap_or_else(PoisonError::into_inner);
        last.is_none_or(|(ended, took)| ended.elapsed() >= took * share)
    }

    /// Fits anew over all histories and puts the model into service.
    pub(super) async fn refit(&self) -> Result<Arc<Fitted>> {
        let _one_at_a_time = self.inner.model.fitting.lock().await;
        self.fit_now().await
    }

    /// One shopper's behaviours, newer than the model may be, the oldest first; of very many the latest.
    pub(super) async fn history(&self, shopper: ShopperId) -> Result<Vec<Behaviour>> {
        let mut texts = self.parts().browse.behaviours(shopper, 0, HISTORY).await?;
        texts.reverse();
        Ok(behaviours(&texts))
    }

    pub(super) async fn recommend(&self, shopper: ShopperId, limit: usize) -> Result<Vec<RecommendationView>> {
        let mut fitted = self.fitted().await?;
        let newer = self.history(shopper).await?;
        // A shop's first purchases: a model that knows no item has nothing to recommend.
        if fitted.catalogue().is_empty() && !newer.is_empty() && self.fit_is_due(super::strategist::FIT_SHARE) {
            fitted = self.refit().await?;
        }
        let now_ms = self.now_ms();
        let ranked = tokio::task::spawn_blocking(move || {
            let history = fitted.history(&newer, now_ms);
            let mut scratch = Scratch::default();
            let best = fitted.top(Who::Newer(shopper, &history), limit, &mut scratch);
            let catalogue = fitted.catalogue();
            let view = |r: recommend::fit::Recommendation| RecommendationView {
                sku: catalogue.sku(r.item).to_owned(),
                name: catalogue.name(r.item).to_owned(),
                score: r.score,
                reason: r.reason.text(catalogue),
            };
            best.into_iter().map(view).collect()
        });
        ranked.await.map_err(|_| Error::Unavailable("the model could not be asked"))
    }
}

/// A profile as the API shows it.
pub(super) fn profile_json(external_id: &str, profile: &Profile, now_ms: i64) -> serde_json::Value {
    let mut json = profile.view(now_ms);
    if let Some(object) = json.as_object_mut() {
        object.insert("shopper".into(), external_id.into());
    }
    json
}
