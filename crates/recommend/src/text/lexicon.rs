//! A small built-in lexicon of product words in Chinese and English: which kind of thing a word names, which family
//! it belongs to, and what it is used with. It answers where no catalogue knows a name.

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use super::{Language, head, is_han, segment};

/// Lines of family, concept, Chinese words, English words and concepts that go with it.
const LINES: &str = include_str!("lexicon.tsv");

/// A kind of thing, as its place in the lexicon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Concept(u16);

struct Entry {
    family: &'static str,
    goes_with: Vec<Concept>,
}

struct Lexicon {
    entries: Vec<Entry>,
    /// A word or several joined by blanks, as [`segment`] gives them.
    by_words: FxHashMap<String, Concept>,
}

/// Words of one expression at most.
const MAX_EXPRESSION: usize = 3;

fn lines() -> impl Iterator<Item = [&'static str; 5]> {
    LINES.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(|line| {
        let mut fields = line.split('\t');
        std::array::from_fn(|_| fields.next().unwrap_or(""))
    })
}

/// All words of the lexicon.
pub(super) fn words() -> impl Iterator<Item = &'static str> {
    lines().flat_map(|[_, _, zh, en, _]| zh.split(',').chain(en.split(','))).filter(|word| !word.is_empty())
}

fn lexicon() -> &'static Lexicon {
    static LEXICON: OnceLock<Lexicon> = OnceLock::new();
    LEXICON.get_or_init(|| {
        let names: FxHashMap<&str, Concept> =
            lines().enumerate().map(|(place, [_, concept, ..])| (concept, Concept(place as u16))).collect();
        let mut lexicon = Lexicon { entries: Vec::new(), by_words: FxHashMap::default() };
        for (place, [family, _, zh, en, goes_with]) in lines().enumerate() {
            for word in zh.split(',').chain(en.split(',')).filter(|word| !word.is_empty()) {
                // English words as they come out of a name: in the singular.
                let words = if word.chars().any(is_han) { word.to_owned() } else { segment(word).join(" ") };
                lexicon.by_words.entry(words).or_insert(Concept(place as u16));
            }
            let goes_with = goes_with.split(',').filter_map(|name| names.get(name).copied()).collect();
            lexicon.entries.push(Entry { family, goes_with });
        }
        lexicon
    })
}

/// The kind of thing that a name names: in Chinese and English the head stands last, so the last known expression
/// counts, the longest one there (`苹果手机` is a phone, `phone case` a case).
pub fn concept_of(name: &str) -> Option<Concept> {
    concept_of_words(head(&segment(name)))
}

/// The same of words.
pub(super) fn concept_of_words(words: &[String]) -> Option<Concept> {
    let known = &lexicon().by_words;
    for end in (1..=words.len()).rev() {
        for length in (1..=MAX_EXPRESSION.min(end)).rev() {
            if let Some(concept) = known.get(words[end - length..end].join(" ").as_str()) {
                return Some(*concept);
            }
        }
    }
    None
}

/// How near two kinds of things are: 1 the same, 0.8 used together, 0.5 of one family, else 0. Phones and computers
/// with what belongs to them are families next to each other: 0.3.
pub fn affinity(a: Concept, b: Concept) -> f64 {
    const DIGITAL: [&str; 3] = ["phone", "computer", "electronics"];
    let entries = &lexicon().entries;
    let (of_a, of_b) = (&entries[usize::from(a.0)], &entries[usize::from(b.0)]);
    if a == b {
        1.0
    } else if of_a.goes_with.contains(&b) || of_b.goes_with.contains(&a) {
        0.8
    } else if of_a.family == of_b.family {
        0.5
    } else if DIGITAL.contains(&of_a.family) && DIGITAL.contains(&of_b.family) {
        0.3
    } else {
        0.0
    }
}

/// What a concept's family is called.
pub fn family_name(concept: Concept, language: Language) -> &'static str {
    let family = lexicon().entries[usize::from(concept.0)].family;
    let (zh, en) = match family {
        "phone" => ("手机及配件", "phones and accessories"),
        "computer" => ("电脑及配件", "computers and accessories"),
        "electronics" => ("数码电器", "electronics"),
        "kitchen" => ("厨房用品", "kitchenware"),
        "home" => ("家居", "home"),
        "cleaning" => ("清洁用品", "cleaning"),
        "baby" => ("母婴用品", "baby goods"),
        "toys" => ("玩具", "toys"),
        "clothes" => ("服饰", "clothes"),
        "bags" => ("箱包", "bags"),
        "jewelry" => ("首饰", "jewelry"),
        "beauty" => ("美妆", "beauty"),
        "care" => ("个人护理", "personal care"),
        "food" => ("食品", "food"),
        "snacks" => ("零食", "snacks"),
        "drinks" => ("饮品", "drinks"),
        "books" => ("图书文具", "books and stationery"),
        "sports" => ("运动户外", "sports and outdoors"),
        "pets" => ("宠物用品", "pet supplies"),
        "garden" => ("园艺", "garden"),
        "health" => ("健康", "health"),
        "tools" => ("工具", "tools"),
        "car" => ("汽车用品", "car supplies"),
        _ => ("其他", family),
    };
    if language == Language::Zh { zh } else { en }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn concept(name: &str) -> Option<&'static str> {
        let Concept(place) = concept_of(name)?;
        lines().nth(usize::from(place)).map(|[_, concept, ..]| concept)
    }

    #[test]
    fn names_in_both_languages_have_a_concept() {
        for (name, expect) in [
            ("苹果手机", Some("phone")),
            ("苹果", Some("fruit")),
            ("联想电脑", Some("computer")),
            ("充电线", Some("cable")),
            ("红色硅胶手机壳", Some("phone_case")),
            ("Apple phone", Some("phone")),
            ("Lenovo laptop", Some("computer")),
            ("phone case", Some("phone_case")),
            ("phone cases for men", Some("phone_case")),
            ("charging cable", Some("cable")),
            ("蓝牙耳机", Some("earphone")),
            ("婴儿奶粉", Some("formula")),
            ("quux", None),
            ("", None),
        ] {
            assert_eq!(concept(name), expect, "{name}");
        }
    }

    #[test]
    fn the_lexicon_is_sound() {
        let names: Vec<&str> = lines().map(|[_, concept, ..]| concept).collect();
        for [family, concept, zh, en, goes_with] in lines() {
            assert!(![family, concept, zh, en].contains(&""), "{concept}");
            for other in goes_with.split(',').filter(|other| !other.is_empty()) {
                assert!(names.contains(&other), "{concept} goes with {other}");
            }
            let known = Concept(names.iter().position(|name| *name == concept).expect("listed") as u16);
            assert_ne!(family_name(known, Language::Zh), "其他", "{concept}");
        }
    }

    #[test]
    fn affinity_is_symmetric_and_ordered() {
        let of = |a, b| affinity(concept_of(a).expect("known"), concept_of(b).expect("known"));
        assert!(of("手机", "手机") > of("手机", "手机壳") && of("手机", "手机壳") > of("手机壳", "充电宝"));
        assert_eq!(of("手机", "手机壳"), of("手机壳", "手机"));
        assert_eq!(of("手机", "奶粉"), 0.0);
    }
}
