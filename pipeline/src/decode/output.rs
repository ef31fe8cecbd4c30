//! What comes out of a GStreamer decoder: the format that it announces, and the frames that are wanted.

use std::sync::{Arc, Mutex, PoisonError};

use gstreamer as gst;
use gstreamer_video as gst_video;

use super::{Naming, av1_colour::StatedColour, complaints, copy, packet_time};
use crate::{
    FrameRank,
    error::VideoError,
    picture::{Layout, Picture, Range},
    plan::OutputIndex,
};

/// What the output pad shall keep of the frames that come, and what it kept.
#[derive(Debug)]
pub(super) struct OutputState {
    jpeg: bool,
    /// The colour that the container states.
    pub container: Option<gst_video::VideoColorimetry>,
    /// The colour that the stream states, where its decoder does not hand it on.
    pub own: StatedColour,
    /// What the decoder announced, with the colour that the stream states.
    info: Option<(gst_video::VideoInfo, Layout, Option<gst_video::VideoColorimetry>)>,
    pub naming: Naming,
    /// The place of the frame that came last in this run.
    pub last: Option<u64>,
    /// The visible window's first column and width, where it does not begin with column 0.
    pub left: Option<(u32, u32)>,
    /// Places before the first frame that is right.
    pub unrecovered: u64,
    pub base: u64,
    pub wanted: Vec<OutputIndex>,
    /// The last of them that is needed.
    pub last_needed: Option<OutputIndex>,
    /// Wanted pictures that nobody has taken yet, with their places among those wanted.
    pub kept: Vec<(usize, Picture)>,
    pub came: u64,
    pub error: Option<VideoError>,
}

impl OutputState {
    pub fn new(jpeg: bool) -> Self {
        Self {
            jpeg,
            container: None,
            own: StatedColour::default(),
            info: None,
            naming: Naming::ByPacket,
            last: None,
            left: None,
            unrecovered: 0,
            base: 0,
            wanted: Vec::new(),
            last_needed: None,
            kept: Vec::new(),
            came: 0,
            error: None,
        }
    }

    pub fn is_complete(&self) -> bool {
        self.last_needed.is_some_and(|last| self.came > u64::from(last.0))
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
        if self.naming == Naming::Counting && packet_time::is_unpresented(buffer) {
            return;
        }
        let place = match (self.naming, buffer.pts()) {
            (Naming::Counting, _) => Some(self.came),
            (Naming::ByPacket, Some(time)) => (time.nseconds() / packet_time::STEP).checked_sub(self.base),
            (Naming::ByPacket, None) => None,
        };
        if self.naming == Naming::ByPacket {
            // A time that goes back was "repaired" on the way, so that the name is another frame's.
            if place.is_none() || self.last >= place {
                self.error = self.error.take().or(Some(VideoError::OutOfOrder { came: self.came }));
            }
            self.last = place;
            if place.is_some_and(|place| place < self.unrecovered) {
                // FFmpeg would show one that the decoder does not mark.
                if !buffer.flags().contains(gst::BufferFlags::CORRUPTED) {
                    self.error = self.error.take().or(Some(VideoError::NoStart { rank: FrameRank(0) }));
                }
                return;
            }
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
        let picture = copy::copy(buffer, info, surplus.unwrap_or(0), *layout, rule);
        self.kept.extend(picture.map(|picture| (slot, picture)));
    }
}

/// The pad behind the decoder, which keeps the wanted frames in `output`.
pub(super) fn output_pad(output: &Arc<Mutex<OutputState>>) -> gst::Pad {
    let (frames, events) = (output.clone(), output.clone());
    let lock = |output: &Arc<Mutex<OutputState>>, change: &mut dyn FnMut(&mut OutputState)| {
        change(&mut output.lock().unwrap_or_else(PoisonError::into_inner));
    };
    gst::Pad::builder(gst::PadDirection::Sink)
        .chain_function(move |_, _, buffer| {
            let mut flow = Ok(gst::FlowSuccess::Ok);
            lock(&frames, &mut |output| {
                output.keep(&buffer);
                if output.error.is_some() {
                    flow = Err(gst::FlowError::Error);
                }
            });
            flow
        })
        .event_function(move |_, _, event| {
            if let gst::EventView::Caps(caps) = event.view() {
                lock(&events, &mut |output| output.announce(caps.caps()));
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
