//! The pad that gives a demuxer the bytes of a file: on request (pull) or one after the other (push).

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use gst::prelude::*;
use gstreamer as gst;

use super::packet_pad::Shared;
use crate::file::{FileBytes, FileSlice};

/// Bytes that are pushed at a time.
const PUSHED_BYTES: usize = 64 << 10;

/// Who decides which bytes come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::demux) enum Mode {
    /// The demuxer asks.
    Pull,
    /// They are pushed in order.
    Push,
}

/// The pad, and how often more was asked for than there is.
pub(super) struct FilePad {
    pub pad: gst::Pad,
    pub file: FileBytes,
    cut_reads: Arc<AtomicU32>,
}

impl FilePad {
    /// A pad for `file`.
    pub(super) fn new(file: FileBytes, mode: Mode) -> Self {
        let cut_reads = Arc::new(AtomicU32::new(0));
        let length = file.length();
        let pad = gst::Pad::builder(gst::PadDirection::Src)
            .name("src")
            .query_function(move |_, _, query| answer(query, mode, length))
            .event_function(|_, _, _| false);
        let pad = match mode {
            Mode::Push => pad.build(),
            Mode::Pull => {
                let (file, cut) = (file.clone(), cut_reads.clone());
                let give = move |offset, size, room: Option<&mut gst::BufferRef>| {
                    let slice = bytes_at(&file, &cut, offset, size)?;
                    Ok(match room {
                        Some(room) => fill(room, slice.as_ref())?,
                        None => gst::PadGetRangeSuccess::NewBuffer(buffer_of(slice, offset)),
                    })
                };
                pad.getrange_function(move |_, _, offset, room, size| give(offset, size, room)).build()
            }
        };
        Self { pad, file, cut_reads }
    }

    /// How many requests reached behind the end of the file.
    pub(super) fn cut_reads(&self) -> u32 {
        self.cut_reads.load(Ordering::Relaxed)
    }

    /// Pushes the whole file and its end, as long as `go_on` says so. True when all was pushed.
    pub(super) fn push_all(
        &self,
        caps: &gst::Caps,
        shared: &Shared,
        mut go_on: impl FnMut() -> bool,
    ) -> bool {
        let segment = gst::FormattedSegment::<gst::format::Bytes>::new();
        self.pad.push_event(gst::event::StreamStart::new("file"));
        self.pad.push_event(gst::event::Caps::new(caps));
        self.pad.push_event(gst::event::Segment::new(&segment));
        let length = self.file.length();
        for start in (0..length).step_by(PUSHED_BYTES) {
            if !go_on() {
                return false;
            }
            let buffer = buffer_of(self.file.slice(start..start + PUSHED_BYTES as u64), start);
            if self.pad.push(buffer).is_err() {
                break;
            }
        }
        shared.change(|track| track.at_end = true);
        self.pad.push_event(gst::event::Eos::new());
        true
    }
}

/// The bytes that a demuxer asks for.
fn bytes_at(
    file: &FileBytes,
    cut_reads: &AtomicU32,
    offset: u64,
    size: u32,
) -> Result<FileSlice, gst::FlowError> {
    let length = file.length();
    let end = offset.saturating_add(size.into());
    // A read at the very end only looks whether the file goes on.
    if end > length && offset != length {
        cut_reads.fetch_add(1, Ordering::Relaxed);
    }
    if offset >= length {
        return Err(gst::FlowError::Eos);
    }
    let slice = file.slice(offset..end);
    if slice.as_ref().is_empty() {
        cut_reads.fetch_add(1, Ordering::Relaxed);
        return Err(gst::FlowError::Eos);
    }
    Ok(slice)
}

fn buffer_of(slice: FileSlice, offset: u64) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_slice(slice);
    if let Some(buffer) = buffer.get_mut() {
        buffer.set_offset(offset);
    }
    buffer
}

/// Fills the buffer of a demuxer that brings its own, as that of Ogg does.
fn fill(room: &mut gst::BufferRef, bytes: &[u8]) -> Result<gst::PadGetRangeSuccess, gst::FlowError> {
    room.copy_from_slice(0, bytes).map_err(|_| gst::FlowError::Error)?;
    room.set_size(bytes.len());
    Ok(gst::PadGetRangeSuccess::FilledBuffer)
}

fn answer(query: &mut gst::QueryRef, mode: Mode, length: u64) -> bool {
    use gst::QueryViewMut::{Duration, Scheduling, Seeking};
    let length = gst::format::Bytes::from_u64(length);
    match query.view_mut() {
        Scheduling(query) => {
            let (flags, pad_mode) = match mode {
                Mode::Pull => (gst::SchedulingFlags::SEEKABLE, gst::PadMode::Pull),
                Mode::Push => (gst::SchedulingFlags::SEQUENTIAL, gst::PadMode::Push),
            };
            query.set(flags, 1, -1, 0);
            query.add_scheduling_modes([pad_mode]);
            true
        }
        Duration(query) if query.format() == gst::Format::Bytes => {
            query.set(length);
            true
        }
        Seeking(query) if query.format() == gst::Format::Bytes => {
            query.set(mode == Mode::Pull, gst::format::Bytes::ZERO, length);
            true
        }
        _ => false,
    }
}
