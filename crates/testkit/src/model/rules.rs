//! The rules that can be taken out one by one, and the promises that then break.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

/// A rule of the protocol. Beside each stands the execution it answers: what happens where it is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// R2: a record counts only under the marker it names. Without: a paused owner wakes after a takeover, and its
    /// records count beside the successor's.
    Epoch,
    /// R2: a record counts only if n = used + 1. Without: nothing, as long as every other rule stands (see
    /// [`super::SECOND_FENCES`]).
    Ordinal,
    /// R2: a name is new at every start. Without: a paused process and the one started in its place take one marker for
    /// theirs, both of them.
    Life,
    /// R2: the own marker is the one that this claim sent, not any that bears the own name. Without: a process that
    /// lost the partition and takes it again, folding anew, meets its marker of before and decides on half the ledger.
    Awaited,
    /// R2: an owner folds up to its own marker before it decides. Without: it voids what it has not read, and decides a
    /// known key again.
    ClaimFold,
    /// R2: an owner that reads a higher marker stops. Without: it goes on with records that are void, and their clients
    /// are never answered.
    Stop,
    /// R3: an answer waits for read-back. Without: an acknowledged append lies behind a higher marker, void.
    ReadBack,
    /// R3: reads and refusals wait for an end offset fetched after they arrived. Without: a deposed owner answers from
    /// before its successor's draws.
    ReadEndOffset,
    /// R3: ... and for having seen no higher marker.
    ReadStillOwner,
    /// R4: one record in flight per shopper. Without: two records carry the same n, the second is void and its client
    /// waits for ever.
    OneInFlight,
    /// R5: an append that timed out is settled by a higher marker. Without: its unit is given to somebody else, and
    /// then it arrives.
    InDoubt,
    /// R5: from sending a marker until reading it nothing else is appended. Without: a record under the new marker is
    /// given up at the read-back of that marker, and arrives after it.
    Silence,
    /// R5: at read-back every own record not read is void, acknowledged or not. Without: the acknowledged one behind
    /// the marker is held for ever.
    VoidAll,

    /// R8: effect and offset commit together. Without: a crash between them repeats the effect.
    OffsetInTransaction,
    /// R8: a batch compares the offset. Without: an unclear commit that is sent again counts twice.
    CompareOffset,
    /// R8: a batch compares the fence. Without: a late batch of a deposed owner lands between the two reads of a load.
    Fence,
    /// R8: the fence is raised by compare-and-set. Without: a paused predecessor lowers it and projects again.
    FenceCas,
    /// R8: the fence is raised before the offset and the accounts are read. Without: the late batch, as above.
    FenceFirst,
    /// R8: the projection row names the marker valid at its offset. Without: a successor voids the valid records
    /// between the offset and its own marker.
    RowMarker,
    /// R1: a cold account comes with the offset it includes, and the fold skips what is not above.
    LoadOffset,
    /// R1: an account with an unprojected record is not evicted. Without: it is loaded again without that record.
    EvictOnlyProjected,
    /// R1: a key is looked up in records too. Without: a cold account draws a known key again.
    KeyLookup,
    /// R1, R8: first the unprojected tail, then records. Without: a record moves from one to the other in between.
    TailFirst,

    /// R6: `out + k <= total`. Without: two partitions take more than there is.
    StockBound,
    /// R6: both updates of a take are one transaction. Without: the unit leaves the stock and reaches nobody.
    OneTransaction,
    /// R6: `WHERE taken = old`. Without: the late take of a predecessor is overwritten, its unit lost.
    Cas,
    /// R6: an unclear take is settled by reading `taken`. Without: a unit is given that was never taken.
    ReadTaken,
    /// R6: units in flight are not free. Without: one unit, two wins.
    InFlight,
    /// R6: a return writes the ledger's absolute value. Without: a repeated return lowers `out` twice.
    ReturnAbsolute,
    /// R6: ... after read-back. Without: a void return frees a unit that the successor still counts as its own.
    ReturnAfterReadBack,
    /// R6: a return leaves Free when it is appended. Without: the unit is won here after it went back.
    ReturnLeavesFree,
    /// R6: a successor repeats the return. Without: a unit in the ledger's `returned` stays out for ever.
    SuccessorRepeats,
    /// R6: nothing is reclaimed from a silent partition. Without: it was only paused, and wins the unit.
    NothingReclaimed,
    /// R6: sold out only if the stock row says so. Without: a partition refuses while the stock has units.
    SoldOutByRow,
    /// R6: ... and it has read its own `taken` again. Without: a take that looked undone commits late, and its unit
    /// stays with a partition that does not know of it.
    SoldOutReadsTaken,

    /// R3, embedded: a COMMIT that returned comes before the answer. Without: killed in between, the answer is lost.
    AnswerAfterCommit,
    /// R5, embedded: a batch rolled back is discarded. Without: its keys are replayed from memory only.
    DiscardRolledBack,
    /// R5, embedded: an fsync error ends the process. Without: the next fsync succeeds though the pages were dropped.
    ExitOnFsyncError,
    /// R5, embedded: the start makes what it finds durable before it folds. Without: it replays a record that only the
    /// page cache holds, and a power cut takes it.
    CheckpointAtStart,
    /// R8, embedded: a ledger segment goes only after its records are durable, not merely committed with
    /// synchronous=NORMAL. Without: a power cut takes the rows, and the ledger cannot repeat them.
    DeleteAfterSync,
}

impl Rule {
    /// Every rule, in the order of the enum.
    pub const ALL: [Rule; 40] = [
        Rule::Epoch,
        Rule::Ordinal,
        Rule::Life,
        Rule::Awaited,
        Rule::ClaimFold,
        Rule::Stop,
        Rule::ReadBack,
        Rule::ReadEndOffset,
        Rule::ReadStillOwner,
        Rule::OneInFlight,
        Rule::InDoubt,
        Rule::Silence,
        Rule::VoidAll,
        Rule::OffsetInTransaction,
        Rule::CompareOffset,
        Rule::Fence,
        Rule::FenceCas,
        Rule::FenceFirst,
        Rule::RowMarker,
        Rule::LoadOffset,
        Rule::EvictOnlyProjected,
        Rule::KeyLookup,
        Rule::TailFirst,
        Rule::StockBound,
        Rule::OneTransaction,
        Rule::Cas,
        Rule::ReadTaken,
        Rule::InFlight,
        Rule::ReturnAbsolute,
        Rule::ReturnAfterReadBack,
        Rule::ReturnLeavesFree,
        Rule::SuccessorRepeats,
        Rule::NothingReclaimed,
        Rule::SoldOutByRow,
        Rule::SoldOutReadsTaken,
        Rule::AnswerAfterCommit,
        Rule::DiscardRolledBack,
        Rule::ExitOnFsyncError,
        Rule::CheckpointAtStart,
        Rule::DeleteAfterSync,
    ];
}

/// The rules in force.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Rules(u64);

impl Rules {
    pub const fn all() -> Rules {
        Rules(u64::MAX)
    }

    #[must_use]
    pub const fn without(self, rule: Rule) -> Rules {
        Rules(self.0 & !(1 << rule as u32))
    }

    #[inline(always)]
    pub const fn on(self, rule: Rule) -> bool {
        self.0 & (1 << rule as u32) != 0
    }
}

/// What must hold in every reachable state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// Units won of a prize <= its stock.
    NoOversell,
    /// Draws of a shopper <= chances granted.
    NoOverdraw,
    /// Ordinals n are 1, 2, 3 ... without holes or repeats.
    Ordinals,
    /// A key has one result.
    Once,
    /// What was answered lies in the ledger, valid, with the content of the answer, and stays there.
    Durable,
    /// A command that an owner holds is answered or freed in the end, never held by a record that is void.
    Settled,
    /// A read or refusal knows everything that was answered before it was asked.
    Fresh,
    /// Records count each effect once: none twice, none below the offset missed.
    CountedOnce,
    /// An account in memory is the fold of its records.
    AccountIsFold,
    /// Every unit out of the stock is with a partition or won.
    NoUnitLost,
    /// "Sold out" is said only while the stock row has nothing left.
    SoldOutIsTrue,
}

/// A set of promises.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Promises(u16);

impl Promises {
    pub const NONE: Promises = Promises(0);
    const ORDER: [Promise; 11] = [
        Promise::NoOversell,
        Promise::NoOverdraw,
        Promise::Ordinals,
        Promise::Once,
        Promise::Durable,
        Promise::Settled,
        Promise::Fresh,
        Promise::CountedOnce,
        Promise::AccountIsFold,
        Promise::NoUnitLost,
        Promise::SoldOutIsTrue,
    ];

    /// `promise` if it is broken, else nothing.
    #[inline]
    pub fn if_broken(promise: Promise, broken: bool) -> Promises {
        Promises(u16::from(broken) << promise as u16)
    }

    /// The first promise of the set, or `want` if that is asked for and in it.
    pub fn first(self, want: Option<Promise>) -> Option<Promise> {
        if self.0 == 0 {
            return None;
        }
        let holds = |promise: &Promise| self.0 & (1 << *promise as u16) != 0;
        Self::ORDER.into_iter().filter(holds).find(|promise| want.is_none_or(|want| want == *promise))
    }
}

impl BitOr for Promises {
    type Output = Promises;
    fn bitor(self, other: Promises) -> Promises {
        Promises(self.0 | other.0)
    }
}

impl BitOrAssign for Promises {
    fn bitor_assign(&mut self, other: Promises) {
        self.0 |= other.0;
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
