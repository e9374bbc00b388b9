//! The way from whoever tells to one socket: a bounded buffer, and a mark where it did not hold all.

use super::{BUFFER, BigWin, Heard};
use domain::ids::ShopperId;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{Notify, mpsc};

/// What goes through a line.
#[derive(Debug, Clone)]
pub enum Item {
    Heard(Arc<Heard>),
    Win(Arc<BigWin>),
}

/// The telling end.
#[derive(Debug)]
pub struct Line {
    pub shopper: ShopperId,
    buffer: mpsc::Sender<Item>,
    missed: AtomicBool,
    dismissed: AtomicBool,
    woken: Notify,
}

/// Says whether what a listener heard must wait.
type Held = Box<dyn Fn() -> bool + Send + Sync>;
/// What is done when a listener is gone.
type Gone = Box<dyn FnOnce(&Arc<Line>) + Send + Sync>;

/// A line for a shopper and the end that hears. `gone` runs when that end is dropped; `held` says whether what it heard
/// must wait.
pub fn line(shopper: ShopperId, held: Held, gone: Gone) -> (Arc<Line>, Listener) {
    let (buffer, heard) = mpsc::channel(BUFFER);
    let line = Arc::new(Line {
        shopper,
        buffer,
        missed: AtomicBool::new(false),
        dismissed: AtomicBool::new(false),
        woken: Notify::new(),
    });
    let listener = Listener { line: line.clone(), heard, held, gone: Some(gone) };
    (line, listener)
}

impl Line {
    /// Passes a record on; where the buffer is full the listener reads it from the ledger.
    pub fn tell(&self, heard: &Arc<Heard>) {
        if self.buffer.try_send(Item::Heard(heard.clone())).is_err() {
            self.miss();
        }
    }

    /// Passes a big win on; one that finds no room is not told.
    pub fn shout(&self, win: &Arc<BigWin>) {
        _ = self.buffer.try_send(Item::Win(win.clone()));
    }

    /// Marks that something was not passed on.
    pub fn miss(&self) {
        self.missed.store(true, Ordering::Release);
        self.woken.notify_one();
    }

    /// Tells the listener to go.
    pub fn dismiss(&self) {
        self.dismissed.store(true, Ordering::Release);
        self.woken.notify_one();
    }
}

/// What a listener is to do next.
#[derive(Debug)]
pub enum Next {
    /// Pass this record's messages on.
    Heard(Arc<Heard>),
    /// Pass this on.
    Win(Arc<BigWin>),
    /// Read on from what is durable.
    Missed,
    /// Close.
    Dismissed,
}

/// The hearing end, for one socket.
pub struct Listener {
    line: Arc<Line>,
    heard: mpsc::Receiver<Item>,
    held: Held,
    gone: Option<Gone>,
}

impl Listener {
    /// Waits for what there is to do. Cancelling the wait loses nothing.
    ///
    /// The mark is looked at after an item was taken: whoever could not pass a record on set it before passing a later
    /// one, so a later record is never taken for the next.
    pub async fn next(&mut self) -> Next {
        loop {
            if self.line.dismissed.load(Ordering::Acquire) {
                return Next::Dismissed;
            }
            if !(self.held)() && self.line.missed.swap(false, Ordering::AcqRel) {
                return Next::Missed;
            }
            tokio::select! {
                biased;
                () = self.line.woken.notified() => {}
                item = self.heard.recv() => match item {
                    // What is taken while held stands in the ledger too: it is read from there when the hold is over.
                    Some(Item::Heard(_)) if (self.held)() => self.line.miss(),
                    Some(Item::Heard(_)) if self.line.missed.load(Ordering::Acquire) => {}
                    Some(Item::Heard(heard)) => return Next::Heard(heard),
                    Some(Item::Win(win)) => return Next::Win(win),
                    None => return Next::Dismissed,
                },
            }
        }
    }

    /// Whether what was just read must not be passed on yet: it is read again when the hold is over, which wakes.
    pub fn is_held(&self) -> bool {
        let held = (self.held)();
        if held {
            self.line.miss();
        }
        held
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(gone) = self.gone.take() {
            gone(&self.line);
        }
    }
}

/// Holds back the listeners of some shoppers; see [`crate::ports::Notifier::hold`].
pub struct Hold {
    release: Option<Box<dyn FnOnce() + Send>>,
}

impl Hold {
    /// A hold that runs `release` when it is dropped.
    pub fn new(release: Box<dyn FnOnce() + Send>) -> Self {
        Self { release: Some(release) }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(release) = self.release.take() {
            release();
        }
    }
}
