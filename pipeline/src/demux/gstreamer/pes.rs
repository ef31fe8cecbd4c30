//! Presentation times of a transport stream, read from its packets where the demuxer gives none: it counts them from a
//! clock that this stream does not have.
//!
//! A picture begins a packetised elementary stream packet (ISO 13818-1, 2.4.3.7), and that has its time in ticks of
//! 90 kHz, 33 bits of it. Where there are as many such times as pictures came out of the demuxer, they are theirs.

use crate::{
    StreamTime,
    demux::Packet,
    file::{FileBytes, transport_packets},
};

/// Bytes of a packet of the transport.
const PACKET: usize = 188;

/// Bytes that are looked at together.
const BLOCK: u64 = 1 << 20;

/// Gives the packets of stream `pid` their times, if none has any and each finds its own.
pub(super) fn fill(packets: &mut [Packet], file: &FileBytes, pid: u16) {
    if packets.iter().any(|packet| packet.stamp.pts.is_some()) {
        return;
    }
    let Some(ticks) = ticks_of(file, pid).filter(|ticks| ticks.len() == packets.len()) else { return };
    let rising = unwrapped(&ticks);
    let first = rising.iter().copied().min().unwrap_or(0);
    for (packet, ticks) in packets.iter_mut().zip(rising) {
        let nanoseconds = i128::from(ticks - first) * 1_000_000_000 / 90_000;
        packet.stamp.pts = Some(StreamTime(nanoseconds as i64));
    }
}

/// The times of all packets of elementary stream `pid`; nothing where one has none, or bytes are in between.
fn ticks_of(file: &FileBytes, pid: u16) -> Option<Vec<i64>> {
    let (start, step) = transport_packets(file.slice(0..BLOCK).as_ref())?;
    let block = BLOCK / step as u64 * step as u64;
    let mut ticks = Vec::new();
    for at in (start as u64..file.length()).step_by(block as usize) {
        for packet in file.slice(at..at + block).as_ref().chunks(step) {
            let [0x47, high, low, control, length, ..] = *packet else { return None };
            let begins = high & 0x40 != 0 && control & 0x10 != 0;
            if begins && u16::from_be_bytes([high & 0x1f, low]) == pid {
                let payload = if control & 0x20 != 0 { 5 + usize::from(length) } else { 4 };
                ticks.push(ticks_in(packet.get(payload..PACKET)?)?);
            }
        }
    }
    Some(ticks)
}

/// The presentation time in the header of an elementary stream's packet.
fn ticks_in(header: &[u8]) -> Option<i64> {
    let [0, 0, 1, _, _, _, _, flags, _, one, two, three, four, five, ..] = *header else { return None };
    let [one, two, three, four, five] = [one, two, three, four, five].map(i64::from);
    let ticks = (one >> 1 & 7) << 30 | two << 22 | (three >> 1) << 15 | four << 7 | five >> 1;
    (flags & 0x80 != 0).then_some(ticks)
}

/// Times whose 33 bits may begin again at 0: each is the one nearest to the one before.
fn unwrapped(ticks: &[i64]) -> Vec<i64> {
    let round = 1i64 << 33;
    let mut before = ticks.first().copied().unwrap_or(0);
    let next = |&ticks: &i64| {
        before += (ticks - before + round / 2).rem_euclid(round) - round / 2;
        before
    };
    ticks.iter().map(next).collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use gstreamer as gst;

    use super::*;
    use crate::{demux::Body, plan::order::Stamp};

    /// A packet of stream 0x100 that begins a picture of a time.
    fn begin(ticks: u64) -> Vec<u8> {
        let time = [
            0x21 | ((ticks >> 30 & 7) as u8) << 1,
            (ticks >> 22) as u8,
            ((ticks >> 15) as u8) << 1 | 1,
            (ticks >> 7) as u8,
            (ticks << 1) as u8 | 1,
        ];
        let head = [0x47, 0x41, 0, 0x10, 0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 5];
        let mut packet = [&head[..], &time].concat();
        packet.resize(PACKET, 0);
        packet
    }

    fn times_of(bytes: &[u8], packets: usize) -> Vec<Option<i64>> {
        gst::init().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film.ts");
        std::fs::write(&path, bytes).unwrap();
        let body = || Body::Held(Bytes::new());
        let packet = || Packet { body: body(), stamp: Stamp::default(), key: false };
        let mut packets: Vec<_> = (0..packets).map(|_| packet()).collect();
        fill(&mut packets, &FileBytes::open(&path, 0).unwrap(), 0x100);
        packets.iter().map(|packet| packet.stamp.pts.map(|time| time.0)).collect()
    }

    #[test]
    fn pictures_get_their_own_times_across_the_end_of_the_clock() {
        let last = (1u64 << 33) - 4500;
        let follows = [&[0x47, 0x01, 0, 0x10][..], &[0; 184]].concat();
        let bytes = [begin(last), follows.clone(), begin(4500), begin(0), begin(9000), follows].concat();
        let times = times_of(&bytes, 4);
        assert_eq!(times, [0, 100_000_000, 50_000_000, 150_000_000].map(Some));
        assert_eq!(times_of(&bytes, 3), [None; 3], "more times than pictures");
    }

    #[test]
    fn a_picture_without_a_time_leaves_all_without() {
        let mut without = begin(0);
        without[11] = 0;
        assert_eq!(times_of(&[begin(0), begin(9), begin(18), begin(27), without].concat(), 5), [None; 5]);
    }
}
