//! What other programs are told, made from records of the ledger (docs/topics.md, docs/schemas).
//!
//! Projection tells it before it commits the rows of the same records, so its position is the topics' position too: a
//! crash between the two tells some messages twice, with the same ids, and loses none (R8).

mod message;

use crate::error::Error;
use crate::koi::Koi;
use crate::ports::{PortError, PortResult, PublicMessage, PublicTopic, Publisher};
use crate::rows::Projected;
use crate::time::rfc3339;
use domain::ids::{CampaignId, ItemId};
use domain::record::{Fact, Record};
use message::{Config, Teller};
use serde_json::json;
use std::sync::Arc;

/// Version of the messages' form, out and in. A reader passes over what is newer; what is newer and comes in is a dead
/// letter.
pub const VERSION: u32 = 1;

/// Where the records of one log are told to other programs.
#[derive(Clone)]
pub struct Outlet {
    pub publisher: Arc<dyn Publisher>,
    pub koi: Koi,
    /// The log's partition.
    pub part: u8,
}

impl Outlet {
    /// What a valid record tells, in order. `shopper` is the shop's id of whom it is about.
    ///
    /// # Errors
    /// Where a campaign that was changed cannot be read now.
    pub async fn messages(&self, offset: u64, record: &Record<'_>, shopper: &str) -> PortResult<Vec<PublicMessage>> {
        if record.part == domain::record::ALL_PARTITIONS {
            return self.config(offset, record).await;
        }
        let mut rows = Projected::default();
        rows.take(offset, record);
        let mut teller = Teller::new((self.part, offset), record.at_ms, shopper);
        teller.draws(&rows, record.answer);
        teller.awards(&rows, &self.koi);
        teller.points(&rows);
        teller.orders(&rows);
        teller.notices(&record.facts);
        Ok(teller.told)
    }

    /// Acts reach every log; one of them tells of it.
    async fn config(&self, offset: u64, record: &Record<'_>) -> PortResult<Vec<PublicMessage>> {
        let mut told = Vec::new();
        if self.part != 0 {
            return Ok(told);
        }
        for fact in &record.facts {
            match fact {
                Fact::Campaign { campaign, version } => told.push(self.campaign(*campaign, *version, record).await?),
                Fact::Item { item, version } => told.push(self.item(*item, *version, record)),
                _ => {}
            }
        }
        tracing::trace!(offset, told = told.len(), "acts told");
        Ok(told)
    }

    /// A campaign as its row has it by now. Its row is committed before any log tells of it; where a backup of the records
    /// does not have it, the act alone is told.
    async fn campaign(&self, id: CampaignId, version: u32, record: &Record<'_>) -> PortResult<PublicMessage> {
        let (version, data) = match self.koi.campaign(id).await {
            Ok(now) => {
                let version = now.version.max(version);
                let data = json!({
                    "campaign_id": id, "version": version, "rules_version": now.rules_version, "state": now.state,
                    "name": now.definition.name, "starts_at": now.definition.starts_at,
                    "ends_at": now.definition.ends_at, "flow": now.definition.flow, "rules_hash": now.rules_hash,
                });
                (version, data)
            }
            Err(Error::Unavailable(_)) => return Err(PortError::Unreachable("a published campaign")),
            Err(_) => (version, json!({"campaign_id": id, "version": version})),
        };
        Ok(change("campaign.changed", &format!("campaign-{id}-{version}"), &id.to_string(), record.at_ms, data))
    }

    fn item(&self, id: ItemId, version: u32, record: &Record<'_>) -> PublicMessage {
        let data = json!({"item_id": id, "version": version});
        change("item.changed", &format!("item-{id}-{version}"), &id.to_string(), record.at_ms, data)
    }
}

fn change(kind: &'static str, id: &str, key: &str, at_ms: i64, data: serde_json::Value) -> PublicMessage {
    let told = Config { version: VERSION, id, kind, at: rfc3339(at_ms), data };
    PublicMessage {
        topic: PublicTopic::Config,
        key: key.to_owned(),
        value: serde_json::to_string(&told).expect("invariant: what was made of JSON values is JSON"),
    }
}
