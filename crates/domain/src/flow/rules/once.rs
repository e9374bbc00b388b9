//! `once`: a prize that a shopper can win only once and has won is taken back.
//!
//! Example: the kettle says `once: true` and the shopper has one: the slot gives nothing and the fallback finds another.
//! `once.data('{"all": true}')` counts for every prize but points. What replaces a prize is held to it too, whether the
//! flow names this rule or not, for prizes that say `once`.

use super::{About, Stage};
use crate::draw::{Run, Shelf, Step, Stop};
use serde::Deserialize;

pub const ABOUT: About = About {
    name: "once",
    does: "takes back a prize that the shopper has won and can win only once",
    takes: r#"{"all": true}"#,
    stage: Stage::After,
};

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    #[serde(default)]
    all: bool,
}

pub(super) fn run<S: Shelf>(run: &mut Run<'_, S>, settings: Settings) -> Result<(), Stop> {
    run.once_all |= settings.all;
    let had = run.prize.is_some_and(|prize| run.had(prize));
    if had {
        run.take_back();
    }
    run.path.push(if had { Step::HadBefore } else { Step::Once });
    Ok(())
}
