//! The embedded engines against the suites of their ports, and what they do together.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by failing")]

mod awards;
mod codes;
mod desk;
mod drawings;
mod draws;
mod embedded;
mod engines;
mod events;
mod exchange;
mod faults;
mod grants;
mod harness;
mod hot_reload;
mod imports;
#[cfg(feature = "kafka")]
mod kafka;
mod limits;
mod live;
mod llm;
mod mysql;
mod orders;
mod points;
mod publish;
mod reads;
mod redis;
mod reshard;
mod restarts;
mod servers;
mod shares;
mod strategies;
#[cfg(feature = "kafka")]
mod takeover;
