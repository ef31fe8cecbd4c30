//! Where the weights of a file come from, as the file says it.

use serde::{Deserialize, Serialize};

/// What a checkpoint says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The run's recipe as TOML; empty where it was trained elsewhere.
    pub recipe: String,
    /// Updates of the weights so far.
    pub step: u64,
    /// Clips that these took: where in the data to go on.
    pub clips: u64,
    /// Digest of the data that it was trained on.
    pub data: String,
    /// What wrote it.
    pub made_by: String,
}
