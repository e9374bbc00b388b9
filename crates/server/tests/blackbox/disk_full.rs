//! A full disk refuses work and loses nothing; free space is enough to go on.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use xtask::fixture::{ample_campaign, grant, shoppers};
use xtask::http::Call;
use xtask::process::{Scratch, Start, wait_for};

use super::harness::{Koi, assert_problem, draw, print_counters, scratch, start_in, unique};

const DISK_BYTES: u64 = 24 << 20;
/// Set aside at the start and freed once the disk is full.
const RESERVE_BYTES: usize = 8 << 20;
const SHOPPERS: usize = 16;

/// A tmpfs of [`DISK_BYTES`], unmounted at the end.
struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    fn mount(dir: &Scratch) -> Self {
        let path = dir.join("disk");
        fs::create_dir_all(&path).expect("a mount point");
        let options = format!("size={DISK_BYTES}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "koi-small-disk"]).arg(&path);
        let mounted = mount.status().is_ok_and(|status| status.success());
        assert!(
            mounted,
            "a small disk cannot be mounted; run this test as root: sudo -E cargo xtask test bad_input ({mount:?})"
        );
        Self { path }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.path).status();
    }
}

#[test]
fn bad_input_disk_full() {
    let dir = scratch("disk-full");
    let disk = SmallDisk::mount(&dir);
    let reserve = disk.path.join("reserve");
    fs::write(&reserve, vec![1; RESERVE_BYTES]).expect("a reserve");
    let start = Start { log: dir.join("koi.log"), ..start_in(&disk.path.join("data")) };
    // Declared after the disk, so dropped before it: the server is gone when the disk is unmounted.
    let koi = Koi { server: start.start().expect("koi starts on a small disk"), dir: scratch("disk-full-unused") };
    let campaign = koi.publish(&ample_campaign());
    let made = shoppers(koi.server.address, &campaign, "full", SHOPPERS, 1_000_000, 4).expect("shoppers");
    let mut client = koi.client();
    let mut done: Vec<(usize, String, Vec<u8>)> = Vec::new();
    let refused = wait_for(Duration::from_secs(240), "the disk to be full", || {
        for (number, (_, token)) in made.iter().enumerate() {
            let (key, seed) = (unique("full"), "x".repeat(60));
            let body = serde_json::json!({"count": 10, "client_seed": seed});
            let call = Call::post(format!("/campaigns/{campaign}/draws"), &body).token(token).key(&key);
            let answer = client.send(&call).expect("a full disk breaks no connection");
            if answer.status != 201 {
                return Some(answer);
            }
            done.push((number, key, answer.body));
        }
        None
    })
    .expect("a small disk fills up");
    assert_problem("a full disk", &refused, 503, "unavailable");
    for (_, token) in &made {
        let answer = client.send(&draw(&campaign, token, &unique("full"))).expect("an answer");
        assert!([201, 503].contains(&answer.status), "{}", answer.text());
    }
    assert_eq!(client.send(&Call::get("/healthz")).expect("an answer").status, 200, "it stays alive");

    fs::remove_file(&reserve).expect("space is freed");
    let (_, token) = &made[0];
    let key = unique("full");
    wait_for(Duration::from_secs(30), "draws to work again", || {
        let answer = client.send(&draw(&campaign, token, &key)).expect("an answer");
        (answer.status == 201).then_some(())
    })
    .expect("free space is enough, without a restart");
    grant(&mut client, &campaign, &made[0].0, 1, "after").expect("grants work again");
    check_nothing_lost(&koi, &campaign, &made, &done);
    let counters =
        serde_json::json!({"acknowledged_before_full": done.len(), "lost": 0, "changed": 0, "recovered": true});
    print_counters("disk_full", &counters);
}

fn check_nothing_lost(koi: &Koi, campaign: &str, made: &[(String, String)], done: &[(usize, String, Vec<u8>)]) {
    let body = serde_json::json!({"count": 10, "client_seed": "x".repeat(60)});
    let mut client = koi.client();
    // The last ones were written next to the full disk; of the rest a sample is enough.
    let (tail, step) = (done.len().saturating_sub(200), done.len().div_ceil(500));
    for (number, key, first) in done.iter().step_by(step).chain(&done[tail..]) {
        let call = Call::post(format!("/campaigns/{campaign}/draws"), &body).token(&made[*number].1).key(key);
        let replay = client.send(&call).expect("an answer");
        assert_eq!((replay.status, &replay.body), (201, first));
    }
    for (_, token) in made {
        let rows = koi.draws(campaign, token);
        let mut ordinals: Vec<u64> = rows.iter().filter_map(|row| row["n"].as_u64()).collect();
        ordinals.reverse();
        assert!(ordinals.iter().copied().eq(1..=rows.len() as u64), "no hole");
        assert_eq!(koi.me(campaign, token)["chances"]["used"], rows.len());
    }
}
