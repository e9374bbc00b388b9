//! Points moved by the shop.

use super::work::declined;
use super::{Owner, Step, refuse};
use crate::command::{Command, Once};
use crate::error::Error;
use domain::ids::ShopperId;
use domain::points::Cause;
use domain::record::Keyed;
use smallvec::smallvec;

impl Owner {
    /// Adds or takes points under the shop's own key.
    pub(super) fn points(
        &mut self,
        id: ShopperId,
        command: Command,
        once: Once,
        amount: i64,
        cause: Cause,
        expires_at_ms: Option<i64>,
    ) -> Step {
        let Some(mut proposal) = self.propose(id) else { return refuse(command, Error::no_shopper()) };
        self.expire_points(id, &mut proposal);
        let entry = self.entry_id(id);
        let done = if amount > 0 {
            proposal.credit(entry, amount, cause, expires_at_ms, None)
        } else {
            amount
                .checked_neg()
                .ok_or(domain::proposal::Declined::PointsShort)
                .and_then(|n| proposal.spend(entry, n, cause))
        };
        if let Err(why) = done {
            return refuse(command, declined(why));
        }
        let balance = proposal.account.points;
        let keys = smallvec![Keyed { hash: once.hash, request: once.request, status: 201 }];
        let answer = format!("{{\"id\":\"{entry}\",\"balance\":{balance}}}").into_bytes();
        self.append_proposal(id, proposal, keys, answer, command)
    }
}
