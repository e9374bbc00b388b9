//! Text to tokens, shared by flows and pool conditions. Every token knows where it stands.

use super::{FlowError, bounds};
use std::fmt;

/// A place in a text: both count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct At {
    pub line: u32,
    pub column: u32,
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind<'t> {
    Word(&'t str),
    Number(u32),
    Open,
    Close,
    Comma,
    Semicolon,
    Dot,
    /// `=`, which names a sub-flow.
    Is,
    /// What stands between two quotes, escapes unread.
    Text(&'t str),
    /// One of `>=`, `<=`, `==`, `!=`, `>`, `<`.
    Operator(&'static str),
    End,
}

impl fmt::Display for Kind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Word(word) => write!(f, "`{word}`"),
            Kind::Number(number) => write!(f, "`{number}`"),
            Kind::Open => f.write_str("`(`"),
            Kind::Close => f.write_str("`)`"),
            Kind::Comma => f.write_str("`,`"),
            Kind::Semicolon => f.write_str("`;`"),
            Kind::Dot => f.write_str("`.`"),
            Kind::Is => f.write_str("`=`"),
            Kind::Text(_) => f.write_str("a text"),
            Kind::Operator(text) => write!(f, "`{text}`"),
            Kind::End => f.write_str("the end"),
        }
    }
}

/// One token.
#[derive(Debug, Clone, Copy)]
pub struct Token<'t> {
    pub kind: Kind<'t>,
    pub at: At,
}

/// The tokens of a text, one looked ahead.
#[derive(Debug)]
pub struct Tokens<'t> {
    rest: &'t str,
    at: At,
    ahead: Token<'t>,
}

/// Longest first, so that `>=` is not read as `>`.
const OPERATORS: [&str; 6] = [">=", "<=", "==", "!=", ">", "<"];

impl<'t> Tokens<'t> {
    /// Starts reading `text`; refuses one longer than [`bounds::TEXT_BYTES`].
    pub fn of(text: &'t str) -> Result<Self, FlowError> {
        let at = At { line: 1, column: 1 };
        if text.len() > bounds::TEXT_BYTES {
            let message = format!("the text has {} bytes, more than {}", text.len(), bounds::TEXT_BYTES);
            return Err(FlowError::new(at, message, ""));
        }
        let mut tokens = Tokens { rest: text, at, ahead: Token { kind: Kind::End, at } };
        tokens.ahead = tokens.read()?;
        Ok(tokens)
    }

    /// The next token, left in place.
    pub fn peek(&self) -> Token<'t> {
        self.ahead
    }

    /// Takes the next token; the end stays the end.
    pub fn take(&mut self) -> Result<Token<'t>, FlowError> {
        let token = self.ahead;
        self.ahead = self.read()?;
        Ok(token)
    }

    /// The word right after the next token, which is a dot.
    pub fn after_dot(&self) -> Option<&'t str> {
        let rest = self.rest.trim_start();
        let word = &rest[..rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len())];
        (!word.is_empty()).then_some(word)
    }

    /// Takes the next token if it is `kind`.
    pub fn take_if(&mut self, kind: Kind<'_>) -> Result<bool, FlowError> {
        let fits = self.ahead.kind == kind;
        if fits {
            self.take()?;
        }
        Ok(fits)
    }

    /// Takes the next token, which must be `kind`.
    pub fn expect(&mut self, kind: Kind<'_>, hint: &str) -> Result<Token<'t>, FlowError> {
        if self.ahead.kind == kind {
            return self.take();
        }
        Err(FlowError::new(self.ahead.at, format!("expected {kind}, found {}", self.ahead.kind), hint))
    }

    fn read(&mut self) -> Result<Token<'t>, FlowError> {
        self.skip_blank()?;
        let at = self.at;
        let Some(first) = self.rest.chars().next() else {
            return Ok(Token { kind: Kind::End, at });
        };
        let kind = match first {
            '(' => self.advance(1, Kind::Open),
            ')' => self.advance(1, Kind::Close),
            ',' => self.advance(1, Kind::Comma),
            ';' => self.advance(1, Kind::Semicolon),
            '.' => self.advance(1, Kind::Dot),
            '"' | '\'' => self.text(first, at)?,
            '0'..='9' => self.number(at)?,
            c if c.is_alphabetic() || c == '_' => {
                let word = self.span(|c| c.is_alphanumeric() || c == '_');
                self.advance(word.len(), Kind::Word(word))
            }
            _ => match OPERATORS.into_iter().find(|op| self.rest.starts_with(op)) {
                Some(op) => self.advance(op.len(), Kind::Operator(op)),
                None if first == '=' => self.advance(1, Kind::Is),
                None => {
                    return Err(FlowError::new(at, format!("unexpected character `{}`", first.escape_debug()), ""));
                }
            },
        };
        Ok(Token { kind, at })
    }

    fn number(&mut self, at: At) -> Result<Kind<'t>, FlowError> {
        let digits = self.span(|c| c.is_ascii_digit());
        let number = digits.parse().map_err(|_| {
            FlowError::new(at, "the number is too large".to_owned(), &format!("the largest is {}", u32::MAX))
        })?;
        Ok(self.advance(digits.len(), Kind::Number(number)))
    }

    /// A text in either kind of quotes; a backslash takes the next character with it.
    fn text(&mut self, quote: char, at: At) -> Result<Kind<'t>, FlowError> {
        let rest: &'t str = self.rest;
        let mut escaped = false;
        for (i, c) in rest.char_indices().skip(1) {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                c if c == quote => return Ok(self.advance(i + 1, Kind::Text(&rest[1..i]))),
                _ => {}
            }
        }
        Err(FlowError::new(at, "the text never ends".to_owned(), &format!("close it with `{quote}`")))
    }

    fn span(&self, belongs: impl Fn(char) -> bool) -> &'t str {
        let rest: &'t str = self.rest;
        &rest[..rest.find(|c| !belongs(c)).unwrap_or(rest.len())]
    }

    /// Steps over `bytes` of the text, which must end between two characters.
    fn advance(&mut self, bytes: usize, kind: Kind<'t>) -> Kind<'t> {
        let (passed, rest) = self.rest.split_at(bytes);
        for c in passed.chars() {
            if c == '\n' {
                self.at = At { line: self.at.line + 1, column: 1 };
            } else {
                self.at.column += 1;
            }
        }
        self.rest = rest;
        kind
    }

    fn skip_blank(&mut self) -> Result<(), FlowError> {
        loop {
            let blank = self.span(char::is_whitespace).len();
            let skip = if blank > 0 {
                blank
            } else if self.rest.starts_with("//") {
                self.rest.find('\n').unwrap_or(self.rest.len())
            } else if self.rest.starts_with("/*") {
                let end = self.rest[2..].find("*/");
                2 + 2
                    + end.ok_or_else(|| {
                        FlowError::new(self.at, "the comment never ends".to_owned(), "close it with `*/`")
                    })?
            } else {
                return Ok(());
            };
            self.advance(skip, Kind::End);
        }
    }
}

/// What a text between quotes says.
///
/// # Errors
/// For a backslash before anything but a quote, a backslash, `n` or `t`.
pub fn unquote(raw: &str, at: At) -> Result<String, FlowError> {
    let mut text = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        text.push(match c {
            '\\' => match chars.next() {
                Some(c @ ('\\' | '"' | '\'')) => c,
                Some('n') => '\n',
                Some('t') => '\t',
                other => {
                    let what = other.map_or_else(String::new, |c| c.escape_debug().to_string());
                    let message = format!("a text knows no escape `\\{what}`");
                    return Err(FlowError::new(at, message, "there are \\\\, \\\", \\', \\n and \\t"));
                }
            },
            c => c,
        });
    }
    Ok(text)
}

/// A text between single quotes that [`unquote`] reads back.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    for c in text.chars() {
        if matches!(c, '\\' | '\'') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('\'');
    quoted
}
