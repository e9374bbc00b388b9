//! [`Endpoints`], [`Deliveries`] and [`CouponPools`]: what fulfilment stands on.

use app::fulfil::MessageType;
use app::ports::{
    CouponPools, Deliveries, Delivery, DeliveryState, Endpoint, Endpoints, Hurry, NewDelivery, Secret, Settled,
};
use domain::ids::{AwardId, CampaignId, EndpointId, ShopperId};
use futures_util::future::join_all;
use std::collections::BTreeSet;

const HERE: CampaignId = CampaignId(41);
const ADA: ShopperId = ShopperId(1 << 40);
const ALL: u64 = i64::MAX as u64;

fn endpoint(id: u64) -> Endpoint {
    Endpoint {
        id: EndpointId(id),
        url: format!("https://shop.example/{id}?锦鲤"),
        types: vec![MessageType::DrawResult, MessageType::AwardFulfil],
        secrets: vec![Secret(vec![id as u8; 32])],
        created_at_ms: id as i64,
    }
}

fn message(lane: Option<u64>, name: &str, at_ms: i64) -> NewDelivery {
    let (kind, award) = match lane {
        None => (MessageType::AwardFulfil, Some(AwardId(at_ms as u64))),
        Some(_) => (MessageType::DrawResult, None),
    };
    let (endpoint, message, data) = (lane.map(EndpointId), name.to_owned(), "{\"锦\":\"鲤\"}".to_owned());
    NewDelivery { endpoint, message, kind, campaign: HERE, shopper: ADA, award, data, at_ms }
}

fn names(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries.iter().map(|d| d.new.message.as_str()).collect()
}

fn settled(delivery: &Delivery, state: DeliveryState, due_ms: i64, problem: Option<&str>) -> Settled {
    let (id, attempts, endpoint) = (delivery.id, delivery.attempts + 1, delivery.new.endpoint);
    Settled { id, state, attempts, due_ms, problem: problem.map(str::to_owned), endpoint }
}

/// Endpoints survive with all their secrets; removing one leaves no award behind.
pub async fn keeps_endpoints<R: Endpoints + Deliveries>(open: impl AsyncFn() -> R) {
    let store = open().await;
    for id in [5, 3] {
        store.insert(&endpoint(id)).await.expect("stored");
    }
    assert!(store.insert(&endpoint(3)).await.is_err(), "an id is one endpoint's");
    let two = [Secret(vec![9; 32]), Secret(vec![3; 32])];
    assert_eq!(store.set_secrets(EndpointId(3), &two).await, Ok(true));
    assert_eq!(store.set_secrets(EndpointId(9), &two).await, Ok(false));
    drop(store);
    let store = open().await;
    let rotated = Endpoint { secrets: two.to_vec(), ..endpoint(3) };
    assert_eq!(store.all().await, Ok(vec![rotated, endpoint(5)]), "oldest first");
    store.put(vec![message(Some(5), "draw", 1), message(None, "award", 2)]).await.expect("stored");
    let award = store.due(None, 9, 9).await.expect("readable").remove(0);
    let routed = Settled { endpoint: Some(EndpointId(5)), ..settled(&award, DeliveryState::Parked, 3, Some("x")) };
    store.settle(&routed).await.expect("settled");
    assert_eq!(Endpoints::delete(&store, EndpointId(5)).await, Ok(true));
    assert_eq!(Endpoints::delete(&store, EndpointId(5)).await, Ok(false));
    let left = store.list(None, ALL, 9).await.expect("readable");
    assert_eq!(names(&left), ["award"], "its messages are gone, the award is not");
    assert_eq!((left[0].new.endpoint, left[0].state), (None, DeliveryState::Pending), "and goes elsewhere");
}

/// Deliveries are written once, come when they are due, each in its lane, and stay until they are settled.
pub async fn keeps_deliveries<R: Deliveries>(open: impl AsyncFn() -> R) {
    let store = open().await;
    let rows =
        vec![message(Some(7), "a", 30), message(Some(7), "b", 10), message(Some(8), "a", 20), message(None, "c", 5)];
    for _ in 0..2 {
        store.put(rows.clone()).await.expect("stored");
    }
    assert_eq!(
        names(&store.list(None, ALL, 9).await.expect("readable")),
        ["c", "a", "b", "a"],
        "newest first, each once"
    );
    for (lane, now_ms, want) in [
        (Some(7), 9, &[][..]),
        (Some(7), 10, &["b"]),
        (Some(7), 99, &["b", "a"]),
        (Some(8), 99, &["a"]),
        (None, 99, &["c"]),
        (Some(9), 99, &[]),
    ] {
        let due = store.due(lane.map(EndpointId), now_ms, 9).await.expect("readable");
        assert_eq!(names(&due), want, "lane {lane:?} at {now_ms}");
    }
    let lane = Some(EndpointId(7));
    let due = store.due(lane, 99, 9).await.expect("readable");
    assert_eq!(due[0].new, rows[1], "a delivery comes back as it went in");
    store.settle(&settled(&due[0], DeliveryState::Pending, 500, Some("timeout"))).await.expect("settled");
    store.settle(&settled(&due[1], DeliveryState::Parked, 0, Some("status_500"))).await.expect("settled");
    drop(store);
    let store = open().await;
    assert_eq!(store.next_due(lane).await, Ok(Some(500)));
    assert_eq!(store.next_due(Some(EndpointId(9))).await, Ok(None));
    let parked = store.list(Some(DeliveryState::Parked), ALL, 9).await.expect("readable");
    assert_eq!((names(&parked), parked[0].attempts, parked[0].problem.as_deref()), (vec!["a"], 1, Some("status_500")));
    assert_eq!(store.backlog().await.map(|b| (b.pending, b.parked)), Ok((3, 1)));
    assert_eq!(store.hurry(Hurry::One(parked[0].id), 40).await, Ok(1));
    let due = store.due(lane, 40, 9).await.expect("readable");
    assert_eq!((names(&due), due[0].attempts), (vec!["a"], 0), "a replay starts anew");
    store.settle(&settled(&due[0], DeliveryState::Done, 0, None)).await.expect("settled");
    assert_eq!(store.hurry(Hurry::One(due[0].id), 50).await, Ok(0), "what is done is done");
    let waiting = store.due(None, 99, 9).await.expect("readable");
    store.settle(&settled(&waiting[0], DeliveryState::Pending, 900, Some("pool_empty"))).await.expect("settled");
    assert_eq!(store.hurry(Hurry::Receivers, 60).await, Ok(0));
    assert_eq!(store.hurry(Hurry::Pool(CampaignId(1)), 60).await, Ok(0));
    assert_eq!(store.backlog().await.map(|b| b.pool_empty), Ok(1));
    assert_eq!(store.hurry(Hurry::Pool(HERE), 60).await, Ok(1));
    assert_eq!(names(&store.due(None, 60, 9).await.expect("readable")), ["c"]);
}

/// What was delivered is forgotten after its time, what is parked later, what fulfils an award never.
pub async fn forgets_deliveries<R: Deliveries>(open: impl AsyncFn() -> R) {
    let store = open().await;
    let rows = vec![message(Some(7), "done", 1), message(Some(7), "parked", 2), message(None, "award", 3)];
    store.put([rows, vec![message(Some(7), "waits", 4)]].concat()).await.expect("stored");
    for (lane, name, state) in [
        (Some(7), "done", DeliveryState::Done),
        (Some(7), "parked", DeliveryState::Parked),
        (None, "award", DeliveryState::Parked),
    ] {
        let due = store.due(lane.map(EndpointId), 99, 9).await.expect("readable");
        let delivery = due.iter().find(|d| d.new.message == name).expect("due");
        store.settle(&settled(delivery, state, 0, None)).await.expect("settled");
    }
    let never = i64::MIN;
    let ever = i64::MAX;
    for (done_ms, parked_ms, left) in [
        (never, never, &["waits", "award", "parked", "done"][..]),
        (ever, never, &["waits", "award", "parked"]),
        (ever, ever, &["waits", "award"]),
    ] {
        while store.forget(done_ms, parked_ms, 1).await.expect("forgotten") > 0 {}
        assert_eq!(names(&store.list(None, ALL, 9).await.expect("readable")), left);
    }
}

/// A code goes to one award, an award gets one code, however many ask at once and after every restart.
pub async fn assigns_coupons_once<R: CouponPools>(open: impl AsyncFn() -> R) {
    let store = open().await;
    let codes: Vec<String> = (0..10).map(|i| format!("码-{i}")).collect();
    assert_eq!(store.add(HERE, "p", &codes).await, Ok(10));
    assert_eq!(store.add(HERE, "p", &codes[5..]).await, Ok(0), "a code is in a pool once");
    assert_eq!(store.add(HERE, "q", &codes[..1]).await, Ok(1), "pools are apart");
    // Each award is asked for by three at once.
    let ask = async |i: u64| (i % 16, store.assign(HERE, "p", AwardId(100 + i % 16)).await.expect("assigned"));
    let (mut given, mut refused) = (BTreeSet::new(), BTreeSet::new());
    for (award, got) in join_all((0..48).map(ask)).await {
        if got {
            given.insert(award)
        } else {
            refused.insert(award)
        };
    }
    assert_eq!(given.len(), 10, "as many awards as codes: {given:?}, refused {refused:?}");
    assert!(given.is_disjoint(&refused), "who has a code is never refused");
    assert_eq!(CouponPools::count(&store, HERE, "p").await, Ok((0, 10)));
    let awards: Vec<AwardId> = (0..16).map(|i| AwardId(100 + i)).collect();
    let before = store.of_awards(&awards).await.expect("readable");
    assert_eq!(before.iter().map(|(_, code)| code).collect::<BTreeSet<_>>(), codes.iter().collect(), "all, each once");
    drop(store);
    let store = open().await;
    for (award, code) in before {
        assert_eq!(store.assign(HERE, "p", award).await, Ok(true), "asked again");
        assert_eq!(store.of_awards(&[award]).await, Ok(vec![(award, code)]), "it keeps the one that it has");
    }
}
