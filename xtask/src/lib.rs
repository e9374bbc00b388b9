//! What drives a real `koi` from outside, for the tasks here and for the server's black-box tests: a small HTTP client,
//! processes with bounded waits, the engines of a cluster, and the campaigns and shoppers they are filled with. Light on purpose: a newcomer's first
//! command compiles this before anything else.

pub mod cluster;
pub mod fixture;
pub mod http;
pub mod llama;
pub mod process;
pub mod python;
pub mod socket;
