//! The language of flows: what is accepted and the plan that comes of it, the exact words for what is not, that printing
//! loses nothing, and that no text panics.

use domain::flow::rules::{self, RuleKind};
use domain::flow::tree::{Call, Cond, Flow, Node, NodeKind, Sub};
use domain::flow::{Ask, At, DEFAULT_FLOW, Graph, Plan, bounds, parse};
use proptest::prelude::*;

/// Good texts with their plans: `?x-7` goes on at step 7 where x is true, `!x-7` where it is not, `-7` always, `^7` where
/// the step before refuses.
#[rustfmt::skip]
const GOOD: &[(&str, &str)] = &[
    (DEFAULT_FLOW, "blacklist window limits cooldown risk pool weight guarantee draw unlock once release stock !sold_out-16 substitute fallback"),
    ("THEN(pool, draw)", "pool draw"),
    ("THEN(pool,draw);", "pool draw"),
    ("THEN(pool, draw) // the end", "pool draw"),
    ("// the short way\nTHEN(pool, /* roll */ draw)\n", "pool draw"),
    ("THEN(THEN(blacklist, pool), THEN(draw))", "blacklist pool draw"),
    ("THEN(limits, limits, pool, draw, stock, stock)", "limits limits pool draw stock stock"),
    ("THEN(pool, draw, stock, IF(sold_out, fallback))", "pool draw stock !sold_out-5 fallback"),
    ("THEN(pool, draw, stock, IF(sold_out, fallback, unlock))", "pool draw stock !sold_out-6 fallback -7 unlock"),
    ("THEN(pool, draw, stock, IF(sold_out, fallback).ELSE(unlock))", "pool draw stock !sold_out-6 fallback -7 unlock"),
    ("THEN(pool, draw, unlock, IF(locked, stock).ELIF(sold_out, fallback).ELSE(budget))", "pool draw unlock !locked-6 stock -10 !sold_out-9 fallback -10 budget"),
    ("THEN(pool, draw, unlock, IF(locked, stock).elif(sold_out, fallback))", "pool draw unlock !locked-6 stock -8 !sold_out-8 fallback"),
    ("THEN(IF(NOT(first_draw), cooldown), pool, draw)", "?first_draw-2 cooldown pool draw"),
    ("THEN(IF(NOT(NOT(first_draw)), cooldown), pool, draw)", "!first_draw-2 cooldown pool draw"),
    ("THEN(IF(AND(first_draw, blacklisted), refuse), pool, draw)", "!first_draw-3 !blacklisted-3 refuse pool draw"),
    ("THEN(IF(OR(first_draw, blacklisted), risk), pool, draw)", "?first_draw-2 !blacklisted-3 risk pool draw"),
    ("THEN(IF(AND(OR(first_draw, blacklisted), only_points), risk), pool, draw)", "?first_draw-2 !blacklisted-4 !only_points-4 risk pool draw"),
    ("THEN(IF(NOT(OR(first_draw, blacklisted)), risk), pool, draw)", "?first_draw-3 ?blacklisted-3 risk pool draw"),
    ("THEN(IF(OR(AND(first_draw, blacklisted), only_points), risk), pool, draw)", "!first_draw-2 ?blacklisted-3 !only_points-4 risk pool draw"),
    ("THEN(WHEN(blacklist, limits), pool, draw)", "blacklist^1 limits^2 raise pool draw"),
    ("THEN(WHEN(THEN(blacklist, risk), WHEN(limits, cooldown)), pool, draw)", "blacklist^2 risk^2 limits^3 cooldown^4 raise^5 raise pool draw"),
    ("THEN(CATCH(cooldown).DO(points_only), pool, draw)", "cooldown^2 -3 points_only pool draw"),
    ("THEN(CATCH(THEN(cooldown, limits)), pool, draw)", "cooldown^2 limits^2 pool draw"),
    ("THEN(CATCH(WHEN(cooldown, limits)).do(points_only), pool, draw)", "cooldown^1 limits^2 raise^4 -5 points_only pool draw"),
    ("THEN(pool, draw, stock, FOR(2).DO(substitute))", "pool draw stock substitute substitute"),
    ("THEN(pool, draw, stock, FOR(2).DO(THEN(substitute, budget)).BREAK(NOT(sold_out)))", "pool draw stock substitute budget !sold_out-9 substitute budget !sold_out-9"),
    ("THEN(pool, draw, SWITCH(split).to(stock.tag(\"a\"), budget.tag(\"b\")))", "pool draw split !split=a-6 stock -8 !split=b-8 budget"),
    ("THEN(pool, draw, SWITCH(split.data('{\"shares\": [9, 1]}')).to(stock.tag(\"a\")).DEFAULT(budget))", "pool draw split !split=a-6 stock -7 budget"),
    ("THEN(SWITCH(segment).to(risk, THEN(cooldown, limits).tag(\"vip\")).DEFAULT(blacklist), pool, draw)", "!segment=risk-3 risk -8 !segment=vip-7 cooldown limits -8 blacklist pool draw"),
    ("THEN(SWITCH(pool).to(guarantee.tag(\"all\"), weight.tag(\"start\")), draw)", "pool !pool=all-4 guarantee -6 !pool=start-6 weight draw"),
    ("THEN(pool, draw, SWITCH(tier).TO(stock.tag(\"big\")).default(once))", "pool draw !tier=big-5 stock -6 once"),
    ("IF(first_draw, THEN(pool, draw), THEN(cooldown, pool, draw))", "!first_draw-4 pool draw -7 cooldown pool draw"),
    ("IF(first_draw, THEN(pool, draw), refuse)", "!first_draw-4 pool draw -5 refuse"),
    ("checks = WHEN(blacklist, limits);\nTHEN(checks, pool, draw)", "blacklist^1 limits^2 raise pool draw"),
    ("a = THEN(b, limits); b = blacklist; THEN(a, b, pool, draw, a2); a2 = THEN(stock); \n", ""),
    ("a = THEN(b, limits); b = blacklist;\nTHEN(a, b, pool, draw)", "blacklist limits blacklist pool draw"),
    ("THEN(when(\"shopper.level >= 3\"), pool, draw)", "when pool draw"),
    ("THEN(IF(when('campaign.n > 3 && \"vip\" in shopper.tags'), limits), pool, draw)", "!when-2 limits pool draw"),
    ("THEN(IF(AND(when('now.hour < 8'), NOT(when(\"profile.orders == 0\"))), limits), pool, draw)", "!when-3 ?when-3 limits pool draw"),
    ("THEN(IF(when('size(shopper.tags) > 1'), limits), pool, draw)", "!when-2 limits pool draw"),
    ("THEN(pool.tag(\"p\"), draw.tag('d'))", "pool draw"),
    ("THEN(cooldown.data('{\"seconds\": 60}').tag(\"slow\"), pool, draw)", "cooldown pool draw"),
    ("THEN(window.data('{\"days\": [\"sat\"], \"hours\": [{\"from\": \"22:00\", \"to\": \"02:00\"}], \"dates\": [{\"from\": \"2026-03-01\", \"to\": \"2026-03-02\"}]}'), pool, draw)", "window pool draw"),
    ("THEN(qualified.data('{\"segments\": [\"vip\"], \"level\": {\"min\": 2}, \"registered_after\": \"2026-01-01T00:00:00Z\"}'), pool, draw)", "qualified pool draw"),
    ("THEN(risk.data('{\"refuse_from\": 80, \"flags\": {\"bot\": \"refuse\"}, \"device_per_hour\": 10, \"over\": \"hold\"}'), pool, draw)", "risk pool draw"),
    ("THEN(once.data('{}'), pool, draw)", ""),
];

/// Bad texts with all that is said about them.
#[rustfmt::skip]
const BAD: &[(&str, &[&str])] = &[
    ("", &["1:1 expected a rule, THEN or IF, found the end; a flow looks like THEN(pool, draw)"]),
    ("THEN(pool, draw", &["1:16 expected `)`, found the end; parts are separated by commas and closed by `)`"]),
    ("THEN(pool draw)", &["1:11 expected `)`, found `draw`; parts are separated by commas and closed by `)`"]),
    ("THEN pool, draw", &["1:6 expected `(`, found `pool`; write THEN(...)"]),
    ("THEN()", &["1:6 THEN holds nothing; name at least one rule in it"]),
    ("WHEN()", &["1:6 WHEN holds nothing; name at least one rule in it"]),
    ("THEN(pool,, draw)", &["1:11 expected a rule, THEN or IF, found `,`; a flow looks like THEN(pool, draw)"]),
    ("THEN(\n  pol,\n  draw)", &["2:3 unknown rule `pol`; did you mean `pool`?", "3:3 `draw` has no `pool` before it; write pool, draw"]),
    ("THEN(pool, draww)", &["1:12 unknown rule `draww`; did you mean `draw`?", "1:1 the flow has no `draw`; every flow rolls once, like THEN(pool, draw)"]),
    ("THEN(Blaklist, pool, draw)", &["1:6 unknown rule `Blaklist`; did you mean `blacklist`?"]),
    ("then(pool, draw)", &["1:5 the flow is over, but `(` follows; a flow is one expression after its sub-flows; put several in THEN(...)"]),
    ("THEN(pool, draw, sold_out)", &["1:18 unknown rule `sold_out`; it is a condition: ask it by IF(...)"]),
    ("THEN(pool, draw, 锦鲤)", &["1:18 unknown rule `锦鲤`; the rules are: blacklist, window, qualified, limits, cooldown, risk, when, refuse, points_only, split, pool, weight, guarantee, draw, unlock, once, release, stock, budget, substitute, fallback"]),
    ("THEN(pool, draw) stock", &["1:18 the flow is over, but `stock` follows; a flow is one expression after its sub-flows; put several in THEN(...)"]),
    ("THEN(pool, draw, stock, IF(stock, fallback))", &["1:28 expected a condition, found `stock`; the conditions are: sold_out, locked, blacklisted, only_points, first_draw, when(\"...\"), NOT, AND, OR"]),
    ("IF(sold_out)", &["1:12 expected `,`, found `)`; write IF(condition, then) or IF(condition, then, else)"]),
    ("IF(first_draw, pool, draw, stock)", &["1:26 expected `)`, found `,`; IF takes a condition and one or two parts; put more in THEN(...)"]),
    ("THEN(pool, draw) /* never", &["1:18 the comment never ends; close it with `*/`"]),
    ("THEN(pool; draw)", &["1:10 expected `)`, found `;`; parts are separated by commas and closed by `)`"]),
    ("THEN(pool, #draw)", &["1:12 unexpected character `#`"]),
    ("THEN(pool, draw.tag(\"x)", &["1:21 the text never ends; close it with `\"`"]),
    ("THEN(pool, draw.tag('\\x'))", &["1:21 a text knows no escape `\\x`; there are \\\\, \\\", \\', \\n and \\t"]),
    ("THEN(pool, draw.tag(3))", &["1:21 expected a text, found `3`; write .tag(\"...\")"]),
    ("THEN(pool, draw.tag(\"a\").tag(\"b\"))", &["1:26 `.tag` comes twice"]),
    ("THEN(pool, draw.id(\"a\"))", &["1:17 expected a suffix, found `id`; after a rule come .tag(\"...\") and .data('{...}')"]),
    ("THEN(pool, draw).data('{}')", &["1:18 `.data` belongs to a rule; write it behind a rule, like cooldown.data('{\"seconds\": 60}')"]),
    ("THEN(pool, draw).ELSE(stock)", &["1:18 expected a suffix, found `ELSE`; here only .tag(\"...\") fits"]),
    ("blacklist", &["1:1 the flow has no `draw`; every flow rolls once, like THEN(pool, draw)"]),
    ("draw", &["1:1 `draw` has no `pool` before it; write pool, draw"]),
    ("THEN(pool, draw, draw)", &["1:18 `draw` comes twice; a draw rolls once"]),
    ("THEN(pool, draw, limits)", &["1:18 `limits` comes after `draw`; after the roll a refusal would let a shopper roll until the result pleases"]),
    ("THEN(pool, draw, when(\"campaign.n > 2\"))", &["1:18 `when` comes after `draw`; after the roll a refusal would let a shopper roll until the result pleases"]),
    ("THEN(pool, draw, weight)", &["1:18 `weight` comes after `draw`; after the roll a refusal would let a shopper roll until the result pleases"]),
    ("THEN(pool, stock, draw)", &["1:12 `stock` comes before `draw`; it judges what the roll hit"]),
    ("THEN(guarantee, pool, draw)", &["1:6 `guarantee` has no `pool` before it; write pool, weight, guarantee, draw", "1:17 `pool` comes after the odds were chosen; write pool, weight, guarantee, draw"]),
    ("THEN(pool, guarantee, weight, draw)", &["1:23 `weight` comes after `guarantee`; write pool, weight, guarantee, draw"]),
    ("THEN(pool, draw, IF(sold_out, fallback))", &["1:21 `sold_out` is asked before anything can be; put `unlock` or `stock` before it"]),
    ("THEN(pool, draw, stock, IF(locked, fallback))", &["1:28 `locked` is asked before anything can be; put `unlock` before it"]),
    ("THEN(pool, draw, stock, IF(sold_out, draw))", &["1:38 `draw` comes twice; a draw rolls once"]),
    ("THEN(pool, IF(first_draw, draw))", &["1:1 the flow may end without `draw`; every way through the flow rolls once"]),
    ("THEN(pool, IF(first_draw, draw), stock)", &["1:34 `stock` comes before `draw`; it judges what the roll hit", "1:1 the flow may end without `draw`; every way through the flow rolls once"]),
    ("THEN(IF(first_draw, pool), draw)", &["1:28 `draw` has no `pool` before it; write pool, draw"]),
    ("THEN(fallback, draw, window)", &["1:6 `fallback` comes before `draw`; it judges what the roll hit", "1:16 `draw` has no `pool` before it; write pool, draw", "1:22 `window` comes after `draw`; after the roll a refusal would let a shopper roll until the result pleases"]),
    ("THEN(WHEN(pool, draw))", &["1:17 `draw` stands inside WHEN; the roll is made once, where nothing catches or repeats it"]),
    ("THEN(pool, CATCH(draw))", &["1:18 `draw` stands inside CATCH; the roll is made once, where nothing catches or repeats it", "1:1 the flow may end without `draw`; every way through the flow rolls once"]),
    ("THEN(pool, FOR(2).DO(draw))", &["1:22 `draw` stands inside FOR; the roll is made once, where nothing catches or repeats it", "1:22 `draw` comes twice; a draw rolls once"]),
    ("THEN(refuse, pool, draw)", &["1:14 `pool` is never reached; what stands before it always refuses"]),
    ("THEN(IF(first_draw, refuse, refuse), WHEN(pool), draw)", &["1:38 WHEN(...) is never reached; what stands before it always refuses"]),
    ("THEN(IF(when(\"true\"), limits, risk), pool, draw)", &["1:31 `risk` is never reached; the condition before it is always true"]),
    ("THEN(IF(when(\"1 > 2\"), limits), pool, draw)", &["1:24 `limits` is never reached; its condition is never true"]),
    ("THEN(when(\"false\"), pool, draw)", &["1:6 `when` is always false; ask for shopper, profile, campaign or now"]),
    ("a = limits; THEN(pool, draw)", &["1:1 the sub-flow `a` is never reached; name it in the flow, or leave it out"]),
    ("a = THEN(b); b = THEN(a); THEN(a, pool, draw)", &["1:23 sub-flows go round: a -> b -> a; a sub-flow may not come back to itself"]),
    ("a = THEN(limits, a); THEN(a, pool, draw)", &["1:18 sub-flows go round: a -> a; a sub-flow may not come back to itself"]),
    ("pool = limits; THEN(pool, draw)", &["1:1 `pool` is a rule already; give the sub-flow another name", "1:1 the sub-flow `pool` is never reached; name it in the flow, or leave it out"]),
    ("a = limits; a = risk; THEN(a, pool, draw)", &["1:13 `a` is defined twice; give the sub-flow another name", "1:13 the sub-flow `a` is never reached; name it in the flow, or leave it out"]),
    ("a = limits THEN(a, pool, draw)", &["1:12 expected `;`, found `THEN`; a sub-flow ends with `;`"]),
    ("THEN(limits) = risk; THEN(pool, draw)", &["1:1 only a name can stand before `=`; a sub-flow looks like check = THEN(blacklist, limits);"]),
    ("a = limits; THEN(a.data('{}'), pool, draw)", &["1:25 `a` is a sub-flow and takes no data; write it behind the rules in the sub-flow"]),
    ("THEN(cooldown.data('{\"seconds\": \"60\"}'), pool, draw)", &["1:20 the data of `cooldown` does not fit: invalid type: string \"60\", expected u32; it takes {\"seconds\": 60}"]),
    ("THEN(cooldown.data('{\"minutes\": 1}'), pool, draw)", &["1:20 the data of `cooldown` does not fit: unknown field `minutes`, expected `seconds`; it takes {\"seconds\": 60}"]),
    ("THEN(cooldown.data('{'), pool, draw)", &["1:20 the data of `cooldown` does not fit: EOF while parsing an object; it takes {\"seconds\": 60}"]),
    ("THEN(pool.data('{}'), draw)", &["1:16 the data of `pool` does not fit: it takes none"]),
    ("THEN(window.data('{\"days\": [\"noday\"]}'), pool, draw)", &["1:18 the data of `window` does not fit: \"noday\" is none of mon, tue, wed, thu, fri, sat, sun; it takes {\"dates\": [{\"from\": \"2026-03-01\", \"to\": \"2026-03-07\"}], \"days\": [\"mon\", \"sun\"], \"hours\": [{\"from\": \"10:00\", \"to\": \"22:00\"}]}"]),
    ("THEN(split.data('{\"shares\": [1]}'), pool, draw)", &["1:17 the data of `split` does not fit: shares are 2 to 8 numbers that do not add up to 0; it takes {\"shares\": [50, 50], \"salt\": 0}"]),
    ("THEN(pool, draw, WHILE(sold_out).DO(stock))", &["1:18 `WHILE` is a loop without a bound; write FOR(n).DO(...) with n up to 100"]),
    ("THEN(pool, draw, FOR(sold_out).DO(stock))", &["1:22 `sold_out` does not bound the loop; write FOR(n).DO(...) with n from 1 to 100"]),
    ("THEN(pool, draw, FOR(101).DO(stock))", &["1:22 a loop of `101` rounds; write FOR(n).DO(...) with n from 1 to 100"]),
    ("THEN(pool, draw, FOR(0).DO(stock))", &["1:22 a loop of `0` rounds; write FOR(n).DO(...) with n from 1 to 100"]),
    ("THEN(pool, draw, FOR(2))", &["1:24 expected `.DO`, found `)`; write FOR(n).DO(...) with n from 1 to 100"]),
    ("THEN(SWITCH(level).to(limits), pool, draw)", &["1:13 `level` selects nothing; the selectors are: split, segment, pool, tier"]),
    ("THEN(SWITCH(split), pool, draw)", &["1:19 expected `.to`, found `,`; write SWITCH(split).to(a, b).DEFAULT(c)"]),
    ("THEN(SWITCH(split).to(limits.tag(\"a\"), risk.tag(\"a\")), pool, draw)", &["1:40 `risk` is never reached; an earlier part has the same label"]),
    ("THEN(SWITCH(split).to(limits.tag(\"c\")), pool, draw)", &["1:23 `limits` is never reached; the split has only the groups a, b"]),
    ("THEN(SWITCH(segment).to(THEN(limits)), pool, draw)", &["1:25 a part of SWITCH has no label; tag it, like THEN(stock, fallback).tag(\"a\")"]),
    ("THEN(SWITCH(tier).to(limits), pool, draw)", &["1:13 `tier` is asked before `draw`; the roll hits it"]),
    ("THEN(NOT(first_draw), pool, draw)", &["1:6 `NOT` is a condition, and a rule is expected; ask it by IF(...)"]),
    ("THEN(when(3), pool, draw)", &["1:11 expected a text, found `3`; write when(\"shopper.level >= 3\")"]),
    ("THEN(when(\"shopper.level >\"), pool, draw)", &["1:6 the expression cannot be read: *"]),
    ("THEN(when(\"shopper.levels > 3\"), pool, draw)", &["1:6 the expression cannot be evaluated: no such key: levels; it must be true or false for every shopper"]),
    ("THEN(when(\"buyer.level > 3\"), pool, draw)", &["1:6 the expression asks for `buyer`, which nothing is called; the names are: shopper, profile, campaign, now"]),
    ("THEN(when(\"shopper.level + 3\"), pool, draw)", &["1:6 the expression gives int, not true or false; compare it with something"]),
    ("THEN(when(\"shopper.level / 0 > 3\"), pool, draw)", &["1:6 the expression cannot be evaluated: *"]),
    ("THEN(when(\"shopper.tags.all(t, t == 'a')\"), pool, draw)", &["1:6 the expression loops; ask for one member, like \"vip\" in shopper.tags"]),
    ("THEN(when(\"[1,2].map(x, [3,4].map(y, x * y)).size() > 3\"), pool, draw)", &["1:6 the expression loops; ask for one member, like \"vip\" in shopper.tags"]),
    ("THEN(when(\"matches(shopper.segment, '(a+)+b')\"), pool, draw)", &["1:6 the expression calls `matches`, which is not offered; what can be called is: size, contains, startsWith, endsWith, in"]),
    ("THEN(when(\"((((((((((((((((((((((((( shopper.level )))))))))))))))))))))))))> 3\"), pool, draw)", &["1:6 the expression is nested deeper than 24"]),
];

fn spoken(text: &str) -> Result<String, Vec<String>> {
    let told = |errors: Vec<domain::flow::FlowError>| {
        let one = |e: domain::flow::FlowError| {
            let joint = if e.hint.is_empty() { "" } else { "; " };
            format!("{}:{} {}{joint}{}", e.line, e.column, e.message, e.hint)
        };
        errors.into_iter().map(one).collect()
    };
    Plan::compile(text).map(|plan| plan.to_string()).map_err(told)
}

#[test]
fn good_flows_and_their_plans() {
    let mut wrong = Vec::new();
    for (text, plan) in GOOD {
        match spoken(text) {
            Ok(got) if got == *plan => {
                let flow = parse(text).unwrap();
                let again = parse(&flow.to_string()).unwrap_or_else(|e| panic!("{text} prints as {flow}: {e}"));
                assert_eq!(again.to_string(), flow.to_string(), "{text}");
                assert_eq!(Plan::of(&again).unwrap().to_string(), *plan, "{text} prints as {flow}");
                assert!(Graph::of(&flow).unwrap().mermaid().starts_with("flowchart TD\n"));
            }
            Err(_) if plan.is_empty() => {}
            got => wrong.push(format!("{text}\n   want {plan}\n   got  {got:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn bad_flows_say_where_and_why() {
    let mut wrong = Vec::new();
    for (text, want) in BAD {
        let got = spoken(text).map_or_else(|errors| errors, |plan| vec![format!("compiles to {plan}")]);
        let fits = |(got, want): (&String, &&str)| match want.strip_suffix('*') {
            Some(start) => got.starts_with(start),
            None => got == want,
        };
        if got.len() != want.len() || !got.iter().zip(*want).all(fits) {
            wrong.push(format!("{text}\n   want {want:?}\n   got  {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(GOOD.len() + BAD.len() >= 100, "{} texts", GOOD.len() + BAD.len());
    println!("{{\"test\":\"flow_language\",\"good\":{},\"bad\":{}}}", GOOD.len(), BAD.len());
}

#[test]
fn what_is_too_large_is_refused_cleanly() {
    for (name, text, want) in [
        ("1 MB", " ".repeat(1 << 20), "1:1 the text has 1048576 bytes, more than 65536"),
        ("1 MB of calls", "THEN(pool,".repeat(100_000), "1:1 the text has 1000000 bytes, more than 65536"),
        ("10,000 nested calls", "THEN(".repeat(10_000), "1:321 nested deeper than 64"),
        ("10,000 nested conditions", format!("IF({}", "NOT(".repeat(10_000)), "1:260 nested deeper than 64"),
        (
            "many parts",
            format!("THEN(pool, draw{})", ", stock".repeat(2_000)),
            "1:1 the flow has more than 1024 parts; sub-flows and rounds of loops are counted each time",
        ),
        (
            "loops in loops",
            "THEN(pool, draw, FOR(100).DO(FOR(100).DO(FOR(100).DO(stock))))".to_owned(),
            "1:1 the flow has more than 1024 parts; sub-flows and rounds of loops are counted each time",
        ),
    ] {
        assert_eq!(spoken(&text).unwrap_err(), [want], "{name}");
    }
    // Sub-flows that name each other many times over, of parts that come to nothing.
    let mut text = String::new();
    for i in 0..7 {
        text.push_str(&format!("s{i} = THEN({});\n", vec![format!("s{}", i + 1); 500].join(", ")));
    }
    text.push_str(&format!("s7 = THEN({});\nTHEN(s0, pool, draw)", vec!["nothing"; 500].join(", ")));
    let errors = spoken(&text).unwrap_err();
    assert!(errors.len() <= bounds::ERRORS, "{} errors", errors.len());
    let expression = format!("THEN(when(\"{}\"), pool, draw)", "1 + ".repeat(500) + "1 > 2");
    assert_eq!(spoken(&expression).unwrap_err(), ["1:6 the expression has 2005 bytes, more than 512"]);
}

#[test]
fn every_rule_has_a_card() {
    for (card, kind) in rules::all().iter().zip(RuleKind::kinds()) {
        assert_eq!((kind.about().name, RuleKind::named(card.name)), (card.name, Some(*kind)));
        assert!(!card.does.is_empty());
    }
    assert!(Plan::compile(DEFAULT_FLOW).unwrap().rule_count() >= 12);
}

fn call() -> impl Strategy<Value = Call> {
    let names = prop_oneof![
        4 => (0..RuleKind::kinds().len()).prop_map(|i| RuleKind::kinds()[i].about().name.to_owned()),
        1 => "[a-z_][a-z0-9_锦]{0,6}",
    ];
    let names = names.prop_filter("`when` is written otherwise", |name| name != "when");
    (names, prop::option::of("[ -~\\n锦]{0,12}")).prop_map(|(name, data)| Call {
        name,
        data: data.map(|data| (data, At::default())),
        at: At::default(),
    })
}

fn cond() -> impl Strategy<Value = Cond> {
    let at = At::default();
    let asks: Vec<&str> = Ask::words().collect();
    let leaf = prop_oneof![
        (0..asks.len()).prop_map(move |i| Cond::Ask(asks[i].to_owned(), at)),
        "[ -~\\t锦]{0,12}".prop_map(move |text| Cond::Expression(text, at)),
    ];
    leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Cond::Not(Box::new(inner))),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Cond::And),
            prop::collection::vec(inner, 1..4).prop_map(Cond::Or),
        ]
    })
}

fn node() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        5 => call().prop_map(NodeKind::Call),
        1 => "[ -~锦]{0,12}".prop_map(NodeKind::Expression),
    ];
    let tagged = |kinds: BoxedStrategy<NodeKind>| {
        (kinds, prop::option::of("[ -~锦]{0,6}")).prop_map(|(kind, tag)| Node { kind, tag, at: At::default() })
    };
    tagged(leaf.boxed()).prop_recursive(5, 48, 4, move |inner| {
        let boxed = inner.clone().prop_map(Box::new);
        let kinds = prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(NodeKind::Then),
            prop::collection::vec(inner.clone(), 1..4).prop_map(NodeKind::When),
            (prop::collection::vec((cond(), inner.clone()), 1..3), prop::option::of(boxed.clone()))
                .prop_map(|(branches, otherwise)| NodeKind::If { branches, otherwise }),
            (call(), prop::collection::vec(inner, 1..3), prop::option::of(boxed.clone()))
                .prop_map(|(selector, cases, otherwise)| NodeKind::Switch { selector, cases, otherwise }),
            (boxed.clone(), prop::option::of(boxed.clone()))
                .prop_map(|(body, rescue)| NodeKind::Catch { body, rescue }),
            (1..=bounds::TIMES, boxed, prop::option::of(cond())).prop_map(|(times, body, until)| NodeKind::For {
                times,
                body,
                until
            }),
        ];
        tagged(kinds.boxed())
    })
}

fn flow() -> impl Strategy<Value = Flow> {
    let sub = ("[a-z]{1,5}", node()).prop_map(|(name, node)| Sub { name, node, at: At::default() });
    (prop::collection::vec(sub, 0..3), node()).prop_map(|(subs, main)| Flow { subs, main })
}

/// The flow without the places of its parts, which printing may move. `Debug` shows all that a flow is.
fn placeless(flow: &Flow) -> String {
    let text = format!("{flow:?}");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find("At { line: ") {
        let end = at + rest[at..].find('}').unwrap();
        out.push_str(&rest[..at]);
        rest = &rest[end + 1..];
    }
    out + rest
}

proptest! {
    #[test]
    fn flows_survive_printing(flow in flow()) {
        let text = flow.to_string();
        let again = parse(&text).map_err(|e| TestCaseError::fail(format!("{text}: {e}")))?;
        prop_assert_eq!(placeless(&again), placeless(&flow), "{}", text);
    }

    #[test]
    fn whatever_parses_compiles_or_says_why(flow in flow()) {
        if let Err(errors) = Plan::of(&flow) {
            prop_assert!(!errors.is_empty());
        }
    }

    /// The same as the fuzz target of `fuzz/`, for every run of the tests.
    #[test]
    fn no_text_panics(text in "(THEN|WHEN|IF|SWITCH|CATCH|FOR|NOT|AND|OR|\\.to|\\.DO|\\.ELSE|\\.tag|\\.data|when|\\(|\\)|\\(\"|\"\\)|'|,|;|=|pool|draw|stock|sold_out|fallback|split|2|\\{\\}| |\n|//|/\\*|锦|[a-z<>=0-9\\\\]){0,40}") {
        let _ = Plan::compile(&text);
    }

    #[test]
    fn no_expression_panics(text in "(shopper|profile|campaign|now|\\.|level|tags|n|in|&&|\\|\\||!|==|<|>=|\\+|-|\\*|/|%|\\?|:|\\(|\\)|\\[|\\]|\\{|\\}|,|\"a\"|'|[0-9]{1,20}|1e9|0x|true|null|r\"|b'|\\\\u|锦| ){0,24}") {
        let _ = domain::flow::expression::Test::compile(&text);
    }
}
