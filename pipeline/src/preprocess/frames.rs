//! Rows of frame shards: the frames of each slot's clip, as planes or as upright RGB.

use std::sync::Arc;

use schemas::{
    frame_shard::{FrameShardFacts, StoredPixels},
    settings::ClipOrder,
};

use super::KeyMaker;
use crate::{
    Slot,
    picture::Picture,
    profile::Profile,
    schedule::Schedule,
    shard::{Planes, Row, StoredClip},
    source::{ClipFrames, ClipSource, Pixels, Reach, SourceError},
    transform,
};

/// Makes the rows of a dataset of frame shards from the clips of `source`.
pub fn clips(source: Arc<dyn ClipSource>, facts: FrameShardFacts) -> Arc<dyn Fn() -> KeyMaker + Send + Sync> {
    Arc::new(move || {
        let facts = facts.clone();
        // Shards hold slots in their own order; in which order an epoch takes them is another matter.
        let FrameShardFacts { seed, videos, clips_per_video, .. } = facts;
        let schedule = Schedule { seed, videos, clips_per_video, order: ClipOrder::default() };
        let mut reader = source.reader(Arc::new(Profile::default()));
        Box::new(move |key| {
            let slot = Slot(key);
            // Shards hold the clips of the first epoch.
            let frames = reader.frames(schedule.video_of(slot), slot, schedule.start(0, slot))?;
            Ok(vec![row(slot, frames, &facts)?])
        })
    })
}

fn row(slot: Slot, frames: ClipFrames, facts: &FrameShardFacts) -> Result<Row, SourceError> {
    let kept = match facts.pixels {
        StoredPixels::Planes => planes(&frames, facts.short_side),
        StoredPixels::Rgb => rgb(&frames, facts.short_side),
    };
    let failed = |verdict: &str, reason: String| SourceError::Failed {
        verdict: verdict.into(),
        reason,
        reach: Reach::Video,
    };
    let Some(Kept { width, height, planes, bytes }) = kept else {
        return Err(SourceError::Broken { reason: "RGB frames cannot be stored as planes".into() });
    };
    let side = |length: u32| {
        let reason = || format!("a frame of {width}×{height} pixels does not fit into a shard");
        u16::try_from(length).map_err(|_| failed("too-large", reason()))
    };
    let clip = StoredClip {
        slot,
        video: frames.video.to_string(),
        label: frames.label,
        width: side(width)?,
        height: side(height)?,
        ranks: frames.ranks,
        times: frames.times,
        planes,
        bytes,
    };
    clip.into_row(facts).map_err(|reason| failed("frames-differ", reason))
}

/// What is kept of a clip's frames.
struct Kept {
    width: u32,
    height: u32,
    planes: Option<Planes>,
    bytes: Vec<u8>,
}

/// Each distinct frame's planes; nothing where there are none.
fn planes(frames: &ClipFrames, short_side: u32) -> Option<Kept> {
    let Pixels::Pictures { pictures, orientation } = &frames.pixels else { return None };
    let mut kept: Option<Kept> = None;
    for (_, picture) in pictures {
        let whole = transform::whole_planes(picture, *orientation, short_side);
        let Picture { layout, width, height, matrix, range, planes } = whole;
        let kept = kept.get_or_insert_with(|| Kept {
            width,
            height,
            planes: Some(Planes { layout, matrix, range }),
            bytes: Vec::with_capacity(pictures.len() * planes.len()),
        });
        kept.bytes.extend_from_slice(&planes);
    }
    kept
}

/// Every frame as upright RGB.
fn rgb(frames: &ClipFrames, short_side: u32) -> Option<Kept> {
    let (width, height, bytes) = match &frames.pixels {
        Pixels::Rgb { width, height, bytes } => (*width, *height, bytes.clone()),
        Pixels::Pictures { pictures, orientation } => {
            let whole: Vec<_> = pictures
                .iter()
                .map(|(rank, picture)| (*rank, transform::whole_frame(picture, *orientation, short_side)))
                .collect();
            let size = whole.first().map_or((0, 0), |(_, frame)| (frame.width, frame.height));
            let mut pixels = Vec::new();
            for rank in &frames.ranks {
                let at = whole.partition_point(|(of, _)| of < rank);
                pixels.extend_from_slice(whole.get(at).map_or(&[], |(_, frame)| &frame.pixels));
            }
            (size.0, size.1, pixels)
        }
    };
    Some(Kept { width, height, planes: None, bytes })
}
