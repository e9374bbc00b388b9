//! [`Escrow`] (R6): never are more units out than there are, whoever takes at once and whatever answer was lost.

use app::ports::{Escrow, Good, Holding, PortError, Share, Take};
use domain::ids::CampaignId;
use std::sync::Arc;

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
