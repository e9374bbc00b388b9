//! The ledger protocol as a model: every execution within small bounds is walked, and none breaks a promise.
//!
//! The protocol's difficulty is not in any step but in what may lie between two of them: the process dies here, sleeps
//! here, runs twice, the reply is lost, another node took over. A test against a real engine meets few of these and a
//! random walk misses the rare ones, so the rules are modelled, without any IO, and *all* orders of steps are searched.
//!
//! | module | rules | what it walks |
//! |---|---|---|
//! | [`ownership`] | R2 to R5 | one partition, two nodes: takeovers, crashes, appends late, lost or in doubt, reads |
//! | [`projection`] | R1, R8 | batches into records, the fence, cold loads, eviction, look-ups in tail and records |
//! | [`escrow`] | R6 | two partitions share stock: unclear takes, returns, successors, deposed owners |
//! | [`embedded`] | R3, R5, R8 | one process and two files: kills, power cuts, fsync errors, full disks |
//!
//! A model is a [`search::Protocol`]: a small `State`, the steps that may come next, and the promises that a state
//! breaks. Time is absent: a pause is a node that does not move, a lost message one that never arrives, a timeout a
//! step that may happen at any moment. What is searched is therefore safety; of progress only that nothing is held or
//! lost *for ever* (`Settled`, `NoUnitLost`).
//!
//! Each rule is a switch ([`rules::Rule`], with the execution it answers). The test `protocol_model` shows three
//! things: with all rules nothing breaks; each rule taken out alone breaks the promise it stands for, and the shortest
//! execution that does so is printed (`cargo test -p testkit --test protocol_model -- --nocapture`); or the rule is one
//! of [`SECOND_FENCES`]. `KOI_MODEL_DEPTH` 1 and 2 walk larger bounds (about one and two
//! minutes, 0.6 and 1 GiB).
//!
//! **What the bounds leave out.** A violation that needs more than two nodes at once, more than six appends or three
//! owners in a row, or three partitions. Rolls, prizes and money: `decide` is pure and tested for itself. R7 and R9,
//! which are one commit in one row followed by appends that these models cover, and R10, which adds commands but no new
//! kind of step.

pub mod embedded;
pub mod escrow;
pub mod ownership;
pub mod projection;
pub mod rules;
pub mod search;

use rules::{Promise, Rule};

/// A rule that may be missing as long as the others stand.
#[derive(Clone, Copy, Debug)]
pub struct SecondFence {
    pub rule: Rule,
    /// The rule it stands behind, and the promise that holds without either one but not without both.
    pub behind: Option<(Rule, Promise)>,
    pub why: &'static str,
}

/// The rules whose removal alone breaks nothing.
pub const SECOND_FENCES: [SecondFence; 3] = [
    SecondFence {
        rule: Rule::Ordinal,
        behind: Some((Rule::OneInFlight, Promise::Ordinals)),
        why: "an owner that keeps R2 to R5 never writes the same n twice; should a defect let two records of one \
              shopper out, the fold still takes only one of them, so the worst is a command without an answer",
    },
    SecondFence {
        rule: Rule::ReadStillOwner,
        behind: None,
        why: "a fold up to an end offset fetched after the request knows all that was answered before it, whoever owns \
              the partition by now; stopping at a higher marker frees the memory and the waiting commands sooner",
    },
    SecondFence {
        rule: Rule::LoadOffset,
        behind: Some((Rule::Fence, Promise::AccountIsFold)),
        why: "with the fence raised nobody else writes the account's row, and the owner itself does not load an \
              account that has unprojected records; so the row is never ahead of the fold unless the fence failed",
    },
];
