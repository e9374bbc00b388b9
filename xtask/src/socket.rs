//! A small WebSocket client (RFC 6455) on `std::net`: reads text frames, answers pings, and can be told not to read.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a handshake or a write may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long one look at a quiet connection takes.
const LOOK: Duration = Duration::from_millis(20);
/// The example key of RFC 6455 section 1.3, and what answers it: nothing here needs a secret.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// One open socket.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
    bytes: Vec<u8>,
    messages: VecDeque<Value>,
    /// The code that the server closed it with, 0 where it was just gone.
    closed: Option<u16>,
}

impl Socket {
    /// Opens `path`, which is below `/api/v1`.
    ///
    /// # Errors
    /// Whatever else than a handshake was answered, with the status in the text.
    pub fn open(address: SocketAddr, path: &str) -> io::Result<Self> {
        let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        let head = format!(
            "GET /api/v1{path} HTTP/1.1\r\nHost: koi\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
        );
        stream.write_all(head.as_bytes())?;
        let mut answer = Vec::new();
        let mut byte = [0];
        while !answer.ends_with(b"\r\n\r\n") && answer.len() < 16_384 {
            if stream.read(&mut byte)? == 0 {
                break;
            }
            answer.push(byte[0]);
        }
        let text = String::from_utf8_lossy(&answer).into_owned();
        if !text.starts_with("HTTP/1.1 101 ") || !text.contains(ACCEPT) {
            let status = text.lines().next().unwrap_or_default().to_owned();
            return Err(io::Error::other(format!("no socket: {status}")));
        }
        Ok(Self { stream, bytes: Vec::new(), messages: VecDeque::new(), closed: None })
    }

    /// The next message, where one comes within a time; nothing where none does or the socket is closed.
    ///
    /// # Errors
    /// A broken frame.
    pub fn next(&mut self, within: Duration) -> io::Result<Option<Value>> {
        let until = Instant::now() + within;
        loop {
            if let Some(message) = self.messages.pop_front() {
                return Ok(Some(message));
            }
            if self.closed.is_some() || Instant::now() >= until {
                return Ok(None);
            }
            self.look(LOOK)?;
        }
    }

    /// All messages that are there already.
    ///
    /// # Errors
    /// A broken frame.
    pub fn drain(&mut self) -> io::Result<Vec<Value>> {
        while self.closed.is_none() && self.look(Duration::from_millis(1))? {}
        Ok(self.messages.drain(..).collect())
    }

    /// How the server closed it, where it did.
    pub fn closed(&self) -> Option<u16> {
        self.closed
    }

    /// Sends a text frame.
    ///
    /// # Errors
    /// A broken connection.
    pub fn say(&mut self, text: &str) -> io::Result<()> {
        self.send(TEXT, text.as_bytes())
    }

    fn look(&mut self, wait: Duration) -> io::Result<bool> {
        self.stream.set_read_timeout(Some(wait))?;
        let mut some = [0; 16_384];
        match self.stream.read(&mut some) {
            Ok(0) => {
                self.closed.get_or_insert(0);
                Ok(false)
            }
            Ok(count) => {
                self.bytes.extend_from_slice(&some[..count]);
                while self.frame()? {}
                Ok(true)
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(false),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                self.closed.get_or_insert(0);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Takes one whole frame, where there is one. A server's frames are not masked, and these never come in parts.
    fn frame(&mut self) -> io::Result<bool> {
        let [first, second, ..] = self.bytes[..] else { return Ok(false) };
        let (header, length) = match second & 0x7f {
            126 => (4, self.bytes.get(2..4).map(|b| usize::from(b[0]) << 8 | usize::from(b[1]))),
            127 => (10, self.bytes.get(2..10).map(|b| b.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))),
            short => (2, Some(usize::from(short))),
        };
        let Some(length) = length.filter(|length| self.bytes.len() >= header + length) else { return Ok(false) };
        let payload: Vec<u8> = self.bytes.drain(..header + length).skip(header).collect();
        match first & 0x0f {
            TEXT => {
                let message = serde_json::from_slice(&payload).map_err(io::Error::other)?;
                self.messages.push_back(message);
            }
            PING => self.send(PONG, &payload)?,
            CLOSE => {
                let code = payload.get(..2).map_or(0, |b| u16::from(b[0]) << 8 | u16::from(b[1]));
                self.closed = Some(code);
            }
            _ => {}
        }
        Ok(true)
    }

    fn send(&mut self, opcode: u8, payload: &[u8]) -> io::Result<()> {
        let length = u8::try_from(payload.len()).ok().filter(|length| *length < 126);
        let length = length.ok_or_else(|| io::Error::other("only short frames are sent"))?;
        // The mask is all zeros: it hides nothing, and the server must not care.
        let mut frame = vec![0x80 | opcode, 0x80 | length, 0, 0, 0, 0];
        frame.extend_from_slice(payload);
        self.stream.write_all(&frame)
    }
}
