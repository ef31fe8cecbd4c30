//! What came out of a demuxer, turned into a stream, or into the reason why it cannot be trusted.
//!
//! Demuxers end a file that was cut as they end a whole one, and a stream that changes like one that
//! goes on: the signs are reads behind the end, pads that are taken away, descriptions that differ.

use gst::prelude::*;
use gstreamer as gst;

use super::{bitmap, continuity, packet_pad::Track, pes, riff};
use crate::{
    codec::Codec,
    demux::{
        Demuxed, MOST_HELD, Packet,
        description::{codec_of, for_decoder, framing_of},
    },
    error::VideoError,
    file::{Container, FileBytes},
    plan::order::Stamp,
};

/// Turns what came out into packets, or says why it cannot be trusted.
pub(super) fn check(
    track: Track,
    file: &FileBytes,
    container: Container,
    cut_reads: u32,
) -> Result<Demuxed, VideoError> {
    if track.held > MOST_HELD {
        return Err(VideoError::FileTooLarge { bytes: file.length(), limit: MOST_HELD });
    }
    if let Some(element) = track.missing {
        return Err(VideoError::no_element(element));
    }
    let Some(chosen) = &track.chosen else { return Err(no_video(track, container, cut_reads)) };
    let pid = pid_of(chosen).filter(|_| container == Container::TransportStream);
    check_whole(&track, file, container, cut_reads, pid)?;
    let Track { mut packets, caps, orientation, replaced, parsed, headless, turns, .. } = track;
    if let Some(pid) = pid {
        pes::fill(&mut packets, file, pid);
    }
    // Parsers leave out, without a word, pictures whose parameter sets are missing.
    let (entered, missing) = (parsed.0, parsed.0.saturating_sub(parsed.1));
    let first = || packets.first()?.buffer(file).into_mapped_buffer_readable().ok();
    if missing > 0 && !first().is_some_and(|first| headless.explains(missing, &first)) {
        let reason = format!("{missing} of {entered} pictures lack what describes them");
        return Err(VideoError::ContainerDamaged { container: container.name(), reason });
    }
    if replaced {
        return Err(VideoError::CodecChanged { packets: packets.len() as u32 });
    }
    let (Some(first), false) = (caps.first(), packets.is_empty()) else {
        return Err(VideoError::NoVideoStream { container: container.name() });
    };
    check_caps(&caps)?;
    let described = first.structure(0).is_some_and(|stream| stream.name() == bitmap::UNKNOWN);
    let described = if described { bitmap::caps(file) } else { None };
    let first = described.as_ref().unwrap_or(first);
    let structure = first.structure(0).expect("a stream is only chosen by the structure of its caps");
    let Some(codec) = codec_of(structure) else {
        return Err(VideoError::UnknownCodec { codec: structure.name().to_string() });
    };
    if codec == Codec::Theora && container != Container::Ogg {
        return Err(VideoError::UnknownCodec { codec: structure.name().to_string() });
    }
    if matches!(codec, Codec::Theora | Codec::Raw | Codec::Png | Codec::Other(_)) {
        // FFmpeg shows nothing for a packet without bytes; some decoders would show the picture before again.
        packets.retain(|packet| packet.body.length() > 0);
    }
    for Packet { stamp, .. } in &mut packets {
        forget_guesses(stamp, container);
    }
    let framing = framing_of(structure);
    Ok(Demuxed { codec, framing, caps: for_decoder(codec, first), packets, orientation, turns })
}

/// Takes out of a packet's times what its container does not have, and demuxer and parser guess.
fn forget_guesses(stamp: &mut Stamp, container: Container) {
    match container {
        // It counts packets.
        Container::Avi => (stamp.dts, stamp.pts) = (stamp.dts.or(stamp.pts), None),
        Container::RawH264 | Container::RawHevc => (stamp.dts, stamp.pts) = (None, None),
        _ => {}
    }
}

/// Why there is no video.
fn no_video(track: Track, container: Container, cut_reads: u32) -> VideoError {
    match (track.unknown, track.error) {
        (Some(media), _) if media.starts_with("application/x-cenc") => VideoError::Encrypted,
        (Some(codec), _) => VideoError::UnknownCodec { codec },
        (None, _) if cut_reads > 0 => {
            VideoError::Truncated { reason: "its index points behind the end of the file".to_owned() }
        }
        (None, Some(reason)) => VideoError::ContainerDamaged { container: container.name(), reason },
        (None, None) if track.cover => VideoError::UnknownCodec { codec: "image/png".to_owned() },
        (None, None) => VideoError::NoVideoStream { container: container.name() },
    }
}

/// Refuses a file that is cut off, or that the demuxer found damaged, or of which a part is missing; `pid` is the number
/// of the video's stream in a transport stream.
fn check_whole(
    track: &Track,
    file: &FileBytes,
    container: Container,
    cut_reads: u32,
    pid: Option<u16>,
) -> Result<(), VideoError> {
    let damaged = |reason| Err(VideoError::ContainerDamaged { container: container.name(), reason });
    if cut_reads > 0 {
        let there = track.packets.len();
        let reason = format!("data behind the end of the file is promised; {there} packets are there");
        return Err(VideoError::Truncated { reason });
    }
    if let Some(reason) = &track.error {
        return damaged(reason.clone());
    }
    if container == Container::Avi
        && let Some(reason) = riff::unread(file)
    {
        return damaged(reason);
    }
    match pid.and_then(|pid| continuity::first_gap(file, pid)) {
        Some(at) => damaged(format!("a packet of the video is missing or damaged before byte {at}")),
        None => Ok(()),
    }
}

/// Refuses a stream that becomes another on the way.
fn check_caps(caps: &[gst::Caps]) -> Result<(), VideoError> {
    let mut shape = Shape::default();
    for other in caps {
        let other = Shape::of(other);
        shape = match shape.joined(&other) {
            Some(joined) => joined,
            None => {
                let (before, after) = (shape.to_string(), other.to_string());
                return Err(VideoError::CapsChanged { before, after });
            }
        };
    }
    Ok(())
}

/// The number of a pad's stream among the packets, which ends its name: `video_0_0100`.
fn pid_of(pad: &gst::Pad) -> Option<u16> {
    u16::from_str_radix(pad.name().rsplit('_').next()?, 16).ok()
}

/// What may not change in the middle of a stream. What is not known, since a parser has not read far enough,
/// is nothing: empty or 0.
#[derive(Clone, Debug, Default, PartialEq)]
struct Shape {
    media: String,
    size: (i32, i32),
    depth: u32,
    chroma: String,
}

impl Shape {
    fn of(caps: &gst::Caps) -> Self {
        let Some(structure) = caps.structure(0) else { return Self::default() };
        let number = |name| structure.get::<i32>(name).unwrap_or(0);
        Self {
            media: structure.name().to_string(),
            size: (number("width"), number("height")),
            depth: structure.get("bit-depth-luma").unwrap_or(0),
            chroma: structure.get::<&str>("chroma-format").unwrap_or("").to_owned(),
        }
    }
}

impl Shape {
    /// What is known by both; nothing where they contradict each other.
    fn joined(&self, other: &Self) -> Option<Self> {
        fn either<T: Clone + Default + PartialEq>(one: &T, other: &T) -> Option<T> {
            let (none, same) = (T::default(), one == other);
            let known = if *one == none { other } else { one };
            (same || *one == none || *other == none).then(|| known.clone())
        }
        let media = either(&self.media, &other.media)?;
        // The parser of HEVC gives pictures that are fields the rows of a frame, once a message says what they are.
        let field_of =
            |frame: (i32, i32), field: (i32, i32)| (frame == (field.0, 2 * field.1)).then_some(field);
        let field = || field_of(self.size, other.size).or(field_of(other.size, self.size));
        let field = || field().filter(|_| media == "video/x-h265");
        Some(Self {
            size: either(&self.size, &other.size).or_else(field)?,
            media,
            depth: either(&self.depth, &other.depth)?,
            chroma: either(&self.chroma, &other.chroma)?,
        })
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}x{}", self.media, self.size.0, self.size.1)?;
        if self.depth > 0 { write!(f, " {} bit {}", self.depth, self.chroma) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_that_say_less_are_the_same_and_others_are_not() {
        let (bare, eight) = (
            Shape { media: "video/x-h264".to_owned(), size: (320, 240), ..Shape::default() },
            Shape {
                media: "video/x-h264".to_owned(),
                size: (320, 240),
                depth: 8,
                chroma: "4:2:0".to_owned(),
            },
        );
        let frame =
            |media: &str, rows| Shape { media: media.to_owned(), size: (320, rows), ..Shape::default() };
        let fields = frame("video/x-h265", 120);
        assert_eq!(fields.joined(&frame("video/x-h265", 240)), Some(fields.clone()));
        assert_eq!(frame("video/x-h265", 240).joined(&fields), Some(fields));
        assert_eq!(frame("video/x-h264", 120).joined(&frame("video/x-h264", 240)), None);
        let ten = Shape { depth: 10, ..eight.clone() };
        assert_eq!(
            Shape::default().joined(&bare).and_then(|shape| shape.joined(&eight)),
            Some(eight.clone())
        );
        assert_eq!(bare.joined(&Shape { size: (320, 180), ..bare.clone() }), None);
        assert_eq!(eight.joined(&ten), None);
    }
}
