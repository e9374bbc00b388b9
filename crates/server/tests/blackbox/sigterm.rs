//! SIGTERM: what is in flight is answered, nothing acknowledged is lost, and the process exits 0.

use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use xtask::fixture::{shoppers, tight_campaign};
use xtask::http::{Answer, read_answer};

use super::harness::{Koi, draw, unique};

const HALF_SENT: usize = 8;
const CALLERS: usize = 24;

/// Nobody has to be waited for who sends half a request and leaves it at that.
#[test]
fn a_term_does_not_wait_for_half_requests() {
    let mut koi = Koi::start("sigterm-half");
    let campaign = koi.publish(&tight_campaign(200, 5));
    let token = koi.shopper(&campaign, "ada", 5);
    let bytes = draw(&campaign, &token, "half").encode();
    let head = bytes.windows(4).position(|end| end == b"\r\n\r\n").expect("a head") + 4;
    let mut open: Vec<TcpStream> = [0, 1, head / 2, head, bytes.len() - 1]
        .into_iter()
        .map(|sent| {
            let mut stream = TcpStream::connect(koi.server.address).expect("a connection");
            stream.write_all(&bytes[..sent]).expect("a part of a request");
            stream
        })
        .collect();
    // Whoever answers on a connection that was opened later has seen those.
    koi.me(&campaign, &token);
    koi.server.signal("TERM").expect("a signal");
    let status = koi.server.wait(Duration::from_secs(60)).expect("it stops");
    assert_eq!(status.code(), Some(0), "log: {}", koi.server.log.display());
    let log = std::fs::read_to_string(&koi.server.log).expect("a log");
    assert!(!log.contains("cut off after"), "nothing held it up for all of its grace: {log}");
    let last = open.pop().expect("the one with most of its body");
    let answer = read_answer(&mut BufReader::new(last)).expect("whose request has begun is answered");
    assert_eq!(answer.status, 503, "{}", answer.text());
    koi.restart();
    assert_eq!(koi.me(&campaign, &token)["chances"]["left"], 5, "half a draw is none");
}

#[test]
fn a_term_answers_what_is_in_flight() {
    let mut koi = Koi::start("sigterm");
    let campaign = koi.publish(&tight_campaign(200, 5));
    let made = shoppers(koi.server.address, &campaign, "term", HALF_SENT + CALLERS, 2_000, 8).expect("shoppers");
    let (halves, callers) = made.split_at(HALF_SENT);
    let keys: Vec<String> = halves.iter().map(|_| unique("term")).collect();
    // Requests whose last byte comes only after the signal: certainly in flight when it arrives.
    let mut open: Vec<(TcpStream, u8)> = halves
        .iter()
        .zip(&keys)
        .map(|((_, token), key)| {
            let bytes = draw(&campaign, token, key).encode();
            let (last, most) = bytes.split_last().expect("not empty");
            let mut stream = TcpStream::connect(koi.server.address).expect("a connection");
            stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
            stream.write_all(most).expect("most of a request");
            (stream, *last)
        })
        .collect();
    let acknowledged: Mutex<Vec<(usize, String, Answer)>> = Mutex::new(Vec::new());
    let status = thread::scope(|scope| {
        for (number, (_, token)) in callers.iter().enumerate() {
            let (acknowledged, campaign, mut client) = (&acknowledged, &campaign, koi.client());
            scope.spawn(move || {
                loop {
                    let key = unique("term");
                    let Ok(answer) = client.send(&draw(campaign, token, &key)) else { return };
                    match answer.status {
                        201 => acknowledged.lock().expect("unpoisoned").push((number, key, answer)),
                        503 => return,
                        _ => panic!("while stopping: {} {}", answer.status, answer.text()),
                    }
                }
            });
        }
        thread::sleep(Duration::from_millis(300));
        koi.server.signal("TERM").expect("a signal");
        thread::sleep(Duration::from_millis(100));
        for (stream, last) in &mut open {
            stream.write_all(&[*last]).expect("the last byte");
        }
        koi.server.wait(Duration::from_secs(30)).expect("it stops")
    });
    assert_eq!(status.code(), Some(0), "SIGTERM exits 0; log: {}", koi.server.log.display());
    let answers: Vec<Answer> = open
        .into_iter()
        .map(|(stream, _)| read_answer(&mut BufReader::new(stream)).expect("a request in flight is answered"))
        .collect();
    koi.restart();
    for (((_, token), key), answer) in halves.iter().zip(&keys).zip(&answers) {
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert_eq!(koi.send(&draw(&campaign, token, key)).body, answer.body);
    }
    let acknowledged = acknowledged.into_inner().expect("unpoisoned");
    assert!(acknowledged.len() >= CALLERS, "only {} draws before the signal", acknowledged.len());
    for (number, key, answer) in &acknowledged {
        let replay = koi.send(&draw(&campaign, &callers[*number].1, key));
        assert_eq!((replay.status, &replay.body), (201, &answer.body), "what was acknowledged stays");
    }
}
