//! `manifest.parquet`: one row a video, written by `tubelet scan`, read by every other command.

use std::{collections::HashMap, sync::Arc};

use arrow_schema::{DataType, Field, Schema, SchemaRef};

use crate::{MADE_BY, clip_batch::item_field};

/// Format version of the manifest.
pub const VERSION: &str = "tubelet-manifest/1";

/// Verdict of a video that can be read.
pub const GOOD: &str = "good";

/// `numbers` of a video that was decoded whole: its frames were counted as they came out of the decoder.
pub const DECODED: &str = "decoded";

/// `numbers` of a video that was not decoded: frames, times and rate are those of its packets, each of which shows
/// one frame; size and rotation are what container and headers say.
pub const OF_PACKETS: &str = "of packets";

/// `numbers` of a video that was not decoded and whose packets do not tell which of them show a frame: frames,
/// times and rate may differ from those of a decode.
pub const COUNTED_PACKETS: &str = "counted packets";

/// The schema of a manifest.
///
/// `times` are presentation times in ns (stream time, rising), one a frame; `key_frames` are ranks of
/// frames in presentation order that the container marks as key frames. The columns from `container`
/// to `has_b_frames` are null where the video cannot be opened, except that `container` or `codec` is the name of a
/// format or codec that is not read here; `verdict` is [`GOOD`] or the stable word of what is wrong, with its
/// `reason`; a good video may have one too, which says what was assumed of it (times that no packet has). `verified`
/// is true where all of the video was decoded without complaint, and null where that was not tried. `path_bytes` are
/// the bytes of a path that is no UTF-8, whose `path` is escaped, and null for others; `kind` is the name of the
/// verdict's [`Kind`](crate::Kind); `numbers` is [`DECODED`], [`OF_PACKETS`] or [`COUNTED_PACKETS`]. `start` and
/// `stop` are frames, `start_seconds` and `stop_seconds` times of a row that is a part of a video, null for a whole
/// one; `frames`, `times`, `key_frames` and `duration_ns` are then those of the part. `member_start` and
/// `member_bytes` are where a video lies in a file that holds several (a tar), `archive_bytes` and `archive_modified`
/// (ns since 1970) what that file was like; null for others. `blake3` is the BLAKE3 digest of the bytes of a `verified`
/// video in 64 hexadecimal digits, as `b3sum` prints it. Manifests of earlier versions lack these twelve.
pub fn schema() -> SchemaRef {
    let list = |name: &str, item| Field::new(name, DataType::List(item_field(item)), true);
    let fields = vec![
        Field::new("path", DataType::Utf8, false),
        Field::new("bytes", DataType::UInt64, false),
        Field::new("label", DataType::Int32, true),
        Field::new("verdict", DataType::Utf8, false),
        Field::new("reason", DataType::Utf8, true),
        Field::new("container", DataType::Utf8, true),
        Field::new("codec", DataType::Utf8, true),
        Field::new("width", DataType::UInt32, true),
        Field::new("height", DataType::UInt32, true),
        Field::new("pixel_aspect_width", DataType::UInt32, true),
        Field::new("pixel_aspect_height", DataType::UInt32, true),
        Field::new("rotation", DataType::UInt16, true),
        Field::new("frames", DataType::UInt32, true),
        Field::new("packets", DataType::UInt32, true),
        list("times", DataType::Int64),
        list("key_frames", DataType::UInt32),
        Field::new("duration_ns", DataType::Int64, true),
        Field::new("variable_rate", DataType::Boolean, true),
        Field::new("frames_per_second", DataType::Float64, true),
        Field::new("has_b_frames", DataType::Boolean, true),
        Field::new("verified", DataType::Boolean, true),
        Field::new("path_bytes", DataType::Binary, true),
        Field::new("kind", DataType::Utf8, true),
        Field::new("numbers", DataType::Utf8, true),
        Field::new("start", DataType::UInt32, true),
        Field::new("stop", DataType::UInt32, true),
        Field::new("start_seconds", DataType::Float64, true),
        Field::new("stop_seconds", DataType::Float64, true),
        Field::new("member_start", DataType::UInt64, true),
        Field::new("member_bytes", DataType::UInt64, true),
        Field::new("archive_bytes", DataType::UInt64, true),
        Field::new("archive_modified", DataType::Int64, true),
        Field::new("blake3", DataType::Utf8, true),
    ];
    let metadata = HashMap::from([
        ("tubelet.format".to_owned(), VERSION.to_owned()),
        ("tubelet.made_by".to_owned(), MADE_BY.to_owned()),
    ]);
    Arc::new(Schema::new_with_metadata(fields, metadata))
}
