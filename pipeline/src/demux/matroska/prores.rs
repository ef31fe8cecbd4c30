//! ProRes in Matroska: the size and name that a frame begins with elsewhere are left out there, and put back.

use crate::{
    demux::{Body, Packet},
    file::FileBytes,
};

/// The name of a frame.
const NAME: &[u8; 4] = b"icpf";

/// Bytes of the size and the name.
const HEAD: u32 = 8;

/// Gives a packet its head where it has none.
pub(super) fn head(packet: &mut Packet, file: &FileBytes) {
    let &Body::OnDisk { place, length } = &packet.body else { return };
    if file.slice(place + 4..place + u64::from(HEAD)).as_ref() == NAME {
        return;
    }
    let size = length.saturating_add(HEAD).to_be_bytes();
    packet.body = Body::Headed { head: [size, *NAME].concat().into(), place, length };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::order::Stamp;

    #[test]
    fn a_frame_without_its_name_gets_it_back() {
        let file = FileBytes::none().shown_as(b"\0\0\0\x0aicpf12345678901".to_vec());
        let headed = |place, length| {
            let mut packet =
                Packet { body: Body::OnDisk { place, length }, stamp: Stamp::default(), key: true };
            head(&mut packet, &file);
            packet.buffer(&file).map_readable().unwrap().to_vec()
        };
        assert_eq!(headed(0, 10), b"\0\0\0\x0aicpf12");
        assert_eq!(headed(8, 9), b"\0\0\0\x11icpf123456789");
    }
}
