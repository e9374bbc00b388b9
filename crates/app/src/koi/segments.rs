//! Named segments: kept as the operators wrote them, asked of a shopper when somebody looks.

use super::Koi;
use crate::error::{Error, Result};
use crate::ports::SegmentRow;
use crate::precondition::{IfMatch, segment_tag};
use crate::time::rfc3339;
use crate::views::SegmentView;
use domain::flow::segment::Segment;
use recommend::persona::{Persona, Sources};
use recommend::profile::Profile;
use serde_json::{Value, json};

/// Segments of a shop; each is asked whenever a profile is shown.
const SEGMENTS_MAX: usize = 200;
/// Characters of a description.
const DESCRIPTION_CHARS: usize = 500;

/// A profile as expressions see it: probabilities are numbers.
fn as_asked(profile: &Value) -> Value {
    let mut asked = profile.clone();
    for name in ["buys_within_30_days", "churn_risk"] {
        if let Some(p) = profile[name].as_str().and_then(|text| text.parse::<f64>().ok()) {
            asked[name] = json!(p);
        }
    }
    asked
}

/// A profile with all the members that there are.
fn example() -> Value {
    let (profile, now_ms) = (Profile::default(), 0);
    let mut example = profile.view(now_ms);
    let persona = Persona::of(Sources { profile: &profile, acts: &[], fitted: None, time_zone: "UTC", now_ms });
    if let (Some(members), Ok(Value::Object(more))) = (example.as_object_mut(), serde_json::to_value(persona)) {
        members.extend(more);
        members.insert("shopper".to_owned(), json!("ada"));
    }
    example
}

impl Koi {
    /// All segments, by name.
    pub async fn segments(&self) -> Result<Vec<SegmentView>> {
        Ok(self.parts().desk.segments.segments().await?.into_iter().map(view).collect())
    }

    /// Adds a segment or changes it; true where it is new.
    ///
    /// # Errors
    /// A name, a description or an expression that cannot be; too many segments; `Stale`.
    pub async fn put_segment(
        &self,
        name: &str,
        expression: &str,
        description: &str,
        if_match: &IfMatch,
    ) -> Result<(SegmentView, bool)> {
        let is_name =
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !is_name || name.len() > 64 {
            return Err(Error::invalid("segment_name_invalid", "name", "1 to 64 of a to z, 0 to 9 and _"));
        }
        if description.chars().count() > DESCRIPTION_CHARS || description.chars().any(char::is_control) {
            let detail = format!("at most {DESCRIPTION_CHARS} characters, none of them control characters");
            return Err(Error::invalid("invalid_body", "description", detail));
        }
        let read = Segment::compile(expression, &example());
        read.map_err(|detail| Error::invalid("segment_invalid", "expression", detail))?;
        let _one_at_a_time = self.inner.desk_edits.lock().await;
        let stored = self.parts().desk.segments.segments().await?;
        let known = stored.iter().find(|row| row.name == name);
        if_match.check(known.map(|row| segment_tag(&row.expression, &row.description)).as_deref())?;
        if stored.len() >= SEGMENTS_MAX && known.is_none() {
            let detail = format!("a shop has at most {SEGMENTS_MAX} segments");
            return Err(Error::invalid("too_many_segments", "name", detail));
        }
        let row = SegmentRow {
            name: name.to_owned(),
            expression: expression.to_owned(),
            description: description.to_owned(),
            updated_at_ms: self.now_ms(),
        };
        let is_new = self.parts().desk.segments.put_segment(&row).await?;
        Ok((view(row), is_new))
    }

    /// Deletes a segment.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_segment(&self, name: &str) -> Result<()> {
        if self.parts().desk.segments.delete_segment(name).await? {
            Ok(())
        } else {
            Err(Error::NotFound { code: "segment_unknown", detail: "no segment of that name" })
        }
    }

    /// The names of the segments that a shopper belongs to.
    pub(super) async fn segments_of(&self, profile: &Value, attributes: &Value) -> Result<Vec<String>> {
        let rows = self.parts().desk.segments.segments().await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let (asked, example) = (as_asked(profile), example());
        let belongs = |row: &SegmentRow| {
            // One that an older build took and this one does not read has nobody.
            Segment::compile(&row.expression, &example).is_ok_and(|segment| segment.holds(&asked, attributes))
        };
        Ok(rows.iter().filter(|row| belongs(row)).map(|row| row.name.clone()).collect())
    }
}

fn view(row: SegmentRow) -> SegmentView {
    let SegmentRow { name, expression, description, updated_at_ms } = row;
    let etag = segment_tag(&expression, &description);
    SegmentView { name, etag, expression, description, updated_at: rfc3339(updated_at_ms) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_numbers_to_expressions() {
        let profile = json!({"buys_within_30_days": "0.250000", "churn_risk": null, "orders": 3});
        let asked = as_asked(&profile);
        assert_eq!((&asked["buys_within_30_days"], &asked["churn_risk"]), (&json!(0.25), &Value::Null));
        for text in ["profile.buys_within_30_days > 0.2", "profile.orders == 3 && profile.churn_risk == null"] {
            let segment = Segment::compile(text, &example()).expect("all members are known");
            assert!(segment.holds(&asked, &Value::Null), "{text}");
        }
    }
}
