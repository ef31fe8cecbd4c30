//! How many windows each video has, and how many of them are decoded together.
//!
//! A slot of the pipeline holds some windows of a video: enough that hardly a frame is decoded twice, and few
//! enough that pictures and cubes stay small. Every video is opened once before, to count its frames.

use pipeline::{
    Slot, VideoNumber,
    sampling::labelled::{Pass, window_starts},
};
use schemas::ClipGeometry;
use trainer::Recipe;

use crate::{
    data::labels::labelled_videos::LabelledVideos,
    error::{Result, Usage},
};

/// Bytes of the pictures of a slot.
const PICTURE_BYTES: u64 = 512 << 20;
/// Bytes of the cubes of a slot's windows.
const CUBE_BYTES: u64 = 192 << 20;
/// Frames of a slot; a decoder begins anew, at a key frame, for each.
const MOST_FRAMES: u64 = 512;

/// What is known of a video before it is decoded: its windows and the bytes of a picture, or why it has none.
type Known = Result<(u32, u64), String>;

/// Windows of the videos that are wanted.
pub struct Windows {
    /// Frames between two beginnings.
    every: u32,
    /// Windows of a slot.
    at_once: u32,
    /// Windows of each video, or why it has none; nothing for those that are not wanted.
    pub counts: Vec<Option<Result<u32, String>>>,
}

impl Windows {
    /// Counts the windows of the `wanted` videos.
    ///
    /// # Errors
    /// Usage error: the videos are frame shards.
    pub fn count(
        videos: &LabelledVideos,
        wanted: &[bool],
        every: u32,
        recipe: &Recipe,
        workers: usize,
    ) -> Result<Self> {
        let clip = recipe.geometry()?;
        let length = clip.frames() as u32;
        let known =
            open_all(videos, wanted, recipe, workers, &|frames| match window_starts(frames, length, every)
                .count()
            {
                0 => Err(format!("its {frames} frames are fewer than a window of {length}")),
                count => Ok(count as u32),
            })?;
        let largest = known.iter().flatten().flatten().map(|(_, picture)| *picture).max().unwrap_or(1);
        let at_once = at_once(clip, every, largest);
        let counts = known.into_iter().map(|known| Some(known?.map(|(count, _)| count))).collect();
        Ok(Self { every, at_once, counts })
    }

    fn slots(&self, windows: u32) -> u32 {
        windows.div_ceil(self.at_once)
    }

    /// Slots of each video: those of the longest.
    fn slots_per_video(&self) -> u32 {
        self.counts.iter().flatten().flatten().map(|windows| self.slots(*windows)).max().unwrap_or(1)
    }

    /// What the pipeline is asked for.
    pub fn pass(&self) -> Pass {
        Pass::Windows { every: self.every, at_once: self.at_once, slots: self.slots_per_video() }
    }

    /// The slots that hold windows.
    pub fn wanted(&self) -> Vec<Slot> {
        let each = self.slots_per_video();
        let of_video = |(video, count): (VideoNumber, &Option<Result<u32, String>>)| {
            let slots =
                count.as_ref().and_then(|count| count.as_ref().ok()).map_or(0, |&count| self.slots(count));
            (0..slots).map(move |k| video.slot(each, k.into()))
        };
        (0..).map(VideoNumber).zip(&self.counts).flat_map(of_video).collect()
    }
}

/// Windows of a slot where a picture has so many bytes.
fn at_once(clip: ClipGeometry, every: u32, picture: u64) -> u32 {
    let length = clip.frames() as u64;
    let frames = (PICTURE_BYTES / picture.max(1)).clamp(length, MOST_FRAMES.max(length));
    let by_frames = (frames - length) / u64::from(every.min(clip.frames() as u32).max(1)) + 1;
    let by_cubes = CUBE_BYTES / (clip.tokens() * clip.cube()) as u64;
    by_frames.min(by_cubes).clamp(1, 1 << 16) as u32
}

/// Opens the wanted videos, on several threads.
#[cfg(feature = "video")]
fn open_all(
    videos: &LabelledVideos,
    wanted: &[bool],
    recipe: &Recipe,
    workers: usize,
    windows: &dyn Fn(u32) -> Result<u32, String>,
) -> Result<Vec<Option<Known>>> {
    use std::ops::ControlFlow;

    use pipeline::{
        names,
        video::VideoReader,
        worker_pool::{Worker, WorkerPool, patience},
    };

    use crate::error::Context as _;

    if matches!(videos.dataset(), pipeline::dataset::Dataset::FrameShards(_)) {
        return Err(frame_shards());
    }
    let limits = crate::data::source::limits(recipe);
    let shared = std::sync::Arc::new(videos.clone());
    let pool =
        WorkerPool::start("windows", workers, patience(limits.seconds), move || -> Worker<usize, _> {
            let (videos, mut reader) = (shared.clone(), VideoReader::new(limits));
            Box::new(move |at| look(&mut reader, &videos, videos.chosen()[at].number, at))
        })?;
    let mut found: Vec<Option<Known>> = vec![None; wanted.len()];
    let wanted = (0..wanted.len()).filter(|at| wanted[*at]).map(|at| (at, at));
    pool.as_they_come(wanted, 2 * workers, |at, answer| {
        let answer = answer.with_context(|| names::shown(&videos.entries()[at].path))?;
        // A thread that panics or is stuck is the video's fault; a system that fails is not.
        let known = answer.unwrap_or_else(|why| Ok(Err(why.to_string())))?;
        found[at] = Some(known.and_then(|(frames, picture)| Ok((windows(frames)?, picture))));
        Ok::<_, crate::error::Error>(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

/// Frames of the video in row `at`, which is `number` in shards, and bytes of a picture, or why it has none.
///
/// # Errors
/// When the system cannot read it: that says nothing of the video.
#[cfg(feature = "video")]
fn look(
    reader: &mut pipeline::video::VideoReader,
    videos: &LabelledVideos,
    number: VideoNumber,
    at: usize,
) -> Result<Result<(u32, u64), String>> {
    use pipeline::{dataset::Dataset, error::VideoError, shard::ShardError};

    if let Dataset::PacketShards(shards) = videos.dataset() {
        return match shards.video(number) {
            Ok(Some(video)) => {
                let (width, height) = video.stored.size;
                let all = video.stored.times.len() as u32;
                let frames = video.stored.part.map_or(all, |part| part.stop - part.start);
                Ok(Ok((frames, picture_bytes(width, height))))
            }
            Ok(None) => Ok(Err("it is not in the shards".to_owned())),
            Err(why @ ShardError::System(_)) => Err(why.into()),
            Err(why) => Ok(Err(why.to_string())),
        };
    }
    let entry = &videos.entries()[at];
    match reader.open(entry) {
        Ok(open) => Ok(match entry.segment.ranks(&open.facts.times) {
            Ok(part) => Ok((part.len() as u32, picture_bytes(open.facts.width, open.facts.height))),
            Err(why) => Err(why.to_string()),
        }),
        Err(VideoError::System(why)) => Err(why.into()),
        Err(why) => Ok(Err(why.to_string())),
    }
}

#[cfg(not(feature = "video"))]
fn open_all(
    _: &LabelledVideos,
    _: &[bool],
    _: &Recipe,
    _: usize,
    _: &dyn Fn(u32) -> Result<u32, String>,
) -> Result<Vec<Option<Known>>> {
    Err(Usage::new("this build cannot open videos").hint("build with `--features video`").into())
}

#[cfg(feature = "video")]
fn frame_shards() -> crate::error::Error {
    Usage::new("frame shards store single clips, but windows need whole videos")
        .hint("give the videos, or packet shards")
        .into()
}

/// Bytes of a picture with a byte a sample and half as many for colour.
#[cfg(feature = "video")]
fn picture_bytes(width: u32, height: u32) -> u64 {
    u64::from(width) * u64::from(height) * 3 / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_pictures_are_decoded_a_few_at_a_time() {
        let clip = ClipGeometry::new(16, 224, 224, 2, 16).unwrap();
        assert_eq!(at_once(clip, 4, 340 * 256 * 3 / 2), 83);
        assert_eq!(at_once(clip, 4, 3840 * 2160 * 3 / 2), 7);
        assert_eq!(at_once(clip, 4, 1920 * 1080 * 3 / 2), 40);
        assert_eq!(at_once(clip, 4, u64::MAX), 1);
        assert_eq!(at_once(clip, 16, 340 * 256 * 3 / 2), 32);
    }

    #[test]
    fn slots_hold_all_windows_of_the_wanted_videos() {
        let counts = vec![Some(Ok(5)), None, Some(Err("damaged".to_owned())), Some(Ok(12))];
        let windows = Windows { every: 4, at_once: 4, counts };
        assert_eq!(windows.pass(), Pass::Windows { every: 4, at_once: 4, slots: 3 });
        assert_eq!(windows.wanted(), [0, 1, 9, 10, 11].map(Slot));
    }
}
