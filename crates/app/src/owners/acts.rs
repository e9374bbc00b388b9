//! Campaign acts over many logs (R9): the table says which version counts, each log's owner appends that it does. Whoever
//! acts waits for all of them; what a crash or an outage left behind every node finishes for its own logs, again and again,
//! from the table alone.

use super::{Call, Local, Missed, Nodes, Owners, Said};
use crate::command::{Act, Input};
use crate::error::{Error, Result};
use crate::koi::Koi;
use crate::ports::CampaignRow;
use crate::runtime::Runtime;
use domain::exchange::Item;
use domain::ids::{CampaignId, ItemId};
use rustc_hash::FxHashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const BEHIND: Error = Error::Unavailable("the owner's node does not see the act's row yet; ask again");

/// Which versions one owner has read back.
#[derive(Debug, Default)]
pub struct Installed(Mutex<FxHashMap<u64, u32>>);

impl Installed {
    /// Those that it began with.
    pub fn of(acts: &[Act]) -> Self {
        let versions = acts.iter().map(|act| match act {
            Act::Campaign(runtime) => (runtime.id.0, runtime.version),
            Act::Item(item) => (item.id.0, item.version),
        });
        Self(Mutex::new(versions.collect()))
    }

    fn versions(&self) -> MutexGuard<'_, FxHashMap<u64, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Both kinds of ids come from one maker.
    fn has(&self, id: u64, version: u32) -> bool {
        self.versions().get(&id).is_some_and(|installed| *installed >= version)
    }

    fn note(&self, id: u64, version: u32) {
        let mut versions = self.versions();
        let newest = versions.entry(id).or_default();
        *newest = version.max(*newest);
    }
}

/// The newest versions that this node has read from the tables, compiled once for all of its logs.
#[derive(Default)]
pub(super) struct Known {
    campaigns: tokio::sync::Mutex<FxHashMap<CampaignId, Arc<Runtime>>>,
    items: tokio::sync::Mutex<FxHashMap<ItemId, Arc<Item>>>,
}

impl Known {
    /// A row as it is decided by.
    async fn compiled(&self, row: &CampaignRow) -> Result<Arc<Runtime>> {
        let mut campaigns = self.campaigns.lock().await;
        if let Some(known) = campaigns.get(&row.id).filter(|known| known.version >= row.version) {
            return Ok(known.clone());
        }
        let runtime = Arc::new(compile(row)?);
        campaigns.insert(row.id, runtime.clone());
        Ok(runtime)
    }
}

fn compile(row: &CampaignRow) -> Result<Runtime> {
    const UNREADABLE: Error = Error::Unavailable("a published campaign cannot be read");
    let definition = serde_json::from_str(&row.definition).map_err(|_| UNREADABLE)?;
    Runtime::new(row, &definition).map_err(|_| UNREADABLE)
}

impl Koi {
    /// A campaign that is or was published. A node whose logs' owners have not told it of one, or that has no log, looks
    /// into the table: what another node has published a moment ago is published everywhere.
    pub(crate) async fn published(&self, id: CampaignId) -> Result<Option<Arc<Runtime>>> {
        if let Some(runtime) = self.runtime(id) {
            return Ok(Some(runtime));
        }
        let Owners::Many(nodes) = &self.parts().owners else { return Ok(None) };
        let row = self.parts().campaigns.load(id).await?;
        let Some(row) = row.filter(|row| row.published_at_ms.is_some()) else { return Ok(None) };
        let runtime = nodes.known.compiled(&row).await?;
        self.show_campaign(runtime.clone());
        Ok(Some(runtime))
    }

    /// The same, where there must be one.
    pub(crate) async fn known_campaign(&self, id: CampaignId) -> Result<Arc<Runtime>> {
        self.published(id).await?.ok_or(Error::no_campaign())
    }

    /// Lets an owner in this process decide by at least this version of a campaign.
    pub(super) async fn bring_campaign(
        &self,
        nodes: &Nodes,
        local: &Local,
        id: CampaignId,
        version: u32,
    ) -> std::result::Result<Said, Missed> {
        if local.installed.has(id.0, version) {
            // An owner that opened meanwhile read it from the table; this node's handlers may not know of it yet.
            if self.runtime(id).is_none_or(|shown| shown.version < version) {
                self.show_campaign(self.campaign_of_at_least(nodes, id, version).await.map_err(Missed::Failed)?);
            }
            return Ok(Said::Acted);
        }
        let runtime = self.campaign_of_at_least(nodes, id, version).await.map_err(Missed::Failed)?;
        let act = Act::Campaign(runtime.clone());
        local.owned.asked(|reply| Input::Act { act, reply }).await?.map_err(Missed::Failed)?;
        local.installed.note(id.0, runtime.version);
        self.show_campaign(runtime);
        Ok(Said::Acted)
    }

    /// Lets an owner in this process sell by at least this version of an item.
    pub(super) async fn bring_item(
        &self,
        nodes: &Nodes,
        local: &Local,
        id: ItemId,
        version: u32,
    ) -> std::result::Result<Said, Missed> {
        if local.installed.has(id.0, version) {
            return Ok(Said::Acted);
        }
        let item = self.item_of_at_least(nodes, id, version).await.map_err(Missed::Failed)?;
        let act = Act::Item(item.clone());
        local.owned.asked(|reply| Input::Act { act, reply }).await?.map_err(Missed::Failed)?;
        local.installed.note(id.0, item.version);
        self.show_item(item);
        Ok(Said::Acted)
    }

    async fn campaign_of_at_least(&self, nodes: &Nodes, id: CampaignId, version: u32) -> Result<Arc<Runtime>> {
        let known = nodes.known.campaigns.lock().await.get(&id).cloned();
        if let Some(known) = known.filter(|known| known.version >= version) {
            return Ok(known);
        }
        let row = self.parts().campaigns.load(id).await?.filter(|row| row.version >= version).ok_or(BEHIND)?;
        nodes.known.compiled(&row).await
    }

    async fn item_of_at_least(&self, nodes: &Nodes, id: ItemId, version: u32) -> Result<Arc<Item>> {
        let mut items = nodes.known.items.lock().await;
        if let Some(known) = items.get(&id).filter(|known| known.version >= version) {
            return Ok(known.clone());
        }
        for item in self.parts().exchange.items().await? {
            items.insert(item.id, Arc::new(item));
        }
        items.get(&id).filter(|item| item.version >= version).cloned().ok_or(BEHIND)
    }

    /// Brings this node's own logs, and what it shows, to what the tables say: finishes what an act left behind that was
    /// answered 503, and what another node did. Returns how many acts were missing.
    ///
    /// # Errors
    /// Records or a log are out of reach; the next call goes on.
    pub async fn catch_up_acts(&self) -> Result<usize> {
        let Owners::Many(nodes) = &self.parts().owners else { return Ok(0) };
        let mut missing = 0;
        for row in self.parts().campaigns.published().await? {
            let runtime = nodes.known.compiled(&row).await?;
            let call = Call::Campaign { campaign: row.id, version: runtime.version };
            missing += self.bring_to_locals(nodes, row.id.0, runtime.version, &call).await?;
            self.show_campaign(runtime);
        }
        for item in self.parts().exchange.items().await? {
            let (id, version) = (item.id, item.version);
            missing += self.bring_to_locals(nodes, id.0, version, &Call::Item { item: id, version }).await?;
            self.show_item(Arc::new(item));
        }
        Ok(missing)
    }

    async fn bring_to_locals(&self, nodes: &Nodes, id: u64, version: u32, call: &Call) -> Result<usize> {
        let mut missing = 0;
        for (_, local) in nodes.locals().iter().filter(|(_, local)| !local.installed.has(id, version)) {
            match self.at(nodes, local, call.clone()).await {
                Ok(_) => missing += 1,
                // Its next owner reads the table.
                Err(Missed::Gone) => {}
                Err(Missed::Failed(error)) => return Err(error),
            }
        }
        Ok(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_newer_versions_are_missing() {
        let installed = Installed::default();
        assert!(!installed.has(7, 1));
        installed.note(7, 2);
        installed.note(7, 1);
        assert!(installed.has(7, 1) && installed.has(7, 2) && !installed.has(7, 3) && !installed.has(8, 1));
    }
}
