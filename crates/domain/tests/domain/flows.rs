//! Flows: what is accepted, the exact words for what is not, and that printing loses nothing.

use domain::flow::rules::{self, RuleKind};
use domain::flow::{Ask, At, DEFAULT_FLOW, Node, Plan, parse};
use proptest::prelude::*;

#[test]
fn good_flows_compile() {
    for text in [
        DEFAULT_FLOW,
        "THEN(pool, draw)",
        "THEN(pool,draw);",
        "THEN(THEN(blacklist, pool), draw, stock, IF(sold_out, THEN(fallback), unlock))",
        "// the short way\nTHEN(pool, /* roll */ draw, unlock, IF(sold_out, IF(sold_out, fallback)))\n",
        "THEN(limits, limits, pool, draw, stock, stock)",
    ] {
        assert_eq!(Plan::compile(text).map(drop), Ok(()), "{text}");
    }
}

#[test]
fn bad_flows_say_where_and_why() {
    #[track_caller]
    fn check(text: &str, want: &[&str]) {
        let got: Vec<String> = Plan::compile(text).expect_err(text).iter().map(ToString::to_string).collect();
        assert_eq!(got, want, "{text}");
    }
    let shape = "a flow looks like THEN(pool, draw)";
    check("", &[&format!("line 1, column 1: expected a rule, THEN or IF, found the end; {shape}")]);
    check(
        "THEN(pool, draw",
        &["line 1, column 16: expected `)`, found the end; parts are separated by commas and closed by `)`"],
    );
    check(
        "THEN(pool draw)",
        &["line 1, column 11: expected `)`, found `draw`; parts are separated by commas and closed by `)`"],
    );
    check("THEN pool, draw", &["line 1, column 6: expected `(`, found `pool`; write THEN(...)"]);
    check("THEN()", &["line 1, column 6: THEN holds nothing; name at least one rule in it"]);
    check("THEN(pool,, draw)", &[&format!("line 1, column 11: expected a rule, THEN or IF, found `,`; {shape}")]);
    check("THEN(\n  pol,\n  draw)", &["line 2, column 3: unknown rule `pol`; did you mean `pool`?"]);
    check("THEN(Blaklist, pool, draw)", &["line 1, column 6: unknown rule `Blaklist`; did you mean `blacklist`?"]);
    check("then(pool, draw)", &["line 1, column 1: unknown rule `then`; did you mean `THEN`?"]);
    check(
        "THEN(pool, draw, sold_out)",
        &["line 1, column 18: unknown rule `sold_out`; it is a condition: ask it by IF(...)"],
    );
    check(
        "THEN(pool, 锦鲤)",
        &[
            "line 1, column 12: unknown rule `锦鲤`; the rules are: blacklist, window, limits, pool, draw, unlock, stock, fallback",
        ],
    );
    check(
        "THEN(pool, draw) stock",
        &[
            "line 1, column 18: the flow is over, but `stock` follows; a flow is one expression; put several in THEN(...)",
        ],
    );
    check("IF(stock, pool)", &["line 1, column 4: expected a condition, found `stock`; the conditions are: sold_out"]);
    check(
        "IF(sold_out)",
        &["line 1, column 12: expected `,`, found `)`; write IF(condition, then) or IF(condition, then, else)"],
    );
    check(
        "IF(sold_out, a, b, c)",
        &[
            "line 1, column 14: unknown rule `a`; the rules are: blacklist, window, limits, pool, draw, unlock, stock, fallback",
        ],
    );
    check(
        "IF(sold_out, pool, draw, stock)",
        &[
            "line 1, column 24: expected `)`, found `,`; IF takes a condition and one or two parts; put more in THEN(...)",
        ],
    );
    check("THEN(pool, draw) /* never", &["line 1, column 18: the comment never ends; close it with `*/`"]);
    check(
        "THEN(pool; draw)",
        &["line 1, column 10: expected `)`, found `;`; parts are separated by commas and closed by `)`"],
    );
    check("THEN(pool, #draw)", &["line 1, column 12: unexpected character `#`"]);
    check(&"THEN(".repeat(80), &["line 1, column 321: nested deeper than 64"]);
    check(&" ".repeat(65_537), &["line 1, column 1: the text has 65537 bytes, more than 65536"]);
    check(
        &format!("THEN(pool, draw{})", ", stock".repeat(1022)),
        &["line 1, column 1: the flow has more than 1024 parts"],
    );
}

#[test]
fn flows_that_make_no_sense_say_so() {
    #[track_caller]
    fn check(text: &str, want: &[&str]) {
        let got: Vec<String> = Plan::compile(text).expect_err(text).iter().map(ToString::to_string).collect();
        assert_eq!(got, want, "{text}");
    }
    let none = "the flow has no `draw`; every flow rolls once, like THEN(pool, draw)";
    let late = "after the roll a refusal would let a shopper roll until the result pleases";
    check("blacklist", &[&format!("line 1, column 1: {none}")]);
    check("draw", &["line 1, column 1: `draw` has no `pool` before it; write pool, draw"]);
    check("THEN(pool, draw, draw)", &["line 1, column 18: `draw` comes twice; a draw rolls once"]);
    check("THEN(pool, draw, limits)", &[&format!("line 1, column 18: `limits` comes after `draw`; {late}")]);
    check("THEN(pool, stock, draw)", &["line 1, column 12: `stock` comes before `draw`; it judges what the roll hit"]);
    check(
        "THEN(pool, draw, IF(sold_out, fallback))",
        &["line 1, column 18: `sold_out` is asked before anything can be; put `unlock` or `stock` before it"],
    );
    check("THEN(pool, draw, stock, IF(sold_out, draw))", &["line 1, column 38: `draw` comes twice; a draw rolls once"]);
    check(
        "THEN(fallback, draw, window)",
        &[
            "line 1, column 6: `fallback` comes before `draw`; it judges what the roll hit",
            "line 1, column 16: `draw` has no `pool` before it; write pool, draw",
            &format!("line 1, column 22: `window` comes after `draw`; {late}"),
        ],
    );
}

#[test]
fn every_rule_has_a_card() {
    let names: Vec<&str> = rules::all().iter().map(|rule| rule.name).collect();
    assert_eq!(names, ["blacklist", "window", "limits", "pool", "draw", "unlock", "stock", "fallback"]);
    for (card, kind) in rules::all().iter().zip(RuleKind::kinds()) {
        assert_eq!((kind.about().name, RuleKind::named(card.name)), (card.name, Some(*kind)));
        assert!(!card.does.is_empty());
    }
}

fn tree() -> impl Strategy<Value = Node> {
    let at = At::default();
    let rule = (0..RuleKind::kinds().len()).prop_map(move |i| Node::Rule(RuleKind::kinds()[i], at));
    rule.prop_recursive(8, 64, 5, move |inner| {
        let branch = (inner.clone(), prop::option::of(inner.clone()));
        prop_oneof![
            prop::collection::vec(inner, 1..5).prop_map(move |nodes| Node::Then(nodes, at)),
            branch.prop_map(move |(then, other)| Node::If(Ask::SoldOut, Box::new(then), other.map(Box::new), at)),
        ]
    })
}

/// The tree without its places, which printing may move.
fn placeless(node: Node) -> Node {
    let at = At::default();
    match node {
        Node::Then(nodes, _) => Node::Then(nodes.into_iter().map(placeless).collect(), at),
        Node::Rule(rule, _) => Node::Rule(rule, at),
        Node::If(ask, then, other, _) => {
            Node::If(ask, Box::new(placeless(*then)), other.map(|node| Box::new(placeless(*node))), at)
        }
    }
}

proptest! {
    #[test]
    fn flows_survive_printing(tree in tree()) {
        prop_assert_eq!(parse(&tree.to_string()).map(placeless), Ok(tree));
    }

    #[test]
    fn no_text_panics(text in "(THEN|IF|\\(|\\)|,|;|pool|draw|stock|sold_out|fallback| |\n|//|/\\*|锦|[a-z<>=0-9]){0,40}") {
        let _ = Plan::compile(&text);
    }
}
