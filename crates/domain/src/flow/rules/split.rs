//! `split`: shoppers in groups, always the same shopper in the same group.
//!
//! Example: `SWITCH(split.data('{"shares": [90, 10]}')).to(THEN(stock).tag("a"), THEN(stock, substitute).tag("b"))`: nine
//! of ten shoppers are in group `a`. The group is a hash of campaign, shopper and `salt`, so another salt splits anew.
//! Odds do not depend on it: `pool`, `weight` and `guarantee` follow what is published whatever the group.

use super::{About, Stage};
use crate::draw::{Run, Shelf, Step, Stop};
use crate::ids::mix;
use serde::{Deserialize, Deserializer, de};

pub const ABOUT: About = About {
    name: "split",
    does: "puts shoppers into groups a, b, c … by a stable hash",
    takes: r#"{"shares": [50, 50], "salt": 0}"#,
    stage: Stage::Any,
};

/// The names of the groups.
pub(crate) const GROUPS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    #[serde(default = "halves", deserialize_with = "shares")]
    pub shares: Vec<u32>,
    #[serde(default)]
    salt: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { shares: halves(), salt: 0 }
    }
}

fn halves() -> Vec<u32> {
    vec![1, 1]
}

fn shares<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u32>, D::Error> {
    let shares = <Vec<u32>>::deserialize(from)?;
    let sum: u64 = shares.iter().map(|share| u64::from(*share)).sum();
    if !(2..=GROUPS.len()).contains(&shares.len()) || sum == 0 || sum > u64::from(u32::MAX) {
        return Err(de::Error::custom(format!("shares are 2 to {} numbers that do not add up to 0", GROUPS.len())));
    }
    Ok(shares)
}

impl Settings {
    /// The group of a shopper.
    fn group(&self, campaign: u64, shopper: u64) -> u8 {
        let sum: u64 = self.shares.iter().map(|share| u64::from(*share)).sum();
        let hash = mix(shopper ^ mix(campaign ^ mix(self.salt ^ 0x6b6f_6920_7370_6c69)));
        // Scaled by the high bits: fair to 2^-32 for these small sums.
        let mut at = ((u128::from(hash) * u128::from(sum)) >> 64) as u64;
        for (group, share) in (0u8..).zip(&self.shares) {
            match at.checked_sub(u64::from(*share)) {
                Some(rest) => at = rest,
                None => return group,
            }
        }
        0
    }
}

pub(super) fn run<S: Shelf>(run: &mut Run<'_, S>, settings: &Settings) -> Result<(), Stop> {
    run.group = settings.group(run.rules.campaign.0, run.snapshot.shopper.0);
    run.path.push(Step::Split(run.group));
    Ok(())
}
