//! What GStreamer's decoders are told of a track: the description that its own demuxer would give.
//!
//! Cropping (`PixelCropTop` and so on) is left alone: the libraries of FFmpeg 8 hand it on beside frames that have all
//! their pixels, as earlier versions do not read it; only the command of version 7.1 and later cuts them.

use gstreamer as gst;
use gstreamer_video as gst_video;

use super::{
    codecs::TrackCodec,
    tracks::{Colour, Track, Video},
};
use crate::codec::Codec;

/// The caps of a track's packets.
pub(super) fn caps_of(track: &Track, coded: &TrackCodec) -> gst::Caps {
    let mut structure = format_of(coded);
    if !coded.setup.is_empty() {
        structure.set("codec_data", gst::Buffer::from_slice(coded.setup.clone()));
    }
    let video = &track.video;
    let sides = i32::try_from(video.width).ok().zip(i32::try_from(video.height).ok());
    if let Some((width, height)) = sides.filter(|sides| sides.0 > 0 && sides.1 > 0) {
        structure.set("width", width);
        structure.set("height", height);
    }
    if let Some(aspect) = pixel_aspect(video) {
        structure.set("pixel-aspect-ratio", aspect);
    }
    let rate = gst::ClockTime::from_nseconds(track.default_duration);
    let rate = (track.default_duration > 0).then(|| gst_video::guess_framerate(rate)).flatten();
    structure.set("framerate", rate.unwrap_or(gst::Fraction::new(0, 1)));
    match video.interlaced {
        1 => structure.set("interlace-mode", "interleaved"),
        2 => structure.set("interlace-mode", "progressive"),
        _ => {}
    }
    if let Some(colorimetry) = video.colour.and_then(colorimetry) {
        structure.set("colorimetry", colorimetry.to_string());
    }
    let mut caps = gst::Caps::new_empty();
    caps.make_mut().append_structure(structure);
    caps
}

/// The format alone. The units of H.264 and HEVC have lengths where the setup is a configuration record, as FFmpeg
/// tells it from parameter sets behind start codes: by its version.
fn format_of(coded: &TrackCodec) -> gst::Structure {
    if let Some(described) = &coded.described {
        return described.clone();
    }
    let setup = &coded.setup;
    let units = |name: &str, record: &str, is_record: bool| {
        let format = if is_record { record } else { "byte-stream" };
        gst::Structure::builder(name).field("stream-format", format).field("alignment", "au").build()
    };
    let mpeg = |version: i32| {
        gst::Structure::builder("video/mpeg")
            .field("mpegversion", version)
            .field("systemstream", false)
            .build()
    };
    match coded.codec {
        Codec::H264 => units("video/x-h264", "avc", setup.first() == Some(&1)),
        Codec::Hevc => {
            let is_record = matches!(setup[..], [a, b, c, ..] if a != 0 || b != 0 || c > 1);
            units("video/x-h265", "hvc1", is_record)
        }
        Codec::Vp8 => gst::Structure::new_empty("video/x-vp8"),
        Codec::Vp9 => gst::Structure::new_empty("video/x-vp9"),
        Codec::Av1 => gst::Structure::builder("video/x-av1")
            .field("stream-format", "obu-stream")
            .field("alignment", "tu")
            .build(),
        Codec::Mjpeg => gst::Structure::new_empty("image/jpeg"),
        // These are described by their own, or not read; and no film has the last.
        Codec::Theora | Codec::Other(_) | Codec::Rgb | Codec::Raw | Codec::Png => {
            gst::Structure::new_empty("video/x-raw")
        }
        Codec::Mpeg1 => mpeg(1),
        Codec::Mpeg2 => mpeg(2),
        // The decoder corrects the mistakes of these encoders, which their names tell.
        Codec::Mpeg4 => match coded.four.map(|four| four.to_ascii_uppercase()).as_deref() {
            Some(b"DIVX") => gst::Structure::builder("video/x-divx").field("divxversion", 4).build(),
            Some(b"DX50") => gst::Structure::builder("video/x-divx").field("divxversion", 5).build(),
            _ => mpeg(4),
        },
    }
}

/// Units of the display size that are none: all that is known is that it is unknown.
const UNIT_UNKNOWN: u64 = 4;

/// Width and height of a pixel: what a picture is shown as, by what it has; nothing where the track does not say.
fn pixel_aspect(video: &Video) -> Option<gst::Fraction> {
    if video.display_unit >= UNIT_UNKNOWN || (video.display_width.is_none() && video.display_height.is_none())
    {
        return None;
    }
    // Two pictures in one are shown as one.
    let (across, down) = match video.stereo_mode {
        1 | 8 | 9 | 11 => (2, 1),
        2 | 3 | 6 | 7 => (1, 2),
        _ => (1, 1),
    };
    let width = video.display_width.unwrap_or(video.width);
    let height = video.display_height.unwrap_or(video.height);
    let numerator = width.checked_mul(video.height)?.checked_mul(across)?;
    let denominator = height.checked_mul(video.width)?.checked_mul(down)?;
    let common = common_divisor(numerator, denominator);
    let part = |whole: u64| i32::try_from(whole.checked_div(common)?).ok().filter(|&part| part > 0);
    Some(gst::Fraction::new(part(numerator)?, part(denominator)?))
}

fn common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// The numbers of GStreamer's enumerations by those of ISO/IEC 23091-2, beginning with 0. 0 is not known.
const MATRICES: [u8; 10] = [1, 3, 0, 0, 2, 4, 4, 5, 0, 6];
const TRANSFERS: [u8; 19] = [0, 5, 0, 0, 4, 8, 16, 6, 1, 9, 10, 0, 0, 7, 13, 11, 14, 0, 15];
const PRIMARIES: [u8; 23] = [0, 1, 0, 0, 2, 3, 4, 5, 6, 7, 9, 10, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12];
/// Of the range, by Matroska's number of it.
const RANGES: [u8; 3] = [0, 2, 1];

/// The colour as GStreamer writes it; nothing where nothing of it is known.
fn colorimetry(colour: Colour) -> Option<gst_video::VideoColorimetry> {
    let number = |numbers: &[u8], of: u64| usize::try_from(of).ok().and_then(|of| numbers.get(of)).copied();
    let numbers = [
        number(&RANGES, colour.range),
        number(&MATRICES, colour.matrix),
        number(&TRANSFERS, colour.transfer),
        number(&PRIMARIES, colour.primaries),
    ];
    let numbers = numbers.map(Option::unwrap_or_default);
    let [range, matrix, transfer, primaries] = numbers;
    let text = format!("{range}:{matrix}:{transfer}:{primaries}");
    (numbers != [0; 4]).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_written_as_gstreamer_writes_them() {
        gst::init().unwrap();
        let written = |range, matrix, transfer, primaries| {
            let colour = Colour { range, matrix, transfer, primaries };
            colorimetry(colour).map(|colour| colour.to_string())
        };
        assert_eq!(written(0, 2, 2, 2), None);
        assert_eq!(written(1, 1, 1, 1).as_deref(), Some("bt709"));
        assert_eq!(written(1, 6, 6, 6).as_deref(), Some("bt601"));
        assert_eq!(written(1, 9, 18, 9).as_deref(), Some("bt2100-hlg"));
        assert_eq!(written(1, 9, 16, 9).as_deref(), Some("bt2100-pq"));
        assert_eq!(written(2, 0, 13, 1).as_deref(), Some("sRGB"));
        assert_eq!(written(1, 2, 2, 2).as_deref(), Some("2:0:0:0"));
        assert_eq!(written(1, 5, 1, 1).as_deref(), Some("2:4:5:1"));
        assert_eq!(written(9, 77, u64::MAX, 23), None);
    }

    #[test]
    fn pixels_are_as_wide_as_the_display_makes_them() {
        let video = Video { width: 456, height: 256, ..Video::default() };
        assert_eq!(pixel_aspect(&video), None);
        let shown = Video { display_width: Some(455), display_height: Some(256), ..video.clone() };
        assert_eq!(pixel_aspect(&shown), Some(gst::Fraction::new(455, 456)));
        assert_eq!(pixel_aspect(&Video { display_unit: UNIT_UNKNOWN, ..shown.clone() }), None);
        let beside = Video { display_width: Some(228), display_height: Some(256), stereo_mode: 1, ..video };
        assert_eq!(pixel_aspect(&beside), Some(gst::Fraction::new(1, 1)));
        for (width, height) in [(0, 256), (u64::MAX, 1), (455, 0)] {
            let odd = Video { display_width: Some(width), display_height: Some(height), ..shown.clone() };
            assert_eq!(pixel_aspect(&odd), None);
        }
    }
}
