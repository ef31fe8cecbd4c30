//! Frames from packet shards: planned and decoded as from files, without demuxer and without a look into
//! the packets.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use super::{
    ClipFrames, ClipReader, ClipSource, Pixels, Reach, SourceError,
    drawn::{Drawn, HELD_BY_DECODER, failed},
};
use crate::{
    FrameRank,
    draws::Draws,
    plan::views::FrameRule,
    profile::{Profile, Stage},
    shard::{PacketShards, ShardError, ShardVideo},
    video::{Limits, OpenVideo, VideoReader},
};

/// Packet shards as a source of clips.
#[derive(Debug)]
pub struct PacketVideos {
    shards: PacketShards,
    rule: FrameRule,
    limits: Limits,
    /// Bytes that reading a clip of each video takes; 0 until it was opened once.
    bytes: Vec<AtomicU64>,
}

/// Bytes of the packets of a video that was never opened: what a row has at most, mostly.
const UNKNOWN_PACKETS: u64 = 64 << 20;

impl PacketVideos {
    /// The videos of the shards, in the source's order, whose frames are chosen by `rule`.
    pub fn new(shards: PacketShards, rule: impl Into<FrameRule>, limits: Limits) -> Self {
        // Facts may come from anywhere: no more counters than there can be videos.
        let videos = shards.facts().videos.min(MOST_VIDEOS);
        let bytes = (0..videos).map(|_| AtomicU64::new(0)).collect();
        Self { shards, rule: rule.into(), limits, bytes }
    }
}

/// Videos of which sizes are remembered.
const MOST_VIDEOS: u64 = 1 << 24;

impl ClipSource for Arc<PacketVideos> {
    fn videos(&self) -> u64 {
        self.shards.facts().videos
    }

    fn name(&self, video: u64) -> String {
        format!("video {video} of the shards")
    }

    fn bytes(&self, video: u64, clips: u64) -> u64 {
        // Each clip is decoded by itself, but the frames of all are held until the last is done.
        match self.bytes.get(video as usize).map(|bytes| bytes.load(Relaxed)) {
            Some(known) if known > 0 => known.saturating_mul(clips),
            _ => UNKNOWN_PACKETS.saturating_mul(clips),
        }
    }

    fn reader(&self, profile: Arc<Profile>) -> Box<dyn ClipReader> {
        Box::new(Reader { source: self.clone(), reader: VideoReader::new(self.limits), last: None, profile })
    }
}

struct Reader {
    source: Arc<PacketVideos>,
    reader: VideoReader,
    /// The video that was read last: clips of one video often follow each other.
    last: Option<Opened>,
    profile: Arc<Profile>,
}

/// A video whose packets are loaded as they are needed.
struct Opened {
    number: u64,
    video: ShardVideo,
    open: OpenVideo,
    loaded: Vec<bool>,
}

impl Reader {
    fn open(&self, number: u64) -> Result<Opened, SourceError> {
        let Some(video) = self.source.shards.video(number).map_err(broken)? else {
            let reason = "the shards have no row for this video: it failed when they were written".into();
            return Err(SourceError::LeftOut { reason, reach: Reach::Video });
        };
        let open = self.reader.open_stored(&video.stored).map_err(|why| failed(&why, Reach::Video))?;
        let packets: u64 = video.stored.packets.iter().map(|packet| u64::from(packet.bytes)).sum();
        let picture = u64::from(open.facts.width) * u64::from(open.facts.height) * 3 / 2;
        let pictures = u64::from(self.source.rule.most_frames()) + HELD_BY_DECODER;
        if let Some(bytes) = self.source.bytes.get(number as usize) {
            bytes.store(packets.saturating_add(picture.saturating_mul(pictures)).max(1), Relaxed);
        }
        let loaded = vec![false; video.segments()];
        Ok(Opened { number, video, open, loaded })
    }
}

impl Opened {
    /// Loads the packets that decoding the `wanted` frames takes.
    fn load(
        &mut self,
        shards: &PacketShards,
        reader: &VideoReader,
        wanted: &[FrameRank],
    ) -> Result<(), SourceError> {
        let needed = reader.needed(&self.open, wanted).map_err(|why| failed(&why, Reach::Slot))?;
        for segment in self.video.segments_of(needed.into_iter().map(|packet| packet.0 as usize)) {
            if !self.loaded[segment]
                && let Some((packets, bytes)) = shards.packets(&self.video, segment).map_err(broken)?
            {
                self.open.put_packets(packets, &bytes);
                self.loaded[segment] = true;
            }
        }
        Ok(())
    }
}

fn broken(why: ShardError) -> SourceError {
    SourceError::Broken { reason: why.to_string() }
}

impl ClipReader for Reader {
    fn frames(&mut self, slot: u64, video: u64, mut start: Draws) -> Result<ClipFrames, SourceError> {
        let profile = Arc::clone(&self.profile);
        let mut opened = match self.last.take() {
            Some(last) if last.number == video => last,
            _ => profile.time(Stage::Read, || self.open(video))?,
        };
        let drawn = Drawn::of(&opened.open.facts, self.source.rule, slot, &mut start)?;
        profile.time(Stage::Read, || opened.load(&self.source.shards, &self.reader, &drawn.wanted))?;
        let mut pictures = drawn.decode(&mut self.reader, &opened.open, &profile)?;
        let Drawn { mut ranks, times, .. } = drawn;
        if let Some(made) = &opened.video.stored.made {
            // A frame's name is its rank in the source.
            let in_source = |rank: &mut FrameRank| {
                rank.0 = made.source_frames.get(rank.0 as usize).copied().unwrap_or(rank.0);
            };
            ranks.iter_mut().for_each(in_source);
            pictures.iter_mut().for_each(|(rank, _)| in_source(rank));
        }
        let stored = &opened.video.stored;
        let (name, label, orientation) = (stored.video.clone(), stored.label, stored.orientation);
        self.last = Some(opened);
        Ok(ClipFrames {
            video: name.into(),
            label,
            ranks,
            times,
            pixels: Pixels::Pictures { pictures, orientation },
        })
    }
}
