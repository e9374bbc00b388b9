//! A campaign's life, state by state and event by event.

use domain::campaign::State;
use domain::campaign::life::{Event, mermaid};

/// Every state under every event: where it leads, or `!` and the code of the refusal.
#[test]
fn every_state_under_every_event() {
    let columns = ["edit", "publish", "amend", "pause", "resume", "end", "archive", "starts", "over"];
    assert_eq!(Event::ALL.map(Event::word), columns);
    const UNPUBLISHED: &str = "!campaign_not_published";
    const NOT_DRAFT: &str = "!campaign_not_draft";
    const NOT_OVER: &str = "!campaign_not_over";
    const OVER: &str = "!campaign_over";
    #[rustfmt::skip]
    let table = [
        (State::Draft, ["draft", "scheduled", UNPUBLISHED, UNPUBLISHED, UNPUBLISHED, UNPUBLISHED, "archived", UNPUBLISHED, UNPUBLISHED]),
        (State::Scheduled, [NOT_DRAFT, NOT_DRAFT, "scheduled", "paused", "scheduled", "ended", NOT_OVER, "live", "ended"]),
        (State::Live, [NOT_DRAFT, NOT_DRAFT, "live", "paused", "live", "ended", NOT_OVER, "live", "ended"]),
        (State::Paused, [NOT_DRAFT, NOT_DRAFT, "paused", "paused", "scheduled", "ended", NOT_OVER, "paused", "ended"]),
        (State::Ended, [OVER, OVER, OVER, OVER, OVER, "ended", "archived", OVER, "ended"]),
        (State::Archived, [OVER, OVER, OVER, OVER, OVER, OVER, "archived", OVER, "archived"]),
    ];
    assert_eq!(table.map(|(state, _)| state), State::ALL);
    for (from, row) in table {
        for (event, want) in Event::ALL.into_iter().zip(row) {
            let got = match from.next(event) {
                Ok(to) => to.word().to_owned(),
                Err(why) => format!("!{}", why.code()),
            };
            assert_eq!(got, want, "{} under {}", from.word(), event.word());
        }
    }
}

#[test]
fn what_is_over_stays_over_and_the_diagram_shows_each_move() {
    for state in [State::Ended, State::Archived] {
        for event in Event::ALL {
            let to = state.next(event).unwrap_or(state);
            assert!(matches!(to, State::Ended | State::Archived), "{} under {}", state.word(), event.word());
        }
    }
    let diagram = mermaid();
    for line in [
        "draft --> scheduled: publish",
        "scheduled --> live: starts",
        "paused --> scheduled: resume",
        "ended --> archived: archive",
    ] {
        assert!(diagram.contains(line), "{line} in\n{diagram}");
    }
    let documented = include_str!("../../../../docs/campaigns.md");
    assert!(documented.contains(&diagram), "docs/campaigns.md shows another table than\n{diagram}");
    assert!(!diagram.contains("ended --> live"), "{diagram}");
}
