//! What kinds of messages there are.

/// The type of a message to the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MessageType {
    /// A draw was made.
    DrawResult,
    /// An award was made or moved.
    AwardUpdated,
    /// Chances were granted.
    OrderUpdated,
    /// A shopper has a new personal strategy.
    StrategyReady,
    /// An award is to be fulfilled by whoever answers 2xx.
    AwardFulfil,
}

use MessageType::{AwardFulfil, AwardUpdated, DrawResult, OrderUpdated, StrategyReady};

impl MessageType {
    /// All of them.
    pub const ALL: [MessageType; 5] = [DrawResult, AwardUpdated, OrderUpdated, StrategyReady, AwardFulfil];

    /// The word that API and storage use.
    pub fn word(self) -> &'static str {
        match self {
            DrawResult => "draw.result",
            AwardUpdated => "award.updated",
            OrderUpdated => "order.updated",
            StrategyReady => "strategy.ready",
            AwardFulfil => "award.fulfil",
        }
    }

    /// The type behind a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.word() == word)
    }
}
