//! [`Ledger`] and [`LedgerReader`]: what was appended is there, in order, without holes.

use crate::builders::frame;
use app::ports::{AppendError, Ledger, LedgerReader, StoredBatch};
use domain::ids::ShopperId;
use domain::record::Record;

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

/// The `i`-th record of the suite.
fn record(i: u64) -> Vec<u8> {
    let answer = answer(i);
    let record = Record {
        epoch: 1,
        owner: 1,
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

fn append(ledger: &mut dyn Ledger, first: u64, count: u32) -> Result<u64, AppendError> {
    let records: Vec<Vec<u8>> = (first..first + u64::from(count)).map(record).collect();
    ledger.append(&frame(records.iter().map(Vec::as_slice)), count)
}

/// All records from `offset` on, page by page.
fn read_all(reader: &dyn LedgerReader, offset: u64, max_bytes: usize) -> Vec<StoredBatch> {
    let (mut batches, mut at) = (Vec::new(), offset);
    loop {
        let page = reader.batches(at, max_bytes).expect("readable");
        let Some(last) = page.last() else { return batches };
        at = last.first + u64::from(last.count);
        batches.extend(page);
    }
}

fn assert_whole(reader: &dyn LedgerReader, from: u64, end: u64) {
    for max_bytes in [1, 64, 1 << 20] {
        let mut next = None;
        for batch in read_all(reader, from, max_bytes) {
            assert!(
                next.is_none_or(|next| next == batch.first),
                "a hole or a repeat before {} (pages of {max_bytes})",
                batch.first
            );
            assert!(
                next.is_some() || batch.first <= from && from < batch.first + u64::from(batch.count),
                "the first batch holds {from}"
            );
            let records: Vec<Vec<u8>> = (batch.first..batch.first + u64::from(batch.count)).map(record).collect();
            assert_eq!(batch.data, frame(records.iter().map(Vec::as_slice)), "the bytes of batch {}", batch.first);
            next = Some(batch.first + u64::from(batch.count));
        }
        assert_eq!(next.unwrap_or(end), end, "all is read from {from} on (pages of {max_bytes})");
    }
}

/// Sizes of the batches that the suite appends.
const BATCHES: [u32; 7] = [1, 3, 1, 64, 2, 500, 7];

/// Appends give offsets without holes; what was appended is read at once by another end, and after reopening.
pub fn keeps_what_was_appended(engine: &dyn Engine) {
    let mut ledger = engine.open();
    let reader = engine.reader();
    assert_eq!(ledger.end(), 0, "a new ledger is empty");
    assert!(reader.batches(0, 1).expect("readable").is_empty());
    assert_eq!(reader.record(0), Ok(None), "nothing is there yet");
    let mut end = 0;
    for count in BATCHES {
        assert_eq!(append(&mut *ledger, end, count), Ok(end), "the first record's offset");
        end += u64::from(count);
        assert_eq!(ledger.end(), end);
        assert_eq!(reader.record(end - 1), Ok(Some(record(end - 1))), "read at once");
        ledger.between_batches();
    }
    assert_whole(&*reader, 0, end);
    drop((ledger, reader));
    let mut ledger = engine.open();
    assert_eq!(ledger.end(), end, "the end survives");
    let reader = engine.reader();
    assert_whole(&*reader, 0, end);
    assert_eq!(append(&mut *ledger, end, 2), Ok(end), "it goes on where it was");
    assert_whole(&*reader, 0, end + 2);
}

/// Reading starts anywhere, also in the middle of a batch, and ends at the end.
pub fn reads_from_anywhere(engine: &dyn Engine) {
    let mut ledger = engine.open();
    let reader = engine.reader();
    for count in BATCHES {
        let end = ledger.end();
        append(&mut *ledger, end, count).expect("appended");
    }
    let end = ledger.end();
    for from in [0, 1, 2, 3, 4, 5, 40, 68, 69, 70, 71, 300, end - 7, end - 1] {
        assert_whole(&*reader, from, end);
    }
    assert!(reader.batches(end, 1 << 20).expect("readable").is_empty(), "nothing lies behind the end");
    for offset in 0..end {
        assert_eq!(reader.record(offset), Ok(Some(record(offset))), "record {offset}");
        assert_eq!(reader.answer(offset), Ok(Some(answer(offset))), "its answer");
    }
    for offset in [end, end + 1, u64::from(u32::MAX), i64::MAX as u64] {
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
    for count in BATCHES {
        let end = ledger.end();
        append(&mut *ledger, end, count).expect("appended");
    }
    let end = ledger.end();
    // The third batch reaches from 4 to 5, the fourth from 5 to 69: a bound in the middle of a batch spares it.
    archive(40);
    for (offset, there) in [(0, false), (4, false), (5, true), (39, true), (end - 1, true)] {
        let want = there.then(|| record(offset));
        assert_eq!(reader.record(offset), Ok(want), "record {offset} after archiving below 40");
    }
    assert_whole(&*reader, 5, end);
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
    assert_eq!(append(&mut *ledger, end, 1), Ok(end));
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
    append(&mut *ledger, 0, 10).expect("there is room");
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
    assert_eq!(append(&mut *ledger, filled, 3), Ok(filled), "it goes on once there is room");
    drop((ledger, reader));
    let ledger = engine.open();
    assert_eq!(ledger.end(), filled + 3);
    assert_eq!(engine.reader().record(filled + 2), Ok(Some(record(filled + 2))));
}
