//! The engines that a configuration asks for, as one thing to start and to stop.

use super::Failure;
use crate::config::Config;
use adapters::cluster::{self, LedgerKind, Node};
use adapters::embedded::{self, Embedded};
use app::koi::Koi;
use tokio::sync::watch;

/// What serves.
pub enum Engines {
    Embedded(Embedded),
    Node(Node),
}

impl Engines {
    /// Opens what is configured. Of a cluster, engines that are missing are waited for.
    pub async fn open(config: &Config) -> Result<Self, Failure> {
        let mut engines = match config.ledger.kind {
            LedgerKind::Sqlite => {
                let opened = embedded::open_with(&config.server.data, &config.embedded, &config.hints).await;
                Self::Embedded(opened.map_err(Failure::open)?)
            }
            LedgerKind::Kafka => {
                Self::Node(cluster::open(&config.server.data, &config.engines()).await.map_err(Failure::work)?)
            }
        };
        let started = match &mut engines {
            Self::Embedded(embedded) => embedded.start_fulfilment(&config.fulfilment),
            Self::Node(node) => node.start_fulfilment(&config.fulfilment),
        };
        started.map_err(Failure::work)?;
        Ok(engines)
    }

    /// The use cases.
    pub fn koi(&self) -> &Koi {
        match self {
            Self::Embedded(embedded) => &embedded.koi,
            Self::Node(node) => &node.koi,
        }
    }

    /// Turns true when nothing may be answered any more and the process must exit with 1.
    pub fn fatal(&self) -> watch::Receiver<bool> {
        self.koi().owners().fatal()
    }

    /// Finishes what is under way and closes everything.
    pub async fn close(self) {
        match self {
            Self::Embedded(embedded) => embedded.close().await,
            Self::Node(node) => node.close().await,
        }
    }
}
