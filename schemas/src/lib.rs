//! What more than one party writes or reads: Arrow schemas, JSON lines, their versions.
//!
//! `pipeline` and `trainer` meet only here. Every format has a version and says what made it.

pub mod batch_builder;
pub mod clip_batch;
pub mod embeddings;
pub mod file_index;
pub mod frame_shard;
pub mod geometry;
mod hidden_name;
pub mod kind;
pub mod labelled_batch;
pub mod manifest;
pub mod metrics;
pub mod names;
pub mod output_lock;
pub mod packet_shard;
pub mod pixel_layout;
pub mod predictions;
pub mod problem_type;
pub mod quarantine;
pub mod regular_file;
pub mod run_state;
pub mod secrets;
pub mod settings;
pub mod slice;
mod try_lock;
pub mod video_shard;
pub mod whole_clips;
pub mod whole_file;

pub use batch_builder::BatchBuilder;
pub use clip_batch::ClipBatch;
pub use geometry::{ClipGeometry, GeometryError};
pub use kind::Kind;
pub use labelled_batch::LabelledBatch;
pub use output_lock::OutputLock;
pub use pixel_layout::PixelLayout;
pub use problem_type::ProblemType;
pub use slice::Slice;
pub use whole_clips::WholeClips;
pub use whole_file::{WholeFile, WholeFolder};

/// What made a file: `tubelet` and its version.
pub const MADE_BY: &str = concat!("tubelet ", env!("CARGO_PKG_VERSION"));
