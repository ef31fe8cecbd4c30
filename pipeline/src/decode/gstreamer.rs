//! Packets to pictures, by a GStreamer decoder that lives from video to video.
//!
//! The decoder stands alone between two pads of ours. Packets are pushed by the worker's own thread,
//! and frames come back within that push, on the same thread: nothing to wait for, nothing to queue.
//! Each packet carries a presentation time of our own making, a microsecond a place, which names the
//! frame that comes out; times of the container never reach the decoder, which would "repair" them.
//!
//! Whatever the decoder complains of ends the decode with an error; its caller then drops it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use gst::prelude::*;
use gstreamer as gst;

use super::{
    Extent, Keep, Naming, Request, Stream, TimeLimit, Work,
    av1_colour::StatedColour,
    complaints::{self, Complaints},
    elements,
    output::{OutputState, output_pad},
    packet_time,
};
use crate::{
    codec::{Codec, StreamHeader},
    demux,
    error::VideoError,
    heartbeat,
    plan::OutputIndex,
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
    streams: u64,
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
        Ok(Self { codec, element, input, _output_pad: output_pad, output, caps: None, base: 0, streams: 0 })
    }

    /// Sends the packets of `stream` that are requested and hands the wanted pictures to `keep`.
    pub(crate) fn decode(
        &mut self,
        stream: Stream<'_>,
        request: Request<'_>,
        limit: TimeLimit,
        work: &mut Work,
        keep: &mut Keep<'_>,
    ) -> Result<(), VideoError> {
        complaints::take();
        let Request { runs, wanted, naming, extent } = request;
        self.begin(naming, wanted, stream.header);
        let Stream { caps, packets, file, .. } = stream;
        let (mut pushed, mut kept) = (0, 0);
        for run in runs {
            self.open(caps);
            for number in &run.send {
                let at = number.0 as usize;
                let Some(packet) = packets.get(at) else { continue };
                let place = stream.name_of(at, naming);
                let mut buffer = packet.buffer(file);
                if naming == Naming::Counting && !packet.stamp.is_presented() {
                    packet_time::mark_unpresented(&mut buffer);
                }
                if self.codec == Codec::Av1
                    && let Ok(bytes) = buffer.map_readable()
                {
                    self.lock().own.note(bytes.as_slice());
                }
                let flow = self.input.push(packet_time::with_own(buffer, self.base + place));
                pushed += 1;
                heartbeat::step();
                self.check(flow, pushed, limit)?;
                kept += self.hand_over(keep);
                if naming == Naming::Counting && extent == Extent::Wanted && self.lock().is_complete() {
                    break;
                }
            }
            self.drain();
            self.check(Ok(gst::FlowSuccess::Ok), pushed, limit)?;
            kept += self.hand_over(keep);
        }
        self.base += packets.len() as u64 + 1;
        work.packets += u64::from(pushed);
        work.left_out += runs.iter().map(|run| run.left_out()).sum::<u64>();
        work.frames += self.frames_that_came();
        work.kept += kept;
        Ok(())
    }

    /// Hands over the pictures that came out, outside the lock; gives their number.
    fn hand_over(&self, keep: &mut Keep<'_>) -> u64 {
        let kept = std::mem::take(&mut self.lock().kept);
        let count = kept.len() as u64;
        kept.into_iter().for_each(|(slot, picture)| keep(slot, picture));
        count
    }

    /// How many frames came out in the last decode.
    pub(crate) fn frames_that_came(&self) -> u64 {
        self.lock().came
    }

    fn begin(&self, naming: Naming, wanted: &[OutputIndex], header: &StreamHeader) {
        let mut output = self.lock();
        output.naming = naming;
        output.left = header.left;
        output.base = self.base;
        output.wanted = wanted.to_vec();
        output.kept.clear();
        output.came = 0;
        output.error = None;
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
        let (error, came) = {
            let mut output = self.lock();
            (output.error.take(), output.came)
        };
        if let Some(error) = error {
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
        are_coming(came, packets.into())
    }

    fn lock(&self) -> MutexGuard<'_, OutputState> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

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
