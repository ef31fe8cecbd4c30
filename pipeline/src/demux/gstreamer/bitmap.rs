//! AVI files: the description of a video that GStreamer's demuxer has no name for, by the header of its stream.
//!
//! ```text
//! RIFF 'AVI ' │ LIST 'hdrl' │ avih │ LIST 'strl' │ strh 'vids' … │ strf: BITMAPINFOHEADER, setup │ …
//! ```

use gstreamer as gst;

use crate::{demux::four_letters, file::FileBytes};

/// What the demuxer calls such a stream.
pub(super) const UNKNOWN: &str = "video/x-avi-unknown";

/// Bytes at the beginning of a file that are looked at.
const LOOKED_AT: u64 = 64 << 10;

/// Where the first chunk of a file begins.
const HEADERS: usize = 12;

/// Bytes of a BITMAPINFOHEADER.
const BITMAP: usize = 40;

/// The caps of the first video of a file, if it is of a codec that is read.
pub(super) fn caps(file: &FileBytes) -> Option<gst::Caps> {
    let beginning = file.slice(0..LOOKED_AT);
    let (_, headers) = chunks(beginning.as_ref().get(HEADERS..)?).next()?;
    let streams = chunks(headers.strip_prefix(b"hdrl")?).filter(|(name, _)| *name == b"LIST");
    let mut formats = streams.filter_map(|(_, stream)| {
        let mut parts = chunks(stream.strip_prefix(b"strl")?);
        parts.find(|(name, header)| *name == b"strh" && header.starts_with(b"vids"))?;
        parts.find(|(name, _)| *name == b"strf").map(|(_, format)| format)
    });
    described(formats.next()?)
}

/// The caps by a BITMAPINFOHEADER and the setup behind it.
fn described(format: &[u8]) -> Option<gst::Caps> {
    let (header, setup) = format.split_at_checked(BITMAP)?;
    let number = |at: usize| header.get(at..)?.first_chunk().map(|&side| i32::from_le_bytes(side));
    let depth = header.get(14..)?.first_chunk().map(|&bits| i32::from(u16::from_le_bytes(bits)))?;
    let four = header.get(16..)?.first_chunk()?;
    let mut structure = four_letters::structure(four)?;
    structure.set("width", number(4)?);
    structure.set("height", number(8)?.checked_abs()?);
    structure.set("depth", depth);
    structure.set("bpp", depth);
    if !setup.is_empty() {
        structure.set("codec_data", gst::Buffer::from_slice(setup.to_vec()));
    }
    Some(gst::Caps::builder_full().structure(structure).build())
}

/// The chunks that follow each other in these bytes, the last cut where they end.
fn chunks(mut bytes: &[u8]) -> impl Iterator<Item = (&[u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let (name, rest) = bytes.split_first_chunk::<4>()?;
        let (size, rest) = rest.split_first_chunk::<4>()?;
        let size = u32::from_le_bytes(*size) as usize;
        bytes = rest.get(size.next_multiple_of(2)..).unwrap_or_default();
        Some((name, rest.get(..size).unwrap_or(rest)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [name, &(body.len() as u32).to_le_bytes()[..], body].concat()
    }

    fn found(four: &[u8; 4], kind: &[u8]) -> Option<String> {
        gst::init().unwrap();
        let mut format = [0; BITMAP + 2];
        format[4..6].copy_from_slice(&[64, 1]);
        format[8..12].copy_from_slice(&(-240i32).to_le_bytes());
        format[14] = 24;
        format[16..20].copy_from_slice(four);
        let stream = [b"strl".to_vec(), chunk(b"strh", kind), chunk(b"strf", &format)].concat();
        let sound = [b"strl".to_vec(), chunk(b"strh", b"auds"), chunk(b"strf", &[0; 50])].concat();
        let list =
            [b"hdrl".to_vec(), chunk(b"avih", &[0; 8]), chunk(b"LIST", &sound), chunk(b"LIST", &stream)];
        let film = [b"RIFF\0\0\0\0AVI ".to_vec(), chunk(b"LIST", &list.concat())].concat();
        let caps = caps(&FileBytes::none().shown_as(film))?;
        Some(caps.to_string())
    }

    #[test]
    fn a_stream_is_described_by_its_header() {
        let caps = found(b"FFVH", b"vids").unwrap();
        for part in ["ffvhuff", "width=(int)320", "height=(int)240", "bpp=(int)24", "codec_data=(buffer)0000"]
        {
            assert!(caps.contains(part), "{caps}");
        }
        assert_eq!(found(b"FFVH", b"mids"), None);
        assert_eq!(found(b"none", b"vids"), None);
    }
}
