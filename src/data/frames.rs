//! Single frames of one video, decoded.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use pipeline::{
    FrameRank, names,
    picture::Picture,
    transform::{self, RgbFrame},
    video::{Limits, OpenVideo, VideoReader},
};
use schemas::settings::{Skip, Verify};

use crate::error::{Error, Result, Usage};

/// A video that is open, and the decoder for its frames.
#[doc(alias = "VideoDecoder")]
#[doc(alias = "VideoReader")]
pub struct FrameReader {
    path: PathBuf,
    reader: VideoReader,
    video: OpenVideo,
}

impl FrameReader {
    /// Opens a video. `verify` says how much of it is decoded before a frame is given, `skipping` which pictures are
    /// not decoded.
    ///
    /// # Errors
    /// Usage error: no such file. When it is no video that can be decoded.
    pub fn open(path: &Path, verify: Verify, skipping: Skip) -> Result<Self> {
        if !path.exists() {
            return Err(Usage::new(format!("{}: no such file", names::shown(path))).into());
        }
        let mut reader = VideoReader::new(Limits::default()).with_verify(verify).with_skipping(skipping);
        let video = reader.open(path).map_err(|why| Error::of_video(path, why))?;
        Ok(Self { path: path.to_owned(), reader, video })
    }

    /// What is known of the video: its frames, their times, its size.
    pub fn video(&self) -> &OpenVideo {
        &self.video
    }

    /// The frames of these ranks, in presentation order; a rank that is asked for twice is decoded once. All of them
    /// are in memory together.
    ///
    /// # Errors
    /// When a frame is not there or the decoder complains.
    pub fn decode(&mut self, ranks: &[FrameRank]) -> Result<BTreeMap<FrameRank, Picture>> {
        let mut wanted = ranks.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        let found = self.reader.decode(&self.video, &wanted);
        Ok(found.map_err(|why| Error::of_video(&self.path, why))?.into_iter().collect())
    }

    /// A frame as RGB, upright, in its own size.
    pub fn upright(&self, picture: &Picture) -> RgbFrame {
        transform::whole_frame(picture, self.video.facts.orientation, 0)
    }
}
