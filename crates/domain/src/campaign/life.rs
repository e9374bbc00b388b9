//! A campaign's life: one table says what may happen in which state and what comes of it.

use super::State;
use std::fmt::Write as _;

/// What happens to a campaign: an operator's act, or time passing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// Its draft is changed.
    Edit,
    /// Its rules are frozen by hash and shown.
    Publish,
    /// A published rule is changed: at once where it favours the shopper, else as an announced version.
    Amend,
    Pause,
    Resume,
    End,
    Archive,
    /// The draw window opens.
    Starts,
    /// The draw window is over.
    Over,
}

/// Why an event is not for this state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misplaced {
    #[error("the campaign is published already; published rules are frozen")]
    NotDraft,
    #[error("the campaign is a draft; publish it first")]
    NotPublished,
    #[error("the campaign is over")]
    Over,
    #[error("the campaign is not over; end it first")]
    NotOver,
}

impl Misplaced {
    /// The API's stable word.
    pub fn code(self) -> &'static str {
        match self {
            Misplaced::NotDraft => "campaign_not_draft",
            Misplaced::NotPublished => "campaign_not_published",
            Misplaced::Over => "campaign_over",
            Misplaced::NotOver => "campaign_not_over",
        }
    }
}

impl Event {
    /// Every event, for tables and tests.
    pub const ALL: [Event; 9] = [
        Event::Edit,
        Event::Publish,
        Event::Amend,
        Event::Pause,
        Event::Resume,
        Event::End,
        Event::Archive,
        Event::Starts,
        Event::Over,
    ];

    /// The word that diagrams and messages use.
    pub fn word(self) -> &'static str {
        match self {
            Event::Edit => "edit",
            Event::Publish => "publish",
            Event::Amend => "amend",
            Event::Pause => "pause",
            Event::Resume => "resume",
            Event::End => "end",
            Event::Archive => "archive",
            Event::Starts => "starts",
            Event::Over => "over",
        }
    }
}

impl State {
    /// Every state, for tables and tests.
    pub const ALL: [State; 6] =
        [State::Draft, State::Scheduled, State::Live, State::Paused, State::Ended, State::Archived];

    /// What becomes of a campaign in this state. Publishing and resuming lead to `Scheduled`, which [`Event::Starts`]
    /// makes `Live`, at once where the window is open already. An act that was done before is allowed again and changes
    /// nothing: its caller may have missed the answer.
    ///
    /// # Errors
    /// Why the event is not for this state; nothing may change then.
    pub fn next(self, event: Event) -> Result<State, Misplaced> {
        use Event as E;
        use State as S;
        Ok(match (self, event) {
            (S::Draft, E::Edit) => S::Draft,
            (S::Draft, E::Publish) => S::Scheduled,
            (S::Draft, E::Archive) => S::Archived,
            (S::Draft, E::Amend | E::Pause | E::Resume | E::End | E::Starts | E::Over) => {
                return Err(Misplaced::NotPublished);
            }
            (S::Scheduled | S::Live | S::Paused, E::Edit | E::Publish) => return Err(Misplaced::NotDraft),
            (S::Scheduled | S::Live | S::Paused, E::Archive) => return Err(Misplaced::NotOver),
            (S::Scheduled | S::Live | S::Paused, E::End | E::Over) => S::Ended,
            (S::Scheduled | S::Live | S::Paused, E::Pause) => S::Paused,
            (same @ (S::Scheduled | S::Live | S::Paused), E::Amend) => same,
            (S::Scheduled | S::Paused, E::Resume) => S::Scheduled,
            (S::Live, E::Resume) => S::Live,
            (S::Scheduled | S::Live, E::Starts) => S::Live,
            (S::Paused, E::Starts) => S::Paused,
            (S::Ended, E::End | E::Over) => S::Ended,
            (S::Ended | S::Archived, E::Archive) => S::Archived,
            (S::Archived, E::Over) => S::Archived,
            (S::Ended | S::Archived, _) => return Err(Misplaced::Over),
        })
    }

    /// Whether draws of any time, past or to come, are decided by rules that shoppers were shown.
    pub fn is_published(self) -> bool {
        self != State::Draft
    }

    /// Whether draws are made once the window is open.
    pub fn is_open(self) -> bool {
        matches!(self, State::Scheduled | State::Live)
    }
}

/// The table as a Mermaid state diagram, for the documentation.
pub fn mermaid() -> String {
    let mut text = String::from("stateDiagram-v2\n    [*] --> draft\n");
    for from in State::ALL {
        for event in Event::ALL {
            if let Ok(to) = from.next(event)
                && to != from
            {
                writeln!(text, "    {} --> {}: {}", from.word(), to.word(), event.word())
                    .expect("invariant: writing to a String cannot fail");
            }
        }
    }
    text.push_str("    archived --> [*]\n");
    text
}
