//! What more a shopper's history says than the profile holds: read when somebody asks, from the latest acts.

use super::Koi;
use super::model::behaviours;
use crate::error::{Error, Result};
use domain::ids::ShopperId;
use recommend::persona::{MAX_ACTS, Persona, Sources};
use recommend::profile::Profile;
use serde_json::{Map, Value};

/// The shop's own clock, where favourite times are told.
const TIME_ZONE: &str = "Asia/Shanghai";

impl Koi {
    /// What more a shopper's history says, as members of the profile. The model in service tells of prices and of what is
    /// to come; before the first one is fitted those are `null`: nobody waits for it here, but it is begun.
    pub(super) async fn persona(&self, shopper: ShopperId, profile: Profile) -> Result<Map<String, Value>> {
        let texts = self.parts().browse.behaviours(shopper, 0, MAX_ACTS as u32).await?;
        let (fitted, now_ms) = (self.model_at_hand(), self.now_ms());
        if fitted.is_none() {
            let koi = self.clone();
            tokio::spawn(async move {
                if let Err(error) = koi.fitted().await {
                    tracing::warn!(%error, "the first model could not be fitted");
                }
            });
        }
        let read = tokio::task::spawn_blocking(move || {
            let acts = behaviours(&texts);
            let fitted = fitted.as_deref();
            let persona = Persona::of(Sources { profile: &profile, acts: &acts, fitted, time_zone: TIME_ZONE, now_ms });
            serde_json::to_value(&persona)
        });
        match read.await {
            Ok(Ok(Value::Object(members))) => Ok(members),
            _ => Err(Error::Unavailable("the profile could not be read")),
        }
    }
}
