//! Writes purchases and questions for `koi evaluate choice` from Complete Journey (dunnhumby 2014, the sample of the
//! R package `completejourney`): which of four product categories does a household buy from in the last two months?
//!
//! Categories of coupons and of nothing named are left out. Households are asked that bought before 2017-11-01 and
//! after; five questions each, of one category bought afterwards and three not bought afterwards, drawn evenly in one
//! file and by popularity before the cut in the other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use anyhow::{Context, ensure};
use flate2::read::MultiGzDecoder;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::json;

/// The first day that is asked about; the file's times have no zone.
const CUT: &str = "2017-11-01";

const QUESTIONS: usize = 5;
const WRONG: usize = 3;
const IDS: [&str; WRONG + 1] = ["A", "B", "C", "D"];

/// Tries to draw another category that was not bought.
const MAX_TRIES: usize = 10_000;

/// Categories that are no goods.
const LEFT_OUT: [&str; 5] = ["", "NA", "COUPON", "COUPON/MISC ITEMS", "COUPONS/STORE & MFG"];

struct Line {
    household: String,
    basket: String,
    at: String,
    item: String,
    category: String,
    price_cents: i64,
    quantity: i64,
}

/// Writes `P.csv`, `Q-uniform.jsonl` and `Q-popular.jsonl` into the folder `out`, which is made if needed, and prints
/// what they hold. `data` is the folder of Complete Journey.
pub fn choice_questions(data: &Path, seed: u64, out: &Path) -> anyhow::Result<()> {
    let categories = read_categories(gz(data, "products.csv.gz")?)?;
    let lines = read_lines(gz(data, "transactions_sample.csv.gz")?, &categories)?;
    std::fs::create_dir_all(out).with_context(|| format!("cannot make the folder {}", out.display()))?;
    write_purchases(&out.join("P.csv"), &lines)?;
    let shop = Shop::of(&lines);
    for (place, (name, weights)) in
        [("Q-uniform.jsonl", vec![1.0; shop.popularity.len()]), ("Q-popular.jsonl", shop.popularity.clone())]
            .into_iter()
            .enumerate()
    {
        let mut random = StdRng::seed_from_u64(seed.wrapping_mul(2).wrapping_add(place as u64));
        let path = out.join(name);
        let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        let mut file = BufWriter::new(file);
        let mut count = 0;
        for (household, bought) in &shop.households {
            for _ in 0..QUESTIONS {
                if let Some(question) = ask(&shop, household, bought, &weights, &mut random) {
                    writeln!(file, "{question}")?;
                    count += 1;
                }
            }
        }
        file.flush()?;
        println!("{name}: {count} questions");
    }
    println!("P.csv: {} purchases; in {}", lines.len(), out.display());
    Ok(())
}

struct Shop {
    categories: Vec<String>,
    /// Lines before the cut, by category.
    popularity: Vec<f64>,
    /// Who bought before the cut and after: the categories bought after.
    households: BTreeMap<String, BTreeSet<usize>>,
}

impl Shop {
    fn of(lines: &[Line]) -> Shop {
        let names: BTreeSet<&str> = lines.iter().map(|line| line.category.as_str()).collect();
        let categories: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let mut popularity = vec![0.0; categories.len()];
        let (mut before, mut after): (BTreeSet<&str>, BTreeMap<String, BTreeSet<usize>>) = Default::default();
        for line in lines {
            let Ok(category) = categories.binary_search(&line.category) else { continue };
            if line.at.as_str() < CUT {
                popularity[category] += 1.0;
                before.insert(&line.household);
            } else {
                after.entry(line.household.clone()).or_default().insert(category);
            }
        }
        after.retain(|household, _| before.contains(household.as_str()));
        Shop { categories, popularity, households: after }
    }
}

/// One question as a line of JSON, its options in random order.
fn ask(
    shop: &Shop,
    household: &str,
    bought: &BTreeSet<usize>,
    weights: &[f64],
    random: &mut StdRng,
) -> Option<serde_json::Value> {
    let right = *bought.iter().nth(random.random_range(0..bought.len()))?;
    let places: Vec<usize> = (0..weights.len()).collect();
    let mut options = vec![right];
    for _ in 0..MAX_TRIES {
        if options.len() > WRONG {
            break;
        }
        let wrong = *places.choose_weighted(random, |place| weights[*place]).ok()?;
        if !bought.contains(&wrong) && !options.contains(&wrong) {
            options.push(wrong);
        }
    }
    let at = random.random_range(0..options.len());
    options.swap(0, at);
    let shown: Vec<_> =
        IDS.iter().zip(&options).map(|(id, place)| json!({"id": id, "items": [shop.categories[*place]]})).collect();
    (options.len() > WRONG).then(
        || json!({"shopper": household, "before": format!("{CUT}T00:00:00Z"), "options": shown, "answer": IDS[at]}),
    )
}

fn gz(folder: &Path, name: &str) -> anyhow::Result<impl Read> {
    let path = folder.join(name);
    let file = File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
    Ok(MultiGzDecoder::new(file))
}

fn read_categories(reader: impl Read) -> anyhow::Result<BTreeMap<String, String>> {
    let mut csv = csv::Reader::from_reader(reader);
    let [id, category] = columns(csv.headers()?, ["product_id", "product_category"])?;
    let mut categories = BTreeMap::new();
    for record in csv.records() {
        let record = record.context("cannot read the products")?;
        let name = record.get(category).unwrap_or("").trim();
        if !LEFT_OUT.contains(&name) {
            categories.insert(record.get(id).unwrap_or("").to_owned(), name.to_owned());
        }
    }
    Ok(categories)
}

fn read_lines(reader: impl Read, categories: &BTreeMap<String, String>) -> anyhow::Result<Vec<Line>> {
    let mut csv = csv::Reader::from_reader(reader);
    let wanted = ["household_id", "basket_id", "transaction_timestamp", "product_id", "sales_value", "quantity"];
    let places = columns(csv.headers()?, wanted)?;
    let mut lines = Vec::new();
    for record in csv.records() {
        let record = record.context("cannot read the transactions")?;
        let [household, basket, at, item, value, quantity] =
            places.map(|place| record.get(place).unwrap_or("").to_owned());
        let Some(category) = categories.get(&item) else { continue };
        let value: f64 = value.parse().with_context(|| format!("sales_value is {value:?}"))?;
        let quantity: f64 = quantity.parse().with_context(|| format!("quantity is {quantity:?}"))?;
        let quantity = (quantity.round() as i64).max(1);
        let price_cents = (value * 100.0 / quantity as f64).round() as i64;
        let (at, category) = (format!("{}Z", at.replace(' ', "T")), category.clone());
        lines.push(Line { household, basket, at, item, category, price_cents, quantity });
    }
    ensure!(!lines.is_empty(), "no line of a named category in it");
    Ok(lines)
}

fn columns<const K: usize>(header: &csv::StringRecord, names: [&str; K]) -> anyhow::Result<[usize; K]> {
    let mut places = [0; K];
    for (place, name) in places.iter_mut().zip(names) {
        let found = header.iter().position(|column| column.trim() == name);
        *place = found.with_context(|| format!("the header lacks {name}; expected a file of Complete Journey"))?;
    }
    Ok(places)
}

fn write_purchases(path: &Path, lines: &[Line]) -> anyhow::Result<()> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut csv = csv::Writer::from_writer(BufWriter::new(file));
    csv.write_record(["shopper", "basket", "at", "item", "category", "price_cents", "quantity"])?;
    for line in lines {
        let (price, quantity) = (line.price_cents.to_string(), line.quantity.to_string());
        csv.write_record([&line.household, &line.basket, &line.at, &line.item, &line.category, &price, &quantity])?;
    }
    Ok(csv.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRODUCTS: &str = "product_id,product_category\n1,TEA\n2,SOIL\n3,COUPON\n4,\n5,CUPS\n6,SEED\n7,SALT\n";

    fn shop() -> Shop {
        let categories = read_categories(PRODUCTS.as_bytes()).expect("good products");
        let mut text = "household_id,basket_id,product_id,quantity,sales_value,transaction_timestamp\n".to_owned();
        for (household, item, at) in [
            ("a", 1, "2017-10-31 23:59:59"),
            ("a", 2, "2017-11-01 00:00:00"),
            ("a", 3, "2017-11-02 00:00:00"),
            ("b", 5, "2017-11-02 00:00:00"),
            ("c", 6, "2017-01-02 00:00:00"),
            ("c", 7, "2017-01-02 00:00:00"),
        ] {
            text += &format!("{household},1,{item},2.0,3.5,{at}\n");
        }
        let lines = read_lines(text.as_bytes(), &categories).expect("good lines");
        assert_eq!((lines.len(), lines[0].price_cents, lines[0].quantity), (5, 175, 2));
        Shop::of(&lines)
    }

    #[test]
    fn only_who_bought_before_and_after_is_asked_about_what_came_after() {
        let shop = shop();
        let households: Vec<&str> = shop.households.keys().map(String::as_str).collect();
        assert_eq!(households, ["a"], "b is new, c never came back");
        let mut random = StdRng::seed_from_u64(1);
        let question = ask(&shop, "a", &shop.households["a"], &[1.0; 5], &mut random).expect("five categories");
        let options = question["options"].as_array().expect("a list");
        let right = options.iter().find(|option| option["id"] == question["answer"]).expect("an option");
        assert_eq!((options.len(), &right["items"]), (4, &json!(["SOIL"])));
        let popular = ask(&shop, "a", &shop.households["a"], &shop.popularity, &mut random).expect("three were bought");
        assert!(!popular.to_string().contains("CUPS"), "nobody bought it before the cut: {popular}");
    }

    #[test]
    fn bad_files_are_named() {
        assert!(read_categories("id\n".as_bytes()).is_err());
        let header = "household_id,basket_id,product_id,quantity,sales_value,transaction_timestamp\n";
        assert!(read_lines(header.as_bytes(), &BTreeMap::new()).is_err());
    }
}
