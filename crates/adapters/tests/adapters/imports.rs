//! `koi import` beside what the ledger holds.

use crate::harness::{Rig, chances, publish, shopper};
use adapters::embedded::{ImportError, ImportSummary, Options, import, open};
use adapters::import::Format;
use app::ports::{Accounts, Shelves};
use std::fmt::Write;
use std::path::Path;
use testkit::builders::campaign;

/// A file of `invoices` invoices of three lines, with a return, a row of nobody and a broken row between them.
fn online_retail(invoices: usize) -> String {
    let mut text = String::from("InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n");
    for i in 0..invoices {
        for line in 0..3 {
            _ = writeln!(
                text,
                "{},2{line},RED MUG {line},{},12/1/2010 8:{:02},2.55,{},United Kingdom",
                536_000 + i,
                line + 1,
                i % 60,
                17_000 + i % 7
            );
        }
        if i % 10 == 3 {
            _ = writeln!(
                text,
                "C{},20,RED MUG 0,-1,12/2/2010 9:00,2.55,{},United Kingdom",
                536_000 + i,
                17_000 + i % 7
            );
            _ = writeln!(text, "9{i:05},20,RED MUG 0,1,12/2/2010 9:00,2.55,,United Kingdom");
            _ = writeln!(text, "8{i:05},20,RED MUG 0,one,12/2/2010 9:00,2.55,17000,United Kingdom");
        }
    }
    text
}

async fn take(data: &Path, text: &str) -> ImportSummary {
    let file = data.parent().unwrap().join("retail.csv");
    std::fs::write(&file, text).unwrap();
    let done = import(data, Format::OnlineRetail, &file, false, &mut |_, _| ()).await;
    done.unwrap_or_else(|error| panic!("{error}"))
}

fn counts(done: &ImportSummary) -> (u64, u64, u64, u64) {
    assert_eq!(done.accepted + done.duplicates + done.rejected + done.skipped, done.rows, "{done:?}");
    (done.accepted, done.duplicates, done.rejected, done.skipped)
}

/// All shoppers with their behaviours and profiles.
async fn shelf(data: &Path) -> Vec<(String, Vec<String>, Option<String>)> {
    let rig = Rig::open(data).await;
    let mut shelf = Vec::new();
    for (id, name) in rig.store().names(domain::ids::ShopperId(0), 1_000).await.unwrap() {
        let history = rig.store().histories(domain::ids::ShopperId(id.0 - 1), 1).await.unwrap();
        let history = history.into_iter().find(|(of, _)| *of == id).map(|(_, texts)| texts).unwrap_or_default();
        shelf.push((name, history, rig.store().profile(id).await.unwrap()));
    }
    rig.stop().await;
    shelf.sort();
    shelf
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_import_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let text = online_retail(100);
    let first = take(&data, &text).await;
    assert_eq!(counts(&first), (310, 0, 10, 10));
    assert!(first.reject_file.is_some_and(|path| path.is_file()));
    let there = shelf(&data).await;
    assert_eq!(there.len(), 7);
    assert_eq!(counts(&take(&data, &text).await), (0, 310, 10, 10));
    assert_eq!(shelf(&data).await, there);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_was_cut_short_is_completed() {
    let dir = tempfile::tempdir().unwrap();
    let text = online_retail(100);
    let whole = dir.path().join("whole").join("data");
    std::fs::create_dir_all(&whole).unwrap();
    take(&whole, &text).await;
    let want = shelf(&whole).await;

    let data = dir.path().join("cut").join("data");
    std::fs::create_dir_all(&data).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let mut imported = 0;
    // In the middle of an invoice, and behind one.
    for cut in [2, 53, 151, lines.len()] {
        let done = take(&data, &(lines[..cut].join("\n") + "\n")).await;
        assert_eq!(done.duplicates, imported, "cut at {cut}");
        imported += done.accepted;
    }
    assert_eq!(imported, 310);
    let got = shelf(&data).await;
    assert_eq!(got.len(), want.len());
    for ((name, _, profile), (want_name, _, want_profile)) in got.iter().zip(&want) {
        assert_eq!(name, want_name);
        let view = |json: &Option<String>| {
            serde_json::from_str::<recommend::profile::Profile>(json.as_ref().unwrap()).unwrap().view(0)
        };
        assert_eq!(view(profile)["spend_cents"], view(want_profile)["spend_cents"], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_meets_the_shoppers_that_the_ledger_knows() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    std::fs::create_dir_all(&data).unwrap();
    let rig = Rig::open(&data).await;
    let id = rig.publish(campaign()).await;
    // Registered, but in no records yet.
    let who = rig.shopper("17003", id, 5).await;
    rig.koi.draw(id, who, "k", None, None).await.unwrap();
    rig.stop().await;
    take(&data, &online_retail(20)).await;

    let embedded = open(&data, &Options::default()).await.unwrap();
    assert_eq!(embedded.koi.find_shopper("17003").await.unwrap(), Some(who), "one shopper, not two");
    assert_eq!(chances(&embedded.koi, id, who).await, (5, 1, 4), "imported history grants nothing");
    assert!(embedded.koi.profile("17003").await.unwrap()["orders"].as_u64().unwrap() >= 2);
    let imported = shopper(&embedded.koi, "17001", id, 2).await;
    assert_eq!(
        embedded.koi.draw(id, imported, "k", None, Some(2)).await.unwrap().status,
        201,
        "an imported shopper draws"
    );
    embedded.close().await;
    let shoppers: Vec<_> = shelf(&data).await.into_iter().map(|(name, ..)| name).collect();
    assert_eq!(shoppers, (17_000..17_007).map(|i| i.to_string()).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_in_use_is_not_imported_into() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let embedded = open(&data, &Options::default()).await.unwrap();
    publish(&embedded.koi, campaign()).await;
    let file = dir.path().join("retail.csv");
    std::fs::write(&file, online_retail(3)).unwrap();
    let refused = import(&data, Format::OnlineRetail, &file, false, &mut |_, _| ()).await;
    assert!(matches!(refused, Err(ImportError::Open(adapters::embedded::OpenError::Locked(_)))));
    embedded.close().await;
    let dry = import(&data, Format::OnlineRetail, &file, true, &mut |_, _| ()).await.unwrap();
    assert_eq!(dry.accepted, 9);
    assert_eq!(shelf(&data).await, [], "a dry run changes nothing");
}
