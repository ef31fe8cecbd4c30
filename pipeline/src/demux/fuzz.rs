//! Bytes as containers, for `crate::fuzz`.

use super::{Demuxed, deadline, gstreamer, matroska, mp4, setup_of};
use crate::{codec::bits::Framing, file::FileBytes, fuzz::stream_bytes};

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

/// The first packets of an MP4 or Matroska film, as the target of their codec takes them, with its name. For corpora.
pub fn first_packets(bytes: &[u8]) -> Option<(String, Vec<u8>)> {
    let file = file(bytes);
    let demuxed =
        mp4::demux(&file, deadline(10), 10).or_else(|_| matroska::demux(&file, deadline(10), 10)).ok()?;
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
    Some((format!("{codec:?}").to_lowercase(), stream_bytes(framing, &parts)))
}

/// AVI: what is looked at beside GStreamer's demuxer.
pub fn avi(bytes: &[u8]) {
    gstreamer::fuzz_avi(&file(bytes));
}

/// Transport streams: tables, packets and their times.
pub fn transport(bytes: &[u8]) {
    gstreamer::fuzz_transport(&file(bytes));
}

/// An edit list over made samples.
pub fn edit_list(bytes: &[u8]) {
    mp4::fuzz_edit_list(bytes);
}
