//! Sockets of shoppers whose owner is on another node.
//!
//! A node that has such a socket asks the shopper's owner to be told, and asks again before [`LEASE`] is over. The owner's
//! node then sends it every record of that shopper that has something to tell, numbered: a number that is skipped says
//! that something was lost on the way, and so does the count that comes with the next renewal. Then, and whenever the
//! stream is another one because the owner has moved, sockets read what they missed from what is durable, as they do after
//! a cut. So nothing here needs to be reliable, only bounded.
//!
//! What concerns everybody (big wins, shoppers who are to go) is sent to all nodes that own a log.

use super::{BigWin, Heard, Hold, Listener};
use crate::owners::{Call, as_text, write_call};
use crate::ports::{Crowded, Notifier, Parcel, Peers, Route};
use bytes::Bytes;
use domain::ids::{CampaignId, PARTITIONS, ShopperId};
use domain::record::{Record, decode};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// For how long a node is told without asking again.
pub const LEASE: Duration = Duration::from_secs(15);
/// Messages that wait for one node; what finds no room is missed.
const WAITING: usize = 4_096;
/// Messages of one request.
const AT_ONCE: usize = 256;
/// How long a request may take, and how long a way that nobody uses is kept.
const SEND: Duration = Duration::from_secs(3);
const UNUSED: Duration = Duration::from_secs(60);
/// Big wins that other nodes are told of in one second.
const WINS_A_SECOND: u32 = 5;

/// What nodes tell each other's sockets.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Told {
    /// The `nth` record of a stream, and where it stands in its log.
    Heard {
        stream: u64,
        nth: u64,
        offset: u64,
        #[serde(with = "as_text")]
        record: Vec<u8>,
    },
    Win(BigWin),
    /// Something of these shoppers is durable that no record tells of: their strategies are new.
    Missed(Vec<ShopperId>),
    /// A shopper's sockets are to go.
    Dismissed(ShopperId),
}

/// A node that hears of a shopper.
struct Follower {
    to: Arc<str>,
    stream: u64,
    told: u64,
    until: Instant,
}

#[derive(Default)]
struct Followers {
    of: FxHashMap<ShopperId, SmallVec<[Follower; 1]>>,
    swept: Option<Instant>,
}

/// What this node hears of a shopper owned elsewhere.
struct Followed {
    stream: u64,
    received: u64,
    renewed: Instant,
}

/// The notifier of a node: its own sockets, and the way to those of the others.
pub struct Afar {
    near: Arc<dyn Notifier>,
    peers: Arc<dyn Peers>,
    runtime: Handle,
    followers: RwLock<Followers>,
    /// Shoppers with followers, so that a node without any pays nothing.
    count: AtomicUsize,
    outboxes: Mutex<FxHashMap<Arc<str>, mpsc::Sender<Told>>>,
    followed: Mutex<FxHashMap<ShopperId, Followed>>,
    /// The second of the last win that was passed on, and how many were in it.
    wins: Mutex<Option<(Instant, u32)>>,
}

impl Told {
    /// Whose strategies are new.
    pub(crate) fn composed(&self) -> &[ShopperId] {
        match self {
            Told::Missed(shoppers) => shoppers,
            _ => &[],
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A record's bytes: what the ledger holds of it, without what only the ledger needs.
fn encoded(heard: &Heard) -> Vec<u8> {
    let record = Record {
        epoch: 0,
        owner: 0,
        part: heard.shopper.partition(),
        at_ms: heard.at_ms,
        shopper: heard.shopper,
        keys: SmallVec::new(),
        facts: heard.facts.clone(),
        answer: &heard.answer,
    };
    let mut bytes = Vec::new();
    record.encode(&mut bytes);
    bytes
}

fn decoded(offset: u64, bytes: &[u8]) -> Option<Heard> {
    let record = decode(bytes).inspect_err(|error| tracing::warn!(%error, "another node's message cannot be read"));
    let Record { at_ms, shopper, facts, answer, .. } = record.ok()?;
    Some(Heard { shopper, offset, at_ms, facts, answer: Bytes::copy_from_slice(answer) })
}

impl Afar {
    /// Beside the sockets of this process. Must be called within a runtime.
    pub fn new(near: Arc<dyn Notifier>, peers: Arc<dyn Peers>) -> Arc<Self> {
        let runtime = Handle::current();
        Arc::new(Self {
            near,
            peers,
            runtime,
            followers: RwLock::default(),
            count: AtomicUsize::new(0),
            outboxes: Mutex::default(),
            followed: Mutex::default(),
            wins: Mutex::default(),
        })
    }

    /// At the owner: from here on the node at `to` is told of a shopper, until the lease is over. Gives the stream's number
    /// and how much it has told.
    pub(crate) fn lease(&self, shopper: ShopperId, to: &str) -> (u64, u64) {
        let now = Instant::now();
        let mut followers = self.followers.write().unwrap_or_else(PoisonError::into_inner);
        if followers.swept.is_none_or(|swept| swept + LEASE < now) {
            followers.swept = Some(now);
            followers.of.retain(|_, of| of.iter().any(|one| one.until > now));
        }
        let of = followers.of.entry(shopper).or_default();
        of.retain(|one| one.until > now);
        let until = now + LEASE;
        let leased = match of.iter_mut().find(|one| *one.to == *to) {
            Some(one) => {
                one.until = until;
                (one.stream, one.told)
            }
            None => {
                // Zero is nobody's.
                let stream = crate::random::word() | 1;
                of.push(Follower { to: to.into(), stream, told: 0, until });
                (stream, 0)
            }
        };
        self.count.store(followers.of.len(), Ordering::Release);
        leased
    }

    /// At the socket's node: the owner has taken the lease.
    pub(crate) fn leased(&self, shopper: ShopperId, stream: u64, told: u64) {
        let now = Instant::now();
        let missed = {
            let mut followed = lock(&self.followed);
            if followed.len().is_power_of_two() {
                followed.retain(|_, known| known.renewed + LEASE > now);
            }
            let known = followed.entry(shopper).or_insert(Followed { stream, received: told, renewed: now });
            let before = if known.stream == stream { known.received } else { told };
            *known = Followed { stream, received: before.max(told), renewed: now };
            before < told
        };
        if missed {
            self.near.miss(shopper);
        }
    }

    /// The stream by which this node hears of a shopper owned elsewhere; 0 where by none.
    pub(crate) fn stream(&self, shopper: ShopperId) -> u64 {
        lock(&self.followed).get(&shopper).map_or(0, |known| known.stream)
    }

    /// What another node tells.
    pub(crate) fn hear(&self, all: Vec<Told>) {
        for told in all {
            match told {
                Told::Heard { stream, nth, offset, record } => self.hear_record(stream, nth, offset, &record),
                Told::Win(win) => self.near.shout(win),
                Told::Missed(shoppers) => shoppers.into_iter().for_each(|shopper| self.near.miss(shopper)),
                Told::Dismissed(shopper) => self.near.dismiss(Some(shopper)),
            }
        }
    }

    fn hear_record(&self, stream: u64, nth: u64, offset: u64, record: &[u8]) {
        let Some(heard) = decoded(offset, record) else { return };
        let is_next = match lock(&self.followed).get_mut(&heard.shopper) {
            Some(known) if known.stream == stream => {
                let is_next = nth == known.received + 1;
                known.received = known.received.max(nth);
                is_next
            }
            // Told before its lease is known here, or of an owner that is none any more.
            _ => false,
        };
        if is_next {
            self.near.tell(heard);
        } else {
            self.near.miss(heard.shopper);
        }
    }

    /// Puts a message on its way; where there is no room it is missed.
    fn put(&self, to: &Arc<str>, told: Told) {
        let mut outboxes = lock(&self.outboxes);
        if outboxes.get(to).is_none_or(mpsc::Sender::is_closed) {
            let (outbox, queue) = mpsc::channel(WAITING);
            self.runtime.spawn(bring(self.peers.clone(), to.clone(), queue));
            outboxes.insert(to.clone(), outbox);
        }
        if outboxes.get(to).is_some_and(|outbox| outbox.try_send(told).is_err()) {
            metrics::counter!("koi_live_missed_total").increment(1);
        }
    }

    fn put_everywhere(&self, told: &Told) {
        let routes = (0..PARTITIONS).filter_map(|part| self.peers.route(part)).filter(|route| !route.here);
        let addresses: FxHashSet<Arc<str>> = routes.map(|route| route.address).collect();
        addresses.iter().for_each(|to| self.put(to, told.clone()));
    }

    fn send(&self, heard: &Heard) {
        let (now, mut record) = (Instant::now(), None);
        let mut followers = self.followers.write().unwrap_or_else(PoisonError::into_inner);
        for one in followers.of.get_mut(&heard.shopper).into_iter().flatten().filter(|one| one.until > now) {
            one.told += 1;
            let record = record.get_or_insert_with(|| encoded(heard)).clone();
            self.put(&one.to, Told::Heard { stream: one.stream, nth: one.told, offset: heard.offset, record });
        }
    }

    /// Whether this second has room for another win on the way to other nodes.
    fn has_room(&self) -> bool {
        let now = Instant::now();
        let mut wins = lock(&self.wins);
        let (since, count) = wins.filter(|(since, _)| since.elapsed() < Duration::from_secs(1)).unwrap_or((now, 0));
        *wins = Some((since, count + 1));
        count < WINS_A_SECOND
    }
}

/// Brings one node what is put into its queue, in order, until nothing has come for long.
async fn bring(peers: Arc<dyn Peers>, to: Arc<str>, mut queue: mpsc::Receiver<Told>) {
    let route = Route { epoch: 0, address: to, here: false };
    while let Ok(Some(first)) = timeout(UNUSED, queue.recv()).await {
        let mut all = vec![first];
        while all.len() < AT_ONCE
            && let Ok(next) = queue.try_recv()
        {
            all.push(next);
        }
        let Ok(body) = write_call(&Call::Told(all)) else { continue };
        let parcel = Parcel { part: u8::MAX, request: crate::random::word(), body };
        // What does not arrive is missed, which the next number or the next renewal says.
        _ = timeout(SEND, peers.send(&route, &parcel)).await;
    }
}

impl Notifier for Afar {
    fn is_heard(&self, shopper: ShopperId) -> bool {
        let afar = || self.followers.read().unwrap_or_else(PoisonError::into_inner).of.contains_key(&shopper);
        self.near.is_heard(shopper) || (self.count.load(Ordering::Acquire) > 0 && afar())
    }

    fn tell(&self, heard: Heard) {
        if self.count.load(Ordering::Acquire) > 0 {
            self.send(&heard);
        }
        if self.near.is_heard(heard.shopper) {
            self.near.tell(heard);
        }
    }

    fn miss(&self, shopper: ShopperId) {
        self.near.miss(shopper);
    }

    fn shout(&self, win: BigWin) {
        if self.has_room() {
            self.put_everywhere(&Told::Win(win.clone()));
        }
        self.near.shout(win);
    }

    fn recent(&self, campaign: CampaignId) -> Vec<BigWin> {
        self.near.recent(campaign)
    }

    fn listen(&self, shopper: ShopperId) -> Result<Listener, Crowded> {
        self.near.listen(shopper)
    }

    fn hold(self: Arc<Self>, shoppers: Vec<ShopperId>) -> Hold {
        let near = self.near.clone().hold(shoppers.clone());
        Hold::new(Box::new(move || {
            drop(near);
            self.put_everywhere(&Told::Missed(shoppers));
        }))
    }

    fn dismiss(&self, whom: Option<ShopperId>) {
        if let Some(shopper) = whom {
            self.put_everywhere(&Told::Dismissed(shopper));
        }
        self.near.dismiss(whom);
    }
}
