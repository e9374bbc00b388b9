//! Koi's rules, pure and synchronous: no runtime, no IO, no clock. Everything that decides anything is here and
//! takes what it needs as arguments; the shell around it (crates `app`, `adapters`, `server`) does.

pub mod account;
pub mod award;
pub mod behaviour;
pub mod campaign;
pub mod chances;
pub mod code;
pub mod currency;
pub mod draw;
pub mod entry;
pub mod exchange;
pub mod fairness;
pub mod flow;
pub mod ids;
pub mod moments;
pub mod operator;
pub mod order;
pub mod points;
pub mod proposal;
pub mod record;
pub mod strategy;
pub mod tally;
