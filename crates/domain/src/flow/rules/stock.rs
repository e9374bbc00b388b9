//! `stock`: looks whether a unit of the prize is to be had, and whether the budget still pays for it.
//!
//! Example: the last cup is gone; the prize is taken back and the condition `sold_out` becomes true.

use super::{About, Stage};
use crate::draw::{Run, Shelf, Step, Stop};

pub const ABOUT: About = About {
    name: "stock",
    does: "takes back a prize without a free unit or beyond the budget",
    takes: "",
    stage: Stage::After,
};

pub(super) fn run<S: Shelf>(run: &mut Run<'_, S>) -> Result<(), Stop> {
    let Some(prize) = run.prize else {
        run.path.push(Step::StockSkipped);
        return Ok(());
    };
    run.secured = run.available(prize)?;
    if !run.secured {
        run.take_back();
    }
    run.path.push(if run.secured { Step::Stock } else { Step::SoldOut });
    Ok(())
}
