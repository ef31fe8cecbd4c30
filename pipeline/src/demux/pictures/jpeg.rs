//! JPEG pictures one behind the other: where each lies, how large it is, and how a camera held it.

use gstreamer as gst;

use super::{SHOWN, damaged, demuxed, stamp};
use crate::{
    codec::Codec,
    demux::{Body, Demuxed, Packet},
    error::VideoError,
    file::Container,
    picture::Orientation,
};

/// One picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Jpeg {
    /// Its bytes in the file.
    start: usize,
    end: usize,
    width: u16,
    height: u16,
    orientation: Orientation,
    /// Other pictures in the file belong to it: a smaller one, or one that says how bright it is.
    has_companions: bool,
}

/// The pictures as packets of Motion JPEG.
pub(in crate::demux) fn demux(bytes: &[u8]) -> Result<Demuxed, VideoError> {
    let mut pictures = Vec::new();
    let mut at = 0;
    while let Some(start) = begin(bytes, at) {
        let picture = picture(bytes, start)
            .ok_or_else(|| damaged(Container::Jpeg, format!("picture {} is cut", pictures.len())))?;
        at = picture.end;
        let is_alone = picture.has_companions;
        pictures.push(picture);
        if is_alone {
            break;
        }
    }
    let Some(first) = pictures.first().cloned() else {
        return Err(damaged(Container::Jpeg, "there is no picture in it"));
    };
    if let Some(other) = pictures.iter().find(|it| (it.width, it.height) != (first.width, first.height)) {
        let words = |it: &Jpeg| format!("{}x{}", it.width, it.height);
        return Err(VideoError::CapsChanged { before: words(&first), after: words(other) });
    }
    let caps = gst::Caps::builder("image/jpeg")
        .field("width", i32::from(first.width))
        .field("height", i32::from(first.height))
        .field("framerate", gst::Fraction::new(25, 1))
        .build();
    let packet = |(time, picture): (i64, &Jpeg)| Packet {
        body: Body::OnDisk { place: picture.start as u64, length: (picture.end - picture.start) as u32 },
        stamp: stamp(time * SHOWN, SHOWN),
        key: true,
    };
    let packets = (0..).zip(&pictures).map(packet).collect();
    Ok(demuxed(Codec::Mjpeg, caps, packets, first.orientation))
}

/// Where the next picture begins.
fn begin(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    Some(from + rest.windows(3).position(|mark| mark == [0xff, 0xd8, 0xff])?)
}

/// The picture that begins at `start`; none where it is cut.
fn picture(bytes: &[u8], start: usize) -> Option<Jpeg> {
    let mut picture = Jpeg { start, ..Jpeg::default() };
    let mut at = start + 2;
    loop {
        let &[first, marker, ..] = bytes.get(at..)? else { return None };
        if first != 0xff {
            return None;
        }
        at += 1;
        match marker {
            // Bytes that fill up.
            0xff => continue,
            0xd9 => {
                picture.end = at + 1;
                let is_there = picture.width > 0 && picture.height > 0;
                return is_there.then_some(picture);
            }
            0x01 | 0xd0..=0xd8 => {
                at += 1;
                continue;
            }
            _ => {}
        }
        let length = usize::from(u16::from_be_bytes(bytes.get(at + 1..at + 3)?.try_into().ok()?));
        let body = bytes.get(at + 3..at + 1 + length)?;
        match marker {
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                picture.height = u16::from_be_bytes(body.get(1..3)?.try_into().ok()?);
                picture.width = u16::from_be_bytes(body.get(3..5)?.try_into().ok()?);
            }
            0xe1 => {
                picture.orientation = body.strip_prefix(b"Exif\0\0").map(exif).unwrap_or(picture.orientation)
            }
            0xe2 if body.starts_with(b"MPF\0") => picture.has_companions = true,
            _ => {}
        }
        at += 1 + length;
        if marker == 0xda {
            at += behind_samples(bytes.get(at..)?)?;
        }
    }
}

/// Bytes of compressed samples up to the next marker; those of restarts are among them.
fn behind_samples(bytes: &[u8]) -> Option<usize> {
    bytes.windows(2).position(|pair| pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7 | 0xff))
}

/// How a picture is turned upright, by its Exif data.
fn exif(tiff: &[u8]) -> Orientation {
    orientation_in(tiff).unwrap_or_default()
}

fn orientation_in(tiff: &[u8]) -> Option<Orientation> {
    let is_little = tiff.starts_with(b"II*\0");
    if !is_little && !tiff.starts_with(b"MM\0*") {
        return None;
    }
    let u16_at = |at: usize| -> Option<u16> {
        let bytes = tiff.get(at..at + 2)?.try_into().ok()?;
        Some(if is_little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let offset: [u8; 4] = tiff.get(4..8)?.try_into().ok()?;
    let offset = if is_little { u32::from_le_bytes(offset) } else { u32::from_be_bytes(offset) } as usize;
    let entries = usize::from(u16_at(offset)?);
    let entry = (0..entries).map(|entry| offset + 2 + 12 * entry).find(|at| u16_at(*at) == Some(0x0112))?;
    let (quarter_turns, mirrored) = match u16_at(entry + 8)? {
        2 => (0, true),
        3 => (2, false),
        4 => (2, true),
        5 => (3, true),
        6 => (1, false),
        7 => (1, true),
        8 => (3, false),
        _ => (0, false),
    };
    Some(Orientation { quarter_turns, mirrored })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A JPEG of these segments: marker and body.
    fn jpeg(segments: &[(u8, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0xff, 0xd8];
        for (marker, body) in segments {
            bytes.extend([0xff, *marker]);
            bytes.extend((body.len() as u16 + 2).to_be_bytes());
            bytes.extend(*body);
        }
        bytes.extend([1, 2, 0xff, 0, 3, 0xff, 0xd3, 4, 0xff, 0xd9]);
        bytes
    }

    const SIZE: (u8, &[u8]) = (0xc0, &[8, 0, 32, 0, 48, 3]);
    const SCAN: (u8, &[u8]) = (0xda, &[1, 1, 0, 0, 63, 0]);

    #[test]
    fn pictures_end_where_their_samples_do() {
        let thumbnail = jpeg(&[SIZE, SCAN]);
        let exif =
            [b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0", &thumbnail[..]].concat();
        let one = jpeg(&[(0xe1, &exif), SIZE, SCAN]);
        let found = picture(&one, 0).unwrap();
        assert_eq!((found.end, found.width, found.height), (one.len(), 48, 32));
        assert_eq!(found.orientation, Orientation { quarter_turns: 1, mirrored: false });
        for length in 0..one.len() {
            assert_eq!(picture(&one[..length], 0), None, "{length}");
        }
        let three = [&one[..], &[0, 0], &one, &one].concat();
        let demuxed = demux(&three).unwrap();
        let places: Vec<u32> = demuxed.packets.iter().map(|packet| packet.body.length()).collect();
        assert_eq!(places, [one.len() as u32; 3]);
    }

    #[test]
    fn what_belongs_to_a_photograph_is_no_frame_and_other_sizes_are_refused() {
        gst::init().unwrap();
        let companions = jpeg(&[(0xe2, b"MPF\0"), SIZE, SCAN]);
        let small = jpeg(&[(0xc0, &[8, 0, 16, 0, 16, 3]), SCAN]);
        assert_eq!(demux(&[&companions[..], &small].concat()).unwrap().packets.len(), 1);
        let refused = demux(&[&jpeg(&[SIZE, SCAN])[..], &small].concat());
        assert!(matches!(refused, Err(VideoError::CapsChanged { .. })));
    }
}
