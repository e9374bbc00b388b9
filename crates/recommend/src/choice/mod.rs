//! Choice: which of several groups of products would this shopper rather buy, how sure is that, and why.
//!
//! [`ChoiceModel`] answers for shoppers and products that the shop knows; [`evaluate`] measures it on questions.

pub mod answer;
pub mod distil;
pub mod draw;
pub mod evaluate;
pub mod logit;
pub mod past;

mod evidence;
mod market;
mod model;
mod questions;
mod train;

pub use answer::{Answer, Chooser, Wanted};
pub use market::Market;
pub use model::{Asked, ChoiceModel, OptionGroups};
pub use questions::{Question, QuestionsError};

#[cfg(test)]
pub(crate) mod tests {
    use domain::ids::ShopperId;

    use crate::baskets::{Builder, Dataset};

    pub const DAY: i64 = 86_400_000;

    /// A shop of tea drinkers (even places) and gardeners (odd ones), who come every fifth day for so many days, and
    /// now and then take bread; each took something else once.
    pub fn two_tastes(shoppers: u64, days: u64) -> Dataset {
        let mut builder = Builder::default();
        let items = ["tea", "cup", "soil", "seed", "bread", "salt", "pen", "ink", "hat", "sock"]
            .map(|name| builder.catalogue().intern(&format!("sku-{name}"), &format!("a {name}"), name).expect("room"));
        for shopper in 0..shoppers {
            for day in (shopper % 5..days).step_by(5) {
                let visit = shopper * 31 + day * 7;
                let own = items[(shopper % 2 * 2 + visit % 2) as usize];
                let at_ms = day as i64 * DAY;
                builder.add_line(ShopperId(shopper + 1), day, at_ms, own);
                if day < 5 {
                    builder.add_line(ShopperId(shopper + 1), day, at_ms, items[6 + (shopper % 4) as usize]);
                }
                if visit % 3 == 0 {
                    builder.add_line(ShopperId(shopper + 1), day, at_ms, items[4 + (visit % 2) as usize]);
                }
            }
        }
        builder.build()
    }
}
