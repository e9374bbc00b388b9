//! Just enough of Rust's grammar to tell code from text: where functions begin and end, and what is test code.

/// What a file holds.
#[derive(Debug, Default)]
pub struct Source {
    /// Functions outside test modules and inside, longest bodies counted with their signature.
    pub functions: Vec<Function>,
    /// Line numbers and lines of `.unwrap()` outside test modules.
    pub unwraps: Vec<(usize, String)>,
}

/// One function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    pub name: String,
    /// Counted from 1.
    pub first_line: usize,
    /// From `fn` to the closing brace, both included.
    pub lines: usize,
}

/// A function whose body has begun or will.
struct Open {
    name: String,
    first_line: usize,
    /// The depth of braces around it, once its own has opened.
    depth: Option<usize>,
}

impl Source {
    /// Reads a file's text.
    pub fn read(text: &str) -> Self {
        let code = blank(text);
        let mut source = Self::default();
        let (mut depth, mut tests_at, mut tests_next) = (0_usize, None, false);
        let mut open: Vec<Open> = Vec::new();
        for (index, (line, original)) in code.lines().zip(text.lines()).enumerate() {
            let number = index + 1;
            if line.contains("#[cfg(test)]") || line.contains("#[test]") {
                tests_next = true;
            }
            if line.contains(".unwrap()") && tests_at.is_none() && !tests_next {
                source.unwraps.push((number, original.trim().to_owned()));
            }
            if let Some(name) = function_name(line) {
                open.push(Open { name, first_line: number, depth: None });
            }
            for character in line.chars() {
                match character {
                    '{' => {
                        if let Some(last) = open.last_mut().filter(|last| last.depth.is_none()) {
                            last.depth = Some(depth);
                        }
                        if std::mem::take(&mut tests_next) && tests_at.is_none() {
                            tests_at = Some(depth);
                        }
                        depth += 1;
                    }
                    '}' => {
                        depth = depth.saturating_sub(1);
                        if open.last().is_some_and(|last| last.depth == Some(depth))
                            && let Some(done) = open.pop()
                        {
                            let lines = number - done.first_line + 1;
                            source.functions.push(Function { name: done.name, first_line: done.first_line, lines });
                        }
                        if tests_at == Some(depth) {
                            tests_at = None;
                        }
                    }
                    // A signature without a body: a trait's, or a function pointer's type.
                    ';' => {
                        if open.last().is_some_and(|last| last.depth.is_none()) && line.trim_end().ends_with(';') {
                            open.pop();
                        }
                        // `#[cfg(test)] mod tests;` is a file of its own.
                        tests_next = false;
                    }
                    _ => {}
                }
            }
        }
        source
    }
}

/// The name after `fn `, where a function is declared.
fn function_name(line: &str) -> Option<String> {
    let before_after = line.split_once("fn ")?;
    let declared = before_after.0.is_empty() || before_after.0.ends_with([' ', '(']);
    let name: String = before_after.1.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let rest = before_after.1[name.len()..].trim_start();
    (declared && !name.is_empty() && rest.starts_with(['(', '<'])).then_some(name)
}

/// The text with comments, strings and characters blanked out, line breaks kept.
fn blank(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < characters.len() {
        let end = token_end(&characters, at);
        if end == at {
            out.push(characters[at]);
            at += 1;
        } else {
            out.extend(characters[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

/// Where the comment, string or character that starts at `at` ends; `at` itself where none does.
fn token_end(text: &[char], at: usize) -> usize {
    let is = |offset: usize, wanted: char| text.get(at + offset) == Some(&wanted);
    let before_is_word = at > 0 && (text[at - 1].is_alphanumeric() || text[at - 1] == '_');
    match text[at] {
        '/' if is(1, '/') => (at..text.len()).find(|i| text[*i] == '\n').unwrap_or(text.len()),
        '/' if is(1, '*') => block_comment_end(text, at),
        '"' => string_end(text, at + 1),
        'r' | 'b' if !before_is_word => {
            let mut quote = at + 1;
            quote += usize::from(text[at] == 'b' && is(1, 'r'));
            let raw = text[at] == 'r' || quote == at + 2;
            let hashes = if raw { text[quote..].iter().take_while(|c| **c == '#').count() } else { 0 };
            match text.get(quote + hashes) {
                Some('"') if raw => raw_string_end(text, quote + hashes + 1, hashes),
                Some('"') => string_end(text, quote + 1),
                _ => at,
            }
        }
        // A character; a lifetime has no second quote so near.
        '\'' if is(1, '\\') => (at + 3..text.len()).find(|i| text[*i] == '\'').map_or(text.len(), |i| i + 1),
        '\'' if is(2, '\'') => at + 3,
        _ => at,
    }
}

fn block_comment_end(text: &[char], at: usize) -> usize {
    let (mut depth, mut i) = (0, at);
    while i + 1 < text.len() {
        match (text[i], text[i + 1]) {
            ('/', '*') => (depth, i) = (depth + 1, i + 2),
            ('*', '/') => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            return i;
        }
    }
    text.len()
}

fn string_end(text: &[char], mut at: usize) -> usize {
    while at < text.len() {
        match text[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

fn raw_string_end(text: &[char], from: usize, hashes: usize) -> usize {
    let closes =
        |i: usize| text[i] == '"' && text[i + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes;
    (from..text.len()).find(|i| closes(*i)).map_or(text.len(), |i| i + 1 + hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_measured() {
        let check = |text: &str, expect: &[(&str, usize)]| {
            let source = Source::read(text);
            let got: Vec<(&str, usize)> = source.functions.iter().map(|f| (f.name.as_str(), f.lines)).collect();
            assert_eq!(got, expect, "{text}");
        };
        check("fn a() {}\n", &[("a", 1)]);
        check("pub fn a(\n    x: u8,\n) -> u8 {\n    x\n}\n", &[("a", 5)]);
        check("fn a() {\n    fn b() {\n    }\n}\n", &[("b", 2), ("a", 4)]);
        check("trait T {\n    fn c(x: &[u8]) -> [u8; 2];\n    fn d() {\n    }\n}\n", &[("d", 2)]);
        check("trait T {\n    fn a();\n    fn b() {\n    }\n}\n", &[("b", 2)]);
        check("fn a() {\n    let s = \"} fn x() {\"; // }\n    let c = '}';\n    /* } */\n}\n", &[("a", 5)]);
        check("fn a<'a>(x: &'a str) -> [u8; 2] {\n    r#\"}\"}\"#;\n    [0; 2]\n}\n", &[("a", 4)]);
        check("fn a(f: fn(u8) -> u8) {\n    b'{';\n}\n", &[("a", 3)]);
    }

    #[test]
    fn unwraps_of_tests_are_fine() {
        let check = |text: &str, expect: usize| assert_eq!(Source::read(text).unwraps.len(), expect, "{text}");
        check("fn a() {\n    x.unwrap();\n}\n", 1);
        check(
            "#[cfg(test)]\nmod tests {\n    fn a() {\n        x.unwrap();\n    }\n}\nfn b() {\n    y.unwrap();\n}\n",
            1,
        );
        check("fn a() {\n    \".unwrap()\"; // .unwrap()\n}\n", 0);
        check("#[cfg(test)]\nmod tests;\nfn b() {\n    y.unwrap();\n}\n", 1);
    }
}
