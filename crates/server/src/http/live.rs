//! Open sockets: a shopper's messages, and a campaign's figures for the console.
//!
//! A socket keeps nothing but how far it has come. What is told arrives through a bounded buffer; where that did not hold
//! all, or the caller named the message it saw last, the rest is read from what is durable, some at a time. A caller that
//! does not read is closed after [`WRITE_TIME`], one that does not answer pings after two of them.

use app::koi::Koi;
use app::live::{BigWin, Listener, Message, MessageKind, Next, Since, win_id};
use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message as Frame, WebSocket, WebSocketUpgrade, close_code};
use domain::ids::{CampaignId, ShopperId};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// How often a shopper's owner in a cluster is asked to go on telling this node, well within its lease.
const RENEW: Duration = Duration::from_secs(4);
/// How often a quiet socket is asked whether it is still there.
const PING: Duration = Duration::from_secs(20);
/// How long a message may take to leave.
const WRITE_TIME: Duration = Duration::from_secs(10);
/// How often figures are sent, and how long a socket of figures lives: then who may see them is asked again.
const FIGURES: Duration = Duration::from_secs(1);
const FIGURES_LIFE: Duration = Duration::from_secs(15 * 60);
/// Bytes of what a caller sends: nothing is expected but pongs and a close.
const INCOMING_MAX: usize = 1_024;
/// Messages that a caller may send between two pings all the same.
const CHATTER: u32 = 16;
/// Bytes kept of what could not be written yet.
const WRITE_MAX: usize = 64 * 1_024;
/// Characters of a reason to close.
const REASON_MAX: usize = 100;

/// The bounds of every socket.
pub fn bounded(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade
        .max_message_size(INCOMING_MAX)
        .max_frame_size(INCOMING_MAX)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_MAX)
        .read_buffer_size(INCOMING_MAX)
}

/// Why a socket ends.
enum End {
    /// It is gone, or does not read.
    Lost,
    /// We are.
    Leaving,
    /// Something could not be read: the caller comes back and resumes.
    Failed,
    /// The caller does what it may not.
    Abuse,
}

struct Socket {
    socket: WebSocket,
    answered: bool,
    chatter: u32,
}

impl Socket {
    fn new(socket: WebSocket) -> Self {
        Self { socket, answered: true, chatter: 0 }
    }

    async fn send(&mut self, frame: Frame) -> Result<(), End> {
        match timeout(WRITE_TIME, self.socket.send(frame)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Lost),
            Err(_) => {
                metrics::counter!("koi_live_dropped_total", "why" => "slow").increment(1);
                Err(End::Lost)
            }
        }
    }

    async fn pass_on(&mut self, message: &Message) -> Result<(), End> {
        metrics::counter!("koi_live_messages_total", "type" => message.kind.word()).increment(1);
        self.send(Frame::Text(message.text().into())).await
    }

    /// What a frame of the caller means.
    fn heard(&mut self, frame: Option<&Result<Frame, axum::Error>>) -> Result<(), End> {
        match frame {
            None | Some(Err(_) | Ok(Frame::Close(_))) => Err(End::Lost),
            Some(Ok(Frame::Pong(_))) => {
                self.answered = true;
                Ok(())
            }
            Some(Ok(_)) => {
                self.chatter += 1;
                if self.chatter > CHATTER { Err(End::Abuse) } else { Ok(()) }
            }
        }
    }

    async fn ping(&mut self) -> Result<(), End> {
        if !self.answered {
            metrics::counter!("koi_live_dropped_total", "why" => "silent").increment(1);
            return Err(End::Lost);
        }
        (self.answered, self.chatter) = (false, 0);
        self.send(Frame::Ping(Bytes::new())).await
    }

    async fn close(mut self, end: End) {
        let (code, reason) = match end {
            End::Lost => return,
            End::Leaving => (close_code::AWAY, "the server stops"),
            End::Failed => (close_code::AGAIN, "come back with the last id"),
            End::Abuse => (close_code::POLICY, "nothing is to be sent here"),
        };
        debug_assert!(reason.len() <= REASON_MAX);
        let frame = Frame::Close(Some(CloseFrame { code, reason: reason.into() }));
        _ = self.send(frame).await;
    }
}

/// A shopper's socket.
pub struct ShopperSocket {
    pub koi: Koi,
    pub shopper: ShopperId,
    pub listener: Listener,
    pub since: Since,
    /// Whether the caller named a message that it saw.
    pub resumes: bool,
    /// What it hears its shopper by: with it, nothing was missed since `since`.
    pub feed: u64,
}

impl ShopperSocket {
    /// Passes messages on until one of both goes.
    pub async fn run(mut self, socket: WebSocket) {
        let mut socket = Socket::new(socket);
        let end = match self.serve(&mut socket).await {
            Ok(()) => End::Leaving,
            Err(end) => end,
        };
        socket.close(end).await;
    }

    async fn serve(&mut self, socket: &mut Socket) -> Result<(), End> {
        let mut ping = interval(PING);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping.reset();
        let mut renew = interval(RENEW);
        renew.set_missed_tick_behavior(MissedTickBehavior::Delay);
        renew.reset();
        let shared = self.koi.owners().one().is_none();
        // The last id told: a big win's is no place to resume from, but the next one's is above it.
        let mut told = self.since.after;
        if self.resumes {
            self.catch_up(socket).await?;
        }
        loop {
            tokio::select! {
                next = self.listener.next() => match next {
                    // Between an owner's last words and its successor's first ones there may have been others.
                    Next::Heard(_) if self.koi.feed(self.shopper) != self.feed => self.catch_up(socket).await?,
                    Next::Heard(heard) => {
                        let messages = self.koi.messages(&heard).await.map_err(|error| failed(&error))?;
                        for message in messages.iter().filter(|m| m.id > self.since.after) {
                            socket.pass_on(message).await?;
                        }
                        if let Some(last) = messages.last().filter(|m| m.id > self.since.after) {
                            self.since.after = last.id;
                        }
                    }
                    Next::Win(win) => {
                        told = win_id(told, self.since.after);
                        self.big_win(socket, &win, told).await?;
                    }
                    Next::Missed => {
                        self.catch_up(socket).await?;
                    }
                    Next::Dismissed => return Ok(()),
                },
                _ = renew.tick(), if shared => {
                    // An owner that is out of reach is asked again next time; then its stream is another one.
                    _ = self.koi.follow(self.shopper).await;
                    if self.koi.feed(self.shopper) != self.feed {
                        self.catch_up(socket).await?;
                    }
                }
                frame = socket.socket.recv() => socket.heard(frame.as_ref())?,
                _ = ping.tick() => socket.ping().await?,
            }
        }
    }

    /// Reads on from what is durable until there is nothing more.
    async fn catch_up(&mut self, socket: &mut Socket) -> Result<(), End> {
        // First: what is told by it from here on is either read below or told.
        let feed = self.koi.feed(self.shopper);
        loop {
            let missed = self.koi.missed(self.shopper, self.since).await.map_err(|error| failed(&error))?;
            if self.listener.is_held() {
                return Ok(());
            }
            for message in &missed.messages {
                socket.pass_on(message).await?;
                self.since.after = message.id;
            }
            self.since = missed.since;
            if !missed.more {
                self.feed = feed;
                return Ok(());
            }
        }
    }

    /// A big win is nobody's own: its id stands behind the last own message and is not resumed from.
    async fn big_win(&self, socket: &mut Socket, win: &BigWin, id: u64) -> Result<(), End> {
        match self.koi.big_win_view(win) {
            Some(view) => socket.pass_on(&Message::new(id, MessageKind::BigWin, win.at_ms, &view)).await,
            None => Ok(()),
        }
    }
}

fn failed(error: &app::Error) -> End {
    tracing::debug!(%error, "a socket's messages cannot be read now; its caller comes back");
    End::Failed
}

/// Sends a campaign's figures every second, until the caller goes or must show again that it may see them.
pub async fn figures(koi: Koi, campaign: CampaignId, socket: WebSocket) {
    let mut socket = Socket::new(socket);
    let until = Instant::now() + FIGURES_LIFE;
    let end = match send_figures(&koi, campaign, &mut socket, until).await {
        Ok(()) => End::Leaving,
        Err(end) => end,
    };
    socket.close(end).await;
}

async fn send_figures(koi: &Koi, campaign: CampaignId, socket: &mut Socket, until: Instant) -> Result<(), End> {
    let mut tick = interval(FIGURES);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut ping = interval(PING);
    ping.reset();
    let mut before: Option<(i64, u64)> = None;
    while Instant::now() < until && koi.is_ready() {
        tokio::select! {
            _ = tick.tick() => {
                let now_ms = koi.now_ms();
                let mut view = koi.figures(campaign).await.map_err(|error| failed(&error))?;
                if let Some((then_ms, draws)) = before {
                    let seconds = (now_ms - then_ms).max(1) as f64 / 1_000.0;
                    view.draws_per_second = (view.draws.saturating_sub(draws)) as f64 / seconds;
                }
                before = Some((now_ms, view.draws));
                // Nothing resumes figures: their ids only grow.
                let id = now_ms.unsigned_abs();
                socket.pass_on(&Message::new(id, MessageKind::CampaignFigures, now_ms, &view)).await?;
            }
            frame = socket.socket.recv() => socket.heard(frame.as_ref())?,
            _ = ping.tick() => socket.ping().await?,
        }
    }
    Ok(())
}
