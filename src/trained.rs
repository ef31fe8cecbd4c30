//! How a training ended.

use trainer::Outcome;

/// How a training ended.
#[derive(Clone, Debug)]
pub struct Trained {
    /// Whether it is done, was stopped, or ran out of data; and its checkpoint.
    pub outcome: Outcome,
    /// The first and the last loss of the steps that were made here, if any was.
    pub losses: Option<(f64, f64)>,
    /// The loss of a model that knows nothing, in words.
    pub guessing: String,
}
