//! Transport streams (ISO 13818-1) without a clock: no packet has the reference that times count from.
//!
//! The demuxer waits to the end for a reference that the table of a program announces, and gives no stream at all
//! where packets have no times either. A table may say that there is none (2.4.4.9): so it is shown to say, where that
//! is the case.

use crate::{
    demux::MOST_HELD,
    file::{FileBytes, transport_packets},
};

/// Bytes of a packet.
const PACKET: usize = 188;

/// Bytes that are looked at together.
const BLOCK: u64 = 1 << 20;

/// The stream with the table of programs.
const PROGRAMS: u16 = 0;

/// The kinds of tables.
const ALL_PROGRAMS: u8 = 0;
const ONE_PROGRAM: u8 = 2;

/// What stands in a table for the stream of the clock where there is none, with the three reserved bits before it.
const NO_CLOCK: [u8; 2] = [0xff, 0xff];

/// The file with tables that announce no clock; nothing where a packet has or may have one.
pub(super) fn without(file: &FileBytes) -> Option<FileBytes> {
    let (start, step) = transport_packets(file.slice(0..BLOCK).as_ref())?;
    // Whole packets at a time.
    let block = BLOCK / step as u64 * step as u64;
    let starts = || (start as u64..file.length()).step_by(block as usize);
    if file.length() > MOST_HELD
        || starts().any(|at| may_have_clock(file.slice(at..at + block).as_ref(), step))
    {
        return None;
    }
    let mut bytes = file.slice(0..file.length()).as_ref().to_vec();
    let mut tables = Vec::new();
    for packet in bytes[start..].chunks_mut(step).filter(|packet| packet.len() >= PACKET) {
        let packet = &mut packet[..PACKET];
        let stream = stream_of(packet);
        let Some(section) = section_of(packet) else { continue };
        if stream == PROGRAMS && section[0] == ALL_PROGRAMS {
            tables.extend(
                section[8..section.len() - 4].chunks_exact(4).map(|program| pid([program[2], program[3]])),
            );
        } else if tables.contains(&stream) && section[0] == ONE_PROGRAM && section.len() >= 16 {
            section[8..10].copy_from_slice(&NO_CLOCK);
            let (table, sum) = section.split_at_mut(section.len() - 4);
            sum.copy_from_slice(&check_sum(table).to_be_bytes());
        }
    }
    Some(file.shown_as(bytes))
}

/// Whether a packet of these has a reference of the clock (2.4.3.5), or cannot be told, being none.
fn may_have_clock(packets: &[u8], step: usize) -> bool {
    packets.chunks(step).any(|packet| match packet {
        [0x47, _, _, control, length, flags, ..] => control & 0x20 != 0 && *length > 0 && flags & 0x10 != 0,
        _ => packet.len() == step,
    })
}

fn stream_of(packet: &[u8]) -> u16 {
    pid([packet[1], packet[2]])
}

/// The number of a stream: 13 of 16 bits.
fn pid(bytes: [u8; 2]) -> u16 {
    u16::from_be_bytes(bytes) & 0x1fff
}

/// The table that begins and ends in a packet (2.4.4), with its check sum.
fn section_of(packet: &mut [u8]) -> Option<&mut [u8]> {
    let [0x47, begins, _, control, length, ..] = *packet else { return None };
    if begins & 0x40 == 0 || control & 0x10 == 0 {
        return None;
    }
    let payload = if control & 0x20 != 0 { 5 + usize::from(length) } else { 4 };
    let start = payload + 1 + usize::from(*packet.get(payload)?);
    let size = u16::from_be_bytes([*packet.get(start + 1)?, *packet.get(start + 2)?]) & 0xfff;
    packet.get_mut(start..start + 3 + usize::from(size)).filter(|section| section.len() >= 12)
}

/// The check sum of a table (annex A).
fn check_sum(bytes: &[u8]) -> u32 {
    let step = |sum: u32| if sum >> 31 == 1 { sum << 1 ^ 0x04c1_1db7 } else { sum << 1 };
    bytes.iter().fold(u32::MAX, |sum, &byte| (0..8).fold(sum ^ u32::from(byte) << 24, |sum, _| step(sum)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet of a stream, filled up.
    fn packet(stream: u16, control: u8, body: &[u8]) -> Vec<u8> {
        let [high, low] = stream.to_be_bytes();
        let mut packet = [&[0x47, 0x40 | high, low, control], body].concat();
        packet.resize(PACKET, 0xff);
        packet
    }

    /// A packet with a table of a kind.
    fn table(stream: u16, kind: u8, body: &[u8]) -> Vec<u8> {
        let size = 0xb000 | (5 + body.len() as u16 + 4);
        let [high, low] = size.to_be_bytes();
        let section = [&[kind, high, low, 0, 1, 0xc1, 0, 0], body].concat();
        let sum = check_sum(&section).to_be_bytes();
        packet(stream, 0x10, &[&[0][..], &section, &sum].concat())
    }

    fn shown(last: Vec<u8>) -> Option<Vec<u8>> {
        let programs = table(0, ALL_PROGRAMS, &[0, 1, 0xe1, 0]);
        let program = table(0x100, ONE_PROGRAM, &[0xe1, 0x01, 0xf0, 0, 0x1b, 0xe1, 0x01, 0xf0, 0]);
        let nothing = packet(0x101, 0x10, &[]);
        let bytes = [programs, program, nothing.clone(), nothing.clone(), nothing, last].concat();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film.ts");
        std::fs::write(&path, bytes).unwrap();
        let file = without(&FileBytes::open(&path, 0).unwrap())?;
        Some(file.slice(0..file.length()).as_ref().to_vec())
    }

    #[test]
    fn the_table_of_a_program_without_a_clock_announces_none() {
        let shown = shown(packet(0x101, 0x30, &[1, 0x40])).unwrap();
        let program = table(0x100, ONE_PROGRAM, &[0xff, 0xff, 0xf0, 0, 0x1b, 0xe1, 0x01, 0xf0, 0]);
        assert_eq!(shown[PACKET..2 * PACKET], program);
        assert_eq!(shown.len(), 6 * PACKET);
    }

    #[test]
    fn a_stream_with_a_clock_is_shown_as_it_is() {
        assert_eq!(shown(packet(0x101, 0x30, &[7, 0x10, 0, 0, 0, 0, 0x7e, 0])), None);
        assert_eq!(shown(vec![0; PACKET]), None);
    }

    #[test]
    fn the_check_sum_is_that_of_the_standard() {
        // A table of programs as FFmpeg writes it.
        let table = [0, 0xb0, 0x0d, 0, 1, 0xc1, 0, 0, 0, 1, 0xf0, 0];
        assert_eq!(check_sum(&table), 0x2ab1_04b2);
    }
}
