//! A TCP relay that loses what a test tells it to: cut cables, answers that never come, requests that never arrive.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What is done with bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Passed on.
    Pass = 0,
    /// Requests arrive, answers are lost.
    LoseAnswers = 1,
    /// Requests are lost.
    LoseRequests = 2,
    /// Connections are cut and none is let in.
    Cut = 3,
}

/// The relay; it ends when dropped.
pub struct Relay {
    shared: Arc<Shared>,
}

struct Shared {
    target: SocketAddr,
    mode: AtomicU8,
    stop: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

impl Relay {
    /// Listens at `listen` and passes on to `target`, in the form `LISTEN>TARGET`.
    ///
    /// # Panics
    /// Where the addresses cannot be read or the first one is taken.
    pub fn start(addresses: &str) -> Self {
        let (listen, target) = addresses.split_once('>').expect("LISTEN>TARGET");
        let listener = TcpListener::bind(listen).unwrap_or_else(|error| panic!("{listen}: {error}"));
        listener.set_nonblocking(true).expect("a listener that does not block");
        let shared = Arc::new(Shared {
            target: target.parse().expect("an address"),
            mode: AtomicU8::new(Mode::Pass as u8),
            stop: AtomicBool::new(false),
            open: Mutex::default(),
        });
        let work = shared.clone();
        std::thread::spawn(move || {
            while !work.stop.load(Ordering::Acquire) {
                match listener.accept() {
                    Ok((client, _)) => work.clone().take(client),
                    Err(_) => std::thread::sleep(Duration::from_millis(5)),
                }
            }
        });
        Self { shared }
    }

    /// From here on bytes are treated so. Connections that have lost bytes are cut first: what follows would be nonsense.
    pub fn set(&self, mode: Mode) {
        self.shared.mode.store(mode as u8, Ordering::Release);
        if matches!(mode, Mode::Pass | Mode::Cut) {
            self.shared.cut();
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        self.shared.cut();
    }
}

impl Shared {
    fn cut(&self) {
        for stream in self.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn is(&self, mode: Mode) -> bool {
        self.mode.load(Ordering::Acquire) == mode as u8
    }

    fn take(self: Arc<Self>, client: TcpStream) {
        if self.is(Mode::Cut) {
            return;
        }
        let Ok(server) = TcpStream::connect(self.target) else { return };
        for stream in [&client, &server] {
            _ = stream.set_nonblocking(false);
            _ = stream.set_nodelay(true);
        }
        let copies = [client.try_clone(), server.try_clone(), client.try_clone(), server.try_clone()];
        let [Ok(from_client), Ok(to_server), Ok(keep_client), Ok(keep_server)] = copies else { return };
        self.open.lock().unwrap_or_else(PoisonError::into_inner).extend([keep_client, keep_server]);
        let other = self.clone();
        std::thread::spawn(move || other.copy(from_client, to_server, Mode::LoseRequests));
        std::thread::spawn(move || self.copy(server, client, Mode::LoseAnswers));
    }

    fn copy(&self, mut from: TcpStream, mut to: TcpStream, lost: Mode) {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            if !self.is(lost) && to.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        _ = from.shutdown(Shutdown::Both);
        _ = to.shutdown(Shutdown::Both);
    }
}
