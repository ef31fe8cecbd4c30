//! Which codec a track is of, and what its decoder must know, by the codec's name and setup (RFC 9559, section 5.1.4,
//! and the codec mappings of Matroska).

use gstreamer as gst;

use super::tracks::Track;
use crate::{
    codec::Codec,
    demux::{description::codec_of, four_letters},
};

/// The codec of a track's blocks, and what comes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TrackCodec {
    pub codec: Codec,
    /// What its decoder must know, or nothing.
    pub setup: Vec<u8>,
    /// The four characters that name it, of a track in the manner of AVI. Its times are those of decoding.
    pub four: Option<[u8; 4]>,
    /// The format, of a codec without rules of its own.
    pub described: Option<gst::Structure>,
}

/// The codecs that are read, each by the beginning of its name, as FFmpeg compares them.
const NAMES: [(&str, Codec); 11] = [
    ("V_AV1", Codec::Av1),
    ("V_MJPEG", Codec::Mjpeg),
    ("V_MPEG1", Codec::Mpeg1),
    ("V_MPEG2", Codec::Mpeg2),
    ("V_MPEG4/ISO/ASP", Codec::Mpeg4),
    ("V_MPEG4/ISO/AP", Codec::Mpeg4),
    ("V_MPEG4/ISO/SP", Codec::Mpeg4),
    ("V_MPEG4/ISO/AVC", Codec::H264),
    ("V_MPEGH/ISO/HEVC", Codec::Hevc),
    ("V_VP8", Codec::Vp8),
    ("V_VP9", Codec::Vp9),
];

/// The name of tracks in the manner of AVI, whose setup begins with a BITMAPINFOHEADER.
const AVI: &str = "V_MS/VFW/FOURCC";

/// Bytes of a BITMAPINFOHEADER, and where its four characters stand.
const AVI_HEADER: usize = 40;
const AVI_FOUR: usize = 16;

/// Where the bits of a pixel stand in it.
const AVI_DEPTH: usize = 14;

/// The name of tracks in the manner of QuickTime, whose setup is an entry of its table of descriptions.
const QUICKTIME: &str = "V_QUICKTIME";

/// Names of codecs without rules of their own.
pub(super) const PRORES: &str = "V_PRORES";
const FFV1: &str = "V_FFV1";
const RAW: &str = "V_UNCOMPRESSED";
const MICROSOFT: &str = "V_MPEG4/MS/V3";

/// Where the four characters stand in it.
const QUICKTIME_FOUR: usize = 4;

/// Codecs by four characters, of which small letters are the same as large ones.
const FOURS: [(&[u8; 4], Codec); 22] = [
    (b"H264", Codec::H264),
    (b"X264", Codec::H264),
    (b"AVC1", Codec::H264),
    (b"HEVC", Codec::Hevc),
    (b"H265", Codec::Hevc),
    (b"HVC1", Codec::Hevc),
    (b"XVID", Codec::Mpeg4),
    (b"DIVX", Codec::Mpeg4),
    (b"DX50", Codec::Mpeg4),
    (b"FMP4", Codec::Mpeg4),
    (b"MP4V", Codec::Mpeg4),
    (b"MP4S", Codec::Mpeg4),
    (b"M4S2", Codec::Mpeg4),
    (b"MJPG", Codec::Mjpeg),
    (b"JPEG", Codec::Mjpeg),
    (b"LJPG", Codec::Mjpeg),
    (b"MPG1", Codec::Mpeg1),
    (b"MPG2", Codec::Mpeg2),
    (b"MPGV", Codec::Mpeg2),
    (b"VP80", Codec::Vp8),
    (b"VP90", Codec::Vp9),
    (b"AV01", Codec::Av1),
];

impl TrackCodec {
    /// The codec of a track, or its name where it is none that is read.
    pub(super) fn of(track: &Track) -> Result<Self, String> {
        let setup = &track.setup;
        if track.codec == AVI && setup.len() >= AVI_HEADER {
            let four = four(&setup[AVI_FOUR..]);
            let rest = setup[AVI_HEADER..].to_vec();
            if let Some(mut other) = Self::other(&four, rest.clone()) {
                other.note_depth(&setup[AVI_DEPTH..]);
                return Ok(Self { four: Some(four), ..other });
            }
            let codec = by_four(&four).ok_or_else(|| named(&track.codec, &four))?;
            return Ok(Self { codec, setup: used(codec, rest), four: Some(four), described: None });
        }
        if track.codec == QUICKTIME && setup.len() > QUICKTIME_FOUR + 4 {
            let four = four(&setup[QUICKTIME_FOUR..]);
            // What others must know stands in boxes within, where FFmpeg does not look for it either.
            let codec = by_four(&four).filter(|&codec| codec == Codec::Mjpeg);
            let codec = codec.ok_or_else(|| named(&track.codec, &four))?;
            return Ok(Self { codec, setup: Vec::new(), four: None, described: None });
        }
        // The setup of this one is its four characters.
        let other = match track.codec.as_str() {
            PRORES => Self::other(&four(setup), Vec::new()),
            MICROSOFT => Self::other(b"MP43", Vec::new()),
            FFV1 => Self::other(b"FFV1", setup.clone()),
            RAW => Self::other(&track.video.colour_space, Vec::new()),
            _ => None,
        };
        if let Some(other) = other {
            return Ok(other);
        }
        let found = NAMES.into_iter().find(|(name, _)| track.codec.starts_with(name));
        let (_, codec) = found.ok_or_else(|| track.codec.clone())?;
        let setup = used(codec, setup.clone());
        Ok(Self { codec, setup, four: None, described: None })
    }

    /// A codec without rules of its own, by its four characters.
    fn other(four: &[u8; 4], setup: Vec<u8>) -> Option<Self> {
        let described = four_letters::structure(four)?;
        let codec = codec_of(&described)?;
        Some(Self { codec, setup, four: None, described: Some(described) })
    }

    /// Notes how many bits a pixel has, which decoders of several codecs must know.
    fn note_depth(&mut self, bits: &[u8]) {
        let depth = bits.first_chunk().map_or(0, |&bits| i32::from(u16::from_le_bytes(bits)));
        if let Some(described) = self.described.as_mut().filter(|_| depth > 0) {
            described.set("depth", depth);
            described.set("bpp", depth);
        }
    }
}

/// The setup, of a codec whose decoder takes one.
fn used(codec: Codec, setup: Vec<u8>) -> Vec<u8> {
    if matches!(codec, Codec::Vp8 | Codec::Vp9) { Vec::new() } else { setup }
}

fn four(bytes: &[u8]) -> [u8; 4] {
    bytes.first_chunk().copied().unwrap_or_default()
}

fn by_four(four: &[u8; 4]) -> Option<Codec> {
    let is_it = |(name, _): &(&[u8; 4], Codec)| four.eq_ignore_ascii_case(*name);
    FOURS.into_iter().find(is_it).map(|(_, codec)| codec)
}

fn named(name: &str, four: &[u8; 4]) -> String {
    format!("{name} {}", four.escape_ascii())
}
