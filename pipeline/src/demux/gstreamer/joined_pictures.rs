//! Pictures of MPEG-4 that the parser behind a demuxer handed on as one.
//!
//! GStreamer's `mpeg4videoparse` misses a start code whose last byte comes with the next buffer, as it may in a program stream,
//! whose packets end anywhere. Decoders give one picture of two, without a word.

use gstreamer as gst;

use crate::codec::{Codec, bits::start_codes};

/// The parts of a buffer of MPEG-4, one for each picture; other buffers as they are. The first has the time.
pub(super) fn apart(codec: Option<Codec>, buffer: gst::Buffer) -> Vec<gst::Buffer> {
    let begins = match codec {
        Some(Codec::Mpeg4) => {
            buffer.map_readable().map_or_else(|_| Vec::new(), |bytes| further_pictures(&bytes))
        }
        _ => Vec::new(),
    };
    if begins.is_empty() {
        return vec![buffer];
    }
    let ends = begins.iter().copied().chain([buffer.size()]);
    let from = std::iter::once(0).chain(begins.iter().copied());
    let part = |(from, end): (usize, usize)| {
        let what = if from == 0 { gst::BufferCopyFlags::all() } else { gst::BufferCopyFlags::MEMORY };
        let mut part = buffer.copy_region(what, from..end).ok()?;
        if from > 0 {
            // Whether it is one that needs no other is said by what it codes; this only says that the parser did not.
            part.make_mut().set_flags(gst::BufferFlags::DELTA_UNIT);
        }
        Some(part)
    };
    from.zip(ends).filter_map(part).collect()
}

/// Where the pictures behind the first one begin, with the headers before them.
fn further_pictures(bytes: &[u8]) -> Vec<usize> {
    const PICTURE: u8 = 0xb6;
    let mut begins = Vec::new();
    // The first start code behind the last picture's.
    let (mut in_picture, mut behind) = (false, None);
    for at in start_codes(bytes) {
        if in_picture {
            behind = behind.or(Some(at - 3));
        }
        if bytes[at] == PICTURE {
            begins.extend(behind.take());
            in_picture = true;
        }
    }
    begins
}

#[cfg(test)]
mod tests {

    use super::*;

    const PICTURE: [u8; 6] = [0, 0, 1, 0xb6, 0x10, 0x77];
    const GROUP: [u8; 5] = [0, 0, 1, 0xb3, 0x20];
    const END: [u8; 4] = [0, 0, 1, 0xb1];

    #[test]
    fn each_picture_of_mpeg_4_is_a_packet_with_its_headers() {
        gst::init().unwrap();
        let parts = |pieces: &[&[u8]], codec| {
            let mut buffer = gst::Buffer::from_slice(pieces.concat());
            buffer.make_mut().set_pts(gst::ClockTime::from_seconds(3));
            let parts = apart(Some(codec), buffer);
            let part = |part: &gst::Buffer| (part.pts().is_some(), part.map_readable().unwrap().to_vec());
            parts.iter().map(part).collect::<Vec<_>>()
        };
        let (picture, group, end): (&[u8], &[u8], &[u8]) = (&PICTURE, &GROUP, &END);
        let alone = [group, picture, end];
        assert_eq!(parts(&alone, Codec::Mpeg4), [(true, alone.concat())]);
        let joined = [group, picture, picture, group, picture, end];
        let apart = [
            (true, [group, picture].concat()),
            (false, picture.to_vec()),
            (false, [group, picture, end].concat()),
        ];
        assert_eq!(parts(&joined, Codec::Mpeg4), apart);
        assert_eq!(parts(&joined, Codec::Mpeg2), [(true, joined.concat())]);
    }
}
