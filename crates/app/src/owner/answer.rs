//! The answers' bytes, written once into the record; the HTTP body is a slice of it.

use crate::runtime::Runtime;
use crate::time::write_rfc3339;
use domain::award::AwardState;
use domain::fairness::Evidence;
use domain::ids::{AwardId, DrawId};

/// Appends a decimal number.
pub(super) fn number(out: &mut Vec<u8>, value: u64) {
    let mut digits = [0u8; 20];
    let mut at = 20;
    let mut rest = value;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// What a draw's answer shows besides its receipt.
pub(super) struct DrawAnswer<'a> {
    pub runtime: &'a Runtime,
    pub id: DrawId,
    pub award: Option<(AwardId, AwardState)>,
    pub chances_left: u64,
    pub at_ms: i64,
    pub evidence: Evidence<'a>,
}

impl DrawAnswer<'_> {
    /// Appends the object of API.md.
    pub fn write(&self, out: &mut Vec<u8>) {
        let outcome = self.evidence.outcome;
        out.extend_from_slice(b"{\"id\":\"");
        number(out, self.id.0);
        out.extend_from_slice(b"\",\"campaign_id\":\"");
        number(out, self.runtime.id.0);
        out.extend_from_slice(b"\",\"n\":");
        number(out, u64::from(self.evidence.n));
        out.extend_from_slice(b",\"slot\":");
        match outcome.slot {
            Some(slot) => number(out, u64::from(slot)),
            None => out.extend_from_slice(b"null"),
        }
        out.push(b',');
        out.extend_from_slice(self.runtime.pool_json(outcome.pool));
        out.push(b',');
        out.extend_from_slice(self.runtime.prize_json(outcome.prize.map(|p| p.0)));
        if outcome.points > 0 {
            out.extend_from_slice(b",\"points\":");
            number(out, u64::from(outcome.points));
        }
        out.extend_from_slice(b"},\"award\":");
        match self.award {
            Some((id, state)) => write_award(out, id, state),
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(b",\"chances_left\":");
        number(out, self.chances_left);
        out.extend_from_slice(b",\"drawn_at\":\"");
        write_rfc3339(out, self.at_ms);
        out.extend_from_slice(b"\",\"receipt\":");
        self.evidence.write_json(out);
        out.push(b'}');
    }
}

fn write_award(out: &mut Vec<u8>, id: AwardId, state: AwardState) {
    out.extend_from_slice(b"{\"id\":\"");
    number(out, id.0);
    out.extend_from_slice(b"\",\"state\":\"");
    out.extend_from_slice(state.word().as_bytes());
    out.extend_from_slice(b"\"}");
}

/// A draw's stored object with the present state of its award, for lists.
pub fn with_award_state(body: &[u8], award: AwardId, state: AwardState) -> Vec<u8> {
    let mut open = b"\"award\":{\"id\":\"".to_vec();
    number(&mut open, award.0);
    open.extend_from_slice(b"\",\"state\":\"");
    let Some(at) = body.windows(open.len()).position(|w| w == open) else { return body.to_vec() };
    let start = at + open.len();
    let length = body[start..].iter().position(|b| *b == b'"').unwrap_or(0);
    [&body[..start], state.word().as_bytes(), &body[start + length..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_draw_shows_the_present_state_of_its_award() {
        for (body, want) in [
            (
                r#"{"id":"1","award":{"id":"7","state":"granted"},"n":1}"#,
                r#"{"id":"1","award":{"id":"7","state":"claimed"},"n":1}"#,
            ),
            (
                r#"{"id":"1","award":{"id":"8","state":"granted"}}"#,
                r#"{"id":"1","award":{"id":"8","state":"granted"}}"#,
            ),
            (r#"{"id":"1","award":null}"#, r#"{"id":"1","award":null}"#),
        ] {
            let got = with_award_state(body.as_bytes(), AwardId(7), AwardState::Claimed);
            assert_eq!(String::from_utf8_lossy(&got), want);
        }
    }
}
