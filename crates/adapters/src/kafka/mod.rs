//! The ledger on Apache Kafka: one topic with a partition for each of ours, written by an idempotent producer with
//! acks=all, never compacted.
//!
//! A batch is one message, so all of it is there or none is, and an offset is the message's with the record's place in it
//! ([`app::ports::BATCH_BITS`]). The message's key names the process and the batch, by which an owner knows its own when it
//! reads them back. Nobody is kept from appending: whose records count is decided by the log alone (R2).

mod client;
mod control;
mod follower;
mod group;
mod inbox;
mod ledger;
mod letters;
mod reader;
mod topics;

pub use client::{Kafka, KafkaError, Options};
pub use control::{Apart, Control, Told};
pub use group::{Suggested, Suggestions};
pub use inbox::{Inbox, Inflow};
pub use ledger::{ClaimError, KafkaLedger, Stopper};
pub use letters::{Replayed, replay};
pub use reader::KafkaReader;
pub use topics::{Names, Topics, TopicsOptions};

use app::ports::{BATCH_BITS, StoredBatch};
use domain::record::{BadRecord, Record, decode};

/// The largest message: a batch is bounded far below, but one record of a thousand behaviours is large.
pub const MESSAGE_BYTES: usize = 8 << 20;
/// Bytes of a batch at which an owner closes it, so that with its last record it still fits a message.
pub const BATCH_BYTES: usize = 1 << 20;

/// The offset of a message's first record.
fn first_of(message: i64) -> u64 {
    (message.max(0) as u64) << BATCH_BITS
}

/// The message that holds a record.
fn message_of(offset: u64) -> i64 {
    (offset >> BATCH_BITS) as i64
}

/// A message as a batch.
fn batch_of(message: i64, data: Vec<u8>) -> StoredBatch {
    let (mut count, mut rest) = (0, &data[..]);
    while let Some((length, tail)) = rest.split_first_chunk::<4>() {
        count += 1;
        rest = tail.get(u32::from_le_bytes(*length) as usize..).unwrap_or_default();
    }
    StoredBatch { first: first_of(message), count, next: first_of(message + 1), data }
}

/// The first record of a batch: all of a batch were written under one marker.
fn head(batch: &StoredBatch) -> Result<Record<'_>, BadRecord> {
    let framed = batch.data.split_first_chunk::<4>();
    let record = framed.and_then(|(length, rest)| rest.get(..u32::from_le_bytes(*length) as usize));
    decode(record.ok_or(BadRecord::Damaged)?)
}
