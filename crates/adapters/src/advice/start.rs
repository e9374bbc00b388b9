//! Who advises a process, put together from its configuration.

use super::{AdviceFile, AdviceFileError};
use crate::clock::SystemClock;
use crate::llm::{self, Models, NoClient};
use app::advise::board::InTurn;
use app::advise::{Consultant, Manner};
use app::koi::{Adviser, Koi, OrdersFrom};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;

/// The `[advice]` section of the config: which questions are put on the topic for another program to answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Analyst {
    /// `POST /choices`, behind the language models where there are any.
    pub choices: bool,
    /// In which order a shopper would want a campaign's prizes.
    pub strategies: bool,
}

impl Analyst {
    /// Whether anything is put on the topic.
    pub fn is_asked(&self) -> bool {
        self.choices || self.strategies
    }
}

/// Why nobody can advise.
#[derive(Debug, thiserror::Error)]
pub enum AdviceError {
    #[error(transparent)]
    File(#[from] AdviceFileError),
    #[error(transparent)]
    Client(#[from] NoClient),
}

/// Opens the topics of advice, and lets language models and an analyst advise as configured. What it costs and what was
/// learned is kept in the data directory; each node of a cluster has its own.
///
/// Returns the file.
///
/// # Errors
/// [`AdviceError`].
pub fn start(koi: &Koi, data: &Path, options: &llm::Options, analyst: &Analyst) -> Result<AdviceFile, AdviceError> {
    let file = AdviceFile::open(data)?;
    let board = koi.open_board(Arc::new(file.clone()));
    let mut advisers: Vec<Arc<dyn Adviser>> = Vec::new();
    let asks_models = !options.endpoints.is_empty();
    if asks_models {
        let models = Arc::new(Models::new(options, file.clone(), Arc::new(SystemClock))?);
        koi.take_language_model(models.clone());
        if options.choices {
            advisers.push(Arc::new(Consultant::new(models, Manner { explains: options.explanations })));
        }
    }
    if analyst.choices {
        advisers.push(board);
    }
    if !advisers.is_empty() {
        koi.take_advice_of(Arc::new(InTurn(advisers)));
    }
    let language_model = asks_models && options.strategies;
    koi.take_orders_from(OrdersFrom { language_model, analyst: analyst.strategies });
    Ok(file)
}
