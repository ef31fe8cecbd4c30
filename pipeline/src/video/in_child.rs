//! A video that another process has open: what is asked of it, and a look at what it answers.

use std::{io, path::Path, sync::atomic::Ordering::Relaxed};

use bytes::Bytes;
use gstreamer as gst;

use super::{
    Limits, OpenVideo, VideoFacts, VideoReader,
    open::initialise,
    stored_video::{IndexedVideo, StoredVideo},
};
use crate::{
    FrameRank, VideoNumber,
    codec::{Codec, StreamHeader},
    decode::Work,
    error::VideoError,
    file::{self, FileBytes, FileStamp},
    picture::Picture,
    sandbox::{
        client::{Allowance, Answers, Client, Film},
        message::{Answer, Cost, Failure, How, Known, Open, Placed, Request},
    },
    system,
};

/// The process that has a video open, and what it opened.
#[derive(Debug)]
pub(super) struct InChild {
    client: Client,
    film: Film,
    limits: Limits,
}

/// Bytes that a child may have besides its pictures: libraries, a file that is held, or the packets of one.
const BESIDE_PICTURES: u64 = 1 << 30;

/// Pictures that a decoder holds besides the wanted ones, and bytes of their largest sample with its colours.
const HELD: u64 = 40;
const PIXEL: u64 = 6;

/// Bytes of pictures that come at a time where nobody needs them together.
const BYTES_AT_ONCE: u64 = 256 << 20;

impl VideoReader {
    /// Opens the file at `path` in the child of this reader.
    pub(super) fn open_in_child(&mut self, path: &Path, how: How) -> Result<OpenVideo, VideoError> {
        // Its list of plugins is in order when children begin.
        initialise()?;
        let Some(client) = self.child.clone() else { return Err(no_sense()) };
        let cannot_open = |cause| VideoError::CannotOpen { path: path.to_owned(), cause };
        let file = system::read(path, || file::handle(path))?.map_err(cannot_open)?;
        let bytes =
            FileBytes::of_handle(file.try_clone().map_err(cannot_open)?, path, 0).map_err(cannot_open)?;
        let open = Open {
            path: path.as_os_str().as_encoded_bytes().to_vec(),
            how,
            limits: self.limits,
            skipping: self.skipping,
            verify: self.verify,
        };
        let child = InChild { film: client.film(path, file, open), client, limits: self.limits };
        // How large its pictures are is not known yet. Those that must be counted are decoded to know it.
        let memory = BESIDE_PICTURES.saturating_add(self.limits.pixels.saturating_mul(16));
        match child.client.ask(&child.film, None, Allowance { memory, unhurried: false })?.opened {
            Some(Answer::Opened { facts, known, cost }) if is_sense(&facts, &self.limits) => {
                self.work.add(cost.work);
                bytes.count_read(cost.read);
                OpenVideo::in_child(*facts, known, bytes, child).ok_or_else(no_sense)
            }
            Some(Answer::Failed { failure, cost, .. }) => {
                self.work.add(cost.work);
                Err(child.told(failure))
            }
            _ => Err(child.no_sense()),
        }
    }
}

/// Bytes that a child may have for so many pictures of so many pixels each.
fn memory(pixels: u64, pictures: u64) -> u64 {
    BESIDE_PICTURES.saturating_add(pixels.saturating_mul(PIXEL).saturating_mul(pictures.saturating_add(HELD)))
}

/// A child that does not keep to what was agreed is as good as one that crashed.
fn no_sense() -> VideoError {
    VideoError::DecoderCrashed { how: "it made no sense".to_owned() }
}

/// Whether these may be facts of a video within `limits`.
fn is_sense(facts: &VideoFacts, limits: &Limits) -> bool {
    let pixels = u64::from(facts.width) * u64::from(facts.height);
    facts.frames > 0
        && facts.times.len() == facts.frames as usize
        && facts.key_frames.iter().all(|rank| rank.0 < facts.frames)
        && facts.orientation.quarter_turns < 4
        && pixels <= limits.pixels
}

impl OpenVideo {
    fn in_child(facts: VideoFacts, known: Known, file: FileBytes, child: InChild) -> Option<Self> {
        Some(Self {
            codec: Codec::named(facts.codec)?,
            facts,
            caps: gst::Caps::new_empty(),
            packets: Vec::new(),
            file,
            index: Vec::new(),
            hidden: 0,
            shown: Vec::new(),
            header: StreamHeader::default(),
            sizes: Vec::new(),
            verified: known.verified.into(),
            counted: known.counted.into(),
            in_child: Some(child),
        })
    }

    /// What decoding has found out of it.
    pub(crate) fn known(&self) -> Known {
        Known { verified: self.verified.load(Relaxed), counted: self.counted.load(Relaxed) }
    }

    /// Takes over what decoding has found out of it elsewhere.
    pub(crate) fn learn(&self, known: Known) {
        self.verified.fetch_or(known.verified, Relaxed);
        self.counted.fetch_or(known.counted, Relaxed);
    }

    fn take_over(&self, known: Known, cost: Cost, work: &mut Work) {
        self.learn(known);
        self.file.count_read(cost.read);
        work.add(cost.work);
    }
}

impl InChild {
    /// Hands the pictures of the distinct `wanted` frames, which rise, to `each`; `unhurried` ones in parts.
    pub fn decode(
        &self,
        video: &OpenVideo,
        wanted: &[FrameRank],
        unhurried: bool,
        work: &mut Work,
        mut each: impl FnMut(FrameRank, Picture),
    ) -> Result<(), VideoError> {
        let pixels = u64::from(video.facts.width) * u64::from(video.facts.height);
        let most =
            if unhurried { (BYTES_AT_ONCE / (3 * pixels.max(1))).max(16) as usize } else { wanted.len() };
        for wanted in wanted.chunks(most) {
            let memory = memory(pixels, wanted.len() as u64);
            let request = Request::Decode { wanted: wanted.to_vec(), unhurried, known: video.known() };
            let answers = self.about(video, &request, Allowance { memory, unhurried }, work)?;
            let Some((Answer::Pictures(placed), bytes)) = answers.put else { return Err(self.no_sense()) };
            if placed.iter().map(|placed| &placed.rank).ne(wanted) {
                return Err(self.no_sense());
            }
            for placed in &placed {
                each(placed.rank, self.picture(placed, &bytes).ok_or_else(|| self.no_sense())?);
            }
        }
        Ok(())
    }

    /// Decodes all of it, however long that takes.
    pub fn verify(&self, video: &OpenVideo, work: &mut Work) -> Result<(), VideoError> {
        let request = Request::Verify(video.known());
        match self.about(video, &request, self.unhurried(video), work)?.answer {
            Some(Answer::Verified { .. }) => Ok(()),
            _ => Err(self.no_sense()),
        }
    }

    /// The video as a shard keeps it.
    pub fn stored(
        &self,
        open: &OpenVideo,
        number: VideoNumber,
        video: String,
        label: Option<i32>,
        digest: [u8; 16],
    ) -> Result<StoredVideo, VideoError> {
        let known = open.known();
        let request = Request::Store { number, video, label, digest, known };
        match self.about(open, &request, self.unhurried(open), &mut Work::default())?.answer {
            Some(Answer::Stored(stored)) => Ok(*stored),
            _ => Err(self.no_sense()),
        }
    }

    /// The video as an index keeps it; nothing where it cannot.
    pub fn indexed(
        &self,
        open: &OpenVideo,
        number: VideoNumber,
        video: String,
        label: Option<i32>,
        stamp: FileStamp,
    ) -> Option<IndexedVideo> {
        let request = Request::Index { number, video, label, stamp, known: open.known() };
        match self.about(open, &request, self.unhurried(open), &mut Work::default()).ok()?.answer {
            Some(Answer::Indexed(Some((stored, places)))) if places.len() == stored.packets.len() => {
                Some(IndexedVideo { stored: *stored, places, stamp })
            }
            _ => None,
        }
    }

    /// The bytes of its packets; nothing for one that cannot be read.
    pub fn packets(&self, open: &OpenVideo) -> Result<Vec<Option<Bytes>>, VideoError> {
        let request = Request::Packets(open.known());
        let answers = self.about(open, &request, self.unhurried(open), &mut Work::default())?;
        let Some((Answer::Packets(lengths), bytes)) = answers.put else { return Err(self.no_sense()) };
        let mut start = 0;
        let mut cut = |length: u32| {
            let end = start + length as usize;
            let packet = (end <= bytes.len()).then(|| bytes.slice(start..end))?;
            start = end;
            Some(packet)
        };
        let packet = |length: Option<u32>| length.map(|length| cut(length).ok_or_else(no_sense)).transpose();
        lengths.into_iter().map(packet).collect()
    }

    /// Asks something of an open video, and takes over what that found out.
    fn about(
        &self,
        video: &OpenVideo,
        request: &Request,
        allowance: Allowance,
        work: &mut Work,
    ) -> Result<Answers, VideoError> {
        let answers = self.client.ask(&self.film, Some(request), allowance)?;
        // It was opened again, since its child had died or opened another; by now the file may be another one.
        if let Some(Answer::Opened { facts, .. }) = &answers.opened
            && (facts.bytes, facts.codec, &facts.times)
                != (video.facts.bytes, video.facts.codec, &video.facts.times)
        {
            let cause = io::Error::other("it changed while it was read");
            return Err(VideoError::CannotOpen { path: self.film.path().to_owned(), cause });
        }
        match answers {
            Answers { opened: Some(Answer::Failed { failure, .. }), .. } => Err(self.told(failure)),
            Answers { answer: Some(Answer::Failed { failure, known, cost }), .. } => {
                video.take_over(known, cost, work);
                Err(self.told(failure))
            }
            answers => {
                if let Some(Answer::Ready { known, cost, .. } | Answer::Verified { known, cost }) =
                    answers.answer
                {
                    video.take_over(known, cost, work);
                }
                Ok(answers)
            }
        }
    }

    /// A picture whose planes are in `bytes`; nothing where that cannot be.
    fn picture(&self, placed: &Placed, bytes: &Bytes) -> Option<Picture> {
        let Placed { layout, width, height, matrix, range, start, length, .. } = *placed;
        layout.name()?;
        // Decoders may give twice the size that is meant to be shown; of what is more, no sum is made.
        if u64::from(width) * u64::from(height) > self.limits.pixels.saturating_mul(8).min(1 << 40) {
            return None;
        }
        let mut picture = Picture { layout, width, height, matrix, range, planes: Bytes::new() };
        let samples = |plane| {
            let (columns, rows) = picture.plane_size(plane);
            columns as u64 * rows as u64
        };
        let samples: u64 = (0..layout.colour.planes()).map(samples).sum();
        let end = start.checked_add(length).filter(|&end| end <= bytes.len() as u64)?;
        if length != samples * picture.sample_bytes() as u64 || width == 0 || height == 0 {
            return None;
        }
        picture.planes = bytes.slice(start as usize..end as usize);
        Some(picture)
    }

    /// What work on all of a video may use.
    fn unhurried(&self, video: &OpenVideo) -> Allowance {
        let pixels = u64::from(video.facts.width) * u64::from(video.facts.height);
        Allowance { memory: memory(pixels, 0), unhurried: true }
    }

    fn told(&self, failure: Failure) -> VideoError {
        failure.into_error(self.film.path()).unwrap_or_else(|| self.no_sense())
    }

    /// The child is ended: what it says next would make no more sense.
    fn no_sense(&self) -> VideoError {
        self.client.end();
        no_sense()
    }
}
