//! The frames of clips: drawn from an open video, then decoded, those of several clips in one pass.

use std::collections::BTreeMap;

use super::{Reach, SourceError};
use crate::{
    FrameRank, Slot, StreamTime,
    draws::Draws,
    error::VideoError,
    picture::Picture,
    profile::{Profile, Stage},
    sampling::{FrameRule, pretraining::SamplingError},
    segment::Segment,
    video::{OpenVideo, VideoFacts, VideoReader},
};

/// Pictures that a decoder holds besides the wanted ones: reorder depth 16 and 4 in its queues.
const HELD_BY_DECODER: u64 = 20;

/// The frames of a clip, not decoded yet.
pub(super) struct SampledFrames {
    /// Rank of each frame; may repeat.
    pub ranks: Vec<FrameRank>,
    /// Presentation time of each frame.
    pub times: Vec<StreamTime>,
    /// The distinct frames, rising.
    pub wanted: Vec<FrameRank>,
}

impl SampledFrames {
    /// Frames of `slot`, of this part of the video with these facts.
    pub fn of(
        facts: &VideoFacts,
        segment: Segment,
        rule: FrameRule,
        slot: Slot,
        start: &mut Draws,
    ) -> Result<Self, SourceError> {
        let part = segment.ranks(&facts.times).map_err(|why| failed(&why.into(), Reach::Video))?;
        let first = part.start as u32;
        let mut ranks = rule.draw(slot, &facts.times[part], start).map_err(|why| match why {
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
        ranks.iter_mut().for_each(|rank| rank.0 += first);
        let times = ranks.iter().filter_map(|rank| facts.times.get(rank.0 as usize).copied()).collect();
        let mut wanted = ranks.clone();
        wanted.sort_unstable();
        wanted.dedup();
        Ok(Self { ranks, times, wanted })
    }
}

/// Distinct frames, rising, with their pictures.
pub(super) type Pictures = Vec<(FrameRank, Picture)>;

/// Bytes held while the pictures of `frames` frames are decoded from so many bytes of packets.
pub(super) fn held_bytes(packets: u64, picture: u64, frames: u64) -> u64 {
    packets.saturating_add(picture.saturating_mul(frames.saturating_add(HELD_BY_DECODER)))
}

/// The pictures of each of `clips`, which are of one video. `decode` gives those of distinct frames that
/// rise; it is asked once for all clips. Where that fails for a clip, it is asked for each clip alone: a slot
/// must not depend on the damage that lies in another's frames.
pub(super) fn together(
    clips: &[Result<SampledFrames, SourceError>],
    mut decode: impl FnMut(&[FrameRank]) -> Result<Pictures, SourceError>,
) -> Vec<Result<Pictures, SourceError>> {
    let pictures = in_one_pass(clips, &mut decode);
    let of_slot =
        |clip: &Result<_, SourceError>| matches!(clip, Err(SourceError::Failed { reach: Reach::Slot, .. }));
    if clips.len() > 1 && pictures.iter().any(of_slot) {
        return clips.chunks(1).flat_map(|one| in_one_pass(one, &mut decode)).collect();
    }
    pictures
}

fn in_one_pass(
    clips: &[Result<SampledFrames, SourceError>],
    decode: &mut impl FnMut(&[FrameRank]) -> Result<Pictures, SourceError>,
) -> Vec<Result<Pictures, SourceError>> {
    // How many clips still need each frame: the last to need it takes it.
    let mut needed: BTreeMap<FrameRank, (u32, Option<Picture>)> = BTreeMap::new();
    for rank in clips.iter().flatten().flat_map(|drawn| &drawn.wanted) {
        needed.entry(*rank).or_default().0 += 1;
    }
    let wanted: Vec<FrameRank> = needed.keys().copied().collect();
    let decoded = decode(&wanted).map(|pictures| {
        for ((_, place), (_, picture)) in needed.values_mut().zip(pictures) {
            *place = Some(picture);
        }
    });
    let mut take = |rank: &FrameRank| {
        let (clips, place) = needed.get_mut(rank)?;
        *clips -= 1;
        let picture = if *clips == 0 { place.take() } else { place.clone() };
        Some((*rank, picture?))
    };
    let pictures = |drawn: &Result<SampledFrames, SourceError>| {
        let drawn = drawn.as_ref().map_err(Clone::clone)?;
        decoded.clone()?;
        Ok(drawn.wanted.iter().filter_map(&mut take).collect())
    };
    clips.iter().map(pictures).collect()
}

/// The pictures of the `wanted` frames, which rise.
pub(super) fn decode(
    wanted: &[FrameRank],
    reader: &mut VideoReader,
    open: &OpenVideo,
    profile: &Profile,
) -> Result<Pictures, SourceError> {
    let before = reader.work();
    let whole = reader.verifies(open);
    let decoded = profile.time(Stage::Decode, || reader.decode(open, wanted));
    profile.count_decoded(reader.work().since(before));
    decoded.map_err(|why| {
        let whole = whole || why.verdict() == "time-limit";
        failed(&why, if whole { Reach::Video } else { Reach::Slot })
    })
}

/// A video's failure, or the system's, which is none of the video.
pub(crate) fn failed(why: &VideoError, reach: Reach) -> SourceError {
    if let VideoError::System(why) = why {
        return SourceError::Broken { reason: why.to_string() };
    }
    SourceError::Failed { verdict: why.verdict().to_owned(), reason: why.to_string(), reach }
}
