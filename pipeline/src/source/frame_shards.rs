//! Frames from frame shards: decoded when the shards were written.

use std::sync::Arc;

use super::{ClipFrames, ClipReader, ClipSource, Pixels, Reach, SourceError};
use crate::{
    Slot, VideoNumber,
    draws::Draws,
    picture::Orientation,
    profile::{Profile, Stage},
    shard::{FrameShards, StoredClip},
};

/// Pixels of a clip that was never read: 16 frames of 340×256.
const UNKNOWN_CLIP: u64 = 16 * 340 * 256 * 3;

impl ClipSource for FrameShards {
    fn videos(&self) -> u64 {
        self.facts().videos
    }

    fn name(&self, video: VideoNumber) -> String {
        format!("video {} of the shards", video.0)
    }

    /// The compressed row and its pixels.
    fn bytes(&self, _video: VideoNumber, clips: u64) -> u64 {
        clips.saturating_mul(2 * UNKNOWN_CLIP)
    }

    fn reader(&self, profile: Arc<Profile>) -> Box<dyn ClipReader> {
        Box::new(Reader { shards: self.clone(), profile })
    }
}

struct Reader {
    shards: FrameShards,
    profile: Arc<Profile>,
}

impl ClipReader for Reader {
    /// The starts were drawn when the shards were written.
    fn frames_together(
        &mut self,
        _video: VideoNumber,
        slots: Vec<(Slot, Draws)>,
    ) -> Vec<Result<ClipFrames, SourceError>> {
        slots.into_iter().map(|(slot, _)| self.stored(slot)).collect()
    }
}

impl Reader {
    fn stored(&self, slot: Slot) -> Result<ClipFrames, SourceError> {
        let row = self.profile.time(Stage::Read, || self.shards.read(slot));
        match row.map_err(|why| SourceError::Broken { reason: why.to_string() })? {
            Some(clip) => {
                self.profile.count_read(clip.bytes.len() as u64);
                Ok(frames(clip))
            }
            None => {
                let reason = "the shards have no row for this clip: it failed when they were written".into();
                Err(SourceError::LeftOut { reason, reach: Reach::Slot })
            }
        }
    }
}

fn frames(clip: StoredClip) -> ClipFrames {
    let pixels = match clip.pictures() {
        Some(pictures) => Pixels::Pictures { pictures, orientation: Orientation::default() },
        None => Pixels::Rgb { width: clip.width.into(), height: clip.height.into(), bytes: clip.bytes },
    };
    ClipFrames { video: clip.video.into(), label: clip.label, ranks: clip.ranks, times: clip.times, pixels }
}
