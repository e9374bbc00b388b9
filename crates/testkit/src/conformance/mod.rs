//! One suite per port: what its documentation promises, asked of a real engine. Every adapter of a port passes it.
//!
//! A suite is a function that opens the engine as often as it likes and panics with what was broken. Suites of
//! asynchronous ports are futures, so that the adapter's own tests choose the runtime.

pub mod browse;
pub mod campaigns;
pub mod codes;
pub mod desk;
pub mod drawings;
pub mod escrow;
pub mod exchange;
pub mod fulfil;
pub mod hints;
pub mod ledger;
pub mod live;
pub mod models;
pub mod records;
pub mod registry;
pub mod segments;
pub mod shared_ledger;
pub mod shelves;
