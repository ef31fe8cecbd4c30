//! GStreamer's elements that decode.

use gstreamer as gst;

use crate::{codec::Codec, error::VideoError};

/// The element of libaom.
pub(crate) const LIBAOM: &str = "av1dec";

/// Names of the elements that may decode a codec, the best first. MJPEG is never left to jpegdec, which rounds otherwise.
pub(crate) fn names(codec: Codec) -> &'static [&'static str] {
    match codec {
        Codec::H264 => &["avdec_h264"],
        Codec::Hevc => &["avdec_h265"],
        Codec::Vp8 => &["avdec_vp8"],
        Codec::Vp9 => &["avdec_vp9"],
        // dav1d's element is faster, and cannot be told to look for damage as libaom does.
        Codec::Av1 => &[LIBAOM, "dav1ddec"],
        Codec::Mpeg4 => &["avdec_mpeg4"],
        Codec::Mpeg2 | Codec::Mpeg1 => &["avdec_mpeg2video"],
        Codec::Mjpeg => &["avdec_mjpeg"],
        // No decoder of libav is registered for it.
        Codec::Theora => &["theoradec"],
        Codec::Other(other) => std::slice::from_ref(other.element()),
        Codec::Rgb | Codec::Raw | Codec::Png => &[],
    }
}

/// The element that decodes a codec.
pub(super) fn make(codec: Codec) -> Result<gst::Element, VideoError> {
    let names = names(codec);
    let made = names.iter().find_map(|name| gst::ElementFactory::make(name).build().ok());
    made.ok_or_else(|| VideoError::no_element(names.first().copied().unwrap_or("none")))
}

/// The element of libaom.
#[cfg(any(feature = "dav1d", feature = "dav1d-1-0"))]
pub(super) fn libaom() -> Result<gst::Element, VideoError> {
    let made = gst::ElementFactory::make(LIBAOM).build();
    made.map_err(|_| VideoError::no_element(LIBAOM))
}
