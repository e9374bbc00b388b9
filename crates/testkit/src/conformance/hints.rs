//! What the hints promise, and what nodes keep near for each other.

use app::live::TICKET_LIFE;
use app::ports::{Hints, Hot, HotStrategy, JobCursor, Mark, Noted, TicketFor};
use domain::ids::{CampaignId, ShopperId};
use std::time::Duration;

const ADA: ShopperId = ShopperId(7);
const BOB: ShopperId = ShopperId(8);
const SPRING: CampaignId = CampaignId(1);
const SUMMER: CampaignId = CampaignId(2);

/// Waits where there is something to wait for.
pub async fn done(noted: Option<Noted>) {
    if let Some(noted) = noted {
        noted.await;
    }
}

/// A drawing bit that runs out, tickets of one use, marks, and buckets that refill. `wait` moves the clock.
pub async fn hold_for_their_time(hints: &dyn Hints, wait: &mut (dyn FnMut(Duration) + Send)) {
    assert!(hints.begin_drawing(ADA).await);
    assert!(!hints.begin_drawing(ADA).await, "one at a time");
    assert!(hints.begin_drawing(BOB).await, "others do not matter");
    done(hints.end_drawing(ADA)).await;
    assert!(hints.begin_drawing(ADA).await, "it ended");
    wait(Duration::from_millis(900));
    assert!(!hints.begin_drawing(ADA).await, "it goes on");
    done(hints.end_drawing(ADA)).await;
    assert!(hints.begin_drawing(ADA).await, "what began a while ago ends too");
    wait(Duration::from_millis(2_100));
    assert!(hints.begin_drawing(ADA).await, "whoever died holds nobody up");
    done(hints.end_drawing(BOB)).await;
    assert!(hints.begin_drawing(BOB).await, "the end of what nobody knows of any more");
    tickets(hints, wait).await;
    marks(hints).await;
    buckets(hints, wait).await;
}

async fn tickets(hints: &dyn Hints, wait: &mut (dyn FnMut(Duration) + Send)) {
    let (hash, of) = ([3; 32], TicketFor::Shopper(ADA));
    hints.put_ticket(hash, of).await.expect("kept");
    assert_eq!(hints.take_ticket([4; 32]).await, Ok(None), "another one");
    assert_eq!(hints.take_ticket(hash).await, Ok(Some(of)));
    assert_eq!(hints.take_ticket(hash).await, Ok(None), "one use");
    hints.put_ticket(hash, TicketFor::Figures(CampaignId(5))).await.expect("kept");
    wait(TICKET_LIFE);
    assert_eq!(hints.take_ticket(hash).await, Ok(None), "too old");
}

async fn marks(hints: &dyn Hints) {
    let today = Mark::SignedIn { campaign: SPRING, day: 20_000 };
    done(hints.mark(today, ADA)).await;
    done(hints.mark(Mark::Qualified { campaign: SUMMER }, BOB)).await;
    for (mark, shopper, want) in [
        (today, ADA, true),
        (Mark::SignedIn { campaign: SPRING, day: 20_001 }, ADA, false),
        (Mark::SignedIn { campaign: SUMMER, day: 20_000 }, ADA, false),
        (today, BOB, false),
        (Mark::Qualified { campaign: SUMMER }, BOB, true),
        (Mark::Qualified { campaign: SPRING }, BOB, false),
        (Mark::Qualified { campaign: SUMMER }, ADA, false),
    ] {
        assert_eq!(hints.is_marked(mark, shopper).await, want, "{mark:?} {shopper}");
    }
}

async fn buckets(hints: &dyn Hints, wait: &mut (dyn FnMut(Duration) + Send)) {
    for _ in 0..3 {
        assert_eq!(hints.admit(1, 2, 3).await, None, "the burst");
    }
    let after = hints.admit(1, 2, 3).await.expect("empty");
    assert!((1..=500).contains(&after), "half a second a request: {after}");
    assert_eq!(hints.admit(2, 2, 3).await, None, "another bucket");
    wait(Duration::from_millis(u64::from(after)));
    assert_eq!(hints.admit(1, 2, 3).await, None, "after the wait");
    wait(Duration::from_secs(10));
    for _ in 0..3 {
        assert_eq!(hints.admit(1, 2, 3).await, None, "full again, and no fuller than the burst");
    }
    assert!(hints.admit(1, 2, 3).await.is_some());
}

/// Of many shoppers exactly those are marked and drawing who were.
pub async fn nobody_is_taken_for_another(hints: &dyn Hints, shoppers: u64) {
    let mark = Mark::Qualified { campaign: CampaignId(77) };
    // Ids as the owners make them: milliseconds, partition, sequence.
    let id = |i: u64| ShopperId((i / 3) << 22 | (i * 7 % 64) << 16 | (i % 3));
    for i in (0..shoppers).filter(|i| i % 3 == 0) {
        done(hints.mark(mark, id(i))).await;
        assert!(hints.begin_drawing(id(i)).await, "{i}");
    }
    for i in 0..shoppers {
        assert_eq!(hints.is_marked(mark, id(i)).await, i % 3 == 0, "{i}");
        assert_eq!(hints.begin_drawing(id(i)).await, i % 3 != 0, "{i}");
        done(hints.end_drawing(id(i))).await;
        assert!(hints.begin_drawing(id(i)).await, "{i}");
    }
}

/// Two nodes see each other's hints, and of both only one takes a ticket.
pub async fn nodes_share_them(one: &dyn Hints, two: &dyn Hints) {
    assert!(one.begin_drawing(ADA).await);
    assert!(!two.begin_drawing(ADA).await, "another node draws");
    done(one.end_drawing(ADA)).await;
    assert!(two.begin_drawing(ADA).await, "it ended before it was answered");
    let mark = Mark::SignedIn { campaign: SPRING, day: 1 };
    done(two.mark(mark, BOB)).await;
    assert!(one.is_marked(mark, BOB).await);
    one.put_ticket([9; 32], TicketFor::Shopper(BOB)).await.expect("kept");
    let (first, second) = tokio::join!(one.take_ticket([9; 32]), two.take_ticket([9; 32]));
    let taken = [first.expect("asked"), second.expect("asked")];
    assert_eq!(taken.iter().flatten().count(), 1, "{taken:?}");
    assert_eq!((one.admit(5, 1, 1).await, two.admit(5, 1, 1).await.is_some()), (None, true), "one bucket");
}

/// Whatever is lost is only not known any more: nothing is refused and nothing false is said. `lose` empties the engine.
pub async fn a_loss_makes_nothing_false(hints: &dyn Hints, lose: impl AsyncFn()) {
    let mark = Mark::Qualified { campaign: SPRING };
    assert!(hints.begin_drawing(ADA).await);
    done(hints.mark(mark, ADA)).await;
    hints.put_ticket([1; 32], TicketFor::Shopper(ADA)).await.expect("kept");
    while hints.admit(3, 1, 2).await.is_none() {}
    lose().await;
    // Bob comes to where Ada's place was.
    done(hints.mark(Mark::Qualified { campaign: SUMMER }, BOB)).await;
    assert!(hints.begin_drawing(BOB).await, "Ada's draw is not taken for one of Bob's");
    done(hints.end_drawing(ADA)).await;
    assert!(hints.begin_drawing(ADA).await, "it ended");
    for (shopper, campaign, want) in [(ADA, SPRING, false), (BOB, SPRING, false), (BOB, SUMMER, true)] {
        assert_eq!(hints.is_marked(Mark::Qualified { campaign }, shopper).await, want, "{shopper} {campaign}");
    }
    assert_eq!(hints.take_ticket([1; 32]).await, Ok(None));
    assert_eq!(hints.admit(3, 1, 2).await, None, "a new bucket");
    done(hints.end_drawing(ADA)).await;
    assert!(hints.begin_drawing(ADA).await, "it works as before");
}

/// An engine that is away refuses nothing, keeps what one node can keep by itself, and nobody waits for it.
pub async fn away_it_refuses_nothing(hints: &dyn Hints) {
    let started = std::time::Instant::now();
    for _ in 0..100 {
        assert!(hints.begin_drawing(ADA).await);
        assert!(!hints.begin_drawing(ADA).await, "this node draws");
        done(hints.end_drawing(ADA)).await;
        assert!(!hints.is_marked(Mark::Qualified { campaign: SPRING }, BOB).await);
        done(hints.mark(Mark::Qualified { campaign: SPRING }, BOB)).await;
    }
    hints.put_ticket([7; 32], TicketFor::Shopper(ADA)).await.expect("kept by this node");
    assert_eq!(hints.take_ticket([7; 32]).await, Ok(Some(TicketFor::Shopper(ADA))));
    assert_eq!(hints.take_ticket([7; 32]).await, Ok(None), "one use");
    let bucket = app::random::word();
    assert_eq!(hints.admit(bucket, 1, 1).await, None);
    assert!(hints.admit(bucket, 1, 1).await.is_some(), "this node counts");
    // Five hundred questions: each waiting for its bound would take half a minute.
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

/// What is kept near is the newest of what was kept, until it is forgotten.
pub async fn hot_ones_are_the_newest(hot: &dyn Hot) {
    let of = |generation, at_ms| HotStrategy { slots: format!("[[0,{generation},\"鲤\"]]"), generation, at_ms };
    assert_eq!(hot.strategy(ADA, SPRING).await, None);
    for (kept, want) in [(of(2, 200), of(2, 200)), (of(1, 100), of(2, 200)), (of(3, 300), of(3, 300))] {
        done(hot.keep_strategy(ADA, SPRING, &kept)).await;
        assert_eq!(hot.strategy(ADA, SPRING).await, Some(want));
    }
    assert_eq!((hot.strategy(BOB, SPRING).await, hot.strategy(ADA, SUMMER).await), (None, None));
    done(hot.forget_strategies(&[BOB, ADA], SPRING)).await;
    assert_eq!(hot.strategy(ADA, SPRING).await, None);

    let at = |generation, after, finished| JobCursor {
        campaign: SPRING,
        after: ShopperId(after),
        done: after,
        total: 1_000,
        generation,
        finished,
    };
    assert_eq!(hot.cursor(SPRING, None).await, None);
    for (moved, want) in [
        (at(1, 500, false), at(1, 500, false)),
        (at(1, 400, false), at(1, 500, false)),
        (at(1, 900, false), at(1, 900, false)),
        (at(1, 900, true), at(1, 900, true)),
        (at(2, 10, false), at(2, 10, false)),
        (at(1, 999, true), at(2, 10, false)),
    ] {
        done(hot.advance(None, moved)).await;
        assert_eq!(hot.cursor(SPRING, None).await, Some(want));
    }
    assert_eq!((hot.cursor(SUMMER, None).await, hot.cursor(SPRING, Some(3)).await), (None, None));
    // Each partition has a cursor of its own; of equals the later one stands.
    for moved in [at(2, 5, true), JobCursor { total: 2_000, ..at(2, 5, true) }] {
        done(hot.advance(Some(3), moved)).await;
        assert_eq!(hot.cursor(SPRING, Some(3)).await, Some(moved));
    }
    assert_eq!((hot.cursor(SPRING, None).await, hot.cursor(SPRING, Some(4)).await), (Some(at(2, 10, false)), None));
}
