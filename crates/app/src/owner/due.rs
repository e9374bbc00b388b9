//! Timers that fired (R10): the account decides whether the time brings anything.

use super::{Owner, Step, answer, refuse};
use crate::command::{Command, Reply};
use crate::error::Error;
use crate::timers::{DueKind, DueRow};
use domain::account::Awaited;
use domain::ids::{EntryId, OrderId, ShopperId};
use domain::order::OrderEvent;
use domain::proposal::Proposal;
use smallvec::SmallVec;

/// What a fired timer comes to.
enum Fired {
    /// Facts were proposed.
    Changed,
    /// Nothing, for good.
    Stale,
    /// Nothing yet.
    NotYet,
}

impl Owner {
    /// Appends what a timer brings, or says that there is nothing.
    pub(super) fn due(&mut self, id: ShopperId, command: Command, row: DueRow) -> Step {
        let Some(mut proposal) = self.propose(id) else { return refuse(command, Error::no_shopper()) };
        if row.at_ms > self.now_ms {
            return answer(command, Ok(Reply::NotYet));
        }
        if row.key.kind == DueKind::Hold
            && let Some(awaited) = overdue(&proposal, EntryId(row.key.id), self.now_ms)
        {
            return self.give_back(id, command, awaited);
        }
        let fired = match row.key.kind {
            DueKind::Unpaid => unpaid(&mut proposal, row, self.now_ms),
            DueKind::Chances => {
                proposal.expire_chances(row.campaign, self.now_ms);
                Fired::Changed
            }
            DueKind::Points => {
                self.expire_points(id, &mut proposal);
                Fired::Changed
            }
            DueKind::Hold => {
                let hold = EntryId(row.key.id);
                match proposal.account.purse.hold(hold).map(|h| h.until_ms) {
                    Some(Some(until)) if until > self.now_ms => Fired::NotYet,
                    Some(Some(_)) => match proposal.release(self.entry_id(id), hold) {
                        Ok(()) => Fired::Changed,
                        Err(_) => Fired::Stale,
                    },
                    _ => Fired::Stale,
                }
            }
            // Theirs are other commands; see `reward` and `redeem`.
            DueKind::Referral | DueKind::Redeem => Fired::Stale,
        };
        match fired {
            Fired::NotYet => answer(command, Ok(Reply::NotYet)),
            Fired::Changed if !proposal.facts.is_empty() => {
                self.append_proposal(id, proposal, SmallVec::new(), Vec::new(), command)
            }
            Fired::Changed | Fired::Stale => answer(command, Ok(Reply::Stale)),
        }
    }
}

/// The exchange whose hold is over, where the hold is one's.
fn overdue(proposal: &Proposal, hold: EntryId, now_ms: i64) -> Option<Awaited> {
    let until_ms = proposal.account.purse.hold(hold)?.until_ms?;
    proposal.account.awaited.iter().find(|a| a.hold == hold && until_ms <= now_ms).copied()
}

fn unpaid(proposal: &mut Proposal, row: DueRow, now_ms: i64) -> Fired {
    let order = OrderId(row.key.id);
    match proposal.account.unpaid.iter().find(|u| u.order == order) {
        Some(unpaid) if unpaid.pay_by_ms > now_ms => Fired::NotYet,
        Some(unpaid) => {
            let campaign = unpaid.campaign;
            if proposal.close_unpaid(campaign, order, OrderEvent::TimeOut) { Fired::Changed } else { Fired::Stale }
        }
        None => Fired::Stale,
    }
}
