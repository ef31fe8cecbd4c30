//! Which container a file is, told by its content and never by its name.

use std::ops::Range;

use super::foreign;

/// The containers that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Container {
    /// MP4 and QuickTime.
    Mp4,
    /// Matroska and WebM.
    Matroska,
    /// AVI.
    Avi,
    /// MPEG program or system stream.
    ProgramStream,
    /// MPEG transport stream, packets of 188 or 192 bytes.
    TransportStream,
    /// Flash Video.
    Flv,
    /// Ogg.
    Ogg,
    /// ASF, mostly called WMV.
    Asf,
    /// MXF.
    Mxf,
    /// Raw DV.
    Dv,
    /// IVF: packets of VP8, VP9 or AV1, each behind its length.
    Ivf,
    /// YUV4MPEG2: pictures without compression.
    Y4m,
    /// A stream of H.264 without a container, its units behind start codes.
    RawH264,
    /// The same of HEVC.
    RawHevc,
    /// JPEG pictures, one behind the other.
    Jpeg,
    /// PNG pictures, one behind the other.
    Png,
    /// A GIF, mostly an animation.
    Gif,
    /// A WebP, a picture or an animation.
    WebP,
}

impl Container {
    /// Those of films.
    pub const ALL: [Self; 14] = [
        Self::Mp4,
        Self::Matroska,
        Self::Avi,
        Self::ProgramStream,
        Self::TransportStream,
        Self::Flv,
        Self::Ogg,
        Self::Asf,
        Self::Mxf,
        Self::Dv,
        Self::Ivf,
        Self::Y4m,
        Self::RawH264,
        Self::RawHevc,
    ];
    /// Those of pictures.
    pub const PICTURES: [Self; 4] = [Self::Jpeg, Self::Png, Self::Gif, Self::WebP];

    /// The container of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().chain(Self::PICTURES).find(|container| container.name() == name)
    }

    /// Whether it holds pictures, or an animation of them.
    pub fn is_pictures(self) -> bool {
        Self::PICTURES.contains(&self)
    }

    /// The name in manifests and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mp4 => "mp4",
            Self::Matroska => "matroska",
            Self::Avi => "avi",
            Self::ProgramStream => "mpeg-ps",
            Self::TransportStream => "mpeg-ts",
            Self::Flv => "flv",
            Self::Ogg => "ogg",
            Self::Asf => "asf",
            Self::Mxf => "mxf",
            Self::Dv => "dv",
            Self::Ivf => "ivf",
            Self::Y4m => "y4m",
            Self::RawH264 => "h264",
            Self::RawHevc => "hevc",
            Self::Jpeg => "jpeg",
            Self::Png => "png",
            Self::Gif => "gif",
            Self::WebP => "webp",
        }
    }
}

/// The container that `bytes`, the beginning of a file, are of.
pub fn recognise(bytes: &[u8]) -> Option<Container> {
    let at = |range: Range<usize>| bytes.get(range).unwrap_or_default();
    match at(4..8) {
        b"ftyp" | b"moov" | b"mdat" | b"wide" | b"free" | b"skip" | b"pnot" | b"styp" | b"moof" => {
            return Some(Container::Mp4);
        }
        _ => {}
    }
    match at(0..4) {
        [0x1a, 0x45, 0xdf, 0xa3] => return Some(Container::Matroska),
        b"RIFF" if at(8..11) == b"AVI" => return Some(Container::Avi),
        [0, 0, 1, 0xba] => return Some(Container::ProgramStream),
        b"FLV\x01" => return Some(Container::Flv),
        b"DKIF" => return Some(Container::Ivf),
        b"YUV4" if bytes.starts_with(b"YUV4MPEG2 ") => return Some(Container::Y4m),
        b"OggS" if foreign::is_film_in_ogg(bytes) => return Some(Container::Ogg),
        [0x30, 0x26, 0xb2, 0x75] if at(4..8) == b"\x8e\x66\xcf\x11" => return Some(Container::Asf),
        [0x06, 0x0e, 0x2b, 0x34] if at(4..13) == b"\x02\x05\x01\x01\x0d\x01\x02\x01\x01" => {
            return Some(Container::Mxf);
        }
        [0x1f, 0x07, 0x00, 0x3f | 0xbf] => return Some(Container::Dv),
        [0xff, 0xd8, 0xff, _] => return Some(Container::Jpeg),
        b"\x89PNG" => return Some(Container::Png),
        b"GIF8" => return Some(Container::Gif),
        b"RIFF" if at(8..12) == b"WEBP" => return Some(Container::WebP),
        _ => {}
    }
    let raw = || match foreign::raw_stream(bytes)? {
        foreign::RAW_H264 => Some(Container::RawH264),
        foreign::RAW_HEVC => Some(Container::RawHevc),
        _ => None,
    };
    transport_packets(bytes).map(|_| Container::TransportStream).or_else(raw)
}

/// Where the first packet of a transport stream begins, and from one to the next: five sync bytes in a row, also
/// where the first packets are cut or other bytes come first.
pub(crate) fn transport_packets(bytes: &[u8]) -> Option<(usize, usize)> {
    let syncs =
        |start: usize, step: usize| (0..5).all(|packet| bytes.get(start + packet * step) == Some(&0x47));
    let begins = |step: usize| (0..step).find(|&start| syncs(start, step)).map(|start| (start, step));
    [188, 192].into_iter().find_map(begins)
}
