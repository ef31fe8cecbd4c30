//! Where the frames of a slot come from: video files, packet shards, or frame shards.
//!
//! A [`ClipSource`] is shared by all workers and knows the slots; each worker has a [`ClipReader`] of its
//! own, which holds what must stay on one thread (decoders, open files).

#[cfg(test)]
mod echo;
mod frame_shards;
pub mod mixture;
#[cfg(feature = "video")]
pub mod packet_shards;
#[cfg(feature = "video")]
pub(crate) mod sampled;
pub mod subset;
#[cfg(feature = "video")]
pub mod videos;

use std::sync::Arc;

use crate::{
    FrameRank, Slot, StreamTime, VideoNumber,
    draws::Draws,
    mixture::MixtureSets,
    names,
    picture::{Orientation, Picture},
    profile::Profile,
    worker_pool::JobError,
};

/// The frames of one slot, before crop and mask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClipFrames {
    /// The video, as its dataset names it.
    pub video: Arc<str>,
    /// Its label, if it has one.
    pub label: Option<i32>,
    /// Rank of each frame of the clip; may repeat.
    pub ranks: Vec<FrameRank>,
    /// Presentation time of each frame of the clip.
    pub times: Vec<StreamTime>,
    /// The pixels.
    pub pixels: Pixels,
}

/// Pixels of a clip's frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pixels {
    /// As they were decoded, each distinct frame once, ascending by rank.
    Pictures {
        /// Distinct frames.
        pictures: Vec<(FrameRank, Picture)>,
        /// How to turn them upright.
        orientation: Orientation,
    },
    /// Upright RGB of every frame of the clip in its order: `frames × height × width × 3` bytes.
    Rgb {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// The bytes.
        bytes: Vec<u8>,
    },
}

/// Which of the distinct `pictures` (ascending by rank) each of `ranks` is.
pub(crate) fn places_in(pictures: &[(FrameRank, Picture)], ranks: &[FrameRank]) -> Vec<usize> {
    ranks.iter().map(|rank| pictures.partition_point(|(at, _)| at < rank)).collect()
}

/// How far a failure reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// This slot; another clip of the video may work.
    Slot,
    /// Every clip of the video.
    Video,
}

/// Why a slot gave no frames.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The slot is left out on purpose: no row in the shards, or a short video that is to be skipped.
    #[error("left out: {reason}")]
    LeftOut {
        /// Why.
        reason: String,
        /// Whether the whole video is.
        reach: Reach,
    },
    /// The video failed and goes to the quarantine.
    #[error("{reason}")]
    Failed {
        /// The stable word of what is wrong.
        verdict: String,
        /// The reason in a sentence.
        reason: String,
        /// Whether the whole video failed.
        reach: Reach,
    },
    /// The source itself is broken, or the system cannot read it: the run cannot go on.
    #[error("the dataset cannot be read: {reason}")]
    Broken {
        /// What is wrong, with the file's name.
        reason: String,
    },
}

impl SourceError {
    /// The system neither gives the bytes of a file nor says why.
    pub(crate) fn no_byte(video: &str, seconds: u64) -> Self {
        let video = names::one_line(video);
        Self::Broken {
            reason: format!(
                "this system could not read {video}: it gave no byte within {seconds} s; see whether its disk or \
                 network file system still answers, then run the command again"
            ),
        }
    }
}

impl From<JobError> for SourceError {
    fn from(why: JobError) -> Self {
        Self::Failed { verdict: why.verdict().to_owned(), reason: why.to_string(), reach: Reach::Video }
    }
}

/// A dataset seen as slots: slot = video number × clips per video + k.
#[doc(alias = "Dataset")]
pub trait ClipSource: Send + Sync {
    /// Videos, failing ones included.
    fn videos(&self) -> u64;

    /// The name of a video.
    fn name(&self, video: VideoNumber) -> String;

    /// Bytes that reading `clips` clips of `video` together may hold at once, at most.
    fn bytes(&self, video: VideoNumber, clips: u64) -> u64;

    /// A reader for one thread.
    fn reader(&self, profile: Arc<Profile>) -> Box<dyn ClipReader>;

    /// What is right of a video, where its videos were given classes or numbers of their own.
    fn truth(&self, _video: VideoNumber) -> Truth {
        Truth::default()
    }

    /// The sets that it mixes, where it is a mixture.
    fn mixture(&self) -> Option<Arc<MixtureSets>> {
        None
    }
}

/// What is right of a video.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Truth {
    /// Its class, where it has one.
    pub label: Option<i32>,
    /// 0 or 1 a class, where it may have several, or the numbers that are right.
    pub labels: Option<Arc<[f32]>>,
}

/// Reads slots on one thread.
pub trait ClipReader {
    /// The frames of `slot`, a clip of `video`; `start` draws its first frame.
    ///
    /// # Errors
    /// When the slot gives no frames.
    fn frames(&mut self, video: VideoNumber, slot: Slot, start: Draws) -> Result<ClipFrames, SourceError> {
        let mut one = self.frames_together(video, vec![(slot, start)]);
        one.pop().expect("because each slot has a result")
    }

    /// The frames of several slots of `video`, a result each, in their order. Each is what
    /// [`Self::frames`] gives for it alone; a source that can reads them in one pass.
    fn frames_together(
        &mut self,
        video: VideoNumber,
        slots: Vec<(Slot, Draws)>,
    ) -> Vec<Result<ClipFrames, SourceError>>;
}
