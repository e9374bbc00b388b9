//! Redis without persistence: what it holds may be lost at any time.

use std::process::Command;

use anyhow::Result;

use super::engine::{Place, probe};
use super::install;

pub(super) fn install() -> Result<()> {
    install::apt("redis-server", &["redis-server"])
}

pub(super) fn start(place: &Place, port: u16) -> Result<()> {
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
    command.arg("--dir").arg(place.dir());
    place.spawn(&mut command)
}

pub(super) fn answers(port: u16) -> bool {
    probe(port, b"PING\r\n").is_some_and(|answer| answer.starts_with(b"+PONG"))
}
