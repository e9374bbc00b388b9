//! The model's life: fitted in the background on enough new behaviour or after a while, compared with the one in service
//! before it replaces it, brought back by an operator, watched for drift.

use super::Koi;
use super::model::behaviours;
use crate::error::{Error, Result};
use crate::ports::{Comparison, History as StoredHistory, JobCursor, ModelRow, ModelState};
use crate::time::rfc3339;
use crate::views::{ModelView, Page, PageAsk};
use domain::ids::ShopperId;
use recommend::baskets::{Builder, Dataset};
use recommend::fit::{Fitted, Options};
use recommend::life;
use recommend::signals::Signals;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// Behaviours read from records at a time while fitting.
const PAGE: u32 = 20_000;

/// Versions that are remembered.
const KEPT: u32 = 100;

/// Fitted models besides the one in service that stay in memory, so that going back by one is at once.
const AT_HAND: usize = 1;

/// Shoppers with new purchases per basket of the model in service from which on a new one is due.
const ENOUGH_NEW: f64 = 0.01;

/// How long less than that may wait.
const AT_LEAST_EVERY: Duration = Duration::from_secs(600);

/// A population stability index from which on much has changed (Siddiqi 2006).
const DRIFTED: f64 = 0.25;

impl Koi {
    /// Whether a new model is wanted: `unseen` shoppers bought something that the one in service has not seen, which is
    /// enough or has waited long enough, or somebody was erased, whom no model may know.
    pub(super) fn fit_is_wanted(&self, unseen: usize) -> bool {
        let model = &self.inner.model;
        if model.forget.load(Ordering::Relaxed) {
            return true;
        }
        let known = self.model_at_hand().map_or(0, |fitted| fitted.data().basket_count());
        let last = *model.last_fit.read().unwrap_or_else(PoisonError::into_inner);
        let waited = last.is_none_or(|(ended, _)| ended.elapsed() >= AT_LEAST_EVERY);
        let enough = (known as f64 * ENOUGH_NEW).min(super::strategist::FRONT as f64);
        unseen > 0 && (waited || unseen as f64 >= enough)
    }

    /// Lets no fitted model keep what it knows of an erased shopper: older ones go now, the one in service is fitted anew.
    pub(super) fn forget_in_models(&self) {
        self.inner.model.forget.store(true, Ordering::Relaxed);
        self.inner.model.at_hand.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// All behaviour up to a moment: baskets, and what else was done.
    async fn data_until(&self, until_ms: i64) -> Result<(Dataset, Signals)> {
        let failed = |_| Error::Unavailable("the model could not be fitted");
        let mut read = (Builder::default(), Signals::default());
        let mut after = ShopperId(0);
        loop {
            let page: Vec<StoredHistory> = self.parts().shelves.histories(after, PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            after = *last;
            let work = tokio::task::spawn_blocking(move || {
                for (shopper, texts) in &page {
                    for behaviour in behaviours(texts).iter().filter(|behaviour| behaviour.at_ms <= until_ms) {
                        read.0.add(*shopper, behaviour);
                        read.1.add(*shopper, behaviour);
                    }
                }
                read
            });
            read = work.await.map_err(failed)?;
        }
        let (builder, signals) = read;
        tokio::task::spawn_blocking(move || (builder.build(), signals)).await.map_err(failed)
    }

    /// Fits over all histories. The first model of a process is that of the version in service, as far as there is one;
    /// later ones replace it where they are good enough and no operator holds it.
    pub(super) async fn fit_now(&self) -> Result<Arc<Fitted>> {
        let forget = self.inner.model.forget.swap(false, Ordering::Relaxed);
        let fitted = self.fit_once(forget).await;
        if forget && fitted.is_err() {
            self.inner.model.forget.store(true, Ordering::Relaxed);
        }
        fitted
    }

    async fn fit_once(&self, forget: bool) -> Result<Arc<Fitted>> {
        let started = Instant::now();
        let serving = self.parts().desk.models.in_service().await?;
        let old = self.model_at_hand();
        if let (Some(row), Some(old)) = (&serving, &old)
            && row.held
            && !forget
        {
            self.note_fit(started);
            return Ok(old.clone());
        }
        // The same version once more: an operator holds it, or somebody in it was erased.
        let same = serving.as_ref().filter(|row| row.held || (forget && old.is_some()));
        // Purchases may be told of a day that is to come; a model knows what it was told.
        let until_ms = same.map_or(i64::MAX, |row| row.until_ms);
        let (data, signals) = self.data_until(until_ms).await?;
        let now_ms = self.now_ms();
        let work = tokio::task::spawn_blocking(move || {
            let comparison = old.as_ref().and_then(|old| life::compare(old, &data, Options::default()));
            let drift = old.as_ref().map(|old| life::drift(old.data(), &data));
            (Arc::new(whole(data, &signals, now_ms)), comparison, drift)
        });
        let (fitted, comparison, drift) =
            work.await.map_err(|_| Error::Unavailable("the model could not be fitted"))?;
        self.note_fit(started);
        if let Some(comparison) = comparison {
            metrics::gauge!("koi_model_ndcg", "which" => "serving").set(comparison.old_ndcg);
            metrics::gauge!("koi_model_ndcg", "which" => "candidate").set(comparison.new_ndcg);
        }
        let drift = drift.filter(|_| same.is_none());
        metrics::gauge!("koi_model_drift").set(drift.unwrap_or(0.0));
        if drift.is_some_and(|drift| drift >= DRIFTED) {
            tracing::warn!(drift, "what is bought has moved far from what the model in service knows");
        }
        if same.is_some() || fitted.catalogue().is_empty() || self.is_unchanged(&fitted, serving.as_ref()) {
            self.put_into_service(&fitted);
            if let Some(row) = &serving {
                self.keep_at_hand(row.version, &fitted);
            }
            return Ok(fitted);
        }
        self.serve_if_good(fitted, comparison, drift).await
    }

    /// Keeps a new version, and puts it into service unless it did worse than the one there.
    async fn serve_if_good(
        &self,
        fitted: Arc<Fitted>,
        comparison: Option<Comparison>,
        drift: Option<f64>,
    ) -> Result<Arc<Fitted>> {
        let good = comparison.is_none_or(|comparison| comparison.is_good_enough());
        let state = if good { ModelState::InService } else { ModelState::Refused };
        let newest = self.parts().desk.models.versions(u32::MAX, 1).await?;
        let row = ModelRow {
            version: newest.first().map_or(1, |row| row.version + 1),
            kind: fitted.model().to_owned(),
            until_ms: self.now_ms(),
            fitted_at_ms: self.now_ms(),
            shoppers: fitted.data().len() as u64,
            baskets: fitted.data().basket_count() as u64,
            items: fitted.catalogue().len() as u64,
            state,
            held: false,
            comparison,
            drift,
        };
        self.parts().desk.models.add(&row, KEPT).await?;
        tracing::info!(version = row.version, state = state.word(), shoppers = row.shoppers, "a model was fitted");
        match (good, self.model_at_hand()) {
            (false, Some(old)) => Ok(old),
            _ => {
                metrics::gauge!("koi_model_version").set(f64::from(row.version));
                self.put_into_service(&fitted);
                self.keep_at_hand(row.version, &fitted);
                Ok(fitted)
            }
        }
    }

    /// Whether the version in service is of the same behaviour, so that a restart makes no new one.
    fn is_unchanged(&self, fitted: &Fitted, serving: Option<&ModelRow>) -> bool {
        serving.is_some_and(|row| {
            let (shoppers, baskets) = (fitted.data().len() as u64, fitted.data().basket_count() as u64);
            (row.shoppers, row.baskets, row.kind.as_str()) == (shoppers, baskets, fitted.model())
        })
    }

    fn note_fit(&self, started: Instant) {
        metrics::histogram!("koi_model_fit_seconds").record(started.elapsed().as_secs_f64());
        let mut last = self.inner.model.last_fit.write().unwrap_or_else(PoisonError::into_inner);
        *last = Some((Instant::now(), started.elapsed()));
    }

    pub(super) fn model_at_hand(&self) -> Option<Arc<Fitted>> {
        self.inner.model.fitted.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put_into_service(&self, fitted: &Arc<Fitted>) {
        *self.inner.model.fitted.write().unwrap_or_else(PoisonError::into_inner) = Some(fitted.clone());
    }

    fn keep_at_hand(&self, version: u32, fitted: &Arc<Fitted>) {
        let mut kept = self.inner.model.at_hand.write().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(of, _)| *of != version);
        kept.push((version, fitted.clone()));
        let surplus = kept.len().saturating_sub(AT_HAND + 1);
        kept.drain(..surplus);
    }

    /// Versions of the model, newest first.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn models(&self, ask: PageAsk) -> Result<Page<ModelView>> {
        let before = ask.before.map_or(u32::MAX, |before| u32::try_from(before).unwrap_or(u32::MAX));
        let rows = self.parts().desk.models.versions(before, ask.limit + 1).await?;
        let more = rows.len() > ask.limit as usize;
        let data: Vec<ModelView> = rows.iter().take(ask.limit as usize).map(view).collect();
        let next_cursor = data.last().filter(|_| more).map(|last| last.version.to_string());
        Ok(Page { data, next_cursor })
    }

    /// Puts an earlier version into service, where it stays until another one is activated: activating the newest lets
    /// newer models replace it again. Personal strategies are composed anew by it.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable`.
    pub async fn activate_model(&self, version: u32) -> Result<ModelView> {
        let unknown = || Error::NotFound { code: "model_unknown", detail: "no model of that version" };
        let _one_at_a_time = self.inner.model.fitting.lock().await;
        let row = self.parts().desk.models.version(version).await?.ok_or_else(unknown)?;
        let newest = self.parts().desk.models.versions(u32::MAX, 1).await?;
        let held = newest.first().is_some_and(|newest| newest.version != version);
        let kept = {
            let kept = self.inner.model.at_hand.read().unwrap_or_else(PoisonError::into_inner);
            kept.iter().find(|(of, _)| *of == version).map(|(_, fitted)| fitted.clone())
        };
        let fitted = match kept {
            Some(fitted) => fitted,
            None => {
                let (data, signals) = self.data_until(row.until_ms).await?;
                let now_ms = self.now_ms();
                let work = tokio::task::spawn_blocking(move || Arc::new(whole(data, &signals, now_ms)));
                work.await.map_err(|_| Error::Unavailable("the model could not be fitted"))?
            }
        };
        if !self.parts().desk.models.activate(version, held).await? {
            return Err(unknown());
        }
        metrics::gauge!("koi_model_version").set(f64::from(version));
        self.put_into_service(&fitted);
        self.keep_at_hand(version, &fitted);
        self.compose_anew().await?;
        let row = self.parts().desk.models.version(version).await?.ok_or_else(unknown)?;
        Ok(view(&row))
    }

    /// Lets the strategy job walk all shoppers again. One that is walking hears of it after its chunk; one that comes
    /// later finds its cursors at the start.
    async fn compose_anew(&self) -> Result<()> {
        self.inner.model.activations.fetch_add(1, Ordering::AcqRel);
        for runtime in self.open_campaigns() {
            if let Some(cursor) = self.parts().shelves.cursor(runtime.id).await? {
                let again = JobCursor { after: ShopperId(0), done: 0, finished: false, ..cursor };
                self.parts().shelves.put_strategies(Vec::new(), again).await?;
            }
        }
        self.parts().wishes.campaign();
        Ok(())
    }
}

/// A model ready to serve.
fn whole(data: Dataset, signals: &Signals, now_ms: i64) -> Fitted {
    let options = Options::default();
    let fitted = Fitted::fit(data, options).with_signals(signals, now_ms, options.threads);
    fitted.refresh_neighbours(1);
    for (days, outlook) in [("30", &fitted.outlooks().month), ("90", &fitted.outlooks().quarter)] {
        if let Some(outlook) = outlook {
            metrics::gauge!("koi_outlook_ece", "days" => days).set(outlook.quality().ece);
        }
    }
    fitted
}

fn view(row: &ModelRow) -> ModelView {
    ModelView {
        version: row.version,
        model: row.kind.clone(),
        state: row.state.word(),
        held: row.held,
        fitted_at: rfc3339(row.fitted_at_ms),
        shoppers: row.shoppers,
        baskets: row.baskets,
        items: row.items,
        comparison: row.comparison,
        drift: row.drift,
    }
}
