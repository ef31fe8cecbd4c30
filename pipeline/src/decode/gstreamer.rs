//! Packets to pictures, by a GStreamer decoder that lives from video to video.
//!
//! The decoder stands alone between two pads of ours. Packets are pushed by the worker's own thread,
//! and frames come back within that push, on the same thread: nothing to wait for, nothing to queue.
//! Each packet carries a presentation time of our own making, a microsecond a place, which names the
//! frame that comes out; times of the container never reach the decoder, which would "repair" them.
//!
//! Whatever the decoder complains of ends the decode with an error; its caller then drops it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gst::prelude::*;
use gstreamer as gst;

use super::{
    Extent, Keep, Naming, Request, Stay, Stream, TimeLimit, Work,
    av1_colour::StatedColour,
    complaints::{self, Complaints},
    elements,
    output::{OutputState, output_pad},
    packet_time,
};
use crate::{
    PacketNumber,
    codec::{Codec, Start},
    demux,
    error::VideoError,
    heartbeat,
};

/// A decoder of one codec.
#[derive(Debug)]
pub(crate) struct GstDecoder {
    codec: Codec,
    element: gst::Element,
    input: gst::Pad,
    /// The decoder's pad holds no reference to its peer.
    _output_pad: gst::Pad,
    output: Arc<Mutex<OutputState>>,
    caps: Option<gst::Caps>,
    /// The place that our next time stands for.
    base: u64,
    /// How many places the stream has.
    places: u64,
    /// The last packet, where it was not drained after it.
    stands_at: Option<PacketNumber>,
    streams: u64,
}

/// A decode that is under way.
struct Sending<'a, 'k> {
    stream: Stream<'a>,
    naming: Naming,
    limit: TimeLimit<'a>,
    keep: &'a mut Keep<'k>,
    /// Packets that were sent.
    pushed: u32,
    /// Pictures that were handed over.
    kept: u64,
}

impl GstDecoder {
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
        if matches!(codec, Codec::Theora | Codec::Other(_)) {
            // Their decoders say nothing of some packets that they cannot decode, unless none is let pass.
            element.set_property("max-errors", 0i32);
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
        let output = Arc::new(Mutex::new(OutputState::new(codec == Codec::Mjpeg)));
        let input = gst::Pad::builder(gst::PadDirection::Src)
            .event_function(|_, _, _| true)
            .query_function(|_, _, _| false)
            .build();
        let output_pad = output_pad(&output);
        input.link(&element.static_pad("sink").ok_or_else(missing)?).map_err(|_| missing())?;
        element.static_pad("src").ok_or_else(missing)?.link(&output_pad).map_err(|_| missing())?;
        output_pad.set_active(true).and(input.set_active(true)).map_err(|_| missing())?;
        element.set_state(gst::State::Paused).map_err(|_| missing())?;
        Ok(Self {
            codec,
            element,
            input,
            _output_pad: output_pad,
            output,
            caps: None,
            base: 0,
            places: 0,
            stands_at: None,
            streams: 0,
        })
    }

    /// Sends the packets of `stream` that are requested and hands the wanted pictures to `keep`.
    pub(crate) fn decode(
        &mut self,
        stream: Stream<'_>,
        request: Request<'_>,
        limit: TimeLimit<'_>,
        work: &mut Work,
        keep: &mut Keep<'_>,
    ) -> Result<(), VideoError> {
        let Request { runs, naming, extent, joined, .. } = request;
        self.begin(stream, &request);
        let came_before = self.frames_that_came();
        let mut sending = Sending { stream, naming, limit, keep, pushed: 0, kept: 0 };
        for (nth, run) in runs.iter().enumerate() {
            if nth > 0 || !joined.goes_on {
                self.open(stream.caps);
            }
            for &number in &run.send {
                self.send(number, &mut sending)?;
                if naming == Naming::Counting && extent == Extent::Wanted && self.lock().is_complete() {
                    break;
                }
            }
            let stay = joined.stay.filter(|_| nth + 1 == runs.len());
            if !stay.map_or(Ok(false), |stay| self.stay(stay, &mut sending))? {
                self.drain(&mut sending)?;
            }
        }
        work.packets += u64::from(sending.pushed);
        work.left_out += runs.iter().map(|run| run.left_out()).sum::<u64>();
        work.frames += self.frames_that_came() - came_before;
        work.kept += sending.kept;
        Ok(())
    }

    /// Sends a packet and hands over the pictures that come of it.
    fn send(&mut self, number: PacketNumber, sending: &mut Sending<'_, '_>) -> Result<(), VideoError> {
        let Sending { stream, naming, .. } = *sending;
        let at = number.0 as usize;
        let Some(packet) = stream.packets.get(at) else { return Ok(()) };
        let place = stream.name_of(at, naming);
        let mut buffer = packet.buffer(stream.file);
        if naming == Naming::Counting && !packet.stamp.is_presented() {
            packet_time::mark_unpresented(&mut buffer);
        }
        if self.codec == Codec::Av1
            && let Ok(bytes) = buffer.map_readable()
        {
            self.lock().own.note(bytes.as_slice());
        }
        let buffer = packet_time::with_own(buffer, self.base + place);
        let unrecovered = stream.header.unrecovered;
        let in_the_middle = stream.index.first().is_some_and(|first| first.start == Start::Open);
        let lacks = in_the_middle && self.codec == Codec::H264;
        let shown_at = stream.index.get(at).and_then(|fact| fact.place);
        let is_behind = shown_at.is_some_and(|place| place.0 > unrecovered);
        let flow = self.push(buffer, lacks && !is_behind);
        self.stands_at = Some(number);
        sending.pushed += 1;
        heartbeat::step();
        // Shards that were counted keep no places.
        let is_hidden = unrecovered > 0 && packet.stamp.hidden;
        if shown_at.map_or(is_hidden, |place| place.0 < unrecovered) {
            // Of what is not there for it. No frame is shown of this picture, and none of those refers to it that are.
            complaints::take();
        }
        self.check(flow, sending.pushed, sending.limit)?;
        sending.kept += self.hand_over(sending.keep);
        Ok(())
    }

    /// Sends a packet. Before one of H.264 that `lacks` what was cut off, libavcodec invents that: for each picture it asks
    /// GStreamer for a buffer, which gives some for a packet and then fails; it goes on where it stopped.
    fn push(&self, packet: gst::Buffer, lacks: bool) -> Result<gst::FlowSuccess, gst::FlowError> {
        if !lacks {
            return self.input.push(packet);
        }
        let mut flow = self.input.push(packet.clone());
        for _ in 0..MOST_INVENTED {
            if complaints::begin_with(NO_BUFFER) {
                complaints::take();
                flow = self.input.push(packet.clone());
            }
        }
        flow
    }

    /// Sends packets until the needed pictures have come. Says whether they have.
    fn stay(&mut self, stay: Stay<'_>, sending: &mut Sending<'_, '_>) -> Result<bool, VideoError> {
        let needed = stay.needed as u64;
        for &number in stay.ahead {
            if sending.kept >= needed {
                break;
            }
            self.send(number, sending)?;
        }
        Ok(sending.kept >= needed)
    }

    /// Hands over the pictures that came out, outside the lock; gives their number.
    fn hand_over(&self, keep: &mut Keep<'_>) -> u64 {
        let kept = std::mem::take(&mut self.lock().kept);
        let count = kept.len() as u64;
        kept.into_iter().for_each(|(slot, picture)| keep(slot, picture));
        count
    }

    /// How many frames came out since the decoder last began anew.
    pub(crate) fn frames_that_came(&self) -> u64 {
        self.lock().came
    }

    /// The last packet that was sent, where the decoder was not drained after it.
    pub(crate) fn stands_at(&self) -> Option<PacketNumber> {
        self.stands_at
    }

    fn begin(&mut self, stream: Stream<'_>, request: &Request<'_>) {
        if !request.joined.goes_on {
            if self.stands_at.is_some() {
                // What it holds back comes out under the names of the stream that it belongs to.
                self.end_stream();
            }
            self.base += self.places;
            self.places = stream.packets.len() as u64 + 1;
            if self.element.has_property("direct-rendering") {
                // For pictures of a format that GStreamer does not have it would make a pool, and crash.
                let format_may_lack =
                    matches!(self.codec, Codec::Mjpeg | Codec::Other(_)) || stream.header.rare_format;
                self.element.set_property("direct-rendering", !format_may_lack);
            }
        }
        complaints::take();
        let mut output = self.lock();
        output.naming = request.naming;
        output.left = stream.header.left;
        output.unrecovered = stream.header.unrecovered.into();
        output.base = self.base;
        output.wanted = request.wanted.to_vec();
        output.last_needed = request.last_needed();
        output.kept.clear();
        output.error = None;
        if !request.joined.goes_on {
            output.came = 0;
        }
    }

    /// Announces a stream; where there was one, this drains it.
    fn open(&mut self, caps: &gst::Caps) {
        self.lock().last = None;
        self.streams += 1;
        self.input.push_event(gst::event::StreamStart::new(&self.streams.to_string()));
        if self.caps.as_ref() != Some(caps) {
            // Before the decoder announces what it makes of them.
            let mut output = self.lock();
            output.container = demux::colour_of(caps).and_then(|colour| colour.parse().ok());
            output.own =
                if self.codec == Codec::Av1 { StatedColour::of(caps) } else { StatedColour::default() };
            drop(output);
            self.input.push_event(gst::event::Caps::new(caps));
            self.caps = Some(caps.clone());
        }
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        self.input.push_event(gst::event::Segment::new(&segment));
    }

    /// Lets the decoder give all that it holds back, and forget what it refers to.
    fn drain(&mut self, sending: &mut Sending<'_, '_>) -> Result<(), VideoError> {
        self.end_stream();
        self.check(Ok(gst::FlowSuccess::Ok), sending.pushed, sending.limit)?;
        sending.kept += self.hand_over(sending.keep);
        Ok(())
    }

    fn end_stream(&mut self) {
        self.streams += 1;
        self.input.push_event(gst::event::StreamStart::new(&self.streams.to_string()));
        self.stands_at = None;
    }

    fn check(
        &self,
        flow: Result<gst::FlowSuccess, gst::FlowError>,
        packets: u32,
        limit: TimeLimit<'_>,
    ) -> Result<(), VideoError> {
        let (error, came) = {
            let mut output = self.lock();
            (output.error.take(), output.came)
        };
        if let Some(error) = error {
            return Err(error);
        }
        if complaints::any() {
            let Complaints { count, first } = complaints::take();
            if first.starts_with(NO_FORMAT) {
                return Err(VideoError::UnknownFormat {
                    format: "one that GStreamer does not have".to_owned(),
                });
            }
            return Err(VideoError::Damaged { complaints: count, packets, first });
        }
        if let Err(error) = flow {
            return Err(VideoError::Refused { packets, reason: error.to_string() });
        }
        limit.check()?;
        are_coming(came, packets.into())
    }

    fn lock(&self) -> MutexGuard<'_, OutputState> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What decoders of libav complain of where GStreamer has no name for the format of their pictures.
const NO_FORMAT: &str = "decoder requires a video format unsupported by GStreamer";

/// What libavcodec complains of where it gets no buffer for a picture.
const NO_BUFFER: &str = "get_buffer() failed";

/// Pictures of H.264 that others refer to, at most.
const MOST_INVENTED: u32 = 16;

/// Packets of which a decoder may give nothing, beside three of four: more than any holds back.
const HELD_BACK: u64 = 4096;

/// Refuses to go on where far fewer frames come than packets go in: hundreds of thousands of packets that a decoder
/// drops without a word take it minutes.
fn are_coming(came: u64, packets: u64) -> Result<(), VideoError> {
    match came {
        _ if packets <= HELD_BACK + 4 * came => Ok(()),
        0 => Err(VideoError::NothingDecoded { packets: u32::try_from(packets).unwrap_or(u32::MAX) }),
        _ => Err(VideoError::FramesLost { promised: packets, came }),
    }
}

impl Drop for GstDecoder {
    fn drop(&mut self) {
        // An element that does not stop is dropped all the same.
        let _ = self.element.set_state(gst::State::Null);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decoder_that_drops_nearly_everything_is_ended() {
        assert!(are_coming(0, 4096).is_ok() && are_coming(1000, 8096).is_ok());
        assert!(matches!(are_coming(0, 4097), Err(VideoError::NothingDecoded { packets: 4097 })));
        assert!(matches!(are_coming(1000, 8097), Err(VideoError::FramesLost { promised: 8097, came: 1000 })));
    }
}
