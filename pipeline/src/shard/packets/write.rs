//! A video into rows.

use std::{ops::Range, sync::Arc};

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, FixedSizeBinaryArray, Int32Array, Int64Array, LargeBinaryArray,
    RecordBatch, StringArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use arrow_buffer::{Buffer, OffsetBuffer};
use schemas::packet_shard::{PacketShardFacts, flags};

use super::read::MODES;
use crate::{
    codec::Start,
    shard::{
        columns::{bare, list, partial_list},
        kind::ShardFacts as _,
        writer::Row,
    },
    video::stored_video::{StoredPacket, StoredVideo},
};

/// Bytes of packets in a row, where the stream has trusted starts often enough.
#[cfg(feature = "video")]
pub(crate) const SEGMENT_BYTES: u64 = 64 << 20;

impl StoredVideo {
    /// The rows of the video: segments of at most `segment_bytes`, each from a trusted start on (a group
    /// that is larger has a row of its own). `body` gives the bytes of a packet.
    ///
    /// # Errors
    /// When a packet has not the bytes that were said of it, or there are more than can be numbered.
    pub(crate) fn into_rows<'a>(
        self,
        facts: &PacketShardFacts,
        segment_bytes: u64,
        body: impl Fn(usize) -> Option<&'a [u8]>,
    ) -> Result<Vec<Row>, String> {
        let segments = split(&self.packets, segment_bytes);
        let count = u32::try_from(segments.len()).map_err(|_| "too many segments".to_owned())?;
        if i32::try_from(self.packets.len()).is_err() || i32::try_from(self.times.len()).is_err() {
            return Err(format!("{} packets cannot be numbered", self.packets.len()));
        }
        segments.into_iter().zip(0..).map(|(range, at)| self.row(facts, range, (at, count), &body)).collect()
    }

    fn row<'a>(
        &self,
        facts: &PacketShardFacts,
        range: Range<usize>,
        (segment, segments): (u32, u32),
        body: &impl Fn(usize) -> Option<&'a [u8]>,
    ) -> Result<Row, String> {
        let packets = &self.packets[range.clone()];
        let bytes: u64 = packets.iter().map(|packet| u64::from(packet.bytes)).sum();
        let mut blob = Vec::with_capacity(bytes as usize);
        for (at, packet) in range.clone().zip(packets) {
            let body = body(at).filter(|body| body.len() == packet.bytes as usize);
            blob.extend_from_slice(body.ok_or_else(|| format!("packet {at} is not there"))?);
        }
        let mut columns = self.columns(range, (segment, segments));
        if facts.transcode.is_some() {
            let made = self.made.as_ref().ok_or("a transcode must say what it was made from")?;
            let ranks = if segment == 0 { made.source_frames.as_slice() } else { &[] };
            columns.push(Arc::new(list(UInt32Array::from_iter_values(ranks.iter().map(|rank| rank.0)))));
            columns.push(Arc::new(StringArray::from(vec![made.encoder.as_str()])));
        }
        if facts.parts {
            let part = self.part.ok_or("a part must say which frames it has")?;
            let number = |number: u32| Arc::new(UInt32Array::from(vec![number])) as ArrayRef;
            columns.extend([part.first, part.start, part.stop].map(number));
        }
        let length = blob.len();
        let offsets = OffsetBuffer::from_lengths([length]);
        columns.push(Arc::new(LargeBinaryArray::new(offsets, Buffer::from_vec(blob), None)));
        let columns = RecordBatch::try_new(bare(&facts.schema()), columns)
            .expect("because the columns are those of the schema");
        Ok(Row { key: self.number.0, bytes: length, columns })
    }

    /// What is said of the video and of these packets, as far as it does not depend on where their bytes are.
    pub(super) fn columns(&self, range: Range<usize>, (segment, segments): (u32, u32)) -> Vec<ArrayRef> {
        let packets = &self.packets[range.clone()];
        let bytes: u64 = packets.iter().map(|packet| u64::from(packet.bytes)).sum();
        let first = segment == 0;
        let times = if first { self.times.as_slice() } else { &[] };
        let rank = |packet: &StoredPacket| {
            packet.fact.place.map(|place| (i64::from(place.0) - i64::from(self.hidden)) as i32)
        };
        let mode = MODES.iter().find(|(mode, _)| *mode == self.mode).map_or("", |(_, word)| word);
        let text = |text: &str| Arc::new(StringArray::from(vec![text])) as ArrayRef;
        let number = |number: u32| Arc::new(UInt32Array::from(vec![number])) as ArrayRef;
        let maybe = |number: Option<u32>| Arc::new(UInt32Array::from(vec![number])) as ArrayRef;
        let digest = FixedSizeBinaryArray::try_from_iter([self.digest].into_iter());
        vec![
            Arc::new(UInt64Array::from(vec![self.number.0])),
            number(segment),
            number(segments),
            Arc::new(UInt64Array::from(vec![bytes])),
            text(&self.video),
            Arc::new(digest.expect("because it is one value of 16 bytes")),
            Arc::new(Int32Array::from(vec![self.label])),
            text(&self.container),
            text(self.codec.name()),
            text(&self.caps),
            Arc::new(BinaryArray::from_vec(vec![&self.codec_data])),
            number(self.size.0),
            number(self.size.1),
            maybe(self.coded.map(|(width, _)| width)),
            maybe(self.coded.map(|(_, height)| height)),
            maybe(self.left.map(|(left, _)| left)),
            maybe(self.left.map(|(_, width)| width)),
            Arc::new(UInt16Array::from(vec![u16::from(self.orientation.quarter_turns % 4) * 90])),
            Arc::new(BooleanArray::from(vec![self.orientation.mirrored])),
            Arc::new(BooleanArray::from(vec![self.interlaced])),
            text(mode),
            number(self.times.len() as u32),
            number(self.hidden),
            number(range.start as u32),
            Arc::new(list(Int64Array::from_iter_values(times.iter().map(|time| time.0)))),
            Arc::new(list(UInt32Array::from_iter_values(packets.iter().map(|packet| packet.bytes)))),
            Arc::new(partial_list(Int64Array::from_iter(
                packets.iter().map(|packet| packet.pts.map(|pts| pts.0)),
            ))),
            Arc::new(partial_list(Int32Array::from_iter(packets.iter().map(rank)))),
            Arc::new(list(UInt8Array::from_iter_values(packets.iter().map(flags_of)))),
        ]
    }
}

fn flags_of(packet: &StoredPacket) -> u8 {
    let start = match packet.fact.start {
        Start::Never => 0,
        Start::Open => flags::START | flags::OPEN,
        Start::Closed => flags::START,
    };
    let bit = |is_so: bool, bit: u8| if is_so { bit } else { 0 };
    start
        | bit(packet.fact.disposable, flags::DISPOSABLE)
        | bit(packet.hidden, flags::HIDDEN)
        | bit(packet.key, flags::KEY)
}

/// Splits packets before starts so that each part has at most `most` bytes, where groups allow it.
fn split(packets: &[StoredPacket], most: u64) -> Vec<Range<usize>> {
    let mut parts: Vec<Range<usize>> = Vec::new();
    let mut starts: Vec<usize> =
        (1..packets.len()).filter(|&at| packets[at].fact.start != Start::Never).collect();
    starts.push(packets.len());
    let (mut begin, mut end, mut bytes) = (0, 0, 0u64);
    for next in starts {
        let group: u64 = packets[end..next].iter().map(|packet| u64::from(packet.bytes)).sum();
        if end > begin && bytes + group > most {
            parts.push(begin..end);
            (begin, bytes) = (end, 0);
        }
        bytes += group;
        end = next;
    }
    parts.push(begin..end);
    parts
}
