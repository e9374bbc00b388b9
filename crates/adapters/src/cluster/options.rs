//! What can be configured of the engines beyond the data directory.

use crate::kafka::TopicsOptions;
use serde::{Deserialize, Serialize};

/// Where the ledger is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerKind {
    /// In the data directory; one process.
    #[default]
    Sqlite,
    /// In Apache Kafka; any number of processes.
    Kafka,
}

/// `[ledger]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LedgerOptions {
    pub kind: LedgerKind,
    /// Of Kafka: `host:port`, several with commas between.
    pub brokers: String,
    /// The ledger's topic; others are named after it.
    pub topic: String,
    /// Replicas, and how many must hold a record before it counts.
    pub replication: u16,
    pub min_insync: u16,
}

impl Default for LedgerOptions {
    fn default() -> Self {
        Self {
            kind: LedgerKind::Sqlite,
            brokers: "127.0.0.1:9092".into(),
            topic: "koi.ledger".into(),
            replication: 3,
            min_insync: 2,
        }
    }
}

/// `[records]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecordsOptions {
    /// `mysql://user:password@host:port/database`; empty: a file in the data directory.
    pub url: String,
}

/// `[cluster]`: how nodes find each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClusterOptions {
    /// Where this node listens for other nodes; port 0 takes any free one.
    pub listen: std::net::SocketAddr,
    /// `host:port` at which other nodes reach it; empty: where it listens.
    pub advertise: String,
    /// What all nodes know and nobody else; empty: made from the master key, which all nodes share anyway.
    pub secret: String,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self { listen: ([127, 0, 0, 1], 7080).into(), advertise: String::new(), secret: String::new() }
    }
}

/// All engines.
#[derive(Debug, Clone, Default)]
pub struct Engines {
    pub ledger: LedgerOptions,
    pub records: RecordsOptions,
    pub cluster: ClusterOptions,
    pub topics: TopicsOptions,
    pub hints: crate::hints::Options,
    pub bounds: crate::embedded::Options,
}

impl LedgerOptions {
    /// As the ledger on Kafka takes it.
    pub fn kafka(&self) -> crate::kafka::Options {
        crate::kafka::Options {
            brokers: self.brokers.clone(),
            topic: self.topic.clone(),
            replication: self.replication.into(),
            min_insync: self.min_insync.into(),
        }
    }

    /// What is wrong with it.
    pub fn wrong(&self) -> Option<&'static str> {
        let name = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if self.brokers.trim().is_empty() {
            return Some("brokers is empty; name a host:port");
        }
        // Kafka's own bound is 249; names of other topics are made by adding to this one.
        if self.topic.is_empty() || self.topic.len() > 200 || !self.topic.chars().all(name) {
            return Some("topic is 1 to 200 letters, digits, dots, underscores and hyphens");
        }
        if self.replication == 0 || self.min_insync == 0 || self.min_insync > self.replication {
            return Some("min_insync is 1 to replication");
        }
        None
    }
}
