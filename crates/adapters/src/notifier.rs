//! The notifier of one process: sockets of this process hear what its owner tells.
//!
//! The owner's thread asks whether anybody listens and puts what it tells into one bounded channel; a task passes it on
//! to the sockets' own bounded buffers. What finds no room is marked as missed, so that sockets read it from the ledger.

use app::live::{BigWin, Heard, Hold, Line, Listener, RECENT, line};
use app::ports::{Clock, Crowded, Notifier};
use domain::ids::{CampaignId, ShopperId};
use rustc_hash::FxHashMap;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};
use tokio::sync::mpsc;

/// Records on their way from the owner to sockets.
const WAITING: usize = 8_192;
/// Big wins that are told in one second.
const WINS_A_SECOND: u32 = 5;
/// Campaigns whose big wins are kept.
const CAMPAIGNS: usize = 256;

/// How many sockets may be open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crowd {
    /// Open sockets in all.
    pub sockets_max: u32,
    /// Open sockets of one shopper.
    pub sockets_per_shopper: u32,
}

impl Default for Crowd {
    fn default() -> Self {
        Self { sockets_max: 10_000, sockets_per_shopper: 8 }
    }
}

#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are of the large kind; a box would allocate on the owner's thread"
)]
enum Told {
    Heard(Heard),
    Win(BigWin),
}

/// See the module.
pub struct InProcess {
    crowd: Crowd,
    clock: Arc<dyn Clock>,
    lines: RwLock<FxHashMap<ShopperId, Vec<Arc<Line>>>>,
    open: AtomicUsize,
    /// Shoppers whose sockets pass nothing on now, and how many holds each is in.
    held: RwLock<FxHashMap<ShopperId, u32>>,
    told: mpsc::Sender<Told>,
    recent: Mutex<FxHashMap<CampaignId, VecDeque<BigWin>>>,
    /// The second of the last win that was told, and how many were in it.
    second: AtomicI64,
    in_second: AtomicU32,
    me: Weak<InProcess>,
}

impl InProcess {
    /// A notifier and its task, which ends with it. Must be called within a runtime.
    pub fn start(crowd: Crowd, clock: Arc<dyn Clock>) -> Arc<Self> {
        let (told, mut waiting) = mpsc::channel(WAITING);
        let notifier = Arc::new_cyclic(|me| Self {
            crowd,
            clock,
            lines: RwLock::default(),
            open: AtomicUsize::new(0),
            held: RwLock::default(),
            told,
            recent: Mutex::default(),
            second: AtomicI64::new(0),
            in_second: AtomicU32::new(0),
            me: me.clone(),
        });
        let me = Arc::downgrade(&notifier);
        tokio::spawn(async move {
            while let Some(told) = waiting.recv().await {
                let Some(notifier) = me.upgrade() else { return };
                notifier.pass_on(told);
            }
        });
        notifier
    }

    fn read(&self) -> RwLockReadGuard<'_, FxHashMap<ShopperId, Vec<Arc<Line>>>> {
        self.lines.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, FxHashMap<ShopperId, Vec<Arc<Line>>>> {
        self.lines.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn pass_on(&self, told: Told) {
        match told {
            Told::Heard(heard) => {
                let lines = self.read();
                let Some(lines) = lines.get(&heard.shopper) else { return };
                let heard = Arc::new(heard);
                lines.iter().for_each(|line| line.tell(&heard));
            }
            Told::Win(win) => {
                let win = Arc::new(win);
                self.read().values().flatten().for_each(|line| line.shout(&win));
            }
        }
    }

    fn is_held(&self, shopper: ShopperId) -> bool {
        self.held.read().unwrap_or_else(PoisonError::into_inner).contains_key(&shopper)
    }

    fn close(&self, line: &Arc<Line>) {
        let mut lines = self.write();
        if let Some(of_shopper) = lines.get_mut(&line.shopper) {
            of_shopper.retain(|one| !Arc::ptr_eq(one, line));
            if of_shopper.is_empty() {
                lines.remove(&line.shopper);
            }
        }
        let open = self.open.fetch_sub(1, Ordering::AcqRel) - 1;
        metrics::gauge!("koi_live_sockets").set(open as f64);
    }

    /// Whether this second has room for another win.
    fn has_room(&self) -> bool {
        let now = self.clock.now_ms() / 1_000;
        if self.second.swap(now, Ordering::AcqRel) != now {
            self.in_second.store(0, Ordering::Release);
        }
        self.in_second.fetch_add(1, Ordering::AcqRel) < WINS_A_SECOND
    }
}

impl Notifier for InProcess {
    fn is_heard(&self, shopper: ShopperId) -> bool {
        self.open.load(Ordering::Acquire) > 0 && self.read().contains_key(&shopper)
    }

    fn tell(&self, heard: Heard) {
        let shopper = heard.shopper;
        if self.told.try_send(Told::Heard(heard)).is_err() {
            metrics::counter!("koi_live_missed_total").increment(1);
            self.miss(shopper);
        }
    }

    fn miss(&self, shopper: ShopperId) {
        if let Some(lines) = self.read().get(&shopper) {
            lines.iter().for_each(|line| line.miss());
        }
    }

    fn shout(&self, win: BigWin) {
        {
            let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
            if recent.len() < CAMPAIGNS || recent.contains_key(&win.campaign) {
                let wins = recent.entry(win.campaign).or_default();
                wins.push_front(win.clone());
                wins.truncate(RECENT);
            }
        }
        if self.open.load(Ordering::Acquire) > 0 && self.has_room() {
            _ = self.told.try_send(Told::Win(win));
        }
    }

    fn recent(&self, campaign: CampaignId) -> Vec<BigWin> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.get(&campaign).into_iter().flatten().cloned().collect()
    }

    fn listen(&self, shopper: ShopperId) -> Result<Listener, Crowded> {
        let mut lines = self.write();
        if self.open.load(Ordering::Acquire) >= self.crowd.sockets_max as usize {
            return Err(Crowded::All);
        }
        let of_shopper = lines.entry(shopper).or_default();
        if of_shopper.len() >= self.crowd.sockets_per_shopper.max(1) as usize {
            return Err(Crowded::Shopper);
        }
        let (held, gone) = (self.me.clone(), self.me.clone());
        let (line, listener) = line(
            shopper,
            Box::new(move || held.upgrade().is_some_and(|notifier| notifier.is_held(shopper))),
            Box::new(move |line| {
                if let Some(notifier) = gone.upgrade() {
                    notifier.close(line);
                }
            }),
        );
        of_shopper.push(line);
        let open = self.open.fetch_add(1, Ordering::AcqRel) + 1;
        metrics::gauge!("koi_live_sockets").set(open as f64);
        Ok(listener)
    }

    fn hold(self: Arc<Self>, shoppers: Vec<ShopperId>) -> Hold {
        {
            let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
            shoppers.iter().for_each(|shopper| *held.entry(*shopper).or_default() += 1);
        }
        Hold::new(Box::new(move || {
            let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
            for shopper in &shoppers {
                if let Some(holds) = held.get_mut(shopper) {
                    *holds -= 1;
                    if *holds == 0 {
                        held.remove(shopper);
                    }
                }
            }
            drop(held);
            shoppers.iter().for_each(|shopper| self.miss(*shopper));
        }))
    }

    fn dismiss(&self, whom: Option<ShopperId>) {
        let lines = self.read();
        match whom {
            Some(shopper) => lines.get(&shopper).into_iter().flatten().for_each(|line| line.dismiss()),
            None => lines.values().flatten().for_each(|line| line.dismiss()),
        }
    }
}
