//! Fairness: seeds, the roll, and receipts that anyone can recompute.
//!
//! A campaign has a random seed of 32 bytes, secret until the campaign ends; its SHA-256 is published with the rules.
//! All HMACs are HMAC-SHA256 (RFC 2104), all integers in texts are decimal without leading zeros.
//!
//! ```text
//! draw_seed = HMAC(campaign_seed, campaign_id "|" shopper_id "|" n)
//! block 0   = HMAC(draw_seed, client_seed)
//! block i   = HMAC(draw_seed, client_seed 0x00 i)        i = 1, 2 ... as 4 bytes, big-endian
//! ```
//! Points for signing in or buying are rolled the same way, with the empty client seed, from
//! `HMAC(campaign_seed, campaign_id "|" shopper_id "|points|" label)`, where the label names the act.
//! The roll is the blocks' words in order, 8 of 32 bits each, big-endian. A number below `m` is a word `w` modulo `m`;
//! a word of `floor(2^32 / m) * m` or more is thrown away and the next one taken, so that all numbers are equally
//! probable. `m = 1` takes no word. A draw reads: below the pool's sum of weights (the first tier whose running sum is
//! above it), below the tier's slots, and, where the prize won is points, below `max - min + 1`.

mod mac;
mod points;
mod receipt;

pub use points::PointsReceipt;
pub use receipt::{Evidence, Receipt, THANKS, Verified, VerifyError, hex};
pub(crate) use receipt::{pool_part, receipt_head};

use crate::ids::{CampaignId, ShopperId};
use mac::Key;
use sha2::{Digest, Sha256};
use smallvec::SmallVec;
use std::fmt;

/// Longest client seed in bytes: with it a receipt stays short, and the roll is one HMAC of at most two blocks.
pub const CLIENT_SEED_BYTES: usize = 64;

/// Whether a shopper may choose `text` as client seed: at most [`CLIENT_SEED_BYTES`] and no control characters. May be
/// empty.
pub fn client_seed_ok(text: &str) -> bool {
    text.len() <= CLIENT_SEED_BYTES && !text.chars().any(char::is_control)
}

/// The secret of one campaign. Never printed: whoever knows it knows every roll to come.
#[derive(Clone)]
pub struct CampaignSeed {
    bytes: [u8; 32],
    keyed: Key,
}

impl fmt::Debug for CampaignSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CampaignSeed(secret)")
    }
}

impl CampaignSeed {
    /// From 32 random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        CampaignSeed { bytes, keyed: Key::new(&bytes) }
    }

    /// The secret itself, for the ledger and, after the campaign's end, for everyone.
    pub fn reveal(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// SHA-256 of the seed: published with the rules.
    pub fn commitment(&self) -> [u8; 32] {
        Sha256::digest(self.bytes).into()
    }

    /// A seed for something other than a draw. Labels start with a letter, so that none is a draw's text.
    pub fn labelled(&self, label: &str) -> DrawSeed {
        DrawSeed(mac::bytes(self.keyed.words(label.as_bytes())))
    }

    /// The seed of one draw; `n` counts 1, 2, 3 ...
    pub fn draw_seed(&self, campaign: CampaignId, shopper: ShopperId, n: u32) -> DrawSeed {
        let mut text = SmallVec::<[u8; 64]>::new();
        decimal(campaign.0, |digits| text.extend_from_slice(digits));
        text.push(b'|');
        decimal(shopper.0, |digits| text.extend_from_slice(digits));
        text.push(b'|');
        decimal(u64::from(n), |digits| text.extend_from_slice(digits));
        DrawSeed(mac::bytes(self.keyed.words(&text)))
    }

    /// The seed of one amount of points, `label` naming what it is for. No draw has it: an ordinal is no such word.
    pub fn points_seed(&self, campaign: CampaignId, shopper: ShopperId, label: &str) -> DrawSeed {
        let text = format!("{campaign}|{shopper}|points|{label}");
        DrawSeed(mac::bytes(self.keyed.words(text.as_bytes())))
    }
}

/// The seed of one draw. Secret until the draw is made, then part of its receipt.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DrawSeed([u8; 32]);

impl fmt::Debug for DrawSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DrawSeed(secret)")
    }
}

impl DrawSeed {
    /// From the bytes of a receipt or a record.
    pub fn new(bytes: [u8; 32]) -> Self {
        DrawSeed(bytes)
    }

    /// A uniform number between both ends, inclusive, under the empty client seed.
    pub fn between(&self, min: u32, max: u32) -> u32 {
        min.saturating_add(self.roll("").below(max.saturating_sub(min).saturating_add(1)))
    }

    /// The seed itself; only for the receipt of a draw that is made.
    pub fn reveal(&self) -> &[u8; 32] {
        &self.0
    }

    /// SHA-256 of it: what a shopper sees before choosing a client seed.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }

    /// The roll under the shopper's own seed.
    pub fn roll(&self, client_seed: &str) -> Roll {
        let first = Key::new(&self.0).words(client_seed.as_bytes());
        Roll {
            seed: self.0,
            client_seed: SmallVec::from_slice(client_seed.as_bytes()),
            first,
            block: first,
            at: 0,
            counter: 0,
        }
    }
}

/// A stream of uniform integers, the same at every reading.
#[derive(Clone)]
pub struct Roll {
    seed: [u8; 32],
    client_seed: SmallVec<[u8; CLIENT_SEED_BYTES]>,
    first: [u32; 8],
    block: [u32; 8],
    at: u8,
    counter: u32,
}

impl fmt::Debug for Roll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Roll(secret)")
    }
}

impl Roll {
    /// Back to the first word.
    pub fn rewind(&mut self) {
        (self.block, self.at, self.counter) = (self.first, 0, 0);
    }

    /// A uniform number below `bound`; 0 where `bound` is 0 or 1, which takes no word.
    pub fn below(&mut self, bound: u32) -> u32 {
        if bound <= 1 {
            return 0;
        }
        // 2^32 mod bound words at the top would favour the small numbers.
        let unfair = (u32::MAX % bound + 1) % bound;
        loop {
            let word = self.word();
            if word <= u32::MAX - unfair {
                return word % bound;
            }
        }
    }

    fn word(&mut self) -> u32 {
        if usize::from(self.at) == self.block.len() {
            self.counter += 1;
            let mut message = self.client_seed.clone();
            message.push(0);
            message.extend_from_slice(&self.counter.to_be_bytes());
            (self.block, self.at) = (Key::new(&self.seed).words(&message), 0);
        }
        self.at += 1;
        self.block[usize::from(self.at) - 1]
    }
}

/// Hands the decimal digits of `value` to `take`. Two digits a step: a draw writes 5 numbers of up to 19 digits.
fn decimal(mut value: u64, take: impl FnOnce(&[u8])) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    while value >= 10 {
        let pair = (value % 100) as u8;
        value /= 100;
        at -= 2;
        digits[at] += pair / 10;
        digits[at + 1] += pair % 10;
    }
    if value > 0 || at == digits.len() {
        at -= 1;
        digits[at] += value as u8;
    }
    take(&digits[at..]);
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_are_written_as_rust_writes_them() {
        let ends = [0, 1, 9, 10, 11, 99, 100, 101, 110, 999, 1000, 65_535, 123_456_789, u64::MAX - 1, u64::MAX];
        let powers = (0..20).flat_map(|e| [10u64.pow(e) - 1, 10u64.pow(e), 10u64.pow(e) + 1]);
        for value in ends.into_iter().chain(powers) {
            super::decimal(value, |digits| assert_eq!(digits, value.to_string().as_bytes()));
        }
    }
}
