//! The command line: exit statuses and one clear sentence for what is wrong.

use std::ffi::OsStr;
use std::fs;
use std::process::Output;

use serde_json::Value;
use xtask::fixture::tight_campaign;
use xtask::process::{free_address, run};

use super::harness::{COMMAND_WITHIN, Koi, draw, koi, scratch, start_in, told};

/// Asserts an exit status and that standard error holds a text.
#[track_caller]
fn assert_fails(what: &str, output: &Output, codes: &[i32], holding: &str) {
    let code = output.status.code().unwrap_or(-1);
    assert!(codes.contains(&code), "{what}: {}", told(output));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains(holding), "{what} should name {holding:?}: {}", told(output));
    assert!(!error.contains("panicked"), "{what}: {}", told(output));
}

#[test]
fn a_data_directory_has_one_user() {
    let mut first = Koi::start("one-user");
    let (data, address) = (first.data(), free_address().expect("a port").to_string());
    let data = data.to_str().expect("a plain path");
    let second = koi(["serve", "--listen", &address, "--data", data]);
    assert_fails("a second server", &second, &[1], data);
    let file = first.dir.join("p.csv");
    fs::write(&file, "shopper,order_id,at,sku,name,category,price_cents,quantity\n").expect("a file");
    let import =
        koi([OsStr::new("import"), OsStr::new("purchases"), file.as_os_str(), OsStr::new("--data"), OsStr::new(data)]);
    assert_fails("an import while it serves", &import, &[1], data);
    let campaign = first.publish(&tight_campaign(20, 1));
    let token = first.shopper(&campaign, "ada", 1);
    assert_eq!(first.send(&draw(&campaign, &token, "k")).status, 201, "the first one is unharmed");
    assert_eq!(first.server.stop().expect("it stops").code(), Some(0));
}

#[test]
fn config_is_checked() {
    let dir = scratch("config");
    let default = koi(["config", "default"]);
    assert!(default.status.success(), "{}", told(&default));
    let file = dir.join("koi.toml");
    fs::write(&file, &default.stdout).expect("a file");
    let path = file.to_str().expect("a plain path");
    let checked = koi(["config", "check", path]);
    assert!(checked.status.success(), "the default is good: {}", told(&checked));
    for (bad, holding) in [
        ("colour = \"red\"\n", "colour"),
        ("[no_such_section]\nx = 1\n", "no_such_section"),
        ("listen = [1, 2\n", "line"),
        ("= = =", "line"),
    ] {
        fs::write(&file, bad).expect("a file");
        assert_fails(bad, &koi(["config", "check", path]), &[1, 2], holding);
        let data = dir.join("data");
        assert_fails(
            bad,
            &koi(["serve", "--config", path, "--data", data.to_str().expect("a plain path")]),
            &[1, 2],
            holding,
        );
    }
    let missing = dir.join("missing.toml");
    assert_fails(
        "a missing file",
        &koi(["config", "check", missing.to_str().expect("a plain path")]),
        &[1, 2],
        "missing.toml",
    );
    let start = start_in(&dir.join("env-data")).env("KOI__NO__SUCH_KEY", "1");
    let mut command = start.command(free_address().expect("a port")).expect("a command");
    let output = run(&mut command, COMMAND_WITHIN).expect("it ends");
    assert!(matches!(output.status.code(), Some(1 | 2)), "an unknown variable: {}", told(&output));
}

/// With `--json` there is one JSON object on standard output whatever happens, and nothing else.
#[test]
fn failures_are_json_where_json_is_wanted() {
    let served = Koi::start("json-failures");
    let data = served.data();
    let data = data.to_str().expect("a plain path");
    let dir = scratch("json-files");
    let (flow, config) = (dir.join("bad.el"), dir.join("bad.toml"));
    fs::write(&flow, "THEN(").expect("a file");
    fs::write(&config, "colour = 1").expect("a file");
    let (flow, config) = (flow.to_str().expect("a plain path"), config.to_str().expect("a plain path"));
    for (arguments, status, code) in [
        (&["rehearse", "--campaign", "/no/such", "--shoppers", "1", "--draws", "1", "--json"][..], 1, "failed"),
        (&["verify-receipt", "/no/such", "--json"], 1, "failed"),
        (&["backup", "/proc/none", "--data", "/no/such", "--json"], 1, "failed"),
        (&["operators", "add", "ada", "--role", "owner", "--data", data, "--json"], 1, "data_in_use"),
        (&["strategies", "generate", "--data", data, "--json"], 1, "data_in_use"),
        (&["models", "list", "--data", data, "--json"], 1, "data_in_use"),
        (&["evaluate", "next-basket", "--json"], 2, "wrong_use"),
        (&["nonsense", "--json"], 2, "wrong_use"),
        // A check says what it found in its own words.
        (&["flow", "check", flow, "--json"], 1, ""),
        (&["config", "check", config, "--json"], 1, ""),
    ] {
        let output = koi(arguments);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}", told(&output));
        let said: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{arguments:?}: one JSON object, but {error}: {}", told(&output)));
        assert!(said.is_object(), "{arguments:?}: {said}");
        assert!(!output.stderr.is_empty(), "{arguments:?}: people are told on standard error");
        if code.is_empty() {
            assert_eq!(said["ok"], false, "{arguments:?}: {said}");
            continue;
        }
        let error = &said["error"];
        assert_eq!(error["code"], code, "{arguments:?}: {said}");
        assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{arguments:?}: {said}");
        assert_eq!(error["hint"].is_string(), code != "failed", "{arguments:?}: {said}");
    }
}

#[test]
fn wrong_use_exits_2() {
    for arguments in
        [&["nonsense"][..], &["serve", "--nonsense"], &["import"], &["serve", "--listen", "not-an-address"], &[]]
    {
        let output = koi(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", told(&output));
    }
    for arguments in [&["--help"][..], &["--version"], &["serve", "--help"]] {
        let output = koi(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", told(&output));
    }
}

#[test]
fn a_taken_port_is_named() {
    let first = Koi::start("port");
    let other = scratch("port-other");
    let address = first.server.address.to_string();
    let output = koi(["serve", "--listen", &address, "--data", other.join("data").to_str().expect("a plain path")]);
    assert_fails("a taken port", &output, &[1], &address);
}

/// Where an SQLite file keeps its `user_version`: four bytes, the highest first.
const USER_VERSION: std::ops::Range<usize> = 60..64;

#[test]
fn newer_data_is_refused() {
    let mut first = Koi::start("newer");
    assert_eq!(first.server.stop().expect("it stops").code(), Some(0));
    let data = first.data();
    let files: Vec<_> = fs::read_dir(&data).expect("data").flatten().map(|entry| entry.path()).collect();
    let databases: Vec<_> =
        files.iter().filter(|path| fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"SQLite"))).collect();
    assert!(!databases.is_empty(), "no database in {files:?}");
    for path in databases {
        let bytes = fs::read(path).expect("a file");
        let mut newer = bytes.clone();
        newer[USER_VERSION].copy_from_slice(&1_000_000_u32.to_be_bytes());
        fs::write(path, &newer).expect("a file");
        let output = koi(["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().expect("a plain path")]);
        assert_fails(&format!("a newer {}", path.display()), &output, &[1], "newer");
        assert!(fs::read(path).expect("a file") == newer, "it is left as it is");
        fs::write(path, bytes).expect("a file");
    }
    first.restart();
}

#[test]
fn flows_and_receipts_are_checked_from_files() {
    let dir = scratch("files");
    let file = dir.join("file");
    let path = file.to_str().expect("a plain path");
    for (content, holding) in [("", ""), ("nonsense", ""), ("{}", "")] {
        fs::write(&file, content).expect("a file");
        assert_fails(content, &koi(["verify-receipt", path]), &[1, 2], holding);
    }
    assert_fails("a missing receipt", &koi(["verify-receipt", "/no/such/file"]), &[1, 2], "/no/such/file");
    let empty = dir.join("empty");
    fs::create_dir(&empty).expect("a directory");
    let target = dir.join("restored");
    let (empty, target) = (empty.to_str().expect("a plain path"), target.to_str().expect("a plain path"));
    assert_fails("a backup that is none", &koi(["restore", empty, "--data", target]), &[1, 2], "");
}
