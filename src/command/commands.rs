//! One file a command: its arguments, what it does, what it prints.

pub mod bench;
pub mod completions;
pub mod convert;
pub mod doctor;
pub mod embed;
pub mod evaluate;
pub mod finetune;
#[cfg(feature = "video")]
pub mod frames;
pub mod inspect;
pub mod predict;
pub mod preprocess;
pub mod pretrain;
pub mod probe;
pub mod reconstruct;
pub mod report;
#[cfg(feature = "video")]
pub mod scan;
pub mod stream;
