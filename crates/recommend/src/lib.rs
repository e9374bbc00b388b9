//! What a shopper will want next, from what was bought before. Pure and synchronous: no IO beyond the readers passed
//! in, no clock, no runtime; the same input and seed give the same answer on any number of threads.
//!
//! [`profile`] folds behaviour into what the shop shows about one shopper, [`persona`] reads more from it; [`baskets`] turns everybody's purchases into
//! one compact data set; [`models`] score a catalogue for a shopper; [`fit`] is the model in service; [`prizes`] and
//! [`compose`] turn scores into the slots of a personal strategy; [`evaluate`] and [`hit_rate`] measure it all on
//! baskets that no model has seen.

pub mod baskets;
pub mod boost;
pub mod calibrate;
pub mod catalogue;
pub mod choice;
pub mod compose;
pub mod dense;
pub mod evaluate;
pub mod fit;
pub mod hit_rate;
pub mod life;
pub mod models;
pub mod outlook;
pub mod persona;
pub mod prizes;
pub mod profile;
pub mod rfm;
pub mod signals;
pub mod supply;
pub mod text;
pub mod tickets;
pub mod tune;
pub mod vectors;
pub mod worth;

mod parallel;
mod rows;
mod scores;
mod timeline;

pub use scores::Scratch;
