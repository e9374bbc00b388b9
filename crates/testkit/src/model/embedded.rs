//! R3, R5 and R8 in one process: the ledger and the records are files, and the process dies at any step.
//!
//! **State.** The ledger file, where each record is synced, dirty in the page cache, or dropped: still read from the
//! cache but marked clean by an fsync that failed, so that no later fsync writes it. The records file
//! (synchronous=NORMAL), of which a power cut takes any tail not synced. How much of the ledger was deleted after
//! projection. The process: down or up, what it has in memory, the batch it has decided or committed. What was
//! answered.
//!
//! **Steps.** The process starts, decides a batch, commits it (well, with a full disk, with an fsync error), folds and
//! answers, projects, deletes; it is killed at any step, the batch written or not; the power fails at any step, and the
//! disk keeps any prefix of the ledger that holds what was synced in one piece.

use std::fmt;

use super::rules::{Promise, Promises, Rule, Rules};
use super::search::{Next, Protocol};

const KEYS: usize = 3;
/// Keys a and b are the first shopper's, c the second's.
const SHOPPER: [usize; KEYS] = [0, 0, 1];
const CAPACITY: usize = 5;

/// The size of the space, and the rules in force.
#[derive(Clone, Copy)]
pub struct Embedded {
    pub rules: Rules,
    /// Records that the ledger takes (at most 5).
    pub records: u8,
}

/// A record: key number, ordinal (0: none), outcome.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Record {
    key: u8,
    n: u8,
    win: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Page {
    #[default]
    Synced,
    Dirty,
    Dropped,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct File {
    len: u8,
    at: [(Record, Page); CAPACITY],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Phase {
    #[default]
    Down,
    Idle,
    Decided([Record; 2]),
    Committed([Record; 2]),
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct State {
    ledger: File,
    rows: File,
    /// Records deleted from the start of the ledger.
    deleted: u8,
    phase: Phase,
    /// What the process remembers of each key, and how far it has folded.
    memory: [Record; KEYS],
    pos: u8,
    answered: [Record; KEYS],
}

/// What happens next.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Starts,
    CheckpointFails,
    Decides([Record; 2]),
    Commits,
    IsRolledBack,
    FsyncFails,
    FoldsAndAnswers,
    Replays(Record),
    Projects,
    SyncsRows,
    Deletes { up_to: u8 },
    IsKilled { written: bool },
    PowerFails { ledger_keeps: u8, rows_keep: u8 },
}

type Nexts = Vec<Next<State, Step>>;

fn push(out: &mut Nexts, step: Step, state: State) {
    out.push(Next { step, state, broken: Promises::NONE });
}

impl Protocol for Embedded {
    type State = State;
    type Step = Step;

    fn start(&self) -> State {
        State::default()
    }

    fn steps(&self, state: &State, out: &mut Nexts) {
        match state.phase {
            Phase::Down => self.start_up(state, out),
            Phase::Idle => self.decide(state, out),
            Phase::Decided(batch) => self.commit(state, batch, out),
            Phase::Committed(batch) => {
                let mut next = *state;
                next.remember(batch);
                next.answer(batch);
                (next.pos, next.phase) = (state.ledger.len, Phase::Idle);
                push(out, Step::FoldsAndAnswers, next);
            }
        }
        if state.phase != Phase::Down {
            self.serve(state, out);
            self.die(state, out);
        }
        self.fail_power(state, out);
    }

    fn check(&self, state: &State) -> Promises {
        let (mut used, mut content, mut broken) = ([0; 2], [Record::default(); KEYS], Promises::NONE);
        for record in state.whole() {
            let (key, who) = (usize::from(record.key), SHOPPER[usize::from(record.key)]);
            used[who] += 1;
            broken |= Promises::if_broken(Promise::Ordinals, record.n != used[who]);
            broken |= Promises::if_broken(Promise::Once, content[key].n > 0);
            content[key] = record;
        }
        let kept = state.answered.iter().zip(content).all(|(answered, truth)| answered.n == 0 || *answered == truth);
        let both = usize::from(state.deleted)..usize::from(state.ledger.len.min(state.rows.len));
        let same = both.into_iter().all(|i| state.ledger.at[i].0 == state.rows.at[i].0);
        broken
            | Promises::if_broken(Promise::Durable, !kept)
            | Promises::if_broken(Promise::CountedOnce, !same || state.rows.len > state.ledger.len)
    }
}

impl Embedded {
    /// Two shoppers, three keys.
    pub fn of_two_shoppers(rules: Rules, depth: u8) -> Embedded {
        Embedded { rules, records: 3 + depth.min(2) }
    }

    fn start_up(&self, state: &State, out: &mut Nexts) {
        let mut next = *state;
        if self.rules.on(Rule::CheckpointAtStart) {
            let mut failed = *state;
            failed.ledger.turn(Page::Dirty, Page::Dropped);
            push(out, Step::CheckpointFails, failed);
            // A checkpoint writes the pages anew, to another file: those dropped too.
            next.ledger.turn(Page::Dirty, Page::Synced);
            next.ledger.turn(Page::Dropped, Page::Synced);
        }
        next.phase = Phase::Idle;
        let known = next.rows.iter().chain(next.ledger.iter().skip(usize::from(next.rows.len)));
        for record in known.copied().collect::<Vec<_>>() {
            next.memory[usize::from(record.0.key)] = record.0;
        }
        next.pos = next.ledger.len.max(next.rows.len);
        push(out, Step::Starts, next);
    }

    /// One or two commands of different shoppers, each won or not.
    fn decide(&self, state: &State, out: &mut Nexts) {
        let used = state.used();
        for choice in 1..1u8 << (2 * KEYS) {
            // Two bits per key: 0 no command, 1 decided as lost, 2 as won.
            let outcome = |key: usize| choice >> (2 * key) & 3;
            let chosen = || (0..KEYS).filter(|key| outcome(*key) > 0);
            let new = chosen().all(|key| state.memory[key].n == 0 && outcome(key) < 3);
            let one_each = outcome(0) == 0 || outcome(1) == 0;
            let room = chosen().count() <= 2 && state.ledger.len + chosen().count() as u8 <= self.records;
            if !new || !one_each || !room {
                continue;
            }
            let mut batch = [Record::default(); 2];
            for (slot, key) in batch.iter_mut().zip(chosen()) {
                *slot = Record { key: key as u8, n: used[SHOPPER[key]] + 1, win: outcome(key) == 2 };
            }
            let mut next = *state;
            next.phase = Phase::Decided(batch);
            if !self.rules.on(Rule::AnswerAfterCommit) {
                next.answer(batch);
            }
            push(out, Step::Decides(batch), next);
        }
    }

    fn commit(&self, state: &State, batch: [Record; 2], out: &mut Nexts) {
        let mut next = *state;
        next.ledger.append(batch, Page::Dirty);
        next.ledger.turn(Page::Dirty, Page::Synced);
        next.phase = Phase::Committed(batch);
        push(out, Step::Commits, next);

        let mut next = *state;
        next.phase = Phase::Idle;
        if !self.rules.on(Rule::DiscardRolledBack) {
            next.remember(batch);
        }
        push(out, Step::IsRolledBack, next);

        let mut next = *state;
        next.ledger.append(batch, Page::Dirty);
        next.ledger.turn(Page::Dirty, Page::Dropped);
        if self.rules.on(Rule::ExitOnFsyncError) {
            next.go_down();
        } else {
            // It syncs again: nothing is dirty any more, so that succeeds.
            next.phase = Phase::Committed(batch);
        }
        push(out, Step::FsyncFails, next);
    }

    /// Beside the owner: replays, projection, deletion.
    fn serve(&self, state: &State, out: &mut Nexts) {
        for (key, known) in state.memory.iter().enumerate() {
            if known.n > 0 && state.answered[key] != *known {
                let mut next = *state;
                next.answer([*known, Record::default()]);
                push(out, Step::Replays(*known), next);
            }
        }
        if state.rows.len < state.pos.min(state.ledger.len) {
            let mut next = *state;
            let (record, _) = state.ledger.at[usize::from(state.rows.len)];
            next.rows.append([record, Record::default()], Page::Dirty);
            push(out, Step::Projects, next);
        }
        let synced = state.rows.synced();
        if synced < state.rows.len {
            let mut next = *state;
            next.rows.turn(Page::Dirty, Page::Synced);
            push(out, Step::SyncsRows, next);
        }
        let up_to = if self.rules.on(Rule::DeleteAfterSync) { synced } else { state.rows.len };
        if state.deleted < up_to.min(state.ledger.len) {
            let mut next = *state;
            next.deleted = up_to;
            push(out, Step::Deletes { up_to }, next);
        }
    }

    /// SIGKILL: what was written stays in the page cache. A batch is one transaction, so it is there whole or not.
    fn die(&self, state: &State, out: &mut Nexts) {
        let mut next = *state;
        next.go_down();
        push(out, Step::IsKilled { written: false }, next);
        if let Phase::Decided(batch) = state.phase {
            next.ledger.append(batch, Page::Dirty);
            push(out, Step::IsKilled { written: true }, next);
        }
    }

    fn fail_power(&self, state: &State, out: &mut Nexts) {
        for ledger_keeps in state.ledger.synced()..=state.ledger.len {
            for rows_keep in state.rows.synced()..=state.rows.len {
                let mut next = *state;
                next.go_down();
                next.ledger.keep(ledger_keeps);
                next.rows.keep(rows_keep);
                push(out, Step::PowerFails { ledger_keeps, rows_keep }, next);
            }
        }
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.n == 0 {
            return f.write_str("-");
        }
        let what = if self.win { "wins" } else { "no win" };
        write!(f, "key {}, n {}, {what}", char::from(b'a' + self.key), self.n)
    }
}

impl State {
    fn go_down(&mut self) {
        (self.phase, self.memory, self.pos) = (Phase::Down, [Record::default(); KEYS], 0);
    }

    fn remember(&mut self, batch: [Record; 2]) {
        for record in batch.into_iter().filter(|record| record.n > 0) {
            self.memory[usize::from(record.key)] = record;
        }
    }

    fn answer(&mut self, batch: [Record; 2]) {
        for record in batch.into_iter().filter(|record| record.n > 0) {
            self.answered[usize::from(record.key)] = record;
        }
    }

    fn used(&self) -> [u8; 2] {
        let mut used = [0; 2];
        for (known, who) in self.memory.iter().zip(SHOPPER) {
            used[who] += u8::from(known.n > 0);
        }
        used
    }

    /// The ledger from its start: what was deleted from it is in the rows, as far as they still are.
    fn whole(&self) -> impl Iterator<Item = Record> {
        let deleted = usize::from(self.deleted);
        self.rows.iter().take(deleted).chain(self.ledger.iter().skip(deleted)).map(|(record, _)| *record)
    }
}

impl File {
    fn iter(&self) -> std::slice::Iter<'_, (Record, Page)> {
        self.at[..usize::from(self.len)].iter()
    }
    fn append(&mut self, batch: [Record; 2], page: Page) {
        for record in batch.into_iter().filter(|record| record.n > 0) {
            self.at[usize::from(self.len)] = (record, page);
            self.len += 1;
        }
    }
    fn turn(&mut self, from: Page, to: Page) {
        for (_, page) in self.at[..usize::from(self.len)].iter_mut().filter(|(_, page)| *page == from) {
            *page = to;
        }
    }
    /// The length that surely survives: up to the first record that is not on the disk, as nothing behind it is found.
    fn synced(&self) -> u8 {
        self.iter().take_while(|(_, page)| *page == Page::Synced).count() as u8
    }
    fn keep(&mut self, len: u8) {
        self.turn(Page::Dirty, Page::Synced);
        self.turn(Page::Dropped, Page::Synced);
        self.at[usize::from(len)..].fill(Default::default());
        self.len = len;
    }
}
