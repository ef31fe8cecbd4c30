//! Videos with their classes.
//!
//! ```text
//! VIDEOS + LabelSettings ─▶ LabelledVideos + classes ─▶ Parts: to train on, to test on
//! ```

pub mod answers;
pub mod label_error;
pub mod labelled_videos;
pub mod parts;
pub mod settings;
