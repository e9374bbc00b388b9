//! What the notifier promises.

use app::live::{Heard, Next};
use app::ports::{Crowded, Notifier};
use bytes::Bytes;
use domain::ids::ShopperId;
use std::sync::Arc;
use std::time::Duration;

const ADA: ShopperId = ShopperId(7);
const BOB: ShopperId = ShopperId(8);
const SOON: Duration = Duration::from_secs(10);

fn heard(shopper: ShopperId, offset: u64) -> Heard {
    Heard { shopper, offset, at_ms: 0, facts: Default::default(), answer: Bytes::new() }
}

/// Each listener hears its own shopper's records in order, and nobody hears nothing.
pub async fn tells_each_shopper_their_own(notifier: Arc<dyn Notifier>) {
    assert!(!notifier.is_heard(ADA), "nobody listens yet");
    let (mut one, mut two) = (notifier.listen(ADA).expect("room"), notifier.listen(ADA).expect("room"));
    let mut bob = notifier.listen(BOB).expect("room");
    assert!(notifier.is_heard(ADA));
    for offset in 1..=5 {
        notifier.tell(heard(ADA, offset));
    }
    notifier.tell(heard(BOB, 6));
    for listener in [&mut one, &mut two] {
        for offset in 1..=5 {
            match tokio::time::timeout(SOON, listener.next()).await {
                Ok(Next::Heard(heard)) => assert_eq!((heard.shopper, heard.offset), (ADA, offset)),
                other => panic!("record {offset}: {other:?}"),
            }
        }
    }
    match tokio::time::timeout(SOON, bob.next()).await {
        Ok(Next::Heard(heard)) => assert_eq!((heard.shopper, heard.offset), (BOB, 6), "only Bob's own"),
        other => panic!("{other:?}"),
    }
    drop((one, two));
    assert!(!notifier.is_heard(ADA), "nobody listens any more");
}

/// Who does not keep up hears that something was missed, before anything that came after it.
pub async fn a_slow_listener_is_told_that_it_missed_something(notifier: Arc<dyn Notifier>) {
    let mut slow = notifier.listen(ADA).expect("room");
    for offset in 1..=100_000 {
        notifier.tell(heard(ADA, offset));
    }
    let mut last = 0;
    loop {
        match tokio::time::timeout(SOON, slow.next()).await {
            Ok(Next::Heard(heard)) => {
                assert_eq!(heard.offset, last + 1, "without a word about what is missing");
                last = heard.offset;
            }
            Ok(Next::Missed) => break,
            other => panic!("after {last}: {other:?}"),
        }
    }
    assert!(last < 100_000);
}

/// While held nothing is passed on; afterwards the listener reads on from what is durable.
pub async fn a_hold_sends_listeners_to_what_is_durable(notifier: Arc<dyn Notifier>) {
    let mut ada = notifier.listen(ADA).expect("room");
    let hold = notifier.clone().hold(vec![ADA]);
    notifier.tell(heard(ADA, 1));
    assert!(ada.is_held());
    let early = tokio::time::timeout(Duration::from_millis(50), ada.next()).await;
    assert!(early.is_err(), "{early:?}");
    drop(hold);
    let next = tokio::time::timeout(SOON, ada.next()).await;
    assert!(matches!(next, Ok(Next::Missed)), "{next:?}");
    assert!(!ada.is_held());
}

/// Sockets are bounded, and leave when they are told to.
pub async fn listeners_are_few_and_can_be_dismissed(notifier: Arc<dyn Notifier>, per_shopper: usize) {
    let mut all: Vec<_> = (0..per_shopper).map(|_| notifier.listen(ADA).expect("room")).collect();
    assert_eq!(notifier.listen(ADA).err(), Some(Crowded::Shopper));
    let mut bob = notifier.listen(BOB).expect("room for others");
    notifier.dismiss(Some(ADA));
    for listener in &mut all {
        let next = tokio::time::timeout(SOON, listener.next()).await;
        assert!(matches!(next, Ok(Next::Dismissed)), "{next:?}");
    }
    drop(all);
    assert!(notifier.listen(ADA).is_ok(), "room again");
    notifier.dismiss(None);
    assert!(matches!(tokio::time::timeout(SOON, bob.next()).await, Ok(Next::Dismissed)));
}
