//! The task that asks the rows of common stocks for an owner (R6), and settles what is unclear by reading them.

use super::Loaded;
use super::escrow::PLENTY;
use crate::command::Input;
use crate::ports::{Escrow, Holding, PortError, PortResult, Share, Take};
use crossbeam_channel::Sender;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};

/// How often idle units are looked for.
const TICK: Duration = Duration::from_secs(1);
/// Asks under way at once, and waiting.
const ASKS: usize = 16;
const ASKS_WAITING: usize = 65_536;
/// Attempts of one ask where others are faster.
const ATTEMPTS: usize = 4;

/// Where an owner's units come from, and for which partition.
#[derive(Clone)]
pub struct Stores {
    pub escrow: Arc<dyn Escrow>,
    pub part: u8,
}

/// What the task is to do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask {
    pub share: Share,
    /// What the row should say; nothing where it was not read yet, or an answer was lost.
    pub taken: Option<u64>,
    /// What the ledger says was given back.
    pub returned: u64,
    /// The row may not know of it.
    pub owed: bool,
    pub want: u64,
    /// Taken at least where there is plenty; 0 where only the row is to be read.
    pub ahead: u64,
    pub within: u64,
}

/// What the rows said.
#[derive(Debug, Clone, Copy)]
pub struct Heard {
    pub(super) holding: Holding,
    /// Units with nobody, as far as this log may take them.
    pub(super) left: u64,
}

/// Starts the task that asks the rows, and the one that ticks. Both end with the owner.
pub(super) fn start(stores: Stores, inputs: Sender<Input>) -> mpsc::Sender<Ask> {
    let (asks, mut queue) = mpsc::channel::<Ask>(ASKS_WAITING);
    let (room, ticks, escrow) = (Arc::new(Semaphore::new(ASKS)), inputs.clone(), stores.escrow);
    tokio::spawn(async move {
        while let Some(ask) = queue.recv().await {
            let (escrow, inputs, room) = (escrow.clone(), inputs.clone(), room.clone());
            tokio::spawn(async move {
                let Ok(permit) = room.acquire_owned().await else { return };
                let answer = fetch(&*escrow, ask).await;
                drop(permit);
                let loaded = Loaded::Units { share: ask.share, answer };
                _ = tokio::task::spawn_blocking(move || inputs.send(Input::Loaded(loaded)).is_ok()).await;
            });
        }
    });
    let open = asks.downgrade();
    tokio::spawn(async move {
        while open.upgrade().is_some() {
            // A full queue has other worries than idle units.
            _ = ticks.try_send(Input::Tick);
            tokio::time::sleep(TICK).await;
        }
    });
    asks
}

/// Reads, gives back and takes, until the rows agree with what is known of them.
async fn fetch(escrow: &dyn Escrow, ask: Ask) -> PortResult<Heard> {
    let Ask { share, taken, returned, owed, want, ahead, within } = ask;
    let mut holding = match taken {
        Some(taken) => Holding { taken, returned },
        None => escrow.holding(share).await?,
    };
    // An owner before this one, or an attempt before this, may not have come to it.
    if owed || holding.returned < returned {
        escrow.give_back(share, returned).await?;
        holding.returned = holding.returned.max(returned);
    }
    let left = escrow.left(share.campaign, share.good).await?.unwrap_or(0);
    let plenty = left / PLENTY > ahead;
    let mut units = match (want, plenty) {
        (0, false) => return Ok(Heard { holding, left }),
        (0, true) if ahead == 0 => return Ok(Heard { holding, left }),
        (want, true) => want.max(ahead),
        (want, false) => want.min(left),
    };
    for _ in 0..ATTEMPTS {
        if units == 0 {
            return Ok(Heard { holding, left: 0 });
        }
        match escrow.take(share, holding.taken, units, within).await {
            Ok(Take::Taken { taken }) => {
                holding.taken = taken;
                // The last unit may be this one: the row is asked again before anybody is told that there is none.
                return Ok(Heard { holding, left: left.saturating_sub(units).max(1) });
            }
            Ok(Take::Short { left: 0 }) => return Ok(Heard { holding, left: 0 }),
            Ok(Take::Short { left }) => units = units.min(left),
            // More than was believed: an attempt whose answer was lost took them.
            Ok(Take::Moved { holding: now }) => {
                let more = now.taken > holding.taken;
                holding = now;
                if more {
                    return Ok(Heard { holding, left: left.max(1) });
                }
            }
            Err(error) => {
                // An unclear commit is settled by reading.
                let now = escrow.holding(share).await?;
                if now.taken <= holding.taken {
                    return Err(error);
                }
                return Ok(Heard { holding: now, left: left.max(1) });
            }
        }
    }
    Err(PortError::Unreachable("the stock"))
}
