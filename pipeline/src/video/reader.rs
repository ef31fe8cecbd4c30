//! Decodes open videos on one thread, by frame, as little as that takes.

use std::{
    collections::{BTreeMap, HashMap},
    sync::atomic::Ordering::Relaxed,
};

use schemas::settings::{Skip, Verify};

use super::{Limits, OpenVideo};
#[cfg(target_os = "linux")]
use crate::sandbox::{self, client::Client};
use crate::{
    FrameRank, PacketNumber,
    codec::{Codec, Start},
    decode::{Extent, Joined, Keep, Naming, Request, Stop, TimeLimit, Work, decoder::Decoder},
    demux,
    error::VideoError,
    picture::Picture,
    plan::{self, OutputIndex, PacketRun, order::IndexMode},
};

/// Opens and decodes videos on one thread; its decoders live as long as it does.
#[doc(alias = "decord")]
#[derive(Debug)]
pub struct VideoReader {
    pub(super) limits: Limits,
    pub(super) skipping: Skip,
    pub(super) verify: Verify,
    pub(super) stop: Option<Stop>,
    pub(super) decoders: HashMap<Codec, Decoder>,
    pub(super) work: Work,
    /// The process that opens and decodes for it.
    #[cfg(target_os = "linux")]
    pub(super) child: Option<Client>,
}

impl VideoReader {
    /// A reader without decoders; each is made when a video first needs it, and so is its process ([`Limits::sandbox`]).
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            skipping: Skip::default(),
            verify: Verify::default(),
            stop: None,
            decoders: HashMap::new(),
            work: Work::default(),
            #[cfg(target_os = "linux")]
            child: sandbox::launch().filter(|_| limits.sandbox).map(Client::new),
        }
    }

    /// The same reader with another way of skipping.
    pub fn with_skipping(mut self, skipping: Skip) -> Self {
        self.skipping = skipping;
        self
    }

    /// The same reader with another rule of what is verified.
    pub fn with_verify(mut self, verify: Verify) -> Self {
        self.verify = verify;
        self
    }

    /// The same reader, whose decodes end with an error of the system when `stop` says so.
    pub fn with_stop(mut self, stop: Stop) -> Self {
        self.stop = Some(stop);
        self
    }

    /// What its decoders have done so far.
    pub fn work(&self) -> Work {
        self.work
    }

    /// The pictures of the distinct `wanted` frames, in ascending rank. All of them are in memory together.
    ///
    /// # Errors
    /// When a wanted frame does not exist, or anything about the decode gives reason to doubt a pixel.
    pub fn decode(
        &mut self,
        video: &OpenVideo,
        wanted: &[FrameRank],
    ) -> Result<Vec<(FrameRank, Picture)>, VideoError> {
        let mut kept = BTreeMap::new();
        self.hand_over(video, wanted, |rank, picture| drop(kept.insert(rank, picture)))?;
        Ok(kept.into_iter().collect())
    }

    /// Hands the pictures of the distinct `wanted` frames to `each` as they come out of the decoder, in any order, so
    /// that one is in memory at a time, however long that takes. A frame may be given twice; after an error all that
    /// were given are in doubt.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn decode_each(
        &mut self,
        video: &OpenVideo,
        wanted: &[FrameRank],
        each: impl FnMut(FrameRank, Picture),
    ) -> Result<(), VideoError> {
        self.without_time_limit(|reader| reader.hand_over(video, wanted, each))
    }

    fn hand_over(
        &mut self,
        video: &OpenVideo,
        wanted: &[FrameRank],
        mut each: impl FnMut(FrameRank, Picture),
    ) -> Result<(), VideoError> {
        let ranks = distinct(wanted);
        let Some(&last) = ranks.last() else { return Ok(()) };
        if last.0 >= video.facts.frames {
            return Err(VideoError::NoSuchFrame { rank: last, frames: video.facts.frames });
        }
        #[cfg(target_os = "linux")]
        if let Some(child) = &video.in_child {
            let unhurried = self.limits.seconds == u32::MAX;
            let (stop, work) = (self.stop.as_ref(), &mut self.work);
            return child.decode(video.seen(), &ranks, unhurried, stop, work, each);
        }
        let extent = if self.verifies(video) { Extent::Video } else { Extent::Wanted };
        let mut came = vec![false; ranks.len()];
        self.decode_ranks(video, &ranks, extent, &mut |at, picture| {
            came[at] = true;
            each(ranks[at], picture);
        })?;
        let missing = came.iter().filter(|came| !**came).count();
        if missing == came.len() {
            return Err(VideoError::NothingDecoded { packets: video.facts.packets });
        }
        if let Some(at) = came.iter().position(|came| !came) {
            let wanted = ranks.len() as u32;
            return Err(VideoError::FramesMissing { wanted, missing: missing as u32, first: ranks[at] });
        }
        Ok(())
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
        #[cfg(target_os = "linux")]
        if let Some(child) = &video.in_child {
            return child.verify(video.seen(), &mut self.work);
        }
        self.without_time_limit(|reader| reader.decode_ranks(video, &[], Extent::Video, &mut |_, _| {}))
    }

    fn without_time_limit<T>(&mut self, decode: impl FnOnce(&mut Self) -> T) -> T {
        let seconds = std::mem::replace(&mut self.limits.seconds, u32::MAX);
        let decoded = decode(self);
        self.limits.seconds = seconds;
        decoded
    }

    /// Where frames turn out to come in another order than their times say, again by counting.
    fn decode_ranks(
        &mut self,
        video: &OpenVideo,
        ranks: &[FrameRank],
        extent: Extent,
        keep: &mut Keep<'_>,
    ) -> Result<(), VideoError> {
        let places = || ranks.iter().map(|&rank| video.place_of(rank)).collect::<Vec<_>>();
        match self.decode_places(video, &places(), extent, keep) {
            Err(VideoError::OutOfOrder { .. }) if video.can_be_counted() => {
                video.counted.store(true, Relaxed);
                self.decode_places(video, &places(), extent, keep)
            }
            decoded => decoded,
        }
    }

    fn decode_places(
        &mut self,
        video: &OpenVideo,
        places: &[OutputIndex],
        extent: Extent,
        keep: &mut Keep<'_>,
    ) -> Result<(), VideoError> {
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
        let sent = runs.iter().flat_map(|run| &run.send);
        video.file.bring(sent.filter_map(|packet| video.packets.get(packet.0 as usize)?.place()));
        let seconds = self.limits.seconds;
        let limit = TimeLimit { deadline: demux::deadline(seconds), seconds, stop: self.stop.as_ref() };
        // Taken out, and put back only when all went well: a decoder that failed is not used again.
        let mut decoder = match self.decoders.remove(&video.codec) {
            Some(decoder) => decoder,
            None => Decoder::new(video.codec)?,
        };
        let request = Request { runs: &runs, wanted: places, naming, extent, joined: Joined::default() };
        let decoded = decoder.decode(video.stream(), request, limit, &mut self.work, keep);
        // Packets that could not be read are no damage.
        video.file.check()?;
        decoded?;
        if extent == Extent::Video {
            let came = decoder.frames_that_came();
            let promised = match naming {
                Naming::ByPacket => {
                    let places = video.index.iter().filter(|packet| packet.place.is_some()).count() as u64;
                    places - u64::from(video.header.unrecovered)
                }
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
        Ok(())
    }

    /// Counts the frames of a video whose packets do not tell, by decoding it.
    pub(super) fn count(&mut self, video: &mut OpenVideo) -> Result<(), VideoError> {
        self.decode_places(video, &[], Extent::Video, &mut |_, _| {})?;
        let came = self.decoders.get(&video.codec).map_or(0, Decoder::frames_that_came);
        if came == 0 {
            return Err(VideoError::NothingDecoded { packets: video.facts.packets });
        }
        video.recount(came as u32)
    }
}

/// Refuses pictures of H.264 and HEVC before the stream's first trusted start: decoders show them, made
/// from references that are not there. (Starts of the other codecs may be stated outside the packets.)
pub(super) fn check_start(
    video: &OpenVideo,
    runs: &[PacketRun],
    places: &[OutputIndex],
) -> Result<(), VideoError> {
    let trusted = !matches!(video.codec, Codec::H264 | Codec::Hevc)
        || video.index.first().is_none_or(|packet| packet.start != Start::Never);
    let from_beginning = runs.iter().any(|run| run.send.first() == Some(&PacketNumber(0)));
    match places.first() {
        Some(place) if from_beginning && !trusted => {
            Err(VideoError::NoStart { rank: FrameRank(place.0.saturating_sub(video.hidden)) })
        }
        _ => Ok(()),
    }
}

/// The wanted frames in their order, each once.
pub(super) fn distinct(wanted: &[FrameRank]) -> Vec<FrameRank> {
    let mut ranks = wanted.to_vec();
    ranks.sort_unstable();
    ranks.dedup();
    ranks
}

/// All packets, as one run.
pub(super) fn whole(video: &OpenVideo) -> PacketRun {
    PacketRun { send: (0..video.packets.len() as u32).map(PacketNumber).collect() }
}
