//! A training's run: what it is asked for, its folder, its steps.
//!
//! ```text
//! Pretraining, Finetuning ─▶ a plan ─▶ the run's folder, new or as it was left ─▶ batches ─▶ the trainer
//! ```

pub mod begun;
mod changes;
mod data_place;
pub mod final_evaluation;
pub mod finetune;
pub mod forecast;
pub mod labelled;
pub mod live;
pub mod looking;
pub mod pictures;
pub mod plan;
pub mod pretrain;
mod pretraining_videos;
pub mod quarantine;
pub mod ranks;
pub mod settings;
pub mod training_probe;
pub mod videos;
