//! EL text to a tree. Only its shape is judged here; what the names mean together is the compiler's.

use super::lexer::{At, Kind, Tokens, unquote};
use super::tree::{Call, Cond, Flow, Node, NodeKind, Sub};
use super::{FlowError, bounds};

/// Reads a flow: sub-flows as `name = expression;`, then one expression.
pub fn parse(text: &str) -> Result<Flow, FlowError> {
    let mut tokens = Tokens::of(text)?;
    let mut subs = Vec::new();
    loop {
        let node = node(&mut tokens, 1)?;
        if tokens.take_if(Kind::Is)? {
            subs.push(sub(&mut tokens, node)?);
            continue;
        }
        tokens.take_if(Kind::Semicolon)?;
        let rest = tokens.peek();
        if rest.kind != Kind::End {
            let hint = "a flow is one expression after its sub-flows; put several in THEN(...)";
            return Err(FlowError::new(rest.at, format!("the flow is over, but {} follows", rest.kind), hint));
        }
        return Ok(Flow { subs, main: node });
    }
}

/// What follows `name =`.
fn sub(tokens: &mut Tokens<'_>, head: Node) -> Result<Sub, FlowError> {
    let at = head.at;
    let name = match head {
        Node { kind: NodeKind::Call(Call { name, data: None, .. }), tag: None, .. } => name,
        _ => {
            let message = "only a name can stand before `=`".to_owned();
            return Err(FlowError::new(at, message, "a sub-flow looks like check = THEN(blacklist, limits);"));
        }
    };
    let node = node(tokens, 1)?;
    tokens.expect(Kind::Semicolon, "a sub-flow ends with `;`")?;
    Ok(Sub { name, node, at })
}

fn node(tokens: &mut Tokens<'_>, depth: usize) -> Result<Node, FlowError> {
    let token = tokens.take()?;
    if depth > bounds::DEPTH {
        return Err(FlowError::new(token.at, format!("nested deeper than {}", bounds::DEPTH), ""));
    }
    let at = token.at;
    let kind = match token.kind {
        Kind::Word("THEN") => NodeKind::Then(parts(tokens, "THEN", depth)?),
        Kind::Word("WHEN") => NodeKind::When(parts(tokens, "WHEN", depth)?),
        Kind::Word("IF") => branches(tokens, depth)?,
        Kind::Word("SWITCH") => switch(tokens, depth)?,
        Kind::Word("CATCH") => catch(tokens, depth)?,
        Kind::Word("FOR") => repeat(tokens, depth)?,
        Kind::Word(word @ ("WHILE" | "ITERATOR")) => {
            let hint = format!("write FOR(n).DO(...) with n up to {}", bounds::TIMES);
            return Err(FlowError::new(at, format!("`{word}` is a loop without a bound"), &hint));
        }
        Kind::Word("when") if tokens.peek().kind == Kind::Open => NodeKind::Expression(expression(tokens)?),
        Kind::Word(word @ ("NOT" | "AND" | "OR")) => {
            let message = format!("`{word}` is a condition, and a rule is expected");
            return Err(FlowError::new(at, message, "ask it by IF(...)"));
        }
        Kind::Word(word) => NodeKind::Call(Call { name: word.to_owned(), data: None, at }),
        other => {
            let message = format!("expected a rule, THEN or IF, found {other}");
            return Err(FlowError::new(at, message, "a flow looks like THEN(pool, draw)"));
        }
    };
    suffixes(tokens, Node { kind, tag: None, at })
}

/// `.tag("…")` and `.data('…')`, each at most once.
fn suffixes(tokens: &mut Tokens<'_>, mut node: Node) -> Result<Node, FlowError> {
    while tokens.peek().kind == Kind::Dot {
        tokens.take()?;
        let word = tokens.take()?;
        match (word.kind, &mut node.kind) {
            (Kind::Word("tag"), _) if node.tag.is_none() => node.tag = Some(argument(tokens, "tag")?.0),
            (Kind::Word("data"), NodeKind::Call(call)) if call.data.is_none() => {
                call.data = Some(argument(tokens, "data")?);
            }
            (Kind::Word(twice @ ("tag" | "data")), NodeKind::Call(_)) | (Kind::Word(twice @ "tag"), _) => {
                return Err(FlowError::new(word.at, format!("`.{twice}` comes twice"), ""));
            }
            (Kind::Word("data"), _) => {
                let hint = "write it behind a rule, like cooldown.data('{\"seconds\": 60}')";
                return Err(FlowError::new(word.at, "`.data` belongs to a rule".to_owned(), hint));
            }
            (other, _) => {
                let message = format!("expected a suffix, found {other}");
                return Err(FlowError::new(word.at, message, suffix_hint(&node.kind)));
            }
        }
    }
    Ok(node)
}

fn suffix_hint(kind: &NodeKind) -> &'static str {
    match kind {
        NodeKind::If { .. } => "after IF(...) come .ELIF(...), .ELSE(...) and .tag(\"...\"), in this order",
        NodeKind::Switch { .. } => "after SWITCH(...).to(...) come .DEFAULT(...) and .tag(\"...\")",
        NodeKind::Catch { .. } => "after CATCH(...) come .DO(...) and .tag(\"...\")",
        NodeKind::For { .. } => "after FOR(n).DO(...) come .BREAK(...) and .tag(\"...\")",
        NodeKind::Call(_) => "after a rule come .tag(\"...\") and .data('{...}')",
        _ => "here only .tag(\"...\") fits",
    }
}

/// `("…")`
fn argument(tokens: &mut Tokens<'_>, word: &str) -> Result<(String, At), FlowError> {
    let hint = format!("write .{word}(\"...\")");
    tokens.expect(Kind::Open, &hint)?;
    let token = tokens.take()?;
    let Kind::Text(raw) = token.kind else {
        return Err(FlowError::new(token.at, format!("expected a text, found {}", token.kind), &hint));
    };
    let text = unquote(raw, token.at)?;
    tokens.expect(Kind::Close, &hint)?;
    Ok((text, token.at))
}

/// `("…")` after `when`.
fn expression(tokens: &mut Tokens<'_>) -> Result<String, FlowError> {
    let hint = "write when(\"shopper.level >= 3\")";
    tokens.expect(Kind::Open, hint)?;
    let token = tokens.take()?;
    let Kind::Text(raw) = token.kind else {
        return Err(FlowError::new(token.at, format!("expected a text, found {}", token.kind), hint));
    };
    let text = unquote(raw, token.at)?;
    tokens.expect(Kind::Close, hint)?;
    Ok(text)
}

/// Whether `.WORD` follows, in capitals or not; takes it if so.
fn method(tokens: &mut Tokens<'_>, word: &str) -> Result<bool, FlowError> {
    let lower = word.to_lowercase();
    if tokens.peek().kind != Kind::Dot {
        return Ok(false);
    }
    let fits = tokens.after_dot().is_some_and(|next| next == word || next == lower);
    if fits {
        tokens.take()?;
        tokens.take()?;
    }
    Ok(fits)
}

fn open(tokens: &mut Tokens<'_>, word: &str) -> Result<(), FlowError> {
    tokens.expect(Kind::Open, &format!("write {word}(...)")).map(drop)
}

/// `(part, part …)`, one at least.
fn parts(tokens: &mut Tokens<'_>, word: &str, depth: usize) -> Result<Vec<Node>, FlowError> {
    open(tokens, word)?;
    let first = tokens.peek();
    if first.kind == Kind::Close {
        return Err(FlowError::new(first.at, format!("{word} holds nothing"), "name at least one rule in it"));
    }
    let mut nodes = vec![node(tokens, depth + 1)?];
    while tokens.take_if(Kind::Comma)? {
        nodes.push(node(tokens, depth + 1)?);
    }
    tokens.expect(Kind::Close, "parts are separated by commas and closed by `)`")?;
    Ok(nodes)
}

/// `(part)`, exactly one.
fn part(tokens: &mut Tokens<'_>, word: &str, depth: usize) -> Result<Node, FlowError> {
    open(tokens, word)?;
    let inner = node(tokens, depth + 1)?;
    tokens.expect(Kind::Close, &format!("{word} takes one part; put more in THEN(...)"))?;
    Ok(inner)
}

fn branches(tokens: &mut Tokens<'_>, depth: usize) -> Result<NodeKind, FlowError> {
    open(tokens, "IF")?;
    let first = cond(tokens, depth)?;
    tokens.expect(Kind::Comma, "write IF(condition, then) or IF(condition, then, else)")?;
    let then = node(tokens, depth + 1)?;
    let mut otherwise = None;
    if tokens.take_if(Kind::Comma)? {
        otherwise = Some(Box::new(node(tokens, depth + 1)?));
    }
    tokens.expect(Kind::Close, "IF takes a condition and one or two parts; put more in THEN(...)")?;
    let mut branches = vec![(first, then)];
    if otherwise.is_none() {
        while method(tokens, "ELIF")? {
            open(tokens, "ELIF")?;
            let cond = cond(tokens, depth)?;
            tokens.expect(Kind::Comma, "write .ELIF(condition, then)")?;
            branches.push((cond, node(tokens, depth + 1)?));
            tokens.expect(Kind::Close, "ELIF takes a condition and one part; put more in THEN(...)")?;
        }
        if method(tokens, "ELSE")? {
            otherwise = Some(Box::new(part(tokens, "ELSE", depth)?));
        }
    }
    Ok(NodeKind::If { branches, otherwise })
}

fn switch(tokens: &mut Tokens<'_>, depth: usize) -> Result<NodeKind, FlowError> {
    let hint = "write SWITCH(split).to(a, b).DEFAULT(c)";
    tokens.expect(Kind::Open, hint)?;
    let token = tokens.take()?;
    let Kind::Word(word) = token.kind else {
        return Err(FlowError::new(token.at, format!("expected a selector, found {}", token.kind), hint));
    };
    let kind = NodeKind::Call(Call { name: word.to_owned(), data: None, at: token.at });
    let selector = match suffixes(tokens, Node { kind, tag: None, at: token.at })? {
        Node { kind: NodeKind::Call(call), tag: None, .. } => call,
        other => {
            let message = "a selector needs no tag".to_owned();
            return Err(FlowError::new(other.at, message, "tags name the parts in .to(...)"));
        }
    };
    tokens.expect(Kind::Close, hint)?;
    if !method(tokens, "TO")? {
        let next = tokens.peek();
        return Err(FlowError::new(next.at, format!("expected `.to`, found {}", next.kind), hint));
    }
    let cases = parts(tokens, ".to", depth)?;
    let otherwise = if method(tokens, "DEFAULT")? { Some(Box::new(part(tokens, "DEFAULT", depth)?)) } else { None };
    Ok(NodeKind::Switch { selector, cases, otherwise })
}

fn catch(tokens: &mut Tokens<'_>, depth: usize) -> Result<NodeKind, FlowError> {
    let body = Box::new(part(tokens, "CATCH", depth)?);
    let rescue = if method(tokens, "DO")? { Some(Box::new(part(tokens, "DO", depth)?)) } else { None };
    Ok(NodeKind::Catch { body, rescue })
}

fn repeat(tokens: &mut Tokens<'_>, depth: usize) -> Result<NodeKind, FlowError> {
    let hint = format!("write FOR(n).DO(...) with n from 1 to {}", bounds::TIMES);
    tokens.expect(Kind::Open, &hint)?;
    let token = tokens.take()?;
    let times = match token.kind {
        Kind::Number(times @ 1..=bounds::TIMES) => times,
        Kind::Number(_) => {
            return Err(FlowError::new(token.at, format!("a loop of {} rounds", token.kind), &hint));
        }
        Kind::Word(word) => {
            return Err(FlowError::new(token.at, format!("`{word}` does not bound the loop"), &hint));
        }
        other => return Err(FlowError::new(token.at, format!("expected a number, found {other}"), &hint)),
    };
    tokens.expect(Kind::Close, &hint)?;
    if !method(tokens, "DO")? {
        let next = tokens.peek();
        return Err(FlowError::new(next.at, format!("expected `.DO`, found {}", next.kind), &hint));
    }
    let body = Box::new(part(tokens, "DO", depth)?);
    let mut until = None;
    if method(tokens, "BREAK")? {
        open(tokens, "BREAK")?;
        until = Some(cond(tokens, depth)?);
        tokens.expect(Kind::Close, "BREAK takes one condition")?;
    }
    Ok(NodeKind::For { times, body, until })
}

fn cond(tokens: &mut Tokens<'_>, depth: usize) -> Result<Cond, FlowError> {
    let token = tokens.take()?;
    if depth > bounds::DEPTH {
        return Err(FlowError::new(token.at, format!("nested deeper than {}", bounds::DEPTH), ""));
    }
    let several = |tokens: &mut Tokens<'_>, word: &str| {
        open(tokens, word)?;
        let mut parts = vec![cond(tokens, depth + 1)?];
        while tokens.take_if(Kind::Comma)? {
            parts.push(cond(tokens, depth + 1)?);
        }
        tokens.expect(Kind::Close, "conditions are separated by commas and closed by `)`")?;
        Ok(parts)
    };
    match token.kind {
        Kind::Word("NOT") => {
            open(tokens, "NOT")?;
            let inner = cond(tokens, depth + 1)?;
            tokens.expect(Kind::Close, "NOT takes one condition")?;
            Ok(Cond::Not(Box::new(inner)))
        }
        Kind::Word("AND") => several(tokens, "AND").map(Cond::And),
        Kind::Word("OR") => several(tokens, "OR").map(Cond::Or),
        Kind::Word("when") => Ok(Cond::Expression(expression(tokens)?, token.at)),
        Kind::Word(word) => Ok(Cond::Ask(word.to_owned(), token.at)),
        other => {
            let hint = super::condition::hint();
            Err(FlowError::new(token.at, format!("expected a condition, found {other}"), &hint))
        }
    }
}
