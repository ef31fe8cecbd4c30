//! The pads that a demuxer's streams end in: one collects the packets of the video, others swallow.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use gstreamer as gst;

use super::{Body, Packet};
use crate::{StreamTime, file::FileBytes, picture::Orientation, plan::order::Stamp};

/// Bytes of packets that are held of a file which is itself too large for the memory: transport and program
/// streams, whose packets lie there in pieces.
pub(super) const MOST_HELD: u64 = 512 << 20;

/// What has come out of a demuxer so far.
#[derive(Debug, Default)]
pub(super) struct Track {
    pub packets: Vec<Packet>,
    /// Every different description of the stream that was announced, in order.
    pub caps: Vec<gst::Caps>,
    pub orientation: Orientation,
    segment: Option<gst::FormattedSegment<gst::ClockTime>>,
    /// The demuxer's pad of the video.
    pub chosen: Option<gst::Pad>,
    /// The video's stream has ended.
    pub ended: bool,
    /// Bytes of packets in memory that are not in the file in one piece.
    pub held: u64,
    /// The demuxer has all bytes: pads that go from here on go because the file ends.
    pub at_end: bool,
    /// The video's pad was taken away before that.
    pub replaced: bool,
    /// No further pads will come.
    pub complete: bool,
    /// A video pad of a kind that is not read.
    pub unknown: Option<String>,
    /// The first error that the demuxer, or the parser behind it, posted.
    pub error: Option<String>,
}

/// A track that one thread fills and another waits for.
#[derive(Debug, Default)]
pub(super) struct Shared {
    track: Mutex<Track>,
    changed: Condvar,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, Track> {
        self.track.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the track and wakes who waits for it.
    pub(super) fn change(&self, change: impl FnOnce(&mut Track)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    /// Waits until `done`; false when it is `deadline` first.
    pub(super) fn wait(&self, deadline: Instant, done: impl Fn(&Track) -> bool) -> bool {
        let mut track = self.lock();
        while !done(&track) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.changed.wait_timeout(track, left);
            track = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

/// A pad that swallows what comes.
pub(super) fn swallow() -> gst::Pad {
    gst::Pad::builder(gst::PadDirection::Sink)
        .chain_function(|_, _, _| Ok(gst::FlowSuccess::Ok))
        .event_function(|_, _, _| true)
        .query_function(|_, _, query| accept(query, &gst::Caps::new_any()))
        .build()
}

/// A pad that collects packets of the formats `wanted` into `shared`.
pub(super) fn collect(shared: &Arc<Shared>, wanted: gst::Caps, file: &FileBytes) -> gst::Pad {
    let (packets, events, file) = (shared.clone(), shared.clone(), file.clone());
    gst::Pad::builder(gst::PadDirection::Sink)
        .chain_function(move |_, _, buffer| {
            let mut track = packets.lock();
            let stamp = stamp(&buffer, track.segment.as_ref());
            let key = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
            let body = body_of(buffer, &file);
            if let Body::Held(buffer) = &body
                && !file.is_in_memory()
            {
                track.held += buffer.size() as u64;
                if track.held > MOST_HELD {
                    drop(track);
                    packets.change(|track| track.ended = true);
                    return Err(gst::FlowError::Eos);
                }
            }
            track.packets.push(Packet { body, stamp, key });
            Ok(gst::FlowSuccess::Ok)
        })
        .event_function(move |_, _, event| {
            note(&events, &event);
            true
        })
        .query_function(move |_, _, query| accept(query, &wanted))
        .build()
}

/// Where the bytes of a packet are: those of a file on the disk are left there, if they lie in one piece.
fn body_of(buffer: gst::Buffer, file: &FileBytes) -> Body {
    let place = || {
        let map = buffer.map_readable().ok()?;
        Some(Body::OnDisk { place: file.place_of(&map)?, length: u32::try_from(map.len()).ok()? })
    };
    let place = if file.is_in_memory() { None } else { place() };
    place.unwrap_or(Body::Held(buffer))
}

/// Demuxers and parsers ask what may come: pads without a template must say so themselves.
fn accept(query: &mut gst::QueryRef, wanted: &gst::Caps) -> bool {
    match query.view_mut() {
        gst::QueryViewMut::AcceptCaps(query) => {
            let accepted = query.caps_owned().can_intersect(wanted);
            query.set_result(accepted);
            true
        }
        gst::QueryViewMut::Caps(query) => {
            let result = match query.filter() {
                Some(filter) => filter.intersect(wanted),
                None => wanted.clone(),
            };
            query.set_result(&result);
            true
        }
        _ => false,
    }
}

fn note(shared: &Shared, event: &gst::Event) {
    match event.view() {
        gst::EventView::Caps(event) => shared.change(|track| {
            let caps = event.caps_owned();
            if track.caps.last() != Some(&caps) {
                track.caps.push(caps);
            }
        }),
        gst::EventView::Segment(event) => shared.change(|track| {
            track.segment = event.segment().downcast_ref::<gst::ClockTime>().cloned();
        }),
        gst::EventView::Tag(event) => {
            if let Some(orientation) = event.tag().get::<gst::tags::ImageOrientation>() {
                shared.change(|track| track.orientation = orientation_of(orientation.get()));
            }
        }
        gst::EventView::Eos(_) => shared.change(|track| track.ended = true),
        _ => {}
    }
}

fn orientation_of(tag: &str) -> Orientation {
    let (mirrored, turn) = match tag.strip_prefix("flip-") {
        Some(turn) => (true, turn),
        None => (false, tag),
    };
    let quarter_turns = match turn {
        "rotate-90" => 1,
        "rotate-180" => 2,
        "rotate-270" => 3,
        _ => 0,
    };
    Orientation { quarter_turns, mirrored }
}

fn stamp(buffer: &gst::Buffer, segment: Option<&gst::FormattedSegment<gst::ClockTime>>) -> Stamp {
    let start = segment.and_then(|segment| segment.start()).unwrap_or_default();
    let time = segment.and_then(|segment| segment.time()).unwrap_or_default();
    // What `to_stream_time` gives at rate 1, also for times outside the segment.
    let stream_time = |clock: gst::ClockTime| {
        StreamTime(clock.nseconds() as i64 - start.nseconds() as i64 + time.nseconds() as i64)
    };
    Stamp {
        pts: buffer.pts().map(stream_time),
        dts: buffer.dts().map(stream_time),
        duration: buffer.duration().map(|duration| duration.nseconds() as i64),
        hidden: buffer.pts().is_some_and(|pts| pts < start),
        behind: false,
    }
}
