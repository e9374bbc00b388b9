//! Koi's shell: the HTTP server, who may call it, the configuration, the command line. This crate is the only one that
//! names adapters; every handler extracts, calls one use case of `app`, and renders.

pub mod auth;
pub mod cli;
pub mod clock;
pub mod config;
pub mod http;
pub mod intake;
pub mod observe;
pub mod validate;
pub mod watch;
