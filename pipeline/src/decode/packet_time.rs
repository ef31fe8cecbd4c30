//! Times of our own making, by which frames that come out of a decoder are known: a microsecond a place.
//!
//! Decoders hand on the time of a packet with its frame; times of the container never reach them.

use gstreamer as gst;
use gstreamer_video::{self as gst_video, video_frame::VideoBufferExt as _};

/// Nanoseconds of our own time between two places.
pub(super) const STEP: u64 = 1000;

/// The packet with a time that names its place, and without its container's.
pub(super) fn with_own(mut buffer: gst::Buffer, place: u64) -> gst::Buffer {
    let own = buffer.make_mut();
    own.set_pts(gst::ClockTime::from_nseconds(place * STEP));
    own.set_dts(gst::ClockTime::NONE);
    own.set_duration(gst::ClockTime::from_nseconds(STEP));
    let delta = own.flags() & gst::BufferFlags::DELTA_UNIT;
    own.unset_flags(gst::BufferFlags::all());
    // Decoders state a frame of two fields where packets are marked as fields; they give what the packets hold.
    own.unset_video_flags(gst_video::VideoBufferFlags::all());
    own.set_flags(delta);
    buffer
}

/// Marks a packet whose frame is not counted; decoders hand on what is attached to a packet with its frame, also
/// where they "repair" its time.
pub(super) fn mark_unpresented(buffer: &mut gst::Buffer) {
    let mark = gst::Caps::new_empty_simple(UNPRESENTED);
    gst::ReferenceTimestampMeta::add(buffer.make_mut(), &mark, gst::ClockTime::ZERO, gst::ClockTime::NONE);
}

/// Whether a frame is that of a packet so marked.
pub(super) fn is_unpresented(buffer: &gst::BufferRef) -> bool {
    let mut marks = buffer.iter_meta::<gst::ReferenceTimestampMeta>();
    marks.any(|mark| mark.reference().structure(0).is_some_and(|mark| mark.name() == UNPRESENTED))
}

/// The name of that mark.
const UNPRESENTED: &str = "timestamp/x-unpresented";
