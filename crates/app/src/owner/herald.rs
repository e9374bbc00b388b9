//! Telling the callers of a batch: by a task of the runtime rather than by the owner, so that waking a hundred callers
//! costs the owner one wake-up and its thread goes on with the next batch.

use crate::command::Reply;
use crate::error::Result;
use tokio::sync::{mpsc, oneshot};

/// What one caller is told.
pub(super) type Told = (oneshot::Sender<Result<Reply>>, Result<Reply>);

/// Batches on their way; when so many wait, the owner tells the next one itself.
const WAITING: usize = 64;
/// Callers that the owner tells itself: a hop through the task would only make them wait.
const FEW: usize = 8;

/// The way to the task that tells callers.
pub(super) struct Herald {
    batches: mpsc::Sender<Vec<Told>>,
}

impl Herald {
    /// Starts the task, which ends when the herald is gone and everybody was told. Must be called within a runtime.
    pub fn start() -> Self {
        let (batches, mut waiting) = mpsc::channel::<Vec<Told>>(WAITING);
        tokio::spawn(async move {
            while let Some(batch) = waiting.recv().await {
                tell_all(batch);
            }
        });
        Self { batches }
    }

    /// Tells all of them what came of their commands. A caller who went away does not mind.
    pub fn tell(&self, batch: Vec<Told>) {
        if batch.len() <= FEW {
            return tell_all(batch);
        }
        if let Err(refused) = self.batches.try_send(batch) {
            tell_all(refused.into_inner());
        }
    }
}

fn tell_all(batch: Vec<Told>) {
    for (reply, said) in batch {
        _ = reply.send(said);
    }
}
