//! A shop's own server, as far as it takes messages: well, or in every bad way there is.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::Sha256;

/// How one attempt is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    Well,
    Status(u16),
    /// Never answered; the connection stays open.
    Hang,
    /// Closed without an answer.
    Drop,
    /// Two answers, one behind the other.
    Twice,
}

/// One attempt as it came in.
#[derive(Debug, Clone)]
pub struct Heard {
    pub id: String,
    pub kind: String,
    /// `id.timestamp.`: what is signed before the body.
    signed: String,
    signatures: Vec<String>,
    pub body: Vec<u8>,
    pub manner: Manner,
    pub at: Instant,
}

impl Heard {
    /// The body.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Whether the receiver answered 2xx.
    pub fn taken(&self) -> bool {
        matches!(self.manner, Manner::Well | Manner::Twice)
    }

    /// How many of the signatures are this secret's (`whsec_…`).
    pub fn signed_by(&self, secret: &str) -> usize {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").expect("a secret")).expect("base64");
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key");
        mac.update(self.signed.as_bytes());
        mac.update(&self.body);
        let want = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        self.signatures.iter().filter(|s| **s == want).count()
    }

    /// How many signatures there are.
    pub fn signatures(&self) -> usize {
        self.signatures.len()
    }
}

/// How a receiver takes the `nth` attempt of one id.
type Manners = dyn Fn(usize) -> Manner + Send + Sync;

struct Shared {
    heard: Mutex<Vec<Heard>>,
    manners: Mutex<Arc<Manners>>,
    /// Connections that are never answered.
    hung: Mutex<Vec<TcpStream>>,
}

/// A receiver on a port of its own.
pub struct Receiver {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

impl Receiver {
    /// Listens from now on, for as long as the process lives.
    pub fn start(manners: impl Fn(usize) -> Manner + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            heard: Mutex::new(Vec::new()),
            manners: Mutex::new(Arc::new(manners)),
            hung: Mutex::new(Vec::new()),
        });
        let each = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = each.clone();
                thread::spawn(move || shared.take(stream));
            }
        });
        Self { address, shared }
    }

    /// Changes how it takes attempts.
    pub fn behave(&self, manners: impl Fn(usize) -> Manner + Send + Sync + 'static) {
        *self.shared.manners.lock().expect("unpoisoned") = Arc::new(manners);
    }

    /// All attempts so far.
    pub fn heard(&self) -> Vec<Heard> {
        self.shared.heard.lock().expect("unpoisoned").clone()
    }

    /// All attempts by id.
    pub fn by_id(&self) -> BTreeMap<String, Vec<Heard>> {
        let mut all: BTreeMap<String, Vec<Heard>> = BTreeMap::new();
        for heard in self.heard() {
            all.entry(heard.id.clone()).or_default().push(heard);
        }
        all
    }

    /// The URL to register.
    pub fn url(&self) -> String {
        format!("http://{}/koi", self.address)
    }
}

impl Shared {
    fn take(&self, mut stream: TcpStream) {
        let Some((headers, body)) = read_request(&stream) else { return };
        let header = |name: &str| headers.get(name).cloned().unwrap_or_default();
        let id = header("webhook-id");
        let manners = self.manners.lock().expect("unpoisoned").clone();
        let manner = {
            let mut heard = self.heard.lock().expect("unpoisoned");
            let nth = heard.iter().filter(|h| h.id == id).count() + 1;
            let manner = manners(nth);
            let kind = serde_json::from_slice::<Value>(&body).unwrap_or_default()["type"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            heard.push(Heard {
                signed: format!("{id}.{}.", header("webhook-timestamp")),
                signatures: header("webhook-signature").split(' ').map(str::to_owned).collect(),
                id,
                kind,
                body,
                manner,
                at: Instant::now(),
            });
            manner
        };
        let answer = |status: u16| format!("HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\nok");
        let text = match manner {
            Manner::Well => answer(200),
            Manner::Status(status) => answer(status),
            Manner::Twice => answer(204).replace("Content-Length: 2\r\n\r\nok", "\r\n") + &answer(200),
            Manner::Drop => return,
            Manner::Hang => {
                self.hung.lock().expect("unpoisoned").push(stream);
                return;
            }
        };
        // Who went away in the meantime has given this attempt up.
        _ = stream.write_all(text.as_bytes());
    }
}

/// Headers in lower case and the body; nothing where the connection broke.
fn read_request(stream: &TcpStream) -> Option<(BTreeMap<String, String>, Vec<u8>)> {
    let mut reader = BufReader::new(stream);
    let mut headers = BTreeMap::new();
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let text = line.trim_end();
        if text.is_empty() {
            break;
        }
        if let Some((name, value)) = text.split_once(": ") {
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
    }
    let length = headers.get("content-length")?.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((headers, body))
}
