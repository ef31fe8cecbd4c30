//! AV1 by dav1d itself, where this build has it.
//!
//! GStreamer as Debian and Ubuntu package it decodes AV1 by libaom, which takes about three times as long; dav1d
//! is there (FFmpeg's library needs it), but its GStreamer element is not. It is called with one thread and
//! without delay, so that pictures come out of the packet that shows them. A decoder that returned an error is
//! dropped by its caller.

use std::time::Instant;

// One of them is there; which, tells the version of the library.
#[cfg(feature = "dav1d")]
use dav1d as library;
#[cfg(not(feature = "dav1d"))]
use dav1d_1_0 as library;
use gstreamer as gst;
use gstreamer_video as gst_video;
use library::{Error, PixelLayout, PlanarImageComponent, Settings};

use super::{Extent, Naming, Request, Stream, TimeLimit, Work, av1_colour::StatedColour, copy};
use crate::{
    demux,
    picture::{Layout, Matrix, Picture, Range, Sampling},
    plan::Place,
    progress,
    video::VideoError,
};

/// A decoder of AV1.
#[derive(Debug)]
pub(crate) struct Dav1d {
    decoder: library::Decoder,
    came: u64,
}

/// The bytes of a packet, owned by the decoder as long as it needs them.
struct Body(gst::MappedBuffer<gst::buffer::Readable>);

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl Dav1d {
    pub(super) fn new() -> Result<Self, VideoError> {
        let mut settings = Settings::new();
        settings.set_n_threads(1);
        settings.set_max_frame_delay(1);
        // Of spatial layers the highest is shown, as FFmpeg does.
        settings.set_all_layers(false);
        let decoder = library::Decoder::with_settings(&settings)
            .map_err(|error| VideoError::Refused { packets: 0, reason: error.to_string() })?;
        Ok(Self { decoder, came: 0 })
    }

    /// Sends the packets of `stream` that are requested and keeps the wanted pictures.
    pub(super) fn decode(
        &mut self,
        stream: Stream<'_>,
        request: Request<'_>,
        limit: TimeLimit,
        work: &mut Work,
    ) -> Result<Vec<Option<Picture>>, VideoError> {
        let Request { runs, wanted, naming, extent } = request;
        let mut taken = Taken {
            stated: StatedColour::of(stream.caps),
            container: demux::colour_of(stream.caps).and_then(|colour| colour.parse().ok()),
            naming,
            wanted,
            kept: vec![None; wanted.len()],
            shape: None,
        };
        self.came = 0;
        let mut pushed = 0;
        for run in runs {
            self.decoder.flush();
            for number in &run.send {
                let at = number.0 as usize;
                let Some(packet) = stream.packets.get(at) else { continue };
                // A picture that is never shown gets the place of none.
                let place = match naming {
                    Naming::Counting => at as u64,
                    Naming::ByPacket => {
                        stream.index[at].place.map_or(stream.packets.len() as u64, |place| place.0.into())
                    }
                };
                pushed += 1;
                let body = packet.buffer(stream.file).into_mapped_buffer_readable();
                let body = body.map_err(|_| damaged(pushed, "a packet cannot be read"))?;
                taken.stated.note(body.as_slice());
                let mut sent = self.decoder.send_data(Body(body), None, i64::try_from(place).ok(), None);
                loop {
                    self.take(&mut taken, pushed)?;
                    progress::step();
                    if Instant::now() > limit.deadline {
                        return Err(VideoError::TimeLimit { stage: "decoding", seconds: limit.seconds });
                    }
                    match sent {
                        Ok(()) => break,
                        Err(Error::Again) => sent = self.decoder.send_pending_data(),
                        Err(error) => return Err(damaged(pushed, error)),
                    }
                }
                let all = wanted.last().is_some_and(|last| self.came > u64::from(last.0));
                if naming == Naming::Counting && extent == Extent::Wanted && all {
                    break;
                }
            }
        }
        work.packets += u64::from(pushed);
        work.left_out += runs.iter().map(|run| run.left_out()).sum::<u64>();
        work.frames += self.came;
        work.kept += taken.kept.iter().flatten().count() as u64;
        Ok(taken.kept)
    }

    /// How many frames came out in the last decode.
    pub(super) fn frames_that_came(&self) -> u64 {
        self.came
    }

    /// Takes all pictures that are ready.
    fn take(&mut self, taken: &mut Taken<'_>, packets: u32) -> Result<(), VideoError> {
        loop {
            match self.decoder.get_picture() {
                Ok(picture) => taken.take(&picture, self.came)?,
                Err(Error::Again) => return Ok(()),
                Err(error) => return Err(damaged(packets, error)),
            }
            self.came += 1;
        }
    }
}

/// What is wanted of the pictures that come, and what was kept.
struct Taken<'a> {
    stated: StatedColour,
    /// What the container states, which counts where the stream says nothing.
    container: Option<gst_video::VideoColorimetry>,
    naming: Naming,
    wanted: &'a [Place],
    kept: Vec<Option<Picture>>,
    shape: Option<(Layout, u32, u32)>,
}

impl Taken<'_> {
    fn take(&mut self, picture: &library::Picture, came: u64) -> Result<(), VideoError> {
        let layout = layout_of(picture, self.stated.is_rgb())?;
        let shape = (layout, picture.width(), picture.height());
        let before = *self.shape.get_or_insert(shape);
        if before != shape {
            let words = |(layout, width, height): (Layout, u32, u32)| {
                format!("{} {width}x{height}", layout.name().unwrap_or("unknown"))
            };
            return Err(VideoError::CapsChanged { before: words(before), after: words(shape) });
        }
        let place = match self.naming {
            Naming::Counting => u32::try_from(came).ok(),
            Naming::ByPacket => picture.timestamp().and_then(|place| u32::try_from(place).ok()),
        };
        if let Some(slot) = place.and_then(|place| self.wanted.binary_search(&Place(place)).ok()) {
            let stream = self.stated.colorimetry();
            let rule =
                copy::rule_of([stream.as_ref(), self.container.as_ref()], layout.colour, Range::Limited);
            self.kept[slot] = copied(picture, layout, rule);
        }
        Ok(())
    }
}

fn damaged(packets: u32, why: impl ToString) -> VideoError {
    VideoError::Damaged { complaints: 1, packets, first: why.to_string() }
}

fn layout_of(picture: &library::Picture, rgb: bool) -> Result<Layout, VideoError> {
    let colour = match picture.pixel_layout() {
        PixelLayout::I400 => Sampling::Grey,
        PixelLayout::I420 => Sampling::Yuv420,
        PixelLayout::I422 => Sampling::Yuv422,
        PixelLayout::I444 if rgb => Sampling::Gbr,
        PixelLayout::I444 => Sampling::Yuv444,
    };
    let bits = picture.bits_per_component().map_or(0, |bits| bits.0);
    let layout = Layout { colour, bits: bits as u8 };
    let known = layout.name().map(|_| layout);
    known.ok_or_else(|| VideoError::UnknownFormat { format: format!("AV1, {colour:?}, {bits} bits") })
}

/// The planes, rows without padding; nothing where the decoder's are smaller than it says.
fn copied(from: &library::Picture, layout: Layout, (matrix, range): (Matrix, Range)) -> Option<Picture> {
    let (width, height) = (from.width(), from.height());
    let mut picture = Picture { layout, width, height, matrix, range, planes: Vec::new() };
    let components = [PlanarImageComponent::Y, PlanarImageComponent::U, PlanarImageComponent::V];
    for (plane, component) in components.into_iter().enumerate().take(layout.colour.planes()) {
        let (columns, rows) = picture.plane_size(plane);
        let columns = columns * picture.sample_bytes();
        let stride = from.stride(component) as usize;
        let samples = from.plane(component);
        for row in 0..rows {
            picture.planes.extend_from_slice(samples.get(row * stride..row * stride + columns)?);
        }
    }
    Some(picture)
}
