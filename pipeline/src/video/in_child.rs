//! A video that another process has open: what is asked of it, and a look at what it answers.

use std::{
    io,
    ops::Range,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use bytes::Bytes;

use super::{
    Limits, VideoFacts,
    stored_video::{IndexedVideo, StoredVideo},
};
use crate::{
    FrameRank, VideoNumber,
    decode::{Stop, Work},
    error::VideoError,
    file::{FileBytes, FileStamp},
    picture::Picture,
    profile,
    sandbox::{
        client::{Allowance, Answers, Client},
        film::Film,
        message::{Answer, Cost, Failure, Known, Placed, Request},
    },
    system::SystemError,
};

/// The process that has a video open, and what it opened.
#[derive(Debug)]
pub(super) struct InChild {
    pub client: Client,
    pub film: Film,
    pub limits: Limits,
    /// Packets that were put into the memory of a film that is in memory.
    loaded: Vec<Range<u32>>,
}

/// What the parent has of a video that a child has open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    pub facts: &'a VideoFacts,
    pub verified: &'a AtomicBool,
    pub counted: &'a AtomicBool,
    pub file: &'a FileBytes,
}

impl Seen<'_> {
    /// What decoding has found out of it.
    pub fn known(self) -> Known {
        Known { verified: self.verified.load(Relaxed), counted: self.counted.load(Relaxed) }
    }

    /// Takes over what decoding has found out of it elsewhere.
    pub fn learn(self, known: Known) {
        self.verified.fetch_or(known.verified, Relaxed);
        self.counted.fetch_or(known.counted, Relaxed);
    }

    fn take_over(self, known: Known, cost: Cost, work: &mut Work) {
        self.learn(known);
        cost.count(self.file, work);
    }
}

/// Bytes that a child may have besides its pictures: libraries, a file that is held, or the packets of one.
pub(super) const BESIDE_PICTURES: u64 = 1 << 30;

/// Pictures that a decoder holds besides the wanted ones, and bytes of their largest sample with its colours.
const HELD: u64 = 40;
const PIXEL: u64 = 6;

/// Bytes of pictures that come at a time where nobody needs them together.
const BYTES_AT_ONCE: u64 = 256 << 20;

/// Bytes that a child may have for so many pictures of so many pixels each.
fn memory(pixels: u64, pictures: u64) -> u64 {
    BESIDE_PICTURES.saturating_add(pixels.saturating_mul(PIXEL).saturating_mul(pictures.saturating_add(HELD)))
}

/// A child that does not keep to what was agreed is as good as one that crashed.
pub(super) fn no_sense() -> VideoError {
    VideoError::DecoderCrashed { how: "it made no sense".to_owned() }
}

impl Cost {
    /// Counts what was done elsewhere as if it had been done here.
    pub(super) fn count(self, file: &FileBytes, work: &mut Work) {
        file.count_read(self.read);
        work.add(self.work);
        profile::count_cpu_elsewhere(self.cpu);
    }
}

impl InChild {
    pub fn new(client: Client, film: Film, limits: Limits) -> Self {
        Self { client, film, limits, loaded: Vec::new() }
    }

    /// Puts these packets, whose bytes follow each other, to their place in the memory that the film is in.
    pub fn put(&mut self, packets: Range<usize>, bytes: &[u8], place: u64) -> Result<(), VideoError> {
        let failed = |cause| SystemError::new("hold packets of", self.film.path(), cause);
        self.film.put(bytes, place).map_err(failed)?;
        self.loaded.push(packets.start as u32..packets.end as u32);
        Ok(())
    }

    /// Hands the pictures of the distinct `wanted` frames, which rise, to `each`; `unhurried` ones in parts, before each of which
    /// `stop` is asked.
    pub fn decode(
        &self,
        video: Seen<'_>,
        wanted: &[FrameRank],
        unhurried: bool,
        stop: Option<&Stop>,
        work: &mut Work,
        mut each: impl FnMut(FrameRank, Picture),
    ) -> Result<(), VideoError> {
        let pixels = u64::from(video.facts.width) * u64::from(video.facts.height);
        let most =
            if unhurried { (BYTES_AT_ONCE / (3 * pixels.max(1))).max(16) as usize } else { wanted.len() };
        for wanted in wanted.chunks(most) {
            stop.map_or(Ok(()), Stop::check)?;
            let memory = memory(pixels, wanted.len() as u64);
            let (wanted_here, loaded) = (wanted.to_vec(), self.loaded.clone());
            let request = Request::Decode { wanted: wanted_here, unhurried, known: video.known(), loaded };
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
    pub fn verify(&self, video: Seen<'_>, work: &mut Work) -> Result<(), VideoError> {
        let request = Request::Verify(video.known());
        match self.about(video, &request, self.unhurried(video.facts), work)?.answer {
            Some(Answer::Verified { .. }) => Ok(()),
            _ => Err(self.no_sense()),
        }
    }

    /// The video as a shard keeps it.
    pub fn stored(
        &self,
        open: Seen<'_>,
        number: VideoNumber,
        video: String,
        label: Option<i32>,
        digest: [u8; 16],
    ) -> Result<StoredVideo, VideoError> {
        let known = open.known();
        let request = Request::Store { number, video, label, digest, known };
        match self.about(open, &request, self.unhurried(open.facts), &mut Work::default())?.answer {
            Some(Answer::Stored(stored)) => Ok(*stored),
            _ => Err(self.no_sense()),
        }
    }

    /// The video as an index keeps it; nothing where it cannot.
    pub fn indexed(
        &self,
        open: Seen<'_>,
        number: VideoNumber,
        video: String,
        label: Option<i32>,
        stamp: FileStamp,
    ) -> Option<IndexedVideo> {
        let request = Request::Index { number, video, label, stamp, known: open.known() };
        match self.about(open, &request, self.unhurried(open.facts), &mut Work::default()).ok()?.answer {
            Some(Answer::Indexed(Some((stored, places)))) if places.len() == stored.packets.len() => {
                Some(IndexedVideo { stored: *stored, places, stamp })
            }
            _ => None,
        }
    }

    /// The bytes of its packets; nothing for one that cannot be read.
    pub fn packets(&self, open: Seen<'_>) -> Result<Vec<Option<Bytes>>, VideoError> {
        let request = Request::Packets(open.known());
        let answers = self.about(open, &request, self.unhurried(open.facts), &mut Work::default())?;
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
        video: Seen<'_>,
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
        if let Some(Answer::Opened { cost, .. }) = &answers.opened {
            profile::count_cpu_elsewhere(cost.cpu);
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
    fn unhurried(&self, facts: &VideoFacts) -> Allowance {
        let pixels = u64::from(facts.width) * u64::from(facts.height);
        Allowance { memory: memory(pixels, 0), unhurried: true }
    }

    pub fn told(&self, failure: Failure) -> VideoError {
        failure.into_error(self.film.path()).unwrap_or_else(|| self.no_sense())
    }

    /// The child is ended: what it says next would make no more sense.
    pub fn no_sense(&self) -> VideoError {
        self.client.end();
        no_sense()
    }
}
