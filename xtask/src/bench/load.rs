//! The load of `bench draw` and `cluster-draw`: keep-alive connections, one request in flight on each, one thread that costs as little as it
//! can, since it shares the machine with what it measures. Requests are built beforehand; of an answer only the status and
//! the length are read.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use serde_json::json;

use super::histogram::Histogram;
use super::rounded;

/// The longest answer, in bytes; a draw's is below 2 KiB.
const MAX_ANSWER_BYTES: usize = 16 << 10;
/// Hexadecimal digits of a request's own number, at the end of its key.
const NUMBER_DIGITS: usize = 12;
/// How long answers that are still open after the end are waited for.
const LAST_ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// What the command line says.
#[derive(Args)]
pub struct Load {
    /// The server; several share the connections evenly, as behind a load balancer.
    #[arg(long, required = true)]
    address: Vec<SocketAddr>,
    /// Keep-alive connections.
    #[arg(long)]
    connections: usize,
    /// How long.
    #[arg(long)]
    seconds: f64,
    /// Where to POST `{}`.
    #[arg(long, default_value = "")]
    path: String,
    /// A file of shoppers' tokens, one a line; without it the server is a Redis, and each request a `SET` of one key.
    #[arg(long)]
    tokens: Option<PathBuf>,
}

impl Load {
    /// Runs it and prints one JSON object: `{ok, errors, rps, p50_ms, p99_ms, statuses}`.
    ///
    /// # Errors
    /// When the server cannot be reached or stops answering.
    pub fn run(&self) -> Result<()> {
        let tokens = self.tokens.as_ref().map(fs::read_to_string).transpose().context("cannot read the tokens")?;
        let tokens: Option<Vec<&str>> = tokens.as_ref().map(|tokens| tokens.lines().collect());
        ensure!(tokens.as_ref().is_none_or(|all| all.len() >= self.connections), "fewer tokens than connections");
        let mut driver = Driver::new(self, tokens.as_deref())?;
        driver.drive(Duration::from_secs_f64(self.seconds))?;
        let errors: u64 = driver.statuses.iter().filter(|(status, _)| **status != 201).map(|(_, count)| count).sum();
        let (p50, p99) = (driver.latencies.quantile_ms(0.50), driver.latencies.quantile_ms(0.99));
        let statuses: BTreeMap<String, u64> =
            driver.statuses.iter().map(|(status, count)| (status.to_string(), *count)).collect();
        println!(
            "{}",
            json!({"ok": driver.ok, "errors": errors, "rps": rounded(driver.ok as f64 / self.seconds, 1), "p50_ms": rounded(p50, 3),
                   "p99_ms": rounded(p99, 3), "statuses": statuses})
        );
        Ok(())
    }
}

/// One connection and the shoppers that only it draws for.
struct Lane {
    stream: TcpStream,
    requests: Vec<Vec<u8>>,
    /// Where in each request its key's number stands.
    number_at: usize,
    turn: usize,
    written: usize,
    sent_at: Instant,
    answer: Vec<u8>,
    filled: usize,
    open: bool,
}

struct Driver {
    whole: fn(&[u8]) -> Option<u16>,
    poll: Poll,
    lanes: Vec<Lane>,
    latencies: Histogram,
    ok: u64,
    statuses: BTreeMap<u16, u64>,
    count: u64,
}

impl Driver {
    fn new(load: &Load, tokens: Option<&[&str]>) -> Result<Self> {
        let poll = Poll::new()?;
        let run = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        let mut lanes = Vec::with_capacity(load.connections);
        for number in 0..load.connections {
            let (requests, number_at) = match tokens {
                Some(tokens) => draws(&load.path, run, tokens.iter().skip(number).step_by(load.connections)),
                None => sets(number),
            };
            let address = load.address[number % load.address.len()];
            let stream = std::net::TcpStream::connect(address).context("cannot connect")?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(number), Interest::READABLE)?;
            let answer = vec![0; MAX_ANSWER_BYTES];
            let sent_at = Instant::now();
            lanes.push(Lane {
                stream,
                requests,
                number_at,
                turn: 0,
                written: 0,
                sent_at,
                answer,
                filled: 0,
                open: false,
            });
        }
        let whole = if tokens.is_some() { whole } else { whole_of_redis };
        Ok(Self { whole, poll, lanes, latencies: Histogram::default(), ok: 0, statuses: BTreeMap::new(), count: 0 })
    }

    fn drive(&mut self, during: Duration) -> Result<()> {
        let started = Instant::now();
        let end = started + during;
        for number in 0..self.lanes.len() {
            self.send(number)?;
        }
        let mut open = self.lanes.len();
        let mut events = Events::with_capacity(1_024);
        while open > 0 {
            if Instant::now() > end + LAST_ANSWERS_WITHIN {
                bail!("{open} requests had no answer {LAST_ANSWERS_WITHIN:?} after the end");
            }
            self.poll.poll(&mut events, Some(Duration::from_millis(100)))?;
            for event in &events {
                let number = event.token().0;
                let Some(status) = self.lanes[number].read(self.whole)? else { continue };
                let now = Instant::now();
                let lane = &mut self.lanes[number];
                if now <= end {
                    *self.statuses.entry(status).or_insert(0) += 1;
                    if status == 201 {
                        self.ok += 1;
                        self.latencies.add((now - lane.sent_at).as_micros() as u64);
                    }
                    self.send(number)?;
                } else {
                    lane.open = false;
                    open -= 1;
                }
            }
        }
        Ok(())
    }

    /// Sends the next request of a lane under a key of its own.
    fn send(&mut self, number: usize) -> Result<()> {
        let lane = &mut self.lanes[number];
        self.count += 1;
        let turn = lane.turn;
        lane.turn = (turn + 1) % lane.requests.len();
        let request = &mut lane.requests[turn];
        for (place, byte) in request[lane.number_at..][..NUMBER_DIGITS].iter_mut().rev().enumerate() {
            *byte = b"0123456789abcdef"[(self.count >> (4 * place) & 15) as usize];
        }
        (lane.sent_at, lane.filled, lane.open) = (Instant::now(), 0, true);
        // A socket that has just been answered on has room for the few hundred bytes of a request.
        lane.written = lane.stream.write(request).context("cannot send")?;
        ensure!(lane.written == request.len(), "a request did not fit the socket's buffer");
        Ok(())
    }
}

/// Draws of these shoppers, one after the other, and where in each its key's number stands.
fn draws<'a>(path: &str, run: u128, tokens: impl Iterator<Item = &'a &'a str>) -> (Vec<Vec<u8>>, usize) {
    let head = format!("POST {path} HTTP/1.1\r\nHost: koi\r\nIdempotency-Key: {run:x}-");
    let requests = tokens.map(|token| {
        let rest = format!(
            "\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
        );
        format!("{head}{}{rest}", "0".repeat(NUMBER_DIGITS)).into_bytes()
    });
    (requests.collect(), head.len())
}

/// A `SET` of a key of this lane's own to a number, and where that stands.
fn sets(lane: usize) -> (Vec<Vec<u8>>, usize) {
    let head = format!("*3\r\n$3\r\nSET\r\n$10\r\nbench-{lane:04}\r\n${NUMBER_DIGITS}\r\n");
    (vec![format!("{head}{}\r\n", "0".repeat(NUMBER_DIGITS)).into_bytes()], head.len())
}

impl Lane {
    /// Reads what is there; gives the status once the answer is whole.
    fn read(&mut self, whole: fn(&[u8]) -> Option<u16>) -> Result<Option<u16>> {
        loop {
            ensure!(self.filled < self.answer.len(), "an answer longer than {MAX_ANSWER_BYTES} bytes");
            match self.stream.read(&mut self.answer[self.filled..]) {
                Ok(0) if self.open => bail!("the server closed a connection with a request open"),
                Ok(0) => return Ok(None),
                Ok(count) => self.filled += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error).context("cannot read"),
            }
            if let Some(status) = whole(&self.answer[..self.filled]) {
                return Ok(Some(status));
            }
        }
    }
}

/// What Redis says to a `SET`, in the words of HTTP.
fn whole_of_redis(answer: &[u8]) -> Option<u16> {
    answer.ends_with(b"\r\n").then_some(if answer.starts_with(b"+OK") { 201 } else { 500 })
}

/// The status of an answer, once all of it is there.
fn whole(answer: &[u8]) -> Option<u16> {
    const LENGTH: &[u8] = b"content-length:";
    let head_end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = &answer[..head_end];
    let length = head
        .split(|byte| *byte == b'\n')
        .find(|line| line.len() > LENGTH.len() && line[..LENGTH.len()].eq_ignore_ascii_case(LENGTH))
        .map_or(0, |line| number(&line[LENGTH.len()..]));
    (answer.len() >= head_end + 4 + length).then(|| number(head.get(9..12).unwrap_or_default()) as u16)
}

fn number(digits: &[u8]) -> usize {
    digits.iter().filter(|byte| byte.is_ascii_digit()).fold(0, |number, byte| number * 10 + usize::from(byte - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_with_its_last_byte() {
        for (answer, expect) in [
            ("HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}", Some(201)),
            ("HTTP/1.1 409 Conflict\r\nContent-Length: 3\r\nx: y\r\n\r\nabc", Some(409)),
            ("HTTP/1.1 201 Created\r\ncontent-length: 3\r\n\r\n{}", None),
            ("HTTP/1.1 201 Created\r\ncontent-length: 2\r\n", None),
            ("", None),
        ] {
            assert_eq!(whole(answer.as_bytes()), expect, "{answer:?}");
        }
        for (answer, expect) in [("+OK\r\n", Some(201)), ("-ERR full\r\n", Some(500)), ("+OK", None), ("", None)] {
            assert_eq!(whole_of_redis(answer.as_bytes()), expect, "{answer:?}");
        }
    }

    #[test]
    fn a_number_stands_where_it_is_said_to() {
        let path = "/api/v1/campaigns/1/draws";
        for (requests, at) in [draws(path, 7, ["a", "b"].iter()), sets(127)] {
            for request in requests {
                assert_eq!(request[at..][..NUMBER_DIGITS], *"0".repeat(NUMBER_DIGITS).as_bytes());
                assert_eq!(request[at + NUMBER_DIGITS], b'\r');
            }
        }
    }
}
