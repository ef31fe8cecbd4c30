//! Video shards: Parquet files whose rows hold whole files of films, as Hugging Face's `datasets` reads videos.
//!
//! ```text
//! video        struct{bytes binary, path utf8}    the file, as it is, and its name
//! label        i64?                               its class
//! video_number u64                                its place in the source
//! ```
//!
//! The metadata `huggingface` says that `video` is a `Video` and `label` a `ClassLabel`, so that `load_dataset` opens
//! them as these. Nothing is compressed once more, so a reader finds a film's bytes in one piece.

use std::{collections::HashMap, sync::Arc};

use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::frame_shard::VERSION_KEY;

/// Format version of a video shard.
pub const VERSION: &str = "tubelet-videos/1";

/// Metadata key of the dataset's facts ([`VideoShardFacts`], as JSON).
pub const FACTS_KEY: &str = "tubelet.videos";

/// Metadata key of what the columns are to Hugging Face's `datasets`.
pub const HUGGING_FACE_KEY: &str = "huggingface";

/// The column with the films.
pub const VIDEO: &str = "video";

/// What is the same for all shards of a dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VideoShardFacts {
    /// Videos of the source, failed ones included.
    pub videos: u64,
    /// Videos of a shard; the last one may have fewer.
    pub videos_per_shard: u32,
    /// Names of the classes in the order of their numbers; empty where labels are numbers, or there are none.
    pub classes: Vec<String>,
    /// Digest of the list of source videos, hexadecimal.
    pub source: String,
    /// What wrote it.
    pub made_by: String,
}

/// The fields of `video`.
pub fn video_fields() -> Fields {
    [Field::new("bytes", DataType::Binary, true), Field::new("path", DataType::Utf8, true)]
        .into_iter()
        .collect()
}

/// The schema of a video shard with these facts.
pub fn schema(facts: &VideoShardFacts) -> SchemaRef {
    let fields = vec![
        Field::new(VIDEO, DataType::Struct(video_fields()), true),
        Field::new("label", DataType::Int64, true),
        Field::new("video_number", DataType::UInt64, true),
    ];
    let label = match facts.classes.is_empty() {
        true => json!({"dtype": "int64", "_type": "Value"}),
        false => json!({"names": facts.classes, "_type": "ClassLabel"}),
    };
    let number = json!({"dtype": "uint64", "_type": "Value"});
    let features = json!({VIDEO: {"_type": "Video"}, "label": label, "video_number": number});
    let described = json!({"info": {"features": features}}).to_string();
    let facts = serde_json::to_string(facts).expect("because numbers and strings always make JSON");
    let metadata = [(VERSION_KEY, VERSION.to_owned()), (FACTS_KEY, facts), (HUGGING_FACE_KEY, described)];
    let metadata: HashMap<String, String> =
        metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Arc::new(Schema::new_with_metadata(fields, metadata))
}
