//! Topics that other programs read and write.

use super::PortResult;
use async_trait::async_trait;

/// What is told to other programs, each on a topic of its own (docs/topics.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PublicTopic {
    Draws,
    Awards,
    Points,
    Orders,
    Notices,
    /// Campaigns and items that were published or changed.
    Config,
}

impl PublicTopic {
    pub const ALL: [Self; 6] = [Self::Draws, Self::Awards, Self::Points, Self::Orders, Self::Notices, Self::Config];

    /// What its name ends with.
    pub fn word(self) -> &'static str {
        match self {
            Self::Draws => "draws",
            Self::Awards => "awards",
            Self::Points => "points",
            Self::Orders => "orders",
            Self::Notices => "notices",
            Self::Config => "config",
        }
    }
}

/// One message for other programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicMessage {
    pub topic: PublicTopic,
    /// The shop's id of the shopper, so that what happens to one stays in order; of `config` the thing's own id.
    pub key: String,
    /// JSON.
    pub value: String,
}

/// Tells other programs.
#[async_trait]
pub trait Publisher: Send + Sync {
    /// Returns when all messages are durable, those of one key in their order. After an error some of them may be:
    /// whoever calls tells all of them again, so a reader may hear one twice, never none.
    async fn publish(&self, messages: Vec<PublicMessage>) -> PortResult<()>;
}

/// Why a message of another program is not taken; it goes to the dead letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    /// A stable word.
    pub code: String,
    pub detail: String,
}

impl Unfit {
    pub fn new(code: &str, detail: impl Into<String>) -> Self {
        Self { code: code.to_owned(), detail: detail.into() }
    }
}

/// Takes what other programs write.
#[async_trait]
pub trait Intake: Send + Sync {
    /// What became of each message, in their order: taken, with its effect durable, or unfit. A message that comes again
    /// has no second effect.
    ///
    /// # Errors
    /// Nothing can be said of any of them now: all come again.
    async fn take(&self, messages: &[Vec<u8>]) -> PortResult<Vec<Result<(), Unfit>>>;
}
