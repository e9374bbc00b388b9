//! The writing end of one log: claims it by a marker, appends batches and reads them back, settles what is in doubt by a
//! higher marker, and notices when another process has taken the log over (R2, R3, R5).
//!
//! Reading back costs no fetch where nobody else has written: Kafka gives a log's messages consecutive offsets and tells a
//! message's with its acknowledgement, after all replicas in sync have it. Where that is the offset behind the last message
//! known here, everything up to it is known, and so is that no marker lies between. Any other offset, or none, says that
//! somebody else has written: then the log is followed and judged message by message, until it is known again.
//!
//! It is single-threaded, as its owner is: every call waits, within a bound, for what the log says.

use super::client::{Kafka, Ticket, lock};
use super::reader::{KafkaReader, Recent};
use super::{batch_of, first_of, head, message_of};
use app::ports::{AppendError, Clock, Ledger, Marker, PortError, Position};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use domain::ids::ShopperId;
use domain::record::{ALL_PARTITIONS, Fact, Record};
use rdkafka::error::{KafkaError as DriverError, RDKafkaErrorCode};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long a batch may take until it counts as in doubt.
const APPEND: Duration = Duration::from_secs(3);
/// How long a marker may take until it is sent again.
const MARK: Duration = Duration::from_secs(2);
/// How long reading up to the log's end may take.
const CATCH_UP: Duration = Duration::from_secs(3);
/// The same at the start, where all that is not projected is read.
const CLAIM: Duration = Duration::from_secs(30);
/// How often a wait looks whether it should end.
const TURN: Duration = Duration::from_millis(50);
/// Messages and reports waiting for the owner. One that falls further behind asks for the messages again.
const EVENTS: usize = 1_024;

/// What happens to a log.
pub(super) enum Event {
    /// A message was taken by the log, and where, or was not, as far as the producer knows.
    Acked { sequence: u64, failed: Option<RDKafkaErrorCode>, at: i64 },
    /// The log's next message.
    Read { message: i64, key: Option<[u8; 16]>, data: Vec<u8> },
}

/// Why a log cannot be claimed.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    #[error("the log of partition {0} is out of reach")]
    Unreachable(u8),
    #[error("another process has claimed the log of partition {0}")]
    Lost(u8),
    #[error("the log of partition {part} cannot be read at message {message}; nothing is skipped")]
    Unreadable { part: u8, message: i64 },
}

/// Ends a ledger's waits from another thread: whoever waits for Kafka must still be able to stop.
#[derive(Debug, Clone)]
pub struct Stopper(Arc<AtomicBool>);

impl Stopper {
    /// From here on no append waits; what is in doubt stays so, for the next owner.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// A message that was sent and waits for its report and its read-back.
#[derive(Debug, Default)]
struct Sent {
    sequence: u64,
    acked: Option<Option<RDKafkaErrorCode>>,
    /// Where the log has it, by its acknowledgement; negative where that does not say.
    at: i64,
    read: Option<i64>,
}

impl Sent {
    fn of(sequence: u64) -> Self {
        Self { sequence, acked: None, at: -1, read: None }
    }

    fn is_acked(&self) -> bool {
        self.acked == Some(None)
    }
}

/// Why nothing more is appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    Deposed,
    Unreadable(i64),
}

/// The writing end.
pub struct KafkaLedger {
    kafka: Kafka,
    part: u8,
    clock: Arc<dyn Clock>,
    events: Receiver<Event>,
    to: Sender<Event>,
    recent: Arc<Mutex<Recent>>,
    /// The marker valid at `next`.
    marker: Marker,
    /// This end's own.
    mine: Marker,
    /// The message that is read next.
    next: i64,
    sequence: u64,
    batch: Sent,
    mark: Sent,
    /// Time of the newest record that was read.
    last_ms: i64,
    over: Option<Over>,
    /// What others write is read too, until the log is known to its end.
    follows: bool,
    stop: Arc<AtomicBool>,
}

impl KafkaLedger {
    /// Claims the log of `part`: reads it from `position` on, judging markers only, appends a higher one under a name that
    /// no process had before, and returns when that was read back as valid. `position` may lag behind what records hold
    /// by then, so it is read again once the fence is up. Blocks.
    ///
    /// # Errors
    /// [`ClaimError`]; where another one was faster, it owns the log.
    pub fn claim(
        kafka: Kafka,
        part: u8,
        position: Position,
        fence: u32,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ClaimError> {
        let (to, events) = crossbeam_channel::bounded(EVENTS);
        let next = message_of(position.next);
        let mut ledger = Self {
            kafka,
            part,
            clock,
            events,
            to,
            recent: Arc::default(),
            marker: Marker { epoch: position.epoch, owner: position.owner },
            mine: Marker { epoch: 0, owner: app::random::word() },
            next: (next - 1).max(0),
            sequence: 0,
            batch: Sent::default(),
            mark: Sent::default(),
            last_ms: 0,
            over: None,
            follows: false,
            stop: Arc::default(),
        };
        lock(&ledger.recent).begin(first_of(ledger.next));
        ledger.take_over(fence).map_err(|error| match (ledger.over, error) {
            (Some(Over::Unreadable(message)), _) => ClaimError::Unreadable { part, message },
            (_, AppendError::Deposed) => ClaimError::Lost(part),
            _ => ClaimError::Unreachable(part),
        })?;
        Ok(ledger)
    }

    fn take_over(&mut self, fence: u32) -> Result<(), AppendError> {
        self.follow().map_err(|_| AppendError::Nothing("the log cannot be followed"))?;
        self.read_to_end(CLAIM)?;
        // The highest epoch ever seen, in the log or at the fence.
        self.raise(self.marker.epoch.max(fence) + 1, Instant::now() + CLAIM)?;
        self.rest();
        Ok(())
    }

    /// Ends this ledger's waits.
    pub fn stopper(&self) -> Stopper {
        Stopper(self.stop.clone())
    }

    /// The reading end beside this one: it shows what this end has read, and nothing above.
    pub fn reader(&self) -> KafkaReader {
        KafkaReader::beside(self.kafka.clone(), self.part, self.recent.clone())
    }

    fn follow(&mut self) -> Result<(), DriverError> {
        self.follows = true;
        self.kafka.follower().follow(self.part, self.next, self.to.clone())
    }

    /// Follows the log from here on, where it is not followed yet. One that cannot be is tried again by [`Self::turn`].
    fn attend(&mut self) {
        if !self.follows {
            _ = self.follow();
        }
    }

    /// The log is known as far as anybody needs to know it now. What still arrives of it is looked at when it is next
    /// followed, or was known by then.
    fn rest(&mut self) {
        if std::mem::take(&mut self.follows) {
            self.kafka.follower().leave(self.part, &self.to);
        }
    }

    /// Reads up to the log's end as it is after this call began.
    fn read_to_end(&mut self, within: Duration) -> Result<(), AppendError> {
        let until = Instant::now() + within;
        let end = loop {
            match self.kafka.end(self.part) {
                Ok(end) => break end,
                // A connection that is being made, a leader that is being found.
                Err(_) if Instant::now() < until && !self.stop.load(Ordering::Acquire) => std::thread::sleep(TURN),
                Err(_) => return Err(AppendError::Nothing("the log's end cannot be asked for")),
            }
        };
        while self.next < end {
            self.attend();
            if !self.turn(until)? {
                return Err(AppendError::Nothing("the log could not be read to its end in time"));
            }
        }
        self.standing()
    }

    /// Appends a marker of `epoch` and reads it back (R2). The same one is sent again until it was read: two different
    /// ones could both come to stand, and the later would void what was appended between them.
    fn raise(&mut self, epoch: u32, until: Instant) -> Result<(), AppendError> {
        let at_ms = self.clock.now_ms().max(self.last_ms);
        let owner = self.mine.owner;
        let record = Record {
            epoch,
            owner,
            part: ALL_PARTITIONS,
            at_ms,
            shopper: ShopperId(0),
            keys: Default::default(),
            facts: std::iter::once(Fact::Owner { epoch, name: owner }).collect(),
            answer: &[],
        };
        let mut bytes = vec![0; 4];
        record.encode(&mut bytes);
        let length = (bytes.len() - 4) as u32;
        bytes[..4].copy_from_slice(&length.to_le_bytes());
        while Instant::now() < until {
            self.kafka.mend(self.part);
            let sent = self.send(&bytes);
            let again = Instant::now() + MARK;
            self.mark = Sent { read: self.mark.read, ..Sent::of(sent.unwrap_or(0)) };
            loop {
                let stands = self.marker == Marker { epoch, owner };
                if stands && self.mark.is_acked() {
                    self.mine.epoch = epoch;
                    return Ok(());
                }
                if self.marker.epoch >= epoch && !stands {
                    self.over = Some(Over::Deposed);
                }
                self.standing()?;
                if self.mark.acked.is_some_and(|failed| failed.is_some()) {
                    // Refused at once where Kafka is away: not sent again as fast as it is refused.
                    std::thread::sleep(TURN);
                    break;
                }
                if !self.turn(again)? {
                    break;
                }
            }
        }
        Err(AppendError::Nothing("the marker could not be read back in time"))
    }

    /// Sends a message; an error says that it surely was not sent.
    fn send(&mut self, data: &[u8]) -> Result<u64, RDKafkaErrorCode> {
        self.sequence += 1;
        let (key, ticket) = (self.key_of(self.sequence), Ticket { sequence: self.sequence, to: self.to.clone() });
        self.kafka.send(self.part, &key, data, ticket).map(|()| self.sequence)
    }

    /// Waits for one event and takes it in; false when the time is over.
    fn turn(&mut self, until: Instant) -> Result<bool, AppendError> {
        loop {
            if self.stop.load(Ordering::Acquire) {
                return Err(AppendError::Deposed);
            }
            let wait = until.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(wait.min(TURN)) {
                Ok(event) => {
                    self.take(event);
                    return self.standing().map(|()| true);
                }
                Err(RecvTimeoutError::Disconnected) => return Err(AppendError::Deposed),
                Err(RecvTimeoutError::Timeout) if wait.is_zero() => return Ok(false),
                Err(RecvTimeoutError::Timeout) => {
                    if self.follows && !self.kafka.follower().follows(self.part, &self.to) {
                        _ = self.follow();
                    }
                }
            }
        }
    }

    fn standing(&self) -> Result<(), AppendError> {
        if self.over.is_some() { Err(AppendError::Deposed) } else { Ok(()) }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Acked { sequence, failed, at } => {
                for sent in [&mut self.batch, &mut self.mark] {
                    if sent.sequence == sequence {
                        (sent.acked, sent.at) = (Some(failed), at);
                    }
                }
            }
            Event::Read { message, key, data } => self.read(message, key, data),
        }
    }

    /// The next message of the log: judged, kept for readers, and compared with what was sent from here.
    fn read(&mut self, message: i64, key: Option<[u8; 16]>, data: Vec<u8>) {
        if message < self.next || self.over.is_some() {
            return;
        }
        let batch = batch_of(message, data);
        let (admitted, at_ms) = match head(&batch) {
            Ok(record) if message == self.next => (self.marker.admits(&record), record.at_ms),
            _ => {
                tracing::error!(
                    part = self.part,
                    message,
                    "a record of the ledger cannot be read; its partition stops"
                );
                metrics::counter!("koi_ledger_unreadable_total").increment(1);
                self.over = Some(Over::Unreadable(message));
                return;
            }
        };
        self.next = message + 1;
        self.last_ms = self.last_ms.max(at_ms);
        lock(&self.recent).push(batch);
        if admitted && key.is_some_and(|key| key == self.key_of(self.batch.sequence)) {
            self.batch.read = Some(message);
        }
        // Before the claim others may stand; from then on a marker of somebody else's ends it.
        if self.mine.epoch > 0 && self.marker.owner != self.mine.owner {
            self.over = Some(Over::Deposed);
        }
    }

    fn key_of(&self, sequence: u64) -> [u8; 16] {
        let mut key = [0; 16];
        key[..8].copy_from_slice(&self.mine.owner.to_be_bytes());
        key[8..].copy_from_slice(&sequence.to_be_bytes());
        key
    }

    /// The batch is neither known to be there nor known not to be: a higher marker decides (R5).
    fn settle(&mut self) -> Result<u64, AppendError> {
        tracing::warn!(part = self.part, "a batch is in doubt; a higher marker settles it");
        metrics::counter!("koi_ledger_in_doubt_total").increment(1);
        self.attend();
        // As long as it takes: until then nothing may be appended, and only the log knows.
        loop {
            match self.raise(self.mine.epoch + 1, Instant::now() + CLAIM) {
                Ok(()) => break,
                Err(AppendError::Deposed) => return Err(AppendError::Deposed),
                Err(error) => tracing::warn!(part = self.part, %error, "a batch is still in doubt"),
            }
        }
        self.rest();
        match self.batch.read {
            Some(message) => Ok(first_of(message)),
            None => Err(AppendError::Nothing("the ledger was out of reach")),
        }
    }
}

impl Ledger for KafkaLedger {
    fn append(&mut self, data: &[u8], _count: u32) -> Result<u64, AppendError> {
        self.standing()?;
        // What was reported since the last batch no longer matters; what was read does.
        while let Ok(event) = self.events.try_recv() {
            self.take(event);
        }
        self.standing()?;
        self.batch = Sent::default();
        let sent = self.send(data);
        let Ok(sequence) = sent else {
            self.kafka.mend(self.part);
            return Err(AppendError::Nothing("the ledger's queue is full"));
        };
        self.batch = Sent::of(sequence);
        let until = Instant::now() + APPEND;
        loop {
            match (self.batch.acked, self.batch.read) {
                (Some(None), Some(message)) => {
                    self.rest();
                    return Ok(first_of(message));
                }
                // Nothing lies between it and what is known: it is read back by that.
                (Some(None), None) if self.batch.at == self.next => {
                    self.read(self.next, Some(self.key_of(sequence)), data.to_vec());
                    self.standing()?;
                    continue;
                }
                (Some(None), None) => self.attend(),
                (Some(Some(RDKafkaErrorCode::MessageSizeTooLarge)), _) => {
                    return Err(AppendError::Nothing("the batch is too big for one message"));
                }
                (Some(Some(code)), _) => {
                    tracing::warn!(part = self.part, %code, "a batch was not acknowledged");
                    return self.settle();
                }
                _ => {}
            }
            if !self.turn(until)? {
                return self.settle();
            }
        }
    }

    fn end(&self) -> u64 {
        first_of(self.next)
    }

    fn between_batches(&mut self) {}

    fn claimed(&self) -> Option<Marker> {
        Some(self.mine)
    }

    fn confirm(&mut self) -> Result<(), AppendError> {
        self.standing()?;
        let read = self.read_to_end(CATCH_UP);
        self.rest();
        read
    }
}

impl Drop for KafkaLedger {
    fn drop(&mut self) {
        self.kafka.follower().leave(self.part, &self.to);
    }
}

impl From<ClaimError> for PortError {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::Unreachable(_) => PortError::Unreachable("the ledger"),
            ClaimError::Lost(_) => PortError::Stale("the ledger"),
            ClaimError::Unreadable { .. } => PortError::Damaged("the ledger"),
        }
    }
}
