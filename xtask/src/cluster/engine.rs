//! What all engines have in common: a directory with a log, a process id and a port.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::Engine;
use crate::process::{free_address, wait_for};

/// How long an engine may take to stop before it is killed.
const STOP_WITHIN: Duration = Duration::from_secs(30);
/// How long a probe may take.
const PROBE: Duration = Duration::from_secs(2);
/// Lines of a log that an error shows.
const LAST_LINES: usize = 12;

/// How a process is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Asked to end; killed when it does not.
    Term,
    /// A crash.
    Kill,
}

impl Signal {
    fn word(self) -> &'static str {
        match self {
            Signal::Term => "TERM",
            Signal::Kill => "KILL",
        }
    }
}

/// One engine's directory.
#[derive(Debug, Clone)]
pub(super) struct Place {
    dir: PathBuf,
}

/// Held while engines are started or stopped: two callers would start each twice.
pub(super) fn lock(root: &Path) -> Result<File> {
    fs::create_dir_all(root).with_context(|| format!("cannot make {}", root.display()))?;
    let file = File::create(root.join("lock"))?;
    file.lock().context("cannot take the engines' lock")?;
    Ok(file)
}

impl Place {
    pub fn new(root: &Path, engine: Engine) -> Self {
        Self { dir: root.join(engine.word()) }
    }

    /// A path inside it; the directory is made.
    pub fn join(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn number<T: std::str::FromStr>(&self, file: &str) -> Option<T> {
        fs::read_to_string(self.join(file)).ok()?.trim().parse().ok()
    }

    /// The port it was given.
    pub fn port(&self) -> Option<u16> {
        self.number("port")
    }

    /// The process that runs. A process id that meanwhile is another program's does not count: ours name their
    /// directory on the command line or work in it.
    pub fn pid(&self) -> Option<u32> {
        let pid: u32 = self.number("pid")?;
        let proc = PathBuf::from(format!("/proc/{pid}"));
        let line = fs::read(proc.join("cmdline")).ok()?;
        let ours = String::from_utf8_lossy(&line).contains(&*self.dir.to_string_lossy());
        (ours || fs::read_link(proc.join("cwd")).is_ok_and(|cwd| cwd.starts_with(&self.dir))).then_some(pid)
    }

    /// Keeps the port it had, else takes the usual one, else a free one.
    pub fn take_port(&self, usual: u16) -> Result<u16> {
        fs::create_dir_all(&self.dir).with_context(|| format!("cannot make {}", self.dir.display()))?;
        let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
        let port = match self.port().into_iter().chain([usual]).find(free) {
            Some(port) => port,
            None => free_address()?.port(),
        };
        fs::write(self.join("port"), port.to_string())?;
        Ok(port)
    }

    /// Starts a process that outlives this one, its output going to a fresh log: nobody may take the words of an
    /// earlier life for this one's.
    pub fn spawn(&self, command: &mut Command) -> Result<()> {
        let log = File::create(self.join("log"))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // A group of its own: what is typed at the terminal does not reach it.
        let child = command.process_group(0).current_dir(&self.dir).spawn();
        let mut child = child.with_context(|| format!("cannot start {}", command.get_program().display()))?;
        fs::write(self.join("pid"), child.id().to_string())?;
        // Reaps it, should it end while this process lives; else init does.
        std::thread::spawn(move || child.wait());
        Ok(())
    }

    /// Waits until it answers.
    pub fn wait(&self, within: Duration, mut answers: impl FnMut() -> bool) -> Result<()> {
        let waited = wait_for(within, "an answer", || match (self.pid(), answers()) {
            (Some(_), true) => Some(true),
            (None, _) => Some(false),
            (Some(_), false) => None,
        });
        match waited {
            Ok(true) => Ok(()),
            Ok(false) => bail!("it ended; its last words in {}:\n{}", self.join("log").display(), self.last_words()),
            Err(error) => Err(error.context(format!("{}:\n{}", self.join("log").display(), self.last_words()))),
        }
    }

    /// The log so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.join("log")).unwrap_or_default()).into_owned()
    }

    fn last_words(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
    }

    /// Ends it and waits until it is gone. False where nothing ran.
    pub fn stop(&self, signal: Signal) -> Result<bool> {
        let Some(pid) = self.pid() else {
            _ = fs::remove_file(self.join("pid"));
            return Ok(false);
        };
        send(pid, signal)?;
        let gone = || self.pid().is_none().then_some(());
        if wait_for(STOP_WITHIN, "the process to end", gone).is_err() {
            send(pid, Signal::Kill)?;
            wait_for(STOP_WITHIN, "a killed process to end", gone)?;
        }
        _ = fs::remove_file(self.join("pid"));
        Ok(true)
    }
}

fn send(pid: u32, signal: Signal) -> Result<()> {
    let status = Command::new("kill").arg(format!("-{}", signal.word())).arg(pid.to_string()).status()?;
    ensure!(status.success(), "kill -{} {pid} failed", signal.word());
    Ok(())
}

/// Sends `question` to a port of this machine and gives the first bytes that come back.
pub(super) fn probe(port: u16, question: &[u8]) -> Option<Vec<u8>> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut stream = TcpStream::connect_timeout(&address, PROBE).ok()?;
    stream.set_read_timeout(Some(PROBE)).ok()?;
    stream.write_all(question).ok()?;
    let mut answer = [0; 64];
    let read = stream.read(&mut answer).ok()?;
    Some(answer[..read].to_vec())
}
