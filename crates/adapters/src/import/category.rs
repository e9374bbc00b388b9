//! A category where a file has none: the head noun of the product's name.
//!
//! In an English product name the thing stands last (`WHITE METAL LANTERN`), what it is made with follows it
//! (`JAM MAKING SET WITH JARS`), and colours, sizes and prints are hung on at the end (`JUMBO BAG PINK POLKADOT`). So:
//! cut the name at the first `with`, `in`, `for` or `from`, then take the last alphabetic word that names no colour,
//! size or print, lowercased, in the singular: `lantern`, `set`, `bag`. It is a guess that puts a lantern with the
//! lanterns; a shop that knows its categories uses the `purchases` format.

use std::collections::HashMap;

/// Words after which a name says no more what the thing is.
const CUTS: &[&str] = &["with", "in", "for", "from"];

/// Words that name no thing: counts, colours, materials as finish, sizes, prints and seasons.
const NOT_THINGS: &[&str] = &[
    "amethyst",
    "and",
    "antique",
    "asst",
    "assorted",
    "bakelike",
    "birthday",
    "black",
    "blue",
    "bronze",
    "brown",
    "calm",
    "ceramic",
    "charlotte",
    "chocolate",
    "christmas",
    "classic",
    "clear",
    "col",
    "colour",
    "colours",
    "cream",
    "design",
    "designs",
    "edwardian",
    "dolly",
    "english",
    "finish",
    "floral",
    "girl",
    "gold",
    "green",
    "grey",
    "hanging",
    "home",
    "ivory",
    "jack",
    "large",
    "leaf",
    "lilac",
    "london",
    "medium",
    "metal",
    "mini",
    "natural",
    "of",
    "orange",
    "pack",
    "paisley",
    "pc",
    "pcs",
    "piece",
    "pink",
    "polkadot",
    "printed",
    "purple",
    "red",
    "retro",
    "retrospot",
    "round",
    "scandinavian",
    "shape",
    "silver",
    "size",
    "skull",
    "skulls",
    "small",
    "spaceboy",
    "spot",
    "square",
    "star",
    "strawberry",
    "suki",
    "tier",
    "the",
    "turquoise",
    "vintage",
    "white",
    "wicker",
    "wood",
    "wooden",
    "woodland",
    "yellow",
    "zinc",
];

/// Longest word that can be a category, in bytes; a longer one is no noun.
const MAX_WORD_BYTES: usize = 24;

/// Names whose category is remembered. A shop has thousands of products and millions of lines.
const MAX_REMEMBERED: usize = 16_384;

/// `head_noun` with a memory, since a file names each product many times.
#[derive(Debug, Default)]
pub struct Categories {
    known: HashMap<String, String>,
}

impl Categories {
    pub fn of(&mut self, name: &str) -> String {
        if let Some(category) = self.known.get(name) {
            return category.clone();
        }
        let category = head_noun(name);
        if self.known.len() < MAX_REMEMBERED {
            self.known.insert(name.to_owned(), category.clone());
        }
        category
    }
}

/// The category of a product's name; empty where no word remains.
pub fn head_noun(name: &str) -> String {
    let mut buffer = [0u8; MAX_WORD_BYTES];
    let head = head_of(name, &mut buffer);
    // Where every word is a colour or a print, the last one is still better than nothing.
    let mut last = None;
    for word in head.rsplit(|c: char| !c.is_ascii_alphabetic()).filter(|word| is_word(word)) {
        let word = lower(word, &mut buffer);
        if !NOT_THINGS.contains(&word) {
            return singular(word);
        }
        last.get_or_insert_with(|| word.to_owned());
    }
    last.map(|word| singular(&word)).unwrap_or_default()
}

/// `name` up to the first of `CUTS` that follows a word.
fn head_of<'a>(name: &'a str, buffer: &mut [u8; MAX_WORD_BYTES]) -> &'a str {
    let (mut at, mut any) = (0, false);
    for piece in name.split_inclusive(|c: char| !c.is_ascii_alphabetic()) {
        let word = piece.trim_end_matches(|c: char| !c.is_ascii_alphabetic());
        if is_word(word) {
            if any && CUTS.contains(&lower(word, buffer)) {
                return &name[..at];
            }
            any = true;
        }
        at += piece.len();
    }
    name
}

fn is_word(word: &str) -> bool {
    (2..=MAX_WORD_BYTES).contains(&word.len())
}

fn lower<'a>(word: &str, buffer: &'a mut [u8; MAX_WORD_BYTES]) -> &'a str {
    let lowered = &mut buffer[..word.len()];
    lowered.copy_from_slice(word.as_bytes());
    lowered.make_ascii_lowercase();
    std::str::from_utf8(lowered).unwrap_or_default()
}

/// The singular of a regular English plural, or the word as it is.
fn singular(word: &str) -> String {
    let kept = |ending: &str| word[..word.len() - ending.len()].to_owned();
    if word.len() <= 3 || ["ss", "us", "is"].iter().any(|e| word.ends_with(e)) {
        return word.to_owned();
    }
    if word.ends_with("ies") && word.len() > 4 {
        return kept("ies") + "y";
    }
    if ["xes", "ches", "shes", "sses"].iter().any(|e| word.ends_with(e)) {
        return kept("es");
    }
    if word.ends_with('s') { kept("s") } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_a_head() {
        let check = |name, expect| assert_eq!(head_noun(name), expect, "{name:?}");
        check("WHITE HANGING HEART T-LIGHT HOLDER", "holder");
        check("WHITE METAL LANTERN", "lantern");
        check("JUMBO BAG PINK POLKADOT", "bag");
        check("ALARM CLOCK BAKELIKE RED ", "clock");
        check("SET 7 BABUSHKA NESTING BOXES", "box");
        check("SET OF 72 RETROSPOT PAPER  DOILIES", "doily");
        check("JAM MAKING SET WITH JARS", "set");
        check("PACK OF 12 LONDON TISSUES ", "tissue");
        check("CLEAR MILKSHAKE GLASS", "glass");
        check("RED DRESS", "dress");
        check("IN TIN", "tin");
        check("GLASS", "glass");
        check("RED AND WHITE", "white");
        check("BINGO  SET,", "set");
        check("", "");
        check("12 x 5", "");
        check("锦鲤杯", "");
        check("CHILDREN'S APRON DOLLY GIRL", "apron");
        check("WITH", "with");
    }
}
