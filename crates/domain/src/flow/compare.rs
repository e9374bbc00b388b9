//! What a change of flow means for shoppers.

use super::parse;
use crate::campaign::compare::Effect;
use crate::campaign::flow_worsens;

/// Neutral where both texts print the same, in the shopper's favour where surely nothing becomes worse.
pub fn compare(old: &str, new: &str) -> Effect {
    match (parse(old), parse(new)) {
        (Ok(old), Ok(new)) if old.to_string() == new.to_string() => Effect::Neutral,
        (Ok(_), Ok(_)) if flow_worsens(old, new).is_empty() => Effect::Favours,
        _ => Effect::Against,
    }
}
