//! Receipts of points that chance decided: for signing in, and for buying.

use super::receipt::{hex, unhex};
use super::{CampaignSeed, DrawSeed, VerifyError};
use crate::ids::{CampaignId, ShopperId};
use crate::points::Rolled;
use serde::{Deserialize, Serialize};

/// The form of receipts written here.
const VERSION: u32 = 1;

/// What a shopper needs to recompute an amount of points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PointsReceipt {
    /// Form of the receipt, 1.
    pub v: u32,
    pub campaign: CampaignId,
    pub shopper: ShopperId,
    /// What the points are for: `sign_in|DAY` or `purchase|ORDER`.
    pub label: String,
    /// Hex. It reveals this amount and no other.
    pub points_seed: String,
    /// Amount, least, most.
    pub points: (u32, u32, u32),
}

impl PointsReceipt {
    /// The receipt of an entry.
    pub fn of(shopper: ShopperId, amount: u32, rolled: &Rolled) -> Self {
        let points_seed = hex(&rolled.seed);
        let Rolled { campaign, ref label, min, max, .. } = *rolled;
        Self { v: VERSION, campaign, shopper, label: label.clone(), points_seed, points: (amount, min, max) }
    }

    /// Reads a receipt from its JSON text.
    ///
    /// # Errors
    /// Where it is none, or of another form.
    pub fn parse(json: &[u8]) -> Result<Self, VerifyError> {
        let receipt: Self = serde_json::from_slice(json).map_err(|e| VerifyError::NotAReceipt(e.to_string()))?;
        if receipt.v == VERSION { Ok(receipt) } else { Err(VerifyError::UnknownForm(receipt.v)) }
    }

    /// Recomputes the amount from the receipt alone.
    ///
    /// # Errors
    /// Where it says another one.
    pub fn verify(&self) -> Result<u32, VerifyError> {
        let (claimed, min, max) = self.points;
        if min > max || max - min == u32::MAX {
            return Err(VerifyError::PointsRange { min, max });
        }
        let recomputed = DrawSeed::new(unhex(&self.points_seed, "points_seed")?).between(min, max);
        if claimed == recomputed { Ok(claimed) } else { Err(VerifyError::Points { claimed, recomputed }) }
    }

    /// [`PointsReceipt::verify`], and the seed comes from the campaign's, once that is revealed.
    ///
    /// # Errors
    /// Where either does not hold.
    pub fn verify_with_seed(&self, campaign_seed: &CampaignSeed) -> Result<u32, VerifyError> {
        let seed = campaign_seed.points_seed(self.campaign, self.shopper, &self.label);
        if unhex(&self.points_seed, "points_seed")? != *seed.reveal() {
            return Err(VerifyError::PointsSeed { label: self.label.clone(), shopper: self.shopper });
        }
        self.verify()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_holds_until_anything_in_it_is_changed() {
        let (seed, campaign, shopper) = (CampaignSeed::new([7; 32]), CampaignId(3), ShopperId(9));
        let own = seed.points_seed(campaign, shopper, "sign_in|20000");
        let rolled = Rolled { campaign, label: "sign_in|20000".into(), seed: *own.reveal(), min: 1, max: 1_000_000 };
        let good = PointsReceipt::of(shopper, own.between(1, 1_000_000), &rolled);
        let text = serde_json::to_vec(&good).expect("JSON");
        assert_eq!(PointsReceipt::parse(&text).as_ref(), Ok(&good));
        assert_eq!(good.verify_with_seed(&seed), Ok(good.points.0));
        let (amount, min, max) = good.points;
        for (bad, alone) in [
            (PointsReceipt { points: (amount + 1, min, max), ..good.clone() }, false),
            (PointsReceipt { points: (amount, min, max - 1), ..good.clone() }, false),
            (PointsReceipt { points: (amount, max, min), ..good.clone() }, false),
            (PointsReceipt { points_seed: "00".repeat(32), ..good.clone() }, false),
            (PointsReceipt { label: "sign_in|20001".into(), ..good.clone() }, true),
            (PointsReceipt { shopper: ShopperId(8), ..good }, true),
        ] {
            assert_eq!(bad.verify().is_ok(), alone, "{bad:?}");
            assert!(bad.verify_with_seed(&seed).is_err(), "{bad:?}");
        }
    }
}
