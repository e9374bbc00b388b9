//! A draw command: refusals first, then one roll per draw, then one record with everything in it (R4).

use super::answer::DrawAnswer;
use super::batch::{Draft, Saying};
use super::campaigns::{CampaignSlot, Stock};
use super::snapshot::snapshot;
use super::{Owner, Step, refuse};
use crate::command::{Command, Once};
use crate::error::Error;
use crate::runtime::Runtime;
use domain::account::Account;
use domain::award::AwardState;
use domain::campaign::{PrizeIx, PrizeKind};
use domain::chances::Spend;
use domain::draw::{Decision, Outcome, Person, Refusal, Snapshot, admit, decide};
use domain::fairness::{DrawSeed, Evidence};
use domain::ids::{AwardId, CampaignId, DrawId, EntryId, ShopperId};
use domain::points::{Cause, Contra, Entry};
use domain::proposal::due_chances;
use domain::record::{Drawn, Fact, Keyed};
use domain::strategy::Strategy;
use smallvec::SmallVec;

/// What a shopper asked for.
pub(super) struct DrawAsk<'a> {
    pub campaign: CampaignId,
    pub once: Once,
    pub client_seed: &'a str,
    pub count: u8,
    pub strategy: &'a Strategy,
    pub person: &'a Person,
}

/// One decided draw, before its ids are made.
pub(super) struct Decided {
    outcome: Outcome,
    seed: DrawSeed,
    n: u32,
    cost_cents: i64,
    /// It won an instant-win moment.
    pub(super) moment: bool,
    spend: Spend,
}

impl Decided {
    pub(super) fn fact(
        &self,
        draw: DrawId,
        award: Option<(AwardId, AwardState)>,
        runtime: &Runtime,
        day: i32,
    ) -> Drawn {
        Drawn {
            draw,
            campaign: runtime.id,
            rules: runtime.rules.version,
            n: u64::from(self.n),
            day,
            pool: self.outcome.pool,
            slot: self.outcome.slot,
            tier: Some(self.outcome.hit_tier),
            prize: self.outcome.prize.map(|p| p.0),
            points: self.outcome.points,
            cost_cents: self.cost_cents,
            award,
            order: self.spend.order,
            last: self.spend.last,
            from: self.outcome.tier,
            held: self.outcome.held,
        }
    }
}

/// The entry of points that were won.
fn won(id: EntryId, amount: i64, balance: i64, award: AwardId, expires_at_ms: Option<i64>) -> Fact {
    let (contra, cause) = (Contra::Issued, Cause::Award { award });
    Fact::Points(Entry { id, amount, balance, contra, expires_at_ms, cause, rolled: None })
}

/// Why no draw of a command was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Halt {
    Refused(Refusal),
    /// A unit of this prize has to be fetched first; then the same rolls decide.
    Needs(PrizeIx),
}

impl From<Refusal> for Halt {
    fn from(refusal: Refusal) -> Self {
        Halt::Refused(refusal)
    }
}

/// Decides all draws of one command, or refuses it as a whole. Nothing is changed yet.
pub(super) fn decide_all(
    slot: &CampaignSlot,
    account: &Account,
    start: Snapshot<'_>,
    ask: &DrawAsk<'_>,
) -> Result<SmallVec<[Decided; 1]>, Halt> {
    let rules = &slot.runtime.rules;
    admit(rules, ask.strategy, &start, u32::from(ask.count))?;
    let mut snapshot = start;
    let mut taken: SmallVec<[(PrizeIx, u64); 10]> = SmallVec::new();
    let mut decided: SmallVec<[Decided; 1]> = SmallVec::new();
    let lots = account.enrolment(slot.runtime.id).map(|e| &e.lots);
    let spends = lots.into_iter().flat_map(|lots| lots.spends(start.now_ms, usize::from(ask.count)));
    for spend in spends {
        let n = snapshot.n();
        let seed = slot.runtime.seed.draw_seed(slot.runtime.id, account.id, n);
        let mut roll = seed.roll(ask.client_seed);
        let stock = Stock { slot, taken: &taken };
        let outcome = match decide(rules, ask.strategy, &snapshot, &mut roll, &stock) {
            Decision::Drawn(outcome) => outcome,
            Decision::Refused(refusal) => return Err(refusal.into()),
            Decision::Needs(prize) => return Err(Halt::Needs(prize)),
        };
        // What the roll had hit goes back to the shelf: a draw wins one prize.
        let taken_moments = decided.iter().filter(|one| one.moment).count() as u64;
        let timed = slot.moment(snapshot.now_ms, taken_moments).and_then(|prize| outcome.at_moment(prize));
        let (outcome, moment) = (timed.unwrap_or(outcome), timed.is_some());
        let cost_cents = outcome.prize.map_or(0, |p| rules.prize(p).cost_cents);
        taken.extend(outcome.prize.map(|p| (p, 1)));
        snapshot = snapshot.after(cost_cents, outcome.prize, outcome.tier);
        decided.push(Decided { outcome, seed, n, cost_cents, moment, spend });
    }
    // `admit` saw as many chances as draws: a lot that lacks one would be a fold that went wrong.
    if decided.len() == usize::from(ask.count) { Ok(decided) } else { Err(Refusal::NoChances.into()) }
}

/// The state that an award begins in. One that is held waits for a person's eye before anything is given.
fn born(kind: &PrizeKind, held: bool) -> AwardState {
    if held { AwardState::Granting } else { AwardState::at_birth(kind) }
}

impl Owner {
    /// Decides a command's draws and appends their record.
    pub(super) fn draw(&mut self, shopper: ShopperId, command: Command, ask: &DrawAsk<'_>) -> Step {
        let now_ms = self.now_ms;
        let (Some(slot), Some(account)) = (self.campaigns.get_mut(&ask.campaign), self.accounts.get(&shopper)) else {
            return refuse(command, Error::no_campaign());
        };
        let (start, day) = snapshot(slot, &account.account, ask.person, &self.velocity, now_ms);
        // Rules may have changed since the strategy was read: a stale one is replaced by the template.
        let template;
        let ask = if ask.strategy.fits(&slot.runtime.rules) {
            ask
        } else {
            template = slot.runtime.rules.random_strategy(shopper);
            &DrawAsk { strategy: &template, ..*ask }
        };
        // What belongs to several logs is at hand before a roll, or known not to be had.
        if let Some(lack) = slot.lacks_budget(ask.count) {
            return Step::Lack(command, shopper, lack);
        }
        let decided = match decide_all(slot, &account.account, start, ask) {
            Ok(decided) => decided,
            Err(Halt::Needs(prize)) => return Step::Lack(command, shopper, slot.lacks(prize, now_ms)),
            Err(Halt::Refused(refusal)) => {
                metrics::counter!("koi_draws_total", "result" => refusal.code()).increment(1);
                return refuse(command, Error::Refused(refusal));
            }
        };
        let left = start.left;
        let draft = self.draw_draft(shopper, ask, left, day, &decided);
        self.append(shopper, draft, command.reply);
        Step::Done
    }

    /// Makes ids, facts and the answer's bytes, and takes the units out of the shelf.
    fn draw_draft(&mut self, shopper: ShopperId, ask: &DrawAsk<'_>, left: u32, day: i32, decided: &[Decided]) -> Draft {
        let part = shopper.partition();
        let account = self.accounts.get(&shopper).map(|s| &s.account);
        let mut balance = account.map_or(0, |a| a.points);
        // The fold reads no clock: chances whose time is over are written off before the next is spent.
        let mut facts = account.map_or_else(SmallVec::new, |a| due_chances(a, ask.campaign, self.now_ms));
        let mut body = Vec::with_capacity(1_024 * decided.len());
        if decided.len() > 1 {
            body.extend_from_slice(b"{\"draws\":[");
        }
        let Some(slot) = self.campaigns.get_mut(&ask.campaign) else {
            unreachable!("invariant: the campaign was found a moment ago and only this thread removes it")
        };
        let runtime = slot.runtime.clone();
        for (i, one) in decided.iter().enumerate() {
            let outcome = &one.outcome;
            let draw = DrawId(self.ids.make(self.now_ms, part));
            let kind = outcome.prize.map(|p| runtime.rules.prize(p).kind).filter(|k| !matches!(k, PrizeKind::None));
            let award = kind.map(|kind| (AwardId(self.ids.make(self.now_ms, part)), born(&kind, outcome.held)));
            if i > 0 {
                body.push(b',');
            }
            DrawAnswer {
                runtime: &runtime,
                id: draw,
                award,
                chances_left: u64::from(left) - 1 - i as u64,
                at_ms: self.now_ms,
                evidence: Evidence {
                    rules: &runtime.rules,
                    strategy: ask.strategy,
                    shopper,
                    n: one.n,
                    seed: &one.seed,
                    client_seed: ask.client_seed,
                    outcome,
                },
            }
            .write(&mut body);
            slot.draws_in_flight += 1;
            if let Some(prize) = outcome.prize {
                self.wanting.extend(slot.give(prize, one.cost_cents, self.now_ms));
            }
            facts.push(Fact::Drawn(Box::new(one.fact(draw, award, &runtime, day))));
            if let (true, Some(prize)) = (one.moment, outcome.prize) {
                slot.moments_in_flight += 1;
                facts.push(Fact::MomentWon { campaign: runtime.id, prize: prize.0 });
            }
            if let (Some((award, AwardState::Granted)), Some(prize)) = (award, outcome.prize)
                && let Some(at_ms) = runtime.rules.prize(prize).claim_by_ms(self.now_ms)
            {
                facts.push(Fact::AwardClaimBy { award, at_ms });
            }
            if let (Some((award, _)), points @ 1.., false) = (award, i64::from(outcome.points), outcome.held) {
                balance = balance.saturating_add(points);
                let id = EntryId(self.ids.make(self.now_ms, part));
                facts.push(won(id, points, balance, award, runtime.rules.points_expire(self.now_ms)));
            }
        }
        if decided.len() > 1 {
            body.extend_from_slice(b"]}");
        }
        if let Some(account) = self.accounts.get(&shopper).filter(|_| runtime.rules.needs.velocity) {
            self.velocity.drew(&account.account.watch, decided.len() as u32, self.now_ms);
        }
        crate::failpoint::hit("after_stock");
        let keys = std::iter::once(Keyed { hash: ask.once.hash, request: ask.once.request, status: 201 }).collect();
        Draft { facts, keys, answer: body, saying: Saying::Done { status: 201 } }
    }
}
