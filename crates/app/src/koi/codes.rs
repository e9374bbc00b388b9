//! Batches of redeem codes, as operators make, list and export them.

use super::Koi;
use crate::error::{Error, Result};
use crate::ports::{Added, CodeBatch};
use crate::time::rfc3339;
use crate::views::{CodeBatchView, Page, PageAsk};
use domain::campaign::State;
use domain::code::{IMPORTED_CHARS, Terms, is_importable, of_bits};
use domain::ids::{BatchId, CampaignId};
use rustc_hash::FxHashMap;

/// Codes of one batch.
pub const CODES_MAX: usize = 100_000;
/// Codes read at a time for an export.
const EXPORT_PAGE: u32 = 5_000;
/// Codes that a refusal names at most.
const NAMED: usize = 5;

const NO_BATCH: Error = Error::NotFound { code: "batch_unknown", detail: "the campaign has no such batch of codes" };

/// Where a batch's codes come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodesFrom {
    /// So many are made here.
    Here(usize),
    /// The shop brings them along.
    Shop(Vec<String>),
}

/// New codes, each of 75 random bits.
fn generate(count: usize) -> Vec<String> {
    let mut codes = Vec::with_capacity(count);
    while codes.len() < count {
        let bytes = crate::random::bytes32();
        let (first, second) = bytes.split_at(16);
        for half in [first, second] {
            let bits = u128::from_le_bytes(half.try_into().expect("invariant: half of 32 bytes"));
            codes.push(of_bits(bits));
        }
    }
    codes.truncate(count);
    codes
}

/// What a shop brought along, whole and each code once.
fn checked(codes: Vec<String>) -> Result<Vec<String>> {
    let codes: Vec<String> = codes.into_iter().map(|code| code.trim().to_owned()).collect();
    if let Some(at) = codes.iter().position(|code| !is_importable(code)) {
        let (least, most) = (IMPORTED_CHARS.start(), IMPORTED_CHARS.end());
        let detail = format!(
            "entry {}: a code has {least} to {most} letters, digits, `-`, `_` and `.`, a letter or digit first",
            at + 1
        );
        return Err(Error::invalid("code_invalid", &format!("codes[{at}]"), detail));
    }
    let mut first: FxHashMap<&str, usize> = FxHashMap::default();
    let mut twice = Vec::new();
    for (at, code) in codes.iter().enumerate() {
        if let Some(before) = first.insert(code, at) {
            twice.push(format!("{code} (entries {} and {})", before + 1, at + 1));
        }
    }
    if twice.is_empty() {
        return Ok(codes);
    }
    let detail = format!("{} codes come twice, nothing was stored: {}", twice.len(), some(&twice));
    Err(Error::invalid("codes_duplicate", "codes", detail))
}

fn some(all: &[String]) -> String {
    let more = if all.len() > NAMED { ", …" } else { "" };
    format!("{}{more}", all[..all.len().min(NAMED)].join(", "))
}

impl Koi {
    /// Makes a batch of codes for a campaign, drafts included; the answer is the only one that lists them all.
    pub async fn create_codes(&self, id: CampaignId, terms: Terms, from: CodesFrom) -> Result<CodeBatchView> {
        let campaign = self.campaign(id).await?;
        if matches!(campaign.state, State::Ended | State::Archived) {
            let detail = "the campaign is over; its codes would give nothing".into();
            return Err(Error::Conflict { code: "campaign_over", detail });
        }
        let (codes, imported) = match from {
            CodesFrom::Here(count) if count <= CODES_MAX => (generate(count), false),
            CodesFrom::Shop(codes) if codes.len() <= CODES_MAX => (checked(codes)?, true),
            _ => (Vec::new(), false),
        };
        if codes.is_empty() {
            let detail = format!("a batch has 1 to {CODES_MAX} codes");
            return Err(Error::invalid("codes_count", "codes", detail));
        }
        let batch = BatchId(self.make_id().await?);
        let (count, created_at_ms) = (codes.len() as u64, self.now_ms());
        let row = CodeBatch { id: batch, campaign: id, imported, terms, count, used: 0, created_at_ms };
        match self.parts().codes.add(&row, &codes).await? {
            Added::All => Ok(CodeBatchView { codes: Some(codes), ..view(&row) }),
            Added::Known(places) => {
                let known: Vec<String> =
                    places.iter().filter_map(|at| Some(format!("{} (entry {})", codes.get(*at)?, at + 1))).collect();
                let detail =
                    format!("the campaign has some of these codes already, nothing was stored: {}", some(&known));
                Err(Error::Conflict { code: "codes_duplicate", detail })
            }
        }
    }

    /// Batches of a campaign, newest first, without their codes.
    pub async fn code_batches(&self, id: CampaignId, page: PageAsk) -> Result<Page<CodeBatchView>> {
        self.campaign(id).await?;
        let before = page.before.unwrap_or(i64::MAX as u64).min(i64::MAX as u64);
        let rows = self.parts().codes.batches(id, before, page.limit + 1).await?;
        let (rows, next_cursor) = super::lists::merge([], rows, page.limit, |row| row.id.0);
        Ok(Page { data: rows.iter().map(view).collect(), next_cursor })
    }

    /// One batch, without its codes.
    pub async fn code_batch(&self, id: CampaignId, batch: BatchId) -> Result<CodeBatchView> {
        let row = self.parts().codes.batch(batch).await?.filter(|row| row.campaign == id).ok_or(NO_BATCH)?;
        Ok(view(&row))
    }

    /// The codes of a batch with their uses, in the order in which they were added.
    pub async fn export_codes(&self, id: CampaignId, batch: BatchId) -> Result<Vec<(String, u64)>> {
        let batch = self.code_batch(id, batch).await?.batch_id;
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let page = self.parts().codes.codes(batch, after, EXPORT_PAGE).await?;
            let Some((last, ..)) = page.last() else { return Ok(all) };
            after = *last;
            all.extend(page.into_iter().map(|(_, code, used)| (code, used)));
        }
    }
}

fn view(row: &CodeBatch) -> CodeBatchView {
    CodeBatchView {
        batch_id: row.id,
        campaign_id: row.campaign,
        origin: if row.imported { "imported" } else { "generated" },
        count: row.count,
        chances: row.terms.chances,
        uses: row.terms.uses,
        per_shopper: row.terms.per_shopper,
        starts_at: row.terms.starts_at_ms.map(rfc3339),
        ends_at: row.terms.ends_at_ms.map(rfc3339),
        used: row.used,
        created_at: rfc3339(row.created_at_ms),
        codes: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shops_codes_are_taken_whole_or_not_at_all() {
        for (codes, want) in [
            (&["A-1000", " B_2000 ", "c.3000"][..], Ok(3)),
            (&["A-1000", "a-1000"], Ok(2)),
            (&["A-1000", "B-2000", "A-1000"], Err("codes_duplicate")),
            (&["A-1000", ""], Err("code_invalid")),
            (&["=cmd()"], Err("code_invalid")),
            (&["锦鲤锦鲤"], Err("code_invalid")),
        ] {
            let got = checked(codes.iter().map(|c| (*c).to_owned()).collect());
            assert_eq!(got.as_ref().map(Vec::len).map_err(Error::code), want, "{codes:?}");
        }
        let told =
            checked(["A-1000", "B-2000", "A-1000"].map(str::to_owned).to_vec()).expect_err("refused").to_string();
        assert_eq!(told, "1 codes come twice, nothing was stored: A-1000 (entries 1 and 3)");
    }

    #[test]
    fn generated_codes_differ() {
        let mut codes = generate(1_001);
        codes.sort();
        codes.dedup();
        assert_eq!(codes.len(), 1_001);
    }
}
