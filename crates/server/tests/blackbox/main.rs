//! Black-box tests: the real `koi` binary, driven over HTTP and its command line by the published contract alone.
//!
//! Long ones take their length from the environment: `KOI_ROUNDS` (crash, idempotency, races) and `KOI_DRAWS` (ready_again).
//! Each of those prints one line of JSON with its counters.

mod advice;
mod arms;
mod audit;
mod awards;
mod bad_callers;
mod bad_input;
mod bad_operators;
mod behaviour;
mod campaigns;
mod choices;
mod cli;
mod cluster;
mod cluster_crash;
mod codes;
mod console;
mod crash;
mod disk_full;
mod drafts;
mod drawings;
mod draws;
mod edits;
mod erasure;
mod exchange;
mod fair;
mod fsync;
mod harness;
mod hints;
mod idempotency;
mod import;
mod jwt;
mod lists;
mod live;
mod llm;
mod models;
mod odd_behaviour;
mod odds;
mod operators;
mod oracle;
mod oracle_orders;
mod oracle_shop;
mod pages;
mod races;
mod ready;
mod receiver;
mod rehearse;
mod restore;
mod rules;
mod seeds;
mod sigterm;
mod spend;
mod traces;
mod tracker;
