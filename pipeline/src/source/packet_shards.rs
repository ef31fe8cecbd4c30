//! Frames from packet shards: planned and decoded as from files, without demuxer and without a look into
//! the packets.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use schemas::settings::Skip;

use super::{
    ClipFrames, ClipReader, ClipSource, Pixels, Reach, SourceError,
    sampled::{self, Pictures, SampledFrames, failed},
};
use crate::{
    FrameRank, Slot, VideoNumber,
    draws::Draws,
    profile::{Profile, Stage},
    sampling::FrameRule,
    segment::Segment,
    shard::{PacketShards, ShardError, ShardVideo},
    video::{Limits, OpenVideo, VideoReader, stored_video::StoredPart},
};

/// Packet shards as a source of clips; a clone shares what was learnt of them.
#[derive(Clone, Debug)]
pub struct PacketVideos {
    shards: PacketShards,
    rule: FrameRule,
    limits: Limits,
    skipping: Skip,
    /// Bytes of each video's packets and of a picture; 0 until it was opened once.
    bytes: Arc<[[AtomicU64; 2]]>,
}

/// Bytes of the packets of a video that was never opened: what a row has at most, mostly.
const UNKNOWN_PACKETS: u64 = 64 << 20;

impl PacketVideos {
    /// The videos of the shards, in the source's order, whose frames are chosen by `rule`.
    pub fn new(shards: PacketShards, rule: impl Into<FrameRule>, limits: Limits) -> Self {
        // Facts may come from anywhere: no more counters than there can be videos.
        let videos = shards.facts().videos.min(MOST_VIDEOS);
        let bytes = (0..videos).map(|_| Default::default()).collect();
        Self { shards, rule: rule.into(), limits, skipping: Skip::default(), bytes }
    }

    /// The same videos with another way of skipping.
    pub fn with_skipping(mut self, skipping: Skip) -> Self {
        self.skipping = skipping;
        self
    }
}

/// Videos of which sizes are remembered.
const MOST_VIDEOS: u64 = 1 << 24;

impl ClipSource for PacketVideos {
    fn videos(&self) -> u64 {
        self.shards.facts().videos
    }

    fn name(&self, video: VideoNumber) -> String {
        format!("video {} of the shards", video.0)
    }

    fn bytes(&self, video: VideoNumber, clips: u64) -> u64 {
        let frames = u64::from(self.rule.most_frames()).saturating_mul(clips);
        match self.bytes.get(video.index()).map(|known| known.each_ref().map(|known| known.load(Relaxed))) {
            Some([packets, picture]) if picture > 0 => sampled::held_bytes(packets, picture, frames),
            _ => UNKNOWN_PACKETS.saturating_mul(clips),
        }
    }

    fn reader(&self, profile: Arc<Profile>) -> Box<dyn ClipReader> {
        let reader = VideoReader::new(self.limits).with_skipping(self.skipping);
        Box::new(Reader { source: self.clone(), reader, last: None, profile })
    }
}

struct Reader {
    source: PacketVideos,
    reader: VideoReader,
    /// The video that was read last: clips of one video often follow each other.
    last: Option<Opened>,
    profile: Arc<Profile>,
}

/// A video whose packets are loaded as they are needed.
struct Opened {
    number: VideoNumber,
    video: ShardVideo,
    open: OpenVideo,
    loaded: Vec<bool>,
}

impl Reader {
    fn open(&mut self, number: VideoNumber) -> Result<Opened, SourceError> {
        let Some(video) = self.source.shards.video(number).map_err(broken)? else {
            let reason = "the shards have no row for this video: it failed when they were written".into();
            return Err(SourceError::LeftOut { reason, reach: Reach::Video });
        };
        let open = self.reader.open_stored(&video.stored).map_err(|why| failed(&why, Reach::Video))?;
        let packets: u64 = video.stored.packets.iter().map(|packet| u64::from(packet.bytes)).sum();
        let picture = u64::from(open.facts.width) * u64::from(open.facts.height) * 3 / 2;
        if let Some([of_packets, of_picture]) = self.source.bytes.get(number.index()) {
            of_packets.store(packets, Relaxed);
            of_picture.store(picture.max(1), Relaxed);
        }
        let loaded = vec![false; video.segments()];
        Ok(Opened { number, video, open, loaded })
    }
}

impl Opened {
    /// Loads the packets that decoding the `wanted` frames takes; gives how many bytes were read.
    fn load(
        &mut self,
        shards: &PacketShards,
        reader: &VideoReader,
        wanted: &[FrameRank],
    ) -> Result<u64, SourceError> {
        let mut read = 0;
        let needed = reader.needed(&self.open, wanted).map_err(|why| failed(&why, Reach::Slot))?;
        for segment in self.video.segments_of(needed.into_iter().map(|packet| packet.0 as usize)) {
            if !self.loaded[segment]
                && let Some((packets, bytes)) = shards.packets(&self.video, segment).map_err(broken)?
            {
                self.open.put_packets(packets, &bytes).map_err(|why| failed(&why, Reach::Slot))?;
                self.loaded[segment] = true;
                read += bytes.len() as u64;
            }
        }
        Ok(read)
    }

    /// A clip of these frames. A frame's name is its rank in the source.
    fn clip(&self, drawn: SampledFrames, mut pictures: Pictures) -> ClipFrames {
        let SampledFrames { mut ranks, times, .. } = drawn;
        let stored = &self.video.stored;
        let in_source = |rank: &mut FrameRank| {
            let made = stored.made.as_ref().and_then(|made| made.source_frames.get(rank.0 as usize).copied());
            *rank = made.or_else(|| Some(stored.part?.in_source(*rank))).unwrap_or(*rank);
        };
        ranks.iter_mut().for_each(in_source);
        pictures.iter_mut().for_each(|(rank, _)| in_source(rank));
        let pixels = Pixels::Pictures { pictures, orientation: stored.orientation };
        ClipFrames { video: stored.video.as_str().into(), label: stored.label, ranks, times, pixels }
    }
}

fn broken(why: ShardError) -> SourceError {
    SourceError::Broken { reason: why.to_string() }
}

impl ClipReader for Reader {
    /// One plan and one pass for all slots; the segments that it takes are read once.
    fn frames_together(
        &mut self,
        video: VideoNumber,
        slots: Vec<(Slot, Draws)>,
    ) -> Vec<Result<ClipFrames, SourceError>> {
        let profile = Arc::clone(&self.profile);
        let mut opened = match self.last.take() {
            Some(last) if last.number == video => last,
            _ => match profile.time(Stage::Read, || self.open(video)) {
                Ok(opened) => opened,
                Err(why) => return slots.iter().map(|_| Err(why.clone())).collect(),
            },
        };
        let rule = self.source.rule;
        let facts = &opened.open.facts;
        let segment = opened.video.stored.part.map_or(Segment::Whole, StoredPart::segment);
        let draw =
            |(slot, mut start): (Slot, Draws)| SampledFrames::of(facts, segment, rule, slot, &mut start);
        let drawn: Vec<_> = slots.into_iter().map(draw).collect();
        let pictures = sampled::together(&drawn, |wanted| {
            let shards = &self.source.shards;
            let loaded = profile.time(Stage::Read, || opened.load(shards, &self.reader, wanted))?;
            profile.count_read(loaded);
            sampled::decode(wanted, &mut self.reader, &opened.open, &profile)
        });
        let frames = |(drawn, pictures): (Result<SampledFrames, _>, Result<_, SourceError>)| {
            Ok(opened.clip(drawn?, pictures?))
        };
        let clips: Vec<_> = drawn.into_iter().zip(pictures).map(frames).collect();
        if clips.iter().any(Result::is_ok) {
            self.last = Some(opened);
        }
        clips
    }
}
