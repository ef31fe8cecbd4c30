//! Frames from video files: opened, planned and decoded when they are asked for.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use schemas::settings::{Skip, Verify};

use super::{
    ClipFrames, ClipReader, ClipSource, Pixels, Reach, SourceError,
    sampled::{self, SampledFrames, failed},
};
use crate::{
    Slot, VideoNumber,
    dataset::VideoList,
    draws::Draws,
    error::VideoError,
    file::{FileStamp, Place},
    plan::order::IndexMode,
    profile::{Profile, Stage},
    sampling::FrameRule,
    store,
    video::{Limits, OpenVideo, VideoReader, stored_video::IndexedVideo},
    video_entry::VideoEntry,
};

/// Video files as a source of clips; a clone shares what was learnt of them.
#[derive(Clone, Debug)]
pub struct VideoSource {
    videos: Arc<VideoList>,
    rule: FrameRule,
    limits: Limits,
    verify: Verify,
    skipping: Skip,
    stills: bool,
    learnt: Arc<Learnt>,
}

/// What decoding has told of the videos so far.
#[derive(Debug)]
struct Learnt {
    /// Videos that were decoded whole without complaint; each is once, by whichever thread has it first.
    verified: Vec<AtomicBool>,
    /// Bytes of each video's file and of a picture; 0 until it was opened once.
    bytes: Vec<[AtomicU64; 2]>,
    /// Bytes of the largest picture of all videos that were opened.
    largest: AtomicU64,
    /// Frames of the files whose packets do not tell them, so that opening decodes them all, with the stamp that the file
    /// had then.
    counted: Mutex<HashMap<VideoNumber, (FileStamp, u32)>>,
}

impl Learnt {
    fn counted(&self) -> MutexGuard<'_, HashMap<VideoNumber, (FileStamp, u32)>> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes of a picture before any video was opened: 3840×2160 with 4:2:0 chroma. Later a video that was
/// never opened is taken to be like the largest of those that were.
const UNKNOWN_PICTURE: u64 = 3840 * 2160 * 3 / 2;

impl VideoSource {
    /// The videos of a dataset, in its order, whose frames are chosen by `rule`.
    pub fn new(videos: VideoList, rule: impl Into<FrameRule>, limits: Limits) -> Self {
        let learnt = Learnt {
            verified: videos.entries().iter().map(|_| AtomicBool::new(false)).collect(),
            bytes: videos.entries().iter().map(|_| Default::default()).collect(),
            largest: AtomicU64::new(0),
            counted: Mutex::default(),
        };
        Self {
            videos: Arc::new(videos),
            rule: rule.into(),
            limits,
            verify: Verify::default(),
            skipping: Skip::default(),
            stills: true,
            learnt: Arc::new(learnt),
        }
    }

    /// The same videos with another rule of what is verified.
    pub fn with_verify(mut self, verify: Verify) -> Self {
        self.verify = verify;
        self
    }

    /// The same videos with another way of skipping.
    pub fn with_skipping(mut self, skipping: Skip) -> Self {
        self.skipping = skipping;
        self
    }

    /// The same videos; whether pictures are taken for videos of one frame.
    pub fn with_stills(mut self, stills: bool) -> Self {
        self.stills = stills;
        self
    }

    fn clip_bytes(&self, video: VideoNumber, file: u64, picture: u64, clips: u64) -> u64 {
        let is_held = file <= self.limits.file_bytes && !self.videos.is_indexed(video);
        let file = if is_held { file } else { 0 };
        sampled::held_bytes(file, picture, u64::from(self.rule.most_frames()).saturating_mul(clips))
    }
}

impl ClipSource for VideoSource {
    fn videos(&self) -> u64 {
        self.videos.entries().len() as u64
    }

    fn name(&self, video: VideoNumber) -> String {
        self.videos.entries().get(video.index()).map_or_else(String::new, VideoEntry::name)
    }

    fn bytes(&self, video: VideoNumber, clips: u64) -> u64 {
        match self
            .learnt
            .bytes
            .get(self.videos.file_of(video).index())
            .map(|known| known.each_ref().map(|known| known.load(Relaxed)))
        {
            Some([file, picture]) if picture > 0 => self.clip_bytes(video, file, picture, clips),
            // Asking for a size does not read the file. One that cannot be had will fail to open anyway.
            _ => {
                let entry = self.videos.entries().get(video.index());
                let file = entry.map_or(0, VideoEntry::bytes);
                let picture = match self.learnt.largest.load(Relaxed) {
                    0 => UNKNOWN_PICTURE,
                    largest => largest,
                };
                self.clip_bytes(video, file, picture, clips)
            }
        }
    }

    fn reader(&self, profile: Arc<Profile>) -> Box<dyn ClipReader> {
        let reader = VideoReader::new(self.limits).with_verify(self.verify).with_skipping(self.skipping);
        Box::new(Reader { source: self.clone(), reader, last: None, profile })
    }
}

struct Reader {
    source: VideoSource,
    reader: VideoReader,
    /// The file that was read last, by the first video in it: clips of one file often follow each other.
    last: Option<(VideoNumber, OpenVideo)>,
    profile: Arc<Profile>,
}

impl ClipReader for Reader {
    /// One plan and one pass for all slots.
    fn frames_together(
        &mut self,
        video: VideoNumber,
        slots: Vec<(Slot, Draws)>,
    ) -> Vec<Result<ClipFrames, SourceError>> {
        let open = match self.open(video) {
            Ok(open) => open,
            Err(why) => return slots.iter().map(|_| Err(why.clone())).collect(),
        };
        let (rule, file) = (self.source.rule, self.source.videos.file_of(video));
        let segment = self.source.videos.entries()[video.index()].segment;
        let draw = |(slot, mut start): (Slot, Draws)| {
            SampledFrames::of(&open.facts, segment, rule, slot, &mut start)
        };
        let drawn: Vec<_> = slots.into_iter().map(draw).collect();
        let pictures = sampled::together(&drawn, |wanted| {
            let pictures = sampled::decode(wanted, &mut self.reader, &open, &self.profile)?;
            self.profile.count_read(open.take_bytes_read());
            self.learn(file, &open, &pictures);
            Ok(pictures)
        });
        let entry = &self.source.videos.entries()[video.index()];
        let name: Arc<str> = entry.name().into();
        let frames = |(drawn, pictures): (Result<SampledFrames, _>, Result<_, SourceError>)| {
            let (drawn, pictures) = (drawn?, pictures?);
            Ok(ClipFrames {
                video: name.clone(),
                label: entry.label,
                ranks: drawn.ranks,
                times: drawn.times,
                pixels: Pixels::Pictures { pictures, orientation: open.facts.orientation },
            })
        };
        let clips: Vec<_> = drawn.into_iter().zip(pictures).map(frames).collect();
        if clips.iter().any(Result::is_ok) {
            self.last = Some((file, open));
        }
        clips
    }
}

impl Reader {
    /// Opens a file, which is known by the first video in it: by its index, where a scan left one and the file is still
    /// the same.
    fn open_file(
        &mut self,
        file: VideoNumber,
        indexed: Option<&IndexedVideo>,
        video: &VideoEntry,
    ) -> Result<OpenVideo, VideoError> {
        let open = indexed.map(|indexed| self.reader.open_indexed(video, indexed)).transpose()?.flatten();
        if let Some(open) = open {
            return Ok(open);
        }
        // One that must be counted is not decoded whole for that each time, as long as nobody changes it.
        let is_here = !store::is_address(&video.path);
        let stamp = || is_here.then(|| Place::from(video).stamp().ok()).flatten();
        let known = self.source.learnt.counted().get(&file).copied();
        if let Some((_, frames)) = known.filter(|&(before, _)| stamp() == Some(before)) {
            return self.reader.open_counted(video, Some(frames));
        }
        let before = stamp();
        let open = self.reader.open(video)?;
        if let Some(stamp) = before.filter(|_| open.facts.index == IndexMode::Linear) {
            self.source.learnt.counted().insert(file, (stamp, open.facts.frames));
        }
        Ok(open)
    }

    fn open(&mut self, number: VideoNumber) -> Result<OpenVideo, SourceError> {
        let (videos, profile) = (Arc::clone(&self.source.videos), Arc::clone(&self.profile));
        let video = videos.entries().get(number.index()).ok_or_else(|| SourceError::Broken {
            reason: format!("video {} of {} was asked for", number.0, videos.entries().len()),
        })?;
        if let Some(known) = videos.known_failure(number) {
            let (verdict, reason) = (known.verdict.clone(), known.reason.clone());
            return Err(SourceError::Failed { verdict, reason, reach: Reach::Video });
        }
        let file = videos.file_of(number);
        let open = match self.last.take() {
            Some((last, open)) if last == file => open,
            _ => {
                let opened = profile.time(Stage::Read, || {
                    let indexed = videos.indexed(number);
                    self.open_file(file, indexed.as_ref(), video)
                });
                opened.map_err(|why| {
                    let why = if self.was_there(number) { why.of_one_that_was_there() } else { why };
                    failed(&why, Reach::Video)
                })?
            }
        };
        if !self.source.stills && open.facts.is_still() {
            return Err(SourceError::Failed {
                verdict: "not-a-video".to_owned(),
                reason: format!("it is a picture ({}), and `clip.stills` is false", open.facts.container),
                reach: Reach::Video,
            });
        }
        let verified = self.source.learnt.verified.get(file.index());
        if verified.is_some_and(|verified| verified.load(Relaxed))
            || videos.verified_bytes(number) == Some(open.facts.bytes)
            || self.has_verified_digest(&open).map_err(|why| failed(&why, Reach::Video))?
        {
            open.trust();
        }
        Ok(open)
    }

    /// Whether the file's bytes are known to decode without complaint. They are not asked for where nothing depends on it.
    fn has_verified_digest(&self, open: &OpenVideo) -> Result<bool, VideoError> {
        let digests = self.source.videos.verified_digests();
        Ok(!digests.is_empty() && self.reader.verifies(open) && digests.contains(&open.blake3()?))
    }

    /// Whether this run, or a scan, has opened the video before.
    fn was_there(&self, number: VideoNumber) -> bool {
        let known = self.source.learnt.bytes.get(self.source.videos.file_of(number).index());
        self.source.videos.was_there(number) || known.is_some_and(|[_, picture]| picture.load(Relaxed) > 0)
    }

    /// Remembers what a decode without complaint tells of a file, by the first video in it.
    fn learn(&self, number: VideoNumber, open: &OpenVideo, pictures: &sampled::Pictures) {
        if let Some(verified) = self.source.learnt.verified.get(number.index()).filter(|_| open.is_verified())
        {
            verified.store(true, Relaxed);
        }
        let picture = pictures.iter().map(|(_, picture)| picture.planes.len() as u64).max().unwrap_or(0);
        self.source.learnt.largest.fetch_max(picture, Relaxed);
        if let Some([of_file, of_picture]) = self.source.learnt.bytes.get(number.index()) {
            of_file.store(open.facts.bytes, Relaxed);
            of_picture.store(picture, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use schemas::ClipGeometry;

    use super::*;
    use crate::{FrameRank, settings::ClipSettings};

    /// Makes a film of a sample whose packets do not tell its frames: all are shown at the same time.
    fn write_untimed(sample: &str, path: &Path) {
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples").join(sample);
        let mut film = fs::read(sample).unwrap();
        let times = film.windows(4).position(|name| name == b"stts").unwrap();
        // The only entry, behind version, flags and the number of entries: so many packets, so far apart.
        film[times + 16..times + 20].fill(0);
        fs::write(path, film).unwrap();
    }

    #[test]
    fn frames_that_only_decoding_tells_are_counted_once_for_as_long_as_the_file_is_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film.mp4");
        let videos = VideoList::new(vec![VideoEntry::whole(path.clone(), None)]);
        let settings = ClipSettings::published(ClipGeometry::new(16, 112, 112, 2, 16).unwrap(), 2, 17);
        let source = VideoSource::new(videos, settings.sampling(), Limits::default());
        let reader = VideoReader::new(Limits::default());
        let mut reader = Reader { source, reader, last: None, profile: Arc::default() };
        let mut read = || {
            let before = reader.reader.work().packets;
            let open = reader.open(VideoNumber(0)).unwrap();
            let counted = reader.reader.work().packets - before;
            let pictures = reader.reader.decode(&open, &[FrameRank(3), FrameRank(40)]).unwrap();
            assert_eq!(open.facts.index, IndexMode::Linear);
            (counted, open.facts, pictures)
        };
        write_untimed("cars.mp4", &path);
        let first = read();
        let again = read();
        assert_eq!((first.0, again.0), (100, 0), "packets that counting takes");
        assert!(first.1 == again.1 && first.2 == again.2, "the same frames");
        write_untimed("flower.mp4", &path);
        let changed = read();
        assert_eq!(changed.0, 150);
        assert!(changed.2 != first.2, "pictures of the other film");
    }

    #[test]
    fn a_file_with_the_bytes_of_a_verified_one_is_not_decoded_whole() {
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/flower.mp4");
        let film = fs::read(&sample).unwrap();
        let settings = ClipSettings::published(ClipGeometry::new(16, 112, 112, 2, 16).unwrap(), 2, 17);
        let decoded = |digests: &[blake3::Hash]| {
            let videos = VideoList::new(vec![VideoEntry::whole(sample.clone(), None)]);
            let videos = videos.with_verified_digests(digests.iter().copied().collect());
            let source = VideoSource::new(videos, settings.sampling(), Limits::default());
            let reader = VideoReader::new(Limits::default());
            let mut reader = Reader { source, reader, last: None, profile: Arc::default() };
            let open = reader.open(VideoNumber(0)).unwrap();
            reader.reader.decode(&open, &[FrameRank(3)]).unwrap();
            reader.reader.work().packets
        };
        let other = blake3::hash(&film[1..]);
        assert_eq!((decoded(&[]), decoded(&[other])), (150, 150));
        let few = decoded(&[other, blake3::hash(&film)]);
        assert!(few < 50, "{few} packets");
    }
}
