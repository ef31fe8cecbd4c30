//! File indexes: Parquet files that say where the packets of videos are in the videos' own files, one row a video.
//!
//! The columns are those of a packet shard; in the place of the packets' bytes, `places` says where in the file
//! each packet begins, and `file_bytes` and `file_modified` (ns since 1970) by which size and time the file is known
//! again. `video_digest` is zero: no file is read as a whole for its index.

use std::{collections::HashMap, sync::Arc};

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};

use crate::{clip_batch::item_field, frame_shard::VERSION_KEY, packet_shard};

/// Format version of a file index.
pub const VERSION: &str = "tubelet-index/1";

/// Metadata key of its facts ([`FileIndexFacts`], as JSON).
pub const FACTS_KEY: &str = "tubelet.index";

/// What is the same for all files of an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileIndexFacts {
    /// Videos of the manifest, failed ones included.
    pub videos: u64,
    /// Videos of a file; the last one may have fewer.
    pub videos_per_shard: u32,
    /// Digest of the manifest's list of videos, hexadecimal.
    pub source: String,
    /// What wrote it.
    pub made_by: String,
}

/// The schema of an index with these facts.
pub fn schema(facts: &FileIndexFacts) -> SchemaRef {
    let mut fields = packet_shard::video_fields();
    fields.extend([
        Field::new("places", DataType::List(item_field(DataType::UInt64)), false),
        Field::new("file_bytes", DataType::UInt64, false),
        Field::new("file_modified", DataType::Int64, false),
    ]);
    let facts = serde_json::to_string(facts).expect("because numbers and strings always make JSON");
    let metadata =
        HashMap::from([(VERSION_KEY.to_owned(), VERSION.to_owned()), (FACTS_KEY.to_owned(), facts)]);
    Arc::new(Schema::new_with_metadata(fields, metadata))
}
