//! Reading a model's answer: which letter it means, or which object it holds. Whatever is not clearly one answer is none.

use serde_json::Value;

/// Characters of an answer that are looked at.
const READ_CHARS: usize = 20_000;

/// Words by which a model declines or takes a letter back.
const REFUSALS: [&str; 17] = [
    "抱歉",
    "对不起",
    "无法",
    "不能",
    "不选",
    "不是",
    "都不",
    "不知道",
    "sorry",
    "cannot",
    "can't",
    "can’t",
    "unable",
    "refuse",
    "not ",
    "neither",
    "none",
];

/// Members of an object that hold the letter.
const MEMBERS: [&str; 5] = ["answer", "choice", "option", "letter", "选项"];

/// What a reply says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chosen {
    /// Place of the letter, from 0.
    pub letter: usize,
    /// In percent, where it was said and is a whole number from 0 to 100.
    pub confidence: Option<u8>,
}

/// The one letter of the first `options` that a reply names: `B`, `B组`, `选C`, full-width letters, JSON in fences or
/// without, text behind `</think>`. Two letters, none, or a refusal are no answer.
pub fn chosen(reply: &str, options: usize) -> Option<Chosen> {
    let said = said(reply)?;
    if let Some(object) = object_in(&said) {
        let member = MEMBERS.iter().find_map(|name| object.get(*name))?;
        let letter = letter_in(&half_width(member.as_str()?), options)?;
        let confidence = object.get("confidence").and_then(Value::as_u64).and_then(|c| u8::try_from(c).ok());
        return Some(Chosen { letter, confidence: confidence.filter(|c| *c <= 100) });
    }
    // JSON that says just a text.
    let text = serde_json::from_str::<String>(&said).unwrap_or(said);
    Some(Chosen { letter: letter_in(&text, options)?, confidence: None })
}

/// The object that a reply holds, in fences or not, behind any thoughts.
pub fn object(reply: &str) -> Option<Value> {
    // Full-width letters stay as they are here: they may belong to a text.
    object_in(&spoken(reply)?)
}

/// A reply without thoughts, its letters and brackets of usual width.
fn said(reply: &str) -> Option<String> {
    Some(half_width(&spoken(reply)?))
}

fn spoken(reply: &str) -> Option<String> {
    let reply: String = reply.chars().take(READ_CHARS).collect();
    let spoken = match reply.rfind("</think>") {
        Some(at) => &reply[at + "</think>".len()..],
        // Thoughts that were cut off before they ended.
        None if reply.trim_start().starts_with("<think>") => return None,
        None => &reply,
    };
    let spoken = spoken.trim();
    (!spoken.is_empty()).then(|| spoken.to_owned())
}

fn object_in(said: &str) -> Option<Value> {
    let fenced = said.split("```").nth(1).map(|inside| inside.trim_start_matches(|c: char| c.is_ascii_alphabetic()));
    let braced = said.find('{').zip(said.rfind('}')).filter(|(from, to)| from < to).map(|(from, to)| &said[from..=to]);
    [Some(said), fenced, braced]
        .into_iter()
        .flatten()
        .find_map(|text| serde_json::from_str::<Value>(text.trim()).ok().filter(Value::is_object))
}

/// Full-width forms (U+FF01 to U+FF5E) as the usual ones.
fn half_width(text: &str) -> String {
    text.chars().map(|c| if ('！'..='～').contains(&c) { char::from(((c as u32) - 0xfee0) as u8) } else { c }).collect()
}

/// The one letter that a short text or token names.
pub fn letter_in(text: &str, options: usize) -> Option<usize> {
    let lower = text.to_lowercase();
    if REFUSALS.iter().any(|word| lower.contains(word)) {
        return None;
    }
    let bare = text.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    if let [letter] = bare.as_bytes() {
        return place(letter.to_ascii_uppercase() as char, options);
    }
    let chars: Vec<char> = text.chars().collect();
    let of_word = |at: Option<usize>| {
        at.and_then(|at| chars.get(at)).is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '\'' | '’'))
    };
    let alone = |at: usize| !of_word(at.checked_sub(1)) && !of_word(Some(at + 1));
    // "I" is never an option's letter and often the model itself.
    let letters = (0..chars.len()).filter(|&at| chars[at].is_ascii_uppercase() && chars[at] != 'I' && alone(at));
    let mut found = None;
    for letter in letters.map(|at| chars[at]) {
        if found.is_some_and(|earlier| earlier != letter) {
            return None;
        }
        found = Some(letter);
    }
    place(found?, options)
}

fn place(letter: char, options: usize) -> Option<usize> {
    let place = usize::from(u8::try_from(letter).ok()?.checked_sub(b'A')?);
    (place < options).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_letter_is_an_answer_in_every_dress() {
        for (reply, want) in [
            ("B", Some(1)),
            ("b", Some(1)),
            (" (C). ", Some(2)),
            ("B组", Some(1)),
            ("选C", Some(2)),
            ("选项：D。", Some(3)),
            ("我会选B组，因为手机壳更有用", Some(1)),
            ("Ｄ", Some(3)),
            ("选Ａ组", Some(0)),
            ("ｂ", Some(1)),
            ("I choose B.", Some(1)),
            ("B. B is best", Some(1)),
            ("**C**", Some(2)),
            ("\"D\"", Some(3)),
            ("{\"answer\": \"B\"}", Some(1)),
            ("{\"answer\": \"B组\", \"confidence\": 70}", Some(1)),
            ("{\"choice\": \"Ｃ\"}", Some(2)),
            ("```json\n{\"answer\": \"A\"}\n```", Some(0)),
            ("```\n{\"answer\":\"A\"}\n```", Some(0)),
            ("Sure: {\"answer\": \"D\"} as asked", Some(3)),
            ("<think>A or B? B has more</think>C", Some(2)),
            ("<think>\nA\n</think>\n\n```json\n{\"answer\":\"B\"}```", Some(1)),
            ("{\"answer\": \"B\", \"conf", Some(1)),
            // No answers.
            ("", None),
            ("   ", None),
            ("E", None),
            ("A or B", None),
            ("A和B", None),
            ("A、C", None),
            ("A good choice is B", None),
            ("抱歉，我无法选择", None),
            ("抱歉，B", None),
            ("Sorry, I cannot decide", None),
            ("不选B", None),
            ("None of A", None),
            ("Neither", None),
            ("ABCD", None),
            ("Apple", None),
            ("null", None),
            ("42", None),
            ("<think>B", None),
            ("<think>B</think>", None),
            ("{\"answer\": \"A or B\"}", None),
            ("{\"answer\": null}", None),
            ("{\"answer\": 1}", None),
            ("{\"answer\": \"抱歉\"}", None),
            ("{\"reply\": \"B\"}", None),
            ("<html><body>502</body></html>", None),
        ] {
            assert_eq!(chosen(reply, 4).map(|c| c.letter), want, "{reply:?}");
        }
        assert_eq!(chosen("C", 2), None, "a letter that was not offered");
    }

    #[test]
    fn confidence_is_a_whole_percentage_or_not_said() {
        for (said, want) in [
            ("73", Some(73)),
            ("0", Some(0)),
            ("100", Some(100)),
            ("101", None),
            ("0.7", None),
            ("\"73\"", None),
            ("-1", None),
        ] {
            let reply = format!("{{\"answer\":\"B\",\"confidence\":{said}}}");
            assert_eq!(chosen(&reply, 4), Some(Chosen { letter: 1, confidence: want }), "{said}");
        }
    }

    #[test]
    fn objects_are_found_in_fences_and_behind_thoughts() {
        for (reply, found) in [
            ("{\"text\":\"Ａ\"}", true),
            ("```json\n{\"text\":\"Ａ\"}\n```", true),
            ("<think>{\"text\":\"x\"}</think> {\"text\":\"Ａ\"}", true),
            ("[1]", false),
            ("{\"text\": ", false),
            ("text", false),
        ] {
            assert_eq!(object(reply).map(|o| o["text"] == "Ａ"), found.then_some(true), "{reply}");
        }
    }
}
