//! Apache ShardingSphere-Proxy before two databases of MariaDB, speaking the MySQL protocol.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Result;

use super::engine::Place;
use super::install;

const POM: &str = include_str!("../../../deploy/engines/shardingsphere/pom.xml");
const SERVER: &str = include_str!("../../../deploy/engines/shardingsphere/server.yaml");
const CONFIG: &str = include_str!("../../../deploy/engines/shardingsphere/config-koi.yaml");
const LOGBACK: &str = include_str!("../../../deploy/engines/shardingsphere/logback.xml");
const JVM: [&str; 7] = [
    "-Xms256m",
    "-Xmx768m",
    "-XX:+UseSerialGC",
    "-XX:MaxMetaspaceSize=256m",
    "-XX:MaxDirectMemorySize=256m",
    "-Dio.netty.leakDetection.level=DISABLED",
    "-Djava.net.preferIPv4Stack=true",
];

pub(super) fn install(root: &Path) -> Result<()> {
    super::mariadb::install()?;
    install::maven(&root.join("lib-proxy"), POM)
}

pub(super) fn start(place: &Place, root: &Path, port: u16, database: u16) -> Result<()> {
    let conf = place.join("conf");
    fs::create_dir_all(&conf)?;
    fs::write(conf.join("server.yaml"), SERVER)?;
    fs::write(conf.join("config-koi.yaml"), CONFIG.replace("@DATABASE@", &database.to_string()))?;
    fs::write(conf.join("logback.xml"), LOGBACK)?;
    let class_path = format!("{}:{}", conf.display(), install::class_path(&root.join("lib-proxy"))?);
    let mut command = Command::new("java");
    command.arg("-server").args(JVM).args(["-cp", &class_path, "org.apache.shardingsphere.proxy.Bootstrap"]);
    // The folder must be absolute and end with a slash. Version 5.1 has no setting for where to listen.
    command.arg(port.to_string()).arg(format!("{}/", conf.display()));
    place.spawn(&mut command)
}

/// Its port opens before it can reach its databases, so it is asked something.
pub(super) fn answers(port: u16) -> bool {
    let mut command = Command::new("mariadb");
    command.args(["--no-defaults", "--connect-timeout=2", "-h127.0.0.1", "-ukoi", "-pkoi", "koi", "-e", "SELECT 1"]);
    command.arg(format!("-P{port}")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
