//! The answer of several draws as one text, and each draw out of it.

use domain::ids::DrawId;

/// What opens and closes an answer of several draws; `wrap_draws` and `draw_in` agree on it.
const DRAWS_OPEN: &[u8] = b"{\"draws\":[";
const DRAWS_CLOSE: &[u8] = b"]}";
/// What stands between two of them: a draw's object never holds it outside a string, and inside one quotes are escaped.
const DRAWS_BETWEEN: &[u8] = b"},{\"id\":";

/// The answer to `count` draws from their objects: byte for byte what was first answered.
pub fn wrap_draws(bodies: &[Vec<u8>]) -> Vec<u8> {
    let mut out = DRAWS_OPEN.to_vec();
    out.extend(bodies.join(&b','));
    out.extend(DRAWS_CLOSE);
    out
}

/// A draw's object within its record's answer, which is of that draw alone or of several.
pub fn draw_in(answer: &[u8], draw: DrawId) -> Option<&[u8]> {
    let open = format!("{{\"id\":\"{draw}\"");
    let mut rest = answer.strip_prefix(DRAWS_OPEN).and_then(|a| a.strip_suffix(DRAWS_CLOSE)).unwrap_or(answer);
    loop {
        let end = find(rest, DRAWS_BETWEEN);
        if rest.starts_with(open.as_bytes()) {
            return Some(end.map_or(rest, |at| &rest[..=at]));
        }
        rest = &rest[end? + 2..];
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|w| w == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_come_out_of_an_answer_as_they_went_in() {
        let bodies: Vec<Vec<u8>> =
            (0..4).map(|i| format!("{{\"id\":\"{i}\",\"prize\":{{\"name\":\"a\\\"}},{{\\\"id\\\":b\"}},\"path\":[{{\"x\":1}},{{\"y\":2}}]}}").into_bytes()).collect();
        for count in 1..=4 {
            let answer = if count == 1 { bodies[0].clone() } else { wrap_draws(&bodies[..count]) };
            for (nth, want) in bodies[..count].iter().enumerate() {
                let got = draw_in(&answer, DrawId(nth as u64));
                assert_eq!(got, Some(&want[..]), "draw {nth} of {count}: {}", String::from_utf8_lossy(&answer));
            }
            assert_eq!(draw_in(&answer, DrawId(count as u64)), None, "a draw that is not in it");
        }
    }
}
