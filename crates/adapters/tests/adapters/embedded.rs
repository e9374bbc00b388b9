//! The composition that serves: its lock, its files' versions, its own projector and its end.

use crate::harness::{DEADLINE, assert_same_sight, chances, draw, publish, shopper, sight, within};
use adapters::embedded::{Embedded, OpenError, Options, backup, open, restore};
use std::path::Path;
use testkit::builders::campaign;

async fn opened(data: &Path) -> Embedded {
    open(data, &Options::default()).await.unwrap_or_else(|error| panic!("{error}"))
}

fn refused(result: Result<Embedded, OpenError>) -> OpenError {
    result.err().expect("not refused")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_survives_closing() {
    let dir = tempfile::tempdir().unwrap();
    let mut embedded = opened(dir.path()).await;
    let id = publish(&embedded.koi, campaign()).await;
    let who = shopper(&embedded.koi, "ada", id, 20).await;
    let first = embedded.koi.draw(id, who, "k", Some("luck".into()), Some(3)).await.unwrap().body;
    for _ in 0..3 {
        let seen = sight(&embedded.koi, id, who).await;
        let secret = *embedded.koi.token_secret();
        embedded.close().await;
        embedded = opened(dir.path()).await;
        assert_same_sight(&sight(&embedded.koi, id, who).await, &seen, "opened again");
        assert_eq!(embedded.koi.token_secret(), &secret, "shoppers' tokens stay valid");
        let again = embedded.koi.draw(id, who, "k", Some("luck".into()), Some(3)).await.unwrap();
        assert!(again.replayed && again.body == first);
        draw(&embedded.koi, id, who, &format!("more {}", chances(&embedded.koi, id, who).await.1)).await.unwrap();
    }
    let koi = embedded.koi.clone();
    within(DEADLINE, "projection", async || koi.owners().lag() == 0).await;
    let again = koi.draw(id, who, "k", Some("luck".into()), Some(3)).await.unwrap();
    assert!(again.replayed && again.body == first, "projected by the composition itself");
    assert!(koi.is_ready() && !*embedded.fatal().borrow());
    embedded.close().await;
    assert!(!koi.is_ready());
    assert!(koi.points(who).await.is_err(), "a closed one answers, and says no");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_has_one_user() {
    let dir = tempfile::tempdir().unwrap();
    let embedded = opened(dir.path()).await;
    let error = refused(open(dir.path(), &Options::default()).await);
    assert!(matches!(error, OpenError::Locked(_)));
    assert!(error.to_string().contains(&dir.path().display().to_string()), "{error}");
    embedded.close().await;
    opened(dir.path()).await.close().await;
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(matches!(refused(open(&file, &Options::default()).await), OpenError::Directory { .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_a_newer_version_are_refused_by_name() {
    for (file, want) in [("ledger.db", "the ledger"), ("records.db", "the records")] {
        let dir = tempfile::tempdir().unwrap();
        opened(dir.path()).await.close().await;
        let path = dir.path().join(file);
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.pragma_update(None, "user_version", 999).unwrap();
        drop(connection);
        let error = refused(open(dir.path(), &Options::default()).await).to_string();
        assert!(error.starts_with(want) && error.contains("newer koi") && error.contains("999"), "{error}");
        let connection = rusqlite::Connection::open(&path).unwrap();
        let left: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(left, 999, "{file} is left as it is");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_at_work_holds_all_that_was_answered_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let embedded = opened(&data).await;
    let id = publish(&embedded.koi, campaign()).await;
    let who = shopper(&embedded.koi, "ada", id, 10_000).await;
    let running = {
        let koi = embedded.koi.clone();
        tokio::spawn(async move {
            for i in 0..300 {
                draw(&koi, id, who, &format!("k{i}")).await.unwrap();
            }
        })
    };
    let koi = embedded.koi.clone();
    within(DEADLINE, "fifty draws", async || chances(&koi, id, who).await.1 >= 50).await;
    let before = chances(&koi, id, who).await.1;
    let copy = dir.path().join("copy");
    let (from, to) = (data.clone(), copy.clone());
    tokio::task::spawn_blocking(move || backup(&from, &to)).await.unwrap().unwrap();
    let after = chances(&koi, id, who).await.1;
    running.await.unwrap();
    drop(koi);
    embedded.close().await;

    assert!(backup(&data, &copy).is_err(), "nothing is overwritten");
    assert!(restore(&copy, &data).is_err());
    let again = dir.path().join("again");
    restore(&copy, &again).unwrap();
    let restored = opened(&again).await;
    let there = chances(&restored.koi, id, who).await.1;
    assert!(before <= there && there <= after, "{before} <= {there} <= {after}");
    let next = draw(&restored.koi, id, who, "after").await.unwrap();
    assert_eq!(next["n"], there + 1);
    restored.close().await;
}
