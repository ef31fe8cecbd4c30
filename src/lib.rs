//! From video files to trained video transformers (VideoMAE): what the command `tubelet` does, for Rust programs.
//!
//! ```text
//! VIDEOS ─▶ data       batches of masked clips, of labelled clips, of views
//! data   ─▶ run        a pre-training or a fine-tuning, its folder and its checkpoints
//! data + a model ─▶ inference   answers to videos
//! ```
//!
//! Each thing that can be done takes a struct of plain settings, a flag that asks it to stop, and an [`Observer`]
//! that is told what happens; it gives a typed result, or an [`Error`] that tells usage errors from failures.
//! Nothing is printed, no argument is read, and the process is never ended. A program that trains is faster with
//! [`trainer::allocator::KeptMemory`] as its global allocator, as the command has it.
//!
//! ```no_run
//! use std::sync::atomic::AtomicBool;
//!
//! let mut wanted = tubelet::Pretraining::new(["films"], "run");
//! wanted.run.recipe = tubelet::RecipeChoice::named("tiny");
//! wanted.run.steps = Some(300);
//! let trained = tubelet::pretrain(&wanted, &AtomicBool::new(false), &())?;
//! println!("{}", trained.losses.expect("because steps were made"));
//! # Ok::<(), tubelet::Error>(())
//! ```

pub mod class_counts;
pub mod convert;
pub mod data;
pub mod device;
pub mod error;
pub mod evaluate;
pub mod inference;
pub mod machine;
pub mod memory;
pub mod npy;
pub mod observer;
pub mod recipe_choice;
pub mod run;
pub mod sheet;
pub mod tensor_statistics;
pub mod trained;
pub mod weights;
pub mod words;

pub use pipeline;
pub use schemas;
pub use trainer;
pub use trainer::Device;
pub use trainer::Outcome;
pub use trainer::Recipe;

pub use self::convert::Conversion;
pub use self::convert::convert;
#[cfg(feature = "video")]
pub use self::data::frames::FrameReader;
pub use self::data::open;
pub use self::data::preprocess::preprocess;
pub use self::data::preprocess::settings::Preprocessing;
#[cfg(feature = "video")]
pub use self::data::scan::Scanning;
#[cfg(feature = "video")]
pub use self::data::scan::scan;
pub use self::error::Error;
pub use self::error::Result;
pub use self::error::Usage;
pub use self::evaluate::Evaluation;
pub use self::evaluate::evaluate;
pub use self::inference::embed::Embeddings;
pub use self::inference::embed::embed;
pub use self::inference::embed::search::search;
pub use self::inference::predict::Predicting;
pub use self::inference::predict::predict;
pub use self::inference::probe::probe;
pub use self::inference::probe::settings::Probing;
pub use self::inference::reconstruct::Reconstructing;
pub use self::inference::reconstruct::reconstruct;
pub use self::observer::Event;
pub use self::observer::Observer;
pub use self::recipe_choice::RecipeChoice;
pub use self::run::finetune::Finetuning;
pub use self::run::finetune::finetune;
pub use self::run::pretrain::Pretraining;
pub use self::run::pretrain::pretrain;
pub use self::run::settings::RunSettings;
pub use self::trained::Trained;
