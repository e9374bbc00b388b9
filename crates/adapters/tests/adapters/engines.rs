//! Each embedded engine passes its port's suite.

use adapters::ledger::{SqliteLedger, SqliteLedgerReader, archive};
use adapters::records::{RECORDS_FILE, Store};
use adapters::vault::Vault;
use app::ports::{Ledger, LedgerReader};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use testkit::conformance::ledger::{self, Engine};
use testkit::conformance::{
    browse, campaigns, codes, desk, drawings, escrow, exchange, fulfil, models, records, registry, segments, shelves,
};

struct Sqlite(PathBuf);

impl Engine for Sqlite {
    fn open(&self) -> Box<dyn Ledger> {
        Box::new(SqliteLedger::open(&self.0).unwrap())
    }

    fn reader(&self) -> Box<dyn LedgerReader> {
        Box::new(SqliteLedgerReader::new(&self.0))
    }
}

fn ledger_in(dir: &TempDir) -> Sqlite {
    Sqlite(dir.path().to_owned())
}

#[test]
fn the_ledger_keeps_what_was_appended() {
    let dir = tempfile::tempdir().unwrap();
    ledger::keeps_what_was_appended(&ledger_in(&dir));
}

#[test]
fn the_ledger_is_read_from_anywhere() {
    let dir = tempfile::tempdir().unwrap();
    ledger::reads_from_anywhere(&ledger_in(&dir));
}

#[test]
fn the_ledger_forgets_what_was_archived() {
    let dir = tempfile::tempdir().unwrap();
    ledger::forgets_what_was_archived(&ledger_in(&dir), &|until| {
        archive(dir.path(), i64::MAX, until).unwrap();
    });
    let mut files: Vec<_> = std::fs::read_dir(dir.path().join("archive"))
        .unwrap()
        .map(|f| f.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let name = |first: u64, last: u64| format!("ledger-{first:020}-{last:020}.koi");
    assert_eq!(files, [name(0, 4), name(5, 570)], "the files name the records they hold");
    for file in files {
        let bytes = std::fs::read(dir.path().join("archive").join(file)).unwrap();
        assert!(bytes.starts_with(b"KOILEDG1"));
    }
}

/// A file system of its own with room for `megabytes`, unmounted at the end.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// Nothing where mounting is not allowed.
    fn mount(megabytes: u32) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let options = format!("size={megabytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "koi-small"]).arg(dir.path()).output();
        mounted.is_ok_and(|done| done.status.success()).then(|| Self(dir))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

#[test]
fn the_ledger_survives_a_full_disk() {
    let Some(disk) = SmallDisk::mount(48) else {
        eprintln!("skipped: a small disk can only be mounted by root");
        return;
    };
    let reserve = disk.path().join("reserve");
    std::fs::write(&reserve, vec![1; 28 << 20]).unwrap();
    ledger::survives_a_full_disk(&Sqlite(disk.path().to_owned()), &|room| {
        if room {
            std::fs::remove_file(&reserve).unwrap();
        }
    });
}

async fn store_in(dir: &TempDir) -> Store {
    Store::open(dir.path(), Vault::open(dir.path()).unwrap()).await.unwrap()
}

macro_rules! records_pass {
    ($($name:ident: $suite:path),+ $(,)?) => {$(
        #[tokio::test]
        async fn $name() {
            let dir = tempfile::tempdir().unwrap();
            $suite(async || store_in(&dir).await).await;
        }
    )+};
}

records_pass! {
    records_are_projected_atomically: records::projects_atomically,
    records_roll_back_whole_batches: records::rolls_back_whole_batches,
    records_keep_the_deposed_out: records::keeps_the_deposed_out,
    records_find_accounts: records::finds_accounts,
    records_know_the_newest_id: records::knows_the_newest_id,
    records_keep_keys_and_answers: records::keeps_keys,
    records_list_newest_first: records::lists_newest_first,
    records_move_orders: records::moves_orders,
    records_hear_what_was_told: records::hears_what_was_told,
    records_forget_the_erased: records::forgets_the_erased,
    records_hold_awards_back: records::holds_awards_back,
    records_walk_everything: browse::walks_everything,
    records_count_steps_and_funnels: browse::counts,
    records_keep_campaign_versions: campaigns::keeps_versions,
    records_keep_rules_with_the_row_that_names_them: campaigns::keeps_rules,
    records_list_campaigns: campaigns::lists_campaigns,
    records_keep_batches_of_codes: codes::keeps_batches,
    records_count_uses_once: codes::counts_uses_once,
    records_complete_uses: codes::completes_uses,
    records_keep_items: exchange::keeps_items,
    records_list_exchanges: exchange::lists_exchanges,
    records_keep_people: registry::keeps_people,
    records_keep_sealing_keys: registry::keeps_sealing_keys,
    records_keep_operators: desk::keeps_operators,
    records_keep_sessions: desk::keeps_sessions,
    records_keep_api_keys: desk::keeps_api_keys,
    records_keep_the_audit: desk::keeps_the_audit,
    records_keep_the_first_drawing: drawings::keeps_the_first_drawing,
    records_keep_endpoints: fulfil::keeps_endpoints,
    records_keep_deliveries: fulfil::keeps_deliveries,
    records_forget_deliveries: fulfil::forgets_deliveries,
    records_assign_coupons_once: fulfil::assigns_coupons_once,
    records_read_whole_histories: shelves::reads_whole_histories,
    records_keep_strategies: shelves::keeps_strategies,
    records_move_units: escrow::moves_units,
    records_never_oversell: escrow::never_oversells,
    records_hold_nobody_up: escrow::holds_nobody_up,
    records_serve_one_model: models::one_version_serves,
    records_keep_segments: segments::keeps_one_of_a_name,
}

#[tokio::test]
async fn records_hide_seeds() {
    let dir = tempfile::tempdir().unwrap();
    let dump = || {
        let files =
            ["", "-wal"].map(|end| std::fs::read(dir.path().join(format!("{RECORDS_FILE}{end}"))).unwrap_or_default());
        files.concat()
    };
    campaigns::hides_seeds(async || store_in(&dir).await, &dump).await;
}
