//! Walks the models of the ledger protocol: all rules together keep every promise, and each rule is needed.
//!
//! `KOI_MODEL_DEPTH` (0, 1 or 2) enlarges the bounds; see `testkit::model`.

use std::time::Instant;

use testkit::model::embedded::Embedded;
use testkit::model::escrow::Escrow;
use testkit::model::ownership::Ownership;
use testkit::model::projection::Projection;
use testkit::model::rules::{Promise, Rule, Rules};
use testkit::model::search::{Outcome, Protocol, explore};
use testkit::model::{SECOND_FENCES, SecondFence};

/// Rules whose removal breaks a promise, by the bounds that show it quickest.
const OF_TAKEOVERS: &[(Rule, Promise)] = &[
    (Rule::Epoch, Promise::NoOversell),
    (Rule::Life, Promise::Durable),
    (Rule::Awaited, Promise::Durable),
    (Rule::ClaimFold, Promise::Durable),
    (Rule::Stop, Promise::Settled),
    (Rule::ReadBack, Promise::Durable),
    (Rule::OneInFlight, Promise::Settled),
    (Rule::InDoubt, Promise::NoOversell),
    (Rule::InDoubt, Promise::Durable),
    (Rule::Silence, Promise::Durable),
    (Rule::VoidAll, Promise::Settled),
];
const OF_READS: &[(Rule, Promise)] = &[(Rule::ReadEndOffset, Promise::Fresh)];
const OF_TURNS: &[(Rule, Promise)] = &[
    (Rule::OffsetInTransaction, Promise::CountedOnce),
    (Rule::CompareOffset, Promise::CountedOnce),
    (Rule::Fence, Promise::Once),
    (Rule::FenceFirst, Promise::Once),
    (Rule::RowMarker, Promise::Once),
    (Rule::EvictOnlyProjected, Promise::Once),
    (Rule::EvictOnlyProjected, Promise::AccountIsFold),
    (Rule::KeyLookup, Promise::Once),
    (Rule::TailFirst, Promise::Fresh),
];
const OF_THREE_OWNERS: &[(Rule, Promise)] = &[(Rule::FenceCas, Promise::Once)];
const OF_ONE_UNIT: &[(Rule, Promise)] = &[
    (Rule::StockBound, Promise::NoOversell),
    (Rule::OneTransaction, Promise::NoUnitLost),
    (Rule::ReadTaken, Promise::NoOversell),
    (Rule::InFlight, Promise::NoOversell),
    (Rule::ReturnAbsolute, Promise::NoUnitLost),
    (Rule::ReturnAfterReadBack, Promise::NoOversell),
    (Rule::ReturnLeavesFree, Promise::NoOversell),
    (Rule::SuccessorRepeats, Promise::NoUnitLost),
    (Rule::NothingReclaimed, Promise::NoOversell),
    (Rule::SoldOutByRow, Promise::SoldOutIsTrue),
    (Rule::SoldOutReadsTaken, Promise::NoUnitLost),
];
const OF_TWO_UNITS: &[(Rule, Promise)] = &[(Rule::Cas, Promise::NoUnitLost)];
const EMBEDDED: &[(Rule, Promise)] = &[
    (Rule::AnswerAfterCommit, Promise::Durable),
    (Rule::DiscardRolledBack, Promise::Durable),
    (Rule::ExitOnFsyncError, Promise::Durable),
    (Rule::CheckpointAtStart, Promise::Durable),
    (Rule::CheckpointAtStart, Promise::CountedOnce),
    (Rule::DeleteAfterSync, Promise::Durable),
];

/// How much larger the bounds are, 0 to 2, from `KOI_MODEL_DEPTH`.
fn depth() -> u8 {
    std::env::var("KOI_MODEL_DEPTH").ok().and_then(|depth| depth.parse().ok()).unwrap_or(0)
}

fn walk<P: Protocol>(what: &str, protocol: &P, want: Option<Promise>) -> Outcome {
    let begun = Instant::now();
    let outcome = explore(protocol, want);
    let Outcome { states, steps, depth, .. } = outcome;
    println!("{what}: {states} states, {steps} steps, depth {depth}, {} ms", begun.elapsed().as_millis());
    if let Some((promise, trace)) = &outcome.broken {
        println!("  breaks {promise} after {} steps:\n    {}", trace.len(), trace.join("\n    "));
    }
    outcome
}

/// Every execution within the bounds keeps every promise (or the wanted one).
fn holds<P: Protocol>(what: &str, protocol: &P, want: Option<Promise>) {
    let outcome = walk(what, protocol, want);
    assert!(outcome.broken.is_none(), "{what}: {:#?}", outcome.broken);
    assert!(outcome.complete, "{what}: {} states are too many to be walked; lower the bounds", outcome.states);
}

/// Some execution breaks the promise.
fn breaks<P: Protocol>(what: &str, protocol: &P, promise: Promise) {
    let outcome = walk(what, protocol, Some(promise));
    assert!(outcome.broken.is_some(), "{what}: {promise} still holds");
}

/// All rules together hold, and each one taken out alone breaks the promise beside it.
fn check<P: Protocol>(bounds: &str, model: impl Fn(Rules, u8) -> P, needed: &[(Rule, Promise)]) {
    holds(&format!("{bounds}, all rules"), &model(Rules::all(), depth()), None);
    for (rule, promise) in needed {
        let without = model(Rules::all().without(*rule), 0);
        breaks(&format!("{bounds}, without {rule:?}"), &without, *promise);
    }
}

fn check_second_fence<P: Protocol>(fence: SecondFence, model: impl Fn(Rules) -> P) {
    let SecondFence { rule, behind, .. } = fence;
    let without = Rules::all().without(rule);
    holds(&format!("without {rule:?}"), &model(without), None);
    if let Some((first, promise)) = behind {
        let named = format!("without {first:?}, {promise} alone");
        holds(&named, &model(Rules::all().without(first)), Some(promise));
        breaks(&format!("without {first:?} and {rule:?}"), &model(without.without(first)), promise);
    }
}

#[test]
fn ownership() {
    check("takeovers", Ownership::of_takeovers, OF_TAKEOVERS);
    check("crashes", Ownership::of_crashes, &[]);
    check("reads", Ownership::of_reads, OF_READS);
}

#[test]
fn projection() {
    check("turns", Projection::of_turns, OF_TURNS);
    check("three owners", Projection::of_three_owners, OF_THREE_OWNERS);
}

#[test]
fn escrow() {
    check("one unit", Escrow::of_one_unit, OF_ONE_UNIT);
    check("two units", Escrow::of_two_units, OF_TWO_UNITS);
}

#[test]
fn embedded() {
    check("embedded", Embedded::of_two_shoppers, EMBEDDED);
}

#[test]
fn second_fences() {
    for fence in SECOND_FENCES {
        match fence.rule {
            Rule::LoadOffset => check_second_fence(fence, |rules| Projection::of_turns(rules, 0)),
            _ => check_second_fence(fence, |rules| Ownership::of_reads(rules, 0)),
        }
    }
}

/// A rule that neither breaks a promise nor is named as a second fence is one that nobody has thought about.
#[test]
fn every_rule_is_accounted_for() {
    let tables = [OF_TAKEOVERS, OF_READS, OF_TURNS, OF_THREE_OWNERS, OF_ONE_UNIT, OF_TWO_UNITS, EMBEDDED];
    for rule in Rule::ALL {
        let needed = tables.iter().flat_map(|table| table.iter()).any(|(named, _)| *named == rule);
        let second = SECOND_FENCES.iter().any(|fence| fence.rule == rule);
        assert!(needed != second, "{rule:?}: needed {needed}, second fence {second}");
    }
}
