//! [`Models`]: versions of the model and which one is in service.

use app::ports::{Comparison, ModelRow, ModelState, Models};

fn row(version: u32, state: ModelState) -> ModelRow {
    ModelRow {
        version,
        kind: "tifu-knn".to_owned(),
        until_ms: 1_000 * i64::from(version),
        fitted_at_ms: 5,
        shoppers: 3,
        baskets: 7,
        items: 2,
        state,
        held: false,
        comparison: None,
        drift: None,
    }
}

async fn states(store: &impl Models) -> Vec<(u32, &'static str, bool)> {
    let all = store.versions(u32::MAX, 10).await.expect("readable");
    all.iter().map(|row| (row.version, row.state.word(), row.held)).collect()
}

/// There is one version in service at most, whatever is added or activated.
pub async fn one_version_serves<S: Models>(open: impl AsyncFn() -> S) {
    let store = open().await;
    assert!(store.in_service().await.expect("readable").is_none());
    let comparison = Comparison { shoppers: 60, old_recall: 0.1, old_ndcg: 0.2, new_recall: 0.3, new_ndcg: 0.4 };
    let second = ModelRow { comparison: Some(comparison), drift: Some(0.25), ..row(2, ModelState::InService) };
    for added in [row(1, ModelState::InService), second.clone(), row(3, ModelState::Refused)] {
        store.add(&added, 10).await.expect("added");
    }
    assert_eq!(store.in_service().await.expect("readable"), Some(second.clone()));
    assert_eq!(states(&store).await, [(3, "refused", false), (2, "in_service", false), (1, "retired", false)]);
    assert!(store.activate(1, true).await.expect("activated"));
    assert_eq!(states(&store).await, [(3, "refused", false), (2, "retired", false), (1, "in_service", true)]);
    assert!(!store.activate(9, true).await.expect("asked"), "no such version");
    assert_eq!(states(&store).await[2], (1, "in_service", true), "and nothing is retired for it");
    let seen = store.version(2).await.expect("readable").expect("there");
    assert_eq!((seen.comparison, seen.drift), (second.comparison, second.drift));
    assert_eq!(store.versions(3, 1).await.expect("readable").len(), 1);
    store.add(&row(4, ModelState::Refused), 2).await.expect("added");
    assert_eq!(states(&store).await, [(4, "refused", false), (3, "refused", false), (1, "in_service", true)]);
}
