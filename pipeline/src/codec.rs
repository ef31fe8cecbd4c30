//! The codecs that are read, and what a packet of one codes.
//!
//! These are the words of this folder: [`headers`] chooses among the files of the codecs, and each of them tells in
//! these words what it finds in the bytes of a packet.

pub mod av1;
pub mod bits;
pub mod fields;
pub mod h264;
pub mod headers;
pub mod hevc;
pub mod mpeg;
pub mod other;
mod recovery;
pub mod sei;
pub mod sorenson;
pub mod theora;
pub mod vpx;

use other::OtherCodec;
use sei::Turns;
use serde::{Deserialize, Serialize};

/// The codecs that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Codec {
    /// ITU-T H.264.
    H264,
    /// ITU-T H.265.
    Hevc,
    /// RFC 6386.
    Vp8,
    /// VP9.
    Vp9,
    /// AV1.
    Av1,
    /// ISO 14496-2, also XviD and DivX.
    Mpeg4,
    /// ISO 13818-2.
    Mpeg2,
    /// ISO 11172-2.
    Mpeg1,
    /// Motion JPEG.
    Mjpeg,
    /// Theora.
    Theora,
    /// One without rules of its own: decoded from the start, unless its packets are pictures by themselves.
    Other(OtherCodec),
    /// The planes of G, B and R as they are: pictures that were decoded when their file was taken apart.
    Rgb,
    /// Pictures without compression.
    Raw,
    /// A PNG a packet.
    Png,
}

impl Codec {
    /// All that are decoded by rules of their own.
    pub const ALL: [Self; 10] = [
        Self::H264,
        Self::Hevc,
        Self::Vp8,
        Self::Vp9,
        Self::Av1,
        Self::Mpeg4,
        Self::Mpeg2,
        Self::Mpeg1,
        Self::Mjpeg,
        Self::Theora,
    ];

    /// The codec of a name.
    pub fn named(name: &str) -> Option<Self> {
        let own =
            Self::ALL.into_iter().chain([Self::Rgb, Self::Raw, Self::Png]).find(|codec| codec.name() == name);
        own.or_else(|| OtherCodec::named(name).map(Self::Other))
    }

    /// The name in manifests and shards.
    pub fn name(self) -> &'static str {
        match self {
            Self::H264 => "h264",
            Self::Hevc => "hevc",
            Self::Vp8 => "vp8",
            Self::Vp9 => "vp9",
            Self::Av1 => "av1",
            Self::Mpeg4 => "mpeg4",
            Self::Mpeg2 => "mpeg2",
            Self::Mpeg1 => "mpeg1",
            Self::Mjpeg => "mjpeg",
            Self::Theora => "theora",
            Self::Other(codec) => codec.name(),
            Self::Rgb => "rgb",
            Self::Raw => "rawvideo",
            Self::Png => "png",
        }
    }
}

/// Whether decoding may begin with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Start {
    /// No.
    Never,
    /// Yes, but pictures decoded after it and shown before it may need the group before.
    Open,
    /// Yes, and nothing after it needs anything before it.
    Closed,
}

/// How a picture takes part in reordering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// I, P or S picture: shown when the next anchor comes, where there are B-pictures.
    Anchor,
    /// B-picture: shown at once.
    Between,
}

/// A picture that is one field of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// It has the odd rows, counted from 0.
    pub bottom: bool,
    /// `frame_num` of H.264, `temporal_reference` of MPEG-2.
    pub number: u32,
}

/// What a packet codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coded {
    /// Whether decoding may begin here.
    pub start: Start,
    /// Nothing later needs it.
    pub disposable: bool,
    /// A picture comes out of it.
    pub shown: bool,
    /// Its role in the reordering of MPEG-1, 2 and 4.
    pub role: Role,
    /// It holds one field, two pictures, or stands for the one before: packets are no frames.
    pub irregular: bool,
    /// The only field that it holds.
    pub field: Option<Field>,
    /// H.264: FFmpeg shows no frame before it, since the stream does not begin with a start.
    pub recovers: bool,
}

impl Coded {
    /// A packet of which nothing is known.
    pub const UNKNOWN: Self = Self {
        start: Start::Never,
        disposable: false,
        shown: true,
        role: Role::Anchor,
        irregular: false,
        field: None,
        recovers: false,
    };
    /// A packet of a stream whose frames are counted as they come out of its decoder.
    pub const COUNTED: Self = Self { irregular: true, ..Self::UNKNOWN };
}

/// What the headers of a stream say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamHeader {
    /// Coded columns and rows, where a header that is read here has them.
    pub size: Option<(u32, u32)>,
    /// Pictures may be interlaced.
    pub interlaced: bool,
    /// Where the visible window begins right of the first column: its distance from it, and its width.
    pub left: Option<(u32, u32)>,
    /// The first packet before which a picture that others refer to is missing.
    pub gap: Option<u32>,
    /// Frames that come before the first that is right, where the stream does not begin with a start.
    pub unrecovered: u32,
    /// The first packet that has more units than any ([`bits::MOST_UNITS`]).
    pub crowded: Option<u32>,
    /// How its pictures are to be turned for display.
    pub turns: Turns,
    /// Its pictures may be of a format that GStreamer does not have ([`is_rare`]).
    pub rare_format: bool,
    /// A sequence of HEVC ends and a clean random-access picture follows: decoders then drop pictures that wait to be shown
    /// (C.5.2.2), and which these are is not told by the packets.
    pub restarts: bool,
}

/// Chroma by its code in H.264 and HEVC (`chroma_format_idc`, table 6-1 of both): none.
const NO_CHROMA: u32 = 0;

/// Whether GStreamer may lack a format, that of pictures whose chroma has this code and whose samples have so many bits.
fn is_rare(chroma: u32, bits: u32) -> bool {
    !matches!(bits, 8 | 10 | 12) || chroma == NO_CHROMA && bits > 8
}

impl StreamHeader {
    /// Takes the larger of the sizes known so far and `size`.
    pub(super) fn note_size(&mut self, size: (u32, u32)) {
        let (width, height) = self.size.unwrap_or_default();
        self.size = Some((width.max(size.0), height.max(size.1)));
    }
}
