//! Video files, or shards of them, to Arrow record batches of masked clips; knows nothing of models.
//!
//! The way of the data is the list of modules: a clip is drawn by [`schedule`], its video opened and
//! decoded, its frames cut, resized and split into cubes, its tokens masked, and clips are put into
//! record batches that a channel hands to the trainer.

pub mod augment;
pub mod clips;
pub mod codec;
pub mod dataset;
#[cfg(feature = "video")]
mod decode;
#[cfg(feature = "video")]
mod demux;
pub mod draws;
pub mod error;
pub mod file;
pub mod heartbeat;
pub mod loader;
pub mod mask;
pub mod names;
pub mod picture;
pub mod plan;
pub mod preprocess;
pub mod profile;
pub mod quarantine;
pub mod sampling;
pub mod schedule;
pub mod settings;
pub mod shard;
pub mod source;
pub mod system;
pub mod transform;
pub mod tubelets;
pub mod video;
pub mod video_entry;
pub mod worker_pool;

/// A frame's place in presentation order, counted from 0. What people mean by "frame 37".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameRank(pub u32);

/// A packet's place in the file (decode order), counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketNumber(pub u32);

/// Nanoseconds of stream time: after the segment and the edit list, so 0 is the first shown frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamTime(pub i64);
