//! Traces: a request, the owner's part, the ledger's batch and its projection reach a collector as one trace; and a
//! collector that is away costs nobody an answer.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;

use xtask::fixture::ample_campaign;
use xtask::process::{free_address, wait_for};

use super::harness::{Koi, SETTLES_WITHIN, draw, scratch, start_in};

/// A collector that keeps what it is sent.
struct Collector {
    address: SocketAddr,
    sent: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let (address, sent) = (listener.local_addr().expect("an address"), Arc::<Mutex<Vec<Vec<u8>>>>::default());
        let kept = sent.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = kept.clone();
                thread::spawn(move || {
                    let mut reader = BufReader::new(stream);
                    while let Some(body) = request(&mut reader) {
                        kept.lock().expect("whole").push(body);
                        let answer =
                            b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
                        if reader.get_mut().write_all(answer).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { address, sent }
    }

    /// The bodies that hold these bytes.
    fn holding(&self, bytes: &[u8]) -> Vec<Vec<u8>> {
        self.sent.lock().expect("whole").iter().filter(|body| holds(body, bytes)).cloned().collect()
    }
}

/// The body of one request to `/v1/traces`; nothing at the end.
fn request(reader: &mut impl BufRead) -> Option<Vec<u8>> {
    let (mut length, mut line) = (0, String::new());
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    assert!(line.starts_with("POST /v1/traces "), "{line}");
    loop {
        line.clear();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(body)
}

fn holds(body: &[u8], bytes: &[u8]) -> bool {
    body.windows(bytes.len()).any(|window| window == bytes)
}

fn started(name: &str, url: &str, sample: &str) -> Koi {
    let dir = scratch(name);
    let start = start_in(&dir.join("data")).env("KOI__TELEMETRY__OTLP_URL", url).env("KOI__TELEMETRY__SAMPLE", sample);
    Koi { server: start.start().expect("koi starts"), dir }
}

#[test]
fn a_draw_is_one_trace_from_the_request_to_the_records() {
    let collector = Collector::start();
    let koi = started("traces", &format!("http://{}", collector.address), "0");
    let campaign = koi.publish(&ample_campaign());
    let ada = koi.shopper(&campaign, "wilhelmina", 5);
    let (trace, left_out) = ("4bf92f3577b34da6a3ce929d0e0e4736", "4bf92f3577b34da6a3ce929d0e0e4737");
    let told = |trace: &str, flags: &str| format!("00-{trace}-00f067aa0ba902b7-{flags}");
    let (recorded, not) = (told(trace, "01"), told(left_out, "00"));
    koi.must(&draw(&campaign, &ada, "untold"));
    koi.must(&draw(&campaign, &ada, "left out").header("traceparent", &not));
    koi.must(&draw(&campaign, &ada, "nonsense").header("traceparent", "00-x"));
    koi.must(&draw(&campaign, &ada, "traced").header("traceparent", &recorded));
    let id = hex::decode(trace).expect("hex");
    for span in ["request", "owner", "ledger.append", "projection", "/api/v1/campaigns/{id}/draws"] {
        wait_for(SETTLES_WITHIN, span, || {
            collector.holding(&id).iter().any(|body| holds(body, span.as_bytes())).then_some(())
        })
        .unwrap_or_else(|error| panic!("{span}: {error:#}"));
    }
    assert!(collector.holding(&hex::decode(left_out).expect("hex")).is_empty(), "its caller did not want it");
    let all = collector.sent.lock().expect("whole").concat();
    assert!(!holds(&all, b"wilhelmina"), "no span names a shopper");
}

#[test]
fn a_collector_that_is_away_costs_nobody_an_answer() {
    let nobody = free_address().expect("a port");
    let mut koi = started("traces-away", &format!("http://{nobody}"), "1");
    let campaign = koi.publish(&ample_campaign());
    let ada = koi.shopper(&campaign, "ada", 20);
    for n in 0..20 {
        koi.must(&draw(&campaign, &ada, &format!("{n}")));
    }
    assert!(koi.server.stop().expect("it stops").success());
}
