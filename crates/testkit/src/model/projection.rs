//! R1 and R8: from the ledger into records, and back into memory when an account is cold.
//!
//! **State.** One partition's ledger: markers, and facts about one shopper, each with a business key (a grant, say;
//! they have no ordinal, so nothing else would notice one that counts twice). The records: how often each fact was
//! counted in the statistics, the account row (how many facts it includes), the rows of its keys, and the projection
//! row (offset, the marker valid there, the fence). The batches on their way to the database. Two processes that own
//! the partition by turns: how far each has folded, which offset it knows to be projected, its unprojected tail, the
//! account if it is warm, the command in flight.
//!
//! **Steps.** A process claims (appends a marker, raises the fence, reads the offset), loads the account in two queries
//! (the rows of its keys, then the row itself with the offset it includes), folds, appends a fact, sends a batch, looks
//! how it went, evicts, looks a key up or lists (two queries again), crashes. A batch commits at any time, also long
//! after its sender died, or never.
//!
//! **Left out.** Appends reach the ledger at once: late ones are `ownership`'s. A look-up of a key that the ledger does
//! not hold, for it has nothing to miss.

use std::hash::{Hash, Hasher};

use super::rules::{Promise, Promises, Rule, Rules};
use super::search::{Next, Protocol};

const PROCESSES: usize = 2;
const KEYS: usize = 2;
const CAPACITY: usize = 8;
/// Batches on their way to the database.
const BATCHES: usize = 3;

/// The size of the space, and the rules in force.
#[derive(Clone, Copy)]
pub struct Projection {
    pub rules: Rules,
    /// Entries of the ledger (at most 8).
    pub entries: u8,
    /// Markers among them.
    pub epochs: u8,
    /// Batches on their way at the same time (at most 3).
    pub batches: usize,
    /// Keys in use, 1 or 2.
    pub keys: u8,
    /// Whether keys and lists are looked up while this goes on.
    pub look_ups: bool,
}

/// An entry: a marker if `key` is 0, else a fact under key number `key - 1`. A marker's epoch is its name too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Entry {
    epoch: u8,
    key: u8,
}

/// What the database holds.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Records {
    /// How often each key's fact was counted.
    counted: [u8; KEYS],
    /// The account row: facts included.
    facts: u8,
    /// The rows of the account's keys, a bit each.
    keys: u8,
    offset: u8,
    marker: u8,
    fence: u8,
}

/// A batch on its way: the facts between two offsets.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Batch {
    from: u8,
    /// 0: no batch.
    to: u8,
    fence: u8,
    keys: u8,
    /// The account row to write, if the batch touches the account.
    facts: Option<u8>,
    marker: u8,
    /// Its effect is committed, its offset is not yet (only without `OffsetInTransaction`).
    half: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
enum Account {
    #[default]
    Cold,
    /// Loading: the rows of the keys are read, the account row is not.
    Loading { keys: u8 },
    /// `included`: the offset up to which it came from records.
    Warm { keys: u8, facts: u8, included: u8 },
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
enum Stage {
    #[default]
    Idle,
    /// Its marker is in the ledger, and it has read so.
    Claimed,
    Fenced,
    /// It has read the offset and folds, but the fence is yet to be raised (only without `FenceFirst`).
    Unfenced,
    Serving,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Process {
    stage: Stage,
    epoch: u8,
    pos: u8,
    /// The marker valid where it has folded to.
    marker: u8,
    /// The offset it knows to be projected.
    projected: u8,
    /// Folded, valid and not known to be projected: a bit per offset.
    tail: u8,
    account: Account,
    /// The key in flight, plus 1.
    held: u8,
    /// Where the batch ends whose outcome it does not know; 0: none.
    sent: u8,
    /// A look-up has asked the first of its two places and found nothing.
    missed: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct State {
    ledger: Ledger,
    records: Records,
    batches: [Batch; BATCHES],
    processes: [Process; PROCESSES],
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Ledger {
    len: u8,
    at: [Entry; CAPACITY],
}

/// What happens next.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Claims { epoch: u8 },
    RaisesFence { owner: u8 },
    ReadsOffset { owner: u8, offset: u8 },
    LoadsKeys { owner: u8 },
    LoadsAccount { owner: u8 },
    Folds { owner: u8, offset: u8 },
    Appends { owner: u8, key: u8 },
    SendsBatch { owner: u8, from: u8, to: u8 },
    BatchCommits { from: u8, to: u8, done: bool },
    LooksHowItWent { owner: u8, offset: u8 },
    Evicts { owner: u8 },
    LooksUpFirst { owner: u8 },
    LooksUpSecond { owner: u8 },
    Crashes { owner: u8 },
}

type Nexts = Vec<Next<State, Step>>;

fn push(out: &mut Nexts, step: Step, mut state: State) {
    // Processes are alike but for their epochs, and batches have no order on their way.
    state.processes.sort_unstable_by_key(|process| process.epoch);
    state.batches.sort_unstable_by(|a, b| b.cmp(a));
    out.push(Next { step, state, broken: Promises::NONE });
}

impl Protocol for Projection {
    type State = State;
    type Step = Step;

    fn start(&self) -> State {
        State::default()
    }

    fn steps(&self, state: &State, out: &mut Nexts) {
        self.commit(state, out);
        for i in 0..PROCESSES {
            let process = state.processes[i];
            match process.stage {
                Stage::Idle => self.claim(state, i, out),
                Stage::Claimed if self.rules.on(Rule::FenceFirst) && self.rules.on(Rule::Fence) => {
                    self.raise_fence(state, i, Stage::Fenced, out);
                }
                Stage::Claimed | Stage::Fenced => self.read_offset(state, i, out),
                Stage::Unfenced => {
                    self.load(state, i, out);
                    self.fold(state, i, out);
                    self.raise_fence(state, i, Stage::Serving, out);
                }
                Stage::Serving => self.serve(state, i, out),
            }
            if process.stage != Stage::Idle {
                let mut next = *state;
                next.processes[i] = Process::default();
                push(out, Step::Crashes { owner: state.processes[i].epoch }, next);
            }
        }
    }

    fn check(&self, state: &State) -> Promises {
        let (mut seen, mut marker, mut broken) = (0, 0, Promises::NONE);
        let mut facts = [0; CAPACITY + 1];
        for (i, entry) in state.ledger.iter().enumerate() {
            facts[i + 1] = facts[i];
            if entry.key == 0 {
                marker = entry.epoch.max(marker);
            } else if entry.epoch == marker {
                let counted = state.records.counted[entry.index()];
                let missed = i < usize::from(state.records.offset) && counted == 0;
                broken |= Promises::if_broken(Promise::CountedOnce, missed || counted > 1);
                broken |= Promises::if_broken(Promise::Once, seen & entry.bit() != 0);
                seen |= entry.bit();
                facts[i + 1] += 1;
            }
        }
        // A deposed owner may be wrong about an account: whatever it does with it is void.
        for process in state.processes.iter().filter(|process| process.epoch == marker) {
            if let Account::Warm { facts: known, included, .. } = process.account {
                let at = usize::from(process.pos.max(included));
                broken |= Promises::if_broken(Promise::AccountIsFold, known != facts[at]);
            }
        }
        broken
    }
}

impl Projection {
    /// Two owners in turns, two facts, two batches on their way.
    pub fn of_turns(rules: Rules, depth: u8) -> Projection {
        let entries = 4 + depth.min(2);
        Projection { rules, entries, epochs: 2, batches: 2, keys: 2, look_ups: true }
    }

    /// Three owners in a row, one fact: the second sleeps while the third takes over.
    pub fn of_three_owners(rules: Rules, depth: u8) -> Projection {
        let batches = usize::from(1 + depth.min(1));
        Projection { rules, entries: 5, epochs: 3, batches, keys: 1, look_ups: true }
    }

    /// A claim, its append and the search for its own marker, judging markers only: all of that is `ownership`'s.
    fn claim(&self, state: &State, i: usize, out: &mut Nexts) {
        let epoch = state.ledger.iter().map(|entry| entry.epoch).max().unwrap_or(0) + 1;
        if epoch <= self.epochs && state.ledger.len < self.entries {
            let mut next = *state;
            next.ledger.push(Entry { epoch, key: 0 });
            next.processes[i] = Process { stage: Stage::Claimed, epoch, ..Process::default() };
            push(out, Step::Claims { epoch }, next);
        }
    }

    fn raise_fence(&self, state: &State, i: usize, then: Stage, out: &mut Nexts) {
        let mut next = *state;
        let process = &mut next.processes[i];
        if state.records.fence < process.epoch || !self.rules.on(Rule::FenceCas) {
            next.records.fence = process.epoch;
            process.stage = then;
        } else {
            // Somebody above has raised it: not the owner any more.
            *process = Process::default();
        }
        push(out, Step::RaisesFence { owner: state.processes[i].epoch }, next);
    }

    fn read_offset(&self, state: &State, i: usize, out: &mut Nexts) {
        let (mut next, offset) = (*state, state.records.offset);
        let process = &mut next.processes[i];
        (process.pos, process.projected) = (offset, offset);
        process.marker = if self.rules.on(Rule::RowMarker) { state.records.marker } else { 0 };
        let fenced = process.stage == Stage::Fenced || !self.rules.on(Rule::Fence);
        process.stage = if fenced { Stage::Serving } else { Stage::Unfenced };
        if process.marker > process.epoch {
            *process = Process::default();
        }
        push(out, Step::ReadsOffset { owner: state.processes[i].epoch, offset }, next);
    }

    fn serve(&self, state: &State, i: usize, out: &mut Nexts) {
        self.load(state, i, out);
        self.fold(state, i, out);
        self.send_batch(state, i, out);
        self.look_how_it_went(state, i, out);
        let process = state.processes[i];
        let Account::Warm { keys, .. } = process.account else { return };
        if process.marker != process.epoch {
            return; // Not folded up to its own marker yet.
        }
        for key in 0..self.keys {
            let known = keys & (1 << key) != 0 || process.held > 0;
            // The keys are alike: b is not used before a.
            let first = key == 0 || state.ledger.iter().any(|entry| entry.key == key);
            if !known && first && state.ledger.len < self.entries {
                let mut next = *state;
                next.ledger.push(Entry { epoch: process.epoch, key: key + 1 });
                next.processes[i].held = key + 1;
                push(out, Step::Appends { owner: state.processes[i].epoch, key }, next);
            }
        }
        let unprojected = process.tail != 0 && self.rules.on(Rule::EvictOnlyProjected);
        if process.held == 0 && !unprojected && !process.missed {
            let mut next = *state;
            next.processes[i].account = Account::Cold;
            push(out, Step::Evicts { owner: state.processes[i].epoch }, next);
        }
        if self.look_ups {
            self.look_up(state, i, out);
        }
    }

    /// Two queries, as the keys are rows of their own. Between them the process may pause, and anything commit.
    fn load(&self, state: &State, i: usize, out: &mut Nexts) {
        let (mut next, records) = (*state, state.records);
        let process = &mut next.processes[i];
        match process.account {
            Account::Cold => {
                let keys = if self.rules.on(Rule::KeyLookup) { records.keys } else { 0 };
                process.account = Account::Loading { keys };
                push(out, Step::LoadsKeys { owner: state.processes[i].epoch }, next);
            }
            Account::Loading { keys } => {
                let included = if self.rules.on(Rule::LoadOffset) { records.offset } else { process.pos };
                process.account = Account::Warm { keys, facts: records.facts, included };
                push(out, Step::LoadsAccount { owner: state.processes[i].epoch }, next);
            }
            Account::Warm { .. } => {}
        }
    }

    fn fold(&self, state: &State, i: usize, out: &mut Nexts) {
        let (mut next, pos) = (*state, state.processes[i].pos);
        let Some(&entry) = state.ledger.iter().nth(usize::from(pos)) else { return };
        let process = &mut next.processes[i];
        process.pos += 1;
        if entry.key == 0 {
            process.marker = process.marker.max(entry.epoch);
            if process.marker > process.epoch {
                *process = Process::default();
            }
        } else if entry.epoch == process.marker {
            let Account::Warm { keys, facts, included } = process.account else { return };
            if pos >= included {
                process.account = Account::Warm { keys: keys | entry.bit(), facts: facts + 1, included };
            }
            if pos >= process.projected {
                process.tail |= 1 << pos;
            }
            if process.held == entry.key && entry.epoch == process.epoch {
                process.held = 0;
            }
        }
        push(out, Step::Folds { owner: state.processes[i].epoch, offset: pos }, next);
    }

    fn send_batch(&self, state: &State, i: usize, out: &mut Nexts) {
        let process = state.processes[i];
        let Some(free) = state.batches[..self.batches].iter().position(|batch| batch.to == 0) else { return };
        if process.sent > 0 || process.projected >= process.pos {
            return;
        }
        let in_tail = |(i, _): &(usize, &Entry)| process.tail & (1 << i) != 0;
        let keys = state.ledger.iter().enumerate().filter(in_tail).fold(0, |keys, (_, entry)| keys | entry.bit());
        let facts = match process.account {
            Account::Warm { facts, .. } if keys != 0 => Some(facts),
            _ => None,
        };
        let (from, to) = (process.projected, process.pos);
        let mut next = *state;
        next.batches[free] = Batch { from, to, fence: process.epoch, keys, facts, marker: process.marker, half: false };
        next.processes[i].sent = to;
        push(out, Step::SendsBatch { owner: state.processes[i].epoch, from, to }, next);
    }

    /// The database takes up one of the batches on their way.
    fn commit(&self, state: &State, out: &mut Nexts) {
        for (i, batch) in state.batches.iter().enumerate().filter(|(_, batch)| batch.to > 0) {
            let mut next = *state;
            let records = &mut next.records;
            let at_offset = records.offset == batch.from || !self.rules.on(Rule::CompareOffset);
            let fenced = records.fence == batch.fence || !self.rules.on(Rule::Fence);
            let done = at_offset && fenced;
            let halves = !self.rules.on(Rule::OffsetInTransaction);
            if done && !batch.half {
                for key in (0..KEYS).filter(|key| batch.keys & (1 << key) != 0) {
                    records.counted[key] = (records.counted[key] + 1).min(2);
                }
                records.keys |= batch.keys;
                records.facts = batch.facts.unwrap_or(records.facts);
            }
            if done && (batch.half || !halves) {
                (records.offset, records.marker) = (batch.to, batch.marker);
            }
            let again = done && halves && !batch.half;
            next.batches[i] = if again { Batch { half: true, ..*batch } } else { Batch::default() };
            push(out, Step::BatchCommits { from: batch.from, to: batch.to, done }, next);
        }
    }

    /// The reply came or did not: either way the row says how the batch went, so far.
    fn look_how_it_went(&self, state: &State, i: usize, out: &mut Nexts) {
        let (mut next, records) = (*state, state.records);
        let process = &mut next.processes[i];
        if process.sent == 0 {
            return;
        }
        if records.fence != process.epoch && self.rules.on(Rule::Fence) {
            *process = Process::default();
        } else {
            process.sent = 0;
            process.projected = process.projected.max(records.offset);
            process.tail &= u8::MAX.checked_shl(u32::from(process.projected)).unwrap_or(0);
        }
        push(out, Step::LooksHowItWent { owner: state.processes[i].epoch, offset: records.offset }, next);
    }

    /// A key, or a shopper's list: is fact a in the tail or in records? Asked only once the process has folded it.
    fn look_up(&self, state: &State, i: usize, out: &mut Nexts) {
        let (mut next, process) = (*state, state.processes[i]);
        let (mut marker, mut folded) = (0, false);
        for entry in state.ledger.iter().take(usize::from(process.pos)) {
            folded |= entry.key == 1 && entry.epoch == marker;
            marker = if entry.key == 0 { marker.max(entry.epoch) } else { marker };
        }
        let in_tail =
            state.ledger.iter().enumerate().any(|(at, entry)| entry.key == 1 && process.tail & (1 << at) != 0);
        let in_records = state.records.keys & 1 != 0;
        let (first, second) =
            if self.rules.on(Rule::TailFirst) { (in_tail, in_records) } else { (in_records, in_tail) };
        if process.missed {
            next.processes[i].missed = false;
            push(out, Step::LooksUpSecond { owner: state.processes[i].epoch }, next);
            if let Some(next) = out.last_mut() {
                next.broken = Promises::if_broken(Promise::Fresh, !second);
            }
        } else if folded && !first {
            next.processes[i].missed = true;
            push(out, Step::LooksUpFirst { owner: state.processes[i].epoch }, next);
        }
    }
}

impl Entry {
    fn index(&self) -> usize {
        usize::from(self.key) - 1
    }
    fn bit(&self) -> u8 {
        if self.key == 0 { 0 } else { 1 << (self.key - 1) }
    }
}

impl Ledger {
    fn iter(&self) -> std::slice::Iter<'_, Entry> {
        self.at[..usize::from(self.len)].iter()
    }
    fn push(&mut self, entry: Entry) {
        self.at[usize::from(self.len)] = entry;
        self.len += 1;
    }
}

impl Hash for Ledger {
    fn hash<H: Hasher>(&self, h: &mut H) {
        h.write_u64(self.iter().fold(1, |word, entry| word << 6 | u64::from(entry.epoch) << 3 | u64::from(entry.key)));
    }
}
