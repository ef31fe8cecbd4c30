//! tubelet's own checkpoint: one safetensors file that holds everything a run needs to go on.
//!
//! ```text
//! <name>                weights, under their official names and shapes
//! optimiser.m.<name>    mean gradients         optimiser.v.<name>    mean squared gradients
//! ema.<name>            average of the weights, if the run keeps one
//! metadata              format, recipe (TOML), step, clips, data (digest), made_by, tubelet.digest (of the
//!                       content); in a classifier's and a converted file also model (JSON: kind, lengths, heads,
//!                       epsilons, labels), in the latter converted_by
//! ```
//!
//! The checkpoint of a pre-training has its lengths from its recipe. A classifier's labels and a converted
//! model's lengths stand in no recipe; a converted model has no optimiser.
//!
//! All tensors are f32, so Python's safetensors opens it. Loading is strict: a tensor that is missing, left
//! over or of another shape is an error that lists it. A file is written beside its place, synced and
//! renamed: it is whole or it is not there.

mod metadata;
mod model;
mod run_checkpoint;

pub(super) use self::model::{read_model, write_model};
pub use self::run_checkpoint::{Checkpoint, read_about, verify};
pub use super::{about::About, error::CheckpointError, format::FORMAT};
