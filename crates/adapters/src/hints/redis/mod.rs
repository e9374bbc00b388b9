//! Hints in Redis, shared by all nodes.
//!
//! Each question is one function call or command, one round trip on a connection that all requests share. Time is the
//! asking node's: a node whose clock is seconds off sees fewer hints, no false ones.
//!
//! Who is drawing is a bit in a bitmap of that second, of which this and the last are read, so a bit is never older than
//! two seconds and nothing has to be taken back after a crash: whole keys expire.

mod layout;
mod link;

use super::{BadOptions, Engine, Memory, Options};
use app::live::TICKET_LIFE;
use app::ports::{Clock, HOT_LIFE, Hints, Hot, HotStrategy, JobCursor, Mark, Noted, PortError, PortResult, TicketFor};
use async_trait::async_trait;
use domain::ids::{CampaignId, ShopperId};
use layout::{Layout, ROOM, Spot};
use link::{Link, Lost};
use redis::Cmd;
use std::sync::Arc;
use std::time::Duration;

/// For how long a bitmap of one second is kept. Only two seconds of it are read; the rest is for clocks that differ.
const DRAWING_KEPT: Duration = Duration::from_secs(10);
/// For how long the marks of a day are kept: a day and what time zones and clocks may differ by.
const DAY_KEPT: Duration = Duration::from_secs(50 * 3_600);
/// For how long a campaign's marks are kept after the first one: longer campaigns only have fewer hints.
const CAMPAIGN_KEPT: Duration = Duration::from_secs(100 * 24 * 3_600);
/// For how long a job's cursor is kept after its last step.
const CURSOR_KEPT: Duration = Duration::from_secs(600);
/// Characters of a strategy's stamp, and with the generation of all before the slots.
const STAMP: usize = 16;
const BEFORE_SLOTS: usize = STAMP + 10;
/// Characters of a cursor's stamp: what decides which of two is further.
const CURSOR_STAMP: usize = 31;
const CURSOR: usize = CURSOR_STAMP + 40;
/// What a ticket is for, in the first byte of its value.
const FOR_SHOPPER: u8 = b's';
const FOR_FIGURES: u8 = b'f';

/// What only measurements set otherwise.
#[derive(Debug, Clone, Copy)]
pub struct Tuning {
    /// For how long a bitmap of one second is kept.
    pub drawing_kept: Duration,
}

impl Default for Tuning {
    fn default() -> Self {
        Self { drawing_kept: DRAWING_KEPT }
    }
}

/// See the module.
pub struct Redis {
    shared: Arc<Shared>,
    prefix: String,
    /// What this process knows by itself while Redis is away.
    own: Memory,
    clock: Arc<dyn Clock>,
    tuning: Tuning,
}

/// What outlives a request that is not waited for.
struct Shared {
    link: Arc<Link>,
    layout: Layout,
}

impl Redis {
    /// Starts to use the engine: at once where it answers, else as soon as it does.
    ///
    /// # Errors
    /// The URL cannot be meant.
    pub async fn start(
        engine: Engine,
        options: &Options,
        tuning: Tuning,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, BadOptions> {
        let link = Link::start(engine, options.wait(), &options.prefix).await.map_err(|_| BadOptions::Url)?;
        let layout = Layout::new(&options.prefix, options.shoppers);
        let own = Memory::new(clock.clone());
        Ok(Self { shared: Arc::new(Shared { link, layout }), prefix: options.prefix.clone(), own, clock, tuning })
    }

    /// The keys of a shopper's directory and of this and the last second's bitmaps.
    fn drawing_keys(&self, spot: &Spot) -> [String; 3] {
        let second = self.clock.now_ms().div_euclid(1_000);
        let bitmap = |second: i64| self.shared.layout.key(spot.bucket, format_args!("b{:x}", second.max(0)));
        [self.shared.directory(spot), bitmap(second), bitmap(second - 1)]
    }

    fn ticket_key(&self, hash: &[u8; 32]) -> Vec<u8> {
        let mut key = format!("{}:t:", self.prefix).into_bytes();
        key.extend_from_slice(hash);
        key
    }

    fn strategy_key(&self, shopper: ShopperId, campaign: CampaignId) -> String {
        let spot = self.shared.layout.spot(shopper);
        self.shared.layout.key(spot.bucket, format_args!("s{:x}:{:x}", campaign.0, shopper.0))
    }

    fn cursor_key(&self, campaign: CampaignId, part: Option<u8>) -> String {
        let of_all = format!("{}:c:{:x}", self.prefix, campaign.0);
        match part {
            None => of_all,
            Some(part) => format!("{of_all}:{part}"),
        }
    }

    /// Asks beside the request; nothing where there is nobody to ask.
    fn note(&self, question: impl FnOnce() -> Cmd, saw: Option<Spot>) -> Option<Noted> {
        if !self.shared.link.is_open() {
            return None;
        }
        let (shared, question) = (self.shared.clone(), question());
        let noted = tokio::spawn(async move {
            let place = shared.link.ask::<Option<i64>>(&question).await;
            if let (Some(spot), Ok(Some(place))) = (saw, place) {
                shared.layout.saw(&spot, place);
            }
        });
        Some(Box::pin(async move { _ = noted.await }))
    }

    fn keep(&self, key: String, value: String, stamp: usize, kept: Duration) -> Option<Noted> {
        let question = || {
            let mut question = self.shared.link.function("keep");
            question.arg(1).arg(key).arg(value).arg(stamp).arg(kept.as_millis() as u64);
            question
        };
        self.note(question, None)
    }
}

impl Shared {
    fn directory(&self, spot: &Spot) -> String {
        self.layout.key(spot.bucket, format_args!("d"))
    }

    fn marks(&self, spot: &Spot, mark: Mark) -> String {
        match mark {
            Mark::SignedIn { campaign, day } => self.layout.key(spot.bucket, format_args!("i{:x}:{day}", campaign.0)),
            Mark::Qualified { campaign } => self.layout.key(spot.bucket, format_args!("q{:x}", campaign.0)),
        }
    }

    /// A function's name, keys, the shopper's entry and where it was seen last.
    fn about(&self, name: &str, keys: &[String], spot: &Spot) -> Cmd {
        let mut question = self.link.function(name);
        question.arg(keys.len()).arg(keys).arg(spot.entry()).arg(self.layout.guess(spot));
        question
    }
}

/// A life for a directory that does not exist yet, the room of a bitmap, and for how long it is kept.
fn if_new(question: &mut Cmd, kept: Duration) {
    let life = (app::random::word() as u32).to_be_bytes();
    question.arg(&life[..]).arg(ROOM).arg(kept.as_millis() as u64);
}

#[async_trait]
impl Hints for Redis {
    async fn begin_drawing(&self, shopper: ShopperId) -> bool {
        // What this process knows by itself needs no question, and holds when Redis goes away in between.
        if !self.own.begin_drawing(shopper).await {
            return false;
        }
        let spot = self.shared.layout.spot(shopper);
        let mut question = self.shared.about("begin", &self.drawing_keys(&spot), &spot);
        if_new(&mut question, self.tuning.drawing_kept);
        match self.shared.link.ask::<i64>(&question).await {
            Ok(place) if place < 0 => {
                self.shared.layout.saw(&spot, -1 - place);
                _ = self.own.end_drawing(shopper);
                false
            }
            Ok(place) => {
                self.shared.layout.saw(&spot, place);
                true
            }
            Err(_) => true,
        }
    }

    fn end_drawing(&self, shopper: ShopperId) -> Option<Noted> {
        _ = self.own.end_drawing(shopper);
        let spot = self.shared.layout.spot(shopper);
        self.note(|| self.shared.about("finish", &self.drawing_keys(&spot), &spot), None)
    }

    fn mark(&self, mark: Mark, shopper: ShopperId) -> Option<Noted> {
        let spot = self.shared.layout.spot(shopper);
        let question = || {
            let keys = [self.shared.directory(&spot), self.shared.marks(&spot, mark)];
            let mut question = self.shared.about("mark", &keys, &spot);
            let kept = match mark {
                Mark::SignedIn { .. } => DAY_KEPT,
                Mark::Qualified { .. } => CAMPAIGN_KEPT,
            };
            if_new(&mut question, kept);
            question
        };
        self.note(question, Some(spot))
    }

    async fn is_marked(&self, mark: Mark, shopper: ShopperId) -> bool {
        let spot = self.shared.layout.spot(shopper);
        let keys = [self.shared.directory(&spot), self.shared.marks(&spot, mark)];
        let place = self.shared.link.ask::<i64>(&self.shared.about("marked", &keys, &spot)).await;
        place.is_ok_and(|place| {
            self.shared.layout.saw(&spot, place);
            place >= 0
        })
    }

    async fn put_ticket(&self, hash: [u8; 32], of: TicketFor) -> PortResult<()> {
        let until_ms = self.clock.now_ms() + TICKET_LIFE.as_millis() as i64;
        let mut put = redis::cmd("SET");
        put.arg(self.ticket_key(&hash)).arg(ticket(of, until_ms)).arg("PX").arg(TICKET_LIFE.as_millis() as u64);
        match self.shared.link.ask::<()>(&put).await {
            Ok(()) => Ok(()),
            // It opens a socket of this node; another one will not know it, and the shopper asks for a new one.
            Err(Lost::Away | Lost::Refused) => self.own.put_ticket(hash, of).await,
            // Were it kept here too, it might open two.
            Err(Lost::Unclear) => Err(PortError::Unreachable("what keeps tickets")),
        }
    }

    async fn take_ticket(&self, hash: [u8; 32]) -> PortResult<Option<TicketFor>> {
        if let Some(own) = self.own.take_ticket(hash).await? {
            return Ok(Some(own));
        }
        let mut take = redis::cmd("GETDEL");
        take.arg(self.ticket_key(&hash));
        match self.shared.link.ask::<Option<Vec<u8>>>(&take).await {
            Ok(taken) => Ok(taken.and_then(|text| read_ticket(&text, self.clock.now_ms()))),
            Err(Lost::Away | Lost::Refused) => Ok(None),
            Err(Lost::Unclear) => Err(PortError::Unreachable("what keeps tickets")),
        }
    }

    async fn admit(&self, bucket: u64, per_second: u32, burst: u32) -> Option<u32> {
        let mut question = self.shared.link.function("admit");
        question.arg(1).arg(format!("{}:r:{bucket:x}", self.prefix)).arg(self.clock.now_ms().saturating_mul(1_000));
        question.arg(1_000_000 / u64::from(per_second.clamp(1, 1_000_000))).arg(burst.max(1));
        match self.shared.link.ask::<u32>(&question).await {
            Ok(0) => None,
            Ok(wait_ms) => Some(wait_ms),
            Err(_) => self.own.admit(bucket, per_second, burst).await,
        }
    }
}

fn ticket(of: TicketFor, until_ms: i64) -> Vec<u8> {
    let (kind, id) = match of {
        TicketFor::Shopper(shopper) => (FOR_SHOPPER, shopper.0),
        TicketFor::Figures(campaign) => (FOR_FIGURES, campaign.0),
    };
    [&[kind][..], &id.to_be_bytes(), &until_ms.to_be_bytes()].concat()
}

/// Whom a ticket is for, where it is still good.
fn read_ticket(text: &[u8], now_ms: i64) -> Option<TicketFor> {
    let (kind, rest) = text.split_first()?;
    let (id, until_ms) = rest.split_first_chunk::<8>()?;
    let until_ms = i64::from_be_bytes(until_ms.try_into().ok()?);
    let id = u64::from_be_bytes(*id);
    match *kind {
        _ if now_ms >= until_ms => None,
        FOR_SHOPPER => Some(TicketFor::Shopper(ShopperId(id))),
        FOR_FIGURES => Some(TicketFor::Figures(CampaignId(id))),
        _ => None,
    }
}

#[async_trait]
impl Hot for Redis {
    async fn strategy(&self, shopper: ShopperId, campaign: CampaignId) -> Option<HotStrategy> {
        let mut get = redis::cmd("GET");
        get.arg(self.strategy_key(shopper, campaign));
        read_strategy(&self.shared.link.ask::<Option<String>>(&get).await.ok()??)
    }

    fn keep_strategy(&self, shopper: ShopperId, campaign: CampaignId, strategy: &HotStrategy) -> Option<Noted> {
        let value = format!("{:016}{:010}{}", strategy.at_ms.max(0), strategy.generation, strategy.slots);
        self.keep(self.strategy_key(shopper, campaign), value, STAMP, HOT_LIFE)
    }

    fn forget_strategies(&self, shoppers: &[ShopperId], campaign: CampaignId) -> Option<Noted> {
        if shoppers.is_empty() || !self.shared.link.is_open() {
            return None;
        }
        let keys: Vec<String> = shoppers.iter().map(|shopper| self.strategy_key(*shopper, campaign)).collect();
        let shared = self.shared.clone();
        let noted = tokio::spawn(async move {
            // One key each, since their hash tags differ; what one connection is asked in a row it pipelines.
            let forget = |key: &String| {
                let (shared, mut unlink) = (shared.clone(), redis::cmd("UNLINK"));
                unlink.arg(key);
                async move { shared.link.ask::<i64>(&unlink).await }
            };
            for some in keys.chunks(FORGET_AT_ONCE) {
                futures_util::future::join_all(some.iter().map(forget)).await;
            }
        });
        Some(Box::pin(async move { _ = noted.await }))
    }

    async fn cursor(&self, campaign: CampaignId, part: Option<u8>) -> Option<JobCursor> {
        let mut get = redis::cmd("GET");
        get.arg(self.cursor_key(campaign, part));
        read_cursor(campaign, &self.shared.link.ask::<Option<String>>(&get).await.ok()??)
    }

    fn advance(&self, part: Option<u8>, cursor: JobCursor) -> Option<Noted> {
        let JobCursor { campaign, after, done, total, generation, finished } = cursor;
        let value = format!("{generation:010}{:020}{}{done:020}{total:020}", after.0, u8::from(finished));
        self.keep(self.cursor_key(campaign, part), value, CURSOR_STAMP, CURSOR_KEPT)
    }
}

/// Strategies forgotten at once.
const FORGET_AT_ONCE: usize = 100;

/// Damage is no strategy.
fn read_strategy(text: &str) -> Option<HotStrategy> {
    let (at_ms, rest) = text.split_at_checked(STAMP)?;
    let (generation, slots) = rest.split_at_checked(BEFORE_SLOTS - STAMP)?;
    Some(HotStrategy { at_ms: at_ms.parse().ok()?, generation: generation.parse().ok()?, slots: slots.to_owned() })
}

fn read_cursor(campaign: CampaignId, text: &str) -> Option<JobCursor> {
    let part = |from: usize, to: usize| text.get(from..to);
    (text.len() == CURSOR).then_some(())?;
    Some(JobCursor {
        campaign,
        generation: part(0, 10)?.parse().ok()?,
        after: ShopperId(part(10, 30)?.parse().ok()?),
        finished: part(30, 31)? == "1",
        done: part(31, 51)?.parse().ok()?,
        total: part(51, 71)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_are_read_until_their_time() {
        for of in [TicketFor::Shopper(ShopperId(7)), TicketFor::Figures(CampaignId(u64::MAX >> 1))] {
            let text = ticket(of, 1_000);
            assert_eq!((read_ticket(&text, 999), read_ticket(&text, 1_000)), (Some(of), None));
        }
        for bad in [&b""[..], b"s", b"s12345678", b"x1234567812345678", b"s12345678123456789"] {
            assert_eq!(read_ticket(bad, 0), None, "{bad:?}");
        }
    }

    #[test]
    fn damage_is_neither_a_strategy_nor_a_cursor() {
        for bad in ["", "1", "0000000000000001", "000000000000000x0000000001[]", "鲤鲤鲤鲤鲤鲤鲤鲤鲤鲤鲤鲤"]
        {
            assert_eq!(read_strategy(bad), None, "{bad:?}");
            assert_eq!(read_cursor(CampaignId(1), bad), None, "{bad:?}");
        }
    }
}
