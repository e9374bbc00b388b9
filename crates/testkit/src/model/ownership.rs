//! R2 to R5: one partition, two nodes, one ledger.
//!
//! **State.** The ledger; the appends on the way to it; two nodes, each with the prefix it has folded, its reign (the
//! epoch of its own marker, once read), the marker it waits for and the records it holds in flight; the keys answered.
//!
//! **Steps.** An append arrives at any time, in any order, or never (then it just stays on the way). A node reads the
//! next entry, claims the partition (the group may suggest anybody at any time), draws, takes an append for in doubt,
//! sends its marker again, is asked by a reader, crashes and comes back under a new name. A node is paused by not
//! moving.
//!
//! **Left out because it changes nothing.** The first claim is node 0's and key `b` is not used before key `a` (nodes
//! and keys are alike). Replays are no step: a key that an owner has folded as valid would be replayed, so it is
//! checked when it is folded. A read is asked only of a node that does not know everything yet: what it knows it keeps.

mod entry;

use std::hash::{Hash, Hasher};

use entry::{Entries, Entry};

use super::rules::{Promise, Promises, Rule, Rules};
use super::search::{Next, Protocol};

const NODES: usize = 2;
const KEYS: usize = 3;
/// Keys a and b are the first shopper's, c the second's.
const SHOPPER: [usize; KEYS] = [0, 0, 1];

/// The size of the space, and the rules in force.
#[derive(Clone, Copy)]
pub struct Ownership {
    pub rules: Rules,
    /// Appends in all: markers and draws, arrived or not (at most 9).
    pub appends: u8,
    /// Of these, draws.
    pub draws: u8,
    pub epochs: u8,
    /// Crashes of both nodes together.
    pub crashes: u8,
    /// Keys in use, 1 to 3.
    pub keys: usize,
    /// Chances of each shopper.
    pub chances: u8,
    /// Units of the one prize.
    pub stock: u8,
    /// Whether somebody reads while this goes on.
    pub reads: bool,
}

/// What a prefix of the ledger says.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Fold {
    epoch: u8,
    name: u8,
    used: [u8; 2],
    /// A bit for each key.
    keys: u8,
    won: u8,
}

/// A record on the way to its read-back; `n` = 0: none.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Held {
    epoch: u8,
    n: u8,
    win: bool,
}

/// A read on its way: the keys answered before it was asked, and the end offset fetched for it (0: not yet).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Reading {
    must: u8,
    end: u8,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Node {
    life: u8,
    pos: u8,
    fold: Fold,
    /// The epoch of the own marker that it has read; 0: not the owner.
    reign: u8,
    /// The epoch of the own marker that it has sent and not read; 0: none.
    marking: u8,
    held: [Held; KEYS],
    reading: Option<Reading>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct State {
    log: Entries,
    /// On the way; sorted, so that the order of sending does not make two states of one.
    net: Entries,
    nodes: [Node; NODES],
    /// The keys answered, a bit each; kept only where somebody reads.
    answered: u8,
}

/// What happens next.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Arrives(Entry),
    Reads { node: usize, entry: Entry },
    Crashes { node: usize },
    Claims { node: usize, epoch: u8 },
    SendsMarkerAgain { node: usize },
    TakesForInDoubt { node: usize, epoch: u8 },
    GivesUp { node: usize, key: usize },
    Draws { node: usize, entry: Entry },
    AnswersOnAck { node: usize, key: usize },
    IsAsked { node: usize },
    FetchesEnd { node: usize },
    AnswersReader { node: usize },
}

type Nexts = Vec<Next<State, Step>>;

impl Protocol for Ownership {
    type State = State;
    type Step = Step;

    fn start(&self) -> State {
        State::default()
    }

    fn steps(&self, state: &State, out: &mut Nexts) {
        for i in 0..state.net.len() {
            if i > 0 && state.net.at[i] == state.net.at[i - 1] {
                continue;
            }
            let mut next = *state;
            let entry = next.net.remove(i);
            next.log.push(entry);
            out.push(Next { step: Step::Arrives(entry), state: next, broken: Promises::NONE });
        }
        for node in 0..NODES {
            self.read(state, node, out);
            self.crash(state, node, out);
            self.mark(state, node, out);
            self.draw(state, node, out);
            self.settle(state, node, out);
            if self.reads {
                self.serve_reader(state, node, out);
            }
        }
    }

    fn check(&self, state: &State) -> Promises {
        let (mut fold, mut broken) = (Fold::default(), Promises::NONE);
        for entry in state.log.iter() {
            let before = fold;
            if !self.fold(&mut fold, *entry) || entry.is_marker() {
                continue;
            }
            let (key, who) = (entry.key(), SHOPPER[entry.key()]);
            broken |= Promises::if_broken(Promise::Ordinals, entry.n != before.used[who] + 1);
            broken |= Promises::if_broken(Promise::Once, before.knows(key));
            broken |= Promises::if_broken(Promise::NoOverdraw, fold.used[who] > self.chances);
            broken |= Promises::if_broken(Promise::NoOversell, fold.won > self.stock);
        }
        broken
    }
}

impl Ownership {
    /// Two nodes, two shoppers, one unit: late appends, takeovers, appends in doubt.
    pub fn of_takeovers(rules: Rules, depth: u8) -> Ownership {
        let crashes = depth.min(2);
        Ownership { rules, appends: 6, draws: 3, epochs: 3, crashes, keys: 3, chances: 1, stock: 1, reads: false }
    }

    /// The same, shorter, with crashes.
    pub fn of_crashes(rules: Rules, depth: u8) -> Ownership {
        Ownership { appends: 5, crashes: 2 + depth.min(2), ..Ownership::of_takeovers(rules, 0) }
    }

    /// One shopper with two chances, and somebody who reads.
    pub fn of_reads(rules: Rules, depth: u8) -> Ownership {
        let base = Ownership::of_takeovers(rules, 0);
        Ownership { crashes: 1 + depth.min(2), keys: 2, chances: 2, stock: 0, reads: true, ..base }
    }

    /// Folds one entry; false if it is void. Void is for ever: it depends on what lies before, and that never changes.
    fn fold(&self, fold: &mut Fold, entry: Entry) -> bool {
        if entry.is_marker() {
            let valid = entry.epoch > fold.epoch;
            if valid {
                (fold.epoch, fold.name) = (entry.epoch, entry.name);
            }
            return valid;
        }
        let who = SHOPPER[entry.key()];
        let reigns = !self.rules.on(Rule::Epoch) || (entry.epoch, entry.name) == (fold.epoch, fold.name);
        let continues = !self.rules.on(Rule::Ordinal) || entry.n == fold.used[who] + 1;
        if reigns && continues {
            fold.used[who] += 1;
            fold.keys |= 1 << entry.key();
            fold.won += u8::from(entry.win);
        }
        reigns && continues
    }

    /// The content under which the ledger holds a key: its n and whether it won.
    fn truth(&self, log: &Entries, key: usize) -> Option<(u8, bool)> {
        let mut fold = Fold::default();
        let found = log.iter().find(|entry| self.fold(&mut fold, **entry) && !entry.is_marker() && entry.key() == key);
        found.map(|entry| (entry.n, entry.win))
    }

    fn name(&self, state: &State, node: usize) -> u8 {
        if self.rules.on(Rule::Life) { state.nodes[node].life * 2 + node as u8 } else { 0 }
    }

    fn may_send(&self, state: &State) -> bool {
        state.log.len + state.net.len < self.appends
    }

    /// Answers a key with what the node holds for it; broken unless the ledger says the same.
    fn answer(&self, state: &mut State, key: usize, held: Held) -> Promises {
        if self.reads {
            state.answered |= 1 << key;
        }
        Promises::if_broken(Promise::Durable, self.truth(&state.log, key) != Some((held.n, held.win)))
    }

    /// Whether a marker is the one that makes this node owner: its own, and the one it waits for.
    fn is_awaited(&self, state: &State, i: usize, entry: &Entry) -> bool {
        let awaited = state.nodes[i].marking == entry.epoch || !self.rules.on(Rule::Awaited);
        entry.is_marker() && entry.name == self.name(state, i) && awaited
    }

    fn read(&self, state: &State, i: usize, out: &mut Nexts) {
        let (mut next, log) = (*state, &state.log);
        let node = &mut next.nodes[i];
        if node.is_passive() {
            return;
        }
        if node.reign == 0 && node.reading.is_none() {
            // It folds up to its own marker at once: before that it does nothing that anybody could see.
            let ahead = log.iter().skip(usize::from(node.pos));
            let Some(skip) = ahead.clone().position(|entry| self.is_awaited(state, i, entry)) else { return };
            for entry in ahead.take(skip) {
                self.fold(&mut node.fold, *entry);
            }
            node.pos += skip as u8;
        }
        let Some(&entry) = log.iter().nth(usize::from(node.pos)) else { return };
        node.pos += 1;
        let valid = self.fold(&mut node.fold, entry);
        let broken = if entry.is_marker() {
            self.read_marker(log, node, entry, valid, self.is_awaited(state, i, &entry));
            Promises::NONE
        } else {
            self.read_draw(&mut next, i, entry, valid)
        };
        if next.nodes[i].is_passive() {
            next.nodes[i] = Node { life: next.nodes[i].life, ..Node::default() };
        }
        out.push(Next { step: Step::Reads { node: i, entry }, state: next, broken });
    }

    fn read_draw(&self, next: &mut State, i: usize, entry: Entry, valid: bool) -> Promises {
        let (key, name) = (entry.key(), self.name(next, i));
        let node = &mut next.nodes[i];
        let (held, waits, reigns) = (node.held[key], node.marking > 0, node.reign > 0);
        let own = held.n > 0 && (entry.name, entry.epoch) == (name, held.epoch);
        if valid && own {
            node.held[key] = Held::default();
            return self.answer(next, key, held);
        }
        if valid && reigns {
            // Whoever sends the key again now is answered with this record.
            let said = Some((entry.n, entry.win));
            return Promises::if_broken(Promise::Durable, self.truth(&next.log, key) != said);
        }
        let void_for_ever = own && (held.n, held.win) == (entry.n, entry.win) && !waits;
        Promises::if_broken(Promise::Settled, void_for_ever)
    }

    fn read_marker(&self, log: &Entries, node: &mut Node, entry: Entry, valid: bool, own: bool) {
        if own || (valid && node.marking <= entry.epoch) {
            node.marking = 0;
        }
        if !valid || (!own && !self.rules.on(Rule::Stop)) {
            return;
        }
        for (key, held) in node.held.iter_mut().enumerate() {
            let acknowledged = || log.iter().any(|e| !e.is_marker() && (e.key(), e.epoch) == (key, held.epoch));
            if self.rules.on(Rule::VoidAll) || !own || !acknowledged() {
                *held = Held::default();
            }
        }
        node.reign = if own { entry.epoch } else { 0 };
        if !own && self.rules.on(Rule::ReadStillOwner) {
            node.reading = None;
        }
    }

    fn crash(&self, state: &State, i: usize, out: &mut Nexts) {
        let node = state.nodes[i];
        let idle = Node { life: node.life, ..Node::default() };
        if node != idle && state.nodes.iter().map(|node| node.life).sum::<u8>() < self.crashes {
            let mut next = *state;
            next.nodes[i] = Node { life: node.life + 1, ..Node::default() };
            out.push(Next { step: Step::Crashes { node: i }, state: next, broken: Promises::NONE });
        }
    }

    /// Markers: a claim, or one more copy of a marker that may be lost.
    fn mark(&self, state: &State, i: usize, out: &mut Nexts) {
        let node = state.nodes[i];
        let nobody_yet = state.log.len + state.net.len == 0;
        if !self.may_send(state) || (nobody_yet && i > 0) {
            return;
        }
        let (mut next, name) = (*state, self.name(state, i));
        if node.marking > 0 {
            let marker = Entry::marker(node.marking, name);
            if state.log.iter().chain(state.net.iter()).filter(|entry| **entry == marker).count() == 1 {
                next.net.insert(marker);
                out.push(Next { step: Step::SendsMarkerAgain { node: i }, state: next, broken: Promises::NONE });
            }
        } else if node.reign == 0 && node.reading.is_none() {
            self.claim(state, i, out);
        }
    }

    /// A claim, made with all of the ledger read. One made with less has either the same epoch or is void on arrival,
    /// which two claims at once cover too; without `ClaimFold` it matters, and every prefix is tried.
    fn claim(&self, state: &State, i: usize, out: &mut Nexts) {
        let name = self.name(state, i);
        let mut fold = Fold::default();
        for pos in 0..=state.log.len {
            let epoch = fold.epoch + 1;
            let mut next = *state;
            let node = &mut next.nodes[i];
            if epoch <= self.epochs && !self.rules.on(Rule::ClaimFold) {
                (node.reign, node.pos, node.fold) = (epoch, pos, Fold { epoch, name, ..fold });
            } else if epoch <= self.epochs && pos == state.log.len {
                node.marking = epoch;
            }
            if next != *state {
                next.net.insert(Entry::marker(epoch, name));
                out.push(Next { step: Step::Claims { node: i, epoch }, state: next, broken: Promises::NONE });
            }
            if pos < state.log.len {
                self.fold(&mut fold, state.log.at[usize::from(pos)]);
            }
        }
    }

    fn draw(&self, state: &State, i: usize, out: &mut Nexts) {
        let node = state.nodes[i];
        let silent = node.marking > 0 && self.rules.on(Rule::Silence);
        let sent = |key: usize| state.log.iter().chain(state.net.iter()).any(|entry| usize::from(entry.key) == key + 1);
        let draws = state.log.iter().chain(state.net.iter()).filter(|entry| !entry.is_marker()).count();
        if node.reign == 0 || silent || !self.may_send(state) || draws >= usize::from(self.draws) {
            return;
        }
        let epoch = node.reign.max(node.marking);
        let in_flight: u8 = node.held.iter().map(|held| u8::from(held.win)).sum();
        for (key, who) in SHOPPER.into_iter().enumerate().take(self.keys) {
            let busy = (0..KEYS).any(|other| SHOPPER[other] == who && node.held[other].n > 0);
            let waits = if self.rules.on(Rule::OneInFlight) { busy } else { node.held[key].n > 0 };
            if waits || node.fold.knows(key) || node.fold.used[who] >= self.chances || (key == 1 && !sent(0)) {
                continue;
            }
            for win in [false, true] {
                if win && node.fold.won + in_flight >= self.stock {
                    continue;
                }
                let held = Held { epoch, n: node.fold.used[who] + 1, win };
                let entry = Entry { epoch, name: self.name(state, i), key: key as u8 + 1, n: held.n, win };
                let mut next = *state;
                next.nodes[i].held[key] = held;
                next.net.insert(entry);
                out.push(Next { step: Step::Draws { node: i, entry }, state: next, broken: Promises::NONE });
            }
        }
    }

    /// What becomes of a record in flight: in doubt, or (where a rule is missing) given up or answered too early.
    fn settle(&self, state: &State, i: usize, out: &mut Nexts) {
        let node = state.nodes[i];
        if node.reign == 0 || node.held.iter().all(|held| held.n == 0) {
            return;
        }
        let epoch = node.fold.epoch.max(node.reign) + 1;
        if self.rules.on(Rule::InDoubt) && node.marking == 0 && epoch <= self.epochs && self.may_send(state) {
            let mut next = *state;
            next.nodes[i].marking = epoch;
            next.net.insert(Entry::marker(epoch, self.name(state, i)));
            out.push(Next { step: Step::TakesForInDoubt { node: i, epoch }, state: next, broken: Promises::NONE });
        }
        for (key, held) in node.held.iter().enumerate().filter(|(_, held)| held.n > 0) {
            if !self.rules.on(Rule::InDoubt) {
                let mut next = *state;
                next.nodes[i].held[key] = Held::default();
                out.push(Next { step: Step::GivesUp { node: i, key }, state: next, broken: Promises::NONE });
            }
            let name = self.name(state, i);
            let record = Entry { epoch: held.epoch, name, key: key as u8 + 1, n: held.n, win: held.win };
            if !self.rules.on(Rule::ReadBack) && state.log.iter().any(|entry| *entry == record) {
                let mut next = *state;
                let broken = self.answer(&mut next, key, *held);
                out.push(Next { step: Step::AnswersOnAck { node: i, key }, state: next, broken });
            }
        }
    }

    fn serve_reader(&self, state: &State, i: usize, out: &mut Nexts) {
        let (node, mut next) = (state.nodes[i], *state);
        let Some(reading) = node.reading else {
            if node.reign > 0 && state.answered & !node.fold.keys != 0 {
                // 255: the end offset is not asked for, the fold is taken as it is.
                let end = if self.rules.on(Rule::ReadEndOffset) { 0 } else { u8::MAX };
                next.nodes[i].reading = Some(Reading { must: state.answered, end });
                out.push(Next { step: Step::IsAsked { node: i }, state: next, broken: Promises::NONE });
            }
            return;
        };
        if reading.end == 0 {
            next.nodes[i].reading = Some(Reading { end: state.log.len, ..reading });
            out.push(Next { step: Step::FetchesEnd { node: i }, state: next, broken: Promises::NONE });
        } else if reading.end == u8::MAX || node.pos >= reading.end {
            next.nodes[i].reading = None;
            let broken = Promises::if_broken(Promise::Fresh, reading.must & !node.fold.keys != 0);
            out.push(Next { step: Step::AnswersReader { node: i }, state: next, broken });
        }
    }
}

impl Node {
    /// Neither owner nor on the way to it, and nobody waits for it: what it has read matters only once it claims.
    fn is_passive(&self) -> bool {
        self.reign == 0 && self.marking == 0 && self.reading.is_none()
    }
}

impl Fold {
    fn knows(&self, key: usize) -> bool {
        self.keys & (1 << key) != 0
    }
}

// States go through the hasher in words rather than field by field: hashing is most of the search.
impl Hash for Node {
    fn hash<H: Hasher>(&self, h: &mut H) {
        let Fold { epoch, name, used, keys, won } = self.fold;
        h.write_u64(u64::from_le_bytes([self.life, self.pos, epoch, name, used[0], used[1], keys, won]));
        let held = self.held.iter().fold(0, |word, held| {
            word << 12 | u64::from(held.epoch) << 8 | u64::from(held.n) << 4 | u64::from(held.win)
        });
        h.write_u64(held << 8 | u64::from(self.reign) << 4 | u64::from(self.marking));
        self.reading.hash(h);
    }
}
