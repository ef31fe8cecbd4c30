//! Rows into a video, checked: every list has its length, every rank its frame, every segment its place.

use arrow_array::{
    Array as _, ArrayRef, PrimitiveArray, RecordBatch,
    cast::AsArray as _,
    types::{ArrowPrimitiveType, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type},
};
use schemas::packet_shard::{self, flags};

use crate::{
    FrameRank, StreamTime, VideoNumber,
    codec::{Codec, Start},
    picture::Orientation,
    plan::{OutputIndex, PacketFact, order::IndexMode},
    shard::{VideoFlaw, columns::values},
    video::stored_video::{Made, StoredPacket, StoredPart, StoredVideo},
};

/// The modes by the words that shards have for them.
pub(super) const MODES: [(IndexMode, &str); 3] =
    [(IndexMode::Times, "times"), (IndexMode::Reorder, "reorder"), (IndexMode::Linear, "linear")];

/// What one row says of its packets.
pub(super) struct Part {
    pub packets: Vec<StoredPacket>,
    pub bytes: u64,
}

impl Part {
    /// The packets of segment `at` of so many; `first` packets come before it.
    pub(super) fn of(row: &RecordBatch, at: (u32, u32), first: usize) -> Result<Self, VideoFlaw> {
        let (expected, segments) = at;
        let found = number::<UInt32Type>(row, "segment")?;
        let first_packet = number::<UInt32Type>(row, "first_packet")?;
        if found != expected
            || number::<UInt32Type>(row, "segments")? != segments
            || first_packet as usize != first
        {
            return Err(VideoFlaw::Segment { found, expected, segments });
        }
        let frames = number::<UInt32Type>(row, "frames")?;
        let hidden = number::<UInt32Type>(row, "hidden")?;
        let sizes = items::<UInt32Type>(row, "sizes")?;
        let pts = items::<Int64Type>(row, "pts")?;
        let ranks = items::<Int32Type>(row, "ranks")?;
        let marks = items::<UInt8Type>(row, "flags")?;
        let count = sizes.len();
        if pts.len() != count || ranks.len() != count || marks.len() != count {
            return Err(VideoFlaw::Lengths {
                sizes: count,
                pts: pts.len(),
                ranks: ranks.len(),
                flags: marks.len(),
            });
        }
        let bytes = number::<UInt64Type>(row, "bytes")?;
        let sum = sizes.values().iter().try_fold(0u64, |sum, &size| sum.checked_add(size.into()));
        if sum != Some(bytes) {
            return Err(VideoFlaw::Bytes { sizes: sum.unwrap_or(u64::MAX), bytes });
        }
        let packet = |at: usize| {
            let place = match ranks.is_valid(at).then(|| i64::from(ranks.value(at))) {
                None => None,
                Some(rank) if rank < i64::from(frames) && rank >= -i64::from(hidden) => {
                    Some(OutputIndex((rank + i64::from(hidden)) as u32))
                }
                Some(rank) => {
                    return Err(VideoFlaw::Rank { packet: (first + at) as u32, rank, frames });
                }
            };
            let marks = marks.value(at);
            let has = |bit: u8| marks & bit != 0;
            let start = match (has(flags::START), has(flags::OPEN)) {
                (false, _) => Start::Never,
                (true, true) => Start::Open,
                (true, false) => Start::Closed,
            };
            Ok(StoredPacket {
                bytes: sizes.value(at),
                pts: pts.is_valid(at).then(|| StreamTime(pts.value(at))),
                fact: PacketFact { place, start, disposable: has(flags::DISPOSABLE) },
                hidden: has(flags::HIDDEN),
                key: has(flags::KEY),
            })
        };
        Ok(Self { packets: (0..count).map(packet).collect::<Result<_, _>>()?, bytes })
    }

    /// The video that begins with this part.
    pub(super) fn begin(self, row: &RecordBatch, number_of: VideoNumber) -> Result<StoredVideo, VideoFlaw> {
        let number_found = number::<UInt64Type>(row, "video_number")?;
        if number_found != number_of.0 {
            return Err(VideoFlaw::Word { column: "video_number", found: number_found.to_string() });
        }
        let word = |column, found: String| VideoFlaw::Word { column, found };
        let codec = text(row, "codec")?;
        let mode = text(row, "mode")?;
        let rotation = number::<UInt16Type>(row, "rotation")?;
        if rotation % 90 != 0 || rotation >= 360 {
            return Err(word("rotation", rotation.to_string()));
        }
        let frames = number::<UInt32Type>(row, "frames")?;
        let times = items::<Int64Type>(row, "times")?;
        if times.len() != frames as usize {
            return Err(VideoFlaw::Times { times: times.len(), frames });
        }
        let pair = |first, second| {
            let (first, second) = (maybe::<UInt32Type>(row, first)?, maybe::<UInt32Type>(row, second)?);
            Ok::<_, VideoFlaw>(first.zip(second))
        };
        let flag = |column: &'static str| {
            let flags = found(row, column)?.as_boolean_opt();
            Ok::<_, VideoFlaw>(flags.ok_or(VideoFlaw::Column { column })?.value(0))
        };
        let digest = found(row, "video_digest")?.as_fixed_size_binary_opt();
        let digest = digest.and_then(|digest| digest.value(0).try_into().ok());
        let setup = found(row, "codec_data")?.as_binary_opt::<i32>();
        Ok(StoredVideo {
            number: number_of,
            video: text(row, "video")?,
            digest: digest.ok_or(VideoFlaw::Column { column: "video_digest" })?,
            label: maybe::<Int32Type>(row, "label")?,
            container: text(row, "container")?,
            codec: Codec::named(&codec).ok_or_else(|| word("codec", codec))?,
            caps: text(row, "caps")?,
            codec_data: setup.ok_or(VideoFlaw::Column { column: "codec_data" })?.value(0).to_vec(),
            size: (number::<UInt32Type>(row, "width")?, number::<UInt32Type>(row, "height")?),
            coded: pair("coded_width", "coded_height")?,
            left: pair("crop_left", "crop_width")?,
            orientation: Orientation { quarter_turns: (rotation / 90) as u8, mirrored: flag("mirrored")? },
            interlaced: flag("interlaced")?,
            mode: MODES
                .iter()
                .find(|(_, of)| *of == mode)
                .map(|(mode, _)| *mode)
                .ok_or_else(|| word("mode", mode))?,
            hidden: number::<UInt32Type>(row, "hidden")?,
            times: times.values().iter().map(|&time| StreamTime(time)).collect(),
            packets: self.packets,
            made: made(row, frames)?,
            part: part(row, frames)?,
        })
    }
}

/// What a transcode of so many frames was made from; nothing where the packets are the source's own.
fn made(row: &RecordBatch, frames: u32) -> Result<Option<Made>, VideoFlaw> {
    if row.column_by_name("source_frames").is_none() {
        return Ok(None);
    }
    let source_frames = items::<UInt32Type>(row, "source_frames")?;
    let source_frames: Vec<_> = source_frames.values().iter().map(|&rank| FrameRank(rank)).collect();
    if source_frames.len() != frames as usize {
        return Err(VideoFlaw::Times { times: source_frames.len(), frames });
    }
    Ok(Some(Made { source_frames, encoder: text(row, "encoder")? }))
}

/// Which of so many frames are the part that a list names; nothing where shards hold whole videos.
fn part(row: &RecordBatch, frames: u32) -> Result<Option<StoredPart>, VideoFlaw> {
    let [first, start, stop] = packet_shard::PART;
    if row.column_by_name(first).is_none() {
        return Ok(None);
    }
    let part = StoredPart {
        first: number::<UInt32Type>(row, first)?,
        start: number::<UInt32Type>(row, start)?,
        stop: number::<UInt32Type>(row, stop)?,
    };
    match part.start < part.stop && part.stop <= frames && part.first.checked_add(frames).is_some() {
        true => Ok(Some(part)),
        false => Err(VideoFlaw::Word { column: stop, found: part.stop.to_string() }),
    }
}

/// Checks what holds for a video's packets together: each frame is shown by one of them.
pub(super) fn check(video: &StoredVideo) -> Result<(), VideoFlaw> {
    let mut places: Vec<OutputIndex> = video.packets.iter().filter_map(|packet| packet.fact.place).collect();
    places.sort_unstable();
    places.dedup();
    let shown = video.packets.iter().filter(|packet| packet.fact.place.is_some()).count();
    let expected = match video.mode {
        IndexMode::Linear => 0,
        IndexMode::Times | IndexMode::Reorder => video.times.len() + video.hidden as usize,
    };
    if places.len() != expected || shown != expected {
        return Err(VideoFlaw::Frames { packets: places.len() as u32, frames: expected as u32 });
    }
    Ok(())
}

fn found<'a>(row: &'a RecordBatch, column: &'static str) -> Result<&'a ArrayRef, VideoFlaw> {
    row.column_by_name(column).filter(|array| !array.is_empty()).ok_or(VideoFlaw::Column { column })
}

fn maybe<T: ArrowPrimitiveType>(
    row: &RecordBatch,
    column: &'static str,
) -> Result<Option<T::Native>, VideoFlaw> {
    let array = found(row, column)?.as_primitive_opt::<T>().ok_or(VideoFlaw::Column { column })?;
    Ok(array.is_valid(0).then(|| array.value(0)))
}

pub(super) fn number<T: ArrowPrimitiveType>(
    row: &RecordBatch,
    column: &'static str,
) -> Result<T::Native, VideoFlaw> {
    maybe::<T>(row, column)?.ok_or(VideoFlaw::Column { column })
}

fn text(row: &RecordBatch, column: &'static str) -> Result<String, VideoFlaw> {
    let array = found(row, column)?.as_string_opt::<i32>().ok_or(VideoFlaw::Column { column })?;
    Ok(array.value(0).to_owned())
}

pub(super) fn items<T: ArrowPrimitiveType>(
    row: &RecordBatch,
    column: &'static str,
) -> Result<PrimitiveArray<T>, VideoFlaw> {
    values::<T>(found(row, column)?).ok_or(VideoFlaw::Column { column })
}
