//! Frame shards: the decoded frames of clips in Parquet files, to be trained from again and again.
//!
//! A dataset of frame shards is a folder. Shard n holds the clips of the slots from n × clips a shard
//! on, and its bytes depend on nothing but them, so a folder can be finished by another process than
//! began it:
//!
//! ```text
//! frames-00000.parquet   slots 0 to 63      metadata: FrameShardFacts, the same in all shards
//! frames-00001.parquet   slots 64 to 127    no row for a slot whose video failed
//! frames-00002.parquet   slots 128 to 149   the last one is shorter
//! ```
//!
//! [`unfinished`] says which ranges are not there yet, a [`ShardWriter`] writes one of them,
//! [`FrameShards`] reads clips by slot. Which frames a clip has is decided elsewhere.

mod error;
mod footer;
mod frames;
mod layout;
mod reader;
mod writer;

pub use error::ShardError;
pub use frames::StoredClip;
pub use layout::unfinished;
pub use reader::FrameShards;
pub use writer::ShardWriter;

pub(crate) use footer::format_of;
pub(crate) use layout::is_shard_folder;
