//! Which demuxer a container gets: our own of its tables, or one of GStreamer's.

use std::time::Instant;

use super::{
    Demuxed,
    gstreamer::{self, file_pad::Mode},
    ivf, matroska, mp4,
    pictures::{self, animation, jpeg, png},
    y4m,
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
    match element(container) {
        Some(element) => gstreamer::demux(file, container, element, deadline, seconds),
        None if container.is_pictures() => of_pictures(&file, container),
        None if container == Container::Matroska => matroska::demux(&file, deadline, seconds),
        None if container == Container::Ivf => ivf::demux(&file),
        None if container == Container::Y4m => y4m::demux(&file),
        None => mp4::demux(&file, deadline, seconds),
    }
}

/// Takes picture files apart.
fn of_pictures(file: &FileBytes, container: Container) -> Result<Demuxed, VideoError> {
    let whole = file.slice(0..file.length());
    let bytes = whole.as_ref();
    match container {
        Container::Jpeg => jpeg::demux(bytes),
        Container::Png => Ok(pictures::of_planes(png::pictures(bytes)?)),
        _ => Ok(pictures::of_planes(animation::pictures(bytes, container)?)),
    }
}

/// GStreamer's demuxer of a container, and how it takes the bytes; none where the demuxer is our own.
fn element(container: Container) -> Option<(&'static str, Mode)> {
    match container {
        Container::Mp4 | Container::Matroska | Container::Ivf | Container::Y4m => None,
        Container::Jpeg | Container::Png | Container::Gif | Container::WebP => None,
        Container::Avi => Some(("avidemux", Mode::Pull)),
        Container::ProgramStream => Some(("mpegpsdemux", Mode::Push)),
        Container::TransportStream => Some(("tsdemux", Mode::Push)),
        Container::Flv => Some(("flvdemux", Mode::Pull)),
        Container::Ogg => Some(("oggdemux", Mode::Pull)),
        Container::Asf => Some(("asfdemux", Mode::Pull)),
        Container::Mxf => Some(("mxfdemux", Mode::Pull)),
        Container::Dv => Some(("dvdemux", Mode::Pull)),
        // There is nothing to take apart but the stream itself.
        Container::RawH264 => Some(("h264parse", Mode::Push)),
        Container::RawHevc => Some(("h265parse", Mode::Push)),
    }
}

/// Names of the elements that take a container apart: its demuxer, and the parsers behind it for some of the codecs.
pub(crate) fn element_names(container: Container) -> Vec<&'static str> {
    let demuxer = element(container).map(|(name, _)| name);
    demuxer.into_iter().flat_map(|name| [&[name], gstreamer::parsers(container)].concat()).collect()
}
