//! Matroska and WebM: the packets of a file's video by our own reading of its elements (RFC 8794, RFC 9559).
//!
//! Every statement is taken from the elements: which track is the film, what its decoder must know, where the frames
//! lie, when they are shown and how they are turned. The rules are those of FFmpeg 8 (`matroskadec.c`), except that
//! nothing is passed over: where FFmpeg reports damage, leaves it out and goes on, the file is refused.
//!
//! ```text
//! FileBytes ─▶ element ─▶ segments ─▶ clusters ─▶ Vec<Packet> (places in the file)
//!                            └─▶ tracks ─▶ codecs, caps, packing, projection
//! ```
//!
//! Beside the packets hardly anything is held, and the payload of blocks is not read, unless it is packed. Reading
//! ends with the time limit; the number of packets, and the bytes that they unpack to, are bound to the file's size.

mod block;
mod caps;
mod clusters;
mod codecs;
mod element;
mod fault;
mod ids;
mod metadata;
mod packing;
mod projection;
mod prores;
mod segments;
#[cfg(test)]
mod test_films;
#[cfg(test)]
mod tests;
mod times;
mod tracks;

use std::time::Instant;

use self::{
    clusters::{Found, Making},
    codecs::TrackCodec,
    element::Reader,
    fault::Fault,
    segments::{Head, Segment},
    times::Clock,
};
use super::{
    Demuxed,
    description::{for_decoder, framing_of},
};
use crate::{
    codec::sei::Turns,
    error::VideoError,
    file::{Container, FileBytes},
};

pub(crate) use self::packing::Packing;

/// Takes the video out of a Matroska file, until `deadline`, which is after `seconds`.
pub(super) fn demux(file: &FileBytes, deadline: Instant, seconds: u32) -> Result<Demuxed, VideoError> {
    let fault = |fault: Fault| fault.into_error(seconds);
    let no_video = || VideoError::NoVideoStream { container: Container::Matroska.name() };
    let mut reader = Reader::new(file, deadline);
    let segment = Segment::first(&mut reader).map_err(fault)?.ok_or_else(no_video)?;
    let head = Head::read(&mut reader, segment).map_err(fault)?;

    let mut track = head.tracks.video.clone().ok_or_else(no_video)?;
    let packing = Packing::of(&mut track)?;
    let coded = TrackCodec::of(&track).map_err(|codec| VideoError::UnknownCodec { codec })?;
    let orientation =
        projection::upright(track.video.pose).map_err(|degrees| VideoError::OddTurn { degrees })?;

    let clock = Clock::new(head.tick, &track, coded.four.is_some());
    let making = Making { tracks: &head.tracks, clock, packing: packing.as_ref() };
    let mut found = Found::new(file.length());
    head.take_clusters(&mut reader, making, &mut found).map_err(fault)?;
    if found.packets.is_empty() {
        return Err(no_video());
    }
    let caps = for_decoder(coded.codec, &caps::caps_of(&track, &coded));
    let framing = framing_of(caps.structure(0).ok_or_else(no_video)?);
    let mut packets = found.into_packets(head.tick);
    if track.codec == codecs::PRORES {
        packets.iter_mut().for_each(|packet| prores::head(packet, file));
    }
    Ok(Demuxed { codec: coded.codec, framing, caps, packets, orientation, turns: Turns::default() })
}
