//! What a change of flow means for shoppers.

use super::Plan;
use crate::campaign::compare::Effect;

/// Neutral where both texts make the same plan. Of two plans nothing better is known than that they differ.
pub fn compare(old: &str, new: &str) -> Effect {
    match (Plan::compile(old), Plan::compile(new)) {
        (Ok(old), Ok(new)) if old == new => Effect::Neutral,
        _ => Effect::Against,
    }
}
