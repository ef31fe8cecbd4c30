//! Turns video files, or shards of them, into Arrow record batches of clips; knows nothing of models.
//!
//! ```text
//! loader        the data loader: threads, budget, order          preprocess   videos to shards
//!   clips       frames of a clip ─▶ rows of a batch
//!     source    frames of a slot, from files or shards
//!       dataset what there is to read: lists, manifests, labels
//!         shard   files that preprocessing wrote
//!         video   a file opened once, decoded by frame
//!           decode  packets ─▶ pictures
//!           demux   a container ─▶ packets
//! ```
//!
//! Each of these uses only what stands below it. Beside them are the rules that they follow, which read no file:
//! [`schedule`] (which clip comes when), [`sampling`] (which frames a clip has), [`plan`] (which packets give those
//! frames, by what [`codec`] finds in them), [`mask`], [`augment`] and [`transform`]. What they count has a type of
//! its own, so that a [`Slot`] is not taken for a [`VideoNumber`], nor a place in time for a place in the file.

pub mod augment;
pub mod clips;
pub mod codec;
pub mod dataset;
#[cfg(feature = "video")]
mod decode;
#[cfg(feature = "video")]
mod demux;
pub mod draws;
#[cfg(feature = "video")]
pub mod error;
pub mod error_words;
pub mod file;
#[cfg(feature = "video")]
pub mod film_file;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
pub mod heartbeat;
#[cfg(feature = "video")]
pub mod installation;
pub mod loader;
pub mod mask;
pub mod mixture;
mod numbers;
mod page_header;
pub mod page_limits;
mod page_values;
pub mod parquet_digest;
mod parquet_footer;
pub mod parquet_table;
pub mod picture;
pub mod pixels;
pub mod plan;
pub mod preprocess;
pub mod profile;
pub mod quarantine;
pub mod sampling;
#[cfg(all(feature = "video", target_os = "linux"))]
pub mod sandbox;
pub mod schedule;
pub mod segment;
pub mod settings;
pub mod shard;
pub mod source;
pub mod store;
mod sync;
pub mod system;
mod thrift;
pub mod transform;
pub mod tubelets;
#[cfg(all(feature = "video", target_os = "linux"))]
mod verdicts;
pub mod video;
pub mod video_entry;
pub mod worker_pool;

pub use numbers::{ClipNumber, FrameRank, PacketNumber, RowNumber, Slot, StreamTime, VideoNumber};
pub use schemas::names;
