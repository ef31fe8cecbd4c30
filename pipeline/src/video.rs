//! A video file opened once and decoded by frame: what the rest of the pipeline calls.
//!
//! A [`VideoReader`] belongs to one worker thread and keeps that thread's decoders alive from video to
//! video. [`VideoReader::open`] gives an [`OpenVideo`] (facts, packets, index);
//! [`VideoReader::decode`] gives the pictures of the wanted frames and decodes as little as that
//! takes. Pictures are those of a full decode, or there is an error.

mod error;
mod facts;
mod indexed;
mod limits;
mod paired;
mod parts;
mod stored;
mod turned;
mod unsupported;

use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Once,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use gstreamer as gst;
use schemas::manifest;

pub use crate::{
    decode::Work,
    plan::{
        Skipping,
        order::{IndexMode, TimesFrom},
    },
};
pub use error::VideoError;
pub use facts::VideoFacts;
pub use limits::{Limits, Verify};

use crate::{
    FrameRank, PacketNumber,
    codec::{Codec, StreamHeader, headers},
    decode::{Chosen, Extent, Naming, Request, Stream, TimeLimit},
    demux::{self, Demuxed, Packet},
    file::{FileBytes, recognise},
    picture::Picture,
    plan::{self, OutputIndex, PacketFact, PacketRun, order},
    system,
};

/// A video whose packets are in memory.
#[derive(Debug)]
pub struct OpenVideo {
    /// What is known of it.
    pub facts: VideoFacts,
    codec: Codec,
    caps: gst::Caps,
    packets: Vec<Packet>,
    file: FileBytes,
    index: Vec<PacketFact>,
    /// Frames that come out of the decoder before frame 0, which an edit list hides.
    hidden: u32,
    /// The places of all frames, where an edit list hides pictures between them.
    shown: Vec<OutputIndex>,
    header: StreamHeader,
    /// Bytes of each packet, where the packets get theirs later.
    sizes: Vec<u32>,
    /// All of it was decoded without complaint.
    verified: AtomicBool,
    /// Its frames came in another order than its times say: they are counted, as FFmpeg does.
    counted: AtomicBool,
}

impl OpenVideo {
    /// Whether all of it is known to decode without complaint.
    pub fn is_verified(&self) -> bool {
        self.verified.load(Relaxed)
    }

    /// Where the numbers of its facts come from: a word of [`schemas::manifest`].
    pub fn origin_of_numbers(&self) -> &'static str {
        if self.is_verified() {
            manifest::DECODED
        } else if self.facts.index == IndexMode::Linear {
            manifest::COUNTED_PACKETS
        } else {
            manifest::OF_PACKETS
        }
    }

    /// Takes it for verified, since it was before.
    pub fn trust(&self) {
        self.verified.store(true, Relaxed);
    }

    /// Bytes of the file that were read since this was asked last.
    pub fn take_bytes_read(&self) -> u64 {
        self.file.take_bytes_read()
    }

    /// The first half of the BLAKE3 digest of the file's bytes.
    ///
    /// # Errors
    /// When the system cannot read them.
    pub(crate) fn digest(&self) -> Result<[u8; 16], VideoError> {
        let mut hasher = blake3::Hasher::new();
        for start in (0..self.file.length()).step_by(HASHED_BYTES) {
            hasher.update(self.file.slice(start..start + HASHED_BYTES as u64).as_ref());
        }
        let mut half = [0; 16];
        half.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        self.file.check()?;
        Ok(half)
    }

    /// How its frames are told from each other.
    fn mode(&self) -> IndexMode {
        if self.counted.load(Relaxed) { IndexMode::Linear } else { self.facts.index }
    }

    /// Whether its frames can be counted: all packets are at hand, and belong to one part of an edit list.
    fn can_be_counted(&self) -> bool {
        let is_first_part = |packet: &Packet| packet.stamp.part == 0 && packet.body.length() > 0;
        self.mode() != IndexMode::Linear && self.packets.iter().all(is_first_part)
    }

    fn place_of(&self, rank: FrameRank) -> OutputIndex {
        if self.mode() == IndexMode::Linear {
            return OutputIndex(rank.0);
        }
        let listed = self.shown.get(rank.0 as usize).copied();
        listed.unwrap_or(OutputIndex(rank.0 + self.hidden))
    }
}

/// Opens and decodes videos on one thread; its decoders live as long as it does.
#[derive(Debug)]
pub struct VideoReader {
    limits: Limits,
    skipping: Skipping,
    verify: Verify,
    decoders: HashMap<Codec, Chosen>,
    work: Work,
}

impl VideoReader {
    /// A reader without decoders; each is made when a video first needs it.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            skipping: Skipping::default(),
            verify: Verify::default(),
            decoders: HashMap::new(),
            work: Work::default(),
        }
    }

    /// The same reader with another way of skipping.
    pub fn with_skipping(mut self, skipping: Skipping) -> Self {
        self.skipping = skipping;
        self
    }

    /// The same reader with another rule of what is verified.
    pub fn with_verify(mut self, verify: Verify) -> Self {
        self.verify = verify;
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
        let file = open_file(path, self.limits.file_bytes)?;
        let opened = self.take_apart(file.clone());
        // Whatever was found out from bytes that could not be read says nothing of the film.
        file.check()?;
        opened.map_err(|why| unsupported::named(why, path, &file))
    }

    /// Ranks the frames of a file's video.
    fn take_apart(&self, file: FileBytes) -> Result<OpenVideo, VideoError> {
        let deadline = demux::deadline(self.limits.seconds);
        let bytes = file.length();
        let container =
            recognise(file.slice(0..RECOGNISED).as_ref()).ok_or(VideoError::UnknownContainer { bytes })?;
        let demuxed = demux::demux(file.clone(), container, deadline, self.limits.seconds)?;
        let Demuxed { codec, framing, caps, mut packets, orientation, turns } = demuxed;

        let setup = caps.structure(0).map(demux::setup_of).unwrap_or_default();
        let bodies = packets.iter().map(|packet| packet.buffer(&file).into_mapped_buffer_readable());
        let (header, mut coded) = headers::look(codec, framing, &setup, bodies.map(Bytes));
        let turns = if turns.first.is_some() { turns } else { header.turns };
        let orientation = turned::upright(orientation, turns)?;
        paired::join(&mut packets, &mut coded);
        parts::join(&mut packets, &mut coded)?;
        let stamps: Vec<_> = packets.iter().map(|packet| packet.stamp).collect();
        let (mode, places) = order::order(codec, &stamps, &coded);
        let parts = stamps.last().map_or(1, |stamp| stamp.part as usize + 1);
        if parts > 1 && mode != IndexMode::Times {
            return Err(VideoError::EditList { parts, reason: "the times of its packets are not their own" });
        }
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
        let mut shown = order::shown(&stamps, &places);
        // One part hides frames at its ends, unless times are not in the order of the frames.
        let is_behind_hidden = shown.first().is_none_or(|first| first.0 == hidden);
        if parts == 1 && is_behind_hidden && shown.windows(2).all(|pair| pair[0].0 + 1 == pair[1].0) {
            shown.clear();
        }
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
        let (sizes, verified, counted) = Default::default();
        Ok(OpenVideo {
            facts,
            codec,
            caps,
            packets,
            file,
            index,
            hidden,
            shown,
            header,
            sizes,
            verified,
            counted,
        })
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
        let extent = if self.verifies(video) { Extent::Video } else { Extent::Wanted };
        let kept = self.decode_ranks(video, &ranks, extent)?;
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

    /// Whether the next decode of `video` is one of all its packets.
    pub fn verifies(&self, video: &OpenVideo) -> bool {
        let facts = &video.facts;
        let pixels = u64::from(facts.packets) * u64::from(facts.width) * u64::from(facts.height);
        self.verify == Verify::Video && !video.is_verified() && pixels <= self.limits.verified_pixels
    }

    /// Decodes all of `video` and keeps nothing, however long that takes.
    ///
    /// # Errors
    /// When its decoder complains of anything, or gives fewer frames than the packets promise.
    pub fn verify(&mut self, video: &OpenVideo) -> Result<(), VideoError> {
        if video.is_verified() {
            return Ok(());
        }
        let limits = Limits { seconds: u32::MAX, ..self.limits };
        let limits = std::mem::replace(&mut self.limits, limits);
        let decoded = self.decode_ranks(video, &[], Extent::Video);
        self.limits = limits;
        decoded.map(drop)
    }

    /// Where frames turn out to come in another order than their times say, again by counting.
    fn decode_ranks(
        &mut self,
        video: &OpenVideo,
        ranks: &[FrameRank],
        extent: Extent,
    ) -> Result<Vec<Option<Picture>>, VideoError> {
        let places = || ranks.iter().map(|&rank| video.place_of(rank)).collect::<Vec<_>>();
        match self.decode_places(video, &places(), extent) {
            Err(VideoError::OutOfOrder { .. }) if video.can_be_counted() => {
                video.counted.store(true, Relaxed);
                self.decode_places(video, &places(), extent)
            }
            decoded => decoded,
        }
    }

    fn decode_places(
        &mut self,
        video: &OpenVideo,
        places: &[OutputIndex],
        extent: Extent,
    ) -> Result<Vec<Option<Picture>>, VideoError> {
        let (mut runs, naming) = match video.mode() {
            IndexMode::Linear => {
                check_start(video, &[whole(video)], &[OutputIndex(0)])?;
                (vec![whole(video)], Naming::Counting)
            }
            IndexMode::Times | IndexMode::Reorder => {
                let runs = plan::plan(&video.index, places, self.skipping)
                    .expect("every rank below the number of frames has its packet");
                check_start(video, &runs, places)?;
                (runs, Naming::ByPacket)
            }
        };
        if extent == Extent::Video {
            runs = vec![whole(video)];
        }
        let limit =
            TimeLimit { deadline: demux::deadline(self.limits.seconds), seconds: self.limits.seconds };
        // Taken out, and put back only when all went well: a decoder that failed is not used again.
        let mut decoder = match self.decoders.remove(&video.codec) {
            Some(decoder) => decoder,
            None => Chosen::new(video.codec)?,
        };
        let stream = Stream {
            caps: &video.caps,
            header: &video.header,
            packets: &video.packets,
            file: &video.file,
            index: &video.index,
            verified: video.is_verified(),
        };
        let request = Request { runs: &runs, wanted: places, naming, extent };
        let kept = decoder.decode(stream, request, limit, &mut self.work);
        // Packets that could not be read are no damage.
        video.file.check()?;
        let kept = kept?;
        if extent == Extent::Video {
            let came = decoder.frames_that_came();
            let promised = match naming {
                Naming::ByPacket => video.index.iter().filter(|packet| packet.place.is_some()).count() as u64,
                // What opening the video counted, or is about to count.
                Naming::Counting if video.facts.index == IndexMode::Linear => came,
                Naming::Counting => video.facts.frames.into(),
            };
            if came != promised {
                return Err(VideoError::FramesLost { promised, came });
            }
            video.trust();
        }
        self.decoders.insert(video.codec, decoder);
        Ok(kept)
    }

    /// Counts the frames of a video whose packets do not tell, by decoding it.
    fn count(&mut self, video: &mut OpenVideo) -> Result<(), VideoError> {
        self.decode_places(video, &[], Extent::Video)?;
        let came = self.decoders.get(&video.codec).map_or(0, Chosen::frames_that_came);
        if came == 0 {
            return Err(VideoError::NothingDecoded { packets: video.facts.packets });
        }
        let stamps: Vec<_> = video.packets.iter().map(|packet| packet.stamp).collect();
        video.facts.recount(came as u32, &stamps);
        if video.facts.frames == 0 {
            return Err(VideoError::NothingShown { packets: video.facts.packets });
        }
        Ok(())
    }

    fn check_size(&self, facts: &VideoFacts, coded: Option<(u32, u32)>) -> Result<(), VideoError> {
        // Decoders believe the stream: one whose header was damaged makes of a small film a giant one.
        let container = (facts.width, facts.height);
        if let Some(stream) = coded.filter(|&stream| !is_near(stream, container)) {
            return Err(VideoError::SizesDiffer { stream, container });
        }
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
fn check_start(video: &OpenVideo, runs: &[PacketRun], places: &[OutputIndex]) -> Result<(), VideoError> {
    let trusted = !matches!(video.codec, Codec::H264 | Codec::Hevc)
        || video.index.first().is_none_or(|packet| packet.start != crate::codec::Start::Never);
    let from_beginning = runs.iter().any(|run| run.send.first() == Some(&PacketNumber(0)));
    match places.first() {
        Some(place) if from_beginning && !trusted => {
            Err(VideoError::NoStart { rank: FrameRank(place.0.saturating_sub(video.hidden)) })
        }
        _ => Ok(()),
    }
}

/// Opens a file, of which up to `in_memory` bytes are read at once.
fn open_file(path: &Path, in_memory: u64) -> Result<FileBytes, VideoError> {
    system::read(path, || FileBytes::open(path, in_memory))?
        .map_err(|cause| VideoError::CannotOpen { path: path.to_owned(), cause })
}

/// Bytes that a digest is made of at a time.
const HASHED_BYTES: usize = 1 << 20;

/// Bytes at the beginning of a file by which its container is known.
const RECOGNISED: u64 = 4096;

/// The bytes of a packet; one that cannot be read has none.
struct Bytes(Result<gst::MappedBuffer<gst::buffer::Readable>, gst::Buffer>);

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], |mapped| mapped.as_slice())
    }
}

/// All packets, as one run.
fn whole(video: &OpenVideo) -> PacketRun {
    PacketRun { send: (0..video.packets.len() as u32).map(PacketNumber).collect() }
}

/// Whether a coded size may be that of pictures of a size that a container states: whole blocks of up to 64
/// samples, a window in them, and twice the size for what is meant to be shown smaller.
fn is_near((width, height): (u32, u32), (shown_width, shown_height): (u32, u32)) -> bool {
    let near = |coded: u32, shown: u32| shown == 0 || coded / 2 <= shown.saturating_add(64);
    near(width, shown_width) && near(height, shown_height)
}

/// Initialises GStreamer once a process.
fn initialise() -> Result<(), VideoError> {
    static ONCE: Once = Once::new();
    let mut result = Ok(());
    ONCE.call_once(|| result = gst::init());
    result.map_err(|_| VideoError::ElementMissing { element: "gstreamer" })
}
