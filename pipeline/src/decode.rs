//! Packets to pictures: what a decoder is asked, and what it did.
//!
//! These are the words of this folder; [`decoder`] chooses which decoder a codec gets.

mod av1_colour;
mod complaints;
mod copy;
#[cfg(any(feature = "dav1d", feature = "dav1d-1-0"))]
pub(crate) mod dav1d;
pub(crate) mod decoder;
pub(crate) mod elements;
mod gstreamer;
mod output;
mod packet_time;
mod png;
mod raw;
pub(crate) mod raw_format;
mod stop;

use std::time::Instant;

use ::gstreamer as gst;
use serde::{Deserialize, Serialize};

pub use self::stop::Stop;
use crate::{
    PacketNumber,
    codec::StreamHeader,
    demux::Packet,
    error::VideoError,
    file::FileBytes,
    picture::Picture,
    plan::{OutputIndex, PacketFact, PacketRun},
    profile::Decoded,
};

/// A stream to decode from: what the decoder must be told, its packets, and the places of their
/// pictures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream<'a> {
    pub caps: &'a gst::Caps,
    pub header: &'a StreamHeader,
    pub packets: &'a [Packet],
    pub file: &'a FileBytes,
    pub index: &'a [PacketFact],
    /// All of it is known to decode without complaint.
    #[cfg_attr(
        not(any(feature = "dav1d", feature = "dav1d-1-0")),
        allow(dead_code, reason = "only dav1d asks")
    )]
    pub verified: bool,
}

impl Stream<'_> {
    /// The number that packet `at` is sent with, by which the frame that comes out is known. A picture that is never
    /// shown gets the place of none.
    fn name_of(&self, at: usize, naming: Naming) -> u64 {
        match naming {
            Naming::Counting => at as u64,
            Naming::ByPacket => {
                self.index[at].place.map_or(self.packets.len() as u64, |place| place.0.into())
            }
        }
    }
}

/// What is wanted of a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    /// The packets to send.
    pub runs: &'a [PacketRun],
    /// The pictures to keep, rising.
    pub wanted: &'a [OutputIndex],
    pub naming: Naming,
    pub extent: Extent,
    pub joined: Joined<'a>,
}

/// How a decode is joined to the one before and to the one that may come next, of the same stream.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Joined<'a> {
    /// The first run goes on where the decoder stands ([`decoder::Decoder::stands_at`]).
    pub goes_on: bool,
    /// How the decoder is to be left standing; nothing: it is drained, and holds nothing back.
    pub stay: Option<Stay<'a>>,
}

/// When a decode ends whose decoder is not drained.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stay<'a> {
    /// How many of the wanted pictures must have come, the first of them.
    pub needed: usize,
    /// The packets that follow the last run, of which as many are sent as that takes.
    pub ahead: &'a [PacketNumber],
}

impl Request<'_> {
    /// The last picture without which the decode is not over.
    fn last_needed(&self) -> Option<OutputIndex> {
        let needed = self.joined.stay.map_or(self.wanted.len(), |stay| stay.needed);
        self.wanted[..needed].last().copied()
    }
}

/// Is given each wanted picture as it comes out, by its place among those wanted. A decode that fails afterwards takes
/// back what it gave.
pub(crate) type Keep<'a> = dyn FnMut(usize, Picture) + 'a;

/// How frames that come out are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// By the place that their packet was given.
    ByPacket,
    /// By counting those that the edit list lets be presented.
    Counting,
}

/// How much of a stream is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// What the wanted pictures take.
    Wanted,
    /// All of it.
    Video,
}

/// When a decode must end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeLimit<'a> {
    pub deadline: Instant,
    pub seconds: u32,
    /// Who may want it no more.
    pub stop: Option<&'a Stop>,
}

impl TimeLimit<'_> {
    /// Refuses to go on after the deadline, or where nobody wants it any more.
    fn check(self) -> Result<(), VideoError> {
        if Instant::now() > self.deadline {
            return Err(VideoError::TimeLimit { stage: "decoding", seconds: self.seconds });
        }
        self.stop.map_or(Ok(()), Stop::check)
    }
}

/// What a decoder did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// Packets pushed into decoders.
    pub packets: u64,
    /// Packets between the first and the last pushed one that were left out.
    pub left_out: u64,
    /// Frames that came out.
    pub frames: u64,
    /// Frames that were kept.
    pub kept: u64,
}

impl Work {
    /// What was done since `earlier`, as a profile counts it.
    pub fn since(self, earlier: Self) -> Decoded {
        let Self { packets, left_out, frames, kept } = self.less(earlier);
        Decoded { sent: packets, left_out, frames, kept }
    }

    /// What was done since `earlier`.
    pub(crate) fn less(self, earlier: Self) -> Self {
        Self {
            packets: self.packets.saturating_sub(earlier.packets),
            left_out: self.left_out.saturating_sub(earlier.left_out),
            frames: self.frames.saturating_sub(earlier.frames),
            kept: self.kept.saturating_sub(earlier.kept),
        }
    }

    /// Adds what somebody else did.
    #[cfg(target_os = "linux")]
    pub(crate) fn add(&mut self, other: Self) {
        self.packets = self.packets.saturating_add(other.packets);
        self.left_out = self.left_out.saturating_add(other.left_out);
        self.frames = self.frames.saturating_add(other.frames);
        self.kept = self.kept.saturating_add(other.kept);
    }
}
