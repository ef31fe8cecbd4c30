//! A video whose packets and index are in memory.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use gstreamer as gst;
use schemas::manifest;

use super::VideoFacts;
#[cfg(target_os = "linux")]
use super::in_child::InChild;
use crate::{
    FrameRank,
    codec::{Codec, StreamHeader},
    decode::Stream,
    demux::Packet,
    error::VideoError,
    file::FileBytes,
    plan::{OutputIndex, PacketFact, order::IndexMode},
};

/// A video whose packets are in memory.
#[derive(Debug)]
pub struct OpenVideo {
    /// What is known of it.
    pub facts: VideoFacts,
    pub(super) codec: Codec,
    pub(super) caps: gst::Caps,
    pub(super) packets: Vec<Packet>,
    pub(super) file: FileBytes,
    pub(super) index: Vec<PacketFact>,
    /// Frames that come out of the decoder before frame 0, which an edit list hides.
    pub(super) hidden: u32,
    /// The places of all frames, where an edit list hides pictures between them.
    pub(super) shown: Vec<OutputIndex>,
    pub(super) header: StreamHeader,
    /// Bytes of each packet, where the packets get theirs later.
    pub(super) sizes: Vec<u32>,
    /// All of it was decoded without complaint.
    pub(super) verified: AtomicBool,
    /// Its frames came in another order than its times say: they are counted, as FFmpeg does.
    pub(super) counted: AtomicBool,
    /// The process that has it open: packets and index are there then, and empty here.
    #[cfg(target_os = "linux")]
    pub(super) in_child: Option<InChild>,
}

/// Bytes that a digest is made of at a time.
const HASHED_BYTES: usize = 1 << 20;

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

    /// The BLAKE3 digest of the file's bytes.
    ///
    /// # Errors
    /// When the system cannot read them.
    pub fn blake3(&self) -> Result<blake3::Hash, VideoError> {
        let mut hasher = blake3::Hasher::new();
        for start in (0..self.file.length()).step_by(HASHED_BYTES) {
            hasher.update(self.file.slice(start..start + HASHED_BYTES as u64).as_ref());
        }
        self.file.check()?;
        Ok(hasher.finalize())
    }

    /// How its frames are told from each other.
    pub(super) fn mode(&self) -> IndexMode {
        if self.counted.load(Relaxed) { IndexMode::Linear } else { self.facts.index }
    }

    /// Whether its frames can be counted: all packets are at hand, and belong to one part of an edit list.
    pub(super) fn can_be_counted(&self) -> bool {
        let is_first_part = |packet: &Packet| packet.stamp.part == 0 && packet.body.length() > 0;
        self.mode() != IndexMode::Linear && self.packets.iter().all(is_first_part)
    }

    /// Takes over how many frames its decoder gives.
    pub(super) fn recount(&mut self, frames: u32) -> Result<(), VideoError> {
        let stamps: Vec<_> = self.packets.iter().map(|packet| packet.stamp).collect();
        self.facts.recount(frames, &stamps);
        if frames == 0 {
            return Err(VideoError::NothingShown { packets: self.facts.packets });
        }
        Ok(())
    }

    /// What a decoder must be told to decode it.
    pub(super) fn stream(&self) -> Stream<'_> {
        Stream {
            caps: &self.caps,
            header: &self.header,
            packets: &self.packets,
            file: &self.file,
            index: &self.index,
            verified: self.is_verified(),
        }
    }

    pub(super) fn place_of(&self, rank: FrameRank) -> OutputIndex {
        if self.mode() == IndexMode::Linear {
            return OutputIndex(rank.0);
        }
        let listed = self.shown.get(rank.0 as usize).copied();
        listed.unwrap_or(OutputIndex(rank.0 + self.hidden))
    }
}
