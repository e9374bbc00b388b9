//! [`Codes`]: batches are whole, uses are counted exactly however many ask at once, and none is forgotten.

use crate::builders::{NOON_MS, Story, key};
use app::ports::{Added, Claim, ClaimAsk, CodeBatch, CodeUse, Codes, Projection, Timers};
use app::timers::DueKind;
use domain::code::{Terms, Unusable};
use domain::ids::{BatchId, CampaignId, CodeUseId, OrderId, ShopperId};
use domain::record::Fact;
use futures_util::future::join_all;

const HERE: CampaignId = CampaignId(41);
const THERE: CampaignId = CampaignId(42);
const ALL: u64 = i64::MAX as u64;

fn terms(uses: u32, per_shopper: Option<u32>) -> Terms {
    Terms { chances: 3, uses, per_shopper, starts_at_ms: None, ends_at_ms: None }
}

fn batch(id: u64, campaign: CampaignId, count: u64, terms: Terms) -> CodeBatch {
    CodeBatch {
        id: BatchId(id),
        campaign,
        imported: id.is_multiple_of(2),
        terms,
        count,
        used: 0,
        created_at_ms: id as i64,
    }
}

fn codes(of: &[&str]) -> Vec<String> {
    of.iter().map(|code| (*code).to_owned()).collect()
}

/// Shopper `who` under the key `name`.
fn ask(campaign: CampaignId, code: &str, who: u64, name: &str) -> ClaimAsk {
    ClaimAsk {
        campaign,
        codes: codes(&["not this", code]),
        shopper: ShopperId(who << 22),
        key: key(name),
        request: u64::MAX - name.len() as u64,
        new_id: CodeUseId(1_000 + who * 100 + name.len() as u64),
        now_ms: NOON_MS,
    }
}

async fn claim<R: Codes>(store: &R, ask: &ClaimAsk) -> Claim {
    store.claim(ask).await.expect("claimed")
}

fn counted(claim: Claim) -> CodeUse {
    match claim {
        Claim::Counted(used) => used,
        other => panic!("not counted: {other:?}"),
    }
}

/// A batch is added with all its codes or not at all; codes come back as they went, and only in their campaign.
pub async fn keeps_batches<R: Codes>(open: impl AsyncFn() -> R) {
    let store = open().await;
    let first = batch(7, HERE, 3, Terms { starts_at_ms: Some(1), ends_at_ms: Some(i64::MAX), ..terms(2, Some(1)) });
    assert_eq!(store.add(&first, &codes(&["A-1", "B-2", "C-3"])).await, Ok(Added::All));
    let second = batch(8, HERE, 4, terms(1, None));
    let known = store.add(&second, &codes(&["D-4", "C-3", "E-5", "A-1"])).await;
    assert_eq!(known, Ok(Added::Known(vec![1, 3])), "which of them are there already");
    assert_eq!(store.batch(BatchId(8)).await, Ok(None), "nothing of it was stored");
    assert_eq!(claim(&store, &ask(HERE, "D-4", 1, "k")).await, Claim::Unknown);
    assert_eq!(store.add(&second, &codes(&["D-4", "a-1"])).await, Ok(Added::All), "case tells codes apart");
    assert_eq!(store.add(&batch(9, THERE, 1, terms(1, None)), &codes(&["A-1"])).await, Ok(Added::All), "elsewhere");
    drop(store);
    let store = open().await;
    assert_eq!(store.batch(BatchId(7)).await, Ok(Some(first.clone())));
    let second = CodeBatch { count: 2, ..second };
    assert_eq!(store.batches(HERE, ALL, 9).await, Ok(vec![second.clone(), first.clone()]), "newest first");
    assert_eq!(store.batches(HERE, 8, 9).await, Ok(vec![first]));
    assert_eq!(store.batches(HERE, ALL, 1).await, Ok(vec![second]));
    let (mut read, mut after) = (Vec::new(), 0);
    while let Some((place, code, used)) = store.codes(BatchId(7), after, 1).await.expect("readable").pop() {
        after = place;
        read.push((code, used));
    }
    assert_eq!(read, [("A-1".to_owned(), 0), ("B-2".to_owned(), 0), ("C-3".to_owned(), 0)]);
}

/// However many ask at once, a code is used as often as it may, a shopper's limit holds over the batch, and a retry
/// finds its own use, after a restart too.
pub async fn counts_uses_once<R: Codes>(open: impl AsyncFn() -> R) {
    let store = open().await;
    store.add(&batch(1, HERE, 3, terms(1, None)), &codes(&["ONE", "TWO", "THREE"])).await.expect("added");
    store.add(&batch(2, HERE, 2, terms(4, Some(2))), &codes(&["MANY", "MORE"])).await.expect("added");
    for (code, want) in [("ONE", 1), ("MANY", 4)] {
        let asks: Vec<ClaimAsk> = (0..12).map(|who| ask(HERE, code, who, code)).collect();
        let all = join_all(asks.iter().map(|ask| claim(&store, ask))).await;
        let won: Vec<CodeUse> =
            all.iter().filter_map(|c| if let Claim::Counted(used) = c { Some(*used) } else { None }).collect();
        assert_eq!(won.len(), want, "{code}: {all:?}");
        let lost = all.iter().filter(|claim| **claim == Claim::Unusable(Unusable::UsedUp)).count();
        assert_eq!(won.len() + lost, all.len(), "{code}: {all:?}");
        for used in won {
            let again = asks.iter().find(|ask| ask.shopper == used.shopper).expect("asked");
            let again = ClaimAsk { new_id: CodeUseId(5), ..again.clone() };
            assert_eq!(claim(&store, &again).await, Claim::Counted(used), "a retry finds its own use");
            let other = ClaimAsk { request: 7, ..again };
            assert_eq!(claim(&store, &other).await, Claim::KeyReused);
        }
    }
    store.add(&batch(3, HERE, 3, terms(9, Some(2))), &codes(&["X", "Y", "Z"])).await.expect("added");
    for (code, name, want) in [
        ("X", "a", None),
        ("Y", "ab", None),
        ("X", "abc", Some(Unusable::UsedByShopper)),
        ("Z", "abcd", Some(Unusable::ShopperLimit)),
    ] {
        let got = claim(&store, &ask(HERE, code, 99, name)).await;
        assert_eq!(matches!(got, Claim::Counted(_)), want.is_none(), "{code}: {got:?}");
        assert!(want.is_none_or(|why| got == Claim::Unusable(why)), "{code}: {got:?}");
    }
    let late = Terms { ends_at_ms: Some(NOON_MS), ..terms(1, None) };
    store.add(&batch(4, HERE, 1, late), &codes(&["LATE"])).await.expect("added");
    assert_eq!(claim(&store, &ask(HERE, "LATE", 1, "late")).await, Claim::Unusable(Unusable::Over));
    assert_eq!(claim(&store, &ask(THERE, "ONE", 1, "x")).await, Claim::Unknown, "a code is its campaign's");
    drop(store);
    let store = open().await;
    assert_eq!(claim(&store, &ask(HERE, "ONE", 50, "n")).await, Claim::Unusable(Unusable::UsedUp));
    let used = async |batch| store.batch(BatchId(batch)).await.expect("readable").expect("there").used;
    assert_eq!([used(1).await, used(2).await, used(3).await, used(4).await], [1, 4, 2, 0]);
}

/// A counted use is open, with a timer, until projection tells of its order.
pub async fn completes_uses<R: Codes + Projection + Timers>(open: impl AsyncFn() -> R) {
    let store = open().await;
    let mut story = Story::default();
    let ada = story.register("ada");
    store.apply(story.rows()).await.expect("applied");
    store.add(&batch(1, HERE, 1, terms(1, None)), &codes(&["ONE"])).await.expect("added");
    let asked = ClaimAsk { shopper: ada, ..ask(HERE, "ONE", 0, "k") };
    let used = counted(claim(&store, &asked).await);
    let want = CodeUse {
        id: asked.new_id,
        campaign: HERE,
        shopper: ada,
        chances: 3,
        key: asked.key,
        request: asked.request,
        order: None,
    };
    assert_eq!(used, want);
    drop(store);
    let store = open().await;
    assert_eq!(store.code_use(used.id).await, Ok(Some(want)));
    assert_eq!(store.due(NOON_MS, 9).await, Ok(vec![]), "its record may still come");
    let due = store.due(i64::MAX, 9).await.expect("readable");
    assert_eq!(due.len(), 1);
    assert_eq!((due[0].key.kind, due[0].key.id, due[0].key.shopper), (DueKind::Redeem, used.id.0, ada));
    let (order, _) = story.grant(ada, HERE, 3, key("k"));
    story.facts(ada, vec![Fact::Redeemed { used: used.id, order }]);
    store.apply(story.rows()).await.expect("applied");
    assert_eq!(store.code_use(used.id).await, Ok(Some(CodeUse { order: Some(OrderId(order.0)), ..want })));
    assert_eq!(store.due(i64::MAX, 9).await, Ok(vec![]), "nothing is left to be done");
    assert_eq!(store.code_use(CodeUseId(9)).await, Ok(None));
}
