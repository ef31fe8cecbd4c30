//! The colours that an AV1 stream states, read from what is sent to its decoder.
//!
//! They stand in the sequence header. A container's configuration record may hold a copy, but need not; packets at
//! which decoding begins always have one. Decoders do not hand all of it on: GStreamer's leaves it out, and the
//! library of dav1d has no call for it.

use gstreamer as gst;
use gstreamer_video as gst_video;

use crate::{
    codec::av1::{self, Colour},
    demux::setup_of,
};

/// The colours of the last sequence header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct StatedColour(Option<Colour>);

impl StatedColour {
    /// What the configuration record of `caps` states.
    pub(super) fn of(caps: &gst::CapsRef) -> Self {
        Self(caps.structure(0).and_then(|structure| av1::colour(&setup_of(structure))))
    }

    /// Takes in a packet before it is decoded; most have no sequence header and change nothing.
    pub(super) fn note(&mut self, packet: &[u8]) {
        self.0 = av1::colour_in(packet).or(self.0);
    }

    /// The planes are green, blue and red.
    #[cfg(any(feature = "dav1d", feature = "dav1d-1-0"))]
    pub(super) fn is_rgb(self) -> bool {
        self.0.is_some_and(|colour| colour.matrix == av1::IDENTITY)
    }

    /// Matrix and range as GStreamer names them.
    pub(super) fn colorimetry(self) -> Option<gst_video::VideoColorimetry> {
        let colour = self.0?;
        let range = if colour.full {
            gst_video::VideoColorRange::Range0_255
        } else {
            gst_video::VideoColorRange::Range16_235
        };
        Some(gst_video::VideoColorimetry::new(
            range,
            matrix_of(colour.matrix),
            gst_video::VideoTransferFunction::Unknown,
            gst_video::VideoColorPrimaries::Unknown,
        ))
    }
}

/// Matrix coefficients by their number in ISO/IEC 23091-2.
fn matrix_of(number: u8) -> gst_video::VideoColorMatrix {
    match number {
        av1::IDENTITY => gst_video::VideoColorMatrix::Rgb,
        1 => gst_video::VideoColorMatrix::Bt709,
        4 => gst_video::VideoColorMatrix::Fcc,
        5 | 6 => gst_video::VideoColorMatrix::Bt601,
        7 => gst_video::VideoColorMatrix::Smpte240m,
        9 | 10 => gst_video::VideoColorMatrix::Bt2020,
        _ => gst_video::VideoColorMatrix::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_header_in_a_packet_counts_until_the_next() {
        gst::init().unwrap();
        let mut stated = StatedColour::of(&gst::Caps::new_empty_simple("video/x-av1"));
        assert_eq!(stated.colorimetry(), None);
        stated.note(&av1::sequence_with("1 00000001 00000001 00000001 1"));
        let bt709 = stated.colorimetry().unwrap();
        assert_eq!(
            (bt709.matrix(), bt709.range()),
            (gst_video::VideoColorMatrix::Bt709, gst_video::VideoColorRange::Range0_255)
        );
        // A packet without one.
        stated.note(&[0x12, 0]);
        assert_eq!(stated.colorimetry(), Some(bt709));
        stated.note(&av1::sequence_with("0 0"));
        assert_eq!(stated.colorimetry().unwrap().matrix(), gst_video::VideoColorMatrix::Unknown);
    }
}
