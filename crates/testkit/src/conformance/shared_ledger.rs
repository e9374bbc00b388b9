//! [`Ledger`] where others may write the log too: R2, R3 and R5, asked of the real engine.

use super::ledger::{Engine, batch, marker};
use app::ports::{AppendError, Ledger, LedgerReader, Marker};
use domain::record::Fact;
use std::time::{Duration, Instant};

/// How long a faulty append may take to be settled after the fault is over.
const SETTLED: Duration = Duration::from_secs(30);

/// The numbers of the suite's records that count, in log order, and the markers that did.
fn judged(reader: &dyn LedgerReader) -> (Vec<u64>, Vec<Marker>) {
    let (mut valid, mut markers, mut marker, mut at) = (Vec::new(), Vec::new(), Marker::default(), 0);
    loop {
        let page = reader.batches(at, 1 << 20).expect("readable");
        let Some(last) = page.last() else { return (valid, markers) };
        at = last.next;
        for batch in &page {
            for item in app::owner::records(batch) {
                let (_, record) = item.expect("readable");
                match (marker.admits(&record), record.facts.first()) {
                    (true, Some(Fact::Owner { .. })) => markers.push(marker),
                    (true, _) => valid.push(record.shopper.0),
                    (false, _) => {}
                }
            }
        }
    }
}

fn append(ledger: &mut dyn Ledger, i: u64) -> Result<u64, AppendError> {
    let data = batch(i, 2, marker(ledger));
    ledger.append(&data, 2)
}

/// R2: every opening claims the log by a higher marker under a name of its own, and what an earlier owner appends after
/// it counts for nobody.
pub fn a_higher_marker_takes_over(engine: &dyn Engine) {
    let mut first = engine.open();
    append(&mut *first, 0).expect("the only owner appends");
    let mut second = engine.open();
    let (old, new) = (marker(&*first), marker(&*second));
    assert!(new.epoch > old.epoch && new.owner != old.owner, "{old:?} then {new:?}");
    // The deposed one does not know yet; the engine takes what it writes.
    assert_eq!(append(&mut *first, 10), Err(AppendError::Deposed));
    assert_eq!(append(&mut *first, 20), Err(AppendError::Deposed), "and it stays deposed");
    append(&mut *second, 2).expect("the owner appends");
    let (valid, markers) = judged(&*engine.reader());
    assert_eq!(valid, [0, 1, 2, 3], "what was written after the higher marker is void");
    assert_eq!(markers, [old, new]);
    drop(first);
    append(&mut *second, 4).expect("the deposed one's end ends nothing else");
    assert_eq!(second.confirm(), Ok(()));
}

/// R3: what was read may be told only while no higher marker stands, also where nothing is appended.
pub fn reads_need_the_log(engine: &dyn Engine) {
    let mut first = engine.open();
    assert_eq!(first.confirm(), Ok(()), "an empty log is soon read");
    append(&mut *first, 0).expect("appended");
    assert_eq!(first.confirm(), Ok(()));
    let mut second = engine.open();
    assert_eq!(first.confirm(), Err(AppendError::Deposed), "the higher marker was acknowledged before this was asked");
    assert_eq!(second.confirm(), Ok(()));
    let mut third = engine.open();
    append(&mut *third, 2).expect("appended");
    assert_eq!(second.confirm(), Err(AppendError::Deposed));
    assert_eq!(judged(&*engine.reader()).0, [0, 1, 2, 3]);
}

/// R5: a batch whose fate is unclear is settled by a higher marker. Either it stands before that marker and was appended,
/// or it is void whatever comes of it; and the log goes on. `during` begins a fault and `after` ends it.
pub fn doubt_is_settled(engine: &dyn Engine, during: &dyn Fn(), after: &(dyn Fn() + Sync), fault: Duration) {
    let mut ledger = engine.open();
    append(&mut *ledger, 0).expect("appended");
    let before = marker(&*ledger);
    during();
    let started = Instant::now();
    let settled = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(fault);
            after();
        });
        append(&mut *ledger, 2)
    });
    assert!(started.elapsed() < fault + SETTLED, "it took {:?}", started.elapsed());
    let now = marker(&*ledger);
    assert_eq!(now.owner, before.owner);
    assert!(now.epoch > before.epoch, "the fault was long enough to leave a doubt, which a higher marker settled");
    append(&mut *ledger, 4).expect("it goes on");
    assert_eq!(ledger.confirm(), Ok(()));
    let want: &[u64] = match settled {
        Ok(_) => &[0, 1, 2, 3, 4, 5],
        Err(AppendError::Nothing(_)) => &[0, 1, 4, 5],
        Err(other) => panic!("the only owner was told: {other}"),
    };
    assert_eq!(judged(&*engine.reader()).0, want, "what was said of the batch ({settled:?}) is what the log says");
}

/// A record that cannot be read stops the log for its owner and for whoever would claim it: nothing is skipped or guessed.
/// `spoil` appends one past all owners.
pub fn stops_at_what_cannot_be_read(engine: &dyn Engine, spoil: &dyn Fn(), claim_fails: &dyn Fn() -> bool) {
    let mut ledger = engine.open();
    append(&mut *ledger, 0).expect("appended");
    spoil();
    assert_eq!(ledger.confirm(), Err(AppendError::Deposed));
    assert_eq!(append(&mut *ledger, 2), Err(AppendError::Deposed));
    drop(ledger);
    assert!(claim_fails(), "nobody can claim what cannot be read");
}
