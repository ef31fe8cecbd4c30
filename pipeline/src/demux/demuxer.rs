//! Which demuxer a container gets: our own of its tables, or one of GStreamer's.

use std::time::Instant;

use super::{
    Demuxed,
    gstreamer::{self, file_pad::Mode},
    matroska, mp4,
};
use crate::{
    error::VideoError,
    file::{Container, FileBytes},
};

/// Takes the video out of `file`, which is a `container`, until `deadline`.
pub(crate) fn demux(
    file: FileBytes,
    container: Container,
    deadline: Instant,
    seconds: u32,
) -> Result<Demuxed, VideoError> {
    let element = match container {
        Container::Mp4 => return mp4::demux(&file, deadline, seconds),
        Container::Matroska => return matroska::demux(&file, deadline, seconds),
        Container::Avi => ("avidemux", Mode::Pull),
        Container::ProgramStream => ("mpegpsdemux", Mode::Push),
        Container::TransportStream => ("tsdemux", Mode::Push),
    };
    gstreamer::demux(file, container, element, deadline, seconds)
}
