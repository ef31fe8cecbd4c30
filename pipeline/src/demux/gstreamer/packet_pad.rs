//! The pads that a demuxer's streams end in: one collects the packets of the video, others swallow.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use bytes::Bytes;
use gst::prelude::*;
use gstreamer as gst;

use super::{headless::Headless, joined_pictures};
use crate::{
    StreamTime,
    codec::{
        Codec,
        bits::{split_at_start_codes, start_codes},
        sei::{self, Turn, Turns},
    },
    demux::{Body, MOST_HELD, Packet, allowance::Allowance, codec_of},
    file::FileBytes,
    picture::Orientation,
    plan::order::Stamp,
};

/// Descriptions of a stream that are compared with each other.
const MOST_CAPS: usize = 64;

/// What has come out of a demuxer so far.
#[derive(Debug, Default)]
pub(super) struct Track {
    pub packets: Vec<Packet>,
    /// Every different description of the stream that was announced, in the order in which they came first.
    pub caps: Vec<gst::Caps>,
    pub orientation: Orientation,
    segment: Option<gst::FormattedSegment<gst::ClockTime>>,
    /// The demuxer's pad of the video.
    pub chosen: Option<gst::Pad>,
    /// The video's stream has ended.
    pub ended: bool,
    /// Bytes of packets in memory that are not in the file in one piece.
    pub held: u64,
    /// Packets and bytes that may still come.
    pub allowance: Allowance,
    /// What the parser behind the demuxer has to do for a picture that does not end.
    pub work: ParserWork,
    /// The demuxer has all bytes: pads that go from here on go because the file ends.
    pub at_end: bool,
    /// The video's pad was taken away before that.
    pub replaced: bool,
    /// Pictures that went into the parser behind the demuxer, and that came out.
    pub parsed: (u32, u32),
    /// Of the pictures that went in, those that nothing describes.
    pub headless: Headless,
    /// What messages said of the orientation of pictures before the parser, which may lose them.
    pub turns: Turns,
    /// No further pads will come.
    pub complete: bool,
    /// A video pad of PNG pictures, mostly the picture of the cover.
    pub cover: bool,
    /// A video pad of a kind that is not read.
    pub unknown: Option<String>,
    /// The parser that the stream needs and that is not installed.
    pub missing: Option<&'static str>,
    /// The first error that the demuxer, or the parser behind it, posted.
    pub error: Option<String>,
}

/// Bytes that a parser goes over again with each buffer, since it waits for the end of a picture: a large picture in
/// many small buffers costs the square of their number.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ParserWork {
    /// Bytes since the last picture came out.
    waiting: u64,
    /// Bytes that were gone over, and may be.
    done: u64,
    most: u64,
}

impl ParserWork {
    /// That for a file of so many bytes: packets of a program stream have 2 kB, and pictures hundreds of them.
    pub(super) fn of(file_bytes: u64) -> Self {
        const FREE: u64 = 2 << 30;
        const TIMES: u64 = 128;
        Self { most: FREE.saturating_add(file_bytes.saturating_mul(TIMES)), ..Self::default() }
    }

    /// Counts a buffer that goes in; false where that is too much. A buffer is a picture as a rule, and parsers take
    /// twenty times the memory of one that is made of tiny units.
    fn count(&mut self, bytes: usize) -> bool {
        const LARGEST: usize = 12 << 20;
        if bytes > LARGEST {
            return false;
        }
        // A buffer by itself takes as long as a thousand bytes.
        self.waiting = self.waiting.saturating_add(bytes as u64 + 1000);
        self.done = self.done.saturating_add(self.waiting);
        self.done <= self.most
    }
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

    /// Ends the track with what is wrong with it, unless something was before, and wakes who waits for it.
    fn end(&self, reason: String) -> gst::FlowError {
        self.change(|track| {
            track.error = track.error.take().or(Some(reason));
            track.ended = true;
        });
        gst::FlowError::Eos
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

/// A pad that hands on what comes to `sink`, counting its pictures, and the pad between them, which must live as
/// long. With `caps` the stream is said to be of that format.
pub(super) fn before_parser(
    sink: &gst::Pad,
    caps: Option<gst::Caps>,
    shared: &Arc<Shared>,
) -> Option<(gst::Pad, gst::Pad)> {
    let between = gst::Pad::builder(gst::PadDirection::Src).build();
    between.link(sink).ok()?;
    between.set_active(true).ok()?;
    let (packets, events, shared) = (between.clone(), between.clone(), shared.clone());
    let before = gst::Pad::builder(gst::PadDirection::Sink)
        .chain_function(move |_, _, buffer| {
            if !shared.lock().work.count(buffer.size()) {
                return Err(
                    shared.end("a picture does not end within 12 MiB, or thousands of packets".to_owned())
                );
            }
            if let Some((codec, bytes)) = units_in(&buffer, codec_at(&packets)) {
                let mut track = shared.lock();
                track.parsed.0 += pictures_in(codec, &bytes);
                track.headless.note(codec, &bytes);
                turns_in(codec, &bytes).for_each(|turn| track.turns.note(turn));
            }
            packets.push(buffer)
        })
        .event_function(move |_, _, event| match (event.view(), &caps) {
            // Parsers end the picture that they are in at a gap of time; the demuxer sees some wherever times are missing.
            (gst::EventView::Gap(_), _) => true,
            (gst::EventView::Caps(_), Some(caps)) => events.push_event(gst::event::Caps::new(caps)),
            _ => events.push_event(event),
        })
        .query_function(|_, _, query| accept(query, &gst::Caps::new_any()))
        .build();
    Some((before, between))
}

/// What comes out of `pad`, or into it.
fn codec_at(pad: &gst::Pad) -> Option<Codec> {
    pad.current_caps().and_then(|caps| codec_of(caps.structure(0)?))
}

/// A buffer of H.264 or HEVC; nothing of other codecs.
fn units_in(
    buffer: &gst::BufferRef,
    codec: Option<Codec>,
) -> Option<(Codec, gst::BufferMap<'_, gst::buffer::Readable>)> {
    let codec = codec.filter(|codec| matches!(codec, Codec::H264 | Codec::Hevc))?;
    Some((codec, buffer.map_readable().ok()?))
}

/// How many pictures begin in bytes of H.264 or HEVC.
fn pictures_in(codec: Codec, bytes: &[u8]) -> u32 {
    // A picture's first slice says that nothing of it is before: one bit, behind the header of the unit.
    let begins = |at: usize| match (codec, bytes[at]) {
        (Codec::H264, first) => {
            matches!(first & 31, 1 | 5) && bytes.get(at + 1).is_some_and(|&next| next >= 128)
        }
        (Codec::Hevc, first) => {
            matches!(first >> 1 & 63, 0..=9 | 16..=21) && bytes.get(at + 2).is_some_and(|&next| next >= 128)
        }
        _ => false,
    };
    start_codes(bytes).filter(|&at| begins(at)).count() as u32
}

/// What the messages in bytes of H.264 or HEVC say of the orientation of pictures.
fn turns_in(codec: Codec, bytes: &[u8]) -> impl Iterator<Item = Turn> {
    let turn_in = if codec == Codec::H264 { sei::turn_in_h264 } else { sei::turn_in_hevc };
    split_at_start_codes(bytes).filter_map(turn_in)
}

/// A pad that collects packets of the formats `wanted` into `shared`.
pub(super) fn collect(shared: &Arc<Shared>, wanted: gst::Caps, file: &FileBytes) -> gst::Pad {
    // Only of a parser something else is wanted than what comes.
    let is_parsed = !wanted.is_any();
    let (packets, events, file) = (shared.clone(), shared.clone(), file.clone());
    gst::Pad::builder(gst::PadDirection::Sink)
        .chain_function(move |pad, _, buffer| {
            let codec = if is_parsed { codec_at(pad) } else { None };
            let mut parts = joined_pictures::apart(codec, buffer).into_iter();
            parts.try_for_each(|buffer| take(&packets, codec, &buffer, &file))?;
            Ok(gst::FlowSuccess::Ok)
        })
        .event_function(move |_, _, event| {
            note(&events, &event);
            true
        })
        .query_function(move |_, _, query| accept(query, &wanted))
        .build()
}

/// Takes in a packet; `codec` is known where it comes from a parser.
fn take(
    shared: &Shared,
    codec: Option<Codec>,
    buffer: &gst::Buffer,
    file: &FileBytes,
) -> Result<(), gst::FlowError> {
    let pictures = units_in(buffer, codec).map_or(0, |(codec, bytes)| pictures_in(codec, &bytes));
    let mut track = shared.lock();
    track.parsed.1 += pictures;
    track.work.waiting = 0;
    let stamp = stamp(buffer, track.segment.as_ref());
    let key = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
    let body = body_of(buffer, file);
    if let Err(what) = track.allowance.take(body.length().into()) {
        drop(track);
        return Err(shared.end(format!("{what} would take much more memory than the file has bytes")));
    }
    if let Body::Held(bytes) = &body
        && !file.is_in_memory()
    {
        track.held += bytes.len() as u64;
        if track.held > MOST_HELD {
            drop(track);
            shared.change(|track| track.ended = true);
            return Err(gst::FlowError::Eos);
        }
    }
    track.packets.push(Packet { body, stamp, key });
    Ok(())
}

/// Where the bytes of a packet are: those that lie in the file in one piece are left there. Others are copied, since a
/// buffer takes several times as much memory as a small packet, and may keep a large one alive.
fn body_of(buffer: &gst::BufferRef, file: &FileBytes) -> Body {
    let Ok(map) = buffer.map_readable() else { return Body::Held(Bytes::new()) };
    match file.place_of(&map).zip(u32::try_from(map.len()).ok()) {
        Some((place, length)) => Body::OnDisk { place, length },
        None => Body::Held(Bytes::copy_from_slice(&map)),
    }
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
            if track.caps.contains(&caps) {
                return;
            }
            track.caps.push(caps);
            if track.caps.len() > MOST_CAPS {
                let reason = format!("its stream is described in more than {MOST_CAPS} ways");
                track.error = track.error.take().or(Some(reason));
                track.ended = true;
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
    // What `to_stream_time` gives at rate 1, also for times outside the segment.
    let origin = segment.map_or(0, origin);
    let stream_time = |clock: gst::ClockTime| StreamTime(clock.nseconds() as i64 - origin);
    Stamp {
        pts: buffer.pts().map(stream_time),
        dts: buffer.dts().map(stream_time),
        duration: buffer.duration().map(|duration| duration.nseconds() as i64),
        ..Stamp::default()
    }
}

fn origin(segment: &gst::FormattedSegment<gst::ClockTime>) -> i64 {
    let start = segment.start().unwrap_or_default();
    start.nseconds() as i64 - segment.time().unwrap_or_default().nseconds() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_of_time_do_not_reach_a_parser() {
        gst::init().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let events = seen.clone();
        let parser = gst::Pad::builder(gst::PadDirection::Sink)
            .event_function(move |_, _, event| {
                events.lock().unwrap().push(event.type_());
                true
            })
            .build();
        parser.set_active(true).unwrap();
        let (before, _between) = before_parser(&parser, None, &Arc::default()).unwrap();
        before.set_active(true).unwrap();
        let time = gst::ClockTime::ZERO;
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        for event in [
            gst::event::StreamStart::new("film"),
            gst::event::Segment::new(&segment),
            gst::event::Gap::builder(time).duration(time).build(),
            gst::event::Eos::new(),
        ] {
            assert!(before.send_event(event));
        }
        use gst::EventType::{Eos, Segment, StreamStart};
        assert_eq!(*seen.lock().unwrap(), [StreamStart, Segment, Eos]);
    }
}
