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
#[cfg(feature = "command")]
pub mod command;
pub mod convert;
pub mod data;
pub mod device;
pub mod doctor;
pub mod error;
pub mod evaluate;
pub mod inference;
pub mod input_file;
pub mod machine;
pub mod memory;
pub mod npy;
pub mod observer;
pub mod output_lock;
pub mod recipe_choice;
pub mod report;
pub mod run;
pub mod sheet;
pub mod slices;
pub mod tensor_statistics;
pub mod trained;
pub mod weights;
pub mod words;

pub use pipeline;
pub use schemas;
pub use trainer::{self, Device, Outcome, Recipe};

#[cfg(feature = "video")]
pub use self::data::{
    frames::FrameReader,
    read_clips::{ClipReading, ClipSegment, read_clips},
    scan::{Scanning, scan},
};
pub use self::{
    convert::{Conversion, convert},
    data::{
        clip_dataset::{
            ClipBatches, ClipDataset, Waited,
            settings::{ClipKind, ClipLoading},
        },
        open,
        preprocess::{preprocess, settings::Preprocessing},
    },
    doctor::{Diagnosis, doctor},
    error::{Error, Result, Usage},
    evaluate::{Evaluation, evaluate},
    inference::{
        embed::{Embeddings, embed, search::search},
        predict::{Predicting, predict},
        probe::{probe, settings::Probing},
        reconstruct::{Reconstructing, reconstruct},
    },
    observer::{Event, Observer},
    recipe_choice::RecipeChoice,
    report::{Reporting, report},
    run::{
        finetune::{Finetuning, finetune},
        pretrain::{Pretraining, pretrain},
        settings::RunSettings,
    },
    trained::Trained,
};
