//! ASF (Advanced Systems Format specification, 5): whether the packets of a file are there, and what is in them fits together.
//!
//! The demuxer passes over packets that it cannot read, without a word. Packets have one size and no check sums; but each
//! piece of a picture says where in it it belongs, and how large it is.

use std::collections::BTreeMap;

use crate::{error::VideoError, file::FileBytes, heartbeat};

/// Identifiers of the objects that are looked at.
const PROPERTIES: &[u8] = b"\xa1\xdc\xab\x8c\x47\xa9\xcf\x11\x8e\xe4\x00\xc0\x0c\x20\x53\x65";
const DATA: &[u8] = b"\x36\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c";

/// Bytes of an object before its content, of the header before its objects, and of the data before its packets.
const OBJECT: u64 = 24;
const HEADER: u64 = 30;
const BEFORE_PACKETS: u64 = 50;

/// Where the size of packets stands in the properties, and their number in the data.
const PACKET_SIZE: usize = 92;
const PACKETS: usize = 40;

/// Objects of a header that are looked at, and bytes of a packet at most.
const MOST_OBJECTS: usize = 1 << 10;
const MOST_BYTES: u64 = 1 << 20;

/// Checks all packets. A file whose header is not understood is left to the demuxer.
pub(super) fn check(file: &FileBytes) -> Result<(), VideoError> {
    let Some((start, size, count)) = layout(file) else { return Ok(()) };
    let mut streams = BTreeMap::new();
    for nth in 0..count {
        let at = start + nth * size;
        if at >= file.length() {
            let reason = format!("it ends before packet {nth} of {count}");
            return Err(VideoError::Truncated { reason });
        }
        heartbeat::step();
        let packet = file.slice(at..at + size);
        if packet.as_ref().len() as u64 != size || walk(packet.as_ref(), &mut streams).is_none() {
            let reason = format!("the packet at byte {at} is damaged, or does not follow the one before it");
            return Err(VideoError::ContainerDamaged { container: "asf", reason });
        }
    }
    Ok(())
}

/// Where packets begin, how large each is, and how many there are; nothing where the header does not say it.
fn layout(file: &FileBytes) -> Option<(u64, u64, u64)> {
    let long = |place: u64| {
        file.slice(place..place + 8).as_ref().first_chunk().map(|&bytes| u64::from_le_bytes(bytes))
    };
    // Whatever is in the header lies before its end, and so in the file.
    let end = long(16).filter(|end| *end <= file.length())?;
    let (mut at, mut size) = (HEADER, 0);
    for _ in 0..MOST_OBJECTS {
        if at >= end {
            break;
        }
        let object = file.slice(at..at + 104);
        if object.as_ref().starts_with(PROPERTIES) {
            size = u64::from(u32::from_le_bytes(*object.as_ref().get(PACKET_SIZE..)?.first_chunk()?));
        }
        at = at.checked_add(long(at + 16)?.max(OBJECT))?;
    }
    let is_data = file.slice(end..end + 16).as_ref() == DATA;
    let count = long(end + PACKETS as u64)?;
    // Live recordings do not say how many there are.
    let known = is_data && (1..=MOST_BYTES).contains(&size) && count > 0 && count <= file.length();
    known.then_some((end + BEFORE_PACKETS, size, count))
}

/// What has come of the last picture or sound of a stream: where its next piece belongs, and its size.
type Streams = BTreeMap<u8, (u64, u64)>;

/// Walks over the payloads of a packet; nothing where they do not fit.
fn walk(packet: &[u8], streams: &mut Streams) -> Option<()> {
    let mut rest = packet;
    let first = *rest.first()?;
    if first & 0x80 != 0 {
        rest = rest.get(1 + usize::from(first & 0x0f)..)?;
    }
    let (lengths, properties) = (take(&mut rest, 1)? as u8, take(&mut rest, 1)? as u8);
    let of = |flags: u8, shift: u32| [0, 1, 2, 4][usize::from(flags >> shift & 3)];
    let stated = take(&mut rest, of(lengths, 5))?;
    take(&mut rest, of(lengths, 1))?;
    let padding = take(&mut rest, of(lengths, 3))?;
    rest.split_off(..6)?;
    let unused = if stated > 0 { (packet.len() as u64).checked_sub(stated)? } else { 0 };
    let end = rest.len().checked_sub(usize::try_from(padding.checked_add(unused)?).ok()?)?;
    rest = &rest[..end];
    let several = lengths & 1 != 0;
    let flags = if several { take(&mut rest, 1)? as u8 } else { 1 };
    for _ in 0..flags & 0x3f {
        let stream = take(&mut rest, 1)? as u8 & 0x7f;
        take(&mut rest, of(properties, 4))?;
        let offset = take(&mut rest, of(properties, 2))?;
        let replicated = take(&mut rest, of(properties, 0))?;
        let known = rest.split_off(..usize::try_from(replicated).ok()?)?;
        let length = if several { take(&mut rest, of(flags, 6))? } else { rest.len() as u64 };
        rest.split_off(..usize::try_from(length).ok()?)?;
        // One byte stands before several small pieces that are whole.
        let Some(size) = known.first_chunk().map(|&size| u64::from(u32::from_le_bytes(size))) else {
            continue;
        };
        let (next, whole) = streams.get(&stream).copied().unwrap_or_default();
        let follows = if offset == 0 { next == whole } else { offset == next && size == whole };
        if !follows || offset + length > size {
            return None;
        }
        streams.insert(stream, (offset + length, size));
    }
    Some(())
}

/// Takes a number of so many bytes.
fn take(rest: &mut &[u8], bytes: usize) -> Option<u64> {
    let number = rest.split_off(..bytes)?;
    Some(number.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(bytes: &[u8]) -> Option<&'static str> {
        check(&FileBytes::none().shown_as(bytes.to_vec())).err().map(|why| why.verdict())
    }

    #[test]
    fn packets_that_are_cut_damaged_or_missing_are_found() {
        let film = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/other_codecs/wmv1.wmv");
        let film = std::fs::read(film).unwrap();
        let (start, size, count) = layout(&FileBytes::none().shown_as(film.clone())).unwrap();
        assert_eq!(verdict(&film), None);
        assert!(count > 1, "{count} packets");
        let end = start + count * size;
        assert_eq!(verdict(&film[..(end - size) as usize]), Some("truncated"));
        assert_eq!(verdict(&film[..end as usize - 9]), Some("container-damaged"));
        let mut damaged = film.clone();
        damaged[(start + size) as usize..][..8].fill(0xff);
        assert_eq!(verdict(&damaged), Some("container-damaged"));
        assert_eq!(verdict(&film[..20]), None);
    }

    #[test]
    fn sizes_that_lead_beyond_all_files_are_left_to_the_demuxer() {
        for end in [u64::MAX, 60, 100] {
            for object in [u64::MAX - 60, u64::MAX - 30, u64::MAX] {
                let header = [&[0; 16][..], &end.to_le_bytes(), &[0; 6], &[0; 16], &object.to_le_bytes()];
                assert_eq!(verdict(&[&header.concat()[..], &[0; 60]].concat()), None, "{end} {object}");
            }
        }
    }

    #[test]
    fn pieces_of_a_picture_follow_each_other() {
        // One payload a packet: a byte each for number, offset and the length of what is replicated.
        let packet = |offset: u8, size: u8, body: &[u8]| {
            [
                &[0x82, 0, 0, 0, 0x55, 0, 0, 0, 0, 0, 0, 0x81, 7, offset, 8, size, 0, 0, 0, 0, 0, 0, 0][..],
                body,
            ]
            .concat()
        };
        let walked = |packets: &[Vec<u8>]| {
            let mut streams = Streams::new();
            packets.iter().all(|packet| walk(packet, &mut streams).is_some())
        };
        let (first, last) = (packet(0, 5, b"abc"), packet(3, 5, b"de"));
        assert!(walked(&[first.clone(), last.clone(), first.clone()]));
        assert!(!walked(&[first.clone(), first.clone()]) && !walked(&[last.clone()]));
        assert!(!walked(&[packet(0, 2, b"abc")]) && !walked(&[first[..12].to_vec()]));
    }
}
