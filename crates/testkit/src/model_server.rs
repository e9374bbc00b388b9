//! A language model's endpoint as far as tests need one: well behaved, or in every bad way there is.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Bytes of an answer that never ends.
const HUGE: u64 = 100 * 1024 * 1024;

/// How one question is answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Manner {
    /// 200 with this body as JSON.
    Json(Value),
    /// This status, headers (`Name: value\r\n`) and body.
    Raw(u16, String, String),
    /// 200 and half of the body that it promises.
    Half,
    /// Never answered; the connection stays open.
    Hang,
    /// One byte now and then, for ever.
    Drip,
    /// Closed without an answer.
    Drop,
    /// A hundred megabytes; whether their length is told.
    Huge(bool),
    /// Whatever the server there says.
    Forward(SocketAddr),
    /// Answered well, but only after so many milliseconds.
    Late(u64, Value),
}

impl Manner {
    /// A page of HTML.
    pub fn html(status: u16) -> Self {
        Manner::Raw(status, "Content-Type: text/html\r\n".into(), "<html><body>Bad gateway A</body></html>".into())
    }

    /// A status with one header.
    pub fn status(status: u16, headers: &str) -> Self {
        Manner::Raw(status, headers.into(), "{\"error\": {\"message\": \"no\"}}".into())
    }
}

/// A completion that says `content`, counted as so many tokens of question and answer.
pub fn completion(content: &str, prompt: u64, answer: u64) -> Value {
    json!({
        "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}
    })
}

type Script = dyn Fn(usize, &Value) -> Manner + Send + Sync;

struct Shared {
    script: Mutex<Arc<Script>>,
    asked: Mutex<Vec<Value>>,
    hung: Mutex<Vec<TcpStream>>,
    sent: AtomicU64,
    now: AtomicUsize,
    most: AtomicUsize,
}

/// A server on a port of its own, for as long as the process lives.
pub struct ModelServer {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

impl ModelServer {
    /// `script` says how the nth question (from 0), with this body, is answered.
    pub fn start(script: impl Fn(usize, &Value) -> Manner + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            script: Mutex::new(Arc::new(script)),
            asked: Mutex::default(),
            hung: Mutex::default(),
            sent: AtomicU64::new(0),
            now: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        });
        let each = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = each.clone();
                thread::spawn(move || shared.serve(&stream));
            }
        });
        Self { address, shared }
    }

    /// The base of its API.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Changes how it answers from now on.
    pub fn behave(&self, script: impl Fn(usize, &Value) -> Manner + Send + Sync + 'static) {
        *self.shared.script.lock().expect("unpoisoned") = Arc::new(script);
    }

    /// The bodies of all questions so far.
    pub fn asked(&self) -> Vec<Value> {
        self.shared.asked.lock().expect("unpoisoned").clone()
    }

    /// Bytes of endless answers that somebody took.
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }

    /// The most questions that were under way at once.
    pub fn most_at_once(&self) -> usize {
        self.shared.most.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn serve(&self, stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        while let Some((head, body)) = read_request(&mut reader) {
            let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
            self.most.fetch_max(now, Ordering::Relaxed);
            let script = self.script.lock().expect("unpoisoned").clone();
            let question: Value = serde_json::from_slice(&body).unwrap_or_default();
            let nth = {
                let mut asked = self.asked.lock().expect("unpoisoned");
                asked.push(question.clone());
                asked.len() - 1
            };
            let goes_on = self.answer(stream, script(nth, &question), &head, &body);
            self.now.fetch_sub(1, Ordering::Relaxed);
            if goes_on.is_none() {
                return;
            }
        }
    }

    /// Nothing where the connection is done with.
    fn answer(&self, mut stream: &TcpStream, manner: Manner, head: &str, body: &[u8]) -> Option<()> {
        let whole = |status: u16, headers: &str, body: &str| {
            format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
        };
        match manner {
            Manner::Json(value) => stream.write_all(whole(200, "", &value.to_string()).as_bytes()).ok(),
            Manner::Late(ms, value) => {
                thread::sleep(Duration::from_millis(ms));
                stream.write_all(whole(200, "", &value.to_string()).as_bytes()).ok()
            }
            Manner::Raw(status, headers, body) => stream.write_all(whole(status, &headers, &body).as_bytes()).ok(),
            Manner::Half => {
                let text = whole(200, "", &completion("B", 1, 1).to_string());
                _ = stream.write_all(&text.as_bytes()[..text.len() - 40]);
                None
            }
            Manner::Drop => None,
            Manner::Hang => {
                self.hung.lock().expect("unpoisoned").push(stream.try_clone().ok()?);
                None
            }
            Manner::Drip => {
                stream.write_all(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n").ok()?;
                // Ends when the other side goes away.
                loop {
                    stream.write_all(b"1\r\n \r\n").ok()?;
                    thread::sleep(Duration::from_millis(20));
                }
            }
            Manner::Huge(told) => {
                let headers =
                    if told { format!("Content-Length: {HUGE}") } else { "Transfer-Encoding: chunked".into() };
                stream.write_all(format!("HTTP/1.1 200 X\r\n{headers}\r\n\r\n").as_bytes()).ok()?;
                let block = vec![b' '; 65_536];
                for _ in 0..HUGE / block.len() as u64 {
                    if !told {
                        stream.write_all(b"10000\r\n").ok()?;
                    }
                    stream.write_all(&block).ok()?;
                    if !told {
                        stream.write_all(b"\r\n").ok()?;
                    }
                    self.sent.fetch_add(block.len() as u64, Ordering::Relaxed);
                }
                None
            }
            Manner::Forward(to) => {
                let mut there = TcpStream::connect(to).ok()?;
                let head: String = head
                    .lines()
                    .filter(|line| !line.to_ascii_lowercase().starts_with("connection:"))
                    .map(|line| format!("{line}\r\n"))
                    .collect();
                there.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).ok()?;
                there.write_all(body).ok()?;
                let mut answer = Vec::new();
                there.read_to_end(&mut answer).ok()?;
                stream.write_all(&answer).ok()?;
                None
            }
        }
    }
}

/// The head without its last empty line, and the body.
fn read_request(reader: &mut BufReader<&TcpStream>) -> Option<(String, Vec<u8>)> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim_end().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
        head.push_str(line.trim_end());
        head.push_str("\r\n");
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}
