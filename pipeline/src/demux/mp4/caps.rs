//! The caps of a sample entry: what a decoder of GStreamer is told of the packets.

use gstreamer as gst;
use gstreamer_video as gst_video;

use super::entry::{Colour, Entry, Media};
use crate::{
    codec::Codec,
    demux::description::{codec_of, for_decoder},
};

/// What is known of a track beside its sample entry.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shown {
    /// Columns and rows at which it is shown, or 0.
    pub size: (u32, u32),
    /// Samples, and nanoseconds from the first to the last of them.
    pub samples: u64,
    pub span: u64,
}

/// Codec and caps of an entry; nothing where its codec is not read here.
pub(super) fn caps(entry: &Entry, shown: Shown) -> Option<(Codec, gst::Caps)> {
    let structure = |name: &str| gst::Structure::builder(name);
    let mpeg =
        |version: i32| structure("video/mpeg").field("mpegversion", version).field("systemstream", false);
    let (codec, media) = match entry.media? {
        // The parser that `avc3` would call for does nothing: parameter sets in packets are read there.
        Media::H264 => {
            (Codec::H264, structure("video/x-h264").field("stream-format", "avc").field("alignment", "au"))
        }
        Media::Hevc { format } => {
            (Codec::Hevc, structure("video/x-h265").field("stream-format", format).field("alignment", "au"))
        }
        Media::Vp8 => (Codec::Vp8, structure("video/x-vp8")),
        Media::Vp9 => (Codec::Vp9, structure("video/x-vp9")),
        Media::Av1 => (
            Codec::Av1,
            structure("video/x-av1").field("stream-format", "obu-stream").field("alignment", "tu"),
        ),
        Media::Mpeg4 => (Codec::Mpeg4, mpeg(4)),
        Media::Divx => (Codec::Mpeg4, structure("video/x-divx").field("divxversion", 5i32)),
        Media::Mpeg1 => (Codec::Mpeg1, mpeg(1)),
        Media::Mpeg2 => (Codec::Mpeg2, mpeg(2)),
        Media::Jpeg => (Codec::Mjpeg, structure("image/jpeg").field("parsed", true)),
        Media::Png => (Codec::Png, structure("image/png")),
        Media::Raw(format) => (Codec::Raw, structure("video/x-raw").field("format", format)),
        Media::Other(description) => other(description, entry)?,
    };
    let mut media = media
        .field_if("codec_data", gst::Buffer::from_slice(entry.setup.clone()), !entry.setup.is_empty())
        .field("width", i32::from(entry.width))
        .field("height", i32::from(entry.height))
        .field_if_some("framerate", rate(shown))
        .field("pixel-aspect-ratio", aspect(entry, shown.size));
    if entry.fields {
        media = media.field("interlace-mode", "interleaved");
    }
    let media = media.field_if_some("colorimetry", entry.colour.and_then(colorimetry)).build();
    Some((codec, for_decoder(codec, &gst::Caps::builder_full().structure(media).build())))
}

/// A codec without rules of its own. The decoders of those that have colours by numbers must know how many bits a pixel
/// has; 32 and more of them mean shades of grey.
fn other(description: &str, entry: &Entry) -> Option<(Codec, gst::structure::Builder)> {
    let described: gst::Structure = description.parse().ok()?;
    let mut builder = gst::Structure::builder(described.name());
    for (field, value) in described.iter() {
        builder = builder.field(field, value.clone());
    }
    let depth = i32::from(entry.depth);
    Some((codec_of(&described)?, builder.field_if("depth", depth, depth > 0)))
}

/// The mean rate, as one of the usual fractions where it is near one.
fn rate(shown: Shown) -> Option<gst::Fraction> {
    let steps = shown.samples.checked_sub(1).filter(|&steps| steps > 0)?;
    let step = (shown.span + steps / 2) / steps;
    gst_video::guess_framerate(gst::ClockTime::from_nseconds(step)).filter(|_| step > 0)
}

/// The shape of a pixel: as it is stated, or by the size at which the track is shown.
fn aspect(entry: &Entry, (width, height): (u32, u32)) -> gst::Fraction {
    let by_size = || {
        let across = u64::from(width) * u64::from(entry.height);
        let down = u64::from(height) * u64::from(entry.width);
        (across > 0 && down > 0).then_some((across, down))
    };
    let stated = entry.aspect.map(|(across, down)| (across.into(), down.into()));
    let (mut across, mut down) = stated.or_else(by_size).unwrap_or((1, 1));
    let divisor = common_divisor(across, down);
    (across, down) = (across / divisor, down / divisor);
    match (i32::try_from(across), i32::try_from(down)) {
        (Ok(across), Ok(down)) => gst::Fraction::new(across, down),
        _ => gst::Fraction::new(1, 1),
    }
}

fn common_divisor(one: u64, other: u64) -> u64 {
    if other == 0 { one.max(1) } else { common_divisor(other, one % other) }
}

/// GStreamer's numbers of matrices, transfer functions and primaries, by those of ISO/IEC 23091-2.
const MATRICES: &[(u32, u32)] = &[(0, 1), (1, 3), (4, 2), (5, 4), (6, 4), (7, 5), (9, 6)];
const TRANSFERS: &[(u32, u32)] = &[
    (1, 5),
    (4, 4),
    (5, 8),
    (6, 16),
    (7, 6),
    (8, 1),
    (9, 9),
    (10, 10),
    (13, 7),
    (14, 13),
    (15, 11),
    (16, 14),
    (18, 15),
];
const PRIMARIES: &[(u32, u32)] =
    &[(1, 1), (4, 2), (5, 3), (6, 4), (7, 5), (8, 6), (9, 7), (10, 9), (11, 10), (12, 11), (22, 12)];

/// The colour as GStreamer writes it; nothing where the matrix is not stated.
fn colorimetry(colour: Colour) -> Option<String> {
    let own = |numbers: &[(u32, u32)], number| {
        numbers.iter().find(|(iso, _)| *iso == number).map_or(0, |(_, own)| *own)
    };
    let matrix = own(MATRICES, colour.matrix);
    let (transfer, primaries) = (own(TRANSFERS, colour.transfer), own(PRIMARIES, colour.primaries));
    let numbers = format!("{}:{matrix}:{transfer}:{primaries}", if colour.full { 1 } else { 2 });
    let colorimetry: gst_video::VideoColorimetry = numbers.parse().ok()?;
    (matrix > 0).then(|| colorimetry.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_have_the_names_of_gstreamer() {
        gst::init().unwrap();
        let named =
            |primaries, transfer, matrix, full| colorimetry(Colour { primaries, transfer, matrix, full });
        assert_eq!(named(1, 1, 1, false).as_deref(), Some("bt709"));
        assert_eq!(named(6, 6, 6, false).as_deref(), Some("bt601"));
        assert_eq!(named(9, 16, 9, false).as_deref(), Some("bt2100-pq"));
        assert_eq!(named(1, 1, 6, true).as_deref(), Some("1:4:5:1"));
        assert_eq!(named(1, 1, 2, false), None);
    }

    #[test]
    fn pixels_have_the_stated_shape_or_that_of_the_size_at_which_they_are_shown() {
        let entry = |aspect| Entry {
            format: *b"avc1",
            media: Some(Media::H264),
            width: 320,
            height: 240,
            setup: Vec::new(),
            aspect,
            colour: None,
            depth: 24,
            fields: false,
            reference: 1,
        };
        assert_eq!(aspect(&entry(Some((8, 6))), (320, 240)), gst::Fraction::new(4, 3));
        assert_eq!(aspect(&entry(None), (640, 240)), gst::Fraction::new(2, 1));
        assert_eq!(aspect(&entry(None), (0, 240)), gst::Fraction::new(1, 1));
        assert_eq!(
            rate(Shown { samples: 4, span: 100_000_000, size: (0, 0) }),
            Some(gst::Fraction::new(30, 1))
        );
        assert_eq!(rate(Shown { samples: 1, span: 0, size: (0, 0) }), None);
    }
}
