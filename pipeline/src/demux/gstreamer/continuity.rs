//! Transport streams (ISO 13818-1, 2.4.3): whether a packet of the video is missing or marked as damaged.
//!
//! Packets of a stream are counted from 0 to 15 and again. Demuxers go on behind a gap with the pictures that are
//! whole, and then every later frame has the rank of another.
//!
//! Where two streams were joined the numbers jump as well, and nothing is missing: a picture begins there, and the
//! table of programs before it jumps too.

use crate::file::{FileBytes, transport_packets};

/// The byte that every packet begins with.
const SYNC: u8 = 0x47;

/// The stream with the table of programs.
const PROGRAMS: u16 = 0;

/// Bytes of a packet.
const PACKET: usize = 188;

/// Bytes that are looked at together.
const BLOCK: u64 = 1 << 20;

/// The place of the first packet of stream `pid` that does not follow the one before it, or says that it is damaged.
pub(super) fn first_gap(file: &FileBytes, pid: u16) -> Option<u64> {
    let (start, step) = transport_packets(file.slice(0..BLOCK).as_ref())?;
    let (mut video, mut table): (Option<Before>, Option<Before>) = (None, None);
    let mut joined = false;
    let mut aligned = true;
    let mut at = start as u64;
    loop {
        let block = file.slice(at..at + BLOCK);
        let bytes = block.as_ref();
        let mut next = 0;
        while let Some(packet) = bytes.get(next..next + PACKET) {
            // Behind bytes that are no packet, the next two that begin like packets, one step apart.
            let is_next = || bytes.get(next + step).is_none_or(|&sync| sync == SYNC);
            aligned = packet[0] == SYNC && (aligned || is_next());
            if !aligned {
                next += 1;
                continue;
            }
            let of = u16::from_be_bytes([packet[1] & 0x1f, packet[2]]);
            if of == PROGRAMS {
                joined |= !follows(packet, &mut table);
            } else if of == pid {
                let begins = packet[1] & 0x40 != 0 && packet[1] & 0x80 == 0;
                if !follows(packet, &mut video) && !(joined && begins) {
                    return Some(at + next as u64);
                }
                joined = false;
            }
            next += step;
        }
        if next == 0 {
            return None;
        }
        at += next as u64;
    }
}

/// The last packet with a payload: its number, its last bytes, and whether it came twice.
struct Before {
    number: u8,
    end: [u8; 64],
    again: bool,
}

/// Whether a packet follows the one before, which it takes the place of.
fn follows(packet: &[u8], before: &mut Option<Before>) -> bool {
    let (has_field, has_payload) = (packet[3] & 0x20 != 0, packet[3] & 0x10 != 0);
    if packet[1] & 0x80 != 0 {
        return false;
    }
    if !has_payload {
        return true;
    }
    let number = packet[3] & 0xf;
    let mut end = [0; 64];
    end.copy_from_slice(&packet[PACKET - 64..]);
    let begins_anew = has_field && packet[4] > 0 && packet[5] & 0x80 != 0;
    let (follows, again) = match before {
        Some(last) if !begins_anew => {
            // A packet may be sent twice, and not three times.
            let again = last.number == number && last.end == end && !last.again;
            (again || (last.number + 1) & 0xf == number, again)
        }
        _ => (true, false),
    };
    *before = Some(Before { number, end, again });
    follows
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets of the streams and numbers that are given, each with a payload of its place.
    fn stream(packets: &[(u16, u8)]) -> Vec<u8> {
        let packet = |(place, &(pid, number)): (usize, &(u16, u8))| {
            let [high, low] = pid.to_be_bytes();
            [vec![0x47, high, low, 0x10 | number], vec![place as u8; PACKET - 4]].concat()
        };
        packets.iter().enumerate().flat_map(packet).collect()
    }

    fn gap(bytes: &[u8]) -> Option<u64> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film.ts");
        std::fs::write(&path, bytes).unwrap();
        first_gap(&FileBytes::open(&path, 0).unwrap(), 0x100)
    }

    #[test]
    fn numbers_go_round_and_those_of_other_streams_do_not_count() {
        let packets: Vec<_> = (0..40).flat_map(|at| [(0x100, at & 0xf), (0x101, 7)]).collect();
        assert_eq!(gap(&stream(&packets)), None);
    }

    #[test]
    fn a_packet_that_is_missing_or_marked_is_found() {
        let mut packets: Vec<_> = (0..12).map(|at| (0x100, at)).collect();
        packets.remove(5);
        assert_eq!(gap(&stream(&packets)), Some(5 * 188));
        let mut marked = stream(&(0..8).map(|at| (0x100, at)).collect::<Vec<_>>());
        marked[3 * 188 + 1] |= 0x80;
        assert_eq!(gap(&marked), Some(3 * 188));
    }

    #[test]
    fn a_packet_may_come_twice_and_begin_anew() {
        let mut bytes = stream(&(0..6).map(|at| (0x100, at)).collect::<Vec<_>>());
        let last = bytes[5 * 188..].to_vec();
        bytes.extend_from_slice(&last);
        assert_eq!(gap(&bytes), None);
        bytes.extend_from_slice(&last);
        assert_eq!(gap(&bytes), Some(7 * 188));
        let mut anew = last.clone();
        anew[3..6].copy_from_slice(&[0x30 | 12, 1, 0x80]);
        bytes.truncate(6 * 188);
        bytes.extend(anew);
        assert_eq!(gap(&bytes), None);
    }

    #[test]
    fn a_joint_is_no_gap_where_a_picture_begins_and_the_table_of_programs_jumps_too() {
        let whole: Vec<_> = [(0, 3)].into_iter().chain((0..9).map(|at| (0x100, at))).collect();
        let joined = stream(&whole.repeat(2));
        assert_eq!(gap(&joined), Some(11 * 188), "no picture begins there");
        let mut begins = joined.clone();
        begins[11 * 188 + 1] |= 0x40;
        assert_eq!(gap(&begins), None);
        begins[10 * 188 + 3] = 0x10 | 4;
        assert_eq!(gap(&begins), Some(11 * 188), "the table goes on");
    }

    #[test]
    fn bytes_between_packets_are_passed_over() {
        let mut bytes = stream(&(0..6).map(|at| (0x100, at)).collect::<Vec<_>>());
        bytes.extend([1, 2, 3]);
        bytes.extend(stream(&(6..9).map(|at| (0x100, at)).collect::<Vec<_>>()));
        assert_eq!(gap(&bytes), None);
    }
}
