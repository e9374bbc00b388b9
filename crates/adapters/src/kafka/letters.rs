//! Dead letters: messages of other programs that could not be taken, with the reason, and the way back.

use super::client::{LOOK, Options, Quiet, client};
use super::topics::{Outgoing, Topics, TopicsOptions};
use super::{KafkaError, MESSAGE_BYTES};
use app::ports::{PortResult, Unfit};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaError as DriverError;
use rdkafka::message::{Message, OwnedMessage};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long reading on may take without a message.
const QUIET: Duration = Duration::from_secs(20);
/// Letters written back between two commits of the place that was reached.
const PIECE: usize = 100;
/// Characters of a reason.
const DETAIL_CHARS: usize = 500;

/// A message that was not taken, as the topic of dead letters holds it.
#[derive(Debug, Serialize, Deserialize)]
struct Letter {
    version: u32,
    /// Topic, partition and offset of the message.
    id: String,
    at: String,
    topic: String,
    partition: i32,
    offset: i64,
    code: String,
    detail: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// The message as it was, where it is text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value_base64: Option<String>,
}

impl Letter {
    fn of(message: &OwnedMessage, unfit: &Unfit, now_ms: i64) -> Self {
        let (topic, partition, offset) = (message.topic().to_owned(), message.partition(), message.offset());
        let bytes = message.payload().unwrap_or_default();
        let text = std::str::from_utf8(bytes).ok();
        Self {
            version: app::topics::VERSION,
            id: format!("{topic}/{partition}/{offset}"),
            at: app::time::rfc3339(now_ms),
            topic,
            partition,
            offset,
            code: unfit.code.clone(),
            detail: unfit.detail.chars().take(DETAIL_CHARS).collect(),
            key: message.key().map(|key| String::from_utf8_lossy(key).into_owned()),
            value: text.map(str::to_owned),
            value_base64: text.is_none().then(|| STANDARD.encode(bytes)),
        }
    }

    /// The message's own bytes.
    fn bytes(&self) -> Option<Vec<u8>> {
        match (&self.value, &self.value_base64) {
            (Some(text), _) => Some(text.clone().into_bytes()),
            (None, Some(coded)) => STANDARD.decode(coded).ok(),
            (None, None) => None,
        }
    }
}

impl Topics {
    /// Puts messages to the dead letters; returns when they are durable there.
    pub(super) async fn bury(&self, unfit: &[(&OwnedMessage, Unfit)], now_ms: i64) -> PortResult<()> {
        let topic = self.names.dead_letters();
        let letters: Vec<(String, Vec<u8>)> = unfit
            .iter()
            .filter_map(|(message, unfit)| {
                let letter = Letter::of(message, unfit, now_ms);
                Some((letter.id.clone(), serde_json::to_vec(&letter).ok()?))
            })
            .collect();
        let outgoing: Vec<Outgoing<'_>> =
            letters.iter().map(|(id, value)| Outgoing { topic: &topic, key: Some(id.as_bytes()), value }).collect();
        self.send(&outgoing).await?;
        for (message, unfit) in unfit {
            // The detail may quote the message.
            tracing::warn!(topic = message.topic(), offset = message.offset(), code = unfit.code, "a dead letter");
        }
        metrics::counter!("koi_dead_letters_total").increment(unfit.len() as u64);
        Ok(())
    }
}

/// What a replay did.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// Letters that were looked at.
    pub letters: u64,
    /// Written back to their topics.
    pub replayed: u64,
    /// Passed over: no letter of this koi's, or of a topic that nobody writes to.
    pub skipped: u64,
    /// Letters by the code of their reason.
    pub codes: BTreeMap<String, u64>,
}

/// Writes dead letters back to the topics they came from, from where the last replay ended to the end as it is now, at
/// most `limit`; `dry_run` only counts. One that still cannot be taken becomes a letter again. A replay that is cut off
/// repeats at most a few, which is harmless. Blocks.
///
/// # Errors
/// Kafka is out of reach; what was written back so far is not written again.
pub fn replay(
    runtime: &tokio::runtime::Handle,
    (kafka, options): (&Options, &TopicsOptions),
    limit: u64,
    dry_run: bool,
) -> Result<Replayed, KafkaError> {
    let topics = runtime.block_on(Topics::open(kafka, options))?;
    let away = |error: DriverError| {
        tracing::warn!(%error, "the dead letters cannot be read");
        KafkaError::Unreachable(kafka.brokers.clone())
    };
    let letters = topics.names.dead_letters();
    let consumer: BaseConsumer<Quiet> = client(&kafka.brokers)
        .set("group.id", topics.names.group("replay"))
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .set("fetch.message.max.bytes", MESSAGE_BYTES.to_string())
        .create_with_context(Quiet)
        .map_err(away)?;
    let (low, end) = consumer.fetch_watermarks(&letters, 0, QUIET).map_err(away)?;
    let mut asked = TopicPartitionList::new();
    asked.add_partition(&letters, 0);
    let reached = consumer.committed_offsets(asked, QUIET).map_err(away)?;
    let reached = reached.elements().first().and_then(|place| place.offset().to_raw()).unwrap_or(low).max(low);
    let mut place = TopicPartitionList::new();
    place.add_partition_offset(&letters, 0, Offset::Offset(reached)).map_err(away)?;
    consumer.assign(&place).map_err(away)?;
    let end = end.min(reached.saturating_add(i64::try_from(limit).unwrap_or(i64::MAX)));
    let (mut done, mut next) = (Replayed::default(), reached);
    while next < end {
        let piece = gather(&consumer, next, end).ok_or_else(|| KafkaError::Unreachable(kafka.brokers.clone()))?;
        next = piece.last().map_or(next, |message| message.offset() + 1);
        let sent = runtime.block_on(topics.write_back(&piece, dry_run, &mut done));
        sent.map_err(|_| KafkaError::Unreachable(kafka.brokers.clone()))?;
        if !dry_run {
            let mut reached = TopicPartitionList::new();
            reached.add_partition_offset(&letters, 0, Offset::Offset(next)).map_err(away)?;
            consumer.commit(&reached, CommitMode::Sync).map_err(away)?;
        }
    }
    Ok(done)
}

/// The next letters below `end`; nothing where none comes in time.
fn gather(consumer: &BaseConsumer<Quiet>, mut next: i64, end: i64) -> Option<Vec<OwnedMessage>> {
    let (mut piece, until) = (Vec::new(), Instant::now() + QUIET);
    while next < end && piece.len() < PIECE {
        match consumer.poll(LOOK) {
            Some(Ok(message)) if message.offset() >= end => break,
            Some(Ok(message)) => {
                next = message.offset() + 1;
                piece.push(message.detach());
            }
            _ if Instant::now() > until => return None,
            _ => {}
        }
    }
    Some(piece)
}

impl Topics {
    async fn write_back(&self, piece: &[OwnedMessage], dry_run: bool, done: &mut Replayed) -> PortResult<()> {
        let ours = self.names.written_by_others();
        let mut back = Vec::new();
        for message in piece {
            done.letters += 1;
            let letter = message.payload().and_then(|value| serde_json::from_slice::<Letter>(value).ok());
            let Some((letter, bytes)) = letter.and_then(|letter| letter.bytes().map(|bytes| (letter, bytes))) else {
                done.skipped += 1;
                continue;
            };
            *done.codes.entry(letter.code.clone()).or_default() += 1;
            // A letter is data: it never names a topic that koi does not read.
            if ours.contains(&letter.topic) {
                back.push((letter, bytes));
            } else {
                done.skipped += 1;
            }
        }
        if dry_run {
            return Ok(());
        }
        let outgoing: Vec<Outgoing<'_>> = back
            .iter()
            .map(|(letter, value)| Outgoing {
                topic: &letter.topic,
                key: letter.key.as_deref().map(str::as_bytes),
                value,
            })
            .collect();
        self.send(&outgoing).await?;
        done.replayed += outgoing.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::message::Timestamp;

    #[test]
    fn a_letter_brings_its_message_back_byte_for_byte() {
        for value in [&b"{\"id\": 1}"[..], b"", b"\xff\x00nonsense", "锦鲤".as_bytes()] {
            let (payload, key) = (Some(value.to_vec()), Some(b"ada".to_vec()));
            let message = OwnedMessage::new(payload, key, "t".into(), Timestamp::NotAvailable, 2, 7, None);
            let letter = Letter::of(&message, &Unfit::new("invalid", "x".repeat(9_000)), 0);
            let read: Letter = serde_json::from_slice(&serde_json::to_vec(&letter).unwrap()).unwrap();
            assert_eq!(read.bytes().as_deref(), Some(value));
            assert_eq!((read.id.as_str(), read.key.as_deref()), ("t/2/7", Some("ada")));
            assert_eq!(read.detail.len(), DETAIL_CHARS);
        }
    }
}
