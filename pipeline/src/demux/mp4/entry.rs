//! Sample entries of video (`stsd`, ISO 14496-12, 8.5.2 and 12.1): which codec, and what its decoder must be told.

use super::boxes::{Child, Fields, children};
use crate::{
    demux::{four_letters, raw_pictures},
    error::VideoError,
};

/// Sample entries that a track may have, as in FFmpeg.
const MOST_ENTRIES: usize = 1024;

/// Bytes of an entry before the boxes in it.
const FIXED: usize = 78;

/// Where the bits of a pixel stand in it.
const DEPTH: usize = 74;

/// What a codec is called in caps, and how its packets are framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    H264,
    Hevc {
        /// `hvc1` or `hev1`.
        format: &'static str,
    },
    Vp8,
    Vp9,
    Av1,
    /// MPEG-4 part 2 of a sample entry `mp4v`, or of one that decoders take for it.
    Mpeg4,
    Divx,
    Mpeg1,
    Mpeg2,
    Jpeg,
    Png,
    /// Pictures without compression, by GStreamer's name of their format.
    Raw(&'static str),
    /// One without rules of its own, by its description.
    Other(&'static str),
}

/// The colour that a container states, by the numbers of ISO/IEC 23091-2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Colour {
    pub primaries: u32,
    pub transfer: u32,
    pub matrix: u32,
    pub full: bool,
}

/// A sample entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub format: [u8; 4],
    /// Nothing where the codec is not read here.
    pub media: Option<Media>,
    pub width: u16,
    pub height: u16,
    /// Decoder configuration.
    pub setup: Vec<u8>,
    /// Width and height of a pixel.
    pub aspect: Option<(u32, u32)>,
    pub colour: Option<Colour>,
    /// Bits of a pixel, of codecs that are told.
    pub depth: u16,
    /// Pictures are two fields.
    pub fields: bool,
    /// Which of the track's data references its samples lie behind, from 1.
    pub reference: u16,
}

impl Entry {
    /// The entries in the body of an `stsd` box.
    pub fn read_all(descriptions: &[u8]) -> Result<Vec<Self>, VideoError> {
        let mut fields = Fields(descriptions);
        let (Some(_), Some(count)) = (fields.version(), fields.word()) else { return Ok(Vec::new()) };
        let all = children(fields.0).take(MOST_ENTRIES.min(count as usize));
        all.map(|Child { kind, body, is_cut }| {
            if is_cut {
                return Err(VideoError::Truncated {
                    reason: "its sample descriptions are not whole".to_owned(),
                });
            }
            Ok(Self::read(kind, body))
        })
        .collect()
    }

    fn read(format: [u8; 4], body: &[u8]) -> Self {
        let mut fields = Fields(body);
        let mut head = || {
            fields.skip(6)?;
            let reference = fields.short()?;
            fields.skip(16)?;
            Some((reference, fields.short()?, fields.short()?))
        };
        let (reference, width, height) = head().unwrap_or_default();
        let (setup, aspect, colour) = Default::default();
        let depth = Fields(body.get(DEPTH..).unwrap_or_default()).short().unwrap_or(0);
        let mut entry = Self {
            format,
            media: media_of(&format, depth),
            width,
            height,
            setup,
            aspect,
            colour,
            depth,
            fields: false,
            reference,
        };
        if entry.format == *b"SVQ3" {
            // Its decoder looks for what it needs by itself.
            entry.setup = body.get(FIXED..).unwrap_or_default().to_vec();
        }
        for child in children(body.get(FIXED..).unwrap_or_default()) {
            entry.note(&child);
        }
        entry
    }

    /// Takes in a box in the entry. Of several configurations the first counts, as in FFmpeg.
    fn note(&mut self, Child { kind, body, .. }: &Child<'_>) {
        match kind {
            b"avcC" | b"hvcC" | b"av1C" | b"glbl" if self.setup.len() <= 1 => {
                self.setup = body.to_vec();
                // Dolby Vision that is HEVC all the same; without this box it is another codec's.
                if kind == b"hvcC" && self.format == *b"dvh1" {
                    self.media = Some(Media::Hevc { format: "hvc1" });
                }
            }
            b"esds" => {
                let Some(Descriptor { object, setup }) = Descriptor::read(body) else { return };
                if self.format == *b"mp4v" {
                    self.media = media_of_object(object);
                }
                if let Some(setup) = setup {
                    self.setup = setup.to_vec();
                }
            }
            b"pasp" => {
                let mut fields = Fields(body);
                self.aspect = fields.word().zip(fields.word()).filter(|aspect| aspect.0 > 0 && aspect.1 > 0);
            }
            b"colr" => self.colour = colour_of(body).or(self.colour),
            b"vpcC" => self.colour = self.colour.or(vpx_colour(body)),
            b"fiel" => self.fields = body.first() == Some(&2),
            _ => {}
        }
    }

    /// Whether pictures of the other one are of the same codec and size.
    pub fn is_like(&self, other: &Self) -> bool {
        self.media == other.media && (self.width, self.height) == (other.width, other.height)
    }

    /// Its format and size, for messages.
    pub fn described(&self) -> String {
        format!("{} {}x{}", name_of(&self.format), self.width, self.height)
    }
}

/// The four letters of a format; others than printable ones as numbers.
pub(super) fn name_of(format: &[u8; 4]) -> String {
    format.escape_ascii().to_string()
}

/// The codec of a sample entry's format, whose pixels have so many bits.
fn media_of(format: &[u8; 4], depth: u16) -> Option<Media> {
    Some(match format {
        b"avc1" | b"avc2" | b"avc3" | b"avc4" | b"dva1" | b"dvav" => Media::H264,
        b"H264" | b"h264" | b"X264" | b"x264" | b"AVin" | b"aivx" | b"xalg" | b"avlg" => Media::H264,
        b"hvc1" => Media::Hevc { format: "hvc1" },
        b"hev1" | b"dvhe" => Media::Hevc { format: "hev1" },
        b"vp08" | b"VP80" => Media::Vp8,
        b"vp09" | b"VP90" => Media::Vp9,
        b"av01" | b"AV01" => Media::Av1,
        b"mp4v" | b"XVID" | b"FMP4" | b"UMP4" | b"3IV2" | b"MP4S" | b"M4S2" => Media::Mpeg4,
        b"DIVX" | b"DX50" => Media::Divx,
        b"m1v " | b"m1v1" | b"mpeg" | b"mp1v" | b"mpg1" => Media::Mpeg1,
        b"m2v1" | b"mp2v" | b"mpg2" | b"MPEG" | b"AVmp" => Media::Mpeg2,
        // HDV, XDCAM and IMX, with a letter for size and rate.
        [b'h', b'd', b'v', b'1'..=b'9' | b'a'] => Media::Mpeg2,
        [b'x', b'd', b'v', b'1'..=b'9' | b'a'..=b'f'] => Media::Mpeg2,
        b"xd51" | b"xd54" | b"xd55" | b"xd59" | b"xdhd" | b"xdh2" => Media::Mpeg2,
        [b'x', b'd', b'5', b'a'..=b'f'] | [b'm', b'x', b'3'..=b'5', b'n' | b'p'] => Media::Mpeg2,
        b"jpeg" | b"mjpa" | b"AVDJ" | b"dmb1" | b"MJPG" | b"LJPG" => Media::Jpeg,
        b"png " => Media::Png,
        _ => {
            let raw = || raw_pictures::format_in_mp4(format, depth).map(Media::Raw);
            return four_letters::description(format).map(Media::Other).or_else(raw);
        }
    })
}

/// The codec of an object type (ISO 14496-1, 7.2.6.6).
fn media_of_object(object: u8) -> Option<Media> {
    Some(match object {
        0x20 => Media::Mpeg4,
        0x21 => Media::H264,
        0x23 => Media::Hevc { format: "hvc1" },
        0x60..=0x65 => Media::Mpeg2,
        0x6a => Media::Mpeg1,
        0x6c => Media::Jpeg,
        0xb1 => Media::Vp9,
        _ => return None,
    })
}

/// What the descriptor of an elementary stream says (ISO 14496-1, 7.2.6.5).
struct Descriptor<'a> {
    object: u8,
    setup: Option<&'a [u8]>,
}

impl<'a> Descriptor<'a> {
    fn read(body: &'a [u8]) -> Option<Self> {
        const STREAM: u8 = 3;
        const CONFIGURATION: u8 = 4;
        const SETUP: u8 = 5;
        let mut fields = Fields(body);
        fields.version()?;
        let (tag, mut stream) = described(&mut fields)?;
        if tag == STREAM {
            stream.skip(2)?;
            let flags = stream.byte()?;
            stream.skip(if flags & 0x80 > 0 { 2 } else { 0 })?;
            let address = if flags & 0x40 > 0 { stream.byte()? } else { 0 };
            stream.skip(address.into())?;
            stream.skip(if flags & 0x20 > 0 { 2 } else { 0 })?;
        } else {
            // Some writers leave the outer one out, but for its number.
            stream = Fields(body.get(4..)?);
            stream.skip(2)?;
        }
        let (tag, mut configuration) = described(&mut stream)?;
        if tag != CONFIGURATION {
            return None;
        }
        let object = configuration.byte()?;
        let setup = configuration.skip(12).and_then(|()| described(&mut configuration));
        let setup = setup.filter(|(tag, setup)| *tag == SETUP && !setup.0.is_empty());
        Some(Self { object, setup: setup.map(|(_, setup)| setup.0) })
    }
}

/// A descriptor's tag and what is in it; its length has seven bits a byte.
fn described<'a>(fields: &mut Fields<'a>) -> Option<(u8, Fields<'a>)> {
    let tag = fields.byte()?;
    let mut length = 0;
    for _ in 0..4 {
        let byte = fields.byte()?;
        length = length << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    let inner = fields.bytes(length.min(fields.0.len()))?;
    Some((tag, Fields(inner)))
}

/// The colour in the body of a `colr` box (12.1.5); those of profiles say nothing here.
fn colour_of(body: &[u8]) -> Option<Colour> {
    let mut fields = Fields(body);
    let has_range = match fields.bytes(4)? {
        b"nclx" => true,
        b"nclc" => false,
        _ => return None,
    };
    let mut number = || fields.short().map(u32::from);
    let (primaries, transfer, matrix) = (number()?, number()?, number()?);
    let full = has_range && fields.byte()? >> 7 == 1;
    Some(Colour { primaries, transfer, matrix, full })
}

/// The colour in the body of a `vpcC` box (VP codec ISO media file format binding, version 1).
fn vpx_colour(body: &[u8]) -> Option<Colour> {
    let mut fields = Fields(body);
    if fields.version()?.0 != 1 {
        return None;
    }
    fields.skip(2)?;
    let full = fields.byte()? & 1 == 1;
    let mut number = || fields.byte().map(u32::from);
    Some(Colour { primaries: number()?, transfer: number()?, matrix: number()?, full })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demux::mp4::test_films::{boxed, entries, entry, full};

    fn only(format: &[u8; 4], inner: &[u8]) -> Entry {
        let mut all = Entry::read_all(&entries(&[entry(format, inner)])[8..]).unwrap();
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    #[test]
    fn an_entry_says_codec_size_configuration_shape_and_colour_of_pictures() {
        let colour = [&b"nclx"[..], &[0, 9, 0, 16, 0, 9, 0x80]].concat();
        let inner = [
            boxed(b"avcC", &[1, 2, 3]),
            boxed(b"avcC", &[9, 9]),
            boxed(b"pasp", &[0, 0, 0, 4, 0, 0, 0, 3]),
            boxed(b"colr", &colour),
            boxed(b"fiel", &[2, 9]),
        ];
        let entry = only(b"avc3", &inner.concat());
        let colour = Colour { primaries: 9, transfer: 16, matrix: 9, full: true };
        assert_eq!((entry.media, entry.width, entry.height), (Some(Media::H264), 320, 240));
        assert_eq!(
            (&entry.setup[..], entry.aspect, entry.colour),
            (&[1, 2, 3][..], Some((4, 3)), Some(colour))
        );
        assert_eq!((entry.fields, entry.reference, entry.described()), (true, 1, "avc3 320x240".to_owned()));
    }

    #[test]
    fn an_elementary_stream_descriptor_says_the_codec_of_mp4v() {
        let setup = [5, 3, 7, 8, 9];
        let configuration = |object: u8| [&[4, 18, object][..], &[0; 12], &setup].concat();
        let stream = |object| [&[3, 0x80, 0x80, 0x80, 23, 0, 1, 0][..], &configuration(object)].concat();
        let with = |object| boxed(b"esds", &[&[0; 4][..], &stream(object)].concat());
        for (object, media) in [
            (0x20, Some(Media::Mpeg4)),
            (0x61, Some(Media::Mpeg2)),
            (0x6a, Some(Media::Mpeg1)),
            (0x6c, Some(Media::Jpeg)),
            (0x6d, None),
        ] {
            let entry = only(b"mp4v", &with(object));
            assert_eq!((entry.media, &entry.setup[..]), (media, &[7, 8, 9][..]));
        }
        // A descriptor that is cut says nothing.
        assert_eq!(only(b"mp4v", &full(b"esds", 0, 0, &[])).media, Some(Media::Mpeg4));
    }

    #[test]
    fn formats_are_codecs_or_unknown() {
        for (format, media) in [
            (b"hev1", Some(Media::Hevc { format: "hev1" })),
            (b"xdv7", Some(Media::Mpeg2)),
            (b"mx5n", Some(Media::Mpeg2)),
            (b"XVID", Some(Media::Mpeg4)),
            (b"s263", Some(Media::Other("video/x-h263,variant=itu"))),
            (b"apch", Some(Media::Other("video/x-prores,variant=hq"))),
            (b"ap4h", None),
            (b"png ", Some(Media::Png)),
            (b"v210", Some(Media::Raw("v210"))),
        ] {
            assert_eq!(only(format, &[]).media, media, "{}", name_of(format));
        }
        let dolby = only(b"dvh1", &boxed(b"hvcC", &[1; 23]));
        assert_eq!(dolby.media, Some(Media::Hevc { format: "hvc1" }));
        assert_eq!(Entry::read_all(&[0; 3]).unwrap(), []);
        assert!(dolby.is_like(&only(b"hvc1", &[])) && !dolby.is_like(&only(b"hev1", &[])));
    }
}
