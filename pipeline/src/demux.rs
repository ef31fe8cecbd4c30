//! A file's bytes taken apart into the packets of its video: MP4 and Matroska by their own tables, others by GStreamer's
//! demuxers.

mod allowance;
pub(crate) mod demuxer;
mod description;
mod display_matrix;
mod four_letters;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
mod gstreamer;
mod ivf;
mod matroska;
mod mp4;
mod pictures;
mod raw_pictures;
mod y4m;

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use ::gstreamer as gst;
use bytes::Bytes;

use crate::{
    codec::{Codec, bits::Framing, sei::Turns},
    file::FileBytes,
    picture::Orientation,
    plan::order::Stamp,
};

pub(crate) use self::description::{codec_of, colour_of, framing_of, setup_of};

/// Bytes of packets that are held of a file which is itself too large for the memory: transport and program
/// streams, whose packets lie there in pieces.
pub(crate) const MOST_HELD: u64 = 512 << 20;

/// A compressed access unit with what its container says of it.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub body: Body,
    pub stamp: Stamp,
    /// Marked as a key frame.
    pub key: bool,
}

/// Where a packet's bytes are.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// In memory, apart from the file.
    Held(Bytes),
    /// In the file, which may itself be in memory.
    OnDisk { place: u64, length: u32 },
    /// In the file, behind bytes that stand elsewhere: the parameter sets of its description.
    Headed { head: Bytes, place: u64, length: u32 },
    /// In the file, packed.
    Packed { place: u64, length: u32, unpacked: u32, packing: matroska::Packing },
}

impl Body {
    /// How many there are.
    pub(crate) fn length(&self) -> u32 {
        match self {
            // What is held came out of a buffer whose size fits.
            Self::Held(bytes) => u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            Self::Headed { head, length, .. } => {
                length.saturating_add(u32::try_from(head.len()).unwrap_or(u32::MAX))
            }
            Self::OnDisk { length, .. } => *length,
            Self::Packed { unpacked, .. } => *unpacked,
        }
    }
}

impl Packet {
    /// Where in the file its bytes are, if they are read when it is sent.
    pub(crate) fn place(&self) -> Option<Range<u64>> {
        match self.body {
            Body::Held(_) => None,
            Body::Headed { place, length, .. }
            | Body::OnDisk { place, length }
            | Body::Packed { place, length, .. } => Some(place..place.saturating_add(length.into())),
        }
    }

    /// The packet for a decoder. `file` is where it came from.
    pub(crate) fn buffer(&self, file: &FileBytes) -> gst::Buffer {
        let slice = |place: u64, length: u32| file.slice(place..place + u64::from(length));
        let mut buffer = match &self.body {
            Body::Held(bytes) => gst::Buffer::from_slice(bytes.clone()),
            Body::Headed { head, place, length } => {
                gst::Buffer::from_slice([head.as_ref(), slice(*place, *length).as_ref()].concat())
            }
            &Body::OnDisk { place, length } => gst::Buffer::from_slice(slice(place, length)),
            // It was unpacked once before, so that it is empty only where the file has changed.
            Body::Packed { place, length, packing, .. } => {
                let unpacked = packing.unpacked(slice(*place, *length).as_ref());
                gst::Buffer::from_slice(unpacked.unwrap_or_default())
            }
        };
        if let Some(buffer) = buffer.get_mut().filter(|_| !self.key) {
            buffer.set_flags(gst::BufferFlags::DELTA_UNIT);
        }
        buffer
    }
}

/// The video stream of a file.
#[derive(Debug)]
pub(crate) struct Demuxed {
    pub codec: Codec,
    pub framing: Framing,
    /// What a decoder must be told before the first packet.
    pub caps: gst::Caps,
    pub packets: Vec<Packet>,
    /// By the container.
    pub orientation: Orientation,
    /// By messages of the stream that may not be in the packets any more.
    pub turns: Turns,
}

/// The moment `seconds` from now.
pub(crate) fn deadline(seconds: u32) -> Instant {
    Instant::now() + Duration::from_secs(seconds.into())
}
