//! Clips that are named by path and time, read one by one: no schedule, no draw, no other clip for one that fails.

use std::{path::PathBuf, sync::Arc};

use schemas::{
    PixelLayout,
    settings::{Crop, Skip, Verify},
    whole_clips::WholeClip,
};

use crate::{
    ClipNumber, Slot,
    clips::{RowMaker as _, whole::WholeMaker},
    mask::MaskError,
    names,
    profile::Profile,
    sampling::interval::Interval,
    settings::{ClipSettings, Flip},
    source::{ClipFrames, Pixels, Reach, SourceError, sampled::failed},
    video::{Limits, OpenVideo, VideoReader},
};

/// A clip that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedClip {
    /// The video's file.
    pub path: PathBuf,
    /// Where in it the clip lies.
    pub interval: Interval,
}

/// How such clips are made; shared by all threads.
pub struct SingleClips {
    settings: ClipSettings,
    maker: WholeMaker,
}

impl SingleClips {
    /// Clips in the middle of their frames, as large as they can be, not mirrored, not masked.
    ///
    /// # Errors
    /// Never for settings whose geometry is a clip's.
    pub fn new(settings: ClipSettings, layout: PixelLayout, rows: u64) -> Result<Self, MaskError> {
        let (crop, flip, repeats, clips_per_video) = (Crop::Centre, Flip::Never, 1, 1);
        let settings = ClipSettings { crop, flip, repeats, clips_per_video, ..settings };
        Ok(Self { settings, maker: WholeMaker::new(settings, layout, false, rows)? })
    }

    /// A reader for one thread.
    pub fn reader(self: Arc<Self>, limits: Limits, verify: Verify, skipping: Skip) -> SingleReader {
        let reader = VideoReader::new(limits).with_verify(verify).with_skipping(skipping);
        SingleReader { clips: self, reader, last: None, profile: Profile::default() }
    }
}

/// Reads clips on one thread.
pub struct SingleReader {
    clips: Arc<SingleClips>,
    reader: VideoReader,
    /// The video that was read last: clips of one video often follow each other.
    last: Option<(PathBuf, OpenVideo)>,
    profile: Profile,
}

impl SingleReader {
    /// The clip of row `row`.
    ///
    /// # Errors
    /// When the video gives no such clip, or the system cannot read it.
    pub fn read(&mut self, row: u64, wanted: &NamedClip) -> Result<WholeClip, SourceError> {
        let open = match self.last.take() {
            Some((path, open)) if path == wanted.path => open,
            _ => self.reader.open(&wanted.path).map_err(|why| failed(&why, Reach::Video))?,
        };
        let (facts, settings) = (&open.facts, self.clips.settings);
        let ranks = wanted.interval.ranks(&facts.times, settings.geometry.frames() as u32, settings.pace);
        if ranks.is_empty() {
            let reason = format!(
                "no frame lies in the interval; the video's {} frames are shown from {:.3} to {:.3} s",
                facts.frames,
                facts.times.first().map_or(0.0, |time| time.0 as f64 / 1e9),
                facts.times.last().map_or(0.0, |time| time.0 as f64 / 1e9)
            );
            return Err(SourceError::Failed { verdict: "no-such-frame".into(), reason, reach: Reach::Slot });
        }
        let pictures = self.reader.decode(&open, &ranks).map_err(|why| failed(&why, Reach::Slot))?;
        let times = ranks.iter().filter_map(|rank| facts.times.get(rank.0 as usize).copied()).collect();
        let frames = ClipFrames {
            video: names::name_of(&wanted.path).into(),
            label: None,
            ranks,
            times,
            pixels: Pixels::Pictures { pictures, orientation: facts.orientation },
        };
        self.last = Some((wanted.path.clone(), open));
        let mut rows = self.clips.maker.rows(frames, 0, Slot(row), ClipNumber(row), &self.profile);
        Ok(rows.pop().expect("because a clip gives one row"))
    }
}
