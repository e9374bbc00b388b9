//! What a socket missed, read from what is durable: the ledger's unprojected tail, and records for the offsets of what is
//! projected.

use super::{Heard, Message, MessageKind, RESUME_MS, last_of, last_win_of, offset_of, tells};
use crate::error::{Error, Result};
use crate::koi::Koi;
use crate::ports::{PortError, PortResult};
use crate::views::LiveStrategy;
use bytes::Bytes;
use domain::ids::ShopperId;
use domain::record::decode;

/// Records read at a time.
const PAGE: u32 = 128;

/// From where a socket reads on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    /// The last message that was passed on.
    pub after: u64,
    /// Nothing older than this, Unix milliseconds.
    pub at_ms: i64,
}

/// Some of what was missed.
#[derive(Debug)]
pub struct Missed {
    /// In order.
    pub messages: Vec<Message>,
    /// From where to read on.
    pub since: Since,
    /// Whether there may be more.
    pub more: bool,
}

impl Koi {
    /// Where a socket starts: behind the message that it saw last, else behind all there is. An id from the future, as
    /// after a backup was restored, is taken for the present. And by what it hears of what follows ([`Koi::feed`]).
    ///
    /// # Errors
    /// `Unavailable` where the shopper's owner is out of reach.
    pub async fn listen_from(&self, shopper: ShopperId, after: Option<u64>) -> Result<(Since, u64)> {
        let (folded, feed) = self.follow(shopper).await?;
        let newest = folded.saturating_sub(1);
        let after = after.map_or(last_of(newest), |after| after.min(last_win_of(newest)));
        Ok((Since { after, at_ms: self.now_ms() - RESUME_MS }, feed))
    }

    /// What a shopper was to hear since then, some at a time.
    ///
    /// # Errors
    /// `Unavailable`; nothing is skipped.
    pub async fn missed(&self, shopper: ShopperId, since: Since) -> Result<Missed> {
        // The tail first, then records: what is projected between the two is in both.
        let seen = self.look(shopper).await?;
        let from = offset_of(since.after);
        let heardings = &self.parts().heardings;
        let mut offsets = heardings.offsets(shopper, since.at_ms, from, PAGE).await?;
        offsets.extend(seen.tail.iter().copied().filter(|offset| *offset >= from));
        offsets.sort_unstable();
        offsets.dedup();
        let more = offsets.len() > PAGE as usize;
        offsets.truncate(PAGE as usize);
        // A full page of records may hide that there are more behind it.
        let more = more || offsets.len() == PAGE as usize;
        let horizon = if more { offsets.last().map_or(u64::MAX, |last| last_of(*last)) } else { u64::MAX };
        let mut messages = Vec::new();
        for heard in self.read_heard(shopper, offsets).await? {
            if heard.at_ms >= since.at_ms {
                messages.extend(self.messages(&heard).await?);
            }
        }
        for ready in heardings.strategies(shopper, since.at_ms, since.after).await? {
            let data = LiveStrategy { campaign_id: ready.campaign, generation: ready.generation };
            messages.push(Message::new(ready.message, MessageKind::StrategyReady, ready.at_ms, &data));
        }
        messages.retain(|message| message.id > since.after && message.id <= horizon);
        messages.sort_by_key(|message| message.id);
        let after = if more { horizon } else { messages.last().map_or(since.after, |last| last.id) };
        Ok(Missed { messages, since: Since { after, ..since }, more })
    }

    async fn read_heard(&self, shopper: ShopperId, offsets: Vec<u64>) -> Result<Vec<Heard>> {
        let reader = self.owners().reader(shopper.partition());
        let read = tokio::task::spawn_blocking(move || -> PortResult<Vec<Heard>> {
            let mut all = Vec::with_capacity(offsets.len());
            for offset in offsets {
                // Archived records have left the ledger: what is older than its retention is not resumed.
                let Some(bytes) = reader.record(offset)? else { continue };
                let record = decode(&bytes).map_err(|_| PortError::Damaged("the ledger"))?;
                if record.shopper == shopper && tells(&record.facts) {
                    let answer = Bytes::copy_from_slice(record.answer);
                    all.push(Heard { shopper, offset, at_ms: record.at_ms, facts: record.facts, answer });
                }
            }
            Ok(all)
        });
        Ok(read.await.map_err(|_| Error::Unavailable("the ledger could not be read"))??)
    }
}
