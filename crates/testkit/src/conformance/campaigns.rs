//! [`Campaigns`]: edits meet their version, and a seed is kept but never shown.

use crate::builders::{campaign, definition};
use app::ports::{CampaignRow, Campaigns, PortError, RuleVersion, VersionState};
use domain::campaign::State;
use domain::fairness::CampaignSeed;
use domain::ids::CampaignId;

fn row(id: u64, seed: u8) -> CampaignRow {
    CampaignRow {
        id: CampaignId(id),
        version: 1,
        rules_version: 0,
        state: State::Draft,
        definition: String::from_utf8(definition(campaign()).canonical()).expect("JSON"),
        seed: CampaignSeed::new(secret(seed)),
        late_seed: CampaignSeed::new(secret(seed.wrapping_add(1))),
        created_at_ms: 5,
        published_at_ms: None,
        ended_at_ms: None,
        ended_by: String::new(),
        author: "ada".into(),
    }
}

/// A secret whose bytes hardly stand in a file by chance.
pub fn secret(seed: u8) -> [u8; 32] {
    std::array::from_fn(|i| (i as u8).wrapping_mul(37).wrapping_add(seed) | 0x81)
}

/// A row is read back as written, survives reopening with its seed, and changes only from the version before.
pub async fn keeps_versions<C: Campaigns>(open: impl AsyncFn() -> C) {
    let store = open().await;
    let mut first = row(100, 1);
    assert!(store.load(first.id).await.expect("readable").is_none());
    store.insert(&first).await.expect("inserted");
    first.version = 2;
    first.state = State::Live;
    first.published_at_ms = Some(77);
    (first.ended_at_ms, first.ended_by) = (Some(99), "bob".into());
    store.update(&first, None).await.expect("updated");
    for version in [1, 2, 4, 0x7fff_ffff] {
        let stale = CampaignRow { version, state: State::Ended, ..first.clone() };
        assert_eq!(
            store.update(&stale, None).await,
            Err(PortError::Stale("the campaign")),
            "version {version} does not follow 2"
        );
    }
    assert!(store.update(&row(101, 1), None).await.is_err(), "what is not there cannot be edited");
    assert!(store.insert(&row(100, 9)).await.is_err(), "an id is used once");
    drop(store);
    let stored = open().await.load(first.id).await.expect("readable").expect("a row");
    assert_eq!(
        (stored.version, stored.state, stored.created_at_ms, stored.published_at_ms),
        (2, State::Live, 5, Some(77))
    );
    assert_eq!(stored.definition, first.definition);
    assert_eq!((stored.ended_at_ms, stored.ended_by.as_str()), (Some(99), "bob"));
    assert_eq!(stored.seed.reveal(), &secret(1), "the seed survives");
    assert_eq!(stored.late_seed.reveal(), &secret(2), "and the other one");
}

/// Campaigns are listed newest first, the published ones oldest first.
pub async fn lists_campaigns<C: Campaigns>(open: impl AsyncFn() -> C) {
    let store = open().await;
    for id in [30, 10, 50, 20, 40] {
        store.insert(&row(id, id as u8)).await.expect("inserted");
    }
    for id in [40, 10, 20] {
        let row = CampaignRow { version: 2, state: State::Live, published_at_ms: Some(1000 - id as i64), ..row(id, 0) };
        store.update(&row, None).await.expect("published");
    }
    let ended = CampaignRow { version: 3, state: State::Ended, published_at_ms: Some(1), ..row(20, 0) };
    store.update(&ended, None).await.expect("ended");
    let ids = |rows: Vec<CampaignRow>| rows.iter().map(|r| r.id.0).collect::<Vec<_>>();
    for (before, limit, want) in
        [(i64::MAX as u64, 10, vec![50, 40, 30, 20, 10]), (50, 2, vec![40, 30]), (10, 5, vec![]), (11, 5, vec![10])]
    {
        assert_eq!(ids(store.list(before, limit).await.expect("readable")), want, "{limit} below {before}");
    }
    let published = store.published().await.expect("readable");
    assert_eq!(
        published.iter().map(|r| r.seed.reveal()[0]).collect::<Vec<_>>(),
        [10u64, 20, 40].map(|id| secret(id as u8)[0]),
        "seeds are kept by edits"
    );
    assert_eq!(ids(published), [10, 20, 40], "all that were ever published");
}

/// The bytes that `dump` shows hold no seed, neither raw nor as text.
pub async fn hides_seeds<C: Campaigns>(open: impl AsyncFn() -> C, dump: &dyn Fn() -> Vec<u8>) {
    let store = open().await;
    for id in 1..=20u8 {
        store.insert(&row(u64::from(id), id)).await.expect("inserted");
    }
    drop(store);
    let dump = dump();
    let text = secret(7).iter().map(|b| format!("{b:02x}")).collect::<String>().into_bytes();
    let holds = |what: &[u8]| dump.windows(what.len()).any(|w| w.eq_ignore_ascii_case(what));
    assert!(holds(b"Spring"), "the dump shows the rows");
    // Half a seed would be half a secret too many.
    assert!(!holds(&secret(7)[..16]) && !holds(&secret(7)[16..]), "a seed stands there raw");
    assert!(!holds(&text[..32]) && !holds(&text[32..]), "a seed stands there in hex");
}

fn version(campaign: u64, version: u32, state: VersionState) -> RuleVersion {
    RuleVersion {
        campaign: CampaignId(campaign),
        version,
        state,
        hash: [version as u8; 32],
        definition: format!("{{\"name\":\"{version}\"}}"),
        effective_at_ms: 1_000 - i64::from(version),
        created_at_ms: 3,
        announced_at_ms: (state != VersionState::Draft).then_some(4),
        author: "ada".into(),
        publisher: String::new(),
    }
}

/// A version of rules and the row that names it are one write: both are there or neither, whatever their order.
pub async fn keeps_rules<C: Campaigns>(open: impl AsyncFn() -> C) {
    use VersionState::{Announced, Applied, Draft};
    let store = open().await;
    for id in [100, 200] {
        store.insert(&row(id, 1)).await.expect("inserted");
    }
    let versions = [(100, 1, Applied), (100, 2, Draft), (100, 3, Announced), (100, 2, Announced)];
    for (at, (campaign, number, state)) in (2..).zip(versions) {
        let row = CampaignRow { version: at, rules_version: number, ..row(campaign, 1) };
        store.update(&row, Some(&version(campaign, number, state))).await.expect("updated");
    }
    let stale = CampaignRow { version: 9, rules_version: 7, ..row(200, 1) };
    let refused = store.update(&stale, Some(&version(200, 7, Applied))).await;
    assert_eq!(refused, Err(PortError::Stale("the campaign")), "version 9 does not follow 1");
    assert_eq!(store.rules(CampaignId(200), 7).await.expect("readable"), None, "nor are its rules there");
    drop(store);
    let store = open().await;
    let stored = store.load(CampaignId(100)).await.expect("readable").expect("a row");
    assert_eq!((stored.version, stored.rules_version), (5, 2));
    assert_eq!(store.rules(CampaignId(100), 2).await.expect("readable"), Some(version(100, 2, Announced)));
    let numbers = |rules: Vec<RuleVersion>| rules.iter().map(|r| r.version).collect::<Vec<_>>();
    for (before, limit, want) in [(u32::MAX, 10, vec![3, 2, 1]), (3, 1, vec![2]), (1, 5, vec![])] {
        let page = store.versions(CampaignId(100), before, limit).await.expect("readable");
        assert_eq!(numbers(page), want, "{limit} below {before}");
    }
    assert_eq!(numbers(store.announced().await.expect("readable")), [3, 2], "the one due first first");
}
