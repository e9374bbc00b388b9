//! Passive checkpoints beside the writer: they copy the log into the file without ever making the writer wait.

use super::connect;
use rusqlite::OpenFlags;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

/// Appended bytes after which a checkpoint is worth its fsync.
const EVERY: usize = 16 << 20;

/// The thread that checkpoints.
pub(super) struct Checkpointer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    last: usize,
}

struct Shared {
    wanted: AtomicUsize,
    stop: AtomicBool,
}

impl Checkpointer {
    pub fn start(path: PathBuf) -> Self {
        let shared = Arc::new(Shared { wanted: AtomicUsize::new(0), stop: AtomicBool::new(false) });
        let seen = shared.clone();
        let thread = std::thread::Builder::new().name("koi-checkpoint".into()).spawn(move || run(&path, &seen)).ok();
        Self { shared, thread, last: 0 }
    }

    /// Tells how many bytes the log has grown to; wakes the thread when that is worth it.
    pub fn nudge(&mut self, logged: usize) {
        if logged < self.last {
            self.last = 0;
        }
        if logged - self.last >= EVERY {
            self.last = logged;
            self.shared.wanted.fetch_add(1, Ordering::Release);
            if let Some(thread) = &self.thread {
                thread.thread().unpark();
            }
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            _ = thread.join();
        }
    }
}

fn run(path: &std::path::Path, shared: &Shared) {
    crate::background::give_way();
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let Ok(connection) = connect(path, flags) else {
        tracing::warn!("no checkpoints beside the writer; it makes them itself");
        return;
    };
    let mut done = 0;
    loop {
        if shared.stop.load(Ordering::Acquire) {
            return;
        }
        let wanted = shared.wanted.load(Ordering::Acquire);
        if wanted == done {
            std::thread::park();
            continue;
        }
        done = wanted;
        if let Err(error) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
            tracing::warn!(%error, "a checkpoint failed; the next one comes with more to do");
        }
    }
}
