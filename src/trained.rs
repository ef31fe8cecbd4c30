//! How a training ended.

use trainer::{Outcome, train::loss_trend::LossEnds};

/// How a training ended.
#[derive(Clone, Debug)]
pub struct Trained {
    /// Whether it is done, was stopped, or ran out of data; and its checkpoint.
    pub outcome: Outcome,
    /// The mean losses of the first and of the last steps that were made here, if any was.
    pub losses: Option<LossEnds>,
    /// The loss of a model that knows nothing, in words.
    pub guessing: String,
}
