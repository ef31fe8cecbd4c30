//! Pictures without compression, by the four characters that containers call them, and PNG: what stands in place of
//! GStreamer's names for them.

use gstreamer as gst;

/// GStreamer's formats by four characters, of which small letters are the same as large ones.
const FOURS: [(&[u8; 4], &str); 20] = [
    (b"I420", "I420"),
    (b"IYUV", "I420"),
    (b"YV12", "YV12"),
    (b"Y42B", "Y42B"),
    (b"Y41B", "Y41B"),
    (b"444P", "Y444"),
    (b"Y800", "GRAY8"),
    (b"Y8  ", "GRAY8"),
    (b"GREY", "GRAY8"),
    (b"NV12", "NV12"),
    (b"NV21", "NV21"),
    (b"YUY2", "YUY2"),
    (b"YUYV", "YUY2"),
    (b"YUVS", "YUY2"),
    (b"UYVY", "UYVY"),
    (b"2VUY", "UYVY"),
    (b"HDYC", "UYVY"),
    (b"YVYU", "YVYU"),
    (b"24BG", "BGR"),
    (b"V210", "v210"),
];

/// The format of pictures that a container calls so.
pub(super) fn format(four: &[u8; 4]) -> Option<&'static str> {
    FOURS.into_iter().find(|(name, _)| four.eq_ignore_ascii_case(*name)).map(|(_, format)| format)
}

/// The same of a sample entry of MP4, whose pixels have so many bits.
pub(super) fn format_in_mp4(four: &[u8; 4], depth: u16) -> Option<&'static str> {
    match (four, depth) {
        (b"raw ", 24) => Some("RGB"),
        (b"raw ", 32) => Some("ARGB"),
        (b"BGRA", _) => Some("BGRA"),
        (b"RGBA", _) => Some("RGBA"),
        (b"ABGR", _) => Some("ABGR"),
        _ => format(four),
    }
}

/// Whether a container that calls pictures so means PNG.
pub(super) fn is_png(four: &[u8; 4]) -> bool {
    four.eq_ignore_ascii_case(b"MPNG") || four.eq_ignore_ascii_case(b"png ")
}

/// The description of a stream that a container calls so.
pub(super) fn description(four: &[u8; 4]) -> Option<gst::Structure> {
    if is_png(four) {
        return Some(gst::Structure::new_empty("image/png"));
    }
    Some(gst::Structure::builder("video/x-raw").field("format", format(four)?).build())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{codec::Codec, decode::raw_format::RawFormat, demux::codec_of};

    #[test]
    fn every_format_is_one_that_is_read() {
        gst::init().unwrap();
        for (four, format) in FOURS {
            assert!(RawFormat::named(format).is_some(), "{format}");
            assert_eq!(description(four).and_then(|structure| codec_of(&structure)), Some(Codec::Raw));
        }
        assert_eq!(description(b"mpng").and_then(|structure| codec_of(&structure)), Some(Codec::Png));
        assert_eq!((format_in_mp4(b"raw ", 24), format_in_mp4(b"raw ", 8)), (Some("RGB"), None));
        assert_eq!(format(b"v410"), None);
    }
}
