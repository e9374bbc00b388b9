//! Whole files through the reader: what each row becomes, how rows become groups, and files that are damaged.

use std::collections::BTreeMap;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

mod formats;

const RETAIL: &str = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";
const OWN: &str = "shopper,order_id,at,sku,name,category,price,quantity\n";

struct Outcomes {
    groups: Vec<Group>,
    counts: Counts,
    /// The reject file without its header.
    rejects: Vec<String>,
    error: Option<ReadError>,
}

fn read(format: Format, bytes: &[u8]) -> Result<Outcomes, OpenError> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("in");
    fs::write(&path, bytes).expect("written");
    let mut reader = Reader::open(format, &path)?.with_rejects(rejects_path(dir.path(), &path));
    let mut groups = Vec::new();
    while let Some(group) = reader.next_group() {
        groups.push(group);
    }
    let (counts, rejects, error) = reader.finish();
    let listed = rejects.map(|path| fs::read_to_string(path).expect("rejects")).unwrap_or_default();
    let rejects: Vec<String> = listed.lines().skip(1).map(str::to_owned).collect();
    assert_eq!(counts.accepted + counts.skipped + counts.rejected, counts.rows, "rows add up");
    assert_eq!(
        groups.iter().map(|g| g.lines.len() as u64).sum::<u64>(),
        counts.accepted,
        "groups hold what is accepted"
    );
    assert_eq!(rejects.len() as u64, counts.rejected, "each reject is listed");
    Ok(Outcomes { groups, counts, rejects, error })
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}

/// The reason of a line of the reject file.
fn reason(reject: &str) -> String {
    let mut fields = Fields::default();
    let (record, result) = fields.split(reject);
    assert_eq!((record.len(), result), (3, Ok(())), "a reject is a line of CSV: {reject:?}");
    record.get(1).unwrap_or_default().to_owned()
}

/// What one row becomes, as a short text.
fn verdict(format: Format, header: &str, row: &[u8]) -> String {
    let file = [header.as_bytes(), row].concat();
    let got = read(format, &file).expect("opens");
    if let [reject] = got.rejects.as_slice() {
        return format!("rejected: {}", reason(reject));
    }
    match got.groups.as_slice() {
        [] if got.counts.skipped == 1 => "skipped".to_owned(),
        [group] => {
            let Item { sku, name, category, price_cents, quantity } = &group.lines[0].item;
            let kind = if group.is_return { "return" } else { "purchase" };
            format!(
                "{kind} {} {} {} | {sku} {name:?} {category} {price_cents} {quantity}",
                group.source_order, group.shopper, group.at_ms
            )
        }
        groups => panic!("{groups:?}"),
    }
}

#[test]
fn online_retail_rows() {
    let check =
        |row: &str, expect: &str| assert_eq!(verdict(Format::OnlineRetail, RETAIL, row.as_bytes()), expect, "{row:?}");
    check(
        "536365,85123A,WHITE HANGING HEART T-LIGHT HOLDER,6,2010-12-01 08:26:00,2.55,17850,United Kingdom",
        "purchase 536365 17850 1291191960000 | 85123A \"WHITE HANGING HEART T-LIGHT HOLDER\" holder 255 6",
    );
    check("1,a,\"5\"\" RED, BOX\",1,1970-01-01,1,17850.0,UK", "purchase 1 17850 0 | a \"5\\\" RED, BOX\" box 100 1");
    check("C1,D,Discount,-1,1970-01-01,27.5,14527,UK", "return C1 14527 0 | D \"Discount\" discount 2750 1");
    check("1,a,x,-2,1970-01-01,1,9,UK", "return 1 9 0 | a \"x\"  100 2");
    check("1,a,GIFT,1,1970-01-01,0.0,9,UK", "purchase 1 9 0 | a \"GIFT\" gift 0 1");
    check("1,a,PART,1,1970-01-01,0.001,9,UK", "purchase 1 9 0 | a \"PART\" part 0 1");
    check("1,a,,1,1970-01-01,1,9,UK", "purchase 1 9 0 | a \"\"  100 1");
    check("536414,22139,,56,2010-12-01 11:52:00,0.0,,UK", "skipped");
    check("A563186,B,Adjust bad debt,1,2011-08-12 14:51:00,-11062.06,,UK", "skipped");
    check("1,a,x,none,never,?, ,UK", "skipped");
    check("1,a,x,1,1970-01-01,-1.5,9,UK", "rejected: negative price -1.5");
    check("1,a,x,0,1970-01-01,1,9,UK", "rejected: quantity 0");
    check("C1,a,x,3,1970-01-01,1,9,UK", "rejected: positive quantity 3 in a cancelled order");
    check("1,a,x,1000001,1970-01-01,1,9,UK", "rejected: not a quantity: \"1000001\"");
    check("1,a,x,six,1970-01-01,1,9,UK", "rejected: not a quantity: \"six\"");
    check("1,a,x,,1970-01-01,1,9,UK", "rejected: no quantity");
    check("1,a,x,1,1970-13-01,1,9,UK", "rejected: not a time: \"1970-13-01\"");
    check("1,a,x,1,1970-01-01,1e3,9,UK", "rejected: not a price: \"1e3\"");
    check(",a,x,1,1970-01-01,1,9,UK", "rejected: no order id");
    check("1,,x,1,1970-01-01,1,9,UK", "rejected: no product id");
    check("1,a,x,1,1970-01-01,1,9", "rejected: 7 columns, the header has 8");
    check("1,a,x,1,1970-01-01,1,9,UK,more", "rejected: 9 columns, the header has 8");
    check("5363", "rejected: 1 columns, the header has 8");
    check("1,a,\"x,1,1970-01-01,1,9,UK", "rejected: a quote is not closed");
    check(
        &format!("{},a,x,1,1970-01-01,1,9,UK", "1".repeat(129)),
        "rejected: order id of 129 bytes, at most 128 are taken",
    );
    check(
        &format!("1,a,{},1,1970-01-01,1,9,UK", "x".repeat(513)),
        "rejected: name of 513 bytes, at most 512 are taken",
    );
    check(&format!("1,a,{},1,1970-01-01,1,9,UK", "x".repeat(MAX_LINE_BYTES)), "rejected: longer than 65536 bytes");
    check(&",".repeat(100), "rejected: more than 64 columns");
    check("1,a\u{1},x,1,1970-01-01,1,9,UK", "rejected: control character in the product id");
    assert_eq!(verdict(Format::OnlineRetail, RETAIL, b"1,a,\xa3 BOX,1,1970-01-01,1,9,UK"), "rejected: not UTF-8");
    let second_edition = "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country\n";
    let got = verdict(Format::OnlineRetail, second_edition, b"1,a,x,1,1/2/1970 0:00,1,9.0,UK");
    assert_eq!(got, "purchase 1 9 86400000 | a \"x\"  100 1");
}

#[test]
fn purchases_rows() {
    let check =
        |row: &str, expect: &str| assert_eq!(verdict(Format::Purchases, OWN, row.as_bytes()), expect, "{row:?}");
    check("ada,o1,1970-01-01,s,锦鲤杯,kitchen,12.50,2", "purchase o1 ada 0 | s \"锦鲤杯\" kitchen 1250 2");
    check("ada,o1,1970-01-01T08:00:00+08:00,s,,,0,-1", "return o1 ada 0 | s \"\"  0 1");
    check(",o1,1970-01-01,s,,,1,1", "skipped");
    check("ada,,1970-01-01,s,,,1,1", "rejected: no order id");
    check("ada,o1,1970-01-01,s,,,,1", "rejected: no price");
    check("ada,C1,1970-01-01,s,,,1,1", "purchase C1 ada 0 | s \"\"  100 1");
    let short = "PRICE_CENTS,At,Order_Id,SKU,Shopper,Country\n";
    let got = verdict(Format::Purchases, short, b"1250,1970-01-01,o1,s,ada,CN");
    assert_eq!(got, "purchase o1 ada 0 | s \"\"  1250 1");
    assert_eq!(verdict(Format::Purchases, short, b"12.5,1970-01-01,o1,s,ada,CN"), "rejected: not a price: \"12.5\"");
}

#[test]
fn purchases_ndjson_rows() {
    let good = r#"{"shopper":"a","order_id":"o0","at":"1970-01-01","sku":"s","price":1}"#;
    let check = |row: &str, expect: &str| {
        // After a good row, since a file must begin with an object to be taken for NDJSON.
        let file = format!("{good}\n{row}\n");
        let got = read(Format::Purchases, file.as_bytes()).expect("opens");
        let shown = match (got.rejects.as_slice(), got.groups.get(1)) {
            ([reject], None) => format!("rejected: {}", reason(reject)),
            ([], Some(g)) => format!("{} {} {} {:?}", g.source_order, g.shopper, g.is_return, g.lines[0].item),
            ([], None) if got.counts.skipped == 1 => "skipped".to_owned(),
            other => panic!("{other:?}"),
        };
        assert!(shown.starts_with(expect), "{row:?} became {shown:?}, want {expect:?}");
    };
    check(
        r#"{"shopper":17850,"order_id":1,"at":"1970-01-01T00:00:00Z","sku":22423,"name":"\u9526","category":"c","price":12.5,"quantity":-2,"extra":[1,{"a":null}]}"#,
        "1 17850 true Item { sku: \"22423\", name: \"锦\", category: \"c\", price_cents: 1250, quantity: 2 }",
    );
    check(
        r#"{"shopper":"a","order_id":"o1","at":"1970-01-01","sku":"s","price":"0.30","name":null}"#,
        "o1 a false Item { sku: \"s\", name: \"\", category: \"\", price_cents: 30, quantity: 1 }",
    );
    check(
        r#"{"shopper":"a","order_id":"o1","at":"1970-01-01","sku":"s","price_cents":1250}"#,
        "o1 a false Item { sku: \"s\", name: \"\", category: \"\", price_cents: 1250",
    );
    check(r#"{"order_id":"o1","at":"1970-01-01","sku":"s","price_cents":1}"#, "skipped");
    check(r#"{"shopper":"a","order_id":"o1","at":"1970-01-01","sku":"s","price_cents":1.5}"#, "rejected: not a price");
    check(
        r#"{"shopper":"a","order_id":"o1","at":"1970-01-01","sku":"s","price_cents":1,"price":1}"#,
        "rejected: both price and price_cents",
    );
    check(r#"{"shopper":"a","order_id":"o1","at":"1970-01-01","sku":"s"}"#, "rejected: no price");
    check(
        r#"{"shopper":["a"],"order_id":"o1","at":"1970-01-01","sku":"s","price":1}"#,
        "rejected: shopper is neither a text nor a number",
    );
    check(r#"{"shopper":"a","order_id":{},"at":"1970-01-01","sku":"s","price":1}"#, "rejected: order_id is neither");
    check(r#"{"shopper":"a","order_id":"o1","at":19700101,"sku":"s","price":1}"#, "rejected: not a time");
    check(
        r#"{"shopper":"a\u0000","order_id":"o1","at":"1970-01-01","sku":"s","price":1}"#,
        "rejected: control character",
    );
    check(r#"{"shopper":"a","order_id":"o1","at":"1970-01-0"#, "rejected: bad JSON: EOF while parsing");
    check(&"[".repeat(5_000), "rejected: bad JSON");
    check("[1,2]", "rejected: ");
    check("锦鲤", "rejected: bad JSON");
}

/// `order/shopper/ordinals` of each group, returns marked.
fn shape(groups: &[Group]) -> String {
    let one = |g: &Group| {
        let ordinals: Vec<String> = g.lines.iter().map(|l| l.ordinal.to_string()).collect();
        format!("{}{}/{}/{}", if g.is_return { "-" } else { "" }, g.source_order, g.shopper, ordinals.join("."))
    };
    groups.iter().map(one).collect::<Vec<_>>().join(" ")
}

#[test]
fn rows_become_groups() {
    let check = |rows: &[(&str, &str, &str)], expect: &str| {
        let lines =
            rows.iter().map(|(order, shopper, quantity)| format!("{shopper},{order},1970-01-01,s,,,1,{quantity}\n"));
        let file = OWN.to_owned() + &lines.collect::<String>();
        let got = read(Format::Purchases, file.as_bytes()).expect("opens");
        assert_eq!(shape(&got.groups), expect, "{rows:?}");
    };
    check(&[], "");
    check(&[("1", "a", "1"), ("1", "a", "1"), ("2", "a", "1")], "1/a/0.1 2/a/0");
    // An order that is not in one piece goes on where it stopped.
    check(&[("1", "a", "1"), ("2", "b", "1"), ("1", "a", "1"), ("1", "a", "1")], "1/a/0 2/b/0 1/a/1.2");
    // Skipped and rejected rows count, but do not break a group.
    check(&[("1", "a", "1"), ("1", "", "1"), ("1", "a", "0"), ("1", "a", "1")], "1/a/0.3");
    check(&[("1", "a", "1"), ("2", "", "1"), ("1", "a", "1")], "1/a/0.1");
    check(&[("1", "a", "1"), ("1", "b", "1"), ("1", "a", "1")], "1/a/0 1/b/1 1/a/2");
    check(&[("1", "a", "1"), ("1", "a", "-1"), ("1", "a", "1")], "1/a/0 -1/a/1 1/a/2");
}

#[test]
fn rows_that_cannot_be_read_keep_their_place() {
    let row = |order: &str| format!("{order},a,x,1,1970-01-01,1,9,UK\n").into_bytes();
    let check = |spoilt: &[u8], expect: &str| {
        let file = [RETAIL.as_bytes(), &row("1"), spoilt, b"\n", &row("1"), &row("2")].concat();
        assert_eq!(
            shape(&read(Format::OnlineRetail, &file).expect("opens").groups),
            expect,
            "{:?}",
            String::from_utf8_lossy(spoilt)
        );
    };
    check(b"1,a,\xff,1,1970-01-01,1,9,UK", "1/9/0.2 2/9/0");
    check(b"1,a,x", "1/9/0.2 2/9/0");
    check(b"1,a,\"x,1,1970-01-01,1,9,UK", "1/9/0.2 2/9/0");
    // A row that does not say its order counts for the one before it; a row of another order for that one.
    check(b"1", "1/9/0.2 2/9/0");
    check(&[b'x'; MAX_LINE_BYTES + 1], "1/9/0.2 2/9/0");
    check(b"2,a,x", "1/9/0.1 2/9/1");
    check(b"  ", "1/9/0.1 2/9/0");
}

#[test]
fn long_orders_come_in_pieces() {
    let rows = 2 * MAX_GROUP_LINES + 5;
    let file = OWN.to_owned() + &"a,1,1970-01-01,s,,,1,1\n".repeat(rows);
    let got = read(Format::Purchases, file.as_bytes()).expect("opens");
    let sizes: Vec<usize> = got.groups.iter().map(|g| g.lines.len()).collect();
    assert_eq!(sizes, [MAX_GROUP_LINES, MAX_GROUP_LINES, 5]);
    let ordinals: Vec<u32> = got.groups.iter().flat_map(|g| g.lines.iter().map(|l| l.ordinal)).collect();
    assert!(ordinals.iter().copied().eq(0..rows as u32), "identical lines are kept, each with an ordinal of its own");
    assert_eq!(got.groups[2].lines[4].row, rows as u64 + 1, "rows are numbered by line, the header being the first");
}

#[test]
fn files_that_cannot_be_opened() {
    let check = |format, bytes: &[u8], expect: &str| {
        let error = read(format, bytes).err().map(|e| {
            assert!(!e.is_wrong_use(), "a bad file is not wrong use: {e}");
            let text = e.to_string();
            text[text.find("/in ").map_or(0, |at| at + 4)..].to_owned()
        });
        assert_eq!(error.as_deref(), Some(expect), "{:?}", String::from_utf8_lossy(bytes));
    };
    use Format::{OnlineRetail, Purchases};
    check(OnlineRetail, b"", "is empty");
    check(OnlineRetail, b"\n \r\n", "is empty");
    check(Purchases, &gzip(b""), "is empty");
    check(
        OnlineRetail,
        OWN.as_bytes(),
        "has a wrong header: missing InvoiceNo, StockCode, Description, InvoiceDate, CustomerID",
    );
    check(Purchases, RETAIL.as_bytes(), "has a wrong header: missing shopper, order_id, at, sku");
    check(
        OnlineRetail,
        b"{\"shopper\": 1}",
        "has a wrong header: missing InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, CustomerID",
    );
    check(Purchases, b"shopper,order_id,at,sku\n", "has a wrong header: missing price (or price_cents)");
    check(Purchases, b"shopper,order_id,at,sku,price,price_cents\n", "has a wrong header: both price and price_cents");
    check(Purchases, b"shopper,order_id,at,sku,price,SKU\n", "has a wrong header: column \"sku\" stands twice");
    check(Purchases, b"\xff\xfe\x00", "has a wrong header: not a text in UTF-8");
    check(Purchases, &vec![b'x'; MAX_LINE_BYTES + 1], "has a wrong header: the first line is longer than 65536 bytes");
    check(Purchases, &gzip(OWN.as_bytes())[..12], "cannot be read: incomplete deflate stream");

    let dir = tempfile::tempdir().expect("a temporary directory");
    for (path, ending) in
        [(dir.path().to_owned(), "is a directory, expected a file"), (dir.path().join("none"), "does not exist")]
    {
        let error = Reader::open(Purchases, &path).err().expect("refused");
        assert!(error.is_wrong_use() && error.to_string().ends_with(ending), "{error}");
    }
    let refused = "csv".parse::<Format>().map_err(|e| e.to_string());
    assert_eq!(
        refused,
        Err("unknown format \"csv\": expected online-retail, complete-journey or purchases".to_owned())
    );
}

fn shop(orders: usize) -> Vec<u8> {
    let mut file = OWN.as_bytes().to_vec();
    for row in 0..orders * 3 {
        let line =
            format!("s{},o{},2011-05-{:02} 10:00:00,p{row},杯子,kitchen,1.5,1\n", row / 3 % 7, row / 3, row % 28 + 1);
        file.extend_from_slice(line.as_bytes());
    }
    file
}

#[test]
fn gzip_and_line_ends_change_nothing() {
    let plain = shop(50);
    let want = read(Format::Purchases, &plain).expect("opens");
    assert_eq!((want.counts.accepted, want.groups.len()), (150, 50));
    let text = String::from_utf8(plain.clone()).expect("text");
    let halves = plain.split_at(plain.len() / 2);
    for (what, bytes) in [
        ("gzip", gzip(&plain)),
        ("gzip in two members", [gzip(halves.0), gzip(halves.1)].concat()),
        ("CRLF", text.replace('\n', "\r\n").into_bytes()),
        ("byte order mark", format!("\u{feff}{text}").into_bytes()),
        ("no last line break", text.trim_end().as_bytes().to_vec()),
    ] {
        let got = read(Format::Purchases, &bytes).expect(what);
        assert!(got.groups == want.groups && got.error.is_none(), "{what}");
    }
}

#[test]
fn a_cut_gzip_gives_what_is_readable_then_an_error() {
    let whole = gzip(&shop(20_000));
    let got = read(Format::Purchases, &whole[..whole.len() / 2]).expect("opens");
    let error = got.error.expect("an error at the cut").to_string();
    assert!(error.contains("cannot be read beyond line"), "{error}");
    assert!(got.counts.accepted > 10_000 && got.counts.rejected == 0, "half a line is no row: {:?}", got.counts);
}

#[test]
fn progress_reaches_the_size_of_the_file() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("shop.csv.gz");
    let bytes = gzip(&shop(1_000));
    fs::write(&path, &bytes).expect("written");
    let mut reader =
        Reader::open(Format::Purchases, &path).expect("opens").with_rejects(rejects_path(dir.path(), &path));
    while reader.next_group().is_some() {}
    assert_eq!(reader.progress(), (bytes.len() as u64, bytes.len() as u64));
    let (_, rejects, _) = reader.finish();
    assert!(rejects.is_none() && !dir.path().join("shop.csv.gz.rejects.csv").exists(), "no reject, no file");
}

#[test]
fn a_reject_file_that_cannot_be_written_stops_the_reading() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("in");
    fs::write(&path, format!("{OWN}x\na,1,1970-01-01,s,,,1,1\n")).expect("written");
    let mut reader =
        Reader::open(Format::Purchases, &path).expect("opens").with_rejects(dir.path().join("none/rejects.csv"));
    assert_eq!(reader.next_group(), None);
    let (counts, _, error) = reader.finish();
    assert!(matches!(error, Some(ReadError::Rejects { .. })), "{error:?}");
    assert_eq!((counts.rows, counts.rejected), (1, 1));
}

/// Imports a file into what is known of each order, as the importer does, and returns (new rows, duplicates).
fn import(known: &mut BTreeMap<String, Ranges>, bytes: &[u8]) -> (u64, u64) {
    let (mut new, mut duplicates) = (0, 0);
    for mut group in read(Format::Purchases, bytes).expect("opens").groups {
        let ranges = known.entry(group.source_order.clone()).or_default();
        duplicates += group.drop_known(ranges);
        new += group.lines.iter().filter(|line| ranges.insert(line.ordinal)).count() as u64;
    }
    (new, duplicates)
}

#[test]
fn a_file_cut_anywhere_and_imported_again_is_imported_once() {
    let whole = shop(12);
    for cut in OWN.len()..whole.len() {
        let mut known = BTreeMap::new();
        let (first, _) = import(&mut known, &whole[..cut]);
        let (second, duplicates) = import(&mut known, &whole);
        assert_eq!((first + second, duplicates), (36, first), "cut at byte {cut}");
        assert_eq!(import(&mut known, &whole), (0, 36), "a repeat changes nothing");
    }
}

#[test]
fn damage_never_panics_and_rows_add_up() {
    let json = r#"{"shopper":"a","order_id":"o1","at":"1970-01-01","sku":"s","price":1}"#.to_owned() + "\n";
    let mut state = 11u64;
    let mut next = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize % below
    };
    for base in [shop(20), json.repeat(40).into_bytes()] {
        for _ in 0..300 {
            let mut bytes = base.clone();
            for _ in 0..=next(30) {
                let at = next(bytes.len());
                match next(4) {
                    0 => bytes[at] = next(256) as u8,
                    1 => bytes[at] = b"\",\n\r{}\0-"[next(8)],
                    2 => drop(bytes.drain(at..(at + next(50)).min(bytes.len()))),
                    _ => bytes.insert(at, b"\",\n0"[next(4)]),
                }
            }
            // `read` itself checks that rows add up and that each reject is listed on one line.
            let _ = read(Format::Purchases, &bytes);
        }
    }
}
