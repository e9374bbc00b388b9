//! R6: two partitions share the units of one prize.
//!
//! **State.** The stock row (`out` of `total`), an escrow row per partition (`taken`, `returned`), each partition's
//! ledger (units won, units returned, the reigning epoch), owners (partition 0 is served by two in turns, so that one
//! may be deposed and not know it; partition 1 by one that also restarts), and the transactions on their way.
//!
//! **Steps.** An owner takes a unit ahead, looks how an unclear take went, appends a win or a return, reads it back,
//! sends the return to the database (also twice), answers "sold out". A transaction commits at any time, also long
//! after its sender died, or never. Anybody takes a partition over at any time.
//!
//! **Left out.** Late ledger appends, for `ownership` has them: here a record under a marker that no longer reigns is
//! void when it arrives, and so tells its owner that it is deposed. The owner's cache of "sold out", which is late by
//! up to a second.

use super::rules::{Promise, Promises, Rule, Rules};
use super::search::{Next, Protocol};

const PARTITIONS: usize = 2;
const OWNERS: usize = 3;
/// Which partition each owner serves.
const SERVES: [usize; OWNERS] = [0, 0, 1];
/// Room for transactions on their way.
const TRANSACTIONS: usize = 4;

/// The size of the space, and the rules in force.
#[derive(Clone, Copy)]
pub struct Escrow {
    pub rules: Rules,
    /// Units of the prize.
    pub total: u8,
    /// Transactions on their way at the same time (at most 4).
    pub transactions: usize,
    /// Owners that each partition sees.
    pub epochs: u8,
    /// Units that each partition may return.
    pub returns: u8,
}

/// What each partition's escrow row and its ledger say.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Partition {
    /// Row: units taken from the stock, units given back.
    taken: u8,
    returned: u8,
    /// Ledger: units won, units returned, the epoch that reigns.
    won: u8,
    given_back: u8,
    epoch: u8,
}

/// A transaction on its way to the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Transaction {
    #[default]
    None,
    /// One unit out of the stock, and `taken` from `old` to `old + 1`. `half`: the stock's update is committed already
    /// (only without `OneTransaction`).
    Take { partition: usize, old: u8, half: bool },
    /// `returned` up to `value` (without `ReturnAbsolute`: up by `value`), `out` down by the difference.
    Return { partition: usize, value: u8 },
    /// What a partition is thought not to need (only without `NothingReclaimed`).
    Reclaim { partition: usize, keep: u8 },
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Owner {
    /// The epoch of its marker; 0: not running.
    epoch: u8,
    /// As it knows them: the row's `taken` and `returned`, the ledger's wins and returns.
    taken: u8,
    returned: u8,
    won: u8,
    given_back: u8,
    /// In flight.
    winning: u8,
    returning: u8,
    /// A take whose outcome it does not know.
    taking: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct State {
    out: u8,
    partitions: [Partition; PARTITIONS],
    owners: [Owner; OWNERS],
    transactions: [Transaction; TRANSACTIONS],
}

/// What happens next.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    TakesOver { partition: usize, owner: usize, epoch: u8 },
    SendsTake { owner: usize, old: u8 },
    LooksHowTakeWent { owner: usize, taken: u8 },
    AppendsWin { owner: usize },
    AppendsReturn { owner: usize },
    ReadsBackWin { owner: usize },
    ReadsBackReturn { owner: usize },
    FindsItselfDeposed { owner: usize },
    SendsReturn { owner: usize, value: u8 },
    LooksHowReturnWent { owner: usize, returned: u8 },
    SaysSoldOut { owner: usize },
    Reclaims { from: usize },
    Commits { partition: usize, what: &'static str, done: bool },
    ConnectionBreaksHalfway,
}

type Nexts = Vec<Next<State, Step>>;

fn push(out: &mut Nexts, step: Step, mut state: State) {
    state.transactions.sort_unstable_by(|a, b| b.cmp(a));
    out.push(Next { step, state, broken: Promises::NONE });
}

impl Protocol for Escrow {
    type State = State;
    type Step = Step;

    fn start(&self) -> State {
        State::default()
    }

    fn steps(&self, state: &State, out: &mut Nexts) {
        self.commit(state, out);
        for i in 0..OWNERS {
            self.take_over(state, i, out);
            if state.owners[i].epoch == 0 {
                continue;
            }
            self.take(state, i, out);
            self.append(state, i, out);
            self.read_back(state, i, out);
            self.give_back(state, i, out);
            self.say_sold_out(state, i, out);
        }
        if !self.rules.on(Rule::NothingReclaimed) {
            let Partition { taken, won, given_back, .. } = state.partitions[0];
            let keep = won + given_back;
            if taken > keep
                && let Some(next) = self.send(state, Transaction::Reclaim { partition: 0, keep })
            {
                push(out, Step::Reclaims { from: 0 }, next);
            }
        }
    }

    fn check(&self, state: &State) -> Promises {
        let won: u8 = state.partitions.iter().map(|partition| partition.won).sum();
        let held: u8 = state.partitions.iter().map(|part| part.taken.saturating_sub(part.returned)).sum();
        let halves = state.transactions.iter().filter(|t| matches!(t, Transaction::Take { half: true, .. })).count();
        let lost = usize::from(state.out) != usize::from(held) + halves;
        Promises::if_broken(Promise::NoOversell, won > self.total)
            | Promises::if_broken(Promise::NoUnitLost, lost || self.is_stranded(state))
    }
}

impl Escrow {
    /// One unit, which each partition may give back once.
    pub fn of_one_unit(rules: Rules, depth: u8) -> Escrow {
        Escrow { rules, total: 1, transactions: 3, epochs: 2 + depth.min(1), returns: 1 }
    }

    /// Two units, none given back.
    pub fn of_two_units(rules: Rules, depth: u8) -> Escrow {
        Escrow { rules, total: 2, transactions: 3, epochs: 2 + depth.min(2), returns: 0 }
    }

    /// Whether a returned unit stays out for ever: nothing on its way, and the owner thinks that all is done.
    fn is_stranded(&self, state: &State) -> bool {
        (0..PARTITIONS).any(|part| {
            let row = state.partitions[part];
            let owner = (0..OWNERS).find(|i| SERVES[*i] == part && state.owners[*i].epoch == row.epoch);
            let thinks_done = owner.is_some_and(|i| state.owners[i].returned >= row.given_back);
            let on_its_way = |t: &Transaction| matches!(t, Transaction::Return { partition, .. } if *partition == part);
            row.epoch > 0 && row.returned < row.given_back && thinks_done && !state.transactions.iter().any(on_its_way)
        })
    }

    fn send(&self, state: &State, transaction: Transaction) -> Option<State> {
        let free = state.transactions[..self.transactions].iter().position(|t| *t == Transaction::None)?;
        let mut next = *state;
        next.transactions[free] = transaction;
        Some(next)
    }

    /// Units that an owner may give away.
    fn free(&self, owner: &Owner) -> i8 {
        let in_flight = if self.rules.on(Rule::InFlight) { owner.winning } else { 0 };
        let gone =
            if self.rules.on(Rule::ReturnLeavesFree) { owner.given_back + owner.returning } else { owner.returned };
        owner.taken as i8 - (owner.won + in_flight + gone) as i8
    }

    /// A takeover or a restart: a new marker reigns, its owner has folded the ledger and read the escrow row.
    fn take_over(&self, state: &State, i: usize, out: &mut Nexts) {
        let (mut next, part) = (*state, SERVES[i]);
        let row = &mut next.partitions[part];
        // The two owners of partition 0 are alike: the first is owner 0.
        if row.epoch >= self.epochs || (row.epoch == 0 && i == 1) {
            return;
        }
        row.epoch += 1;
        let returned = if self.rules.on(Rule::SuccessorRepeats) { row.returned } else { row.given_back };
        let Partition { taken, won, given_back, epoch, .. } = *row;
        next.owners[i] = Owner { epoch, taken, returned, won, given_back, ..Owner::default() };
        push(out, Step::TakesOver { partition: part, owner: i, epoch }, next);
    }

    fn take(&self, state: &State, i: usize, out: &mut Nexts) {
        let (owner, partition) = (state.owners[i], SERVES[i]);
        if owner.taking {
            let taken =
                if self.rules.on(Rule::ReadTaken) { state.partitions[partition].taken } else { owner.taken + 1 };
            let mut next = *state;
            (next.owners[i].taken, next.owners[i].taking) = (taken, false);
            push(out, Step::LooksHowTakeWent { owner: i, taken }, next);
        } else if owner.taken != state.partitions[partition].taken && self.rules.on(Rule::SoldOutReadsTaken) {
            let (mut next, taken) = (*state, state.partitions[partition].taken);
            next.owners[i].taken = taken;
            push(out, Step::LooksHowTakeWent { owner: i, taken }, next);
        }
        if !owner.taking && owner.taken < self.total + self.returns {
            let transaction = Transaction::Take { partition, old: owner.taken, half: false };
            if let Some(mut next) = self.send(state, transaction) {
                next.owners[i].taking = true;
                push(out, Step::SendsTake { owner: i, old: owner.taken }, next);
            }
        }
    }

    fn append(&self, state: &State, i: usize, out: &mut Nexts) {
        let (owner, partition) = (state.owners[i], SERVES[i]);
        if self.free(&owner) < 1 {
            return;
        }
        if owner.winning < 2 {
            let mut next = *state;
            next.owners[i].winning += 1;
            push(out, Step::AppendsWin { owner: i }, next);
        }
        if owner.returning == 0 && owner.given_back < self.returns {
            let mut next = *state;
            if !self.rules.on(Rule::ReturnAfterReadBack) {
                let at_once = Transaction::Return { partition, value: owner.given_back + 1 };
                let Some(sent) = self.send(state, at_once) else { return };
                next = sent;
            }
            next.owners[i].returning = 1;
            push(out, Step::AppendsReturn { owner: i }, next);
        }
    }

    /// A record arrives and is read back: as valid, or as void under a higher marker.
    fn read_back(&self, state: &State, i: usize, out: &mut Nexts) {
        let owner = state.owners[i];
        if state.partitions[SERVES[i]].epoch != owner.epoch {
            if owner.winning + owner.returning > 0 {
                let mut next = *state;
                next.owners[i] = Owner::default();
                push(out, Step::FindsItselfDeposed { owner: i }, next);
            }
            return;
        }
        let mut next = *state;
        let (row, me) = (&mut next.partitions[SERVES[i]], &mut next.owners[i]);
        if owner.winning > 0 {
            (row.won, me.won, me.winning) = (row.won + 1, me.won + 1, me.winning - 1);
            push(out, Step::ReadsBackWin { owner: i }, next);
        }
        let mut next = *state;
        let (row, me) = (&mut next.partitions[SERVES[i]], &mut next.owners[i]);
        if owner.returning > 0 {
            (row.given_back, me.given_back, me.returning) = (row.given_back + 1, me.given_back + 1, 0);
            push(out, Step::ReadsBackReturn { owner: i }, next);
        }
    }

    /// Sends the return, as often as it likes until it knows that the row has it.
    fn give_back(&self, state: &State, i: usize, out: &mut Nexts) {
        let (owner, partition) = (state.owners[i], SERVES[i]);
        if owner.given_back <= owner.returned {
            return;
        }
        let absolute = self.rules.on(Rule::ReturnAbsolute);
        let value = if absolute { owner.given_back } else { owner.given_back - owner.returned };
        if let Some(next) = self.send(state, Transaction::Return { partition, value }) {
            push(out, Step::SendsReturn { owner: i, value }, next);
        }
        let returned = state.partitions[partition].returned;
        if returned > owner.returned {
            let mut next = *state;
            next.owners[i].returned = returned;
            push(out, Step::LooksHowReturnWent { owner: i, returned }, next);
        }
    }

    /// An owner that has nothing free refuses, if the stock row says so and its own row holds nothing it did not know
    /// of.
    fn say_sold_out(&self, state: &State, i: usize, out: &mut Nexts) {
        let (owner, row) = (state.owners[i], state.partitions[SERVES[i]]);
        let by_row = state.out >= self.total || !self.rules.on(Rule::SoldOutByRow);
        let knows = owner.taken == row.taken || !self.rules.on(Rule::SoldOutReadsTaken);
        if by_row && knows && !owner.taking && self.free(&owner) < 1 {
            let overlooked = owner.epoch == row.epoch && owner.taken < row.taken;
            let broken = Promises::if_broken(Promise::SoldOutIsTrue, state.out < self.total)
                | Promises::if_broken(Promise::NoUnitLost, overlooked);
            out.push(Next { step: Step::SaysSoldOut { owner: i }, state: *state, broken });
        }
    }

    /// The database takes up one of the transactions on their way.
    fn commit(&self, state: &State, out: &mut Nexts) {
        for (i, transaction) in state.transactions.iter().enumerate() {
            let mut next = *state;
            next.transactions[i] = Transaction::None;
            let (partition, what, done) = match *transaction {
                Transaction::None => continue,
                Transaction::Take { partition, old, half } => {
                    if half {
                        push(out, Step::ConnectionBreaksHalfway, next);
                    }
                    (partition, "take", self.commit_take(&mut next, i, partition, old, half))
                }
                Transaction::Return { partition, value } => {
                    let row = &mut next.partitions[partition];
                    let absolute = if self.rules.on(Rule::ReturnAbsolute) { value } else { row.returned + value };
                    let more = absolute.saturating_sub(row.returned).min(next.out);
                    (next.out, row.returned) = (next.out - more, row.returned + more);
                    (partition, "return", more > 0)
                }
                Transaction::Reclaim { partition, keep } => {
                    let row = &mut next.partitions[partition];
                    let more = row.taken.saturating_sub(keep).min(next.out);
                    (next.out, row.taken) = (next.out - more, row.taken - more);
                    (partition, "reclaim", more > 0)
                }
            };
            push(out, Step::Commits { partition, what, done }, next);
        }
    }

    fn commit_take(&self, next: &mut State, i: usize, partition: usize, old: u8, half: bool) -> bool {
        let row = &mut next.partitions[partition];
        let compared = row.taken == old || !self.rules.on(Rule::Cas);
        if half {
            row.taken = if compared { old + 1 } else { row.taken };
            return compared;
        }
        let in_stock = next.out < self.total || !self.rules.on(Rule::StockBound);
        if !self.rules.on(Rule::OneTransaction) {
            next.out += u8::from(in_stock);
            if in_stock {
                next.transactions[i] = Transaction::Take { partition, old, half: true };
            }
            return in_stock;
        }
        if in_stock && compared {
            next.out += 1;
            row.taken = old + 1;
        }
        in_stock && compared
    }
}
