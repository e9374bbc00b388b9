//! Referral codes: a shopper's id under a short tag, so that nobody can name a shopper they were not told of. They are
//! made and read without asking anybody.

use super::Koi;
use domain::code::{DIGITS, digit};
use domain::ids::{CampaignId, ShopperId};
use sha2::{Digest, Sha256};

/// Bytes of the tag: one in 2^40 guesses names a shopper of the guesser's choice.
const TAG: usize = 5;
/// Digits of a code: 8 bytes of id and the tag.
const LENGTH: usize = ((8 + TAG) * 8).div_ceil(5);

fn tag(secret: &[u8; 32], campaign: CampaignId, shopper: ShopperId) -> [u8; TAG] {
    let mut sha = Sha256::new();
    sha.update(secret);
    sha.update(b"referral");
    sha.update(campaign.0.to_be_bytes());
    sha.update(shopper.0.to_be_bytes());
    let full: [u8; 32] = sha.finalize().into();
    full[..TAG].try_into().expect("invariant: 5 of 32 bytes")
}

fn encode(secret: &[u8; 32], campaign: CampaignId, shopper: ShopperId) -> String {
    let bytes = shopper.0.to_be_bytes().into_iter().chain(tag(secret, campaign, shopper));
    written(bytes.fold(0u128, |sum, byte| sum << 8 | u128::from(byte)))
}

fn written(all: u128) -> String {
    (0..LENGTH).rev().map(|at| char::from(DIGITS[(all >> (5 * at)) as usize & 31])).collect()
}

fn decode(secret: &[u8; 32], campaign: CampaignId, code: &str) -> Option<ShopperId> {
    if code.len() != LENGTH {
        return None;
    }
    let all = code.bytes().try_fold(0u128, |sum, byte| Some(sum << 5 | u128::from(digit(byte)?)))?;
    let shopper = ShopperId(u64::try_from(all >> (TAG * 8)).ok()?);
    (encode(secret, campaign, shopper) == written(all)).then_some(shopper)
}

impl Koi {
    /// What others give when they come by this shopper's word.
    pub(super) fn referral_code(&self, campaign: CampaignId, shopper: ShopperId) -> String {
        encode(self.token_secret(), campaign, shopper)
    }

    /// Whose code it is; nothing where it is nobody's.
    pub(super) fn referrer(&self, campaign: CampaignId, code: &str) -> Option<ShopperId> {
        decode(self.token_secret(), campaign, code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_names_its_shopper_and_no_other_does() {
        let (secret, campaign) = ([7; 32], CampaignId(5));
        for id in [1, 187_649_984_473_770_497, (1 << 63) - 1] {
            let shopper = ShopperId(id);
            let code = encode(&secret, campaign, shopper);
            assert_eq!(code.len(), LENGTH);
            assert_eq!(decode(&secret, campaign, &code), Some(shopper));
            assert_eq!(decode(&secret, campaign, &code.to_lowercase().replace('0', "o")), Some(shopper), "as typed");
            assert_eq!(decode(&secret, CampaignId(6), &code), None);
            assert_eq!(decode(&[8; 32], campaign, &code), None);
            for at in 0..LENGTH {
                let mut wrong: Vec<u8> = code.bytes().collect();
                wrong[at] = if wrong[at] == b'A' { b'B' } else { b'A' };
                let wrong = String::from_utf8(wrong).expect("ASCII");
                assert_eq!(decode(&secret, campaign, &wrong), None, "digit {at} changed: {wrong}");
            }
        }
        for nobody in ["", "x", "锦鲤", "UUUUUUUUUUUUUUUUUUUUU"] {
            assert_eq!(decode(&secret, campaign, nobody), None, "{nobody}");
        }
    }
}
