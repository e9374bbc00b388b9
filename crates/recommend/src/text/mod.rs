//! Words of product names and queries in Chinese and English, what kind of thing they name, and what of a shop's
//! catalogue they mean.

mod lexicon;
mod search;

pub use lexicon::{Concept, affinity, concept_of, family_name};
pub use search::{Found, Index};

use std::sync::OnceLock;

use jieba_rs::Jieba;
use unicode_segmentation::UnicodeSegmentation;

/// Characters of a text that are looked at.
pub const MAX_CHARS: usize = 400;

/// Words of a text that are kept.
const MAX_WORDS: usize = 64;

/// Words after which an English name says no more what the thing is.
const CUTS: [&str; 5] = ["with", "for", "in", "from", "w"];

/// The language of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Zh,
    En,
}

impl Language {
    /// Chinese where any of the texts has a Chinese character.
    pub fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Language {
        if texts.into_iter().any(|text| text.chars().any(is_han)) { Language::Zh } else { Language::En }
    }
}

/// Han, with its extensions and compatibility forms.
pub(crate) fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// The words of a text in their order, lower-cased and in the singular. Chinese is cut by a dictionary that knows the
/// product words of the lexicon (Jieba), everything else at Unicode's word boundaries (UAX 29).
pub fn segment(text: &str) -> Vec<String> {
    let text: String = text.chars().take(MAX_CHARS).flat_map(char::to_lowercase).collect();
    let mut words = Vec::new();
    for word in runs(&text) {
        if word.chars().any(is_han) {
            let cut = jieba().cut(word, false);
            words.extend(cut.into_iter().map(|token| token.word.trim().to_owned()).filter(|word| !word.is_empty()));
        } else {
            words.extend(word.unicode_words().map(singular));
        }
    }
    words.truncate(MAX_WORDS);
    words
}

/// The words that say what the thing is: those before `with`, `for` and the like, where anything stands there.
pub(crate) fn head(words: &[String]) -> &[String] {
    match words.iter().position(|word| CUTS.contains(&word.as_str())) {
        Some(cut) if cut > 0 => &words[..cut],
        _ => words,
    }
}

/// Pieces of Chinese with letters and digits that touch it (`u盘`, `t恤`), and pieces of anything else between blanks.
fn runs(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || (!c.is_alphanumeric() && !"-'’".contains(c)))
        .filter(|run| !run.is_empty())
}

/// Jieba with the lexicon's words; made once, about half a second, some 60 MB.
fn jieba() -> &'static Jieba {
    static JIEBA: OnceLock<Jieba> = OnceLock::new();
    JIEBA.get_or_init(|| {
        let mut jieba = Jieba::new();
        for word in lexicon::words().filter(|word| word.chars().any(is_han)) {
            jieba.add_word(word, Some(500_000), None);
        }
        jieba
    })
}

/// The singular of a regular English plural, or the word as it is.
fn singular(word: &str) -> String {
    let kept = |ending: &str| word[..word.len() - ending.len()].to_owned();
    if !word.is_ascii() || word.len() <= 3 || ["ss", "us", "is"].iter().any(|end| word.ends_with(end)) {
        return word.to_owned();
    }
    if word.ends_with("ies") && word.len() > 4 {
        return kept("ies") + "y";
    }
    if ["xes", "ches", "shes", "sses"].iter().any(|end| word.ends_with(end)) {
        return kept("es");
    }
    if word.ends_with('s') { kept("s") } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_fall_into_words() {
        for (text, expect) in [
            ("苹果手机", "苹果手机"),
            ("联想笔记本电脑", "联想 笔记本电脑"),
            ("红色手机壳，钢化膜", "红色 手机壳 钢化膜"),
            ("Phone Cases", "phone case"),
            ("RED Tea-Cups, set of 6", "red tea cup set of 6"),
            ("iPhone16 手机壳", "iphone16 手机壳"),
            ("  !?", ""),
        ] {
            assert_eq!(segment(text).join(" "), expect, "{text}");
        }
        assert!(segment(&"很长的名字".repeat(10_000)).len() <= MAX_WORDS);
        assert_eq!(head(&segment("jam making set with jars")).join(" "), "jam making set");
    }

    #[test]
    fn one_chinese_character_makes_the_answer_chinese() {
        assert_eq!(Language::of(["phone", "耳机"]), Language::Zh);
        assert_eq!(Language::of(["phone", "café"]), Language::En);
        assert_eq!(Language::of([]), Language::En);
    }
}
