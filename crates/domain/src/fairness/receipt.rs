//! Receipts: what a shopper needs to recompute a draw, and the recomputing.

use super::{CampaignSeed, DrawSeed, Roll, decimal};
use crate::campaign::{OddsOf, Pool, PrizeKind, Rules, Tier, TierIx};
use crate::draw::{Outcome, Step};
use crate::ids::{CampaignId, ShopperId};
use crate::strategy::Strategy;
use serde::{Deserialize, Serialize};

/// The form of receipts written here.
const VERSION: u32 = 1;

/// The code and kind of what a shopper gets when nothing is to be had.
pub const THANKS: &str = "thanks";

/// What an ordinary campaign's receipt takes at most: some five tiers, codes of a dozen letters.
const ORDINARY_BYTES: usize = 600;

/// A decided draw, ready to be written as a receipt.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    pub rules: &'a Rules,
    pub strategy: &'a Strategy,
    pub shopper: ShopperId,
    pub n: u32,
    pub seed: &'a DrawSeed,
    pub client_seed: &'a str,
    pub outcome: &'a Outcome,
}

impl Evidence<'_> {
    /// Appends the receipt as a JSON object, at most 600 bytes for ordinary campaigns. It reveals this draw's seed and
    /// no other.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let pool = &self.rules.pools[usize::from(self.outcome.pool)];
        let code = |prize| &*self.rules.prize(prize).code;
        out.reserve(ORDINARY_BYTES);
        out.extend_from_slice(self.rules.receipt_head.as_bytes());
        out.extend_from_slice(b",\"shopper\":\"");
        push_decimal(out, self.shopper.0);
        out.extend_from_slice(b"\",\"n\":");
        push_decimal(out, u64::from(self.n));
        out.extend_from_slice(b",\"draw_seed\":\"");
        push_hex(out, self.seed.reveal());
        out.extend_from_slice(b"\",\"client_seed\":");
        push_json_text(out, self.client_seed);
        out.push(b',');
        out.extend_from_slice(pool.receipt.as_bytes());
        out.extend_from_slice(b",\"slot\":");
        push_decimal(out, u64::from(self.outcome.hit_slot));
        out.extend_from_slice(b",\"shown\":\"");
        out.extend_from_slice(code(self.strategy.slots[usize::from(self.outcome.hit_slot)].prize).as_bytes());
        out.extend_from_slice(b"\",\"prize\":\"");
        out.extend_from_slice(self.outcome.prize.map_or(THANKS, code).as_bytes());
        out.push(b'"');
        if let Some(PrizeKind::Points { min, max }) = self.outcome.prize.map(|prize| self.rules.prize(prize).kind) {
            out.extend_from_slice(b",\"points\":[");
            push_decimal(out, u64::from(self.outcome.points));
            out.push(b',');
            push_decimal(out, u64::from(min));
            out.push(b',');
            push_decimal(out, u64::from(max));
            out.push(b']');
        }
        out.extend_from_slice(b",\"path\":");
        self.outcome.path.write_json(out);
        out.push(b'}');
    }
}

/// The part of a receipt that is the same for all draws under one version of the rules.
pub(crate) fn receipt_head(campaign: CampaignId, version: u32, hash: &[u8; 32]) -> Box<str> {
    format!("{{\"v\":{VERSION},\"campaign\":\"{campaign}\",\"rules\":{version},\"rules_hash\":\"{}\"", hex(hash)).into()
}

/// The part that is the same for all draws of one pool.
pub(crate) fn pool_part(code: &str, tiers: impl Iterator<Item = (TierIx, u32)>, all: &[Tier]) -> Box<str> {
    // Codes are [A-Za-z0-9_-] and need no escapes.
    let tiers = tiers.map(|(ix, weight)| {
        let tier = &all[usize::from(ix)];
        format!("[\"{}\",{},{},{}]", tier.code, weight, tier.first_slot, tier.slots)
    });
    format!("\"pool\":\"{code}\",\"tiers\":[{}]", tiers.collect::<Vec<_>>().join(",")).into()
}

/// A receipt as read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Form of the receipt, 1.
    pub v: u32,
    pub campaign: CampaignId,
    /// Version of the rules.
    pub rules: u32,
    /// SHA-256 of the rules as published, hex.
    pub rules_hash: String,
    pub shopper: ShopperId,
    pub n: u32,
    /// Hex.
    pub draw_seed: String,
    pub client_seed: String,
    pub pool: String,
    /// The pool's tiers in order: code, weight, first slot, slots.
    pub tiers: Vec<(String, u32, u32, u32)>,
    /// The slot that the roll hit.
    pub slot: u32,
    /// Code of the prize that the slot showed.
    pub shown: String,
    /// Code of the prize won.
    pub prize: String,
    /// Where the prize is points: amount, least, most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<(u32, u32, u32)>,
    /// What each rule did.
    pub path: String,
}

/// What a receipt proves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Code of the tier that the roll hit.
    pub tier: String,
    pub slot: u32,
    /// Code of the prize won.
    pub prize: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points: Option<u32>,
    /// SHA-256 of the draw's seed, hex: what `me` showed as `next_seed_hash` before the draw.
    pub seed_hash: String,
}

/// Why a receipt does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    #[error("not a receipt: {0}")]
    NotAReceipt(String),
    #[error("receipt of form {0}: this program reads form {VERSION}")]
    UnknownForm(u32),
    #[error("{field} is not 32 bytes in hex")]
    BadHex { field: &'static str },
    #[error("the pool's weights are no odds: their sum must be 1 to {max}, and each tier with a weight needs slots", max = u32::MAX)]
    BadWeights,
    #[error("the receipt says slot {claimed}, but the seeds hit slot {recomputed} of tier {tier}")]
    Slot { claimed: u32, recomputed: u32, tier: String },
    #[error("the receipt says prize {claimed}, but slot {slot} showed {shown} and no rule replaced it")]
    Prize { claimed: String, slot: u32, shown: String },
    #[error("the receipt says {claimed} points, but the seeds give {recomputed}")]
    Points { claimed: u32, recomputed: u32 },
    #[error("the receipt's points range {min} to {max} is empty")]
    PointsRange { min: u32, max: u32 },
    #[error("the draw's seed is not the one that the campaign's seed gives for draw {n} of shopper {shopper}")]
    Seed { n: u32, shopper: ShopperId },
    #[error("the seed is not the one that the campaign's seed gives for {label} of shopper {shopper}")]
    PointsSeed { label: String, shopper: ShopperId },
    #[error("the receipt's {what} is not that of the published rules")]
    Rules { what: &'static str },
}

impl Receipt {
    /// Reads a receipt from its JSON text.
    pub fn parse(json: &[u8]) -> Result<Receipt, VerifyError> {
        let receipt: Receipt = serde_json::from_slice(json).map_err(|e| VerifyError::NotAReceipt(e.to_string()))?;
        match receipt.v {
            VERSION => Ok(receipt),
            other => Err(VerifyError::UnknownForm(other)),
        }
    }

    /// Recomputes the draw from the receipt alone: seeds, weights, tier, slot, points.
    pub fn verify(&self) -> Result<Verified, VerifyError> {
        unhex(&self.rules_hash, "rules_hash")?;
        let seed = DrawSeed::new(unhex(&self.draw_seed, "draw_seed")?);
        let mut roll = seed.roll(&self.client_seed);
        let (tier, slot) = self.hit(&mut roll)?;
        if slot != self.slot {
            let tier = tier.to_owned();
            return Err(VerifyError::Slot { claimed: self.slot, recomputed: slot, tier });
        }
        if self.prize != self.shown && !self.path.split(' ').any(Step::replaces) {
            let (claimed, shown) = (self.prize.clone(), self.shown.clone());
            return Err(VerifyError::Prize { claimed, slot, shown });
        }
        if let Some((claimed, min, max)) = self.points {
            let span = max.checked_sub(min).and_then(|span| span.checked_add(1));
            let span = span.ok_or(VerifyError::PointsRange { min, max })?;
            let recomputed = min + roll.below(span);
            if claimed != recomputed {
                return Err(VerifyError::Points { claimed, recomputed });
            }
        }
        Ok(Verified {
            tier: tier.to_owned(),
            slot,
            prize: self.prize.clone(),
            points: self.points.map(|(amount, _, _)| amount),
            seed_hash: hex(&seed.hash()),
        })
    }

    /// [`Receipt::verify`], and the draw's seed comes from the campaign's, once that is revealed.
    pub fn verify_with_seed(&self, campaign_seed: &CampaignSeed) -> Result<Verified, VerifyError> {
        let seed = campaign_seed.draw_seed(self.campaign, self.shopper, self.n);
        if unhex(&self.draw_seed, "draw_seed")? != *seed.reveal() {
            return Err(VerifyError::Seed { n: self.n, shopper: self.shopper });
        }
        self.verify()
    }

    /// [`Receipt::verify`], and weights, slots, pool and points are those of the published rules.
    pub fn verify_with_rules(&self, rules: &Rules) -> Result<Verified, VerifyError> {
        let differs = |what| Err(VerifyError::Rules { what });
        if self.rules_hash != hex(&rules.hash) || self.rules != rules.version || self.campaign != rules.campaign {
            return differs("campaign, version or hash");
        }
        let possible = rules.pools.iter().enumerate().filter(|(ix, pool)| {
            *pool.code == *self.pool
                && match pool.of {
                    OddsOf::Pool => rules.pool_possible(*ix, self.n),
                    OddsOf::Spend { pool, step } => {
                        rules.pool_possible(usize::from(pool), self.n)
                            && self.path.split(' ').any(|word| word == Step::WeightBy(step).word())
                    }
                    OddsOf::Guarantee(_) => self.path.split(' ').any(|word| word == Step::GuaranteeDue.word()),
                }
        });
        let mut possible = possible.map(|(_, pool)| pool).peekable();
        if possible.peek().is_none() {
            return differs("pool");
        }
        if !possible.any(|pool| self.lists(pool, rules)) {
            return differs("list of weights and slots");
        }
        let kind = rules.prize_by_code(&self.prize).map(|prize| rules.prize(prize).kind);
        match (kind, self.points) {
            (Some(PrizeKind::Points { min, max }), Some((_, low, high))) if (min, max) == (low, high) => {}
            (Some(PrizeKind::Points { .. }), _) | (_, Some(_)) => return differs("points range"),
            (None, None) if self.prize != THANKS => return differs("prize"),
            (_, None) => {}
        }
        self.verify()
    }

    /// Whether the receipt's tiers are those of `pool`.
    fn lists(&self, pool: &Pool, rules: &Rules) -> bool {
        let same = |((code, weight, first, slots), (ix, of_pool)): (&(String, u32, u32, u32), (TierIx, u32))| {
            let tier = &rules.tiers[usize::from(ix)];
            **code == *tier.code
                && (*weight, *first, *slots) == (of_pool, u32::from(tier.first_slot), u32::from(tier.slots))
        };
        self.tiers.len() == pool.tiers.len() && self.tiers.iter().zip(pool.weights()).all(same)
    }

    fn hit(&self, roll: &mut Roll) -> Result<(&str, u32), VerifyError> {
        let sum: u64 = self.tiers.iter().map(|(_, weight, _, _)| u64::from(*weight)).sum();
        let sum = u32::try_from(sum).ok().filter(|sum| *sum > 0).ok_or(VerifyError::BadWeights)?;
        let mut rest = roll.below(sum);
        for (code, weight, first, slots) in &self.tiers {
            if rest < *weight {
                let last = first.checked_add(*slots).filter(|_| *slots > 0);
                last.ok_or(VerifyError::BadWeights)?;
                return Ok((code, first + roll.below(*slots)));
            }
            rest -= weight;
        }
        Err(VerifyError::BadWeights)
    }
}

fn push_decimal(out: &mut Vec<u8>, value: u64) {
    decimal(value, |digits| out.extend_from_slice(digits));
}

const HEX: &[u8; 16] = b"0123456789abcdef";

fn push_hex(out: &mut Vec<u8>, bytes: &[u8; 32]) {
    let mut text = [0u8; 64];
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
    }
    out.extend_from_slice(&text);
}

/// Lowercase hex of 32 bytes.
pub fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().flat_map(|b| [HEX[usize::from(b >> 4)], HEX[usize::from(b & 15)]]).map(char::from).collect()
}

pub(super) fn unhex(text: &str, field: &'static str) -> Result<[u8; 32], VerifyError> {
    let mut bytes = [0u8; 32];
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|d| d as u8);
    let all = text.as_bytes();
    if all.len() != 64 {
        return Err(VerifyError::BadHex { field });
    }
    for (byte, pair) in bytes.iter_mut().zip(all.chunks_exact(2)) {
        let (Some(high), Some(low)) = (digit(pair[0]), digit(pair[1])) else {
            return Err(VerifyError::BadHex { field });
        };
        *byte = high << 4 | low;
    }
    Ok(bytes)
}

/// Appends `text` as a JSON string.
fn push_json_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    if text.bytes().all(plain) {
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
        return;
    }
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0..0x20 => {
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}
