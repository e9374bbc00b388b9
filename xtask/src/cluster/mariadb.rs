//! MariaDB on loopback, in place of MySQL, which Debian 12 lacks: three empty databases and one account.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::engine::{Place, probe};
use super::install;

/// Run at every start; changes nothing the second time. `direct` is spoken to directly, the other two lie behind the proxy.
const INIT: &str = "CREATE USER IF NOT EXISTS koi@'127.0.0.1' IDENTIFIED BY 'koi';\n\
                    GRANT ALL ON *.* TO koi@'127.0.0.1';\n\
                    CREATE DATABASE IF NOT EXISTS koi_0;\n\
                    CREATE DATABASE IF NOT EXISTS koi_1;\n\
                    CREATE DATABASE IF NOT EXISTS direct;\n";

pub(super) fn install() -> Result<()> {
    install::apt("mariadbd", &["mariadb-server", "mariadb-client"])
}

pub(super) fn start(place: &Place, port: u16) -> Result<()> {
    let user = String::from_utf8(Command::new("id").arg("-un").output()?.stdout)?;
    let user = format!("--user={}", user.trim());
    let data = format!("--datadir={}", place.join("data").display());
    if !place.join("data/mysql").exists() {
        let mut command = Command::new("mariadb-install-db");
        command.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
        let done = command.arg(&user).arg(&data).stdin(Stdio::null()).output();
        let done = done.context("cannot start mariadb-install-db")?;
        let said = String::from_utf8_lossy(&done.stderr);
        ensure!(done.status.success(), "the database's data directory could not be made: {said}");
    }
    let init = place.join("init.sql");
    fs::write(&init, INIT)?;
    let mut command = Command::new(if install::has("mariadbd") { "mariadbd" } else { "/usr/sbin/mariadbd" });
    command.arg("--no-defaults").arg(user).arg(data).arg(format!("--init-file={}", init.display()));
    // Relative to the data directory, which keeps the socket's name below the system's bound.
    command.args(["--socket=koi.sock", "--pid-file=koi.pid", "--bind-address=127.0.0.1", "--skip-name-resolve"]);
    command.arg(format!("--port={port}"));
    command.args(["--max-connections=400", "--innodb-buffer-pool-size=256M", "--innodb-log-file-size=256M"]);
    command.args(["--character-set-server=utf8mb4", "--collation-server=utf8mb4_nopad_bin"]);
    command.args(["--default-time-zone=+00:00", "--transaction-isolation=READ-COMMITTED"]);
    command.args(["--innodb-flush-log-at-trx-commit=1", "--max-allowed-packet=64M"]);
    // A node that is paused within a transaction must not hold its successor up for longer.
    command.arg("--idle-write-transaction-timeout=5");
    place.spawn(&mut command)
}

/// The server greets whoever connects; its init file has been run by then.
pub(super) fn answers(port: u16) -> bool {
    probe(port, b"").is_some_and(|greeting| greeting.len() > 4)
}
