//! [`Escrow`] (R6): never are more units out than there are, whoever takes at once and whatever answer was lost.

use app::ports::{Escrow, Good, Holding, PortError, Share, Take};
use domain::ids::CampaignId;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

const HERE: CampaignId = CampaignId(41);

const FIRST: Good = Good::Prize(0);
/// No bound but the stock itself.
const ALL: u64 = u64::MAX;

fn share(good: Good, part: u8) -> Share {
    Share { campaign: HERE, good, part }
}

/// Units move between the stock and the logs' rows, and add up after every step.
pub async fn moves_units<E: Escrow>(open: impl AsyncFn() -> E) {
    let escrow = open().await;
    let (one, two) = (share(FIRST, 1), share(FIRST, 2));
    assert_eq!(escrow.left(HERE, FIRST).await, Ok(None), "no stock was set");
    assert_eq!(escrow.take(one, 0, 1, ALL).await, Ok(Take::Short { left: 0 }));
    assert_eq!(escrow.stock(HERE, FIRST, 10).await, Ok(true));
    assert_eq!(escrow.stock(HERE, Good::Prize(1), 3).await, Ok(true), "another prize is another stock");
    assert_eq!(escrow.stock(HERE, Good::Budget, 1 << 40).await, Ok(true), "and so is what may be spent");
    for (who, believed, units, want, left) in [
        (one, 0, 4, Take::Taken { taken: 4 }, 6),
        (two, 0, 5, Take::Taken { taken: 5 }, 1),
        (one, 4, 2, Take::Short { left: 1 }, 1),
        (one, 0, 1, Take::Moved { holding: Holding { taken: 4, returned: 0 } }, 1),
        (one, 9, 1, Take::Moved { holding: Holding { taken: 4, returned: 0 } }, 1),
        (one, 4, 1, Take::Taken { taken: 5 }, 0),
        (two, 5, 1, Take::Short { left: 0 }, 0),
    ] {
        assert_eq!(escrow.take(who, believed, units, ALL).await, Ok(want), "{units} for {who:?}, believed {believed}");
        assert_eq!(escrow.left(HERE, FIRST).await, Ok(Some(left)));
    }
    for (returned, left, holding) in [
        (2, 2, Holding { taken: 5, returned: 2 }),
        (2, 2, Holding { taken: 5, returned: 2 }),
        (1, 2, Holding { taken: 5, returned: 2 }),
        (5, 5, Holding { taken: 5, returned: 5 }),
    ] {
        assert_eq!(escrow.give_back(two, returned).await, Ok(()), "{returned}");
        assert_eq!((escrow.left(HERE, FIRST).await, escrow.holding(two).await), (Ok(Some(left)), Ok(holding)));
    }
    assert!(matches!(escrow.give_back(two, 6).await, Err(PortError::Damaged(_))), "more than was taken");
    for within in [0, 4, 7] {
        let short = escrow.take(two, 5, 3, within).await;
        let left = within.saturating_sub(5);
        assert_eq!(short, Ok(Take::Short { left }), "only {within} may be out, 5 are");
    }
    assert_eq!(escrow.take(two, 5, 3, 8).await, Ok(Take::Taken { taken: 8 }), "what came back is taken again");
    for (total, set, left) in [(7, false, 2), (8, true, 0), (20, true, 12)] {
        assert_eq!(escrow.stock(HERE, FIRST, total).await, Ok(set), "{total}");
        assert_eq!(escrow.left(HERE, FIRST).await, Ok(Some(left)));
    }
    drop(escrow);
    let escrow = open().await;
    assert_eq!(escrow.holding(one).await, Ok(Holding { taken: 5, returned: 0 }), "a successor inherits it");
    assert_eq!(escrow.left(HERE, Good::Prize(1)).await, Ok(Some(3)));
}

/// Many logs, and two owners that both believe to own one, take the last units at once: all of them are taken, none twice.
pub async fn never_oversells<E: Escrow + 'static>(open: impl AsyncFn() -> E) {
    const STOCK: u64 = 50;
    const LAST: Good = Good::Prize(7);
    let escrow = Arc::new(open().await);
    assert_eq!(escrow.stock(HERE, LAST, STOCK).await, Ok(true));
    let takers = (0..8).map(|i| {
        let escrow = escrow.clone();
        tokio::spawn(async move {
            // Two takers per log.
            let who = share(LAST, i / 2);
            let (mut believed, mut got) = (0, 0);
            loop {
                match escrow.take(who, believed, 1, ALL).await {
                    Ok(Take::Taken { taken }) => (believed, got) = (taken, got + 1),
                    Ok(Take::Moved { holding }) => believed = holding.taken,
                    Ok(Take::Short { .. }) => return got,
                    // Busy engines say no now and then; what came of it is read.
                    Err(_) => match escrow.holding(who).await {
                        Ok(holding) => believed = holding.taken,
                        Err(_) => tokio::task::yield_now().await,
                    },
                }
            }
        })
    });
    let mut got: u64 = 0;
    for taker in takers.collect::<Vec<_>>() {
        got += taker.await.expect("a taker");
    }
    let mut taken = 0;
    for part in 0..4 {
        taken += escrow.holding(share(LAST, part)).await.expect("readable").taken;
    }
    assert_eq!((taken, escrow.left(HERE, LAST).await), (STOCK, Ok(Some(0))), "the last unit is taken by somebody");
    assert!(got <= STOCK, "{got} were told of a unit");
}

/// Goes on with a piece of work `most` times, as a process that is paused then; its outcome where it came to its end.
async fn paused_after<T>(most: usize, mut work: std::pin::Pin<&mut impl Future<Output = T>>) -> Option<T> {
    let mut times = 0;
    std::future::poll_fn(|context| {
        times += 1;
        match work.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if times < most => Poll::Pending,
            Poll::Pending => Poll::Ready(None),
        }
    })
    .await
}

/// A process that is paused while it takes or gives back, wherever that is, holds up no other; and when it goes on, what
/// it asked for has happened once or not at all.
pub async fn holds_nobody_up<E: Escrow>(open: impl AsyncFn() -> E) {
    /// A lock would be waited for at least as long.
    const SOON: Duration = Duration::from_secs(5);
    /// Where a call pauses: the longest one comes to its end before that.
    const PAUSES: u64 = 12;
    const SHARED: Good = Good::Prize(9);
    let (paused, other) = (open().await, open().await);
    let (one, two) = (share(SHARED, 1), share(SHARED, 63));
    assert_eq!(paused.stock(HERE, SHARED, 1_000).await, Ok(true));
    let (mut mine, mut theirs) = (Holding::default(), Holding::default());
    for most in 1..=PAUSES {
        let mut take = pin!(paused.take(one, mine.taken, 3, ALL));
        let taken = paused_after(most as usize, take.as_mut()).await;
        let soon = tokio::time::timeout(SOON, other.take(two, theirs.taken, 2, ALL)).await;
        theirs.taken += 2;
        assert_eq!(soon, Ok(Ok(Take::Taken { taken: theirs.taken })), "paused after {most}");
        let taken = if let Some(taken) = taken { taken } else { take.await };
        mine.taken += 3;
        assert_eq!(taken, Ok(Take::Taken { taken: mine.taken }), "paused after {most}");

        let mut back = pin!(paused.give_back(one, mine.returned + 1));
        let done = paused_after(most as usize, back.as_mut()).await;
        let soon = tokio::time::timeout(SOON, other.give_back(two, theirs.returned + 1)).await;
        assert_eq!(soon, Ok(Ok(())), "paused after {most}");
        assert_eq!(if let Some(done) = done { done } else { back.await }, Ok(()), "paused after {most}");
        (mine.returned, theirs.returned) = (mine.returned + 1, theirs.returned + 1);
    }
    assert_eq!((other.holding(one).await, paused.holding(two).await), (Ok(mine), Ok(theirs)));
    let out = mine.taken - mine.returned + theirs.taken - theirs.returned;
    assert_eq!(paused.left(HERE, SHARED).await, Ok(Some(1_000 - out)), "all of it adds up");
}
