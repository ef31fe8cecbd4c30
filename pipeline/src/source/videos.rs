//! Frames from video files: opened, planned and decoded when they are asked for.

use std::{
    collections::BTreeMap,
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use super::{
    ClipFrames, ClipReader, ClipSource, Pixels, Reach, SourceError,
    drawn::{self, Drawn, HELD_BY_DECODER, failed},
};
use crate::{
    FrameRank, dataset,
    draws::Draws,
    picture::Picture,
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
    /// Bytes of each video's file and of a picture; 0 until it was opened once.
    bytes: Vec<[AtomicU64; 2]>,
    /// Bytes of the largest picture of all videos that were opened.
    largest: AtomicU64,
}

/// Bytes of a picture before any video was opened: 3840×2160 with 4:2:0 chroma. Later a video that was
/// never opened is taken to be like the largest of those that were.
const UNKNOWN_PICTURE: u64 = 3840 * 2160 * 3 / 2;

impl Videos {
    /// The videos of a dataset, in its order, whose frames are chosen by `rule`.
    pub fn new(videos: dataset::Videos, rule: impl Into<FrameRule>, limits: Limits) -> Self {
        let bytes = videos.entries().iter().map(|_| Default::default()).collect();
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

    fn clip_bytes(&self, file: u64, picture: u64, clips: u64) -> u64 {
        let file = if file > self.limits.file_bytes { 0 } else { file };
        let wanted = u64::from(self.rule.most_frames()).saturating_mul(clips);
        file.saturating_add(picture.saturating_mul(wanted.saturating_add(HELD_BY_DECODER)))
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

    fn bytes(&self, video: u64, clips: u64) -> u64 {
        match self.bytes.get(video as usize).map(|known| known.each_ref().map(|known| known.load(Relaxed))) {
            Some([file, picture]) if picture > 0 => self.clip_bytes(file, picture, clips),
            // Asking for a size does not read the file. One that cannot be had will fail to open anyway.
            _ => {
                let entry = self.videos.entries().get(video as usize);
                let file =
                    entry.and_then(|entry| fs::metadata(&entry.path).ok()).map_or(0, |file| file.len());
                let picture = match self.largest.load(Relaxed) {
                    0 => UNKNOWN_PICTURE,
                    largest => largest,
                };
                self.clip_bytes(file, picture, clips)
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
    fn frames(&mut self, slot: u64, video: u64, start: Draws) -> Result<ClipFrames, SourceError> {
        let mut one = self.frames_together(video, vec![(slot, start)]);
        one.pop().expect("because each slot has a result")
    }

    /// One plan and one pass for all slots. Where that fails, each is read alone: a slot must not depend
    /// on the damage that lies in another's frames.
    fn frames_together(
        &mut self,
        video: u64,
        slots: Vec<(u64, Draws)>,
    ) -> Vec<Result<ClipFrames, SourceError>> {
        let open = match self.open(video) {
            Ok(open) => open,
            Err(why) => return slots.iter().map(|_| Err(why.clone())).collect(),
        };
        let rule = self.source.rule;
        let draw = |(slot, mut start): (u64, Draws)| Drawn::of(&open.facts, rule, slot, &mut start);
        let drawn: Vec<_> = slots.into_iter().map(draw).collect();
        let mut clips = self.decode(video, &open, &drawn);
        let of_slot = |clip: &Result<_, SourceError>| {
            matches!(clip, Err(SourceError::Failed { reach: Reach::Slot, .. }))
        };
        if drawn.len() > 1 && clips.iter().any(of_slot) {
            clips = drawn.chunks(1).flat_map(|one| self.decode(video, &open, one)).collect();
        }
        if clips.iter().any(Result::is_ok) {
            self.last = Some((video, open));
        }
        clips
    }
}

impl Reader {
    fn open(&mut self, number: u64) -> Result<OpenVideo, SourceError> {
        let videos = &self.source.videos;
        let video = videos.entries().get(number as usize).ok_or_else(|| SourceError::Broken {
            reason: format!("video {number} of {} was asked for", videos.entries().len()),
        })?;
        if let Some(known) = videos.known_failure(number) {
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
        let verified = self.source.verified.get(number as usize);
        if verified.is_some_and(|verified| verified.load(Relaxed))
            || videos.verified_bytes(number) == Some(open.facts.bytes)
        {
            open.trust();
        }
        Ok(open)
    }

    /// The frames of drawn clips of video `number`, decoded in one pass.
    fn decode(
        &mut self,
        number: u64,
        open: &OpenVideo,
        clips: &[Result<Drawn, SourceError>],
    ) -> Vec<Result<ClipFrames, SourceError>> {
        // How many clips still need each frame: the last to need it takes it.
        let mut needed: BTreeMap<FrameRank, (u32, Option<Picture>)> = BTreeMap::new();
        for rank in clips.iter().flatten().flat_map(|drawn| &drawn.wanted) {
            needed.entry(*rank).or_default().0 += 1;
        }
        let wanted: Vec<FrameRank> = needed.keys().copied().collect();
        let pictures = match drawn::decode(&wanted, &mut self.reader, open, &self.profile) {
            Ok(pictures) => pictures,
            Err(why) => {
                let failed = |drawn: &Result<Drawn, SourceError>| match drawn {
                    Ok(_) => Err(why.clone()),
                    Err(why) => Err(why.clone()),
                };
                return clips.iter().map(failed).collect();
            }
        };
        self.learn(number, open, &pictures);
        for ((_, place), (_, picture)) in needed.values_mut().zip(pictures) {
            *place = Some(picture);
        }
        let entry = &self.source.videos.entries()[number as usize];
        let name: Arc<str> = entry.path.display().to_string().into();
        let mut take = |rank: &FrameRank| {
            let (clips, place) = needed.get_mut(rank)?;
            *clips -= 1;
            let picture = if *clips == 0 { place.take() } else { place.clone() };
            Some((*rank, picture?))
        };
        let frames = |drawn: &Result<Drawn, SourceError>| {
            let drawn = drawn.as_ref().map_err(Clone::clone)?;
            let pictures = drawn.wanted.iter().filter_map(&mut take).collect();
            Ok(ClipFrames {
                video: name.clone(),
                label: entry.label,
                ranks: drawn.ranks.clone(),
                times: drawn.times.clone(),
                pixels: Pixels::Pictures { pictures, orientation: open.facts.orientation },
            })
        };
        clips.iter().map(frames).collect()
    }

    /// Remembers what a decode without complaint tells of a video.
    fn learn(&self, number: u64, open: &OpenVideo, pictures: &[(FrameRank, Picture)]) {
        if let Some(verified) = self.source.verified.get(number as usize).filter(|_| open.is_verified()) {
            verified.store(true, Relaxed);
        }
        let picture = pictures.iter().map(|(_, picture)| picture.planes.len() as u64).max().unwrap_or(0);
        self.source.largest.fetch_max(picture, Relaxed);
        if let Some([of_file, of_picture]) = self.source.bytes.get(number as usize) {
            of_file.store(open.facts.bytes, Relaxed);
            of_picture.store(picture, Relaxed);
        }
    }
}
