//! Models that are asked, not trained.

pub mod by_video;
pub mod classify_videos;
pub mod embed;
pub mod model;
pub mod predict;
pub mod prediction_files;
pub mod probe;
pub mod reconstruct;
pub mod shown;
pub mod views_in_words;
