//! `koi verify-receipt`: recomputes draws from their receipts, with nothing but the file.

use super::{Failure, say, say_json};
use domain::entry::Drawing;
use domain::fairness::{CampaignSeed, PointsReceipt, Receipt, Verified};
use domain::ids::{CampaignId, ShopperId};
use serde::Serialize;
use serde_json::Value;
use std::path::PathBuf;

/// Bytes of a file of receipts; a page of 200 draws has some 200 KB, the proof of a drawing among a million holders 40 MB.
const FILE_MAX: u64 = 64 * 1024 * 1024;

#[derive(clap::Args)]
pub struct Args {
    /// A receipt, a draw, an object with `draws` or `data`, or the proof of an entry drawing, as JSON
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The campaign's seed in hex, once it is revealed (`GET /campaigns/{id}/rules`): then it is checked too that each
    /// draw's seed comes from it
    #[arg(long, value_name = "HEX")]
    seed: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What came out for one receipt.
#[derive(Debug, Serialize)]
struct Checked {
    holds: bool,
    #[serde(flatten)]
    verified: Option<Verified>,
    /// The amount, where it is a receipt of points alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<u32>,
    /// Where it is an entry drawing: who won, and who stood by.
    #[serde(skip_serializing_if = "Option::is_none")]
    drawing: Option<Drawn>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// An entry drawing that holds.
#[derive(Debug, Serialize)]
struct Drawn {
    campaign: CampaignId,
    holders: usize,
    winners: Vec<ShopperId>,
    alternates: Vec<ShopperId>,
    seed_hash: String,
}

#[derive(Serialize)]
struct Report {
    holds: bool,
    receipts: Vec<Checked>,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let name = args.file.display();
    let unreadable = |error: std::io::Error| Failure::Work(format!("cannot read {name}: {error}"));
    if std::fs::metadata(&args.file).map_err(unreadable)?.len() > FILE_MAX {
        return Err(Failure::Work(format!("{name} has more than {FILE_MAX} bytes; that is no receipt")));
    }
    let text = std::fs::read(&args.file).map_err(unreadable)?;
    let value: Value = serde_json::from_slice(&text).map_err(|e| Failure::Work(format!("{name} is no JSON: {e}")))?;
    let seed = args.seed.as_deref().map(seed_of).transpose()?;
    let receipts = receipts(&value).into_iter().map(|row| check(row, seed.as_ref())).collect::<Vec<_>>();
    if receipts.is_empty() {
        return Err(Failure::Work(format!("{name} holds no receipt")));
    }
    let report = Report { holds: receipts.iter().all(|r| r.holds), receipts };
    if args.json {
        say_json(&report)?;
    } else {
        report.receipts.iter().try_for_each(|r| say(&line(r)))?;
    }
    if report.holds { Ok(()) } else { Err(Failure::Work(format!("{name}: a receipt does not hold"))) }
}

fn seed_of(hexed: &str) -> Result<CampaignSeed, Failure> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(hexed, &mut bytes).map_err(|_| Failure::Usage("--seed is 64 digits of hex".to_owned()))?;
    Ok(CampaignSeed::new(bytes))
}

/// What holds a receipt: a receipt itself, a draw or an entry of points, `{"draws": […]}` or `{"data": […]}`. Entries
/// whose amount chance did not decide have none.
fn receipts(value: &Value) -> Vec<&Value> {
    let list = value.get("draws").or_else(|| value.get("data")).and_then(Value::as_array);
    match list {
        Some(all) => all
            .iter()
            .filter(|row| row.get("contra").is_none_or(|_| row.get("receipt").is_some()))
            .flat_map(receipts)
            .collect(),
        None => vec![value],
    }
}

fn check(row: &Value, seed: Option<&CampaignSeed>) -> Checked {
    let value = row.get("receipt").unwrap_or(row);
    if value.get("list_hash").is_some() {
        return check_drawing(value);
    }
    let text = value.to_string();
    if value.get("points_seed").is_some() {
        let amount = PointsReceipt::parse(text.as_bytes())
            .and_then(|receipt| seed.map_or_else(|| receipt.verify(), |seed| receipt.verify_with_seed(seed)));
        let said = row.get("amount").and_then(Value::as_i64);
        let why = match &amount {
            Ok(amount) if said.is_some_and(|said| said != i64::from(*amount)) => Some(around("amount")),
            Ok(_) => None,
            Err(error) => Some(error.to_string()),
        };
        let amount = amount.ok().filter(|_| why.is_none());
        return Checked { holds: why.is_none(), verified: None, amount, drawing: None, why };
    }
    let verified = Receipt::parse(text.as_bytes()).and_then(|receipt| {
        let verified = seed.map_or_else(|| receipt.verify(), |seed| receipt.verify_with_seed(seed))?;
        Ok((differing(row, &receipt), verified))
    });
    let why = match &verified {
        Ok((differing, _)) => differing.map(around),
        Err(error) => Some(error.to_string()),
    };
    let verified = verified.ok().map(|(_, verified)| verified).filter(|_| why.is_none());
    Checked { holds: why.is_none(), verified, amount: None, drawing: None, why }
}

fn around(field: &'static str) -> String {
    format!("the draw says another `{field}` than its receipt")
}

/// The first field of a draw that says something else than its receipt. A receipt alone has nothing around it.
fn differing(row: &Value, receipt: &Receipt) -> Option<&'static str> {
    row.get("receipt")?;
    let same = |said: &Value, want: Value| said.is_null() || *said == want;
    // Where a rule put another prize in the place of what was shown, the slot is that one's.
    let replaced = receipt.prize != receipt.shown;
    [
        ("campaign_id", same(&row["campaign_id"], receipt.campaign.to_string().into())),
        ("n", same(&row["n"], receipt.n.into())),
        ("pool", same(&row["pool"], receipt.pool.as_str().into())),
        ("slot", replaced || same(&row["slot"], receipt.slot.into())),
        ("prize", same(&row["prize"]["code"], receipt.prize.as_str().into())),
    ]
    .into_iter()
    .find_map(|(field, same)| (!same).then_some(field))
}

fn check_drawing(value: &Value) -> Checked {
    let checked = Drawing::parse(value.to_string().as_bytes()).and_then(|drawing| {
        drawing.verify()?;
        let (winners, alternates) = drawing.ranks.split_at(drawing.ranks.len().min(drawing.winners as usize));
        Ok(Drawn {
            campaign: drawing.campaign,
            holders: drawing.list.len(),
            winners: winners.to_vec(),
            alternates: alternates.to_vec(),
            seed_hash: drawing.seed_hash.clone(),
        })
    });
    let why = checked.as_ref().err().map(ToString::to_string);
    Checked { holds: checked.is_ok(), verified: None, amount: None, drawing: checked.ok(), why }
}

fn line(checked: &Checked) -> String {
    if let Some(amount) = checked.amount {
        return format!("holds: {amount} points");
    }
    if let Some(drawing) = &checked.drawing {
        return format!(
            "holds: {} winners and {} alternates of {} holders; the seed's hash is {}",
            drawing.winners.len(),
            drawing.alternates.len(),
            drawing.holders,
            drawing.seed_hash
        );
    }
    match (&checked.verified, &checked.why) {
        (Some(v), _) => {
            let points = v.points.map_or(String::new(), |points| format!(", {points} points"));
            format!(
                "holds: tier {}, slot {}, prize {}{points}; the seed's hash is {}",
                v.tier, v.slot, v.prize, v.seed_hash
            )
        }
        (None, why) => format!("does not hold: {}", why.as_deref().unwrap_or("no receipt")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::entry::Holder;
    use serde_json::json;

    #[test]
    fn receipts_are_found_wherever_they_stand() {
        let draw = json!({"id": "1", "receipt": {"v": 1}});
        for (value, want) in [
            (json!({"v": 1}), 1),
            (draw.clone(), 1),
            (json!({"draws": [draw, draw]}), 2),
            (json!({"data": [draw], "next_cursor": null}), 1),
            (json!({"draws": []}), 0),
        ] {
            let found = receipts(&value);
            assert_eq!(found.len(), want, "{value}");
            assert!(found.iter().all(|r| r.get("receipt").unwrap_or(r) == &json!({"v": 1})), "{value}");
        }
    }

    #[test]
    fn an_entry_drawing_is_recomputed_too() {
        let list = vec![Holder(ShopperId(3), 2), Holder(ShopperId(9), 1), Holder(ShopperId(12), 5)];
        let made = Drawing::make(&CampaignSeed::new([4; 32]), CampaignId(8), list, 1, 1).unwrap();
        let mut proof = serde_json::to_value(&made).unwrap();
        let good = check(&proof, None);
        assert_eq!(good.drawing.map(|d| (d.winners.len(), d.alternates.len(), d.holders)), Some((1, 1, 3)));
        proof["list"][0][1] = json!(3);
        let bad = check(&proof, None);
        assert!(!bad.holds && bad.why.is_some_and(|why| why.starts_with("the list's hash")));
    }

    #[test]
    fn a_draw_says_what_its_receipt_says() {
        let receipt = json!({"v": 1, "campaign": "8", "rules": 1, "rules_hash": "00".repeat(32), "shopper": "3", "n": 2,
            "draw_seed": "11".repeat(32), "client_seed": "", "pool": "all", "tiers": [["a", 1, 0, 1]], "slot": 0, "shown": "cup",
            "prize": "cup", "path": ""});
        let draw =
            json!({"campaign_id": "8", "n": 2, "pool": "all", "slot": 0, "prize": {"code": "cup"}, "receipt": receipt});
        let mut table = vec![(draw.clone(), None), (receipt, None)];
        for (pointer, other, field) in [
            ("/campaign_id", json!("9"), "campaign_id"),
            ("/n", json!(3), "n"),
            ("/pool", json!("start"), "pool"),
            ("/slot", json!(1), "slot"),
            ("/prize/code", json!("car"), "prize"),
        ] {
            let mut altered = draw.clone();
            *altered.pointer_mut(pointer).unwrap() = other;
            table.push((altered, Some(field)));
        }
        for (row, want) in table {
            let checked = check(&row, None);
            assert_eq!(checked.why, want.map(around), "{row}");
            assert_eq!(checked.holds, want.is_none(), "{row}");
        }
        let wrong = check(&draw, Some(&CampaignSeed::new([4; 32])));
        assert!(wrong.why.is_some_and(|why| why.contains("campaign's seed")));
    }

    #[test]
    fn what_is_no_receipt_does_not_hold() {
        for value in [json!({}), json!(7), json!({"v": 2}), json!(null)] {
            let checked = check(&value, None);
            assert!(!checked.holds && checked.why.is_some(), "{value}");
        }
    }
}
