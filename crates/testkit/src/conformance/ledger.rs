//! [`Ledger`] and [`LedgerReader`]: what was appended is there, in order, without holes.

use crate::builders::frame;
use app::ports::{AppendError, Ledger, LedgerReader, Marker, StoredBatch};
use domain::ids::ShopperId;
use domain::record::{Fact, Record};

/// A ledger that can be closed (by dropping both ends) and opened again.
pub trait Engine {
    /// The writing end; there is one at a time.
    fn open(&self) -> Box<dyn Ledger>;
    /// A reading end, beside a writing one or alone.
    fn reader(&self) -> Box<dyn LedgerReader>;
}

/// The `i`-th record's answer: of different lengths, some of them empty.
fn answer(i: u64) -> Vec<u8> {
    format!("record {i} ").repeat((i % 5) as usize).into_bytes()
}

/// The `i`-th record of the suite, written under `marker`.
pub(super) fn record(i: u64, marker: Marker) -> Vec<u8> {
    let answer = answer(i);
    let record = Record {
        epoch: marker.epoch,
        owner: marker.owner,
        part: 0,
        at_ms: i as i64,
        shopper: ShopperId(i),
        keys: Default::default(),
        facts: Default::default(),
        answer: &answer,
    };
    let mut bytes = Vec::new();
    record.encode(&mut bytes);
    bytes
}

/// The bytes of a batch of `count` records from the `i`-th on.
pub(super) fn batch(i: u64, count: u32, marker: Marker) -> Vec<u8> {
    let records: Vec<Vec<u8>> = (i..i + u64::from(count)).map(|i| record(i, marker)).collect();
    frame(records.iter().map(Vec::as_slice))
}

/// The marker that an end's records carry: its own, or any where the ledger does not ask for one.
pub(super) fn marker(ledger: &dyn Ledger) -> Marker {
    ledger.claimed().unwrap_or(Marker { epoch: 1, owner: 1 })
}

/// All batches from `offset` on but those of markers, page by page; each begins where the one before ends.
pub(super) fn read_all(reader: &dyn LedgerReader, offset: u64, max_bytes: usize) -> Vec<StoredBatch> {
    let (mut batches, mut at) = (Vec::new(), offset);
    loop {
        let page = reader.batches(at, max_bytes).expect("readable");
        let Some(last) = page.last() else { return batches };
        let mut next = None;
        for batch in &page {
            assert!(next.is_none_or(|next| next == batch.first), "a hole or a repeat before {}", batch.first);
            assert!(batch.next >= batch.first + u64::from(batch.count) && batch.next > at, "the next one lies behind");
            next = Some(batch.next);
        }
        at = last.next;
        batches.extend(page.into_iter().filter(|batch| !is_marker(batch)));
    }
}

fn is_marker(batch: &StoredBatch) -> bool {
    let first = app::owner::records(batch).next().expect("a record").expect("readable");
    matches!(first.1.facts.first(), Some(Fact::Owner { .. }))
}

/// What the suite has appended: the first record's offset and its number among all, the count, and the bytes.
#[derive(Default)]
struct Story {
    batches: Vec<(u64, u64, u32, Vec<u8>)>,
    records: u64,
}

impl Story {
    fn append(&mut self, ledger: &mut dyn Ledger, count: u32) -> u64 {
        let data = batch(self.records, count, marker(ledger));
        let first = ledger.append(&data, count).expect("appended");
        assert!(
            self.batches.last().is_none_or(|(before, _, count, _)| before + u64::from(*count) <= first),
            "offsets grow"
        );
        assert!(ledger.end() >= first + u64::from(count), "the end lies behind what was appended");
        self.batches.push((first, self.records, count, data));
        self.records += u64::from(count);
        first
    }

    /// Everything from `from` on is read as it was appended.
    fn assert_whole(&self, reader: &dyn LedgerReader, from: u64) {
        for max_bytes in [1, 64, 1 << 20] {
            let read = read_all(reader, from, max_bytes);
            let read: Vec<_> = read.iter().map(|b| (b.first, b.count, &b.data)).collect();
            let want = self.batches.iter().filter(|(first, _, count, _)| first + u64::from(*count) > from);
            let want: Vec<_> = want.map(|(first, _, count, data)| (*first, *count, data)).collect();
            assert!(read == want, "all from {from} on is read, in order (pages of {max_bytes})");
        }
    }

    /// Every record's offset and number.
    fn offsets(&self) -> impl Iterator<Item = (u64, u64, Vec<u8>)> {
        self.batches.iter().flat_map(|(first, i, count, data)| {
            let stored =
                StoredBatch { first: *first, count: *count, next: first + u64::from(*count), data: data.clone() };
            let owner = app::owner::records(&stored).next().and_then(Result::ok).map(|(_, r)| (r.epoch, r.owner));
            let (epoch, owner) = owner.expect("a record");
            (0..u64::from(*count)).map(move |at| (first + at, i + at, record(i + at, Marker { epoch, owner })))
        })
    }
}

/// Sizes of the batches that the suite appends.
const BATCHES: [u32; 7] = [1, 3, 1, 64, 2, 500, 7];

/// What was appended is read at once by another end, and after reopening, where the log goes on.
pub fn keeps_what_was_appended(engine: &dyn Engine) {
    let mut ledger = engine.open();
    let reader = engine.reader();
    let (empty, mut story) = (ledger.end(), Story::default());
    assert!(read_all(&*reader, 0, 1).is_empty(), "a new log holds markers at most");
    assert_eq!(reader.record(empty), Ok(None), "nothing is there yet");
    for count in BATCHES {
        let first = story.append(&mut *ledger, count);
        let (last, i) = (first + u64::from(count) - 1, story.records - 1);
        assert_eq!(reader.record(last), Ok(Some(record(i, marker(&*ledger)))), "read at once");
        ledger.between_batches();
        assert_eq!(ledger.confirm(), Ok(()));
    }
    story.assert_whole(&*reader, 0);
    let end = ledger.end();
    drop((ledger, reader));
    let mut ledger = engine.open();
    assert!(ledger.end() >= end, "the end survives");
    let reader = engine.reader();
    story.assert_whole(&*reader, 0);
    story.append(&mut *ledger, 2);
    story.assert_whole(&*reader, 0);
}

/// Reading starts anywhere, also in the middle of a batch, and ends at the end.
pub fn reads_from_anywhere(engine: &dyn Engine) {
    let mut ledger = engine.open();
    let reader = engine.reader();
    let mut story = Story::default();
    for count in BATCHES {
        story.append(&mut *ledger, count);
    }
    let end = ledger.end();
    for (first, _, count, _) in &story.batches {
        for from in [0, u64::from(*count) / 2, u64::from(*count) - 1].map(|at| first + at) {
            story.assert_whole(&*reader, from);
        }
    }
    assert!(reader.batches(end, 1 << 20).expect("readable").is_empty(), "nothing lies behind the end");
    for (offset, i, bytes) in story.offsets() {
        assert_eq!(reader.record(offset), Ok(Some(bytes)), "record {offset}");
        assert_eq!(reader.answer(offset), Ok(Some(answer(i))), "its answer");
    }
    for offset in [end, end + 1, end + u64::from(u32::MAX), i64::MAX as u64] {
        assert_eq!(reader.record(offset), Ok(None), "{offset} is behind the end");
        assert_eq!(reader.answer(offset), Ok(None), "{offset} is behind the end");
    }
}

/// What was archived is gone for readers but for its answers, the rest stays, and the end is kept though nearly all is
/// gone.
/// `archive(until)` archives all batches that lie wholly below `until`, as far as the engine does that.
pub fn forgets_what_was_archived(engine: &dyn Engine, archive: &dyn Fn(u64)) {
    let mut ledger = engine.open();
    let reader = engine.reader();
    let mut story = Story::default();
    for count in BATCHES {
        story.append(&mut *ledger, count);
    }
    let record = |i| record(i, Marker { epoch: 1, owner: 1 });
    let end = ledger.end();
    // The third batch reaches from 4 to 5, the fourth from 5 to 69: a bound in the middle of a batch spares it.
    archive(40);
    for (offset, there) in [(0, false), (4, false), (5, true), (39, true), (end - 1, true)] {
        let want = there.then(|| record(offset));
        assert_eq!(reader.record(offset), Ok(want), "record {offset} after archiving below 40");
    }
    story.assert_whole(&*reader, 5);
    assert_eq!(
        reader.batches(0, 1).expect("readable").first().map(|b| b.first),
        Some(5),
        "what is left is read from its first batch"
    );
    archive(end);
    assert_eq!(ledger.end(), end);
    drop((ledger, reader));
    let mut ledger = engine.open();
    assert_eq!(ledger.end(), end, "the end is known though nearly all is archived");
    let reader = engine.reader();
    assert_eq!(story.append(&mut *ledger, 1), end);
    assert_eq!(reader.record(0), Ok(None));
    assert_eq!(reader.record(end), Ok(Some(record(end))));
    for offset in (0..=end).filter(|offset| !answer(*offset).is_empty()) {
        assert_eq!(reader.answer(offset), Ok(Some(answer(offset))), "the answer at {offset}, archived or not");
    }
}

/// On a disk that gets full an append is refused as surely not done; with room again the ledger goes on. `room` gives
/// and takes room: after `room(false)` nearly nothing fits.
pub fn survives_a_full_disk(engine: &dyn Engine, room: &dyn Fn(bool)) {
    let mut ledger = engine.open();
    let reader = engine.reader();
    let mut story = Story::default();
    story.append(&mut *ledger, 10);
    let record = |i| record(i, Marker { epoch: 1, owner: 1 });
    room(false);
    let big = vec![7u8; 1 << 20];
    let mut filled = 10;
    let refused = loop {
        match ledger.append(&frame([&big[..]]), 1) {
            Ok(first) => {
                assert_eq!(first, filled);
                filled += 1;
                assert!(filled < 10_000, "the disk is not small");
            }
            Err(refused) => break refused,
        }
    };
    assert!(matches!(refused, AppendError::Nothing(_)), "a full disk leaves no doubt: {refused}");
    assert_eq!(ledger.end(), filled, "nothing was appended");
    assert_eq!(reader.record(filled), Ok(None), "nothing of it is read");
    assert_eq!(reader.record(9), Ok(Some(record(9))), "what was there is there");
    room(true);
    story.records = filled;
    assert_eq!(story.append(&mut *ledger, 3), filled, "it goes on once there is room");
    drop((ledger, reader));
    let ledger = engine.open();
    assert_eq!(ledger.end(), filled + 3);
    assert_eq!(engine.reader().record(filled + 2), Ok(Some(record(filled + 2))));
}
