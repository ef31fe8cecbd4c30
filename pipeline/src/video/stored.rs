//! An open video as a shard keeps it, and back: the same facts, packets and index, so the same pictures.

use std::{ops::Range, str::FromStr as _};

use bytes::Bytes;
use gstreamer as gst;

use super::{
    OpenVideo, VideoFacts, VideoReader,
    facts::pixel_aspect,
    open::initialise,
    stored_video::{StoredPacket, StoredVideo},
};
use crate::{
    FrameRank, PacketNumber, VideoNumber,
    codec::{Codec, StreamHeader, headers},
    demux::{self, Body, Packet},
    error::VideoError,
    file::FileBytes,
    picture::Orientation,
    plan::{
        OutputIndex, PacketFact,
        order::{IndexMode, Stamp},
    },
};

/// The field of caps with the container's decoder configuration.
const SETUP: &str = "codec_data";

impl OpenVideo {
    /// The video as a shard keeps it.
    ///
    /// # Errors
    /// When its description does not survive being written.
    pub fn to_stored(
        &self,
        number: VideoNumber,
        video: String,
        label: Option<i32>,
        digest: [u8; 16],
    ) -> Result<StoredVideo, VideoError> {
        #[cfg(target_os = "linux")]
        if let Some(child) = &self.in_child {
            return child.stored(self.seen(), number, video, label, digest);
        }
        if !self.shown.is_empty() {
            let parts = self.packets.last().map_or(1, |packet| packet.stamp.part as usize + 1);
            return Err(VideoError::EditList { parts, reason: "shards of packets keep films of one part" });
        }
        let unrecovered = self.header.unrecovered;
        if unrecovered > 0 && unrecovered != self.hidden {
            let reason = "it hides frames of a film that begins in the middle of a stream";
            return Err(VideoError::EditList { parts: 1, reason });
        }
        let setup = self.caps.structure(0).map(demux::setup_of).unwrap_or_default();
        let mut caps = self.caps.clone();
        if let Some(structure) = caps.make_mut().structure_mut(0)
            && !setup.is_empty()
        {
            structure.remove_field(SETUP);
        }
        let caps = caps.to_string();
        if described(&caps, &setup).as_ref() != Some(&self.caps) {
            return Err(VideoError::UnknownCodec { codec: caps });
        }
        // Where frames are counted, those behind the edit list may lie between others.
        let counted = self.mode() == IndexMode::Linear;
        let packet = |(packet, fact): (&Packet, PacketFact)| StoredPacket {
            bytes: packet.body.length(),
            pts: packet.stamp.pts,
            fact,
            hidden: packet.stamp.hidden || (counted && packet.stamp.behind),
            key: packet.key,
        };
        let facts = &self.facts;
        let stored = StoredVideo {
            number,
            video,
            digest,
            label,
            container: facts.container.to_owned(),
            codec: self.codec,
            caps,
            codec_data: setup,
            size: (facts.width, facts.height),
            coded: self.header.size,
            left: self.header.left,
            orientation: facts.orientation,
            interlaced: facts.interlaced,
            mode: self.mode(),
            hidden: self.hidden,
            times: facts.times.clone(),
            packets: self.packets.iter().zip(self.index.iter().copied()).map(packet).collect(),
            made: None,
            part: None,
        };
        Ok(if counted { stored.counted() } else { stored })
    }

    /// A video that was encoded again, upright, from all frames of one with these facts: its packets in decode order,
    /// each with the rank of its frame.
    ///
    /// # Errors
    /// When the packets are not those of the frames.
    pub(crate) fn of_encoded(
        caps: gst::Caps,
        packets: Vec<(gst::Buffer, FrameRank)>,
        source: &VideoFacts,
    ) -> Result<Self, VideoError> {
        let unknown = || VideoError::UnknownCodec { codec: caps.to_string() };
        let structure = caps.structure(0).ok_or_else(unknown)?;
        let setup = demux::setup_of(structure);
        let (header, coded) = {
            let maps: Vec<_> = packets.iter().map(|(buffer, _)| buffer.map_readable().ok()).collect();
            let bodies = maps.iter().map(|map| map.as_ref().map_or(&[][..], |map| map.as_slice()));
            headers::look(Codec::H264, demux::framing_of(structure), &setup, bodies)
        };
        let index: Vec<_> = packets
            .iter()
            .zip(&coded)
            .map(|((_, rank), coded)| PacketFact {
                place: Some(OutputIndex(rank.0)),
                start: coded.start,
                disposable: coded.disposable,
            })
            .collect();
        let packet = |(buffer, rank): (gst::Buffer, FrameRank)| Packet {
            stamp: Stamp { pts: source.times.get(rank.0 as usize).copied(), ..Stamp::default() },
            key: !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT),
            body: Body::Held(bytes_of(buffer)),
        };
        let side = |name| structure.get::<i32>(name).ok().and_then(|side| u32::try_from(side).ok());
        let mut facts = source.clone();
        (facts.width, facts.height) = side("width").zip(side("height")).ok_or_else(unknown)?;
        facts.codec = Codec::H264.name();
        facts.packets = index.len() as u32;
        facts.orientation = Orientation::default();
        facts.index = IndexMode::Times;
        facts.interlaced = false;
        let packets = packets.into_iter().map(packet).collect();
        Ok(Self {
            facts,
            codec: Codec::H264,
            caps,
            packets,
            index,
            hidden: 0,
            shown: Vec::new(),
            header,
            sizes: Vec::new(),
            file: FileBytes::none(),
            verified: true.into(),
            counted: false.into(),
            #[cfg(target_os = "linux")]
            in_child: None,
        })
    }

    /// The bytes of all packets; nothing for one that cannot be read.
    ///
    /// # Errors
    /// When the system could not read them.
    pub(crate) fn packet_bytes(&self) -> Result<Vec<Option<Bytes>>, VideoError> {
        #[cfg(target_os = "linux")]
        if let Some(child) = &self.in_child {
            return child.packets(self.seen());
        }
        let buffers = self.packets.iter().map(|packet| packet.buffer(&self.file));
        let bytes =
            buffers.map(|buffer| buffer.into_mapped_buffer_readable().ok().map(Bytes::from_owner)).collect();
        // A packet that the system could not read is empty.
        self.file.check()?;
        Ok(bytes)
    }

    /// Gives packets their bytes, which follow each other in `bytes`.
    ///
    /// # Errors
    /// When the system has no memory for them that a process can share.
    pub(crate) fn put_packets(&mut self, packets: Range<usize>, bytes: &Bytes) -> Result<(), VideoError> {
        #[cfg(target_os = "linux")]
        if let Some(child) = &mut self.in_child {
            let before = self.sizes[..packets.start].iter().map(|&size| u64::from(size)).sum();
            return child.put(packets, bytes, before);
        }
        let mut from = 0;
        for (packet, size) in self.packets[packets.clone()].iter_mut().zip(&self.sizes[packets]) {
            let to = from + *size as usize;
            packet.body = Body::Held(bytes.slice(from..to));
            from = to;
        }
        Ok(())
    }

    /// Finds these packets in the file, where all packets lie one after the other. The others stay without bytes.
    #[cfg(target_os = "linux")]
    pub(crate) fn find_packets(&mut self, found: &[Range<u32>]) {
        if found.is_empty() {
            return;
        }
        let mut place = 0;
        for ((packet, &length), number) in self.packets.iter_mut().zip(&self.sizes).zip(0..) {
            if found.iter().any(|packets| packets.contains(&number)) {
                packet.body = Body::OnDisk { place, length };
            }
            place += u64::from(length);
        }
    }
}

/// The bytes of a buffer, without a copy; none where it cannot be read.
fn bytes_of(buffer: gst::Buffer) -> Bytes {
    buffer.into_mapped_buffer_readable().map_or_else(|_| Bytes::new(), Bytes::from_owner)
}

impl VideoReader {
    /// Opens a video of a shard; its packets have no bytes yet.
    ///
    /// # Errors
    /// When its description is not that of its codec, or its pictures are too large.
    pub fn open_stored(&mut self, stored: &StoredVideo) -> Result<OpenVideo, VideoError> {
        #[cfg(target_os = "linux")]
        if self.child.is_some() {
            return self.open_stored_in_child(stored);
        }
        self.stored_here(stored)
    }

    /// The same on this thread, with packets that will lie one after the other in `file`.
    #[cfg(target_os = "linux")]
    pub(crate) fn open_in_memory(
        &self,
        stored: &StoredVideo,
        file: FileBytes,
    ) -> Result<OpenVideo, VideoError> {
        Ok(OpenVideo { file, ..self.stored_here(stored)? })
    }

    /// The video on this thread, without the bytes of its packets.
    pub(super) fn stored_here(&self, stored: &StoredVideo) -> Result<OpenVideo, VideoError> {
        initialise()?;
        let unknown = || VideoError::UnknownCodec { codec: stored.caps.clone() };
        let caps = described(&stored.caps, &stored.codec_data).ok_or_else(unknown)?;
        let structure = caps.structure(0).ok_or_else(unknown)?;
        if demux::codec_of(structure) != Some(stored.codec) {
            return Err(unknown());
        }
        let side = |name| structure.get::<i32>(name).ok().and_then(|side| u32::try_from(side).ok());
        let stated = side("width").zip(side("height"));
        let packet = |packet: &StoredPacket| Packet {
            body: Body::Held(Bytes::new()),
            stamp: Stamp { pts: packet.pts, hidden: packet.hidden, ..Stamp::default() },
            key: packet.key,
        };
        let header = StreamHeader {
            size: stored.coded,
            interlaced: stored.interlaced,
            left: stored.left,
            unrecovered: if stored.begins_in_the_middle() { stored.hidden } else { 0 },
            ..StreamHeader::default()
        };
        let mut facts = VideoFacts::of_stored(stored);
        facts.pixel_aspect = pixel_aspect(&caps);
        for size in [stored.coded, stated] {
            self.check_size(&facts, size)?;
        }
        if facts.frames == 0 {
            return Err(VideoError::NothingShown { packets: facts.packets });
        }
        Ok(OpenVideo {
            facts,
            codec: stored.codec,
            caps,
            packets: stored.packets.iter().map(packet).collect(),
            index: stored.packets.iter().map(|packet| packet.fact).collect(),
            hidden: stored.hidden_before(),
            shown: Vec::new(),
            header,
            sizes: stored.packets.iter().map(|packet| packet.bytes).collect(),
            file: FileBytes::none(),
            // Not all of its packets are at hand; they were verified when they were stored.
            verified: true.into(),
            counted: false.into(),
            #[cfg(target_os = "linux")]
            in_child: None,
        })
    }

    /// The packets that decoding the distinct `wanted` frames sends, rising.
    ///
    /// # Errors
    /// When a wanted frame does not exist.
    pub fn needed(&self, video: &OpenVideo, wanted: &[FrameRank]) -> Result<Vec<PacketNumber>, VideoError> {
        if video.mode() == IndexMode::Linear {
            return Ok((0..video.index.len() as u32).map(PacketNumber).collect());
        }
        if let Some(&rank) = wanted.iter().find(|rank| rank.0 >= video.facts.frames) {
            return Err(VideoError::NoSuchFrame { rank, frames: video.facts.frames });
        }
        let mut places: Vec<_> = wanted.iter().map(|&rank| video.place_of(rank)).collect();
        places.sort_unstable();
        places.dedup();
        let runs = crate::plan::plan(&video.index, &places, self.skipping).unwrap_or_default();
        let mut packets: Vec<_> = runs.into_iter().flat_map(|run| run.send).collect();
        packets.sort_unstable();
        Ok(packets)
    }
}

/// Caps of a text and a decoder configuration.
fn described(caps: &str, setup: &[u8]) -> Option<gst::Caps> {
    let mut caps = gst::Caps::from_str(caps).ok()?;
    if !setup.is_empty() {
        let setup = gst::Buffer::from_slice(setup.to_vec());
        caps.make_mut().structure_mut(0)?.set(SETUP, setup);
    }
    Some(caps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::video::Limits;

    #[test]
    fn a_film_that_begins_in_the_middle_has_its_frames_also_where_they_are_counted() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/other_codecs/h264_cut.mkv");
        let mut reader = VideoReader::new(Limits::default());
        let video = reader.open(std::path::Path::new(path)).unwrap();
        let all: Vec<_> = (0..video.facts.frames).map(FrameRank).collect();
        let whole = reader.decode(&video, &all).unwrap();
        assert_eq!((whole.len(), video.header.unrecovered), (28, 7));
        let bytes: Vec<_> = video.packet_bytes().unwrap().into_iter().flatten().collect();
        let ranked = video.to_stored(VideoNumber(0), "cut".to_owned(), None, [0; 16]).unwrap();
        for stored in [ranked.clone(), ranked.counted()] {
            let mut back = reader.open_stored(&stored).unwrap();
            back.put_packets(0..bytes.len(), &bytes.concat().into()).unwrap();
            assert!(reader.decode(&back, &all).unwrap() == whole, "{:?}", stored.mode);
            let late = reader.decode(&back, &all[20..]).unwrap();
            assert!(late == whole[20..], "{:?}", stored.mode);
        }
    }
}
