//! The engines of a cluster on this machine, for development and tests: real ones, on loopback, each with its data in a
//! directory of its own. What is not there is installed by the ordinary package managers; what was started is stopped by
//! its process id, and nothing else is.
//!
//! Process ids and ports are kept in files beside the data, so a second call finds what an earlier one started.

mod engine;
pub(crate) mod install;
mod kafka;
mod mariadb;
mod proxy;
mod redis;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use engine::Place;
pub use engine::Signal;

/// How long an engine may take until it answers: the proxy's JVM needs half a minute on a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// The file that tells tests where the running engines are.
const VARIABLES: &str = "engines.env";
/// The variable that names Kafka behind a relay.
const RELAYED: &str = "KOI_TEST_KAFKA_RELAYED";

/// One of the engines, in the order in which they start: the proxy dies where its database is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Apache Kafka in KRaft mode, one broker.
    Kafka,
    /// MariaDB, which stands in for MySQL.
    MariaDb,
    /// Apache ShardingSphere-Proxy before two databases of MariaDB.
    Proxy,
    /// Redis without persistence.
    Redis,
}

impl Engine {
    /// All of them, in the order in which they start.
    pub const ALL: [Engine; 4] = [Engine::Kafka, Engine::MariaDb, Engine::Proxy, Engine::Redis];

    /// Its directory's name.
    pub fn word(self) -> &'static str {
        match self {
            Engine::Kafka => "kafka",
            Engine::MariaDb => "mariadb",
            Engine::Proxy => "proxy",
            Engine::Redis => "redis",
        }
    }

    /// The environment variable by which tests are told where it is, and that of a database directly.
    pub fn variable(self) -> &'static str {
        match self {
            Engine::Kafka => "KOI_TEST_KAFKA",
            Engine::MariaDb => "KOI_TEST_MYSQL",
            Engine::Proxy => "KOI_TEST_PROXY",
            Engine::Redis => "KOI_TEST_REDIS",
        }
    }

    /// The port it takes where that is free.
    fn usual_port(self) -> u16 {
        match self {
            Engine::Kafka => 19_092,
            Engine::MariaDb => 13_306,
            Engine::Proxy => 13_307,
            Engine::Redis => 16_379,
        }
    }

    /// The URL by which koi's config names it.
    fn url(self, port: u16) -> String {
        match self {
            Engine::Kafka => format!("kafka://127.0.0.1:{port}"),
            Engine::MariaDb => format!("mysql://koi:koi@127.0.0.1:{port}/direct"),
            Engine::Proxy => format!("mysql://koi:koi@127.0.0.1:{port}/koi"),
            Engine::Redis => format!("redis://127.0.0.1:{port}"),
        }
    }

    fn install(self, root: &Path) -> Result<()> {
        match self {
            Engine::Kafka => kafka::install(root),
            Engine::MariaDb => mariadb::install(),
            Engine::Proxy => proxy::install(root),
            Engine::Redis => redis::install(),
        }
    }

    fn start(self, place: &Place, cluster: &Cluster, port: u16) -> Result<()> {
        match self {
            Engine::Kafka => kafka::start(place, &cluster.libraries, port, cluster.in_earnest),
            Engine::MariaDb => mariadb::start(place, port),
            Engine::Proxy => {
                let database = cluster.place(Engine::MariaDb).port().context("the proxy needs MariaDB first")?;
                proxy::start(place, &cluster.libraries, port, database)
            }
            Engine::Redis => redis::start(place, port),
        }
    }

    fn answers(self, place: &Place, port: u16) -> bool {
        match self {
            Engine::Kafka => kafka::answers(place, port),
            Engine::MariaDb => mariadb::answers(port),
            Engine::Proxy => proxy::answers(port),
            Engine::Redis => redis::answers(port),
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Engine::Kafka => "Kafka",
            Engine::MariaDb => "MariaDB",
            Engine::Proxy => "ShardingSphere-Proxy",
            Engine::Redis => "Redis",
        })
    }
}

/// The engines whose data lies in one directory.
#[derive(Debug, Clone)]
pub struct Cluster {
    root: PathBuf,
    /// Where jars are.
    libraries: PathBuf,
    in_earnest: bool,
}

/// How an engine does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub engine: Engine,
    /// Nothing where it does not run.
    pub pid: Option<u32>,
    pub port: Option<u16>,
    pub answers: bool,
}

impl Cluster {
    /// The engines in `root`; none is touched yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        Self { libraries: root.clone(), root, in_earnest: false }
    }

    /// The same with the jars of another directory, which are fetched where they are not there.
    #[must_use]
    pub fn with_libraries(self, of: impl Into<PathBuf>) -> Self {
        Self { libraries: of.into(), ..self }
    }

    /// The same for measurements: virtual machines compile as they do in production, rather than start soon.
    #[must_use]
    pub fn in_earnest(self) -> Self {
        Self { in_earnest: true, ..self }
    }

    /// Removes the data of whatever does not run.
    ///
    /// # Errors
    /// A directory that cannot be removed.
    pub fn forget(&self) -> Result<()> {
        let _one_at_a_time = engine::lock(&self.root)?;
        for engine in Engine::ALL {
            let place = self.place(engine);
            if place.pid().is_none() && place.dir().exists() {
                let dir = place.dir();
                std::fs::remove_dir_all(dir).with_context(|| format!("cannot remove {}", dir.display()))?;
            }
        }
        Ok(())
    }

    fn place(&self, engine: Engine) -> Place {
        Place::new(&self.root, engine)
    }

    /// Installs and starts `engines`, in their order, and waits until each answers. One that runs is left alone. `tell`
    /// hears what is being done.
    ///
    /// # Errors
    /// A sentence about what is missing and the command that brings it, or the engine's own last words.
    pub fn up(&self, engines: &[Engine], tell: &mut dyn FnMut(&str)) -> Result<()> {
        let _one_at_a_time = engine::lock(&self.root)?;
        for engine in Engine::ALL.into_iter().filter(|engine| engines.contains(engine)) {
            engine.install(&self.libraries).with_context(|| format!("{engine} is not installed"))?;
            let place = self.place(engine);
            if place.pid().is_none() {
                tell(&format!("{engine} starts"));
                let port = place.take_port(engine.usual_port())?;
                engine.start(&place, self, port).with_context(|| format!("{engine} cannot be started"))?;
            }
            self.wait(engine)?;
            tell(&format!("{engine} answers at {}", self.url(engine)?));
        }
        // For tests that are run by hand.
        let lines: String = self.variables().iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        Ok(std::fs::write(self.root.join(VARIABLES), lines)?)
    }

    /// Waits until an engine that was started answers.
    ///
    /// # Errors
    /// It died, or it took too long; with the last lines of its log.
    pub fn wait(&self, engine: Engine) -> Result<()> {
        let place = self.place(engine);
        let port = place.port().with_context(|| format!("{engine} was never started"))?;
        place.wait(READY_WITHIN, || engine.answers(&place, port)).with_context(|| format!("{engine} does not answer"))
    }

    /// Stops whatever of this directory runs, in reverse order, and waits until it is gone.
    ///
    /// # Errors
    /// A process that does not go.
    pub fn down(&self, tell: &mut dyn FnMut(&str)) -> Result<()> {
        let _one_at_a_time = engine::lock(&self.root)?;
        _ = std::fs::remove_file(self.root.join(VARIABLES));
        for engine in Engine::ALL.into_iter().rev() {
            if self.place(engine).stop(Signal::Term)? {
                tell(&format!("{engine} stopped"));
            }
        }
        Ok(())
    }

    /// A fault for tests: ends one engine by a signal and waits until it is gone.
    ///
    /// # Errors
    /// It does not go.
    pub fn kill(&self, engine: Engine, signal: Signal) -> Result<()> {
        self.place(engine).stop(signal).map(drop)
    }

    /// Starts one engine again on its port and data, and waits until it answers.
    ///
    /// # Errors
    /// As [`Cluster::up`].
    pub fn start(&self, engine: Engine) -> Result<()> {
        self.up(&[engine], &mut |_| {})
    }

    /// How each engine does.
    pub fn status(&self) -> Vec<Status> {
        let of = |engine: Engine| {
            let place = self.place(engine);
            let (pid, port) = (place.pid(), place.port());
            let answers = pid.is_some() && port.is_some_and(|port| engine.answers(&place, port));
            Status { engine, pid, port, answers }
        };
        Engine::ALL.into_iter().map(of).collect()
    }

    /// The URL of an engine that was started.
    ///
    /// # Errors
    /// It never was.
    pub fn url(&self, engine: Engine) -> Result<String> {
        let port = self.place(engine).port().with_context(|| format!("{engine} was never started"))?;
        Ok(engine.url(port))
    }

    /// The environment variables that tell tests where the running engines are.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let running = Engine::ALL.into_iter().filter(|engine| self.place(*engine).pid().is_some());
        let mut variables: Vec<_> =
            running.filter_map(|engine| Some((engine.variable(), self.url(engine).ok()?))).collect();
        if variables.iter().any(|(name, _)| *name == Engine::Kafka.variable()) {
            variables.extend(kafka::relayed(&self.place(Engine::Kafka)).map(|relayed| (RELAYED, relayed)));
        }
        variables
    }

    /// The status as one JSON object.
    pub fn status_json(&self) -> Value {
        let engines = self.status().into_iter().map(|s| {
            let url = s.port.map(|port| s.engine.url(port));
            (s.engine.word().to_owned(), json!({"pid": s.pid, "url": url, "answers": s.answers}))
        });
        Value::Object(engines.collect())
    }
}
