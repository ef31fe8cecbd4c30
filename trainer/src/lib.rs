//! Arrow record batches of masked clips to a trained VideoMAE model; knows nothing of video files.
//!
//! ```text
//! recipe ─▶ model shape ─▶ layout (names, shapes) ─▶ weights      what is trained
//! record batch ─▶ masked clips on the device                      what it is trained on
//! weights + clips ─▶ painted cubes ─▶ loss ─▶ gradients ─▶ update  [`pretrain`], one screen
//! weights + clips ─▶ logits ─▶ loss ─▶ gradients ─▶ update         [`finetune`], one screen
//! ```
//!
//! Weights are a table of named tensors under the names and shapes of the published checkpoints
//! ([`weights`]); a model is a set of functions over such a table ([`model`]), and a checkpoint is the
//! table in a safetensors file ([`checkpoint`]). A backend is named only in [`device`] and [`kernels`].

mod ahead;
pub mod answer_loss;
pub mod beginning;
mod block_by_block;
pub mod checkpoint;
pub mod clips;
pub mod device;
pub mod embedding;
pub mod evaluation;
pub mod finetune;
pub mod finite;
pub mod frozen;
pub mod gradients;
pub mod initial_pretraining;
pub mod initialise;
pub mod judge;
pub mod kernels;
pub mod labelled_clips;
pub mod layer_decay;
pub mod learning_rate;
pub mod metrics;
pub mod mixing;
pub mod model;
pub mod objective;
pub mod optimiser;
pub mod pixel_box;
pub mod pretrain;
pub mod probe;
pub mod random;
pub mod recipe;
pub mod reconstruct;
pub mod run_folder;
pub mod stepping;
mod stopwatch;
pub mod training;
pub mod validation;
pub mod weights;

pub use device::Device;
pub use finetune::finetune;
pub use pretrain::{pretrain, time_steps};
pub use recipe::{Recipe, RecipeError};
pub use run_folder::{ResumePoint, RunFolder};
pub use stepping::{Outcome, Steps, TrainError};
