//! A movie that is compressed (`cmov`, QuickTime File Format, "Compressed Movie Resources").
//!
//! ```text
//! moov   cmov   dcom  how it is compressed: zlib, nothing else is known
//!               cmvd  bytes of the movie, then the movie box itself, compressed
//! ```

use std::io::Read as _;

use flate2::read::ZlibDecoder;

use super::{
    boxes::{Fields, child},
    fault::damaged,
};
use crate::error::VideoError;

/// Bytes that a movie may have once it is inflated: some kilobytes of zlib may become gigabytes.
const LARGEST: u64 = 64 << 20;

/// The movie box, with its header, that is compressed in the body of a `moov` box; nothing where none is.
pub(super) fn inflated(movie: &[u8]) -> Result<Option<Vec<u8>>, VideoError> {
    let Some(compressed) = child(movie, b"cmov") else { return Ok(None) };
    let method = child(compressed.body, b"dcom").and_then(|method| method.body.get(..4));
    if method != Some(b"zlib") {
        return Err(damaged("its index is compressed (cmov) in a way that is not known"));
    }
    let mut fields = Fields(child(compressed.body, b"cmvd").map_or(&[][..], |data| data.body));
    let stated = u64::from(fields.word().unwrap_or(0));
    if stated > LARGEST {
        return Err(damaged(format!("its compressed index (cmov) has {stated} bytes, more than {LARGEST}")));
    }
    // All at once: growing takes twice as much for a moment.
    let mut movie = Vec::with_capacity(usize::try_from(stated).unwrap_or(0));
    let read = ZlibDecoder::new(fields.0).take(stated).read_to_end(&mut movie);
    if read.is_err() || (movie.len() as u64) < stated {
        return Err(damaged("its compressed index (cmov) cannot be inflated"));
    }
    Ok(Some(movie))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::ZlibEncoder};

    use super::*;
    use crate::demux::mp4::test_films::boxed;

    /// A compressed movie that is said to have `stated` bytes.
    fn compressed(movie: &[u8], stated: u32, method: &[u8; 4]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(movie).unwrap();
        let data = [&stated.to_be_bytes()[..], &encoder.finish().unwrap()].concat();
        boxed(b"cmov", &[boxed(b"dcom", method), boxed(b"cmvd", &data)].concat())
    }

    #[test]
    fn a_compressed_movie_is_inflated_up_to_a_limit() {
        let movie = boxed(b"moov", &[7; 1000]);
        let size = movie.len() as u32;
        assert_eq!(inflated(&compressed(&movie, size, b"zlib")).unwrap(), Some(movie.clone()));
        assert_eq!(inflated(&movie[8..]).unwrap(), None);
        for broken in [
            compressed(&movie, size, b"lzma"),
            compressed(&movie, size + 1, b"zlib"),
            compressed(&movie, u32::MAX, b"zlib"),
            boxed(b"cmov", &boxed(b"dcom", b"zlib")[..11]),
        ] {
            assert!(inflated(&broken).is_err());
        }
        let bomb = compressed(&vec![0; 1 << 20], 1 << 10, b"zlib");
        assert_eq!(inflated(&bomb).unwrap().map(|movie| movie.len()), Some(1 << 10));
    }
}
