//! Arrow record batches of masked clips to a trained VideoMAE model; knows nothing of video files.
//!
//! ```text
//! recipe ─▶ model shape ─▶ layout (names, shapes) ─▶ weights          what is trained
//! record batch ─▶ masked clips on the device                          what it is trained on
//! weights + clips ─▶ predicted cubes ─▶ loss ─▶ gradients ─▶ update   [`fn@pretrain`], one screen
//! weights + clips ─▶ logits ─▶ loss ─▶ gradients ─▶ update            [`fn@finetune`], one screen
//! ```
//!
//! Weights are a table of named tensors under the names and shapes of the published checkpoints
//! ([`weights`]); a model is a set of functions over such a table ([`model`]), and a checkpoint is the
//! table in a safetensors file ([`checkpoint`]). A backend is named only in [`device`] and [`kernels`].

pub mod allocator;
pub mod batch;
pub mod checkpoint;
pub mod device;
pub mod evaluation;
pub mod inference;
pub mod kernels;
pub mod loss;
pub mod model;
pub mod optimiser;
pub mod probe;
pub mod random;
pub mod recipe;
pub mod train;
pub mod weights;

pub use device::Device;
pub use recipe::{Recipe, RecipeError};
pub use train::{
    asked::Asked,
    error::TrainError,
    finetune::finetune,
    pretrain::{pretrain, pretrain_and_look, time_steps},
    run_folder::{ResumePoint, RunFolder},
    steps::{Outcome, Steps},
};
