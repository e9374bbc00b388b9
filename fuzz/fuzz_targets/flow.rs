//! No text makes the flow compiler panic, and what compiles prints as text that compiles to the same plan.
//!
//! `cargo +nightly fuzz run flow`
#![no_main]

use domain::flow::{Graph, Plan, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(flow) = parse(text) else { return };
    let Ok(plan) = Plan::of(&flow) else { return };
    let again = parse(&flow.to_string()).expect("what was printed parses");
    let plan_again = Plan::of(&again).expect("what was printed compiles");
    assert_eq!(plan.to_string(), plan_again.to_string());
    Graph::of(&flow).expect("what compiles can be drawn");
});
