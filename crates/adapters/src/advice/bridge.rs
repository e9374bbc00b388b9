//! The topics of advice on Kafka: questions of this node's file go out, answers come in (docs/advice.md).
//!
//! Every node has questions of its own, and its file knows them by their place. On Kafka an id is that place with the node's
//! tag, so every node reads all answers and takes its own: as a group of itself, whose offsets say how far it has come. What
//! nobody can read concerns no node; one group of all nodes sees to it.

use super::AdviceFile;
use crate::kafka::{Inflow, Topics};
use app::advise::board::{AnalystAnswer, Board};
use app::koi::Koi;
use app::ports::{Intake, PortError, PortResult, Unfit};
use async_trait::async_trait;
use rusqlite::{OptionalExtension, params};
use std::sync::Arc;
use std::time::Duration;

/// Bits of a node's tag: of ten nodes two have the same once in some hundred thousand clusters.
const TAG_BITS: u32 = 24;
/// Questions told at a time.
const PAGE: u32 = 100;
/// How long a look for the next question waits.
const WAIT: Duration = Duration::from_secs(10);
/// The wait after a failure.
const AGAIN: Duration = Duration::from_secs(1);

/// A node's end of the topics.
#[derive(Clone)]
pub struct Bridge {
    file: AdviceFile,
    board: Arc<Board>,
    koi: Koi,
    topics: Arc<Topics>,
    tag: u64,
}

/// A question's id on Kafka. Places stay far below what is left for them.
fn outer(place: u64, tag: u64) -> u64 {
    place << TAG_BITS | tag
}

/// The place and the tag of an id.
fn inner(id: u64) -> (u64, u64) {
    (id >> TAG_BITS, id & ((1 << TAG_BITS) - 1))
}

impl AdviceFile {
    /// The tag of this file's questions, made once, and how far they have been told.
    async fn bridge(&self) -> PortResult<(u64, u64)> {
        let fresh = (app::random::word() & ((1 << TAG_BITS) - 1)) as i64;
        self.with(move |connection| {
            let row = "SELECT tag, told FROM bridge";
            let numbers = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64));
            if let Some(known) = connection.query_row(row, [], numbers).optional()? {
                return Ok(known);
            }
            connection.execute("INSERT INTO bridge VALUES (1, ?1, 0)", [fresh])?;
            Ok((fresh as u64, 0))
        })
        .await
    }

    async fn note_told(&self, place: u64) -> PortResult<()> {
        self.with(move |connection| {
            connection.execute("UPDATE bridge SET told = ?1", params![place as i64]).map(|_| ())
        })
        .await
    }
}

impl Bridge {
    /// Over an opened board.
    ///
    /// # Errors
    /// The file is out of reach, or no board is open.
    pub async fn open(file: AdviceFile, koi: Koi, topics: Arc<Topics>) -> PortResult<Self> {
        let board = koi.board().cloned().ok_or(PortError::Unreachable("the topics of advice"))?;
        let (tag, _) = file.bridge().await?;
        Ok(Self { file, board, koi, topics, tag })
    }

    /// What is to be read: this node's answers, and what is no answer.
    pub fn inflows(&self) -> Vec<Inflow> {
        let names = &self.topics.names;
        let own = format!("advice.{:06x}", self.tag);
        let inflow = |purpose: &str, intake| Inflow { topic: names.answers(), group: names.group(purpose), intake };
        vec![inflow(&own, Arc::new(self.clone()) as Arc<dyn Intake>), inflow("advice", Arc::new(Judge))]
    }

    /// Tells questions as they are asked, from where the last process ended.
    pub async fn tell_questions(self) {
        let (mut told, mut failed) = (None, false);
        loop {
            match self.tell_on(told).await {
                Ok(place) => (told, failed) = (Some(place), false),
                Err(error) => {
                    if !std::mem::replace(&mut failed, true) {
                        tracing::warn!(%error, "questions wait until they can be told");
                    }
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    /// Tells the questions behind `told`, waiting for the first one; the place that was reached.
    async fn tell_on(&self, told: Option<u64>) -> PortResult<u64> {
        let told = match told {
            Some(told) => told,
            None => self.file.bridge().await?.1,
        };
        let rows = self.board.read(told, PAGE, WAIT).await?;
        let Some(reached) = rows.last().map(|(place, _)| *place) else { return Ok(told) };
        let messages: Vec<(String, String)> = rows
            .into_iter()
            .map(|(place, mut message)| {
                let id = outer(place, self.tag).to_string();
                message["id"] = serde_json::json!(id);
                (id, message.to_string())
            })
            .collect();
        self.topics.ask(&messages).await?;
        // A process that dies before this asks again: a question has one answer.
        self.file.note_told(reached).await?;
        Ok(reached)
    }

    async fn take_one(&self, message: &[u8]) -> PortResult<Result<(), Unfit>> {
        // What is no answer is the judge's.
        let Ok(answer) = read(message) else { return Ok(Ok(())) };
        let Ok(id) = answer.question.parse::<u64>() else { return Ok(Ok(())) };
        let (place, tag) = inner(id);
        if tag != self.tag {
            return Ok(Ok(()));
        }
        let answer = AnalystAnswer { question: place.to_string(), ..answer };
        let taken = self.koi.take_answer(&answer).await.map_err(|error| {
            tracing::debug!(%error, "an answer waits");
            PortError::Unreachable("the effect of an answer")
        })?;
        Ok(taken.map(drop).map_err(|wrong| Unfit::new(wrong.code(), wrong.to_string())))
    }
}

fn read(message: &[u8]) -> Result<AnalystAnswer, Unfit> {
    let answer = serde_json::from_slice(message)
        .map_err(|error| Unfit::new("invalid_answer", format!("the message is no JSON: {error}")))?;
    AnalystAnswer::read(answer)
}

#[async_trait]
impl Intake for Bridge {
    async fn take(&self, messages: &[Vec<u8>]) -> PortResult<Vec<Result<(), Unfit>>> {
        let mut verdicts = Vec::with_capacity(messages.len());
        for message in messages {
            verdicts.push(self.take_one(message).await?);
        }
        Ok(verdicts)
    }
}

/// Says which messages are no answer to any question.
struct Judge;

#[async_trait]
impl Intake for Judge {
    async fn take(&self, messages: &[Vec<u8>]) -> PortResult<Vec<Result<(), Unfit>>> {
        let judge = |message: &Vec<u8>| {
            let answer = read(message)?;
            let known = answer.question.parse::<u64>().is_ok();
            if known { Ok(()) } else { Err(Unfit::new("question_unknown", "`question` is a question's id")) }
        };
        Ok(messages.iter().map(judge).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_its_node_and_its_place() {
        for (place, tag) in [(1, 0), (50_000, 0xff_ffff), ((1 << 40) - 1, 7)] {
            assert_eq!(inner(outer(place, tag)), (place, tag));
        }
    }
}
