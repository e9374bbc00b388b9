//! The bodies of messages: the same bytes at every attempt, since they are made of what never changes.

use super::MessageType;
use crate::error::{Error, Result};
use crate::koi::Koi;
use crate::ports::Delivery;
use crate::rows::draw_in;
use crate::time::rfc3339;
use domain::award::AwardState;
use domain::campaign::PrizeKind;
use domain::ids::ShopperId;
use serde_json::{Map, Value, json};

impl Koi {
    /// The body of a message: `{"type", "timestamp", "data"}`.
    pub(super) async fn message_body(&self, delivery: &Delivery) -> Result<Vec<u8>> {
        let new = &delivery.new;
        let stored: Map<String, Value> =
            serde_json::from_str(&new.data).map_err(|_| Error::Unavailable("stored data cannot be read"))?;
        let mut data = match new.kind {
            MessageType::AwardUpdated | MessageType::AwardFulfil => self.award_data(delivery, &stored).await?,
            MessageType::DrawResult => self.draw_data(new.shopper, &stored).await?,
            MessageType::OrderUpdated | MessageType::StrategyReady => stored,
        };
        let accounts = self.parts().accounts.by_ids(&[new.shopper]).await?;
        data.insert("shopper".into(), accounts.first().map_or(Value::Null, |a| json!(a.account.external_id)));
        let body = json!({"type": new.kind.word(), "timestamp": rfc3339(new.at_ms), "data": data});
        Ok(body.to_string().into_bytes())
    }

    /// A draw as it was answered.
    async fn draw_data(&self, shopper: ShopperId, stored: &Map<String, Value>) -> Result<Map<String, Value>> {
        const LOST: Error = Error::Unavailable("the stored answer cannot be found");
        let offset = stored.get("offset").and_then(Value::as_u64).ok_or(LOST)?;
        let draw = stored.get("id").and_then(Value::as_str).and_then(|id| id.parse().ok()).ok_or(LOST)?;
        let answer = self.stored(shopper.partition(), offset).await?;
        let object = draw_in(&answer, draw).ok_or(LOST)?;
        serde_json::from_slice(object).map_err(|_| LOST)
    }

    /// An award as it was when the message was written, not as it is by now.
    async fn award_data(&self, delivery: &Delivery, stored: &Map<String, Value>) -> Result<Map<String, Value>> {
        let award = delivery.new.award.ok_or(Error::Unavailable("a message without its award"))?;
        let row = self.parts().lists.award(delivery.new.shopper, award).await?;
        let row = row.ok_or(Error::Unavailable("the award is not in the records yet"))?;
        let told = stored.get("state").and_then(Value::as_str).and_then(AwardState::parse).unwrap_or(row.state);
        let mut view = self.award_view(&crate::rows::AwardRow { state: told, ..row }).ok_or(Error::no_campaign())?;
        if told.is_open() {
            view.claim_by = None;
        }
        let view = serde_json::to_value(view).map_err(|_| Error::Unavailable("an award cannot be written"))?;
        let Value::Object(mut data) = view else { return Err(Error::Unavailable("an award cannot be written")) };
        if let Some((currency, prize)) = self.prize_of(&row)
            && prize.kind == PrizeKind::Balance
        {
            data.insert("balance".into(), json!({"amount_cents": prize.value_cents, "currency": currency}));
        }
        Ok(data)
    }
}
