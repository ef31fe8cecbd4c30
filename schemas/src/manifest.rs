//! `manifest.parquet`: one row a video, written by `tubelet scan`, read by every other command.

use std::{collections::HashMap, sync::Arc};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::{MADE_BY, clip_batch::item_field};

/// Format version of the manifest.
pub const VERSION: &str = "tubelet-manifest/1";

/// Verdict of a video that can be read.
pub const GOOD: &str = "good";

/// The schema of a manifest.
///
/// `times` are presentation times in ns (stream time, rising), one a frame; `key_frames` are ranks of
/// frames in presentation order that the container marks as key frames. The columns from `container`
/// to `has_b_frames` are null where the video cannot be opened; `verdict` is [`GOOD`] or the stable
/// word of what is wrong, with its `reason`; a good video may have one too, which says what was assumed of it
/// (times that no packet has). `verified` is true where all of the video was decoded without
/// complaint, and null where that was not tried.
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
    ];
    let metadata = HashMap::from([
        ("tubelet.format".to_owned(), VERSION.to_owned()),
        ("tubelet.made_by".to_owned(), MADE_BY.to_owned()),
    ]);
    Arc::new(Schema::new_with_metadata(fields, metadata))
}
