//! The way to other nodes: one HTTP/2 connection to each, so that what many requests send at once leaves in few writes; one
//! secret that all nodes share, and routes from the control topic.

use crate::kafka::{Apart, Control, Kafka, KafkaReader, Told};
use app::ports::{LedgerReader, Parcel, Peers, PortResult, Route, Unanswered};
use async_trait::async_trait;
use bytes::Bytes;
use domain::ids::PARTITIONS;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;

/// The header that names the secret.
pub(super) const SECRET: &str = "x-koi-cluster";
/// Bytes of an answer; the largest is a page of an account.
const ANSWER_BYTES: usize = 16 << 20;
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(1);
/// How often other nodes are looked after.
const LOOK: Duration = Duration::from_millis(500);
/// How often a connection with requests under way is asked whether its node is there, and how long that may take: a node
/// behind a cut cable answers nothing.
pub(super) const ALIVE: Duration = Duration::from_secs(2);
pub(super) const ALIVE_WITHIN: Duration = Duration::from_secs(4);
/// Bytes that may be on their way unread, of a request and of a connection.
pub(super) const WINDOW: u32 = 1 << 20;
pub(super) const WINDOWS: u32 = 8 << 20;

type Connection = SendRequest<Full<Bytes>>;

/// The nodes of a cluster as this one sees them.
pub struct HttpPeers {
    kafka: Kafka,
    control: Control,
    /// This process.
    node: u64,
    /// Where other nodes reach it.
    address: String,
    secret: String,
    open: Mutex<FxHashMap<Arc<str>, Connection>>,
    /// Held while a connection to a node is made, so that one is enough for all who wait for it.
    connecting: Mutex<FxHashMap<Arc<str>, Arc<tokio::sync::Mutex<()>>>>,
    /// Addresses that answered when they were last looked after.
    there: Mutex<FxHashSet<Arc<str>>>,
}

impl HttpPeers {
    /// Whether this build may own logs beside the nodes that are there.
    ///
    /// # Errors
    /// [`Apart`], by one of them.
    pub(super) async fn agree(&self) -> Result<(), Apart> {
        for apart in self.control.apart() {
            let (Apart::Behind { address, .. } | Apart::Ahead { address, .. }) = &apart;
            if self.answers(&address.as_str().into()).await {
                return Err(apart);
            }
        }
        Ok(())
    }

    async fn answers(&self, address: &Arc<str>) -> bool {
        // Nobody owns such a log, and saying so is an answer.
        let question = Parcel { part: u8::MAX, request: app::random::word(), body: Bytes::new() };
        matches!(tokio::time::timeout(CONNECT, self.exchange(address, &question)).await, Ok(Some(_)))
    }

    /// Looks after the nodes that are told of, until the task is dropped.
    pub(super) async fn look_after(self: Arc<Self>) {
        loop {
            let addresses: FxHashSet<Arc<str>> = (0..PARTITIONS)
                .filter_map(|part| self.route(part).filter(|route| !route.here).map(|route| route.address))
                .collect();
            let mut there = FxHashSet::default();
            for address in addresses {
                if self.answers(&address).await {
                    there.insert(address);
                }
            }
            *self.there.lock().unwrap_or_else(PoisonError::into_inner) = there;
            tokio::time::sleep(LOOK).await;
        }
    }

    pub(super) fn new(kafka: Kafka, control: Control, address: String, secret: String) -> Self {
        Self {
            kafka,
            control,
            node: app::random::word(),
            address,
            secret,
            open: Mutex::default(),
            connecting: Mutex::default(),
            there: Mutex::default(),
        }
    }

    fn kept(&self, address: &str) -> Option<Connection> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(address).filter(|connection| !connection.is_closed()).cloned()
    }

    async fn connect(&self, address: &Arc<str>) -> Option<Connection> {
        let turn = {
            let mut connecting = self.connecting.lock().unwrap_or_else(PoisonError::into_inner);
            connecting.entry(address.clone()).or_default().clone()
        };
        let _one_at_a_time = turn.lock().await;
        if let Some(kept) = self.kept(address) {
            return Some(kept);
        }
        let stream = tokio::time::timeout(CONNECT, TcpStream::connect(&**address)).await.ok()?.ok()?;
        // A parcel is one write; without the option it is merely slower.
        _ = stream.set_nodelay(true);
        let mut builder = Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new()).keep_alive_interval(ALIVE).keep_alive_timeout(ALIVE_WITHIN);
        builder.initial_stream_window_size(WINDOW).initial_connection_window_size(WINDOWS);
        let made = tokio::time::timeout(CONNECT, builder.handshake(TokioIo::new(stream))).await;
        let (sender, connection) = made.ok()?.ok()?;
        tokio::spawn(async move {
            // Its end is told to whoever waits for an answer on it.
            _ = connection.await;
        });
        self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(address.clone(), sender.clone());
        Some(sender)
    }

    async fn exchange(&self, to: &Arc<str>, parcel: &Parcel) -> Option<Bytes> {
        let trace = app::trace::current().map(|parent| parent.text());
        let request = || {
            let place = format!("http://{to}/forward/{}/{}", parcel.part, parcel.request);
            let mut request = Request::post(place).header(SECRET, &self.secret);
            if let Some(trace) = &trace {
                request = request.header(app::trace::HEADER, trace);
            }
            request.body(Full::new(parcel.body.clone())).ok()
        };
        // A connection that was kept may have been closed meanwhile: then a new one tells whether the node is there.
        if let Some(mut kept) = self.kept(to)
            && let Some(answer) = ask(&mut kept, request()?).await
        {
            return self.read(to, answer).await;
        }
        let mut fresh = self.connect(to).await?;
        let answer = ask(&mut fresh, request()?).await?;
        self.read(to, answer).await
    }

    async fn read(&self, to: &str, answer: Response<Incoming>) -> Option<Bytes> {
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES).collect().await.ok()?.to_bytes();
        match status {
            StatusCode::OK => Some(body),
            StatusCode::UNAUTHORIZED => {
                tracing::error!(node = to, "the node knows another secret; do all nodes have the same master.key?");
                None
            }
            status => {
                tracing::warn!(node = to, %status, "the node did not take a request");
                None
            }
        }
    }
}

async fn ask(connection: &mut Connection, request: Request<Full<Bytes>>) -> Option<Response<Incoming>> {
    connection.ready().await.ok()?;
    connection.send_request(request).await.ok()
}

#[async_trait]
impl Peers for HttpPeers {
    fn route(&self, part: u8) -> Option<Route> {
        let told = self.control.told(part)?;
        Some(Route { epoch: told.epoch, here: told.node == self.node, address: told.address.into() })
    }

    fn address(&self) -> &str {
        &self.address
    }

    fn is_there(&self, route: &Route) -> bool {
        self.there.lock().unwrap_or_else(PoisonError::into_inner).contains(&route.address)
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.control.changes()
    }

    async fn announce(&self, part: u8, epoch: u32) -> PortResult<()> {
        self.control.tell(part, &Told::of(epoch, self.node, self.address.clone())).await
    }

    async fn send(&self, to: &Route, parcel: &Parcel) -> Result<Bytes, Unanswered> {
        self.exchange(&to.address, parcel).await.ok_or(Unanswered)
    }

    fn reader(&self, part: u8) -> Arc<dyn LedgerReader> {
        Arc::new(KafkaReader::new(self.kafka.clone(), part))
    }
}
