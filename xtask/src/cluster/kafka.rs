//! One broker that is its own controller (KRaft), with short timers so that tests of failures need not wait for long ones.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::engine::Place;
use super::install;
use crate::process::free_address;

const POM: &str = include_str!("../../../deploy/engines/kafka/pom.xml");
const SETTINGS: &str = include_str!("../../../deploy/engines/kafka/server.properties");
/// Any id will do: there is one cluster per directory.
const CLUSTER_ID: &str = "4L6g3nShT-eMCtK--X86sw";
/// A small heap and the quick compiler: a broker for tests should start soon and leave the cores to others.
const JVM: [&str; 6] =
    ["-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xss512k", "-XX:MaxDirectMemorySize=128m"];
/// The same for measurements: the compiler that production has, and room for it.
const JVM_IN_EARNEST: [&str; 4] = ["-Xms512m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:MaxDirectMemorySize=256m"];
/// What the broker says when it is registered and unfenced.
const STARTED: &str = "Kafka Server started";

/// Where clients of the second listener are told to come: nobody listens there but a test that loses bytes.
const RELAY: ExtraPort = ExtraPort { file: "relay-port" };
/// Where that listener is.
const BEHIND_RELAY: ExtraPort = ExtraPort { file: "behind-relay-port" };

struct ExtraPort {
    file: &'static str,
}

impl ExtraPort {
    /// The one it had, since clients remember it, or a free one.
    fn take(&self, place: &Place) -> Result<u16> {
        let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
        // A relay that a test put there holds the first of the two.
        let kept = place.number::<u16>(self.file).filter(|port| self.file == RELAY.file || free(port));
        let port = kept.map_or_else(|| free_address().map(|address| address.port()), Ok)?;
        fs::write(place.join(self.file), port.to_string())?;
        Ok(port)
    }
}

/// `LISTEN>TARGET` of the relay that a test may put before the broker.
pub(super) fn relayed(place: &Place) -> Option<String> {
    let at = |port: &ExtraPort| place.number::<u16>(port.file).map(|port| format!("127.0.0.1:{port}"));
    Some(format!("{}>{}", at(&RELAY)?, at(&BEHIND_RELAY)?))
}

pub(super) fn install(root: &Path) -> Result<()> {
    install::maven(&root.join("lib-kafka"), POM)
}

pub(super) fn start(place: &Place, root: &Path, port: u16, in_earnest: bool) -> Result<()> {
    let class_path = install::class_path(&root.join("lib-kafka"))?;
    let properties = place.join("server.properties");
    let text = SETTINGS
        .replace("@PORT@", &port.to_string())
        .replace("@CONTROLLER@", &free_address()?.port().to_string())
        .replace("@BEHIND@", &BEHIND_RELAY.take(place)?.to_string())
        .replace("@RELAY@", &RELAY.take(place)?.to_string())
        .replace("@DATA@", &place.join("data").display().to_string());
    fs::write(&properties, text)?;
    if !place.join("data/meta.properties").exists() {
        format(&class_path, &properties)?;
    }
    let mut command = Command::new("java");
    let jvm: &[&str] = if in_earnest { &JVM_IN_EARNEST } else { &JVM };
    command.args(jvm).arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn");
    for class in ["kafka.server", "org.apache.kafka.server"] {
        command.arg(format!("-Dorg.slf4j.simpleLogger.log.{class}.KafkaRaftServer=info"));
    }
    command.args(["-cp", &class_path, "kafka.Kafka"]).arg(&properties);
    place.spawn(&mut command)
}

fn format(class_path: &str, properties: &Path) -> Result<()> {
    let mut command = Command::new("java");
    command.args(["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
    command.arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=error");
    command.args(["-cp", class_path, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c"]).arg(properties);
    let done = command.stdin(Stdio::null()).output().context("cannot start java")?;
    let said = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "the broker's data directory could not be formatted: {said}");
    Ok(())
}

pub(super) fn answers(place: &Place, port: u16) -> bool {
    // The log is this life's own, so the line counts; the port alone opens before the broker is registered.
    place.log().contains(STARTED) && std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
}
