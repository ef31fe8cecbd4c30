//! What came out of a demuxer, turned into a stream, or into the reason why it cannot be trusted.
//!
//! Demuxers end a file that was cut as they end a whole one, and a stream that changes like one that
//! goes on: the signs are reads behind the end, pads that are taken away, descriptions that differ.

use gstreamer as gst;

use super::{
    Demuxed, Packet,
    boxes::{self, Edits},
    description::{codec_of, for_decoder, framing_of},
    packet_pad::{MOST_HELD, Track},
};
use crate::{
    file::{Container, FileBytes},
    video::VideoError,
};

/// Nanoseconds by which times of one moment may differ that were counted in different units.
const ROUNDING: i64 = 500;

/// Turns what came out into packets, or says why it cannot be trusted.
pub(super) fn judge(
    track: Track,
    file: &FileBytes,
    container: Container,
    cut_reads: u32,
) -> Result<Demuxed, VideoError> {
    let Track { mut packets, caps, orientation, chosen, replaced, unknown, error, held, .. } = track;
    if held > MOST_HELD {
        return Err(VideoError::FileTooLarge { bytes: file.length(), limit: MOST_HELD });
    }
    if chosen.is_none() {
        return Err(match (unknown, error) {
            (Some(media), _) if media.starts_with("application/x-cenc") => VideoError::Encrypted,
            (Some(codec), _) => VideoError::UnknownCodec { codec },
            (None, _) if container == Container::Mp4 && is_encrypted(file) => VideoError::Encrypted,
            (None, _) if cut_reads > 0 => {
                VideoError::Truncated { reason: "its index points behind the end of the file".to_owned() }
            }
            (None, Some(reason)) => VideoError::ContainerDamaged { container: container.name(), reason },
            (None, None) => VideoError::NoVideoStream { container: container.name() },
        });
    }
    if cut_reads > 0 {
        return Err(VideoError::Truncated {
            reason: format!(
                "data behind the end of the file is promised; {} packets are there",
                packets.len()
            ),
        });
    }
    if let Some(reason) = error {
        return Err(VideoError::ContainerDamaged { container: container.name(), reason });
    }
    if replaced {
        return Err(VideoError::CodecChanged { packets: packets.len() as u32 });
    }
    let (Some(first), false) = (caps.first(), packets.is_empty()) else {
        return Err(VideoError::NoVideoStream { container: container.name() });
    };
    let shape = |caps: &gst::Caps| Shape::of(caps).to_string();
    if let Some(other) = caps.iter().find(|other| Shape::of(other) != Shape::of(first)) {
        return Err(VideoError::CapsChanged { before: shape(first), after: shape(other) });
    }
    let structure = first.structure(0).expect("a stream is only chosen by the structure of its caps");
    let Some(codec) = codec_of(structure) else {
        return Err(VideoError::UnknownCodec { codec: structure.name().to_string() });
    };
    let edits = if container == Container::Mp4 { boxes::edits(file) } else { Edits::default() };
    if edits.parts > 1 {
        return Err(VideoError::EditList { parts: edits.parts });
    }
    for Packet { stamp, .. } in &mut packets {
        stamp.hidden &= container == Container::Mp4;
        stamp.behind = stamp.pts.zip(edits.end).is_some_and(|(pts, end)| pts.0 + ROUNDING >= end);
    }
    if container == Container::Avi {
        // AVI counts packets; what demuxer and parser call presentation times is a guess.
        for Packet { stamp, .. } in &mut packets {
            stamp.dts = stamp.dts.or(stamp.pts.take());
            stamp.pts = None;
        }
    }
    let framing = framing_of(structure);
    Ok(Demuxed { codec, framing, caps: for_decoder(codec, first), packets, orientation })
}

/// What may not change in the middle of a stream.
#[derive(PartialEq)]
struct Shape {
    media: String,
    size: (i32, i32),
    depth: u32,
    chroma: String,
}

impl Shape {
    fn of(caps: &gst::Caps) -> Self {
        let Some(structure) = caps.structure(0) else {
            return Self { media: String::new(), size: (0, 0), depth: 0, chroma: String::new() };
        };
        let number = |name| structure.get::<i32>(name).unwrap_or(0);
        Self {
            media: structure.name().to_string(),
            size: (number("width"), number("height")),
            depth: structure.get("bit-depth-luma").unwrap_or(0),
            chroma: structure.get::<&str>("chroma-format").unwrap_or("").to_owned(),
        }
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}x{}", self.media, self.size.0, self.size.1)?;
        if self.depth > 0 { write!(f, " {} bit {}", self.depth, self.chroma) } else { Ok(()) }
    }
}

/// Whether an MP4 file has a track of encrypted video: a sample entry `encv` (ISO 14496-12, 8.12) in
/// its `moov` box. Demuxers keep silent about tracks that they cannot decrypt.
fn is_encrypted(file: &FileBytes) -> bool {
    let movie = boxes::find(file, *b"moov");
    movie.is_some_and(|movie| movie.as_ref().windows(4).any(|window| window == b"encv"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encrypted_track_is_found_in_the_movie_box_only() {
        let entry = |outer: &[u8; 4]| [&[0, 0, 0, 8], b"free", &[0, 0, 0, 12], &outer[..], b"encv"].concat();
        let folder = tempfile::tempdir().unwrap();
        let is_encrypted = |bytes: &[u8]| {
            let path = folder.path().join("film");
            std::fs::write(&path, bytes).unwrap();
            is_encrypted(&FileBytes::open(&path, 1 << 20).unwrap())
        };
        assert!(is_encrypted(&entry(b"moov")));
        assert!(!is_encrypted(&entry(b"mdat")));
        assert!(!is_encrypted(&[0, 0, 0, 1, b'm', b'o', b'o', b'v']));
    }
}
