//! The engines that a configuration asks for, as one thing to start and to stop.

use super::Failure;
use crate::config::Config;
use crate::intake::BehaviourIntake;
use adapters::advice::{AdviceFile, Bridge};
use adapters::cluster::{self, LedgerKind, Node};
use adapters::embedded::{self, Embedded};
use adapters::kafka::Inflow;
use app::koi::Koi;
use std::sync::Arc;
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

    /// Starts to read what other programs write, and to put questions to them, where the engines have topics.
    ///
    /// # Errors
    /// A client cannot be set up.
    pub async fn start_topics(&mut self, config: &Config, advice: AdviceFile) -> Result<(), Failure> {
        let Self::Node(node) = self else { return Ok(()) };
        let mut inflows = Vec::new();
        if config.topics.behaviour {
            let (topic, group) = (node.topics.names.behaviour(), node.topics.names.group("behaviour"));
            inflows.push(Inflow { topic, group, intake: Arc::new(BehaviourIntake { koi: node.koi.clone() }) });
        }
        if config.advice.is_asked() {
            let bridge = Bridge::open(advice, node.koi.clone(), node.topics.clone()).await.map_err(Failure::work)?;
            inflows.extend(bridge.inflows());
            node.keep(bridge.tell_questions());
        }
        node.read(inflows).map_err(Failure::work)
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
