//! Stock that several logs share (R6): its rows follow what is published. Where one process owns all logs there are none.

use crate::error::{Error, Result};
use crate::koi::Koi;
use crate::owner::bound_of;
use crate::ports::Good;
use crate::runtime::Runtime;
use domain::exchange::Item;
use domain::ids::CampaignId;

/// Of what a version of a campaign has only so much.
fn goods(runtime: &Runtime) -> impl Iterator<Item = (Good, u64)> {
    let prizes = (0..runtime.rules.prizes.len()).filter_map(|ix| {
        let place = u16::try_from(ix).ok()?;
        Some((Good::Prize(place), bound_of(runtime, ix)?))
    });
    let budget = runtime.rules.limits.budget_cents.and_then(|cents| u64::try_from(cents).ok());
    prizes.chain(budget.map(|cents| (Good::Budget, cents)))
}

fn too_few(total: u64) -> Error {
    let detail =
        format!("more than {total} are given or in the hands of the owners; what is idle comes back within seconds");
    Error::Conflict { code: "stock_given", detail }
}

impl Koi {
    /// Before a version is stored: what it has less of than the one in force is taken out first, or the version refused.
    /// More of it is put in when the version is stored, so at no time there is more than what is published.
    pub(super) async fn shrink_stock(&self, new: &Runtime) -> Result<()> {
        let Some(escrow) = &self.parts().escrow else { return Ok(()) };
        let old: Vec<(Good, u64)> =
            self.runtime(new.id).iter().flat_map(|old| goods(old).collect::<Vec<_>>()).collect();
        for (good, total) in goods(new) {
            let less = old.iter().any(|(known, had)| *known == good && total < *had);
            if less && !escrow.stock(new.id, good, total).await? {
                return Err(too_few(total));
            }
        }
        Ok(())
    }

    /// The rows say what a stored version says.
    pub(super) async fn set_stock(&self, runtime: &Runtime) -> Result<()> {
        let Some(escrow) = &self.parts().escrow else { return Ok(()) };
        for (good, total) in goods(runtime) {
            if !escrow.stock(runtime.id, good, total).await? {
                return Err(too_few(total));
            }
        }
        Ok(())
    }

    /// The same of an item of the exchange shop.
    pub(in crate::koi) async fn set_item_stock(&self, item: &Item) -> Result<()> {
        let Some(escrow) = &self.parts().escrow else { return Ok(()) };
        match escrow.stock(CampaignId(item.id.0), Good::Item, item.def.stock).await? {
            true => Ok(()),
            false => Err(too_few(item.def.stock)),
        }
    }
}
