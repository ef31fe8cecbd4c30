//! How the blocks of a track are packed (RFC 9559, section 5.1.4.1.31), and back.
//!
//! Two ways are unpacked: bytes that all frames begin with and that are written once, and zlib. Others are refused by
//! their name, as is more than one way at once. Of a frame only its place is kept; it is unpacked when it is sent.

use std::{io::Read as _, sync::Arc};

use flate2::read::ZlibDecoder;

use super::tracks::{Encoding, Track};
use crate::error::VideoError;

/// How a frame is packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// The bytes that it begins with stand elsewhere.
    HeaderStripped(Arc<[u8]>),
    /// By zlib.
    Zlib,
}

/// Bytes of a frame that is unpacked, at most, as with FFmpeg.
const MOST_BYTES: u64 = 10_000_000;

/// Which of a track's bytes an encoding packs.
const SCOPE_BLOCKS: u64 = 1;
const SCOPE_SETUP: u64 = 2;

impl Packing {
    /// How the blocks of a track are packed, if they are; unpacks its setup where that is packed, too.
    ///
    /// # Errors
    /// When it is encrypted, or packed in a way that is not read.
    pub(super) fn of(track: &mut Track) -> Result<Option<Self>, VideoError> {
        let unknown = |codec: String| Err(VideoError::UnknownCodec { codec });
        let encoding = match &track.encodings[..] {
            [] => return Ok(None),
            [encoding] => encoding,
            _ => return unknown(format!("{} packed in several ways", track.codec)),
        };
        if encoding.kind != 0 {
            return Err(VideoError::Encrypted);
        }
        let packing = match Self::named(encoding) {
            Ok(packing) => packing,
            Err(name) => return unknown(format!("{} packed by {name}", track.codec)),
        };
        if encoding.scope & SCOPE_SETUP != 0 && !track.setup.is_empty() {
            track.setup = match packing.unpacked(&track.setup) {
                Some(setup) => setup,
                None => return unknown(format!("{} with a setup that does not unpack", track.codec)),
            };
        }
        let is_empty = packing == Self::HeaderStripped(Arc::default());
        Ok(Some(packing).filter(|_| encoding.scope & SCOPE_BLOCKS != 0 && !is_empty))
    }

    fn named(encoding: &Encoding) -> Result<Self, String> {
        match encoding.algorithm {
            0 => Ok(Self::Zlib),
            1 => Err("bzip2".to_owned()),
            2 => Err("LZO".to_owned()),
            3 => Ok(Self::HeaderStripped(encoding.settings.as_slice().into())),
            other => Err(format!("algorithm {other}")),
        }
    }

    /// A frame unpacked; nothing where that is not possible, or it would be too long.
    pub(crate) fn unpacked(&self, packed: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::HeaderStripped(header) => {
                let length = (header.len() + packed.len()) as u64;
                (length <= MOST_BYTES).then(|| [header, packed].concat())
            }
            Self::Zlib => {
                let mut unpacked = Vec::new();
                let mut decoder = ZlibDecoder::new(packed).take(MOST_BYTES + 1);
                decoder.read_to_end(&mut unpacked).ok()?;
                (unpacked.len() as u64 <= MOST_BYTES).then_some(unpacked)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::ZlibEncoder};

    use super::*;

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn frames_are_unpacked_and_damaged_ones_are_not() {
        let stripped = Packing::HeaderStripped([0, 0, 1].as_slice().into());
        assert_eq!(stripped.unpacked(&[0xb6, 7]), Some(vec![0, 0, 1, 0xb6, 7]));
        let packed = zlib(b"a frame a frame a frame");
        assert_eq!(Packing::Zlib.unpacked(&packed), Some(b"a frame a frame a frame".to_vec()));
        assert_eq!(Packing::Zlib.unpacked(&packed[..packed.len() - 2]), None);
        let mut flipped = packed.clone();
        flipped[10] ^= 4;
        assert_eq!(Packing::Zlib.unpacked(&flipped), None);
        assert_eq!(Packing::Zlib.unpacked(&[]), None);
    }

    #[test]
    fn a_frame_that_unpacks_to_more_than_any_has_is_refused() {
        assert_eq!(
            Packing::Zlib.unpacked(&zlib(&vec![0; MOST_BYTES as usize])).map(|all| all.len()),
            Some(MOST_BYTES as usize)
        );
        assert_eq!(Packing::Zlib.unpacked(&zlib(&vec![0; MOST_BYTES as usize + 1])), None);
    }
}
