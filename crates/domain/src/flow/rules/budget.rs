//! `budget`: takes back a prize that the campaign's budget no longer pays for.
//!
//! Example: `limits.budget_cents` leaves 9.00 and the cup costs 15.00: the cup is taken back, a pen for 3.00 is not. No
//! flow can spend more than the budget; this rule tells it in the path and makes `sold_out` true.

use super::{About, Stage};
use crate::draw::{Run, Shelf, Step, Stop};

pub const ABOUT: About = About {
    name: "budget",
    does: "takes back a prize that the budget no longer pays for",
    takes: "",
    stage: Stage::After,
};

pub(super) fn run<S: Shelf>(run: &mut Run<'_, S>) -> Result<(), Stop> {
    let dear = run.prize.is_some_and(|prize| run.too_dear(prize));
    if dear {
        run.take_back();
    }
    run.path.push(if dear { Step::BudgetSpent } else { Step::Budget });
    Ok(())
}
