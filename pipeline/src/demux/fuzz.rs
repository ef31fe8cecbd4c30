//! Bytes as containers, for `crate::fuzz`.

use super::{Demuxed, deadline, demuxer, gstreamer, matroska, mp4, setup_of};
use crate::{
    codec::bits::Framing,
    file::{self, Container, FileBytes},
    fuzz::stream_bytes,
};

fn file(bytes: &[u8]) -> FileBytes {
    FileBytes::none().shown_as(bytes.to_vec())
}

/// MP4: boxes, tables, fragments.
pub fn box_(bytes: &[u8]) {
    let _ = mp4::demux(&file(bytes), deadline(10), 10);
}

/// Matroska: elements, blocks.
pub fn ebml(bytes: &[u8]) {
    let _ = matroska::demux(&file(bytes), deadline(10), 10);
}

/// The first packets of a film, as the target of their codec takes them, with its name. For corpora.
pub fn first_packets(bytes: &[u8]) -> Option<(String, Vec<u8>)> {
    let (file, container) = (file(bytes), file::recognise(bytes)?);
    let demuxed = demuxer::demux(file.clone(), container, deadline(10), 10).ok()?;
    let Demuxed { codec, framing, caps, packets, .. } = demuxed;
    let framing = match framing {
        Framing::Lengths(width) => width,
        Framing::StartCodes => 0,
    };
    let setup = caps.structure(0).map(setup_of).unwrap_or_default();
    let packets =
        packets.iter().take(4).filter_map(|packet| packet.buffer(&file).into_mapped_buffer_readable().ok());
    // Headers stand first, and short inputs are tried more often.
    let packets: Vec<_> = packets.map(|packet| packet[..packet.len().min(400)].to_vec()).collect();
    let parts: Vec<&[u8]> =
        std::iter::once(setup.as_slice()).chain(packets.iter().map(Vec::as_slice)).collect();
    Some((codec.name().to_owned(), stream_bytes(framing, &parts)))
}

/// AVI: what is looked at beside GStreamer's demuxer.
pub fn avi(bytes: &[u8]) {
    gstreamer::fuzz_avi(&file(bytes));
}

/// Transport streams: tables, packets and their times.
pub fn transport(bytes: &[u8]) {
    gstreamer::fuzz_transport(&file(bytes));
}

/// Ogg: pages, their numbers and sums.
pub fn ogg(bytes: &[u8]) {
    gstreamer::fuzz_ogg(&file(bytes));
}

/// ASF: packets and what is in them.
pub fn asf(bytes: &[u8]) {
    gstreamer::fuzz_asf(&file(bytes));
}

/// Whatever GStreamer takes apart, between our pads and with our checks.
pub fn streams(bytes: &[u8]) {
    demux(bytes, |container| {
        !(container.is_pictures() || matches!(container, Container::Mp4 | Container::Matroska))
    });
}

/// JPEG, PNG, GIF, WebP: pictures one behind the other, and animations.
pub fn pictures(bytes: &[u8]) {
    demux(bytes, Container::is_pictures);
}

fn demux(bytes: &[u8], is_meant: impl Fn(Container) -> bool) {
    if let Some(container) = file::recognise(bytes).filter(|container| is_meant(*container)) {
        let _ = demuxer::demux(file(bytes), container, deadline(10), 10);
    }
}

/// An edit list over made samples.
pub fn edit_list(bytes: &[u8]) {
    mp4::fuzz_edit_list(bytes);
}
