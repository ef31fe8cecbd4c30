//! Rows of a transcode: every frame of a video once more compressed, in a structure made for clips.

use std::sync::Arc;

use schemas::packet_shard::{PacketShardFacts, TranscodeFacts};

use super::{
    KeyMaker,
    encode::{self, Encoder},
    packets,
};
use crate::{
    FrameRank, VideoNumber,
    dataset::VideoList,
    error::VideoError,
    heartbeat,
    shard::Row,
    source::{Reach, SourceError, sampled::failed},
    transform,
    video::{Limits, OpenVideo, VideoFacts, VideoReader, stored_video::Made},
};

/// Makes the rows of a transcode of `videos`, as the facts say.
pub fn transcode(
    videos: VideoList,
    facts: PacketShardFacts,
    limits: Limits,
) -> Arc<dyn Fn() -> KeyMaker + Send + Sync> {
    packets::of_each_video(videos, limits, move |reader, opened, number| {
        let Some(made) = &facts.transcode else {
            return Err(SourceError::Broken { reason: "the facts are those of no transcode".into() });
        };
        rows(reader, opened, number, &facts, made)
    })
}

fn rows(
    reader: &mut VideoReader,
    opened: packets::Opened,
    number: VideoNumber,
    facts: &PacketShardFacts,
    made: &TranscodeFacts,
) -> Result<Vec<Row>, SourceError> {
    let part = opened.part()?;
    let packets::Opened { open, name, label, digest, .. } = opened;
    let failure = |why: VideoError| failed(&why, Reach::Video);
    let source_frames: Vec<_> = part.clone().map(|rank| FrameRank(rank as u32)).collect();
    let encoded = encode_all(reader, &open, &source_frames, made).map_err(failure)?;
    let (frames, times) = (part.len() as u32, open.facts.times[part].to_vec());
    let facts_of_part = VideoFacts { frames, times, ..open.facts.clone() };
    let transcoded = OpenVideo::of_encoded(encoded.caps, encoded.packets, &facts_of_part).map_err(failure)?;
    let mut stored = transcoded.to_stored(number, name, label, digest).map_err(failure)?;
    stored.made = Some(Made { source_frames, encoder: encode::told(made) });
    packets::packet_rows(&transcoded, stored, 0, facts).map_err(failure)
}

/// Bytes of pictures that wait for the encoder; a video of which they are more is decoded in parts.
const BYTES_AT_ONCE: u64 = 256 << 20;

/// These frames upright, made smaller where it is larger than asked for, through a fresh encoder.
fn encode_all(
    reader: &mut VideoReader,
    open: &OpenVideo,
    ranks: &[FrameRank],
    made: &TranscodeFacts,
) -> Result<encode::Encoded, VideoError> {
    let mut encoder = Encoder::new(made)?;
    let facts = &open.facts;
    let larger = facts.width.min(facts.height) > made.short_side;
    let short_side = if larger { made.short_side } else { 0 };
    let picture = u64::from(facts.width.max(1)) * u64::from(facts.height.max(1)) * 3;
    let at_once = (BYTES_AT_ONCE / picture).clamp(16, 4096) as usize;
    for ranks in ranks.chunks(at_once) {
        for (_, picture) in reader.decode(open, ranks)? {
            heartbeat::step();
            encoder.push(&transform::whole_planes(&picture, facts.orientation, short_side))?;
        }
    }
    encoder.finish()
}
