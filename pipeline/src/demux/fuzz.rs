//! Bytes as containers, for `crate::fuzz`.

use super::{deadline, gstreamer, matroska, mp4};
use crate::file::FileBytes;

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
