//! `If-Match` (RFC 9110, section 13.1.1): an edit that was made on what its caller read, or not at all.

use crate::error::{Error, Result};
use crate::ports::Person;
use domain::account::Ban;
use domain::tally::Watch;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What a caller says of the thing that they edit, by its entity tag without quotes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum IfMatch {
    /// Nothing: the last write wins.
    #[default]
    Absent,
    /// `*`: that there is one.
    Any,
    /// That it is as one of these says.
    OneOf(Vec<Box<str>>),
}

impl IfMatch {
    /// That its version is this one.
    pub fn version(version: u32) -> Self {
        IfMatch::OneOf(vec![version.to_string().into()])
    }

    /// Reads the header's value. Weak tags match nothing here (strong comparison), nor does what is no tag.
    pub fn parse(text: &str) -> Self {
        if text.trim() == "*" {
            return IfMatch::Any;
        }
        let (mut tags, mut rest) = (Vec::new(), text);
        // A tag may hold a comma, so quotes are looked for rather than commas.
        while let Some((before, after)) = rest.split_once('"') {
            let Some((tag, behind)) = after.split_once('"') else { break };
            if before.trim_matches([' ', '\t', ',']).is_empty() {
                tags.push(tag.into());
            }
            rest = behind;
        }
        IfMatch::OneOf(tags)
    }

    /// Whether the edit may be made on the thing that has `tag` now; nothing is no such thing.
    ///
    /// # Errors
    /// `Stale`.
    pub fn check(&self, tag: Option<&str>) -> Result<()> {
        let fits = match (self, tag) {
            (IfMatch::Absent, _) => true,
            (IfMatch::Any, tag) => tag.is_some(),
            (IfMatch::OneOf(tags), Some(tag)) => tags.iter().any(|given| **given == *tag),
            (IfMatch::OneOf(_), None) => false,
        };
        if fits { Ok(()) } else { Err(Error::Stale) }
    }

    /// The same of what is told apart by a version that counts its edits.
    ///
    /// # Errors
    /// `Stale`.
    pub fn check_version(&self, version: u32) -> Result<()> {
        if *self == IfMatch::Absent { Ok(()) } else { self.check(Some(&version.to_string())) }
    }
}

/// The tag of texts: the same texts, the same tag.
fn digest(parts: &[&[u8]]) -> String {
    let mut sha = Sha256::new();
    for part in parts {
        sha.update((part.len() as u64).to_le_bytes());
        sha.update(part);
    }
    hex::encode(&sha.finalize()[..16])
}

/// The tag of what a shop told of a shopper.
pub fn person_tag(person: &Person, registered_at_ms: i64) -> String {
    let named = [u8::from(person.name.is_some())];
    let name = person.name.as_deref().unwrap_or_default();
    digest(&[&named, name.as_bytes(), person.attributes.as_bytes(), &registered_at_ms.to_le_bytes()])
}

/// The tag of a shopper's entry on the blacklist; there is one of having no entry too.
pub fn ban_tag(ban: Option<&Ban>) -> String {
    let Some(ban) = ban else { return "none".to_owned() };
    let until = ban.until_ms.map(i64::to_le_bytes);
    let until: &[u8] = until.as_ref().map_or(&[], |bytes| &bytes[..]);
    digest(&[&[ban.mode as u8], until, ban.reason.as_bytes()])
}

/// The tag of what a shop holds against a shopper.
pub fn watch_tag(watch: &Watch) -> String {
    let flags: Vec<&[u8]> = watch.flags.iter().map(|flag| flag.as_bytes()).collect();
    let known = [watch.device.to_le_bytes(), watch.address.to_le_bytes()].concat();
    digest(&[&[&[watch.score][..], &known].concat(), &flags.join(&0u8)])
}

/// The tag of a named segment.
pub fn segment_tag(expression: &str, description: &str) -> String {
    digest(&[expression.as_bytes(), description.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::draw::BlacklistMode;

    #[test]
    fn headers_are_read_as_the_rfc_has_them() {
        for (header, tag, fits) in [
            ("\"7\"", Some("7"), true),
            ("\"7\"", Some("8"), false),
            ("\"7\"", None, false),
            ("\"6\", \"7\"", Some("7"), true),
            ("\"6\",\"7\" , \"8\"", Some("8"), true),
            ("\"6\", \"8\"", Some("7"), false),
            ("*", Some("7"), true),
            (" * ", Some("7"), true),
            ("*", None, false),
            ("W/\"7\"", Some("7"), false),
            ("W/\"7\", \"7\"", Some("7"), true),
            ("\"a,b\"", Some("a,b"), true),
            ("7", Some("7"), false),
            ("\"7", Some("7"), false),
            ("", Some(""), false),
            ("\"\"", Some(""), true),
        ] {
            assert_eq!(IfMatch::parse(header).check(tag).is_ok(), fits, "{header} against {tag:?}");
        }
        assert!(IfMatch::default().check(None).is_ok(), "who says nothing may always");
    }

    #[test]
    fn tags_tell_apart_what_differs() {
        let ban = |mode, until_ms, reason: &str| Ban { campaign: None, mode, until_ms, reason: reason.into() };
        let all = [
            ban_tag(None),
            ban_tag(Some(&ban(BlacklistMode::Refuse, None, "a"))),
            ban_tag(Some(&ban(BlacklistMode::PointsOnly, None, "a"))),
            ban_tag(Some(&ban(BlacklistMode::Refuse, Some(0), "a"))),
            ban_tag(Some(&ban(BlacklistMode::Refuse, None, "b"))),
        ];
        let people = [
            person_tag(&Person::default(), 0),
            person_tag(&Person::default(), 1),
            person_tag(&Person { name: Some(String::new()), ..Person::default() }, 0),
            person_tag(&Person { attributes: "{}x".into(), ..Person::default() }, 0),
        ];
        let mut tags: Vec<&String> = all.iter().chain(&people).collect();
        tags.sort_unstable();
        tags.dedup();
        assert_eq!(tags.len(), all.len() + people.len());
    }
}
