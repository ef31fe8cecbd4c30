//! What one packet codes, found in its bytes and not in the container's flags.
//!
//! The container's key flag also marks open groups, recovery points and clean random-access pictures,
//! and is wrong or missing in damaged files; the slices say what may be trusted.

use super::{Start, av1, bits::Framing, fields::Field, h264, hevc, mpeg, royalty_free, sei::Turns};

/// The codecs that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
}

impl Codec {
    const ALL: [Self; 9] = [
        Self::H264,
        Self::Hevc,
        Self::Vp8,
        Self::Vp9,
        Self::Av1,
        Self::Mpeg4,
        Self::Mpeg2,
        Self::Mpeg1,
        Self::Mjpeg,
    ];

    /// The codec of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.name() == name)
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
        }
    }
}

/// How a picture takes part in reordering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// I, P or S picture: shown when the next anchor comes, where there are B-pictures.
    Anchor,
    /// B-picture: shown at once.
    Between,
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
    };
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
    /// How its pictures are to be turned for display.
    pub turns: Turns,
}

impl StreamHeader {
    /// Takes the larger of the sizes known so far and `size`.
    pub(super) fn note_size(&mut self, size: (u32, u32)) {
        let (width, height) = self.size.unwrap_or_default();
        self.size = Some((width.max(size.0), height.max(size.1)));
    }
}

/// What the packets of a stream code. `setup` is the container's decoder configuration, or empty.
pub fn look(
    codec: Codec,
    framing: Framing,
    setup: &[u8],
    packets: impl Iterator<Item = impl AsRef<[u8]>>,
) -> (StreamHeader, Vec<Coded>) {
    let header = StreamHeader::default();
    match codec {
        Codec::H264 => h264::look(framing, setup, packets),
        Codec::Hevc => hevc::look(framing, setup, packets),
        Codec::Mpeg1 | Codec::Mpeg2 => mpeg::mpeg2(setup, packets),
        Codec::Mpeg4 => (header, mpeg::mpeg4_stream(packets)),
        Codec::Vp8 => (header, packets.map(|packet| royalty_free::vp8(packet.as_ref())).collect()),
        Codec::Vp9 => (header, packets.map(|packet| royalty_free::vp9(packet.as_ref())).collect()),
        Codec::Av1 => (header, av1::look(setup, packets)),
        Codec::Mjpeg => {
            let picture = Coded { start: Start::Closed, disposable: true, ..Coded::UNKNOWN };
            (header, packets.map(|packet| Coded { shown: !packet.as_ref().is_empty(), ..picture }).collect())
        }
    }
}
