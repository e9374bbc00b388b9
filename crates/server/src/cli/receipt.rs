//! `koi verify-receipt`: recomputes draws from their receipts, with nothing but the file.

use super::{Failure, say, say_json};
use domain::entry::Drawing;
use domain::fairness::{PointsReceipt, Receipt, Verified, VerifyError};
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
    let receipts = receipts(&value).into_iter().map(check).collect::<Vec<_>>();
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

/// The receipts of a receipt, a draw or an entry of points, `{"draws": […]}` or `{"data": […]}`. Entries whose amount
/// chance did not decide have none.
fn receipts(value: &Value) -> Vec<&Value> {
    let list = value.get("draws").or_else(|| value.get("data")).and_then(Value::as_array);
    match (list, value.get("receipt")) {
        (Some(all), _) => all
            .iter()
            .filter(|row| row.get("contra").is_none_or(|_| row.get("receipt").is_some()))
            .flat_map(receipts)
            .collect(),
        (None, Some(receipt)) => vec![receipt],
        (None, None) => vec![value],
    }
}

fn check(value: &Value) -> Checked {
    if value.get("list_hash").is_some() {
        return check_drawing(value);
    }
    if value.get("points_seed").is_some() {
        let amount = PointsReceipt::parse(value.to_string().as_bytes()).and_then(|receipt| receipt.verify());
        let why = amount.as_ref().err().map(VerifyError::to_string);
        return Checked { holds: amount.is_ok(), verified: None, amount: amount.ok(), drawing: None, why };
    }
    let verified = Receipt::parse(value.to_string().as_bytes()).and_then(|receipt| receipt.verify());
    let why = verified.as_ref().err().map(VerifyError::to_string);
    Checked { holds: verified.is_ok(), verified: verified.ok(), amount: None, drawing: None, why }
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
    use domain::fairness::CampaignSeed;
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
            assert!(found.iter().all(|r| **r == json!({"v": 1})), "{value}");
        }
    }

    #[test]
    fn an_entry_drawing_is_recomputed_too() {
        let list = vec![Holder(ShopperId(3), 2), Holder(ShopperId(9), 1), Holder(ShopperId(12), 5)];
        let made = Drawing::make(&CampaignSeed::new([4; 32]), CampaignId(8), list, 1, 1).unwrap();
        let mut proof = serde_json::to_value(&made).unwrap();
        let good = check(&proof);
        assert_eq!(good.drawing.map(|d| (d.winners.len(), d.alternates.len(), d.holders)), Some((1, 1, 3)));
        proof["list"][0][1] = json!(3);
        let bad = check(&proof);
        assert!(!bad.holds && bad.why.is_some_and(|why| why.starts_with("the list's hash")));
    }

    #[test]
    fn what_is_no_receipt_does_not_hold() {
        for value in [json!({}), json!(7), json!({"v": 2}), json!(null)] {
            let checked = check(&value);
            assert!(!checked.holds && checked.why.is_some(), "{value}");
        }
    }
}
