//! Pictures to packets, by GStreamer's x264 encoder: what a transcode is made of.
//!
//! The encoder stands alone between two pads of ours, as decoders do; pictures are pushed by the worker's
//! own thread and packets come back within that push. One thread, no rate control but a constant rate
//! factor, no decision that depends on the machine: the same pictures give the same packets.
//!
//! The structure of the packets is made for clips with a stride (of 4 here):
//!
//! ```text
//! shown     I0 b1 b2 b3 P4 b5 b6 b7 P8 … P15 │ I16 …     closed groups
//! wanted    ■           ■           ■                     b pictures are referred to by none:
//! sent      ■           ■           ■                     a plan leaves out those that nobody wants
//! ```
//!
//! No deblocking, no arithmetic coding, no weighted prediction: twice as cheap to decode, for half as many
//! bytes again.

use std::sync::{Arc, Mutex, PoisonError};

use gst::prelude::*;
use gstreamer as gst;
use gstreamer_video as gst_video;
use schemas::packet_shard::TranscodeFacts;

use crate::{
    FrameRank,
    error::VideoError,
    picture::{Matrix, Picture, Range, Sampling},
};

/// Name of the encoder's element.
pub(crate) const ELEMENT: &str = "x264enc";

/// Nanoseconds between two pictures for the encoder, whose rate factor knows time: as at 25 a second.
const STEP: u64 = 40_000_000;

/// An encoder for one video.
#[derive(Debug)]
pub(crate) struct Encoder {
    element: gst::Element,
    input: gst::Pad,
    _output: gst::Pad,
    came: Arc<Mutex<Came>>,
    shape: Option<(u32, u32, Matrix, Range)>,
    pushed: u64,
}

/// What came out.
#[derive(Debug, Default)]
struct Came {
    caps: Option<gst::Caps>,
    packets: Vec<gst::Buffer>,
    error: Option<String>,
}

/// What an encoder made of a video.
#[derive(Debug)]
pub(crate) struct Encoded {
    /// Description of the packets.
    pub caps: gst::Caps,
    /// The packets in decode order, each with the rank of its picture.
    pub packets: Vec<(gst::Buffer, FrameRank)>,
}

/// What the encoder is told besides the pictures, for people to read.
pub fn told(made: &TranscodeFacts) -> String {
    let TranscodeFacts { stride, group, quality, .. } = made;
    let between = stride.saturating_sub(1).min(16);
    format!(
        "{ELEMENT} speed-preset=medium tune=fastdecode pass=qual quantizer={quality} key-int-max={group} \
         bframes={between} b-adapt=false b-pyramid=false cabac=false threads=1 sync-lookahead=0 \
         option-string=scenecut=0:open-gop=0:weightp=0:min-keyint={group}:cpu-independent=1"
    )
}

impl Encoder {
    /// Makes an encoder. GStreamer must be initialised.
    pub(crate) fn new(made: &TranscodeFacts) -> Result<Self, VideoError> {
        let missing = || VideoError::no_element(ELEMENT);
        let group = made.group;
        let options = format!("scenecut=0:open-gop=0:weightp=0:min-keyint={group}:cpu-independent=1");
        let element = gst::ElementFactory::make(ELEMENT)
            .property_from_str("speed-preset", "medium")
            .property_from_str("tune", "fastdecode")
            .property_from_str("pass", "qual")
            .property("quantizer", made.quality.min(50))
            .property("key-int-max", group)
            .property("bframes", made.stride.saturating_sub(1).min(16))
            .property("b-adapt", false)
            .property("b-pyramid", false)
            .property("cabac", false)
            .property("aud", false)
            .property("threads", 1u32)
            .property("sync-lookahead", 0i32)
            .property("option-string", options)
            .build()
            .map_err(|_| missing())?;
        let bus = gst::Bus::new();
        let came = Arc::new(Mutex::new(Came::default()));
        let errors = came.clone();
        bus.set_sync_handler(move |_, message| {
            if let gst::MessageView::Error(error) = message.view() {
                let mut came = errors.lock().unwrap_or_else(PoisonError::into_inner);
                came.error.get_or_insert_with(|| error.error().to_string());
            }
            gst::BusSyncReply::Drop
        });
        element.set_bus(Some(&bus));
        let input = gst::Pad::builder(gst::PadDirection::Src)
            .event_function(|_, _, _| true)
            .query_function(|_, _, _| false)
            .build();
        let output = output_pad(&came);
        let refused =
            || VideoError::Refused { packets: 0, reason: "the encoder has no free pads".to_owned() };
        input.link(&element.static_pad("sink").ok_or_else(refused)?).map_err(|_| refused())?;
        element.static_pad("src").ok_or_else(refused)?.link(&output).map_err(|_| refused())?;
        output.set_active(true).and(input.set_active(true)).map_err(|_| refused())?;
        element.set_state(gst::State::Paused).map_err(|_| refused())?;
        Ok(Self { element, input, _output: output, came, shape: None, pushed: 0 })
    }

    /// Encodes the next picture. All must be of one shape.
    pub(crate) fn push(&mut self, picture: &Picture) -> Result<(), VideoError> {
        if picture.layout.colour == Sampling::Gbr {
            return Err(VideoError::UnknownFormat { format: "RGB, which is not transcoded".to_owned() });
        }
        let (planes, (width, height)) = as_i420(picture);
        let shape = (width, height, picture.matrix, picture.range);
        let refused = |reason: String| VideoError::Refused { packets: self.pushed as u32, reason };
        if self.shape.is_none() {
            let caps = caps_of(shape).ok_or_else(|| refused("the encoder takes no such picture".into()))?;
            self.input.push_event(gst::event::StreamStart::new("0"));
            self.input.push_event(gst::event::Caps::new(&caps));
            let segment = gst::FormattedSegment::<gst::ClockTime>::new();
            self.input.push_event(gst::event::Segment::new(&segment));
            self.shape = Some(shape);
        }
        if self.shape != Some(shape) {
            return Err(refused("pictures differ in size or colour".to_owned()));
        }
        let mut buffer = gst::Buffer::from_slice(planes);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::from_nseconds(self.pushed * STEP));
            buffer.set_duration(gst::ClockTime::from_nseconds(STEP));
        }
        let flow = self.input.push(buffer);
        flow.map_err(|why| refused(why.to_string()))?;
        self.pushed += 1;
        Ok(())
    }

    /// Ends the stream.
    pub(crate) fn finish(self) -> Result<Encoded, VideoError> {
        self.input.push_event(gst::event::Eos::new());
        let mut came = self.came.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = |reason: String| VideoError::Refused { packets: self.pushed as u32, reason };
        if let Some(error) = came.error.take() {
            return Err(refused(error));
        }
        let (packets, caps) = (std::mem::take(&mut came.packets), came.caps.take());
        // The encoder moves all times by one distance; the first packet is that of the first picture.
        let first = packets.first().and_then(|packet| packet.pts());
        let rank = |packet: &gst::Buffer| {
            let since = packet.pts()?.checked_sub(first?)?;
            u32::try_from((since.nseconds() + STEP / 2) / STEP).ok().map(FrameRank)
        };
        let ranked: Option<Vec<_>> = packets.iter().map(rank).collect();
        match (caps, ranked) {
            (Some(caps), Some(ranks)) if ranks.len() as u64 == self.pushed => {
                Ok(Encoded { caps, packets: packets.into_iter().zip(ranks).collect() })
            }
            _ => Err(refused(format!("the encoder made {} packets", self.pushed))),
        }
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // An element that does not stop is dropped all the same.
        let _ = self.element.set_state(gst::State::Null);
    }
}

fn output_pad(came: &Arc<Mutex<Came>>) -> gst::Pad {
    let (packets, events) = (came.clone(), came.clone());
    let wanted =
        || gst::Caps::builder("video/x-h264").field("stream-format", "avc").field("alignment", "au").build();
    gst::Pad::builder(gst::PadDirection::Sink)
        .chain_function(move |_, _, buffer| {
            packets.lock().unwrap_or_else(PoisonError::into_inner).packets.push(buffer);
            Ok(gst::FlowSuccess::Ok)
        })
        .event_function(move |_, _, event| {
            if let gst::EventView::Caps(caps) = event.view() {
                let caps = Some(caps.caps_owned());
                events.lock().unwrap_or_else(PoisonError::into_inner).caps = caps;
            }
            true
        })
        .query_function(move |_, _, query| match query.view_mut() {
            gst::QueryViewMut::AcceptCaps(query) => {
                query.set_result(true);
                true
            }
            gst::QueryViewMut::Caps(query) => {
                let wanted = wanted();
                let result = query.filter().map_or(wanted.clone(), |filter| filter.intersect(&wanted));
                query.set_result(&result);
                true
            }
            _ => false,
        })
        .build()
}

/// The encoder's input caps of a shape.
fn caps_of((width, height, matrix, range): (u32, u32, Matrix, Range)) -> Option<gst::Caps> {
    let matrix = match matrix {
        Matrix::Bt601 => gst_video::VideoColorMatrix::Bt601,
        Matrix::Bt709 => gst_video::VideoColorMatrix::Bt709,
        Matrix::Bt2020 => gst_video::VideoColorMatrix::Bt2020,
        Matrix::Smpte240m => gst_video::VideoColorMatrix::Smpte240m,
        Matrix::Fcc => gst_video::VideoColorMatrix::Fcc,
    };
    let range = match range {
        Range::Limited => gst_video::VideoColorRange::Range16_235,
        Range::Full => gst_video::VideoColorRange::Range0_255,
    };
    let colorimetry = gst_video::VideoColorimetry::new(
        range,
        matrix,
        gst_video::VideoTransferFunction::Unknown,
        gst_video::VideoColorPrimaries::Unknown,
    );
    let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, width, height)
        .fps(gst::Fraction::new(25, 1))
        .colorimetry(&colorimetry)
        .build()
        .ok()?;
    info.to_caps().ok()
}

/// A picture as 8-bit 4:2:0 with even sides, rows padded as GStreamer has them. A last odd column or row is
/// left out; chroma of finer layouts is the mean of its block.
fn as_i420(picture: &Picture) -> (Vec<u8>, (u32, u32)) {
    let (width, height) = ((picture.width & !1).max(2), (picture.height & !1).max(2));
    let (columns, rows) = (width as usize, height as usize);
    let padded = |length: usize| length.next_multiple_of(4);
    let mut out = Vec::with_capacity(padded(columns) * rows * 3 / 2);
    let eight = |plane: usize, x: usize, y: usize| -> u32 {
        let (wide, high) = picture.plane_size(plane);
        let at = y.min(high - 1) * wide + x.min(wide - 1);
        let samples = picture.plane(plane);
        if picture.sample_bytes() == 1 {
            return samples[at].into();
        }
        let sample = u32::from(u16::from_le_bytes([samples[2 * at], samples[2 * at + 1]]));
        let down = u32::from(picture.layout.bits) - 8;
        ((sample + (1 << down >> 1)) >> down).min(255)
    };
    for y in 0..rows {
        out.extend((0..columns).map(|x| eight(0, x, y) as u8));
        out.resize(out.len() + padded(columns) - columns, 0);
    }
    let (across, down) = picture.layout.colour.chroma_shift();
    for plane in 1..3 {
        for y in 0..rows / 2 {
            for x in 0..columns / 2 {
                let sample = if picture.layout.colour == Sampling::Grey {
                    128
                } else {
                    let corner =
                        |dx: usize, dy: usize| eight(plane, (2 * x + dx) >> across, (2 * y + dy) >> down);
                    (corner(0, 0) + corner(1, 0) + corner(0, 1) + corner(1, 1) + 2) / 4
                };
                out.push(sample as u8);
            }
            out.resize(out.len() + padded(columns / 2) - columns / 2, 0);
        }
    }
    (out, (width, height))
}
