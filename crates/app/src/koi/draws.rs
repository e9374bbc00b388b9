//! Drawing and signing in.

use super::{Answer, Koi};
use crate::command::{Once, Reply, Who, Work};
use crate::error::{Error, Result};
use crate::keys::{KeyKind, hash, request_hash};
use domain::draw::Refusal;
use domain::ids::{CampaignId, ShopperId};
use domain::order::OrderKind;

impl Koi {
    /// Draws once, or `count` times as one act. The answer's bytes are the ledger's.
    pub async fn draw(
        &self,
        id: CampaignId,
        shopper: ShopperId,
        key: &str,
        client_seed: Option<String>,
        count: Option<u8>,
    ) -> Result<Answer> {
        let Some(runtime) = self.runtime(id) else { return Err(Error::Refused(Refusal::Draft)) };
        let seed = client_seed.as_deref().unwrap_or("");
        let once = Once {
            hash: hash(KeyKind::Draw, id, key.as_bytes()),
            request: request_hash(&[&[u8::from(client_seed.is_some()), count.unwrap_or(0)], seed.as_bytes()]),
        };
        let needed = runtime.rules.needs.person;
        let (shown, person) = tokio::try_join!(self.context(&runtime, shopper), self.person_for(shopper, needed))?;
        let work = Work::Draw {
            campaign: id,
            once,
            client_seed: seed.into(),
            count: count.unwrap_or(1),
            strategy: shown.strategy.clone(),
            person,
        };
        match self.ask(Who::Id(shopper), work).await? {
            Reply::Done { status, body } => Ok(Answer { status, body, replayed: false }),
            other => self.answered(other, None).await,
        }
    }

    /// Makes an order of a shopper. Today signing in is the kind that is offered.
    pub async fn order(
        &self,
        id: CampaignId,
        shopper: ShopperId,
        key: &str,
        kind: OrderKind,
        request: &serde_json::Value,
    ) -> Result<Answer> {
        if self.runtime(id).is_none() {
            return Err(Error::no_campaign());
        }
        if kind != OrderKind::SignIn {
            return Err(Error::invalid("kind_unsupported", "kind", "this kind of order is not offered; sign_in is"));
        }
        let once = Once {
            hash: hash(KeyKind::Order, id, key.as_bytes()),
            request: request_hash(&[request.to_string().as_bytes()]),
        };
        let reply = self.ask(Who::Id(shopper), Work::SignIn { campaign: id, once }).await?;
        self.answered(reply, None).await
    }
}
