//! Whether the dav1d that is linked notices damage to the compressed samples, asked of the library itself.
//!
//! The bytes of a tile end with one set bit and zeros behind what its symbols take (AV1 specification, 8.2.4); after
//! damage they almost never do. libaom has always looked, dav1d does from version 1.4 on where it is asked to be
//! strict. Before that it gives wrong pictures without a word. A version number would not say what a distribution has
//! patched, so a picture of 16×16 pixels with one wrong bit is decoded.

use std::sync::OnceLock;

use super::library::{Decoder, Error, settings};

/// A temporal unit of libaom: delimiter, sequence header, and a key frame of one tile.
pub(super) const PICTURE: [u8; 99] = [
    0x12, 0x00, 0x0a, 0x0a, 0x00, 0x00, 0x00, 0x01, 0x9f, 0xf9, 0xb5, 0xf2, 0x00, 0x80, 0x32, 0x53, 0x10,
    0x00, 0xda, 0x00, 0x61, 0x80, 0x00, 0x28, 0xba, 0xc8, 0xc8, 0x12, 0xe4, 0x68, 0x5c, 0x18, 0x8a, 0x98,
    0x43, 0x1b, 0x0f, 0xd4, 0xa7, 0xf9, 0xea, 0xbb, 0xb8, 0x62, 0x55, 0x01, 0x40, 0xfc, 0x1b, 0x51, 0x3d,
    0x4e, 0xbd, 0x75, 0x4c, 0x0d, 0x21, 0xbb, 0xb7, 0xed, 0xa2, 0xa3, 0xb1, 0x97, 0x41, 0xb1, 0xee, 0xc8,
    0x85, 0x15, 0x14, 0x92, 0x68, 0x82, 0x3b, 0x24, 0x97, 0x36, 0xd4, 0xc0, 0x94, 0x70, 0xaf, 0x9a, 0x86,
    0xd5, 0x1a, 0x05, 0x7c, 0xb8, 0xab, 0x6e, 0xaa, 0x98, 0xf4, 0xd7, 0x5f, 0x3f, 0x7a,
];

/// A byte in the middle of the tile.
pub(super) const DAMAGED: usize = 56;

/// Whether the library finds damage; asked once a process.
pub(crate) fn finds_damage() -> bool {
    static FINDS: OnceLock<bool> = OnceLock::new();
    *FINDS.get_or_init(|| {
        let mut damaged = PICTURE;
        damaged[DAMAGED] ^= 0x10;
        complains_of(damaged)
    })
}

/// Whether a fresh decoder refuses a packet, or gives no picture of it.
fn complains_of(packet: [u8; 99]) -> bool {
    let Ok(mut decoder) = Decoder::with_settings(&settings()) else { return false };
    match decoder.send_data(packet, None, None, None) {
        Ok(()) | Err(Error::Again) => decoder.get_picture().is_err(),
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_undamaged_picture_is_decoded() {
        assert!(!complains_of(PICTURE));
    }

    #[test]
    fn damage_to_a_header_is_found_by_every_version() {
        let mut damaged = PICTURE;
        damaged[4] = 0xff;
        assert!(complains_of(damaged));
    }

    #[test]
    fn the_library_finds_damage_to_samples_from_version_1_4_on() {
        // The feature for old libraries links 1.0 to 1.2; whether a new one does is found out when it runs.
        if cfg!(not(feature = "dav1d")) {
            assert!(!finds_damage());
        }
        eprintln!("this dav1d finds damage to samples: {}", finds_damage());
    }
}
