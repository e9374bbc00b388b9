//! What nodes ask each other, as bytes: JSON, since everything in it is small and some of it is stored as JSON anyway, and
//! behind it the bytes of a draw's answer as they are.

use crate::command::{Reply, Who, Work};
use crate::error::{Error, Result};
use crate::live::Told;
use crate::runtime::Counters;
use bytes::{BufMut, Bytes, BytesMut};
use domain::draw::Refusal;
use domain::ids::{CampaignId, ItemId, OrderId, ShopperId};
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};
use std::sync::{Mutex, PoisonError};

/// What is asked of the owner of one log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Call {
    Command {
        who: Who,
        work: Work,
    },
    /// At least this version of a campaign decides from here on (R9). The rules themselves are read from the table.
    Campaign {
        campaign: CampaignId,
        version: u32,
    },
    /// The same of an item of the exchange shop.
    Item {
        item: ItemId,
        version: u32,
    },
    /// Units sold of every exchange item.
    Sold,
    MakeId,
    WhoseOrder {
        order: OrderId,
    },
    Counters {
        campaign: CampaignId,
    },
    /// The offset behind the last folded record.
    Folded,
    /// Whether records hold what was folded when this came, waiting for it within a bound.
    Projected,
    /// The node at `to` has sockets of a shopper and is to be told of what happens to it.
    Listen {
        shopper: ShopperId,
        to: String,
    },
    /// What another node's sockets are to hear; no owner is asked.
    Told(Vec<Told>),
}

/// What the owner says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Said {
    Reply(Reply),
    Acted,
    Sold(Vec<(ItemId, u64)>),
    Id(u64),
    Whose(Option<ShopperId>),
    Counters(Option<Counters>),
    Folded(u64),
    Projected(bool),
    /// The offset behind the last folded record, by what the node hears of what follows, and how much of that it was told;
    /// nothing where the owner is on that very node.
    Listening {
        folded: u64,
        feed: u64,
        told: Option<u64>,
    },
}

/// An answer on its way back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Returned {
    Said(Said),
    Failed(Failed),
    /// The log is not owned here: whoever asked looks for its owner again.
    NotHere,
}

/// [`Error`] between nodes. What no owner says travels as a failure that is asked again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Failed {
    Invalid { code: String, field: Option<String>, detail: String },
    NotFound { code: String, detail: String },
    Conflict { code: String, detail: String },
    Refused(Refusal),
    InFlight,
    KeyReused,
    BusinessKeyReused,
    Guessing { after_ms: i64 },
    Stale,
    Unavailable(String),
}

/// Words that other nodes used, each kept once: errors carry words that live as long as the process.
static WORDS: Mutex<Option<FxHashSet<&'static str>>> = Mutex::new(None);
/// So many different ones at most; koi itself has about a hundred.
const WORDS_MAX: usize = 4_096;

/// The word that lives on, where it is known or there is room for it.
fn word(text: String) -> Option<&'static str> {
    let mut words = WORDS.lock().unwrap_or_else(PoisonError::into_inner);
    let words = words.get_or_insert_with(FxHashSet::default);
    if let Some(known) = words.get(text.as_str()) {
        return Some(known);
    }
    if words.len() >= WORDS_MAX {
        return None;
    }
    let kept: &'static str = Box::leak(text.into_boxed_str());
    words.insert(kept);
    Some(kept)
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid { code, field, detail } => Failed::Invalid { code: code.into(), field, detail },
            Error::NotFound { code, detail } => Failed::NotFound { code: code.into(), detail: detail.into() },
            Error::Conflict { code, detail } => Failed::Conflict { code: code.into(), detail },
            Error::Refused(refusal) => Failed::Refused(refusal),
            Error::InFlight => Failed::InFlight,
            Error::KeyReused => Failed::KeyReused,
            Error::BusinessKeyReused => Failed::BusinessKeyReused,
            Error::Guessing { after_ms } => Failed::Guessing { after_ms },
            Error::Stale => Failed::Stale,
            Error::Unavailable(why) => Failed::Unavailable(why.into()),
            Error::Findings(_)
            | Error::Flow(_)
            | Error::Unauthenticated { .. }
            | Error::Denied { .. }
            | Error::Throttled { .. }
            | Error::Busy(_) => {
                tracing::error!(code = error.code(), "an owner failed with what no owner says");
                Failed::Unavailable("the owner failed".into())
            }
        }
    }
}

impl From<Failed> for Error {
    fn from(failed: Failed) -> Self {
        const LOST: Error = Error::Unavailable("the owner's node says what this one does not understand");
        match failed {
            Failed::Invalid { code, field, detail } => {
                word(code).map_or(LOST, |code| Error::Invalid { code, field, detail })
            }
            Failed::NotFound { code, detail } => match (word(code), word(detail)) {
                (Some(code), Some(detail)) => Error::NotFound { code, detail },
                _ => LOST,
            },
            Failed::Conflict { code, detail } => word(code).map_or(LOST, |code| Error::Conflict { code, detail }),
            Failed::Refused(refusal) => Error::Refused(refusal),
            Failed::InFlight => Error::InFlight,
            Failed::KeyReused => Error::KeyReused,
            Failed::BusinessKeyReused => Error::BusinessKeyReused,
            Failed::Guessing { after_ms } => Error::Guessing { after_ms },
            Failed::Stale => Error::Stale,
            Failed::Unavailable(why) => word(why).map_or(LOST, Error::Unavailable),
        }
    }
}

/// A call as bytes.
pub(crate) fn write_call(call: &Call) -> Result<Bytes> {
    let written = serde_json::to_vec(call).map_err(|error| {
        tracing::error!(%error, "a call cannot be written");
        Error::Unavailable("the request cannot be forwarded")
    });
    written.map(Bytes::from)
}

/// A call from bytes; nothing where another node speaks otherwise.
pub(super) fn read_call(bytes: &[u8]) -> Option<Call> {
    serde_json::from_slice(bytes).inspect_err(|error| tracing::warn!(%error, "a call cannot be read")).ok()
}

/// An answer as bytes: its head's length (u32, little endian), the head, and the body of a draw.
pub(super) fn write_returned(returned: &Returned) -> Bytes {
    let head = serde_json::to_vec(returned).unwrap_or_else(|error| {
        tracing::error!(%error, "an answer cannot be written");
        br#""NotHere""#.to_vec()
    });
    let body = match returned {
        Returned::Said(Said::Reply(Reply::Done { body, .. })) => body.clone(),
        _ => Bytes::new(),
    };
    let mut bytes = BytesMut::with_capacity(4 + head.len() + body.len());
    bytes.put_u32_le(head.len() as u32);
    bytes.put_slice(&head);
    bytes.put_slice(&body);
    bytes.freeze()
}

/// An answer from bytes.
pub(super) fn read_returned(bytes: &Bytes) -> Option<Returned> {
    let length = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
    let head = bytes.get(4..4 + length)?;
    let mut returned = serde_json::from_slice(head)
        .inspect_err(|error| tracing::warn!(%error, "an answer of another node cannot be read"))
        .ok()?;
    if let Returned::Said(Said::Reply(Reply::Done { body, .. })) = &mut returned {
        *body = bytes.slice(4 + length..);
    }
    Some(returned)
}

/// Values behind an [`std::sync::Arc`], written as they are.
pub(crate) mod behind_arc {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::sync::Arc;

    pub fn serialize<T: Serialize, S: Serializer>(value: &Arc<T>, to: S) -> Result<S::Ok, S::Error> {
        T::serialize(value, to)
    }

    pub fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Arc<T>, D::Error> {
        T::deserialize(from).map(Arc::new)
    }
}

/// Bytes as base64: JSON has none.
pub(crate) mod as_text {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD_NO_PAD;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD_NO_PAD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        STANDARD_NO_PAD.decode(text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{EventIn, Once, OrderAsk, Seen};
    use domain::account::Account;
    use domain::behaviour::{Action, Behaviour};
    use domain::draw::{Limit, NOBODY};
    use domain::strategy::{SlotAssign, Source, Strategy};
    use std::sync::Arc;

    fn calls() -> Vec<Call> {
        let once = Once { hash: [255; 16], request: u64::MAX };
        let slots = [SlotAssign { tier: 1, prize: domain::campaign::PrizeIx(2) }].into();
        let strategy = Arc::new(Strategy { source: Source::Personal, slots, generation: 3 });
        let draw = Work::Draw {
            campaign: CampaignId(7),
            once,
            client_seed: "锦鲤".into(),
            count: 10,
            strategy,
            person: Arc::new(NOBODY.clone()),
        };
        let behaviour = Behaviour { id: "e1".into(), at_ms: 5, action: Action::SignIn {} };
        let event = EventIn { hash: [9; 16], behaviour, sealed: vec![0, 255, 7] };
        let command = |work| Call::Command { who: Who::Id(ShopperId(1 << 62)), work };
        vec![
            command(draw),
            command(Work::Events { events: vec![event] }),
            command(Work::Order { campaign: CampaignId(7), once, ask: OrderAsk::Redeem { codes: vec!["A".into()] } }),
            Call::Command { who: Who::Name("ada".into()), work: Work::Register { registered_at_ms: Some(-5) } },
            Call::Campaign { campaign: CampaignId(7), version: 2 },
            Call::Sold,
            Call::Listen { shopper: ShopperId(5), to: "127.0.0.1:1".into() },
            Call::Told(vec![
                Told::Heard { stream: u64::MAX, nth: 2, offset: 1 << 40, record: vec![1, 0, 255] },
                Told::Missed(vec![ShopperId(1)]),
                Told::Dismissed(ShopperId(2)),
            ]),
        ]
    }

    #[test]
    fn calls_arrive_as_they_left() {
        for call in calls() {
            let read = read_call(&write_call(&call).unwrap()).unwrap();
            assert_eq!(format!("{read:?}"), format!("{call:?}"));
        }
        assert!(read_call(b"{}").is_none() && read_call(b"").is_none());
    }

    #[test]
    fn answers_arrive_as_they_left() {
        let account = Account { points: 5, ..Account::new(ShopperId(9)) };
        let seen = Seen { account, tail: vec![1 << 50], now_ms: 4, odds: Some(1) };
        for returned in [
            Returned::Said(Said::Reply(Reply::Done { status: 201, body: Bytes::from_static(b"{\"n\":1}") })),
            Returned::Said(Said::Reply(Reply::Stored { part: 63, offset: 1 << 40, status: 201 })),
            Returned::Said(Said::Reply(Reply::Seen(Box::new(seen)))),
            Returned::Said(Said::Sold(vec![(ItemId(1), 2)])),
            Returned::NotHere,
        ] {
            let read = read_returned(&write_returned(&returned)).unwrap();
            assert_eq!(format!("{read:?}"), format!("{returned:?}"));
        }
        for broken in [&b""[..], b"\x01\0\0", b"\xff\0\0\0{}", b"\x02\0\0\0{}"] {
            assert!(read_returned(&Bytes::from_static(broken)).is_none(), "{broken:?}");
        }
    }

    #[test]
    fn errors_keep_their_words() {
        for error in [
            Error::no_shopper(),
            Error::invalid("too_many", "count", "one to ten"),
            Error::Conflict { code: "points_short", detail: "3 points are missing".into() },
            Error::Refused(Refusal::LimitReached { which: Limit::PerDay }),
            Error::InFlight,
            Error::KeyReused,
            Error::BusinessKeyReused,
            Error::Guessing { after_ms: 9 },
            Error::Unavailable("the ledger is out of reach"),
        ] {
            let sent = serde_json::to_vec(&Failed::from(error.clone())).unwrap();
            let back = Error::from(serde_json::from_slice::<Failed>(&sent).unwrap());
            assert_eq!((back.code(), back.to_string()), (error.code(), error.to_string()));
        }
    }
}
