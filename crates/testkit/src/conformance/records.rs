//! [`Projection`], [`Accounts`], [`Lists`], [`Orders`] and [`Timers`]: rows come all or none, and are read back as they went in.

use crate::builders::{NOON_MS, Story, key};
use app::ports::{
    Accounts, AwardDesk, Heardings, Lists, Orders, Person, PortError, Position, Projection, Registry, Timers,
};
use app::rows::BehaviourRow;
use app::timers::{DueKind, DueRow};
use domain::award::AwardState;
use domain::ids::{AwardId, CampaignId, EntryId, OrderId, ShopperId};
use domain::order::{OrderEvent, OrderKind, OrderState};
use domain::record::{Billed, Fact, Granted, Moved, RefundDue};

/// What projection writes and the others read.
pub trait Rows: Projection + Accounts + Lists + Orders + Timers {}

impl<T: Projection + Accounts + Lists + Orders + Timers> Rows for T {}

const HERE: CampaignId = CampaignId(41);
const THERE: CampaignId = CampaignId(42);
/// Above every id.
const ALL: u64 = i64::MAX as u64;

/// A batch and its position are one: both are there after reopening, and an old batch changes nothing.
pub async fn projects_atomically<R: Rows>(open: impl AsyncFn() -> R) {
    let store = open().await;
    assert_eq!(store.position().await, Ok(Position::default()), "new records are at the ledger's start");
    let mut story = Story::default();
    let ada = story.register("ada");
    story.grant(ada, HERE, 5, key("g"));
    let mut first = story.rows();
    first.counters.push((HERE, "{\"draws\":1}".into()));
    let at_first = first.position;
    store.apply(first).await.expect("applied");
    story.draw(ada, HERE, 1, key("d"));
    let mut second = story.rows();
    second.counters = vec![(HERE, "{\"draws\":2}".into()), (THERE, "{}".into())];
    let position = second.position;
    store.apply(second).await.expect("applied");
    drop(store);
    let store = open().await;
    assert_eq!(store.position().await, Ok(position), "the position survives, with all bits of the owner's name");
    let mut counters = store.counters().await.expect("readable");
    counters.sort();
    assert_eq!(counters, [(HERE, "{\"draws\":2}".into()), (THERE, "{}".into())]);

    // A projector that lost its place comes with what is there already, and with lies beside it.
    for stale in [at_first, position] {
        let mut again = Story::default();
        let other = again.register("eve");
        again.grant(other, HERE, 1, key("eve"));
        let mut batch = again.rows();
        batch.position = stale;
        batch.counters.push((HERE, "{\"draws\":99}".into()));
        _ = store.apply(batch).await;
        assert_eq!(store.position().await, Ok(position), "the position never falls");
        assert!(
            store.by_name("eve").await.expect("readable").is_none(),
            "nothing of a batch at {} is written",
            stale.next
        );
        assert!(!store.counters().await.expect("readable").contains(&(HERE, "{\"draws\":99}".into())));
    }
}

/// A batch that cannot be written whole is not written at all.
pub async fn rolls_back_whole_batches<R: Rows>(open: impl AsyncFn() -> R) {
    let store = open().await;
    let mut story = Story::default();
    let ada = story.register("ada");
    story.grant(ada, HERE, 5, key("g"));
    let mut bad = story.rows();
    // Text that is none cannot be stored, and stands after most of the other rows.
    bad.behaviours.push(BehaviourRow { shopper: ada, key: key("b"), at_ms: 0, payload: vec![0xff, 0xfe] });
    assert!(matches!(store.apply(bad).await, Err(PortError::Unreachable(_) | PortError::Damaged(_))));
    assert!(store.by_name("ada").await.expect("readable").is_none());
    assert_eq!(store.position().await, Ok(Position::default()));

    let mut story = Story::default();
    let ada = story.register("ada");
    story.grant(ada, HERE, 5, key("g"));
    store.apply(story.rows()).await.expect("the next one is not in the way of the failed one");
    assert!(store.by_name("ada").await.expect("readable").is_some());
}

/// A fence keeps out whoever has a lower one: nothing of their batches is written, and theirs cannot be raised over it.
pub async fn keeps_the_deposed_out<R: Rows>(open: impl AsyncFn() -> R) {
    let (first, second) = (open().await, open().await);
    first.fence(3).await.expect("raised");
    let mut story = Story::default();
    let ada = story.register("ada");
    first.apply(story.rows()).await.expect("the owner writes");
    let position = first.position().await.expect("readable");
    second.fence(5).await.expect("raised");
    story.grant(ada, HERE, 5, key("g"));
    assert!(first.apply(story.rows()).await.is_err(), "the deposed one writes nothing");
    assert_eq!(second.position().await, Ok(position));
    assert!(second.orders(ada, HERE, ALL, 10).await.expect("readable").is_empty());
    for (epoch, raised) in [(3, false), (4, false), (5, true), (6, true), (5, false)] {
        let fenced = if epoch == 5 && raised { second.fence(epoch).await } else { first.fence(epoch).await };
        assert_eq!(fenced.is_ok(), raised, "{epoch}: {fenced:?}");
    }
    story.grant(ada, HERE, 5, key("h"));
    assert!(second.apply(story.rows()).await.is_err(), "6 keeps out 5");
    story.grant(ada, HERE, 7, key("i"));
    first.apply(story.rows()).await.expect("who raised it writes");
    assert_eq!(second.orders(ada, HERE, ALL, 10).await.expect("readable").len(), 1);
}

/// Accounts are found by id and by name as they were folded, and listed in id order.
pub async fn finds_accounts<R: Rows>(open: impl AsyncFn() -> R) {
    let store = open().await;
    assert_eq!(store.newest_id().await, Ok(0));
    assert_eq!(store.names_count().await, Ok(0));
    let mut story = Story::default();
    let names = ["ada", "锦鲤", "x'); DROP TABLE accounts;--", "e\u{301}", "a b"];
    let mut ids: Vec<(ShopperId, String)> =
        names.iter().map(|name| (story.register(name), (*name).to_owned())).collect();
    let ada = ids[0].0;
    story.grant(ada, HERE, 3, key("g"));
    story.draw(ada, HERE, 2, key("d"));
    story.points(ada, 30, "p");
    store.apply(story.rows()).await.expect("applied");
    story.points(ada, -10, "q");
    store.apply(story.rows()).await.expect("applied");

    let found = store.by_name("ada").await.expect("readable").expect("ada");
    assert_eq!((&found.account, found.next), (story.account(ada), story.next()));
    for (id, name) in &ids {
        let found = store.by_name(name).await.expect("readable").unwrap_or_else(|| panic!("{name:?}"));
        assert_eq!(found.account, *story.account(*id), "{name:?}");
    }
    for unknown in ["", "Ada", "ada ", "é"] {
        assert!(store.by_name(unknown).await.expect("readable").is_none(), "{unknown:?} is another name");
    }
    let asked = [ids[2].0, ShopperId(1), ids[4].0];
    let mut found: Vec<ShopperId> =
        store.by_ids(&asked).await.expect("readable").iter().map(|a| a.account.id).collect();
    found.sort_unstable();
    let mut want = vec![ids[2].0, ids[4].0];
    want.sort_unstable();
    assert_eq!(found, want, "those that exist");
    assert!(store.by_ids(&[]).await.expect("readable").is_empty());

    ids.sort_unstable();
    let (mut listed, mut after) = (Vec::new(), ShopperId(0));
    loop {
        let page = store.names(after, 2).await.expect("readable");
        let Some((last, _)) = page.last() else { break };
        after = *last;
        listed.extend(page);
    }
    assert_eq!(listed, ids, "all names, in id order, each once");
    assert_eq!(store.names_count().await, Ok(names.len() as u64));
}

/// The newest id is that of whatever was made last, be it a shopper or a draw.
pub async fn knows_the_newest_id<R: Rows>(open: impl AsyncFn() -> R) {
    let store = open().await;
    let mut story = Story::default();
    let ada = story.register("ada");
    store.apply(story.rows()).await.expect("applied");
    assert_eq!(store.newest_id().await, Ok(ada.0));
    let (order, _) = story.grant(ada, HERE, 3, key("g"));
    store.apply(story.rows()).await.expect("applied");
    assert_eq!(store.newest_id().await, Ok(order.0), "an order");
    let (drawn, _) = story.draw(ada, HERE, 1, key("d"));
    store.apply(story.rows()).await.expect("applied");
    assert_eq!(store.newest_id().await, Ok(drawn[0].1.0), "an award");
    let entry = story.points(ada, 1, "p");
    store.apply(story.rows()).await.expect("applied");
    assert_eq!(store.newest_id().await, Ok(entry.0), "an entry");
}

/// Keys are found, the newest first, each with the record that holds its answer.
pub async fn keeps_keys<R: Rows>(open: impl AsyncFn() -> R) {
    let store = open().await;
    let mut story = Story::default();
    let (ada, bob) = (story.register("ada"), story.register("bob"));
    let mut made = vec![key("grant")];
    story.grant(ada, HERE, 100, key("grant"));
    story.grant(bob, HERE, 9, key("bobs"));
    for (i, count) in [1, 10, 2, 10, 1].into_iter().enumerate() {
        let once = key(&format!("draw {i}"));
        story.draw(ada, HERE, count, once);
        made.push(once);
    }
    let paid = story.next();
    story.points(ada, 7, "paid");
    made.push(key("paid"));
    store.apply(story.rows()).await.expect("applied");

    let newest_first: Vec<_> = made.iter().rev().copied().collect();
    for limit in [1, 2, 3, 4, 5, 6, 7, 50] {
        let keys = store.keys(ada, limit).await.expect("readable");
        let got: Vec<_> = keys.iter().map(|k| k.hash).collect();
        // Fewer than `limit` means that there are no more: a command of ten draws must count as one key.
        assert_eq!(
            got,
            newest_first[..newest_first.len().min(limit as usize)],
            "the newest {limit}, a command's draws as one"
        );
    }
    let stored = store.key(ada, key("paid")).await.expect("readable").expect("a key");
    assert_eq!(
        (stored.offset, stored.request, stored.status),
        (paid, u64::MAX - paid, 201),
        "all bits of the request's hash"
    );
    let drawn = store.key(ada, key("draw 1")).await.expect("readable").expect("a key");
    assert_eq!((drawn.offset, drawn.status), (4 + 1, 201), "the record that holds the answer");
    for (shopper, hash) in [(bob, key("paid")), (ada, key("bobs")), (ada, key("never"))] {
        assert!(store.key(shopper, hash).await.expect("readable").is_none(), "keys are a shopper's own");
    }
}

/// Lists are the shopper's own, newest first, below `before`, with the states that came later.
pub async fn lists_newest_first<R: Rows>(open: impl AsyncFn() -> R) {
    let store = open().await;
    let mut story = Story::default();
    let (ada, bob) = (story.register("ada"), story.register("bob"));
    let mut made = Vec::new();
    for (shopper, campaign) in [(ada, HERE), (bob, HERE), (ada, THERE)] {
        story.grant(shopper, campaign, 10, key(&format!("{shopper}{campaign}")));
        for i in 0..3 {
            let drawn = story.draw(shopper, campaign, 1 + i % 2, key(&format!("{shopper}{campaign}{i}"))).0;
            made.extend(drawn.into_iter().map(|(draw, award)| (shopper, campaign, draw, award)));
        }
    }
    let entries: Vec<_> = (1..=4).map(|i| story.points(ada, i, &format!("k{i}"))).collect();
    story.points(bob, 99, "bobs");
    store.apply(story.rows()).await.expect("applied");
    let claimed = made[1].3;
    story.claim(ada, claimed);
    // A state that names somebody else's award moves nothing.
    story.claim(bob, made[0].3);
    store.apply(story.rows()).await.expect("applied");

    let mut hers: Vec<_> = made.iter().filter(|m| m.0 == ada && m.1 == HERE).map(|m| m.2.0).collect();
    hers.reverse();
    assert_eq!(
        paged(hers.len(), async |before| ids(&store.draws(ada, HERE, before, 2).await.expect("readable"), |d| d.id.0))
            .await,
        hers
    );
    let draw = &store.draws(ada, HERE, ALL, 1).await.expect("readable")[0];
    assert_eq!((draw.shopper, draw.campaign, draw.n, draw.award.map(|a| a.0)), (ada, HERE, 4, Some(made[3].3.0)));

    let mut awards: Vec<_> = made.iter().filter(|m| m.0 == ada).map(|m| m.3.0).collect();
    awards.reverse();
    assert_eq!(
        paged(awards.len(), async |before| ids(&store.awards(ada, before, 2).await.expect("readable"), |a| a.id.0))
            .await,
        awards
    );
    for (award, want) in [(claimed, AwardState::Claimed), (made[0].3, AwardState::Granted)] {
        assert_eq!(store.award(ada, award).await.expect("readable").map(|a| a.state), Some(want), "{award}");
        assert_eq!(store.award_states(ada, &[award, AwardId(1)]).await, Ok(vec![(award, want)]));
        assert!(store.award(bob, award).await.expect("readable").is_none(), "an award is its winner's own");
    }

    let got = store.entries(ada, ALL, 10).await.expect("readable");
    assert_eq!(ids(&got, |e| e.id.0), entries.iter().rev().map(|e| e.0).collect::<Vec<_>>());
    assert_eq!(
        (got[0].amount, got[0].balance, got[0].business_key.as_str(), got[0].reason.as_str()),
        (4, 10, "k4", "thanks")
    );
    assert!(store.entries(ada, entries[0].0, 10).await.expect("readable").is_empty(), "`before` is exclusive");
    let (order, _) = story.grant(ada, HERE, 2, key("late"));
    store.apply(story.rows()).await.expect("applied");
    let stored = store.order(order).await.expect("readable").expect("an order");
    assert_eq!((stored.shopper, stored.campaign, stored.chances, stored.lot), (ada, HERE, 2, order));
    assert_eq!((stored.state, stored.reason.as_str()), (OrderState::Effective, "gift"));
    assert!(store.order(OrderId(1)).await.expect("readable").is_none());
    let hers = store.orders(ada, HERE, ALL, 10).await.expect("readable");
    assert_eq!(ids(&hers, |o| o.id.0)[0], order.0, "newest first, hers and of this campaign alone");
    assert_eq!(hers.len(), 2);
}

/// Orders move as their facts say, with those in their lots; what is owed back is listed.
pub async fn moves_orders<R: Rows>(open: impl AsyncFn() -> R) {
    let store = open().await;
    let mut story = Story::default();
    let (ada, bob) = (story.register("ada"), story.register("bob"));
    let (used, _) = story.grant(ada, HERE, 1, key("used"));
    let (other, _) = story.grant(ada, HERE, 2, key("other"));
    let joined = OrderId(story.new_id(ada));
    let granted = |order, lot, kind, chances, expires_at_ms| {
        let reason = String::new();
        let (points, streak, rebate) = (0, 0, None);
        let granted =
            Granted { order, campaign: HERE, kind, chances, lot, expires_at_ms, reason, points, streak, rebate };
        Fact::Granted(Box::new(granted))
    };
    story.facts(ada, vec![granted(joined, other, OrderKind::Grant, 3, None)]);
    let bill = |order| Fact::Billed(Billed { order, campaign: HERE, chances: 2, price_cents: 200, pay_by_ms: 900 });
    let (paid, late) = (OrderId(story.new_id(bob)), OrderId(story.new_id(bob)));
    story.facts(bob, vec![bill(paid)]);
    story.facts(bob, vec![bill(late)]);
    store.apply(story.rows()).await.expect("applied");
    assert_eq!(store.order(paid).await.expect("readable").expect("an order").state, OrderState::PendingPayment);
    assert_eq!(store.due(899, 10).await.expect("readable").len(), 0);
    assert_eq!(store.due(900, 10).await.expect("readable").len(), 2);

    story.draw(ada, HERE, 1, key("d1"));
    let moved = |order, event, chances| Fact::OrderMoved(Moved { order, campaign: HERE, event, chances, cents: 0 });
    story.facts(ada, vec![moved(other, OrderEvent::Expire, 5)]);
    story.facts(bob, vec![granted(paid, paid, OrderKind::Paid, 2, Some(5_000))]);
    let refund = EntryId(story.new_id(bob));
    let owed = RefundDue {
        id: refund,
        order: late,
        campaign: HERE,
        amount_cents: 200,
        payment: "p".into(),
        reason: "late".into(),
    };
    story.facts(bob, vec![moved(late, OrderEvent::TimeOut, 0), Fact::RefundDue(Box::new(owed))]);
    store.apply(story.rows()).await.expect("applied");
    for (order, state) in [
        (used, OrderState::Used),
        (other, OrderState::Expired),
        (joined, OrderState::Expired),
        (paid, OrderState::Effective),
        (late, OrderState::Closed),
    ] {
        assert_eq!(store.order(order).await.expect("readable").map(|o| o.state), Some(state), "{order}");
    }
    assert_eq!(store.order(paid).await.expect("readable").and_then(|o| o.expires_at_ms), Some(5_000));
    let refunds = store.refunds(HERE, ALL, 10).await.expect("readable");
    assert_eq!(ids(&refunds, |r| r.id.0), [refund.0]);
    assert_eq!((refunds[0].order, refunds[0].amount_cents, refunds[0].payment.as_str()), (late, 200, "p"));
    let due = store.due(i64::MAX, 10).await.expect("readable");
    assert_eq!(due.len(), 1, "settled timers are gone: {due:?}");
    assert_eq!((due[0].key.kind, due[0].key.id, due[0].at_ms), (DueKind::Chances, paid.0, 5_000));
    let early = DueRow { at_ms: 4_999, ..due[0] };
    store.forget(&[early]).await.expect("forgotten");
    assert_eq!(store.due(i64::MAX, 10).await.expect("readable").len(), 1, "a timer that was put off stays");
    store.forget(&due).await.expect("forgotten");
    store.forget(&due).await.expect("forgetting again is fine");
    assert_eq!(store.due(i64::MAX, 10).await.expect("readable"), []);
}

/// Records that told something are found by their shopper, draws and notices alike, from any offset on.
pub async fn hears_what_was_told<R: Rows + Heardings>(open: impl AsyncFn() -> R) {
    let store = open().await;
    let mut story = Story::default();
    let (ada, bob) = (story.register("ada"), story.register("bob"));
    let granted = story.next();
    story.grant(ada, HERE, 5, key("g"));
    story.grant(bob, HERE, 5, key("h"));
    let first = story.next();
    story.draw(ada, HERE, 3, key("d"));
    let second = story.next();
    story.draw(ada, HERE, 1, key("e"));
    story.draw(bob, HERE, 1, key("f"));
    let mut rows = story.rows();
    rows.notices.retain(|notice| notice.shopper == ada);
    rows.notices.dedup_by_key(|notice| notice.offset);
    let mut want: Vec<u64> = rows.notices.iter().map(|notice| notice.offset).chain([first, second]).collect();
    want.sort_unstable();
    store.apply(rows).await.expect("applied");
    let since = NOON_MS - 1_000;
    let told = store.offsets(ada, since, 0, 50).await.expect("readable");
    assert_eq!(told, want, "a command of several draws is one record");
    assert!(!told.contains(&(granted + 1)), "bob's are bob's");
    assert_eq!(store.offsets(ada, since, second, 50).await.expect("readable"), [second]);
    assert_eq!(store.offsets(ada, since, 0, 1).await.expect("readable"), want[..1]);
    assert!(store.offsets(ada, NOON_MS + 60_000, 0, 50).await.expect("readable").is_empty());
    assert!(store.strategies(ada, 0, 0).await.expect("readable").is_empty());
}

/// What is erased is gone, but for an account that names nobody; others keep all of theirs.
pub async fn forgets_the_erased<R: Rows + Registry>(open: impl AsyncFn() -> R) {
    let store = open().await;
    let mut story = Story::default();
    let (ada, bob) = (story.register("ada"), story.register("bob"));
    for (shopper, name) in [(ada, "a"), (bob, "b")] {
        story.grant(shopper, HERE, 5, key(name));
        story.draw(shopper, HERE, 2, key(&format!("d{name}")));
        story.points(shopper, 5, &format!("p{name}"));
        store.put_person(shopper, &Person::default()).await.expect("stored");
        store.sealing_keys(&[shopper]).await.expect("made");
    }
    store.apply(story.rows()).await.expect("applied");
    store.bury(ada).await.expect("noted");
    store.bury(ada).await.expect("again");
    story.facts(ada, vec![Fact::Erased]);
    store.apply(story.rows()).await.expect("applied");
    for again in 0..2 {
        for (shopper, left) in [(ada, 0), (bob, 2)] {
            assert_eq!(store.draws(shopper, HERE, ALL, 9).await.expect("readable").len(), left, "draws, {again}");
            assert_eq!(store.awards(shopper, ALL, 9).await.expect("readable").len(), left, "awards, {again}");
            assert_eq!(store.entries(shopper, ALL, 9).await.expect("readable").len(), left / 2, "entries, {again}");
            assert_eq!(store.person(shopper).await.expect("readable").is_some(), left > 0);
            assert_eq!(store.opening_keys(&[shopper]).await.expect("readable").len(), left / 2);
        }
        assert!(store.by_name("ada").await.expect("readable").is_none());
        assert!(store.by_name("bob").await.expect("readable").is_some());
        let names = store.names(ShopperId(0), 9).await.expect("readable");
        assert_eq!(names, [(bob, "bob".to_owned())]);
        assert_eq!(store.names_count().await, Ok(1));
        let kept = store.by_ids(&[ada]).await.expect("readable");
        assert!(kept.first().is_some_and(|stored| stored.account.erased), "its id is never used again");
        assert_eq!(store.buried().await.expect("readable").iter().filter(|id| **id == ada).count().min(1), 1);
        store.scrub(ada).await.expect("scrubbed");
    }
}

/// Awards that wait for somebody are found: those held back, those whose time to claim is over, those without a message.
pub async fn holds_awards_back<R: Rows + AwardDesk>(open: impl AsyncFn() -> R) {
    let store = open().await;
    let mut story = Story::default();
    let shoppers: Vec<ShopperId> = (0..5).map(|i| story.register(&format!("s{i}"))).collect();
    let mut awards = Vec::new();
    for (i, shopper) in shoppers.iter().enumerate() {
        story.grant(*shopper, HERE, 1, key(&format!("g{i}")));
        awards.push(story.draw(*shopper, HERE, 1, key(&format!("d{i}"))).0[0].1);
    }
    let mut rows = story.rows();
    for (i, award) in rows.awards.iter_mut().enumerate() {
        (award.held, award.state) = (i % 2 == 0, if i < 3 { AwardState::Granting } else { AwardState::Granted });
        award.claim_by_ms = (i >= 3).then_some(i as i64 * 1_000);
    }
    store.apply(rows).await.expect("applied");
    awards.sort_unstable();
    let held: Vec<u64> = ids(&store.held(ALL, 9).await.expect("readable"), |a| a.id.0);
    assert_eq!(held.len(), 3);
    assert!(held.windows(2).all(|pair| pair[0] > pair[1]), "newest first");
    assert_eq!(ids(&store.held(held[0], 1).await.expect("readable"), |a| a.id.0), held[1..2]);
    let forgotten = ids(&store.forgotten(AwardId(0), 9).await.expect("readable"), |a| a.id.0);
    assert_eq!(forgotten.len(), 1, "granting, not held and with no message");
    for (now_ms, count) in [(2_999, 0), (3_000, 1), (4_000, 2)] {
        assert_eq!(store.overdue(now_ms, 9).await.expect("readable").len(), count, "at {now_ms}");
    }
    for award in &awards {
        assert_eq!(store.find(*award).await.expect("readable").map(|a| a.id), Some(*award));
    }
    assert!(store.find(AwardId(1)).await.expect("readable").is_none());
    let (whose, award) = (shoppers[0], store.awards(shoppers[0], ALL, 1).await.expect("readable")[0].id);
    assert_eq!(store.address(award).await, Ok(None));
    for address in [&b"\xff\xfe sealed"[..], b"another"] {
        store.put_address(award, whose, address).await.expect("stored");
        assert_eq!(store.address(award).await, Ok(Some(address.to_vec())));
    }
}

fn ids<T>(rows: &[T], id: impl Fn(&T) -> u64) -> Vec<u64> {
    rows.iter().map(id).collect()
}

/// All pages of a list.
async fn paged(bound: usize, page: impl AsyncFn(u64) -> Vec<u64>) -> Vec<u64> {
    let (mut all, mut before) = (Vec::new(), ALL);
    while all.len() <= bound {
        let rows = page(before).await;
        let Some(last) = rows.last() else { break };
        before = *last;
        all.extend(rows);
    }
    all
}
