//! Behaviour that other programs write to a topic (docs/topics.md): checked as `POST /events` checks it, and taken by the same
//! use case.

use crate::clock;
use crate::validate::events::check;
use app::koi::Koi;
use app::ports::{Intake, PortError, PortResult, Unfit};
use app::topics::VERSION;
use app::{Error, EventInput};
use async_trait::async_trait;
use domain::behaviour::Behaviour;
use serde_json::{Map, Value};

/// Bytes of a message: a purchase of a thousand lines is smaller.
const MESSAGE_BYTES: usize = 1 << 20;

/// Takes behaviour.
pub struct BehaviourIntake {
    pub koi: Koi,
}

/// Reads one message: an event as `POST /events` takes it, and the version of its form, which is 1 where it is absent.
fn read(message: &[u8], now_ms: i64) -> Result<(String, Behaviour), Unfit> {
    let invalid = |detail: &str| Unfit::new("invalid", detail);
    if message.len() > MESSAGE_BYTES {
        return Err(Unfit::new("too_large", format!("a message has at most {MESSAGE_BYTES} bytes")));
    }
    let text = std::str::from_utf8(message).map_err(|_| invalid("the message is no UTF-8"))?;
    let mut members: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| invalid(&format!("the message is no JSON object: {error}")))?;
    match members.remove("version") {
        None => {}
        Some(version) if version == VERSION => {}
        Some(version) if version.as_u64().is_some_and(|version| version > VERSION.into()) => {
            return Err(Unfit::new("version_newer", format!("this koi reads messages up to version {VERSION}")));
        }
        Some(_) => return Err(invalid("`version` is a version's number")),
    }
    check(&Value::Object(members).to_string(), now_ms).map_err(|(code, detail)| Unfit::new(code, detail))
}

#[async_trait]
impl Intake for BehaviourIntake {
    async fn take(&self, messages: &[Vec<u8>]) -> PortResult<Vec<Result<(), Unfit>>> {
        let now_ms = clock::now_ms();
        let mut verdicts: Vec<Result<(), Unfit>> = Vec::with_capacity(messages.len());
        let mut events: Vec<(usize, (String, Behaviour))> = Vec::new();
        for (place, message) in messages.iter().enumerate() {
            let read = read(message, now_ms);
            verdicts.push(read.as_ref().map(drop).map_err(Clone::clone));
            events.extend(read.ok().map(|event| (place, event)));
        }
        let all: Vec<EventInput> = events.iter().map(|(_, event)| Ok(event.clone())).collect();
        if all.is_empty() {
            return Ok(verdicts);
        }
        match self.koi.record_events(all).await {
            Ok(_) => return Ok(verdicts),
            Err(error) if passes(&error) => return Err(away(&error)),
            Err(_) => {}
        }
        // Something about one of them; each alone tells which. Those that were taken are duplicates now.
        for (place, event) in events {
            match self.koi.record_events(vec![Ok(event)]).await {
                Ok(_) => {}
                Err(error) if passes(&error) => return Err(away(&error)),
                Err(error) => verdicts[place] = Err(Unfit::new(error.code(), error.to_string())),
            }
        }
        Ok(verdicts)
    }
}

/// Whether the same may be taken later.
fn passes(error: &Error) -> bool {
    matches!(error, Error::Unavailable(_) | Error::InFlight | Error::Busy(_) | Error::Stale)
}

fn away(error: &Error) -> PortError {
    tracing::debug!(%error, "behaviour waits");
    PortError::Unreachable("the owners of shoppers")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_an_event_with_a_version() {
        let now_ms = 1_767_225_600_000;
        let event = r#""id": "e", "type": "view", "shopper": "ada", "at": "2026-01-01T00:00:00Z", "sku": "a"}"#;
        for (start, want) in [
            ("{", Ok(())),
            ("{\"version\": 1, ", Ok(())),
            ("{\"version\": 2, ", Err("version_newer")),
            ("{\"version\": 2, \"colour\": \"red\", ", Err("version_newer")),
            ("{\"version\": \"1\", ", Err("invalid")),
            ("{\"version\": 0, ", Err("invalid")),
            ("{\"colour\": \"red\", ", Err("field_unknown")),
            ("nonsense {", Err("invalid")),
            ("[{", Err("invalid")),
        ] {
            let got = read(format!("{start}{event}").as_bytes(), now_ms);
            assert_eq!(got.map(drop).map_err(|unfit| unfit.code), want.map_err(str::to_owned), "{start}");
        }
        for (message, want) in [
            (&b""[..], "invalid"),
            (b"\xff", "invalid"),
            (b"null", "invalid"),
            (br#"{"id": "e", "type": "teleport", "shopper": "ada", "at": "2026-01-01T00:00:00Z"}"#, "type_unknown"),
            (&vec![b' '; MESSAGE_BYTES + 1], "too_large"),
        ] {
            assert_eq!(read(message, now_ms).map(drop).map_err(|unfit| unfit.code), Err(want.to_owned()));
        }
    }
}
