//! A breadth-first search of every state a protocol can reach within its bounds.
//!
//! States are kept only while they are on the frontier; of the others a 64-bit fingerprint and the fingerprint of the
//! state before them remain, 16 bytes each, enough to walk a trace again from the start. With ten million states the
//! chance that two share a fingerprint, so that one is overlooked, is below 1 in 300,000.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use super::rules::{Promise, Promises};

/// States a search may visit before it gives up: with table growth about 1 GiB.
pub const MAX_STATES: usize = 20_000_000;

/// One step that may be taken next.
#[derive(Clone, Copy)]
pub struct Next<S, T> {
    pub step: T,
    pub state: S,
    /// Promises that the step itself breaks, an answer that is not in the ledger for example.
    pub broken: Promises,
}

/// A protocol within bounds: where it starts, what may happen next, what must never be so.
///
/// There is no clock: a node is paused, a message late or lost, a process slow, by not being the one that moves.
pub trait Protocol {
    type State: Copy + Eq + Hash;
    type Step: Copy + fmt::Debug;

    fn start(&self) -> Self::State;
    /// Appends every step that may be taken from `state`.
    fn steps(&self, state: &Self::State, out: &mut Vec<Next<Self::State, Self::Step>>);
    /// The promises that `state` breaks.
    fn check(&self, state: &Self::State) -> Promises;
}

/// What a search found.
#[derive(Debug)]
pub struct Outcome {
    pub states: usize,
    pub steps: usize,
    /// Length of the longest shortest way to a state, in steps.
    pub depth: usize,
    /// The shortest execution that breaks a promise, with that promise.
    pub broken: Option<(Promise, Vec<String>)>,
    /// Whether every state within the bounds was visited (always false beside a broken promise).
    pub complete: bool,
}

/// Visits every state, or stops at the first that breaks `want` (any promise if `None`; the others are then not looked
/// at, and the search goes on behind them).
pub fn explore<P: Protocol>(protocol: &P, want: Option<Promise>) -> Outcome {
    let mut visited: HashMap<u64, u64, BuildHasherDefault<Identity>> = HashMap::default();
    let start = protocol.start();
    visited.insert(fingerprint(&start), 0);
    let (mut frontier, mut ahead, mut nexts) = (vec![start], Vec::new(), Vec::new());
    let (mut steps, mut depth) = (0, 0);
    while !frontier.is_empty() && visited.len() < MAX_STATES {
        for state in &frontier {
            let here = fingerprint(state);
            nexts.clear();
            protocol.steps(state, &mut nexts);
            steps += nexts.len();
            for next in &nexts {
                let there = fingerprint(&next.state);
                let mut broken = next.broken;
                if let Entry::Vacant(slot) = visited.entry(there) {
                    slot.insert(here);
                    broken |= protocol.check(&next.state);
                    ahead.push(next.state);
                }
                if let Some(promise) = broken.first(want) {
                    let mut trace = walk(protocol, &visited, here);
                    trace.push(format!("{:?}", next.step));
                    let states = visited.len();
                    return Outcome { states, steps, depth, broken: Some((promise, trace)), complete: false };
                }
            }
        }
        depth += 1;
        frontier = std::mem::take(&mut ahead);
    }
    Outcome { states: visited.len(), steps, depth, broken: None, complete: frontier.is_empty() }
}

/// The steps from the start to the state with this fingerprint.
fn walk<P: Protocol>(
    protocol: &P,
    visited: &HashMap<u64, u64, BuildHasherDefault<Identity>>,
    last: u64,
) -> Vec<String> {
    let mut way = vec![last];
    while let Some(&before) = way.last().and_then(|at| visited.get(at)).filter(|before| **before != 0) {
        way.push(before);
    }
    let (mut state, mut trace, mut nexts) = (protocol.start(), Vec::new(), Vec::new());
    for wanted in way.iter().rev().skip(1) {
        nexts.clear();
        protocol.steps(&state, &mut nexts);
        if let Some(next) = nexts.iter().find(|next| fingerprint(&next.state) == *wanted) {
            trace.push(format!("{:?}", next.step));
            state = next.state;
        }
    }
    trace
}

fn fingerprint<S: Hash>(state: &S) -> u64 {
    let mut mixer = Mixer(0x9E37_79B9_7F4A_7C15);
    state.hash(&mut mixer);
    // 0 marks the start's predecessor.
    mixer.finish().max(1)
}

/// A folded multiply per word (as in wyhash, Wang Yi 2019): states are short, and SipHash would be half of the run.
struct Mixer(u64);

impl Hasher for Mixer {
    #[inline(always)]
    fn write_u64(&mut self, word: u64) {
        let wide = u128::from(self.0 ^ word) * u128::from(0xA076_1D64_78BD_642F_u64);
        self.0 = (wide as u64) ^ ((wide >> 64) as u64) ^ self.0.rotate_left(23).wrapping_add(word);
    }
    #[inline(always)]
    fn write_u8(&mut self, word: u8) {
        self.write_u64(u64::from(word));
    }
    #[inline(always)]
    fn write_u16(&mut self, word: u16) {
        self.write_u64(u64::from(word));
    }
    #[inline(always)]
    fn write_u32(&mut self, word: u32) {
        self.write_u64(u64::from(word));
    }
    #[inline(always)]
    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }
    fn finish(&self) -> u64 {
        let wide = u128::from(self.0 ^ 0xE703_7ED1_A0B4_28DB) * u128::from(0x8EBC_6AF0_9C88_C6E3_u64);
        (wide as u64) ^ ((wide >> 64) as u64)
    }
}

/// The keys of the visited table are fingerprints already.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    #[inline(always)]
    fn write_u64(&mut self, word: u64) {
        self.0 = word;
    }
    fn write(&mut self, _: &[u8]) {}
    fn finish(&self) -> u64 {
        self.0
    }
}
