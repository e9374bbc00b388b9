//! `koi serve`: composes the process, runs it, and stops it in good order.

use super::engines::Engines;
use super::{Failure, runtime, say};
use crate::auth::{ApiKeys, ShopperJwt};
use crate::config::{self, Config};
use crate::http::{Edge, Shared, cors::Origins, front::Front, listen};
use crate::observe;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How long requests in flight may take when the process is asked to stop.
const GRACE: Duration = Duration::from_secs(15);
/// After a fatal error nothing can succeed any more: only refusals are sent out.
const FATAL_GRACE: Duration = Duration::from_millis(500);
/// The environment variable that may hold a key with every scope.
const BOOTSTRAP: &str = "KOI_BOOTSTRAP_KEY";

#[derive(clap::Args)]
pub struct Args {
    /// The configuration file; without one, the defaults
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// The folder that holds everything
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Why serving ended.
enum End {
    Asked,
    Fatal,
}

pub fn run(args: Args) -> Result<(), Failure> {
    let mut config = Config::load(args.config.as_deref(), config::environment()).map_err(Failure::usage)?;
    config.server.listen = args.listen.unwrap_or(config.server.listen);
    config.server.data = args.data.unwrap_or(config.server.data);
    let bootstrap = std::env::var_os(BOOTSTRAP).map(|key| key.to_string_lossy().into_owned());
    let keys = ApiKeys::new(bootstrap.as_deref()).map_err(Failure::usage)?;
    observe::start_logs(&config.log);
    let edge = Edge {
        secure_cookies: config.operators.secure_cookies,
        forwarded_for: config.operators.forwarded_for,
        embed_origins: Origins::new(&config.shoppers.embed_origins).map_err(Failure::usage)?,
        limits: config.limits,
        jwt: ShopperJwt::new(&config.shoppers.jwt).map_err(Failure::work)?,
    };
    let metrics = observe::start_metrics().map_err(Failure::work)?;
    let traces = observe::start_traces(&config.telemetry).map_err(Failure::usage)?;
    let runtime = runtime()?;
    let end = runtime.block_on(async {
        tokio::spawn(observe::keep_up(metrics.clone()));
        let wanted = config.server.listen;
        // Who connects while the data is opened waits in the kernel's queue until there is somebody to answer. Of a
        // second process on the same data and address, the data is what must be named.
        let bound = TcpListener::bind(wanted).await;
        let mut engines = Engines::open(&config).await?;
        if let Err(failure) = advise(&mut engines, &config).await {
            engines.close().await;
            return Err(failure);
        }
        let listener = match bound {
            Ok(listener) => listener,
            Err(error) => {
                engines.close().await;
                return Err(Failure::Work(format!("cannot listen on {wanted}: {error}")));
            }
        };
        engines.koi().set_policy(config.operators.policy());
        let app = Shared::new(engines.koi().with_policy(config.campaigns.policy()), keys, metrics, edge);
        serve(&config, listener, Front::new(app), engines).await
    });
    if let Some(Err(error)) = traces.map(|traces| traces.shutdown()) {
        tracing::debug!(%error, "the last spans were not sent");
    }
    match end? {
        End::Asked => Ok(()),
        // Nothing of what is still in memory may be written: the log alone says what is true, at the next start.
        End::Fatal => std::process::exit(1),
    }
}

/// Opens what advises, and the topics of other programs.
async fn advise(engines: &mut Engines, config: &Config) -> Result<(), Failure> {
    let data = &config.server.data;
    let advice = adapters::advice::start(engines.koi(), data, &config.llm, &config.advice).map_err(Failure::work)?;
    engines.start_topics(config, advice).await
}

async fn serve(config: &Config, listener: TcpListener, front: Front, engines: Engines) -> Result<End, Failure> {
    let address = listener.local_addr().map_err(Failure::work)?;
    let (stop, stopped) = watch::channel(false);
    let mut fatal = engines.fatal();
    let app = front.app().clone();
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::work)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::work)?;
    if say(&format!("koi listens on http://{address}")).is_err() {
        tracing::warn!("nobody reads standard output");
    }
    tracing::info!(%address, data = %config.server.data.display(), "serving");

    if !config.flows.folder.as_os_str().is_empty() {
        let every = Duration::from_millis(config.flows.every_ms.into());
        tokio::spawn(crate::watch::run(engines.koi().clone(), config.flows.folder.clone(), every));
    }
    let serving = tokio::spawn(listen::serve(listener, front, config.server.connections_max, GRACE, stopped));
    let end = tokio::select! {
        // The sender lives as long as the use cases do, which is longer than this.
        _ = fatal.wait_for(|fatal| *fatal) => End::Fatal,
        _ = terminate.recv() => End::Asked,
        _ = interrupt.recv() => End::Asked,
    };
    app.drain();
    // The receiver is held by `serving`; if that is gone there is nothing to stop.
    let _gone = stop.send(true);
    match end {
        End::Fatal => {
            tracing::error!(
                "the ledger failed: nothing more is acknowledged; the process ends and recovers at its next start"
            );
            let _late = tokio::time::timeout(FATAL_GRACE, serving).await;
        }
        End::Asked => {
            tracing::info!("stopping: answering what is in flight");
            let cut = tokio::select! {
                cut = serving => cut.map_err(Failure::work)?,
                _ = fatal.wait_for(|fatal| *fatal) => return Ok(End::Fatal),
            };
            if cut > 0 {
                tracing::warn!(connections = cut, "cut off after {} s", GRACE.as_secs());
            }
            engines.close().await;
            tracing::info!("stopped");
        }
    }
    Ok(end)
}
