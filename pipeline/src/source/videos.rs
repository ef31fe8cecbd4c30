//! Frames from video files: opened, planned and decoded when they are asked for.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use super::{
    ClipFrames, ClipReader, ClipSource, Pixels, Reach, SourceError,
    drawn::{Drawn, failed},
};
use crate::{
    dataset,
    draws::Draws,
    plan::views::FrameRule,
    profile::{Profile, Stage},
    video::{Limits, OpenVideo, Verify, VideoReader},
};

/// Video files as a source of clips.
#[derive(Debug)]
pub struct Videos {
    videos: dataset::Videos,
    rule: FrameRule,
    limits: Limits,
    verify: Verify,
    /// Videos that were decoded whole without complaint; each is once, by whichever thread has it first.
    verified: Vec<AtomicBool>,
    /// Bytes that reading a clip of each video takes; 0 until it was opened once.
    bytes: Vec<AtomicU64>,
    /// Bytes of the largest picture of all videos that were opened.
    largest: AtomicU64,
}

/// Bytes of a picture before any video was opened: 3840×2160 with 4:2:0 chroma. Later a video that was
/// never opened is taken to be like the largest of those that were.
const UNKNOWN_PICTURE: u64 = 3840 * 2160 * 3 / 2;

/// Pictures that a decoder holds besides the wanted ones: reorder depth 16 and 4 in its queues.
const HELD_BY_DECODER: u64 = 20;

impl Videos {
    /// The videos of a dataset, in its order, whose frames are chosen by `rule`.
    pub fn new(videos: dataset::Videos, rule: impl Into<FrameRule>, limits: Limits) -> Self {
        let bytes = videos.entries().iter().map(|_| AtomicU64::new(0)).collect();
        let verified = videos.entries().iter().map(|_| AtomicBool::new(false)).collect();
        Self {
            videos,
            rule: rule.into(),
            limits,
            verify: Verify::default(),
            verified,
            bytes,
            largest: AtomicU64::new(0),
        }
    }

    /// The same videos with another rule of what is verified.
    pub fn with_verify(mut self, verify: Verify) -> Self {
        self.verify = verify;
        self
    }

    fn clip_bytes(&self, file: u64, picture: u64) -> u64 {
        let file = if file > self.limits.file_bytes { 0 } else { file };
        file.saturating_add(picture.saturating_mul(u64::from(self.rule.most_frames()) + HELD_BY_DECODER))
    }
}

impl ClipSource for Arc<Videos> {
    fn videos(&self) -> u64 {
        self.videos.entries().len() as u64
    }

    fn name(&self, video: u64) -> String {
        self.videos
            .entries()
            .get(video as usize)
            .map_or_else(String::new, |video| video.path.display().to_string())
    }

    fn bytes(&self, video: u64) -> u64 {
        match self.bytes.get(video as usize).map(|bytes| bytes.load(Relaxed)) {
            Some(known) if known > 0 => known,
            // Asking for a size does not read the file. One that cannot be had will fail to open anyway.
            _ => {
                let entry = self.videos.entries().get(video as usize);
                let file =
                    entry.and_then(|entry| fs::metadata(&entry.path).ok()).map_or(0, |file| file.len());
                let picture = match self.largest.load(Relaxed) {
                    0 => UNKNOWN_PICTURE,
                    largest => largest,
                };
                self.clip_bytes(file, picture)
            }
        }
    }

    fn reader(&self, profile: Arc<Profile>) -> Box<dyn ClipReader> {
        let reader = VideoReader::new(self.limits).with_verify(self.verify);
        Box::new(Reader { source: self.clone(), reader, last: None, profile })
    }
}

struct Reader {
    source: Arc<Videos>,
    reader: VideoReader,
    /// The video that was read last: clips of one video often follow each other.
    last: Option<(u64, OpenVideo)>,
    profile: Arc<Profile>,
}

impl ClipReader for Reader {
    fn frames(&mut self, slot: u64, video: u64, mut start: Draws) -> Result<ClipFrames, SourceError> {
        let number = video;
        let video = self.source.videos.entries().get(number as usize).ok_or_else(|| SourceError::Broken {
            reason: format!("video {number} of {} was asked for", self.source.videos.entries().len()),
        })?;
        if let Some(known) = self.source.videos.known_failure(number) {
            let (verdict, reason) = (known.verdict.clone(), known.reason.clone());
            return Err(SourceError::Failed { verdict, reason, reach: Reach::Video });
        }
        let open = match self.last.take() {
            Some((last, open)) if last == number => open,
            _ => {
                let opened = self.profile.time(Stage::Read, || self.reader.open(&video.path));
                opened.map_err(|why| failed(&why, Reach::Video))?
            }
        };
        let facts = &open.facts;
        let verified = self.source.verified.get(number as usize);
        if verified.is_some_and(|verified| verified.load(Relaxed))
            || self.source.videos.verified_bytes(number) == Some(facts.bytes)
        {
            open.trust();
        }
        let drawn = Drawn::of(&open.facts, self.source.rule, slot, &mut start)?;
        let pictures = drawn.decode(&mut self.reader, &open, &self.profile)?;
        let orientation = open.facts.orientation;
        if let Some(verified) = verified.filter(|_| open.is_verified()) {
            verified.store(true, Relaxed);
        }
        let picture = pictures.iter().map(|(_, picture)| picture.planes.len() as u64).max().unwrap_or(0);
        self.source.largest.fetch_max(picture, Relaxed);
        if let Some(bytes) = self.source.bytes.get(number as usize) {
            bytes.store(self.source.clip_bytes(open.facts.bytes, picture).max(1), Relaxed);
        }
        self.last = Some((number, open));
        Ok(ClipFrames {
            video: video.path.display().to_string().into(),
            label: video.label,
            ranks: drawn.ranks,
            times: drawn.times,
            pixels: Pixels::Pictures { pictures, orientation },
        })
    }
}
