//! Spreadsheets and folders.

use super::*;
use std::path::Path;

/// A ZIP archive of stored files: what a spreadsheet is outside.
fn zip(files: &[(&str, String)]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, text) in files {
        let mut crc = flate2::Crc::new();
        crc.update(text.as_bytes());
        let size = u32::try_from(text.len()).expect("small");
        let start = u32::try_from(out.len()).expect("small");
        let mut common = Vec::new();
        for short in [20u16, 0, 0, 0, 33] {
            common.extend(short.to_le_bytes());
        }
        for long in [crc.sum(), size, size] {
            common.extend(long.to_le_bytes());
        }
        common.extend(u16::try_from(name.len()).expect("short").to_le_bytes());
        common.extend(0u16.to_le_bytes());
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend(name.as_bytes());
        out.extend(text.as_bytes());
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(start.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (count, start) = (u16::try_from(files.len()).expect("few"), u32::try_from(out.len()).expect("small"));
    let size = u32::try_from(directory.len()).expect("small");
    out.extend(directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(size.to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0; 2]);
    out
}

/// A workbook of one sheet; a cell that begins with `#` is a date's serial number, one of digits a number.
fn xlsx(rows: &[&[&str]]) -> Vec<u8> {
    const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    const DOC: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006/relationships";
    let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
    let mut sheet = format!("{head}<worksheet xmlns=\"{MAIN}\"><sheetData>");
    for (row, cells) in rows.iter().enumerate().filter(|(_, cells)| !cells.is_empty()) {
        sheet.push_str(&format!("<row r=\"{}\">", row + 1));
        for (column, cell) in cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
            let place = format!("{}{}", char::from(b'A' + u8::try_from(column).expect("few")), row + 1);
            sheet.push_str(&match cell.strip_prefix('#') {
                Some(serial) => format!("<c r=\"{place}\" s=\"1\"><v>{serial}</v></c>"),
                None if cell.parse::<f64>().is_ok() => format!("<c r=\"{place}\"><v>{cell}</v></c>"),
                None => format!("<c r=\"{place}\" t=\"inlineStr\"><is><t>{cell}</t></is></c>"),
            });
        }
        sheet.push_str("</row>");
    }
    sheet.push_str("</sheetData></worksheet>");
    let types = "http://schemas.openxmlformats.org/package/2006/content-types";
    zip(&[
        ("[Content_Types].xml", format!("{head}<Types xmlns=\"{types}\"/>")),
        (
            "_rels/.rels",
            format!(
                "{head}<Relationships xmlns=\"{PACKAGE}\"><Relationship Id=\"r1\" Type=\"{DOC}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "{head}<workbook xmlns=\"{MAIN}\" xmlns:r=\"{DOC}\"><sheets><sheet name=\"S\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "{head}<Relationships xmlns=\"{PACKAGE}\"><Relationship Id=\"r1\" Type=\"{DOC}/worksheet\" Target=\"worksheets/sheet1.xml\"/><Relationship Id=\"r2\" Type=\"{DOC}/styles\" Target=\"styles.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/styles.xml",
            format!(
                "{head}<styleSheet xmlns=\"{MAIN}\"><cellXfs count=\"2\"><xf numFmtId=\"0\"/><xf numFmtId=\"22\"/></cellXfs></styleSheet>"
            ),
        ),
        ("xl/worksheets/sheet1.xml", sheet),
    ])
}

#[test]
fn a_spreadsheet_is_read_like_the_file_it_could_be_saved_as() {
    let header: &[&str] =
        &["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"];
    let got = read(
        Format::OnlineRetail,
        &xlsx(&[
            header,
            &[
                "536365",
                "85123A",
                "WHITE, \"HANGING\" HOLDER",
                "6",
                "#40513.35138888889",
                "2.55",
                "17850",
                "United Kingdom",
            ],
            &["536365", "22752", "SET 7 BOX", "2", "#40513.35138888889", "7.65", "17850"],
            &[],
            &["C536379", "D", "Discount", "-1", "#40513.4", "27.5", "14527", "UK"],
            &["536414", "22139", "", "56", "#40513.5", "0", "", "UK"],
            &["536500", "1", "BROKEN", "many", "#40513.5", "1", "17850", "UK"],
        ]),
    )
    .expect("opens");
    assert_eq!(got.counts, Counts { rows: 5, accepted: 3, skipped: 1, rejected: 1 });
    let first = &got.groups[0];
    assert_eq!((first.shopper.as_str(), first.at_ms, first.lines.len()), ("17850", 1_291_191_960_000, 2));
    let item = &first.lines[0].item;
    assert_eq!((item.name.as_str(), item.price_cents, item.quantity), ("WHITE, \"HANGING\" HOLDER", 255, 6));
    assert!(got.groups[1].is_return && got.groups[1].lines[0].row == 5, "rows are numbered as in the sheet");
    assert!(got.rejects[0].starts_with("7,") && got.error.is_none(), "{:?}", got.rejects);
}

#[test]
fn own_purchases_come_as_a_spreadsheet_too() {
    let got = read(
        Format::Purchases,
        &xlsx(&[
            &["shopper", "order_id", "at", "sku", "name", "price"],
            &["ada", "D-1", "2026-03-01T20:15:00+08:00", "22423", "锦鲤杯", "39.9"],
            &["bob", "D-2", "#46082.5", "22423", "", "40"],
        ]),
    )
    .expect("opens");
    let lines: Vec<(&str, i64, i64)> =
        got.groups.iter().map(|group| (group.shopper.as_str(), group.at_ms, group.lines[0].item.price_cents)).collect();
    assert_eq!(lines, [("ada", 1_772_367_300_000, 3_990), ("bob", 1_772_366_400_000, 4_000)]);
    for damaged in [&b"PK\x03\x04...."[..], &xlsx(&[&["a"]])[..200]] {
        let error = read(Format::Purchases, damaged).err().expect("refused").to_string();
        assert!(error.contains("cannot be read"), "{error}");
    }
}

const TRANSACTIONS: &str = "household_id,store_id,basket_id,product_id,quantity,sales_value,retail_disc,coupon_disc,coupon_match_disc,week,transaction_timestamp\n";

fn journey(folder: &Path, transactions: &str) -> Result<(Vec<Group>, Counts), OpenError> {
    fs::write(folder.join("transactions_sample.csv.gz"), gzip(format!("{TRANSACTIONS}{transactions}").as_bytes()))
        .expect("written");
    let products = "product_id,manufacturer_id,department,brand,product_category,product_type,package_size\n\
                    940996,2,GROCERY,National,SOFT DRINKS,\"SODA, 12 PK\",12 PK\nspoilt\n6534178,69,FUEL,Private,COUPON/MISC ITEMS,GASOLINE,\n";
    fs::write(folder.join("products.csv"), products).expect("written");
    let mut reader = Reader::open(Format::CompleteJourney, folder)?;
    assert!(reader.ignored_columns().is_empty());
    let mut groups = Vec::new();
    while let Some(group) = reader.next_group() {
        groups.push(group);
    }
    Ok((groups, reader.finish().0))
}

#[test]
fn complete_journey_is_a_folder() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let check = |row: &str, want: &str| {
        let (groups, counts) = journey(dir.path(), row).expect("opens");
        assert_eq!(counts.accepted + counts.skipped + counts.rejected, counts.rows);
        let got = match groups.as_slice() {
            [] if counts.skipped == 1 => "skipped".to_owned(),
            [] => "rejected".to_owned(),
            [group] => {
                let Item { sku, name, category, price_cents, quantity } = &group.lines[0].item;
                format!(
                    "{} {} {} | {sku} {name:?} {category:?} {price_cents} {quantity}",
                    group.shopper, group.source_order, group.at_ms
                )
            }
            more => format!("{more:?}"),
        };
        assert_eq!(got, want, "{row}");
    };
    let at = "2017-01-28 19:06:53\n";
    check(
        &format!("2261,309,31625220889,940996,1.0,3.86,0.43,0.0,0.0,5,{at}"),
        "2261 31625220889 1485630413000 | 940996 \"SODA, 12 PK\" \"SOFT DRINKS\" 386 1",
    );
    check(
        &format!("1,2,3,940996,3.0,5.00,0,0,0,5,{at}"),
        "1 3 1485630413000 | 940996 \"SODA, 12 PK\" \"SOFT DRINKS\" 167 3",
    );
    check(
        &format!("1,2,3,6534178,8776.0,23.25,0,0,0,5,{at}"),
        "1 3 1485630413000 | 6534178 \"GASOLINE\" \"COUPON/MISC ITEMS\" 2325 1",
    );
    check(&format!("1,2,3,9,2.0,0.0,0,0,0,5,{at}"), "1 3 1485630413000 | 9 \"\" \"\" 0 2");
    check(&format!("1,2,3,940996,0.0,0.0,0,0,0,5,{at}"), "skipped");
    check(&format!(",2,3,940996,1.0,1.0,0,0,0,5,{at}"), "skipped");
    check(&format!("1,2,3,940996,1.0,-1.0,0,0,0,5,{at}"), "rejected");
    check(&format!("1,2,3,940996,-1.5,1.0,0,0,0,5,{at}"), "rejected");
    check(&format!("1,2,,940996,1.0,1.0,0,0,0,5,{at}"), "rejected");
    check("1,2,3,940996,1.0,1.0,0,0,0,5,never\n", "rejected");
    check("1,2,3\n", "rejected");
}

#[test]
fn a_folder_lacks_what_it_lacks() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let error = |path: &Path| Reader::open(Format::CompleteJourney, path).err().expect("refused");
    let file = dir.path().join("file");
    fs::write(&file, "x").expect("written");
    assert!(error(&file).is_wrong_use() && error(&dir.path().join("none")).is_wrong_use());
    assert!(error(dir.path()).to_string().ends_with("has no transactions.csv or transactions.csv.gz"));
    fs::write(dir.path().join("transactions.csv"), TRANSACTIONS).expect("written");
    assert!(error(dir.path()).to_string().ends_with("has no products.csv or products.csv.gz"));
    fs::write(dir.path().join("products.csv"), "a,b\n").expect("written");
    assert!(error(dir.path()).to_string().contains("missing product_id, product_category, product_type"));
    journey(dir.path(), "1,2\n").expect("the whole table is taken before the sample");
}
