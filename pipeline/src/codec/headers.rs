//! What one packet codes, found in its bytes and not in the container's flags.
//!
//! The container's key flag also marks open groups, recovery points and clean random-access pictures,
//! and is wrong or missing in damaged files; the slices say what may be trusted.

use super::{Codec, Coded, Start, StreamHeader, av1, bits::Framing, h264, hevc, mpeg, sorenson, theora, vpx};

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
        Codec::Vp8 => (header, packets.map(|packet| vpx::vp8(packet.as_ref())).collect()),
        Codec::Vp9 => vpx::vp9(packets),
        Codec::Av1 => (header, av1::look(setup, packets)),
        Codec::Theora => theora::look(packets),
        Codec::Mjpeg | Codec::Rgb | Codec::Raw | Codec::Png => (header, each(ALONE, packets)),
        Codec::Other(other) if other.is_alone() => (header, each(ALONE, packets)),
        Codec::Other(other) if other.name() == "flv1" => sorenson::look(packets),
        Codec::Other(_) => (header, each(Coded::COUNTED, packets)),
    }
}

/// A packet that is a picture by itself.
const ALONE: Coded = Coded { start: Start::Closed, disposable: true, ..Coded::UNKNOWN };

/// The same of each packet that has any bytes; one without shows nothing.
fn each(coded: Coded, packets: impl Iterator<Item = impl AsRef<[u8]>>) -> Vec<Coded> {
    packets.map(|packet| Coded { shown: !packet.as_ref().is_empty(), ..coded }).collect()
}
