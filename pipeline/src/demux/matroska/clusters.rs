//! The blocks of a file, cluster by cluster, and the packets in those of the video (RFC 9559, section 5.1.3).
//!
//! The walk knows three masters, one in the other: a segment, its clusters, their groups of blocks. What stands in
//! one and does not belong there is damage, since what it was before may have been a block. Clusters and segments
//! of unknown size, as live streams have them, end where something begins that does not belong into them.

use super::{
    block::{BlockHeader, Laces, Lacing, MOST_HEADER, most_lace_bytes},
    element::{Element, Reader},
    fault::Fault,
    ids,
    packing::Packing,
    times::Clock,
    tracks::Tracks,
};
use crate::demux::{Body, Packet, allowance::Allowance};

/// What the packets are made by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Making<'a> {
    pub tracks: &'a Tracks,
    pub clock: Clock,
    pub packing: Option<&'a Packing>,
}

/// The packets found so far.
#[derive(Debug)]
pub(super) struct Found {
    pub packets: Vec<Packet>,
    /// The earliest time of a block of any track, in ticks.
    earliest: Option<i128>,
    allowance: Allowance,
}

/// Bytes of a block, at most, as with FFmpeg.
const MOST_BLOCK: u64 = 1 << 28;

impl Found {
    /// None yet of a file of `length` bytes.
    pub(super) fn new(length: u64) -> Self {
        Self { packets: Vec::new(), earliest: None, allowance: Allowance::of(length) }
    }

    /// All packets, their times counted from the earliest of any track: what is called the start of the film.
    pub(super) fn into_packets(self, tick: u64) -> Vec<Packet> {
        let earliest = self.earliest.and_then(|ticks| ticks.checked_mul(tick.into()));
        let start = earliest.and_then(|start| i64::try_from(start).ok()).unwrap_or(0);
        let mut packets = self.packets;
        for Packet { stamp, .. } in &mut packets {
            for time in [&mut stamp.pts, &mut stamp.dts].into_iter().flatten() {
                time.0 = time.0.saturating_sub(start);
            }
        }
        packets
    }

    /// Takes the packets of a cluster, and gives where it ends.
    pub(super) fn take_cluster(
        &mut self,
        reader: &mut Reader<'_>,
        cluster: &Element,
        making: Making<'_>,
    ) -> Result<u64, Fault> {
        let end = cluster.end();
        let (mut at, mut time) = (cluster.body, 0);
        while at < end.unwrap_or(reader.length()) {
            let element = reader.element(at, end)?;
            if !ids::is_of_cluster(element.id) {
                if end.is_none() && ids::ends_cluster(element.id) {
                    break;
                }
                return Err(Fault::Broken { at, what: "is none that a cluster may have" });
            }
            let stop = element.end().ok_or(Fault::Broken { at, what: "has no size" })?;
            match element.id {
                ids::TIMESTAMP => time = reader.unsigned(&element)?.unwrap_or(0),
                ids::SIMPLE_BLOCK => {
                    self.take_block(reader, Block { element, time, duration: 0, key: None }, making)?;
                }
                ids::BLOCK_GROUP => {
                    if let Some(block) = group(reader, &element, time)? {
                        self.take_block(reader, block, making)?;
                    }
                }
                _ => {}
            }
            at = stop;
        }
        Ok(at)
    }

    /// Takes the packets of a block, if it is one of the video.
    fn take_block(&mut self, reader: &mut Reader<'_>, block: Block, making: Making<'_>) -> Result<(), Fault> {
        let Element { at, body, size, .. } = block.element;
        let broken = |what| Fault::Broken { at, what };
        let size = size.filter(|&size| size <= MOST_BLOCK).ok_or(broken("is longer than any block"))?;
        // A block without a byte is none.
        if size == 0 {
            return Ok(());
        }
        let header = BlockHeader::read(reader.bytes(body, size.min(MOST_HEADER)));
        let header = header.ok_or(broken("is a block without a whole header"))?;
        let time = i128::from(block.time) + i128::from(header.time);
        self.earliest = Some(self.earliest.map_or(time, |earliest| earliest.min(time)));
        match making.tracks.is_video(header.track) {
            Some(true) => {}
            Some(false) => return Ok(()),
            None => return Err(broken("is a block of a track that the file does not have")),
        }
        let (start, length) = (body + header.bytes as u64, size - header.bytes as u64);
        let laced = header.lacing != Lacing::None;
        let looked_at = if laced { most_lace_bytes(length) } else { 0 };
        let laces = Laces::read(header.lacing, reader.bytes(start, looked_at), length);
        let laces = laces.ok_or(broken("is a block whose frames do not fit into it"))?;
        let stamps = making.clock.stamps(block.time, &header, block.duration, laces.lengths.len());
        let mut place = start + laces.bytes as u64;
        let mut key = block.key.unwrap_or(header.key);
        for (length, stamp) in laces.lengths.into_iter().zip(stamps) {
            // Frames without a byte are none, unless they are packed.
            if length > 0 || making.packing.is_some() {
                let body = body_of(reader, place, length, making.packing)?;
                self.allowance.take(body.length().into()).map_err(Fault::TooMuch)?;
                self.packets.push(Packet { body, stamp, key });
            }
            key = false;
            place += length;
        }
        Ok(())
    }
}

/// The body of a frame at a place.
fn body_of(
    reader: &mut Reader<'_>,
    place: u64,
    length: u64,
    packing: Option<&Packing>,
) -> Result<Body, Fault> {
    let short =
        |length: u64| u32::try_from(length).map_err(|_| Fault::Broken { at: place, what: "is too long" });
    let length = short(length)?;
    let Some(packing) = packing else { return Ok(Body::OnDisk { place, length }) };
    let unpacked = packing.unpacked(reader.bytes(place, length.into()));
    let unpacked = unpacked.ok_or(Fault::Broken { at: place, what: "is a block that does not unpack" })?;
    let unpacked = short(unpacked.len() as u64)?;
    Ok(Body::Packed { place, length, unpacked, packing: packing.clone() })
}

/// A block with what its cluster and its group say of it.
#[derive(Clone, Copy, Debug)]
struct Block {
    element: Element,
    /// Of the cluster, in ticks.
    time: u64,
    /// Of the group, in ticks; 0 is not known.
    duration: u64,
    /// Whether it stands alone by its group: it refers to no other. Simple blocks say it themselves.
    key: Option<bool>,
}

/// The block of a group; nothing where it has none.
fn group(reader: &mut Reader<'_>, group: &Element, time: u64) -> Result<Option<Block>, Fault> {
    let (mut block, mut duration, mut refers) = (None, 0, false);
    let mut children = group.children();
    while let Some(element) = children.next(reader)? {
        let broken = |what| Err(Fault::Broken { at: element.at, what });
        match element.id {
            ids::BLOCK if block.is_some() => return broken("is a second block in one group"),
            ids::BLOCK => block = Some(element),
            ids::BLOCK_DURATION => duration = reader.unsigned(&element)?.unwrap_or(0),
            ids::REFERENCE_BLOCK => refers = true,
            id if ids::is_of_group(id) => {}
            _ => return broken("is none that a group of blocks may have"),
        }
    }
    Ok(block.map(|element| Block { element, time, duration, key: Some(!refers) }))
}
