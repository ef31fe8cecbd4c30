//! The frames of a clip: drawn from an open video, then decoded.

use super::{Reach, SourceError};
use crate::{
    FrameRank, StreamTime,
    draws::Draws,
    picture::Picture,
    plan::{sampling::SamplingError, views::FrameRule},
    profile::{Profile, Stage},
    video::{OpenVideo, VideoError, VideoFacts, VideoReader},
};

/// Pictures that a decoder holds besides the wanted ones: reorder depth 16 and 4 in its queues.
pub(super) const HELD_BY_DECODER: u64 = 20;

/// The frames of a clip, not decoded yet.
pub(super) struct Drawn {
    /// Rank of each frame; may repeat.
    pub ranks: Vec<FrameRank>,
    /// Presentation time of each frame.
    pub times: Vec<StreamTime>,
    /// The distinct frames, rising.
    pub wanted: Vec<FrameRank>,
}

impl Drawn {
    /// Frames of `slot`, of the video with these facts.
    pub fn of(
        facts: &VideoFacts,
        rule: FrameRule,
        slot: u64,
        start: &mut Draws,
    ) -> Result<Self, SourceError> {
        let ranks = rule.draw(slot, &facts.times, start).map_err(|why| match why {
            SamplingError::TooShort { .. } => {
                SourceError::LeftOut { reason: why.to_string(), reach: Reach::Video }
            }
            SamplingError::NoFrames => SourceError::Failed {
                verdict: "nothing-shown".into(),
                reason: why.to_string(),
                reach: Reach::Video,
            },
            SamplingError::Pace { .. } => SourceError::Broken { reason: why.to_string() },
        })?;
        let ranks: Vec<FrameRank> = ranks.into_iter().map(FrameRank).collect();
        let times = ranks.iter().filter_map(|rank| facts.times.get(rank.0 as usize).copied()).collect();
        let mut wanted = ranks.clone();
        wanted.sort_unstable();
        wanted.dedup();
        Ok(Self { ranks, times, wanted })
    }

    /// Their pictures, each distinct one once, rising.
    pub fn decode(
        &self,
        reader: &mut VideoReader,
        open: &OpenVideo,
        profile: &Profile,
    ) -> Result<Vec<(FrameRank, Picture)>, SourceError> {
        decode(&self.wanted, reader, open, profile)
    }
}

/// The pictures of the `wanted` frames, which rise.
pub(super) fn decode(
    wanted: &[FrameRank],
    reader: &mut VideoReader,
    open: &OpenVideo,
    profile: &Profile,
) -> Result<Vec<(FrameRank, Picture)>, SourceError> {
    let before = reader.work().frames;
    let whole = reader.verifies(open);
    let decoded = profile.time(Stage::Decode, || reader.decode(open, wanted));
    profile.count_decoded(reader.work().frames - before);
    decoded.map_err(|why| {
        let whole = whole || matches!(why, VideoError::TimeLimit { .. });
        failed(&why, if whole { Reach::Video } else { Reach::Slot })
    })
}

/// A video's failure.
pub(crate) fn failed(why: &VideoError, reach: Reach) -> SourceError {
    SourceError::Failed { verdict: why.verdict().to_owned(), reason: why.to_string(), reach }
}
