//! Behaviour from files: exact counts, rejects with line and reason, and a second run that changes nothing.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use xtask::fixture::KEY;
use xtask::http::Call;

use super::harness::{Koi, koi, scratch, start_in, told};

/// Lines of the public Online Retail file's shape, one of each oddity in it.
const ONLINE_RETAIL: &str = "\
InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536365,85123A,WHITE HANGING HEART,6,2010-12-01 08:26:00,2.55,17850,United Kingdom
536365,71053,WHITE METAL LANTERN,6,2010-12-01 08:26:00,3.39,17850,United Kingdom
536365,71053,WHITE METAL LANTERN,6,2010-12-01 08:26:00,3.39,17850,United Kingdom
536366,22633,\"HAND WARMER, UNION JACK\",2,2010-12-01 08:28:00,1.85,17850,United Kingdom
536367,84879,BIRD ORNAMENT,32,2010-12-01 08:34:00,1.69,13047,United Kingdom
C536379,71053,WHITE METAL LANTERN,-1,2010-12-01 09:41:00,3.39,17850,United Kingdom
536414,22139,,56,2010-12-01 11:52:00,0.0,,United Kingdom
536544,21773,DECORATIVE ROSE,1,2010-12-01 14:32:00,2.51,,United Kingdom
536365,22752,SET 7 BABUSHKA,2,2010-12-01 08:26:00,7.65,17850,United Kingdom
";

fn import(format: &str, file: &Path, data: &Path) -> Value {
    let output = koi([
        "import".as_ref(),
        format.as_ref(),
        file.as_os_str(),
        "--data".as_ref(),
        data.as_os_str(),
        "--json".as_ref(),
    ]);
    assert!(output.status.success(), "{}", told(&output));
    let counts: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("one JSON object: {}", told(&output)));
    let number = |field: &str| counts[field].as_u64().unwrap_or_else(|| panic!("{field}: {counts}"));
    let sum: u64 = ["accepted", "duplicates", "rejected", "skipped"].into_iter().map(number).sum();
    assert_eq!(sum, number("rows"), "they add up: {counts}");
    assert!(counts["seconds"].is_number(), "{counts}");
    counts
}

fn four(counts: &Value) -> Value {
    json!([counts["accepted"], counts["duplicates"], counts["rejected"], counts["skipped"]])
}

#[test]
fn online_retail_with_its_oddities() {
    let dir = scratch("online-retail");
    let (file, data) = (dir.join("retail.csv"), dir.join("data"));
    let broken = "536500,1,BROKEN,many,2010-12-02 08:00:00,1.0,17850,UK\n536501,2,SHORT\n536502,3,BAD DATE,1,someday,1.0,17850,UK\n";
    fs::write(&file, format!("{ONLINE_RETAIL}{broken}")).expect("a file");
    assert_eq!(four(&import("online-retail", &file, &data)), json!([7, 0, 3, 2]));
    let rejects: String = fs::read_dir(dir.path())
        .expect("files")
        .flatten()
        .map(|entry| entry.path())
        .chain(fs::read_dir(&data).expect("files").flatten().map(|entry| entry.path()))
        .filter(|path| path.to_string_lossy().contains("rej") && path.is_file())
        .map(|path| fs::read_to_string(path).unwrap_or_default())
        .collect();
    for line in ["11", "12", "13"] {
        assert!(rejects.contains(line), "the reject file names line {line}: {rejects:?}");
    }
    assert_eq!(four(&import("online-retail", &file, &data)), json!([0, 7, 3, 2]), "a second run changes nothing");
    let server = start_in(&data).start().expect("koi starts on imported data");
    let koi = Koi { server, dir };
    let profile = koi.must(&Call::get("/shoppers/17850/profile").token(KEY));
    assert_eq!((&profile["orders"], &profile["returns"]), (&json!(2), &json!(1)), "{profile}");
    let cents = 6 * 255 + 2 * 6 * 339 + 2 * 185 + 2 * 765 - 339;
    assert_eq!(profile["spend_cents"], cents, "net of returns: {profile}");
}

#[test]
fn a_dry_run_and_gzip() {
    let dir = scratch("dry-run");
    let (file, data) = (dir.join("retail.csv.gz"), dir.join("data"));
    let plain = dir.join("retail.csv");
    fs::write(&plain, ONLINE_RETAIL).expect("a file");
    let zipped = std::process::Command::new("gzip").arg("-k").arg(&plain).status().expect("gzip");
    assert!(zipped.success() && file.exists());
    let dry = koi([
        "import".as_ref(),
        "online-retail".as_ref(),
        file.as_os_str(),
        "--data".as_ref(),
        data.as_os_str(),
        "--dry-run".as_ref(),
        "--json".as_ref(),
    ]);
    assert!(dry.status.success(), "{}", told(&dry));
    assert!(!data.exists(), "a look makes no data directory");
    let counts: Value = serde_json::from_slice(&dry.stdout).expect("one JSON object");
    assert_eq!(four(&counts), json!([7, 0, 0, 2]));
    assert_eq!(four(&import("online-retail", &file, &data)), json!([7, 0, 0, 2]), "a dry run had changed nothing");
}

#[test]
fn complete_journey_is_imported_from_its_folder() {
    let dir = scratch("complete-journey");
    let (folder, data) = (dir.join("journey"), dir.join("data"));
    fs::create_dir_all(&folder).expect("a folder");
    let transactions = "\
household_id,store_id,basket_id,product_id,quantity,sales_value,retail_disc,coupon_disc,coupon_match_disc,week,transaction_timestamp
2261,309,31625220889,940996,1.0,3.86,0.43,0.0,0.0,5,2017-01-28 19:06:53
2131,368,32053127496,873902,2.0,3.18,0.9,0.0,0.0,10,2017-03-01 03:31:57
2261,309,31625220889,873902,1.0,1.59,0.0,0.0,0.0,5,2017-01-28 19:06:53
2261,309,31625220889,999999,0.0,0.0,0.0,0.0,0.0,5,2017-01-28 19:06:53
2261,309,31625220890,940996,one,3.86,0.0,0.0,0.0,5,2017-01-29 19:06:53
";
    let products = "\
product_id,manufacturer_id,department,brand,product_category,product_type,package_size
940996,2,GROCERY,National,SOFT DRINKS,SOFT DRINKS 12/18&15PK CAN CAR,12 OZ
873902,2,GROCERY,National,BAKED BREAD/BUNS/ROLLS,MAINSTREAM WHITE BREAD,20 OZ
";
    fs::write(folder.join("transactions.csv"), transactions).expect("a file");
    fs::write(folder.join("products.csv"), products).expect("a file");
    assert_eq!(four(&import("complete-journey", &folder, &data)), json!([3, 0, 1, 1]));
    assert_eq!(four(&import("complete-journey", &folder, &data)), json!([0, 3, 1, 1]), "a second run changes nothing");
    let server = start_in(&data).start().expect("koi starts on imported data");
    let koi = Koi { server, dir };
    let profile = koi.must(&Call::get("/shoppers/2261/profile").token(KEY));
    assert_eq!((&profile["orders"], &profile["spend_cents"]), (&json!(1), &json!(386 + 159)), "{profile}");
}

#[test]
fn bad_files_get_one_sentence() {
    let dir = scratch("bad-files");
    let empty = dir.join("empty.csv");
    fs::write(&empty, "").expect("a file");
    let header = dir.join("header.csv");
    fs::write(&header, "a,b,c\n1,2,3\n").expect("a file");
    let not_gzip = dir.join("not.csv.gz");
    fs::write(&not_gzip, "this is not gzip").expect("a file");
    let binary = dir.join("binary.csv");
    fs::write(&binary, [0xff, 0xfe, 0x00, 0x01].repeat(1_000)).expect("a file");
    for format in ["online-retail", "purchases"] {
        for file in [&dir.join("missing.csv"), dir.path(), &empty, &header, &not_gzip, &binary] {
            let data = dir.join("data");
            let output =
                koi(["import".as_ref(), format.as_ref(), file.as_os_str(), "--data".as_ref(), data.as_os_str()]);
            let what = format!("{format} {}: {}", file.display(), told(&output));
            assert!(matches!(output.status.code(), Some(1 | 2)), "{what}");
            let error = String::from_utf8_lossy(&output.stderr);
            let sentences = error.lines().filter(|line| !line.trim().is_empty()).count();
            assert!((1..=2).contains(&sentences) && !error.contains("panicked"), "one clear sentence: {what}");
            let name = file.file_name().expect("a name").to_string_lossy();
            assert!(error.contains(&*name), "it names the file: {what}");
        }
    }
    assert_eq!(koi(["import", "no-such-format", "x"]).status.code(), Some(2));
}
