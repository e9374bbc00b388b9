//! The connection to Redis: one for all requests, which pipelines what they ask; made again in the background; given up
//! for a while when it does not answer, so that no request waits for an engine that is away.

use super::super::Engine;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::{AsyncConnectionConfig, Cmd, FromRedisValue, RedisError, RedisFuture, Value};
use sha2::{Digest, Sha256};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;
use tokio::sync::Notify;

/// The functions, whose names end with a version: the hash of this text. Nodes of several versions live side by side.
const LIBRARY: &str = include_str!("library.lua");
/// How long connecting may take, functions loaded and a write tried.
const CONNECT: Duration = Duration::from_secs(2);
/// How often an engine that is away is tried.
const RETRY: Duration = Duration::from_secs(1);
/// Questions in a row that fail before the engine counts as away.
const FAILURES: u32 = 3;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    /// Nothing was asked.
    Away,
    /// It may have been done or not.
    Unclear,
    /// Redis refused it: nothing was done.
    Refused,
}

#[derive(Clone)]
enum Connection {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Connection::One(one) => one.req_packed_command(cmd),
            Connection::Cluster(cluster) => cluster.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a redis::Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Connection::One(one) => one.req_packed_commands(pipeline, offset, count),
            Connection::Cluster(cluster) => cluster.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Connection::One(one) => one.get_db(),
            Connection::Cluster(cluster) => cluster.get_db(),
        }
    }
}

/// See the module.
pub(super) struct Link {
    engine: Engine,
    wait: Duration,
    version: String,
    probe: String,
    open: RwLock<Option<Connection>>,
    failures: AtomicU32,
    lost: Arc<Notify>,
}

impl Link {
    /// Tries once to connect, and goes on trying for as long as somebody holds the link.
    ///
    /// # Errors
    /// The driver does not understand the URL.
    pub async fn start(engine: Engine, wait: Duration, prefix: &str) -> Result<Arc<Self>, RedisError> {
        let urls: &[String] = match &engine {
            Engine::Memory => &[],
            Engine::One(url) => std::slice::from_ref(url),
            Engine::Cluster(urls) => urls,
        };
        for url in urls {
            redis::Client::open(url.as_str())?;
        }
        let link = Arc::new(Self {
            engine,
            wait,
            version: hex::encode(&Sha256::digest(LIBRARY)[..4]),
            probe: format!("{prefix}:probe"),
            open: RwLock::default(),
            failures: AtomicU32::new(0),
            lost: Arc::new(Notify::new()),
        });
        if !link.reconnect().await {
            tracing::warn!("Redis does not answer; hints are this process's own until it does");
        }
        tokio::spawn(keep(Arc::downgrade(&link), link.lost.clone()));
        Ok(link)
    }

    /// A call of one of our functions.
    pub fn function(&self, name: &str) -> Cmd {
        let mut call = redis::cmd("FCALL");
        call.arg(format!("koi_{name}_{}", self.version));
        call
    }

    /// Whether there is somebody to ask.
    pub fn is_open(&self) -> bool {
        self.open.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Asks within the bound.
    pub async fn ask<T: FromRedisValue>(&self, question: &Cmd) -> Result<T, Lost> {
        let Some(mut open) = self.open.read().unwrap_or_else(PoisonError::into_inner).clone() else {
            metrics::counter!("koi_hints_failures_total", "why" => "away").increment(1);
            return Err(Lost::Away);
        };
        let answer = async {
            match question.query_async(&mut open).await {
                // Functions go with a restart, FUNCTION FLUSH, or a replica that never had them.
                Err(error) if is_unknown_function(&error) => {
                    self.load(&mut open).await?;
                    question.query_async(&mut open).await
                }
                answered => answered,
            }
        };
        match tokio::time::timeout(self.wait, answer).await {
            Ok(Ok(answer)) => {
                self.failures.store(0, Ordering::Relaxed);
                Ok(answer)
            }
            Ok(Err(error)) => Err(self.failed(&error)),
            Err(_) => {
                self.count("late", false);
                Err(Lost::Unclear)
            }
        }
    }

    fn failed(&self, error: &RedisError) -> Lost {
        let cut = error.is_connection_dropped() || error.is_io_error() || error.is_unrecoverable_error();
        tracing::debug!(kind = ?error.kind(), "a hint could not be asked");
        self.count(if cut { "cut" } else { "refused" }, cut);
        if cut { Lost::Unclear } else { Lost::Refused }
    }

    /// Counts a failure; enough of them, or a connection that is gone, close the link until the engine answers again.
    fn count(&self, why: &'static str, gone: bool) {
        metrics::counter!("koi_hints_failures_total", "why" => why).increment(1);
        if self.failures.fetch_add(1, Ordering::Relaxed) + 1 < FAILURES && !gone {
            return;
        }
        if self.open.write().unwrap_or_else(PoisonError::into_inner).take().is_some() {
            tracing::warn!(why, "Redis is away; hints are this process's own until it is back");
            metrics::gauge!("koi_hints_up").set(0.0);
            self.lost.notify_one();
        }
    }

    /// Connects where the link is closed. Whether it is open now.
    async fn reconnect(&self) -> bool {
        if self.is_open() {
            return true;
        }
        match tokio::time::timeout(CONNECT, self.connect()).await {
            Ok(Ok(connection)) => {
                self.failures.store(0, Ordering::Relaxed);
                *self.open.write().unwrap_or_else(PoisonError::into_inner) = Some(connection);
                metrics::gauge!("koi_hints_up").set(1.0);
                tracing::info!("hints are shared by Redis");
                true
            }
            Ok(Err(error)) => {
                tracing::debug!(kind = ?error.kind(), "Redis cannot be used");
                false
            }
            Err(_) => false,
        }
    }

    async fn connect(&self) -> Result<Connection, RedisError> {
        let mut connection = match &self.engine {
            Engine::Cluster(urls) => {
                let builder = redis::cluster::ClusterClientBuilder::new(urls.iter().map(String::as_str));
                let client = builder.connection_timeout(CONNECT).response_timeout(CONNECT).retries(1).build()?;
                Connection::Cluster(client.get_async_connection().await?)
            }
            Engine::One(url) => {
                let client = redis::Client::open(url.as_str())?;
                // The bound of each question is the caller's.
                let config =
                    AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT)).set_response_timeout(None);
                Connection::One(client.get_multiplexed_async_connection_with_config(&config).await?)
            }
            Engine::Memory => return Err((redis::ErrorKind::InvalidClientConfig, "no engine").into()),
        };
        self.load(&mut connection).await?;
        // An engine that is full or a replica answers questions but keeps nothing: that is of no use here.
        let mut write = redis::cmd("SET");
        write.arg(&self.probe).arg(1).arg("PX").arg(RETRY.as_millis() as u64);
        write.query_async::<()>(&mut connection).await?;
        Ok(connection)
    }

    /// Loads the functions, on every master; that they are there already is as good.
    async fn load(&self, connection: &mut Connection) -> Result<(), RedisError> {
        let code = format!("#!lua name=koi_{}\n{}", self.version, LIBRARY.replace("VERSION", &self.version));
        let mut load = redis::cmd("FUNCTION");
        load.arg("LOAD").arg("REPLACE").arg(code);
        load.query_async::<Value>(connection).await.map(drop)
    }
}

fn is_unknown_function(error: &RedisError) -> bool {
    error.detail().is_some_and(|detail| detail.contains("Function not found"))
}

/// Opens the link again whenever it was closed; ends with it.
async fn keep(link: Weak<Link>, lost: Arc<Notify>) {
    loop {
        let open = match link.upgrade() {
            Some(link) => link.reconnect().await,
            None => return,
        };
        let pause = tokio::time::sleep(RETRY);
        if open {
            tokio::select! {
                () = lost.notified() => {}
                // Whether anybody still holds the link.
                () = pause => {}
            }
        } else {
            pause.await;
        }
    }
}
