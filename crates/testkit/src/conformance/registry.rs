//! [`Registry`]: people and sealing keys.

use app::ports::{Person, Registry};
use domain::ids::ShopperId;

/// People are kept and replaced.
pub async fn keeps_people<R: Registry>(open: impl AsyncFn() -> R) {
    let store = open().await;
    let (ada, bob) = (ShopperId(1 << 40), ShopperId(2 << 40));
    assert_eq!(store.person(ada).await, Ok(None));
    let known = Person { name: Some("Ada 锦鲤".into()), attributes: "{\"vip\":true}".into() };
    for person in [Person::default(), Person { name: Some("A".into()), ..Person::default() }, known.clone()] {
        store.put_person(ada, &person).await.expect("stored");
        assert_eq!(store.person(ada).await, Ok(Some(person)), "the newest word counts");
    }
    assert_eq!(store.person(bob).await, Ok(None));

    drop(store);
    let store = open().await;
    assert_eq!(store.person(ada).await, Ok(Some(known)), "people survive");
}

/// A shopper's sealing key is made once and survives; asking for it to open with makes none.
pub async fn keeps_sealing_keys<R: Registry>(open: impl AsyncFn() -> R) {
    let store = open().await;
    let [ada, bob, eve] = [1u64, 2, 3].map(|i| ShopperId(i << 40));
    assert_eq!(store.opening_keys(&[ada, bob]).await, Ok(vec![]));
    let first = store.sealing_keys(&[bob, ada]).await.expect("made");
    assert_eq!(first.len(), 2);
    assert_ne!(first[0], first[1], "each shopper has a key of their own");
    drop(store);
    let store = open().await;
    let again = store.sealing_keys(&[ada, eve, bob, ada]).await.expect("made");
    assert_eq!((again[0], again[2], again[3]), (first[1], first[0], first[1]), "in the order asked, each made once");
    let mut there = store.opening_keys(&[eve, ada, ShopperId(9)]).await.expect("readable");
    there.sort_unstable();
    assert_eq!(there, [(ada, first[1]), (eve, again[1])], "those that there are");
    assert_eq!(store.sealing_keys(&[]).await, Ok(vec![]));
}
