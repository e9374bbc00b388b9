//! The open batch: records encoded one behind the other, and what is to be done once they are durable.

use super::campaigns::CampaignSlot;
use super::exchange::ItemSlot;
use super::{Busy, Owner};
use crate::command::{Act, Reply};
use crate::error::{Error, Result};
use crate::ports::{AppendError, Share};
use crate::runtime::{Counted, counted_by};
use crate::trace::{self, Parent, Span, SpanKind};
use bytes::Bytes;
use domain::award::AwardState;
use domain::ids::{CampaignId, ItemId, ShopperId};
use domain::record::{Fact, Keyed, Record};
use metrics::{counter, histogram};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use std::sync::atomic::Ordering;
use std::time::Instant;
use tokio::sync::oneshot;

/// Of a peak of callers under way, this part is forgotten per batch.
const FORGOTTEN: usize = 16;

/// What to say when a record is durable.
pub(super) enum Saying {
    Done { status: u16 },
    Registered { created: bool, registered_at_ms: i64 },
    Events { accepted: usize, duplicates: usize },
    Changed,
    Award { state: AwardState },
}

/// One record on its way.
#[expect(clippy::large_enum_variant, reason = "nearly all are of the large kind; a box would allocate on every draw")]
pub(super) enum Pending {
    Shopper {
        shopper: ShopperId,
        facts: SmallVec<[Fact; 2]>,
        keys: SmallVec<[Keyed; 1]>,
        answer: std::ops::Range<usize>,
        saying: Saying,
        reply: oneshot::Sender<Result<Reply>>,
    },
    Act {
        act: Act,
        reply: oneshot::Sender<Result<()>>,
    },
    /// Units that go back to a common stock.
    Return {
        fact: Fact,
        share: Share,
    },
}

/// The open batch.
#[derive(Default)]
pub(super) struct Batch {
    pub data: Vec<u8>,
    pub pending: Vec<Pending>,
    /// Spans of the requests that were looked at for it, a few.
    pub parents: Vec<Parent>,
}

impl Batch {
    pub fn len(&self) -> usize {
        self.pending.len()
    }

    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Encodes a record behind its length and returns where its answer lies.
    fn encode(&mut self, record: &Record<'_>) -> std::ops::Range<usize> {
        let at = self.data.len();
        self.data.extend_from_slice(&[0; 4]);
        record.encode(&mut self.data);
        let length = (self.data.len() - at - 4) as u32;
        self.data[at..at + 4].copy_from_slice(&length.to_le_bytes());
        self.data.len() - record.answer.len()..self.data.len()
    }
}

/// A record in the making.
pub(super) struct Draft {
    pub facts: SmallVec<[Fact; 2]>,
    pub keys: SmallVec<[Keyed; 1]>,
    pub answer: Vec<u8>,
    pub saying: Saying,
}

/// What a committed batch does to the counters on `/metrics`: told once per batch, not once per draw.
#[derive(Default)]
struct Tally {
    draws: u64,
    events: u64,
    chances: u64,
}

impl Tally {
    fn count(&mut self, facts: &[Fact]) {
        for fact in facts {
            match fact {
                Fact::Drawn(_) => self.draws += 1,
                Fact::Behaved { .. } => self.events += 1,
                Fact::Granted(g) => self.chances += u64::from(g.chances),
                _ => {}
            }
        }
    }

    fn tell(&self) {
        counter!("koi_draws_total", "result" => "drawn").increment(self.draws);
        counter!("koi_events_total").increment(self.events);
        counter!("koi_chances_granted_total").increment(self.chances);
    }
}

/// Counts a fact for whatever it counts for.
fn count(campaigns: &mut FxHashMap<CampaignId, CampaignSlot>, items: &mut FxHashMap<ItemId, ItemSlot>, fact: &Fact) {
    let counters = match counted_by(fact) {
        Some(Counted::Campaign(id)) => campaigns.get_mut(&id).map(|slot| &mut slot.counters),
        Some(Counted::Item(id)) => items.get_mut(&id).map(|slot| &mut slot.counters),
        None => None,
    };
    if let Some(counters) = counters {
        counters.fold(fact);
    }
}

fn tally(pending: &[Pending]) -> Tally {
    let mut tally = Tally::default();
    for one in pending {
        if let Pending::Shopper { facts, .. } = one {
            tally.count(facts);
        }
    }
    tally
}

impl Owner {
    /// What waits after a batch, in commands: for the next one, for what its shopper is busy with, for records.
    pub(super) fn tell_depths(&self) {
        let waiting = [("owner", self.queue.len()), ("deferred", self.deferred.len()), ("parked", self.parked_count)];
        for (queue, depth) in waiting {
            metrics::gauge!("koi_queue_depth", "queue" => queue).set(depth as f64);
        }
    }

    /// Puts a shopper's record into the batch; the shopper is busy until it is durable.
    pub(super) fn append(&mut self, shopper: ShopperId, draft: Draft, reply: oneshot::Sender<Result<Reply>>) {
        let Draft { facts, keys, answer, saying } = draft;
        let busy = if facts.iter().any(|f| matches!(f, Fact::Drawn(_))) { Busy::Draw } else { Busy::Other };
        if let Some(slot) = self.accounts.get_mut(&shopper) {
            slot.busy = Some(busy);
        }
        let record = Record {
            epoch: self.marker.epoch,
            owner: self.marker.owner,
            part: shopper.partition(),
            at_ms: self.now_ms,
            shopper,
            keys,
            facts,
            answer: &answer,
        };
        let answer = self.batch.encode(&record);
        let Record { keys, facts, .. } = record;
        self.batch.pending.push(Pending::Shopper { shopper, facts, keys, answer, saying, reply });
    }

    /// Puts a record of all partitions into the batch: an act, answered when it is durable (R9).
    pub(super) fn append_act(&mut self, act: Act, reply: oneshot::Sender<Result<()>>) {
        let record = self.bare_record(act.fact());
        self.batch.encode(&record);
        self.batch.pending.push(Pending::Act { act, reply });
    }

    /// Puts a record of the log's own into the batch: units go back.
    pub(super) fn append_return(&mut self, fact: Fact, share: Share) {
        let record = self.bare_record(fact.clone());
        self.batch.encode(&record);
        self.batch.pending.push(Pending::Return { fact, share });
    }

    /// A record that concerns no shopper.
    pub(super) fn bare_record(&self, fact: Fact) -> Record<'static> {
        Record {
            epoch: self.marker.epoch,
            owner: self.marker.owner,
            part: domain::record::ALL_PARTITIONS,
            at_ms: self.now_ms,
            shopper: ShopperId(0),
            keys: SmallVec::new(),
            facts: std::iter::once(fact).collect(),
            answer: &[],
        }
    }

    /// Appends the batch, folds it and answers. False when the ledger is in doubt, or no longer this owner's: then nobody
    /// is answered.
    pub(super) fn commit(&mut self) -> bool {
        let data = std::mem::take(&mut self.batch.data);
        let pending = std::mem::take(&mut self.batch.pending);
        crate::failpoint::hit("before_append");
        let started = Instant::now();
        let mut span = Span::after("ledger.append", SpanKind::Producer, &self.batch.parents);
        let appended = trace::on_thread(span.as_ref(), || self.ledger.append(&data, pending.len() as u32));
        if let (Some(mut span), Ok(first)) = (span.take(), &appended) {
            span.note(("koi.records", pending.len() as i64));
            self.shared.traced.note(first + pending.len() as u64, &span);
        }
        crate::failpoint::hit("after_append");
        // Many who ask again are still unread in their sockets: a peak is forgotten slowly.
        self.under_way = (pending.len() + self.queue.len()).max(self.under_way - self.under_way.div_ceil(FORGOTTEN));
        histogram!("koi_ledger_commit_seconds").record(started.elapsed().as_secs_f64());
        self.registering.clear();
        // A batch that had to be settled has raised it.
        self.marker = self.ledger.claimed().unwrap_or(self.marker);
        match appended {
            Ok(first) => {
                counter!("koi_ledger_commits_total").increment(1);
                histogram!("koi_ledger_batch_records").record(pending.len() as f64);
                self.batch.data.reserve(data.len() + data.len() / 4);
                self.batch.pending.reserve(pending.len());
                self.durable(first, &Bytes::from(data), pending);
                true
            }
            Err(AppendError::Nothing(why)) => {
                tracing::warn!(
                    why,
                    records = pending.len(),
                    "the batch was rolled back; its callers are told to ask again"
                );
                self.discard(pending);
                true
            }
            Err(AppendError::InDoubt(why)) => {
                tracing::error!(
                    why,
                    records = pending.len(),
                    "the ledger is in doubt; nothing more is answered and the process exits"
                );
                self.shared.fatal.send_replace(true);
                false
            }
            // Dropped callers are told that the owner stopped; the next one knows what became of their commands.
            Err(AppendError::Deposed) => {
                tracing::info!(records = pending.len(), "another owner has taken the log over");
                false
            }
        }
    }

    fn durable(&mut self, first: u64, data: &Bytes, pending: Vec<Pending>) {
        self.last_ms = self.now_ms;
        // Before anyone is answered: whoever was told of a draw finds it counted.
        tally(&pending).tell();
        let mut told = Vec::with_capacity(pending.len() + self.held.len());
        told.append(&mut self.held);
        for (offset, one) in (first..).zip(pending) {
            match one {
                Pending::Act { act, reply } => {
                    self.take_over(act);
                    _ = reply.send(Ok(()));
                }
                Pending::Return { fact, share } => {
                    self.count(&fact);
                    self.put_back_done(share, true);
                }
                Pending::Shopper { shopper, facts, keys, answer, saying, reply } => {
                    self.fold(shopper, offset, &facts, &keys);
                    self.tell(shopper, offset, facts, &data[answer.clone()]);
                    let said = match saying {
                        Saying::Done { status } => Reply::Done { status, body: data.slice(answer) },
                        Saying::Registered { created, registered_at_ms } => {
                            Reply::Registered { id: shopper, created, registered_at_ms }
                        }
                        Saying::Events { accepted, duplicates } => Reply::Events { accepted, duplicates },
                        Saying::Changed => Reply::Changed,
                        Saying::Award { state } => Reply::Award { state, moved: true, at_ms: self.last_ms },
                    };
                    told.push((reply, Ok(said)));
                }
            }
        }
        // Set before the answers: whoever is told sees it in every read that follows.
        self.shared.folded.store(self.ledger.end(), Ordering::Release);
        self.release();
        self.herald.tell(told);
    }

    /// Folds one record's facts into its account and its campaigns.
    fn fold(&mut self, shopper: ShopperId, offset: u64, facts: &[Fact], keys: &[Keyed]) {
        let Some(slot) = self.accounts.get_mut(&shopper) else {
            tracing::error!(offset, "a durable record has no account in memory");
            return;
        };
        slot.busy = None;
        slot.tail.push_back(offset);
        let projected = self.shared.projected.load(Ordering::Acquire);
        for key in keys {
            slot.keys.insert(key, offset, projected);
        }
        for fact in facts {
            if *fact == Fact::Erased {
                self.names.remove(slot.account.external_id.as_str());
            }
            if let Err(broken) = slot.account.fold(fact) {
                tracing::error!(offset, %broken, "a record that this owner wrote does not continue its account");
            }
            self.billed.note(fact, shopper, offset, projected);
            if let Fact::Registered { external_id, .. } = fact {
                self.shared.names.insert(external_id.as_str());
                self.names.insert(external_id.as_str().into(), shopper);
            }
            count(&mut self.campaigns, &mut self.items, fact);
        }
    }

    fn count(&mut self, fact: &Fact) {
        count(&mut self.campaigns, &mut self.items, fact);
    }

    /// Undoes a batch that surely is not in the ledger.
    fn discard(&mut self, pending: Vec<Pending>) {
        const WHY: &str = "the ledger could not take the request; nothing happened";
        for (reply, _) in std::mem::take(&mut self.held) {
            _ = reply.send(Err(Error::Unavailable(WHY)));
        }
        for one in pending {
            match one {
                Pending::Act { reply, .. } => _ = reply.send(Err(Error::Unavailable(WHY))),
                Pending::Return { share, .. } => self.put_back_done(share, false),
                Pending::Shopper { shopper, facts, reply, .. } => {
                    if facts.iter().any(|f| matches!(f, Fact::Registered { .. })) {
                        self.accounts.remove(&shopper);
                    } else if let Some(slot) = self.accounts.get_mut(&shopper) {
                        slot.busy = None;
                    }
                    _ = reply.send(Err(Error::Unavailable(WHY)));
                }
            }
        }
        self.release();
    }
}
