//! Packets to pictures, by a GStreamer decoder that lives from video to video.
//!
//! The decoder stands alone between two pads of ours. Packets are pushed by the worker's own thread,
//! and frames come back within that push, on the same thread: nothing to wait for, nothing to queue.
//! Each packet carries a presentation time of our own making, a microsecond a place, which names the
//! frame that comes out; times of the container never reach the decoder, which would "repair" them.
//!
//! Whatever the decoder complains of ends the decode with an error; its caller then drops it.

mod av1_colour;
mod chosen;
mod complaints;
mod copy;
#[cfg(any(feature = "dav1d", feature = "dav1d-1-0"))]
mod dav1d;
mod elements;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use gst::prelude::*;
use gstreamer as gst;
use gstreamer_video::{self as gst_video, video_frame::VideoBufferExt as _};

pub(crate) use self::chosen::Chosen;
use self::{av1_colour::StatedColour, complaints::Complaints};
use crate::{
    codec::{Codec, StreamHeader},
    demux::{self, Packet},
    file::FileBytes,
    heartbeat,
    picture::{Layout, Picture, Range},
    plan::{OutputIndex, PacketFact, PacketRun},
    profile::Decoded,
    video::VideoError,
};

/// A stream to decode from: what the decoder must be told, its packets, and the places of their
/// pictures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream<'a> {
    pub caps: &'a gst::Caps,
    pub header: &'a StreamHeader,
    pub packets: &'a [Packet],
    pub file: &'a FileBytes,
    pub index: &'a [PacketFact],
    /// All of it is known to decode without complaint.
    #[cfg_attr(
        not(any(feature = "dav1d", feature = "dav1d-1-0")),
        allow(dead_code, reason = "only dav1d asks")
    )]
    pub verified: bool,
}

/// Nanoseconds of our own time between two places.
const STEP: u64 = 1000;

/// How frames that come out are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// By the place that their packet was given.
    ByPacket,
    /// By counting those that the edit list lets be presented.
    Counting,
}

/// How much of a stream is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// What the wanted pictures take.
    Wanted,
    /// All of it.
    Video,
}

/// What is wanted of a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    /// The packets to send.
    pub runs: &'a [PacketRun],
    /// The pictures to keep, rising.
    pub wanted: &'a [OutputIndex],
    pub naming: Naming,
    pub extent: Extent,
}

/// When a decode must end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeLimit {
    pub deadline: Instant,
    pub seconds: u32,
}

/// What a decoder did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Packets pushed into decoders.
    pub packets: u64,
    /// Packets between the first and the last pushed one that were left out.
    pub left_out: u64,
    /// Frames that came out.
    pub frames: u64,
    /// Frames that were kept.
    pub kept: u64,
}

impl Work {
    /// What was done since `earlier`, as a profile counts it.
    pub fn since(self, earlier: Self) -> Decoded {
        Decoded {
            sent: self.packets - earlier.packets,
            left_out: self.left_out - earlier.left_out,
            frames: self.frames - earlier.frames,
            kept: self.kept - earlier.kept,
        }
    }
}

/// A decoder of one codec.
#[derive(Debug)]
pub(crate) struct Decoder {
    codec: Codec,
    element: gst::Element,
    input: gst::Pad,
    /// The decoder's pad holds no reference to its peer.
    _output: gst::Pad,
    job: Arc<Mutex<Job>>,
    caps: Option<gst::Caps>,
    /// The place that our next time stands for.
    base: u64,
    streams: u64,
}

/// What the output pad shall keep of the frames that come, and what it kept.
#[derive(Debug)]
struct Job {
    jpeg: bool,
    /// The colour that the container states.
    container: Option<gst_video::VideoColorimetry>,
    /// The colour that the stream states, where its decoder does not hand it on.
    own: StatedColour,
    /// What the decoder announced, with the colour that the stream states.
    info: Option<(gst_video::VideoInfo, Layout, Option<gst_video::VideoColorimetry>)>,
    naming: Naming,
    /// The place of the frame that came last in this run.
    last: Option<u64>,
    /// The visible window's first column and width, where it does not begin with column 0.
    left: Option<(u32, u32)>,
    base: u64,
    wanted: Vec<OutputIndex>,
    kept: Vec<Option<Picture>>,
    came: u64,
    error: Option<VideoError>,
}

impl Decoder {
    /// Makes a decoder. GStreamer must be initialised.
    pub(crate) fn new(codec: Codec) -> Result<Self, VideoError> {
        Self::of_element(codec, elements::make(codec)?)
    }

    /// Makes a decoder of AV1 that notices damage to samples.
    #[cfg(any(feature = "dav1d", feature = "dav1d-1-0"))]
    pub(crate) fn of_libaom() -> Result<Self, VideoError> {
        Self::of_element(Codec::Av1, elements::libaom()?)
    }

    fn of_element(codec: Codec, element: gst::Element) -> Result<Self, VideoError> {
        complaints::listen();
        if element.has_property("max-threads") {
            element.set_property("max-threads", 1i32);
        }
        if element.has_property("qos") {
            element.set_property("qos", false);
        }
        let missing =
            || VideoError::Refused { packets: 0, reason: "the decoder has no free pads".to_owned() };
        let bus = gst::Bus::new();
        bus.set_sync_handler(|_, message| {
            match message.view() {
                gst::MessageView::Error(error) => complaints::note(&error.error().to_string()),
                gst::MessageView::Warning(warning) => complaints::note(&warning.error().to_string()),
                _ => {}
            }
            gst::BusSyncReply::Drop
        });
        element.set_bus(Some(&bus));
        let job = Arc::new(Mutex::new(Job::new(codec == Codec::Mjpeg)));
        let input = gst::Pad::builder(gst::PadDirection::Src)
            .event_function(|_, _, _| true)
            .query_function(|_, _, _| false)
            .build();
        let output = output_pad(&job);
        input.link(&element.static_pad("sink").ok_or_else(missing)?).map_err(|_| missing())?;
        element.static_pad("src").ok_or_else(missing)?.link(&output).map_err(|_| missing())?;
        output.set_active(true).and(input.set_active(true)).map_err(|_| missing())?;
        element.set_state(gst::State::Paused).map_err(|_| missing())?;
        Ok(Self { codec, element, input, _output: output, job, caps: None, base: 0, streams: 0 })
    }

    /// Sends the packets of `stream` that are requested and keeps the wanted pictures.
    pub(crate) fn decode(
        &mut self,
        stream: Stream<'_>,
        request: Request<'_>,
        limit: TimeLimit,
        work: &mut Work,
    ) -> Result<Vec<Option<Picture>>, VideoError> {
        complaints::take();
        let Request { runs, wanted, naming, extent } = request;
        self.begin(naming, wanted, stream.header);
        let Stream { caps, packets, file, index, .. } = stream;
        let mut pushed = 0;
        for run in runs {
            self.open(caps);
            for number in &run.send {
                let at = number.0 as usize;
                let Some(packet) = packets.get(at) else { continue };
                // A picture that is never shown gets the place of none.
                let place = match naming {
                    Naming::Counting => at as u64,
                    Naming::ByPacket => index[at].place.map_or(packets.len() as u64, |place| place.0.into()),
                };
                let mut buffer = packet.buffer(file);
                if naming == Naming::Counting && !packet.stamp.is_presented() {
                    mark_unpresented(&mut buffer);
                }
                if self.codec == Codec::Av1
                    && let Ok(bytes) = buffer.map_readable()
                {
                    self.lock().own.note(bytes.as_slice());
                }
                let flow = self.input.push(own_time(buffer, self.base + place));
                pushed += 1;
                heartbeat::step();
                self.check(flow, pushed, limit)?;
                if naming == Naming::Counting && extent == Extent::Wanted && self.lock().is_complete() {
                    break;
                }
            }
            self.drain();
            self.check(Ok(gst::FlowSuccess::Ok), pushed, limit)?;
        }
        self.base += packets.len() as u64 + 1;
        let mut job = self.lock();
        let kept = std::mem::take(&mut job.kept);
        work.packets += u64::from(pushed);
        work.left_out += runs.iter().map(|run| run.left_out()).sum::<u64>();
        work.frames += job.came;
        work.kept += kept.iter().flatten().count() as u64;
        Ok(kept)
    }

    /// How many frames came out in the last decode.
    pub(crate) fn frames_that_came(&self) -> u64 {
        self.lock().came
    }

    fn begin(&self, naming: Naming, wanted: &[OutputIndex], header: &StreamHeader) {
        let mut job = self.lock();
        job.naming = naming;
        job.left = header.left;
        job.base = self.base;
        job.wanted = wanted.to_vec();
        job.kept = vec![None; wanted.len()];
        job.came = 0;
        job.error = None;
    }

    /// Announces a stream; where there was one, this drains it.
    fn open(&mut self, caps: &gst::Caps) {
        self.lock().last = None;
        self.streams += 1;
        self.input.push_event(gst::event::StreamStart::new(&self.streams.to_string()));
        if self.caps.as_ref() != Some(caps) {
            // Before the decoder announces what it makes of them.
            let mut job = self.lock();
            job.container = demux::colour_of(caps).and_then(|colour| colour.parse().ok());
            job.own = if self.codec == Codec::Av1 { StatedColour::of(caps) } else { StatedColour::default() };
            drop(job);
            self.input.push_event(gst::event::Caps::new(caps));
            self.caps = Some(caps.clone());
        }
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        self.input.push_event(gst::event::Segment::new(&segment));
    }

    /// Lets the decoder give all that it holds back, and forget what it refers to.
    fn drain(&mut self) {
        self.streams += 1;
        self.input.push_event(gst::event::StreamStart::new(&self.streams.to_string()));
    }

    fn check(
        &self,
        flow: Result<gst::FlowSuccess, gst::FlowError>,
        packets: u32,
        limit: TimeLimit,
    ) -> Result<(), VideoError> {
        if let Some(error) = self.lock().error.take() {
            return Err(error);
        }
        if complaints::any() {
            let Complaints { count, first } = complaints::take();
            return Err(VideoError::Damaged { complaints: count, packets, first });
        }
        if let Err(error) = flow {
            return Err(VideoError::Refused { packets, reason: error.to_string() });
        }
        if Instant::now() > limit.deadline {
            return Err(VideoError::TimeLimit { stage: "decoding", seconds: limit.seconds });
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Job> {
        self.job.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // An element that does not stop is dropped all the same.
        let _ = self.element.set_state(gst::State::Null);
    }
}

/// The packet with a time that names its place, and without its container's.
fn own_time(mut buffer: gst::Buffer, place: u64) -> gst::Buffer {
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
fn mark_unpresented(buffer: &mut gst::Buffer) {
    let mark = gst::Caps::new_empty_simple(UNPRESENTED);
    gst::ReferenceTimestampMeta::add(buffer.make_mut(), &mark, gst::ClockTime::ZERO, gst::ClockTime::NONE);
}

fn is_unpresented(buffer: &gst::BufferRef) -> bool {
    let mut marks = buffer.iter_meta::<gst::ReferenceTimestampMeta>();
    marks.any(|mark| mark.reference().structure(0).is_some_and(|mark| mark.name() == UNPRESENTED))
}

/// The name of that mark.
const UNPRESENTED: &str = "timestamp/x-unpresented";

fn output_pad(job: &Arc<Mutex<Job>>) -> gst::Pad {
    let (frames, events) = (job.clone(), job.clone());
    let lock = |job: &Arc<Mutex<Job>>, change: &mut dyn FnMut(&mut Job)| {
        change(&mut job.lock().unwrap_or_else(PoisonError::into_inner));
    };
    gst::Pad::builder(gst::PadDirection::Sink)
        .chain_function(move |_, _, buffer| {
            let mut flow = Ok(gst::FlowSuccess::Ok);
            lock(&frames, &mut |job| {
                job.keep(&buffer);
                if job.error.is_some() {
                    flow = Err(gst::FlowError::Error);
                }
            });
            flow
        })
        .event_function(move |_, _, event| {
            if let gst::EventView::Caps(caps) = event.view() {
                lock(&events, &mut |job| job.announce(caps.caps()));
            }
            true
        })
        .query_function(|_, _, query| match query.view_mut() {
            gst::QueryViewMut::AcceptCaps(query) => {
                query.set_result(true);
                true
            }
            gst::QueryViewMut::Caps(query) => {
                let any = query.filter_owned().unwrap_or_else(gst::Caps::new_any);
                query.set_result(&any);
                true
            }
            gst::QueryViewMut::Allocation(query) => {
                query.add_allocation_meta::<gst_video::VideoMeta>(None);
                true
            }
            _ => false,
        })
        .build()
}

impl Job {
    fn new(jpeg: bool) -> Self {
        Self {
            jpeg,
            container: None,
            own: StatedColour::default(),
            info: None,
            naming: Naming::ByPacket,
            last: None,
            left: None,
            base: 0,
            wanted: Vec::new(),
            kept: Vec::new(),
            came: 0,
            error: None,
        }
    }

    fn is_complete(&self) -> bool {
        self.wanted.last().is_some_and(|last| self.came > u64::from(last.0))
    }

    /// Takes in the format of the frames that follow.
    fn announce(&mut self, caps: &gst::CapsRef) {
        let Ok(info) = gst_video::VideoInfo::from_caps(caps) else {
            self.error = Some(VideoError::UnknownFormat { format: caps.to_string() });
            return;
        };
        let Some(layout) = Layout::named(info.format().to_str()) else {
            self.error = Some(VideoError::UnknownFormat { format: info.format().to_str().to_string() });
            return;
        };
        if let Some((before, ..)) = &self.info {
            let shape = |info: &gst_video::VideoInfo| (info.format(), info.width(), info.height());
            let words = |info: &gst_video::VideoInfo| {
                format!("{:?} {}x{}", info.format(), info.width(), info.height())
            };
            if self.came > 0 && shape(before) != shape(&info) {
                self.error = Some(VideoError::CapsChanged { before: words(before), after: words(&info) });
                return;
            }
        }
        let stream = caps.structure(0).and_then(|structure| structure.get::<&str>("colorimetry").ok());
        let stream = stream.and_then(|colour| colour.parse().ok());
        self.info = Some((info, layout, stream));
    }

    /// Keeps a frame if it is wanted.
    fn keep(&mut self, buffer: &gst::BufferRef) {
        if self.naming == Naming::Counting && is_unpresented(buffer) {
            return;
        }
        let place = match (self.naming, buffer.pts()) {
            (Naming::Counting, _) => Some(self.came),
            (Naming::ByPacket, Some(time)) => (time.nseconds() / STEP).checked_sub(self.base),
            (Naming::ByPacket, None) => None,
        };
        if self.naming == Naming::ByPacket {
            // A time that goes back was "repaired" on the way, so that the name is another frame's.
            if place.is_none() || self.last >= place {
                self.error = self.error.take().or(Some(VideoError::OutOfOrder { came: self.came }));
            }
            self.last = place;
        }
        self.came += 1;
        let slot = place.and_then(|place| {
            let place = OutputIndex(u32::try_from(place).ok()?);
            self.wanted.binary_search(&place).ok()
        });
        let Some(slot) = slot.filter(|_| self.error.is_none()) else { return };
        if buffer.flags().contains(gst::BufferFlags::CORRUPTED) {
            complaints::note("a wanted picture is marked as corrupted");
        }
        let Some((info, layout, stream)) = &self.info else { return };
        let usual = if self.jpeg { Range::Full } else { Range::Limited };
        // Asked for each picture: what the container states may change without a word from the decoder.
        let own = self.own.colorimetry();
        let rule =
            copy::rule_of([own.as_ref().or(stream.as_ref()), self.container.as_ref()], layout.colour, usual);
        // libavcodec leaves out columns at the left only in steps that suit its alignment.
        let surplus = self.left.and_then(|(left, visible)| {
            let surplus = info.width().checked_sub(visible)?;
            (surplus <= left).then_some(surplus)
        });
        self.kept[slot] = copy::copy(buffer, info, surplus.unwrap_or(0), *layout, rule);
    }
}
