//! IVF: packets of VP8, VP9 or AV1 one behind the other, each with its length and time.
//!
//! ```text
//! DKIF │ version, length of this header, codec, width, height, ticks a second and their divisor, …
//! length, time │ packet │ length, time │ packet │ …
//! ```

use gstreamer as gst;

use super::{Body, Demuxed, Packet, allowance::Allowance, description::for_decoder};
use crate::{
    StreamTime,
    codec::{Codec, bits::Framing},
    error::VideoError,
    file::{Container, FileBytes},
    plan::order::Stamp,
};

/// Bytes of the header, as FFmpeg takes it whatever the header says, and of that of a packet.
const HEADER: u64 = 32;
const PACKET_HEADER: u64 = 12;

/// Takes the packets of a file apart.
pub(super) fn demux(file: &FileBytes) -> Result<Demuxed, VideoError> {
    let header = file.slice(0..HEADER);
    let header: &[u8; HEADER as usize] = header.as_ref().try_into().map_err(|_| cut("its header"))?;
    let (codec, media) = match &header[8..12] {
        b"VP80" => (Codec::Vp8, gst::Structure::builder("video/x-vp8")),
        b"VP90" => (Codec::Vp9, gst::Structure::builder("video/x-vp9")),
        b"AV01" => {
            let units = gst::Structure::builder("video/x-av1").field("stream-format", "obu-stream");
            (Codec::Av1, units.field("alignment", "tu"))
        }
        other => return Err(VideoError::UnknownCodec { codec: other.escape_ascii().to_string() }),
    };
    let side = |at: usize| i32::from(u16::from_le_bytes([header[at], header[at + 1]]));
    let word = |at: usize| header[at..].first_chunk().map_or(0, |&word| u32::from_le_bytes(word));
    let structure = media.field("width", side(12)).field("height", side(14)).build();
    let packets = packets(file, (word(20), word(16)))?;
    if packets.is_empty() {
        return Err(VideoError::NoVideoStream { container: Container::Ivf.name() });
    }
    let caps = for_decoder(codec, &gst::Caps::builder_full().structure(structure).build());
    let (framing, orientation, turns) = (Framing::StartCodes, Default::default(), Default::default());
    Ok(Demuxed { codec, framing, caps, packets, orientation, turns })
}

/// The packets that have bytes; a tick of their times is so many seconds, as a fraction.
fn packets(file: &FileBytes, tick: (u32, u32)) -> Result<Vec<Packet>, VideoError> {
    let too_much = |what| VideoError::ContainerDamaged {
        container: Container::Ivf.name(),
        reason: format!("{what} would take much more memory than the file has bytes"),
    };
    let (mut packets, mut allowance, mut at) = (Vec::new(), Allowance::of(file.length()), HEADER);
    while at < file.length() {
        let head = file.slice(at..at + PACKET_HEADER);
        let head = head.as_ref();
        let length = head.first_chunk().map(|&length| u32::from_le_bytes(length));
        let time = head.get(4..).and_then(|time| time.first_chunk()).map(|&time| i64::from_le_bytes(time));
        let (Some(length), Some(time)) = (length, time) else { return Err(cut("the header of a packet")) };
        let place = at + PACKET_HEADER;
        at = place + u64::from(length);
        if at > file.length() {
            return Err(cut("the end of a packet"));
        }
        let nanoseconds = i128::from(time) * i128::from(tick.0) * 1_000_000_000 / i128::from(tick.1.max(1));
        let pts = i64::try_from(nanoseconds).ok().map(StreamTime);
        if length > 0 {
            allowance.take(length.into()).map_err(too_much)?;
            let stamp = Stamp { pts, ..Stamp::default() };
            packets.push(Packet { body: Body::OnDisk { place, length }, stamp, key: packets.is_empty() });
        }
    }
    Ok(packets)
}

fn cut(what: &str) -> VideoError {
    VideoError::Truncated { reason: format!("it ends before {what}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn film(four: &[u8; 4], packets: &[(&[u8], u64)]) -> Vec<u8> {
        let mut bytes = [b"DKIF\0\0\x20\0".as_slice(), four, &[64, 0, 48, 0]].concat();
        bytes.extend([25u32, 2, packets.len() as u32, 0].map(u32::to_le_bytes).concat());
        for (body, time) in packets {
            bytes.extend((body.len() as u32).to_le_bytes());
            bytes.extend(time.to_le_bytes());
            bytes.extend_from_slice(body);
        }
        bytes
    }

    fn demuxed(bytes: Vec<u8>) -> Result<Demuxed, VideoError> {
        gst::init().unwrap();
        demux(&FileBytes::none().shown_as(bytes))
    }

    #[test]
    fn packets_have_their_places_and_times() {
        let whole = film(b"VP90", &[(b"abc", 0), (b"", 1), (b"de", 3)]);
        let found = demuxed(whole.clone()).unwrap();
        let packets: Vec<_> = found.packets.iter().map(|packet| (packet.place(), packet.stamp.pts)).collect();
        assert_eq!(found.codec, Codec::Vp9);
        assert_eq!(
            packets,
            [(Some(44..47), Some(StreamTime(0))), (Some(71..73), Some(StreamTime(240_000_000)))]
        );
        for length in 0..whole.len() {
            let between = [32, 47, 59].contains(&length);
            let found = demuxed(whole[..length].to_vec());
            assert_eq!(!matches!(found, Err(VideoError::Truncated { .. })), between, "{length}");
        }
    }

    #[test]
    fn other_codecs_are_named() {
        let found = demuxed(film(b"H264", &[(b"abc", 0)])).unwrap_err();
        assert!(matches!(found, VideoError::UnknownCodec { codec } if codec == "H264"));
    }
}
