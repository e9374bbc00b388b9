//! Awards (发奖): the fulfilment of a win. Every win makes exactly one, in the same record as its draw.
//!
//! Where an award stands follows from the events that its shopper's ledger holds, through one table ([`TABLE`]); nothing
//! else moves it. Each event happens at most once, so an award is never given twice and never lost on the way.

use serde::{Deserialize, Serialize};

/// Where an award stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AwardState {
    /// Won; what fulfils it has not answered yet.
    Granting,
    /// The shopper has it, or may claim it.
    Granted,
    /// Fulfilment failed and will be tried again.
    Failed,
    /// The shopper has taken it.
    Claimed,
    /// Not claimed in time, or nobody could hand it over and what was paid for it came back.
    Expired,
}

/// What can happen to an award.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AwardEvent {
    /// What fulfils it has answered: the coupon is assigned, the receiver has taken it.
    Fulfil,
    /// The first attempt at it has failed; later ones say nothing new.
    Fail,
    /// The shopper takes it.
    Claim,
    /// Its deadline has passed unclaimed.
    Expire,
    /// Nobody could hand it over in time: what was paid for it goes back. Of what points bought; and of what the risk rule held
    /// back, where whoever looked at it refused it.
    GiveBack,
}

use AwardEvent::{Claim, Expire, Fail, Fulfil, GiveBack};
use AwardState::{Claimed, Expired, Failed, Granted, Granting};

/// Every transition there is: from, event, to. What is not here is refused.
pub const TABLE: [(AwardState, AwardEvent, AwardState); 7] = [
    (Granting, Fulfil, Granted),
    (Granting, Fail, Failed),
    (Failed, Fulfil, Granted),
    (Granted, Claim, Claimed),
    (Granted, Expire, Expired),
    (Granting, GiveBack, Expired),
    (Failed, GiveBack, Expired),
];

/// The events that an award's ledger records hold, as their keys tell. A claim and an expiry share one key, and so do
/// fulfilling and giving back: whichever comes first keeps the other out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Happened {
    pub failed: bool,
    pub fulfilled: bool,
    pub given_back: bool,
    /// Of [`Claim`] and [`Expire`], the one that came.
    pub settled: Option<AwardEvent>,
}

impl AwardEvent {
    /// All of them.
    pub const ALL: [AwardEvent; 5] = [Fulfil, Fail, Claim, Expire, GiveBack];

    /// The word of diagrams and logs.
    pub fn word(self) -> &'static str {
        match self {
            Fulfil => "fulfil",
            Fail => "fail",
            Claim => "claim",
            Expire => "expire",
            GiveBack => "give_back",
        }
    }

    /// The state that it leads to, whatever the one before.
    pub fn goal(self) -> AwardState {
        match self {
            Fulfil => Granted,
            Fail => Failed,
            Claim => Claimed,
            Expire | GiveBack => Expired,
        }
    }
}

impl AwardState {
    /// All of them, in the order of an award's life.
    pub const ALL: [AwardState; 5] = [Granting, Failed, Granted, Claimed, Expired];

    /// The state in which an award of this kind of prize is born: points and goods are granted by the win itself,
    /// what needs somebody else (a coupon pool, a receiver) starts as `Granting`.
    pub fn at_birth(kind: &crate::campaign::PrizeKind) -> Self {
        use crate::campaign::PrizeKind::*;
        match kind {
            Points { .. } | Goods | None => AwardState::Granted,
            Coupon | Balance | Webhook => AwardState::Granting,
        }
    }

    /// The state after an event; nothing where the table has no such transition.
    pub fn after(self, event: AwardEvent) -> Option<Self> {
        TABLE.iter().find(|(from, by, _)| *from == self && *by == event).map(|(_, _, to)| *to)
    }

    /// Where an award born in this state stands after what happened. An award fails before it is fulfilled and is settled
    /// last: in any other order the owner refused the event.
    pub fn since_birth(self, happened: Happened) -> Self {
        let met = happened.fulfilled.then_some(Fulfil).or(happened.given_back.then_some(GiveBack));
        let events = [happened.failed.then_some(Fail), met, happened.settled];
        events.into_iter().flatten().fold(self, |state, event| state.after(event).unwrap_or(state))
    }

    /// Whether somebody still has to fulfil it.
    pub fn is_open(self) -> bool {
        matches!(self, Granting | Failed)
    }

    /// The word that API and storage use.
    pub fn word(self) -> &'static str {
        match self {
            AwardState::Granting => "granting",
            AwardState::Granted => "granted",
            AwardState::Failed => "failed",
            AwardState::Claimed => "claimed",
            AwardState::Expired => "expired",
        }
    }

    /// The state behind a stored word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.word() == word)
    }
}

/// The table as a Mermaid state diagram, as `docs/awards.md` shows it.
pub fn diagram() -> String {
    let mut out = String::from("stateDiagram-v2\n");
    for (birth, why) in [(Granting, "coupon, balance, webhook"), (Granted, "points, goods")] {
        out.push_str(&format!("    [*] --> {}: {why}\n", birth.word()));
    }
    for (from, event, to) in TABLE {
        out.push_str(&format!("    {} --> {}: {}\n", from.word(), to.word(), event.word()));
    }
    for last in AwardState::ALL.into_iter().filter(|s| TABLE.iter().all(|(from, ..)| from != s)) {
        out.push_str(&format!("    {} --> [*]\n", last.word()));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every state with every event: what the table does not name is refused.
    #[test]
    fn every_state_knows_every_event() {
        let mut moves = 0;
        for state in AwardState::ALL {
            for event in AwardEvent::ALL {
                let want = match (state, event) {
                    (Granting | Failed, Fulfil) => Some(Granted),
                    (Granting, Fail) => Some(Failed),
                    (Granted, Claim) => Some(Claimed),
                    (Granted, Expire) | (Granting | Failed, GiveBack) => Some(Expired),
                    _ => None,
                };
                assert_eq!(state.after(event), want, "{state:?} and {event:?}");
                assert!(want.is_none_or(|to| to == event.goal()), "{event:?} leads to one state");
                moves += usize::from(want.is_some());
            }
            assert_eq!(AwardState::parse(state.word()), Some(state));
        }
        assert_eq!(moves, TABLE.len(), "no transition stands in the table twice");
    }

    /// Whatever order events are tried in, applying them one by one comes to what their set says.
    #[test]
    fn the_state_follows_from_what_happened() {
        for birth in [Granting, Granted] {
            for tries in 0..5_usize.pow(5) {
                let (mut state, mut happened) = (birth, Happened::default());
                for at in 0..5 {
                    let event = AwardEvent::ALL[tries / 5_usize.pow(at) % 5];
                    let Some(next) = state.after(event) else { continue };
                    state = next;
                    match event {
                        Fulfil => happened.fulfilled = true,
                        Fail => happened.failed = true,
                        GiveBack => happened.given_back = true,
                        Claim | Expire => happened.settled = Some(event),
                    }
                    assert_eq!(birth.since_birth(happened), state, "{birth:?}, tries {tries}, {happened:?}");
                }
            }
        }
    }

    #[test]
    fn the_docs_show_the_table() {
        let docs = include_str!("../../../docs/awards.md");
        let diagram = diagram();
        assert!(docs.contains(&diagram), "docs/awards.md must hold this diagram:\n{diagram}");
    }
}
