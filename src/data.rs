//! From what a person names to batches of clips: the only place where recipe and pipeline meet.
//!
//! ```text
//! VIDEOS ─▶ pretraining_videos ─▶ masked::batches              pre-training, also of several sets by weights
//!       ├─▶ clip_dataset::ClipDataset                         the clips of both for other trainers, in any layout
//!       └─▶ labels::LabelSettings ─▶ labelled::training, views  fine-tuning, validation, tests, windows
//! ```

mod archives;
pub mod batch_file;
mod braces;
pub mod clip_dataset;
pub mod clip_identity;
pub mod dataset;
pub(crate) mod digest_words;
pub mod folder;
pub mod found;
#[cfg(feature = "video")]
pub mod frames;
pub(crate) mod frames_folder;
pub mod labelled;
pub mod labels;
mod lerobot;
pub mod list;
pub mod listing;
pub mod loading;
pub mod masked;
pub mod mixture;
mod mixture_file;
pub mod narrow;
pub mod preprocess;
pub mod pretraining_videos;
#[cfg(feature = "video")]
pub mod read_clips;
pub mod report;
#[cfg(feature = "video")]
pub mod scan;
pub mod source;
pub(crate) mod stores;
mod table_films;
pub mod videos;
mod webdataset;

pub use self::{dataset::open, loading::Loading};
