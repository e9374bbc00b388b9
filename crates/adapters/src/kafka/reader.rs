//! Reading a log: what is recent from memory, what lies further back from Kafka.

use super::client::{Kafka, LOOK, lock, read_message, unreachable_ledger};
use super::ledger::Event;
use super::{batch_of, first_of, message_of};
use app::ports::{LedgerReader, PortError, PortResult, StoredBatch};
use rdkafka::consumer::Consumer;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// Bytes of a log's newest batches that are kept in memory: projection and lists need just those, and what is not there
/// is read from Kafka.
const RECENT: usize = 4 << 20;

/// Bytes read along with a record that lies far back: lists and retries ask for its neighbours next.
const NEAR: usize = 256 << 10;

/// The newest batches of a log that is owned here.
#[derive(Default)]
pub(super) struct Recent {
    batches: VecDeque<Arc<StoredBatch>>,
    bytes: usize,
    /// Everything below has been read by the owner.
    end: u64,
}

impl Recent {
    pub fn push(&mut self, batch: StoredBatch) {
        self.end = batch.next;
        self.bytes += batch.data.len();
        self.batches.push_back(Arc::new(batch));
        while self.bytes > RECENT && self.batches.len() > 1 {
            self.bytes -= self.batches.pop_front().map_or(0, |batch| batch.data.len());
        }
    }

    pub fn begin(&mut self, end: u64) {
        *self = Self { end, ..Self::default() };
    }

    pub fn end(&self) -> u64 {
        self.end
    }

    fn first(&self) -> u64 {
        self.batches.front().map_or(self.end, |batch| batch.first)
    }

    fn from(&self, offset: u64, max_bytes: usize) -> Vec<StoredBatch> {
        let at = self.batches.partition_point(|batch| batch.next <= offset);
        let mut bytes = 0;
        let some = self.batches.range(at..).take_while(|batch| (bytes < max_bytes, bytes += batch.data.len()).0);
        some.map(|batch| StoredBatch::clone(batch)).collect()
    }
}

/// The reading end of one log.
#[derive(Clone)]
pub struct KafkaReader {
    kafka: Kafka,
    part: u8,
    /// Where the log is owned here: nothing that its owner has not read is shown.
    recent: Option<Arc<Mutex<Recent>>>,
    /// What was read last from far back, in order; replaced by the next such read.
    near: Arc<Mutex<Vec<StoredBatch>>>,
}

impl KafkaReader {
    /// A reader of a log that may be owned anywhere.
    pub fn new(kafka: Kafka, part: u8) -> Self {
        Self { kafka, part, recent: None, near: Arc::default() }
    }

    /// A reader beside the log's owner.
    pub(super) fn beside(kafka: Kafka, part: u8, recent: Arc<Mutex<Recent>>) -> Self {
        Self { recent: Some(recent), ..Self::new(kafka, part) }
    }

    /// The batch that holds a record below `end`, wherever it lies.
    fn batch(&self, offset: u64, end: u64) -> PortResult<Option<StoredBatch>> {
        if let Some(recent) = &self.recent {
            let recent = lock(recent);
            if recent.first() <= offset {
                return Ok(recent.from(offset, 1).into_iter().next());
            }
        }
        let holds = |batch: &&StoredBatch| batch.first <= offset && offset < batch.next;
        let near = lock(&self.near).iter().find(holds).cloned();
        if near.is_some() {
            return Ok(near);
        }
        let read = self.fetch(message_of(offset), message_of(end), NEAR)?;
        let found = read.first().cloned();
        *lock(&self.near) = read;
        Ok(found)
    }

    fn end(&self) -> PortResult<u64> {
        match &self.recent {
            Some(recent) => Ok(lock(recent).end()),
            None => self.kafka.end(self.part).map(first_of),
        }
    }

    /// Reads messages from `from` up to `until`, about `max_bytes` of them.
    fn fetch(&self, from: i64, until: i64, max_bytes: usize) -> PortResult<Vec<StoredBatch>> {
        self.kafka.with_reader(|consumer, topic| {
            let mut list = TopicPartitionList::new();
            list.add_partition_offset(topic, i32::from(self.part), Offset::Offset(from))
                .and_then(|()| consumer.assign(&list))
                .map_err(|error| unreachable_ledger(&error))?;
            let (mut batches, mut bytes, mut next) = (Vec::new(), 0, from);
            let deadline = Instant::now() + 2 * LOOK;
            while next < until && bytes < max_bytes {
                if Instant::now() > deadline {
                    return Err(PortError::Unreachable("the ledger"));
                }
                match consumer.poll(LOOK) {
                    None => {}
                    Some(Err(error)) => {
                        tracing::debug!(%error, part = self.part, "reading a log");
                    }
                    Some(Ok(message)) => {
                        if let Event::Read { message, data, .. } = read_message(&message)
                            && message >= next
                        {
                            bytes += data.len();
                            next = message + 1;
                            batches.push(batch_of(message, data));
                        }
                    }
                }
            }
            // What came behind the bound is the owner's to read first.
            batches.retain(|batch| batch.next <= first_of(until));
            Ok(batches)
        })
    }
}

impl LedgerReader for KafkaReader {
    fn batches(&self, offset: u64, max_bytes: usize) -> PortResult<Vec<StoredBatch>> {
        let end = match &self.recent {
            None => self.end()?,
            Some(recent) => {
                let recent = lock(recent);
                if recent.first() <= offset {
                    return Ok(recent.from(offset, max_bytes));
                }
                recent.first()
            }
        };
        if offset >= end { Ok(Vec::new()) } else { self.fetch(message_of(offset), message_of(end), max_bytes) }
    }

    fn record(&self, offset: u64) -> PortResult<Option<Vec<u8>>> {
        let end = self.end()?;
        if offset >= end {
            return Ok(None);
        }
        let batch = self.batch(offset, end)?;
        Ok(batch.filter(|batch| batch.first <= offset).and_then(|batch| nth(&batch.data, offset - batch.first)))
    }

    fn answer(&self, offset: u64) -> PortResult<Option<Vec<u8>>> {
        let Some(bytes) = self.record(offset)? else { return Ok(None) };
        match domain::record::decode(&bytes) {
            Ok(record) => Ok(Some(record.answer.to_vec())),
            Err(_) => Err(PortError::Damaged("the ledger")),
        }
    }
}

/// The bytes of a batch's `place`-th record.
fn nth(data: &[u8], place: u64) -> Option<Vec<u8>> {
    let mut rest = data;
    for _ in 0..place {
        let (length, tail) = rest.split_first_chunk::<4>()?;
        rest = tail.get(u32::from_le_bytes(*length) as usize..)?;
    }
    let (length, tail) = rest.split_first_chunk::<4>()?;
    tail.get(..u32::from_le_bytes(*length) as usize).map(<[u8]>::to_vec)
}
