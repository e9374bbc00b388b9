//! Starting and stopping the real `koi`, every wait with a bound.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use crate::http::{Call, Client};

/// How long a start may take before it counts as failed.
pub const READY_WITHIN: Duration = Duration::from_secs(60);
/// How long a drain after SIGTERM may take.
pub const STOP_WITHIN: Duration = Duration::from_secs(30);
/// Between two looks at a condition.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// A free port may be taken by someone else before the server binds it; so often another one is tried.
const PORT_TRIES: u32 = 4;

/// Looks until `look` finds something or the time is over.
///
/// # Errors
/// Names `what` when the time is over.
pub fn wait_for<T>(within: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        if start.elapsed() > within {
            bail!("waited {within:?} in vain for {what}");
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// A time as RFC 3339 in UTC, from Unix seconds (civil-from-days by Howard Hinnant, 2013).
pub fn rfc3339(unix_s: i64) -> String {
    let (days, second) = (unix_s.div_euclid(86_400), unix_s.rem_euclid(86_400));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}Z", second % 60)
}

/// RFC 3339 of now plus so many seconds.
pub fn from_now(seconds: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
    rfc3339(now + seconds)
}

/// A directory of its own, removed at the end; kept, and told, when the thread panics, so that it can be looked at.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes `base/name-PID-COUNT`.
    ///
    /// # Errors
    /// When the directory cannot be made.
    pub fn new(base: &Path, name: &str) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let unique = format!("{name}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = base.join(unique);
        if path.exists() {
            fs::remove_dir_all(&path).with_context(|| format!("cannot clear {}", path.display()))?;
        }
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self { path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path inside it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("kept for a look: {}", self.path.display());
        } else {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// How to start a server.
#[derive(Debug, Clone)]
pub struct Start {
    /// The `koi` binary.
    pub binary: PathBuf,
    /// The data directory.
    pub data: PathBuf,
    /// Where its output is appended to.
    pub log: PathBuf,
    /// Further environment variables.
    pub envs: Vec<(String, String)>,
    /// Further arguments after `serve`.
    pub args: Vec<OsString>,
    /// Where to listen; a free port of this machine when `None`.
    pub listen: Option<SocketAddr>,
}

impl Start {
    /// A server on `data` with the log beside it.
    pub fn new(binary: impl Into<PathBuf>, data: impl Into<PathBuf>) -> Self {
        let data = data.into();
        let mut log = data.clone().into_os_string();
        log.push(".log");
        Self { binary: binary.into(), data, log: log.into(), envs: Vec::new(), args: Vec::new(), listen: None }
    }

    /// The same with one more environment variable.
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.envs.push((name.to_owned(), value.into()));
        self
    }

    /// The command that serves on `address`, its output going to the log.
    ///
    /// # Errors
    /// When the log cannot be opened.
    pub fn command(&self, address: SocketAddr) -> Result<Command> {
        let log = append_to(&self.log)?;
        let mut command = Command::new(&self.binary);
        command.args(["serve", "--listen", &address.to_string(), "--data"]).arg(&self.data).args(&self.args);
        command.envs(self.envs.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Ok(command)
    }

    /// Starts it and waits until `/readyz` answers 200.
    ///
    /// # Errors
    /// When it exits or is not ready within [`READY_WITHIN`].
    pub fn start(&self) -> Result<Server> {
        self.start_within(READY_WITHIN)
    }

    /// [`Start::start`] with another bound.
    ///
    /// # Errors
    /// As there.
    pub fn start_within(&self, within: Duration) -> Result<Server> {
        for try_number in 1.. {
            let address = self.listen.map_or_else(free_address, Ok)?;
            let log_from = fs::metadata(&self.log).map_or(0, |meta| meta.len());
            let started = Instant::now();
            let child =
                self.command(address)?.spawn().with_context(|| format!("cannot start {}", self.binary.display()))?;
            let mut server = Server { child, address, ready_ms: 0.0, log: self.log.clone() };
            match server.await_ready(started, within) {
                Ok(()) => return Ok(server),
                Err(error) => {
                    let log = fs::read(&self.log).unwrap_or_default();
                    let tail = String::from_utf8_lossy(&log[(log_from as usize).min(log.len())..]).into_owned();
                    let taken = tail.to_lowercase().contains("in use") && self.listen.is_none();
                    if !taken || try_number >= PORT_TRIES {
                        return Err(error.context(format!("its log {}:\n{tail}", self.log.display())));
                    }
                }
            }
        }
        unreachable!("the loop ends by returning")
    }
}

/// A running server; killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// From the start of the process to the first 200 of `/readyz`, in milliseconds.
    pub ready_ms: f64,
    /// Its log.
    pub log: PathBuf,
}

impl Server {
    fn await_ready(&mut self, started: Instant, within: Duration) -> Result<()> {
        let mut client = Client::new(self.address).with_timeout(Duration::from_secs(5));
        let child = &mut self.child;
        let exited = wait_for(within, "/readyz", || {
            if let Ok(Some(status)) = child.try_wait() {
                return Some(Some(status));
            }
            let ready = client.send(&Call::get("/readyz")).is_ok_and(|answer| answer.status == 200);
            ready.then_some(None)
        })?;
        if let Some(status) = exited {
            bail!("koi exited before it was ready: {status}");
        }
        self.ready_ms = started.elapsed().as_secs_f64() * 1_000.0;
        Ok(())
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A client of it.
    pub fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// SIGKILL, and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends a signal by name (`TERM`, `STOP`, `CONT`).
    ///
    /// # Errors
    /// When `kill` fails.
    pub fn signal(&self, name: &str) -> Result<()> {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.pid().to_string()).status()?;
        if !status.success() {
            bail!("kill -{name} failed: {status}");
        }
        Ok(())
    }

    /// Whether it has exited, without waiting.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits until it exits by itself.
    ///
    /// # Errors
    /// When it still runs after `within`.
    pub fn wait(&mut self, within: Duration) -> Result<ExitStatus> {
        let child = &mut self.child;
        wait_for(within, "koi to exit", || child.try_wait().ok().flatten())
    }

    /// SIGTERM, then waits for the drain.
    ///
    /// # Errors
    /// When it still runs after [`STOP_WITHIN`].
    pub fn stop(&mut self) -> Result<ExitStatus> {
        self.signal("TERM")?;
        self.wait(STOP_WITHIN)
    }

    /// The highest resident set so far, in MiB (`VmHWM`); 0 when the process is gone.
    pub fn peak_rss_mb(&self) -> f64 {
        peak_rss_mb(self.pid())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The highest resident set of a process so far, in MiB (`VmHWM`); 0 when it is gone.
pub fn peak_rss_mb(pid: u32) -> f64 {
    status_mb(pid, "VmHWM:")
}

/// What a process holds in memory of its own now, in MiB (`RssAnon`: without files that are mapped); 0 when it is gone.
pub fn anonymous_mb(pid: u32) -> f64 {
    status_mb(pid, "RssAnon:")
}

/// Seconds of processor time that a process has used so far, its threads' together; 0 when it is gone.
pub fn cpu_seconds(pid: u32) -> f64 {
    /// Clock ticks of a second, as Linux tells them to programs on every machine that it runs on.
    const TICKS: f64 = 100.0;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name in brackets may hold anything; the times are the 12th and 13th field behind it.
    let behind = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = behind.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok());
    ticks.sum::<f64>() / TICKS
}

fn status_mb(pid: u32, name: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().next().and_then(|kb| kb.parse::<f64>().ok()).map_or(0.0, |kb| kb / 1_024.0)
}

/// Runs a command to its end and gives its output.
///
/// # Errors
/// When it cannot be started or still runs after `within`; it is killed then.
pub fn run(command: &mut Command, within: Duration) -> Result<Output> {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.with_context(|| format!("cannot start {}", command.get_program().display()))?;
    let pid = child.id();
    // The pipes are drained by threads of their own: a child that fills one would otherwise never exit.
    let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
    let read_out = thread::spawn(move || read_all(out.as_mut()));
    let read_err = thread::spawn(move || read_all(err.as_mut()));
    let waited = wait_for(within, &format!("process {pid} to exit"), || child.try_wait().ok().flatten());
    if waited.is_err() {
        let _ = child.kill();
        let _ = child.wait();
    }
    let stdout = read_out.join().unwrap_or_default();
    let stderr = read_err.join().unwrap_or_default();
    Ok(Output { status: waited?, stdout, stderr })
}

fn read_all(from: Option<&mut impl std::io::Read>) -> Vec<u8> {
    let mut all = Vec::new();
    if let Some(from) = from {
        let _ = from.read_to_end(&mut all);
    }
    all
}

/// An address of this machine that nobody listens on at the moment.
///
/// # Errors
/// When no port can be bound.
pub fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port")?;
    Ok(listener.local_addr()?)
}

fn append_to(path: &Path) -> Result<File> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    OpenOptions::new().create(true).append(true).open(path).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc3339() {
        for (unix_s, want) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_210_096, "2024-02-29T12:34:56Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (-1, "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(unix_s), want);
        }
    }

    #[test]
    fn a_wait_has_an_end() {
        let waited = wait_for(Duration::from_millis(20), "a thing that never comes", || None::<()>);
        assert!(waited.is_err_and(|error| error.to_string().contains("a thing that never comes")));
        let late = run(Command::new("sleep").arg("30"), Duration::from_millis(50));
        assert!(late.is_err(), "a command that does not end is killed");
    }
}
