//! A video file opened once and decoded by frame: what the rest of the pipeline calls.
//!
//! A [`VideoReader`] belongs to one worker thread and keeps that thread's decoders alive from video to
//! video. [`VideoReader::open`] gives an [`OpenVideo`] (facts, packets, index);
//! [`VideoReader::decode`] gives the pictures of the wanted frames and decodes as little as that
//! takes. Pictures are those of a full decode, or there is an error.

mod error;
mod facts;
mod stored;

use std::{collections::HashMap, path::Path, sync::Once};

use gstreamer as gst;

pub use crate::{
    decode::Work,
    plan::{Skipping, order::IndexMode},
};
pub use error::VideoError;
pub use facts::VideoFacts;

use crate::{
    FrameRank, PacketNumber,
    decode::{Decoder, Naming, Stream, TimeLimit},
    demux::{self, Demuxed, Packet},
    file::{FileBytes, recognise},
    picture::Picture,
    plan::{
        self, PacketFact, Place, Run, order,
        pictures::{self, Codec, StreamHeader},
    },
};

/// What a video may cost before it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Seconds that one call of open or decode may take.
    pub seconds: u32,
    /// Pixels of a picture.
    pub pixels: u64,
    /// Bytes of a file, which is held in memory while it is open.
    pub file_bytes: u64,
}

impl Default for Limits {
    /// 20 s, 8192×8192 pixels, 1 GiB.
    fn default() -> Self {
        Self { seconds: 20, pixels: 8192 * 8192, file_bytes: 1 << 30 }
    }
}

/// A video whose packets are in memory.
#[derive(Debug)]
pub struct OpenVideo {
    /// What is known of it.
    pub facts: VideoFacts,
    codec: Codec,
    caps: gst::Caps,
    packets: Vec<Packet>,
    index: Vec<PacketFact>,
    /// Frames that come out of the decoder before frame 0, which an edit list hides.
    hidden: u32,
    header: StreamHeader,
    /// Bytes of each packet, where the packets get theirs later.
    sizes: Vec<u32>,
}

impl OpenVideo {
    fn place_of(&self, rank: FrameRank) -> Place {
        Place(rank.0 + self.hidden)
    }
}

/// Opens and decodes videos on one thread; its decoders live as long as it does.
#[derive(Debug)]
pub struct VideoReader {
    limits: Limits,
    skipping: Skipping,
    decoders: HashMap<Codec, Decoder>,
    work: Work,
}

impl VideoReader {
    /// A reader without decoders; each is made when a video first needs it.
    pub fn new(limits: Limits) -> Self {
        Self { limits, skipping: Skipping::default(), decoders: HashMap::new(), work: Work::default() }
    }

    /// The same reader with another way of skipping.
    pub fn with_skipping(mut self, skipping: Skipping) -> Self {
        self.skipping = skipping;
        self
    }

    /// What its decoders have done so far.
    pub fn work(&self) -> Work {
        self.work
    }

    /// Reads `path`, takes it apart and ranks its frames.
    ///
    /// # Errors
    /// When the file is no video that can be read whole; see [`VideoError`].
    pub fn open(&mut self, path: &Path) -> Result<OpenVideo, VideoError> {
        let mut video = self.open_for_scan(path)?;
        if video.facts.index == IndexMode::Linear {
            self.count(&mut video)?;
        }
        Ok(video)
    }

    /// Like [`Self::open`], but never decodes: the frames of an [`IndexMode::Linear`] video are taken
    /// to be its packets that show a picture.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_for_scan(&mut self, path: &Path) -> Result<OpenVideo, VideoError> {
        initialise()?;
        let deadline = demux::deadline(self.limits.seconds);
        let file = FileBytes::read(path, self.limits.file_bytes)
            .map_err(|cause| VideoError::CannotOpen { path: path.to_owned(), cause })?
            .map_err(|bytes| VideoError::FileTooLarge { bytes, limit: self.limits.file_bytes })?;
        let bytes = file.bytes().len() as u64;
        let container = recognise(file.bytes()).ok_or(VideoError::UnknownContainer { bytes })?;
        let demuxed = demux::demux(file, container, deadline, self.limits.seconds)?;
        let Demuxed { codec, framing, caps, packets, orientation } = demuxed;

        let setup = caps.structure(0).map(demux::setup_of).unwrap_or_default();
        let (header, coded) = {
            let maps: Vec<_> = packets.iter().map(|packet| packet.buffer.map_readable().ok()).collect();
            let bodies = maps.iter().map(|map| map.as_ref().map_or(&[][..], |map| map.as_slice()));
            pictures::look(codec, framing, &setup, bodies)
        };
        let stamps: Vec<_> = packets.iter().map(|packet| packet.stamp).collect();
        let (mode, places) = order::order(codec, &stamps, &coded);
        let facts = facts::Gathered {
            bytes,
            container,
            codec,
            caps: &caps,
            orientation,
            header,
            packets: &packets,
            stamps: &stamps,
            places: &places,
            coded: &coded,
            mode,
        };
        let (facts, hidden) = facts.facts();
        self.check_size(&facts, header.size)?;
        if facts.frames == 0 {
            return Err(VideoError::NothingShown { packets: facts.packets });
        }
        if let Some(at) = header.gap {
            return Err(VideoError::PacketsMissing { at, packets: facts.packets });
        }
        let may_skip = !facts.interlaced;
        let index = coded.iter().zip(&places).map(|(coded, &place)| PacketFact {
            place,
            start: coded.start,
            disposable: coded.disposable && may_skip,
        });
        let index = index.collect();
        Ok(OpenVideo { facts, codec, caps, packets, index, hidden, header, sizes: Vec::new() })
    }

    /// The pictures of the distinct `wanted` frames, in ascending rank.
    ///
    /// # Errors
    /// When a wanted frame does not exist, or anything about the decode gives reason to doubt a pixel.
    pub fn decode(
        &mut self,
        video: &OpenVideo,
        wanted: &[FrameRank],
    ) -> Result<Vec<(FrameRank, Picture)>, VideoError> {
        let mut ranks = wanted.to_vec();
        ranks.sort_unstable();
        ranks.dedup();
        let Some(&last) = ranks.last() else { return Ok(Vec::new()) };
        if last.0 >= video.facts.frames {
            return Err(VideoError::NoSuchFrame { rank: last, frames: video.facts.frames });
        }
        let places: Vec<_> = ranks.iter().map(|&rank| video.place_of(rank)).collect();
        let kept = self.decode_places(video, &places)?;
        let missing = kept.iter().filter(|picture| picture.is_none()).count();
        if missing == kept.len() {
            return Err(VideoError::NothingDecoded { packets: video.facts.packets });
        }
        if let Some(at) = kept.iter().position(Option::is_none) {
            let wanted = ranks.len() as u32;
            return Err(VideoError::FramesMissing { wanted, missing: missing as u32, first: ranks[at] });
        }
        Ok(ranks.into_iter().zip(kept.into_iter().flatten()).collect())
    }

    fn decode_places(
        &mut self,
        video: &OpenVideo,
        places: &[Place],
    ) -> Result<Vec<Option<Picture>>, VideoError> {
        let (runs, naming) = match video.facts.index {
            IndexMode::Linear => (vec![whole(video)], Naming::Counting),
            IndexMode::Times | IndexMode::Reorder => {
                let runs = plan::plan(&video.index, places, self.skipping)
                    .expect("every rank below the number of frames has its packet");
                check_start(video, &runs, places)?;
                (runs, Naming::ByPacket)
            }
        };
        let limit =
            TimeLimit { deadline: demux::deadline(self.limits.seconds), seconds: self.limits.seconds };
        // Taken out, and put back only when all went well: a decoder that failed is not used again.
        let mut decoder = match self.decoders.remove(&video.codec) {
            Some(decoder) => decoder,
            None => Decoder::new(video.codec)?,
        };
        let stream =
            Stream { caps: &video.caps, header: &video.header, packets: &video.packets, index: &video.index };
        let kept = decoder.decode(stream, &runs, places, naming, limit, &mut self.work)?;
        self.decoders.insert(video.codec, decoder);
        Ok(kept)
    }

    /// Counts the frames of a video whose packets do not tell, by decoding it.
    fn count(&mut self, video: &mut OpenVideo) -> Result<(), VideoError> {
        self.decode_places(video, &[])?;
        let came = self.decoders.get(&video.codec).map_or(0, Decoder::frames_that_came);
        if came == 0 {
            return Err(VideoError::NothingDecoded { packets: video.facts.packets });
        }
        let stamps: Vec<_> = video.packets.iter().map(|packet| packet.stamp).collect();
        video.facts.recount(came as u32, &stamps);
        Ok(())
    }

    fn check_size(&self, facts: &VideoFacts, coded: Option<(u32, u32)>) -> Result<(), VideoError> {
        for (width, height) in [Some((facts.width, facts.height)), coded].into_iter().flatten() {
            if u64::from(width) * u64::from(height) > self.limits.pixels {
                return Err(VideoError::PictureTooLarge { width, height, limit: self.limits.pixels });
            }
        }
        Ok(())
    }
}

/// Refuses pictures of H.264 and HEVC before the stream's first trusted start: decoders show them, made
/// from references that are not there. (Starts of the other codecs may be stated outside the packets.)
fn check_start(video: &OpenVideo, runs: &[Run], places: &[Place]) -> Result<(), VideoError> {
    let trusted = !matches!(video.codec, Codec::H264 | Codec::Hevc)
        || video.index.first().is_none_or(|packet| packet.start != plan::Start::Never);
    let from_beginning = runs.iter().any(|run| run.send.first() == Some(&PacketNumber(0)));
    match places.first() {
        Some(place) if from_beginning && !trusted => {
            Err(VideoError::NoStart { rank: FrameRank(place.0.saturating_sub(video.hidden)) })
        }
        _ => Ok(()),
    }
}

/// All packets, as one run.
fn whole(video: &OpenVideo) -> Run {
    Run { send: (0..video.packets.len() as u32).map(PacketNumber).collect() }
}

/// Initialises GStreamer once a process.
fn initialise() -> Result<(), VideoError> {
    static ONCE: Once = Once::new();
    let mut result = Ok(());
    ONCE.call_once(|| result = gst::init());
    result.map_err(|_| VideoError::ElementMissing { element: "gstreamer" })
}
