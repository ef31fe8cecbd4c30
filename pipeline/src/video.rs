//! A video file opened once and decoded by frame: what the rest of the pipeline calls.
//!
//! A [`VideoReader`] belongs to one worker thread and keeps that thread's decoders alive from video to
//! video. [`VideoReader::open`] gives an [`OpenVideo`] (facts, packets, index);
//! [`VideoReader::decode`] gives the pictures of the wanted frames and decodes as little as that
//! takes. Pictures are those of a full decode, or there is an error. A [`SequentialReader`] has one video, and goes on
//! decoding where its last call stopped.

#[cfg(all(feature = "video", target_os = "linux"))]
mod by_child;
#[cfg(feature = "video")]
mod facts;
#[cfg(all(feature = "video", target_os = "linux"))]
mod in_child;
#[cfg(feature = "video")]
mod indexed;
#[cfg(feature = "video")]
mod limits;
#[cfg(feature = "video")]
mod open;
#[cfg(feature = "video")]
mod open_video;
#[cfg(feature = "video")]
mod paired;
#[cfg(feature = "video")]
mod parts;
#[cfg(feature = "video")]
mod position;
#[cfg(feature = "video")]
mod reader;
#[cfg(feature = "video")]
mod recovered;
#[cfg(feature = "video")]
mod sequential;
#[cfg(feature = "video")]
mod stored;
#[cfg(feature = "video")]
mod stored_part;
pub mod stored_video;
#[cfg(feature = "video")]
mod turned;
#[cfg(feature = "video")]
mod unsupported;

#[cfg(all(feature = "video", target_os = "linux"))]
pub(crate) use self::open::initialise;
#[cfg(feature = "video")]
pub use self::{
    facts::VideoFacts, limits::Limits, open_video::OpenVideo, reader::VideoReader,
    sequential::SequentialReader,
};
#[cfg(feature = "video")]
pub use crate::decode::{Stop, Work};
