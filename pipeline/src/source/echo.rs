//! A source for tests, whose frames say which slot and video were asked for.

use std::sync::Arc;

use super::{ClipFrames, ClipReader, ClipSource, Pixels, SourceError};
use crate::{FrameRank, Slot, VideoNumber, draws::Draws, profile::Profile};

/// A clip has one frame without pixels, whose rank is the slot.
#[derive(Clone, Copy)]
pub(super) struct Echo {
    pub videos: u64,
    /// The name of a video, by its number and that of all videos.
    pub name: fn(u64, u64) -> String,
}

impl ClipSource for Echo {
    fn videos(&self) -> u64 {
        self.videos
    }

    fn name(&self, video: VideoNumber) -> String {
        (self.name)(video.0, self.videos)
    }

    fn bytes(&self, video: VideoNumber, clips: u64) -> u64 {
        video.0 * clips
    }

    fn reader(&self, _: Arc<Profile>) -> Box<dyn ClipReader> {
        Box::new(*self)
    }
}

impl ClipReader for Echo {
    fn frames_together(
        &mut self,
        video: VideoNumber,
        slots: Vec<(Slot, Draws)>,
    ) -> Vec<Result<ClipFrames, SourceError>> {
        let of = |(slot, _): (Slot, Draws)| {
            Ok(ClipFrames {
                video: ClipSource::name(self, video).into(),
                label: None,
                ranks: vec![FrameRank(slot.0 as u32)],
                times: Vec::new(),
                pixels: Pixels::Rgb { width: 0, height: 0, bytes: Vec::new() },
            })
        };
        slots.into_iter().map(of).collect()
    }
}
