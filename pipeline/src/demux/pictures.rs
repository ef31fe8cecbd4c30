//! Picture files as videos: one picture, an animation, or pictures one behind the other.
//!
//! ```text
//! JPEG        packets of Motion JPEG, decoded as those of a film are: FFmpeg's planes
//! PNG         a picture each, decoded here to planes of G, B and R; alpha is left out
//! GIF, WebP   the pictures of the animation, whole and with their times, in the same way
//! ```
//!
//! A folder of numbered pictures is read as the bytes of all of them ([`crate::file::numbered`]). Pictures have no times,
//! so those that follow each other are shown 25 a second.

pub(super) mod animation;
pub(super) mod jpeg;
pub(super) mod png;

use bytes::Bytes;
use gstreamer as gst;

use super::{Body, Demuxed, MOST_HELD, Packet, description};
use crate::{
    StreamTime,
    codec::{Codec, bits::Framing},
    error::VideoError,
    file::Container,
    picture::Orientation,
    plan::order::Stamp,
};

/// Nanoseconds that a picture without times is shown.
const SHOWN: i64 = 40_000_000;

/// Pictures of one size, which were decoded.
pub(super) struct Pictures {
    width: u32,
    height: u32,
    /// The planes of each, and how many nanoseconds it is shown.
    planes: Vec<(Bytes, i64)>,
}

/// The packets of pictures that were decoded: each is its planes.
pub(super) fn of_planes(pictures: Pictures) -> Demuxed {
    let caps = gst::Caps::builder("video/x-raw")
        .field("format", "GBR")
        .field("width", pictures.width as i32)
        .field("height", pictures.height as i32)
        .build();
    let mut time = 0;
    let packet = |(planes, shown): (Bytes, i64)| {
        let stamp = stamp(time, shown);
        time += shown;
        Packet { body: Body::Held(planes), stamp, key: true }
    };
    let packets = pictures.planes.into_iter().map(packet).collect();
    demuxed(Codec::Rgb, caps, packets, Orientation::default())
}

fn demuxed(codec: Codec, caps: gst::Caps, packets: Vec<Packet>, orientation: Orientation) -> Demuxed {
    let (framing, caps) = (Framing::StartCodes, description::for_decoder(codec, &caps));
    Demuxed { codec, framing, caps, packets, orientation, turns: Default::default() }
}

/// The times of a picture that is shown from `time` on.
fn stamp(time: i64, shown: i64) -> Stamp {
    Stamp {
        pts: Some(StreamTime(time)),
        dts: Some(StreamTime(time)),
        duration: Some(shown),
        ..Stamp::default()
    }
}

/// What is wrong with a picture file.
fn damaged(container: Container, why: impl ToString) -> VideoError {
    VideoError::ContainerDamaged { container: container.name(), reason: why.to_string() }
}

/// The planes G, B and R of pixels of three or four bytes.
fn planes(pixels: &[u8], bytes_a_pixel: usize) -> Bytes {
    let plane = |channel: usize| pixels.chunks_exact(bytes_a_pixel).map(move |pixel| pixel[channel]);
    plane(1).chain(plane(2)).chain(plane(0)).collect::<Vec<u8>>().into()
}

/// Refuses another picture of this size where it is too large, or all of them are together.
fn check_size(width: u32, height: u32, held: u64) -> Result<(), VideoError> {
    let bytes = held.saturating_add(3 * u64::from(width) * u64::from(height));
    if bytes > MOST_HELD { Err(VideoError::FileTooLarge { bytes, limit: MOST_HELD }) } else { Ok(()) }
}
