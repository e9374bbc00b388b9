//! An answer follows its fsync, and a disk that fails to sync gets no answer at all.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::json;
use xtask::fixture::{shoppers, tight_campaign};
use xtask::http::Answer;
use xtask::process::{free_address, wait_for};

use super::harness::{Koi, assert_problem, draw, print_counters, start_in, unique};

const CALLERS: usize = 32;
const ATTACHED_WITHIN: Duration = Duration::from_secs(30);
const EXITS_WITHIN: Duration = Duration::from_secs(30);
/// Enough of each write for the id of a draw to be seen in it, in bytes.
const TRACED_BYTES: &str = "70000";

/// Installs strace where it is missing; there is no test without it.
fn need_strace() {
    let has = || Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_ok_and(|status| status.success());
    if !has() {
        for arguments in [&["update"][..], &["install", "-y", "--no-install-recommends", "strace"]] {
            let _ = Command::new("apt-get").args(arguments).stdout(Stdio::null()).status();
        }
        assert!(has(), "strace is needed and could not be installed: apt-get install -y strace");
    }
}

/// strace on a running server; detached when dropped.
struct Tracer {
    child: Child,
}

impl Tracer {
    fn attach(koi: &Koi, arguments: &[&str], output: &Path) -> Self {
        let log = koi.dir.join("strace.log");
        let pid = koi.server.pid().to_string();
        let mut command = Command::new("strace");
        command.args(["-f", "-p", &pid, "-o"]).arg(output).args(arguments);
        let child =
            command.stdin(Stdio::null()).stderr(fs::File::create(&log).expect("a log")).spawn().expect("strace starts");
        let mut tracer = Self { child };
        // Every thread is held by the tracer when its status says so.
        let traced = |task: &fs::DirEntry| {
            let status = fs::read_to_string(task.path().join("status")).unwrap_or_default();
            status.lines().any(|line| line.starts_with("TracerPid:") && !line.ends_with("\t0"))
        };
        wait_for(ATTACHED_WITHIN, "strace to attach", || {
            if let Ok(Some(status)) = tracer.child.try_wait() {
                panic!("strace exited {status}: {}", fs::read_to_string(&log).unwrap_or_default());
            }
            let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("threads");
            tasks.flatten().all(|task| traced(&task)).then_some(())
        })
        .expect("strace attaches (it needs the right to ptrace)");
        tracer
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let ended = wait_for(Duration::from_secs(10), "strace to detach", || self.child.try_wait().ok().flatten());
        if ended.is_err() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

#[test]
fn fsync_fails_and_nothing_is_acknowledged() {
    need_strace();
    let mut koi = Koi::start("fsync-fails");
    let campaign = koi.publish(&tight_campaign(2_000, 5));
    let made = shoppers(koi.server.address, &campaign, "sync", CALLERS, 100, 8).expect("shoppers");
    let mut before: Vec<(usize, String, Answer)> = Vec::new();
    for (number, (_, token)) in made.iter().enumerate() {
        let key = unique("sync");
        before.push((number, key.clone(), koi.send(&draw(&campaign, token, &key))));
    }
    assert!(before.iter().all(|(.., answer)| answer.status == 201));

    let inject = ["-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO"];
    let tracer = Tracer::attach(&koi, &inject, &koi.dir.join("strace.out"));
    let keys: Vec<String> = made.iter().map(|_| unique("sync")).collect();
    let answers: Vec<Option<Answer>> = thread::scope(|scope| {
        let call = |((_, token), key): (&(String, String), &String)| {
            let (call, mut client) = (draw(&campaign, token, key), koi.client());
            client.send(&call).ok()
        };
        let workers: Vec<_> = made.iter().zip(&keys).map(|caller| scope.spawn(move || call(caller))).collect();
        workers.into_iter().map(|worker| worker.join().expect("a caller")).collect()
    });
    for answer in answers.iter().flatten() {
        assert_problem("while the disk does not sync", answer, 503, "");
    }
    let status = koi.server.wait(EXITS_WITHIN).expect("it exits after an fsync error");
    assert!(!status.success(), "it exits with an error, not {status}");
    drop(tracer);
    start_fails_while_the_disk_does(&koi);

    koi.restart();
    for (number, key, answer) in &before {
        let replay = koi.send(&draw(&campaign, &made[*number].1, key));
        assert_eq!((replay.status, &replay.body), (201, &answer.body), "acknowledged before, so still there");
    }
    // What was in doubt may have been written or not: its key decides, once, and nothing else has appeared.
    for ((_, token), key) in made.iter().zip(&keys) {
        let settled = koi.send(&draw(&campaign, token, key));
        assert_eq!((settled.status, settled.json()["n"].as_u64()), (201, Some(2)), "{}", settled.text());
        assert_eq!(koi.draws(&campaign, token).len(), 2);
        assert_eq!(koi.me(&campaign, token)["chances"], json!({"granted": 100, "used": 2, "left": 98}));
    }
    let refused = answers.iter().flatten().count();
    let counters = json!({"requests": CALLERS, "acknowledged": 0, "answered_503": refused, "closed": CALLERS - refused,
                          "exit_code": status.code()});
    print_counters("fsync_fails", &counters);
}

/// At a start the log must be synced before anything in it is served as truth.
fn start_fails_while_the_disk_does(koi: &Koi) {
    let start = start_in(&koi.data());
    let serve = start.command(free_address().expect("a port")).expect("a command");
    let mut traced = Command::new("strace");
    traced.args(["-f", "-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO", "-o"]);
    traced.arg(koi.dir.join("strace-start.out")).arg(serve.get_program()).args(serve.get_args());
    traced.envs(serve.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let log = fs::File::create(koi.dir.join("start-fails.log")).expect("a log");
    traced.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let mut child = traced.spawn().expect("strace starts");
    let ended = wait_for(EXITS_WITHIN, "the start to fail", || child.try_wait().ok().flatten());
    if ended.is_err() {
        let _ = child.kill();
    }
    let status = ended.expect("a start on a disk that does not sync ends by itself");
    assert!(!status.success(), "and with an error, not {status}");
}

#[test]
fn fsync_comes_before_every_answer() {
    need_strace();
    let mut koi = Koi::start("fsync-trace");
    let campaign = koi.publish(&tight_campaign(2_000, 5));
    let made = shoppers(koi.server.address, &campaign, "trace", CALLERS, 100, 8).expect("shoppers");
    let output = koi.dir.join("strace.out");
    let calls = "trace=fsync,fdatasync,write,writev,sendto,sendmsg,pwrite64,pwritev";
    let tracer = Tracer::attach(&koi, &["-y", "-s", TRACED_BYTES, "-e", calls], &output);
    let each = 6;
    let ids: Vec<String> = thread::scope(|scope| {
        let workers: Vec<_> = made
            .iter()
            .map(|(_, token)| {
                let (campaign, mut client) = (&campaign, koi.client());
                scope.spawn(move || {
                    let mut ids = Vec::new();
                    for _ in 0..each {
                        let drawn = client.send(&draw(campaign, token, &unique("trace"))).expect("an answer");
                        ids.push(drawn.json()["id"].as_str().expect("a draw").to_owned());
                    }
                    ids
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("draws")).collect()
    });
    drop(tracer);
    koi.server.stop().expect("it stops");
    let trace = String::from_utf8_lossy(&fs::read(&output).expect("a trace")).into_owned();
    let order = Order::read(&trace);
    let (mut synced, mut unseen) = (0, Vec::new());
    for id in &ids {
        match order.judge(id) {
            Some(true) => synced += 1,
            Some(false) => panic!("draw {id} was answered before its append was synced; see {}", output.display()),
            None => unseen.push(id),
        }
    }
    print_counters("fsync_trace", &json!({"draws": ids.len(), "synced_before_answer": synced, "unseen": unseen.len()}));
    // An id may lie across two pages of a write; but few do.
    assert!(unseen.len() * 10 <= ids.len(), "appends or answers not seen in the trace: {unseen:?}");
}

/// A trace as a list of writes and completed syncs, in the order they happened.
struct Order<'a> {
    /// Line number, file and text of each write; the file of a socket starts with `TCP:` or `socket:`.
    writes: Vec<(usize, &'a str, &'a str)>,
    /// Line number at which a sync of a file was done.
    syncs: Vec<(usize, &'a str)>,
}

impl<'a> Order<'a> {
    fn read(trace: &'a str) -> Self {
        let mut order = Order { writes: Vec::new(), syncs: Vec::new() };
        let mut syncing: HashMap<&str, &str> = HashMap::new();
        for (number, line) in trace.lines().enumerate() {
            let Some((pid, rest)) = line.split_once(' ') else { continue };
            let rest = rest.trim_start();
            if rest.starts_with("<... fsync resumed>") || rest.starts_with("<... fdatasync resumed>") {
                if let Some(file) = syncing.remove(pid)
                    && rest.ends_with("= 0")
                {
                    order.syncs.push((number, file));
                }
                continue;
            }
            let Some((name, arguments)) = rest.split_once('(') else { continue };
            let file =
                arguments.split_once('<').and_then(|(_, after)| after.split_once('>')).map_or("", |(file, _)| file);
            if name == "fsync" || name == "fdatasync" {
                if rest.ends_with("= 0") {
                    order.syncs.push((number, file));
                } else if rest.ends_with("<unfinished ...>") {
                    syncing.insert(pid, file);
                }
            } else if name.contains("write") || name.starts_with("send") {
                order.writes.push((number, file, arguments));
            }
        }
        order
    }

    /// Whether the append that holds a draw's id was synced before the answer that holds it; `None` when either is unseen.
    fn judge(&self, id: &str) -> Option<bool> {
        let is_socket = |file: &str| !file.starts_with('/');
        // An id may lie across two pages of its append; the rows that projection makes of it later are no append.
        let is_ledger = |file: &str| !is_socket(file) && !file.contains("/records.db");
        let (append, file, _) = self.writes.iter().find(|(_, file, text)| is_ledger(file) && text.contains(id))?;
        let (answer, ..) = self.writes.iter().find(|(_, file, text)| is_socket(file) && text.contains(id))?;
        Some(self.syncs.iter().any(|(sync, synced)| synced == file && append < sync && sync < answer))
    }
}

#[test]
fn traces_are_judged() {
    let (append, answer) =
        ("7 pwrite64(9</d/l-wal>, \"..123..\", 4096, 0) = 4096", "8 writev(12<TCP:[1]>, [\"x 123\"], 1) = 5");
    let check = |lines: &[&str], expect: Option<bool>| {
        let trace = lines.join("\n");
        assert_eq!(Order::read(&trace).judge("123"), expect, "{trace}");
    };
    check(&[append, "7 fdatasync(9</d/l-wal>) = 0", answer], Some(true));
    check(&[append, "7 fdatasync(9</d/l-wal> <unfinished ...>", "7 <... fdatasync resumed>) = 0", answer], Some(true));
    check(&[append, "7 fdatasync(9</d/l-wal> <unfinished ...>", answer, "7 <... fdatasync resumed>) = 0"], Some(false));
    check(&[append, "7 fdatasync(9</d/l-wal>) = -1 EIO (Input/output error) (INJECTED)", answer], Some(false));
    check(&["7 fdatasync(9</d/l-wal>) = 0", append, answer], Some(false));
    check(&[append, "7 fdatasync(5</d/other>) = 0", answer], Some(false));
    check(&[append, answer], Some(false));
    check(&[answer], None);
    check(&[answer, "7 pwrite64(9</d/records.db-wal>, \"..123..\", 4096, 0) = 4096"], None);
}
