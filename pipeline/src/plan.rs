//! What to take from a video, computed from its facts alone: no file, no decoder, no clock.

pub mod sampling;
