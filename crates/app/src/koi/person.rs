//! What the shop told of a person and what behaviour says about one, for rules that ask: read from records and kept for
//! a moment, so that a shopper who draws again costs no query.

use super::Koi;
use crate::error::Result;
use domain::draw::{NOBODY, Person};
use domain::ids::ShopperId;
use moka::sync::Cache;
use recommend::profile::Profile;
use serde_json::Value;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// People kept in memory.
const PEOPLE: u64 = 100_000;
/// How old what is known may be: behaviour reaches the rules within this time.
const FRESH: Duration = Duration::from_secs(2);
/// Tags of one person that rules see; further ones are not looked at.
const TAGS: usize = 64;

static UNKNOWN: LazyLock<Arc<Person>> = LazyLock::new(|| Arc::new(NOBODY.clone()));

/// The people at hand.
pub(super) struct People(Cache<ShopperId, Arc<Person>>);

impl Default for People {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(PEOPLE).time_to_live(FRESH).build())
    }
}

impl People {
    /// Something new was told of a person.
    pub fn forget(&self, shopper: ShopperId) {
        self.0.invalidate(&shopper);
    }
}

impl Koi {
    /// A person as far as it is at hand: nobody in particular where not `needed`.
    pub(super) fn person_at_hand(&self, shopper: ShopperId, needed: bool) -> Option<Arc<Person>> {
        if needed { self.inner.people.0.get(&shopper) } else { Some(UNKNOWN.clone()) }
    }

    /// A person, read from records.
    pub(super) async fn fetch_person(&self, shopper: ShopperId) -> Result<Arc<Person>> {
        let told = self.parts().registry.person(shopper);
        let (told, profile) = tokio::join!(told, self.parts().shelves.profile(shopper));
        let attributes = told?.map_or(Value::Null, |told| serde_json::from_str(&told.attributes).unwrap_or_default());
        let profile = profile?.and_then(|json| serde_json::from_str(&json).ok());
        let person = Arc::new(person(&attributes, profile.as_ref(), self.now_ms()));
        self.inner.people.0.insert(shopper, person.clone());
        Ok(person)
    }
}

/// Attributes and profile as rules read them; what has another type than expected counts as not told.
fn person(attributes: &Value, profile: Option<&Profile>, now_ms: i64) -> Person {
    let tags = attributes["tags"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut person = Person {
        segment: attributes["segment"].as_str().unwrap_or_default().to_owned(),
        level: attributes["level"].as_i64().unwrap_or(0),
        tags: tags.take(TAGS).map(Into::into).collect(),
        ..NOBODY.clone()
    };
    if let Some(profile) = profile {
        let shown = super::model::profile_json("", profile, now_ms);
        let number = |name: &str| shown[name].as_i64();
        person.orders = number("orders").unwrap_or(0);
        person.returns = number("returns").unwrap_or(0);
        person.spend_cents = number("spend_cents").unwrap_or(0);
        person.recency_days = number("recency_days").unwrap_or(i64::MAX);
    }
    person
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn attributes_of_another_type_count_as_not_told() {
        for (attributes, segment, level, tags) in [
            (json!({"segment": "vip", "level": 3, "tags": ["a", 7, "b"]}), "vip", 3, vec!["a", "b"]),
            (json!({"segment": 3, "level": "3", "tags": "a"}), "", 0, vec![]),
            (json!([]), "", 0, vec![]),
            (Value::Null, "", 0, vec![]),
        ] {
            let got = person(&attributes, None, 0);
            let got_tags: Vec<&str> = got.tags.iter().map(|tag| &**tag).collect();
            assert_eq!((got.segment.as_str(), got.level, got_tags), (segment, level, tags), "{attributes}");
        }
    }
}
