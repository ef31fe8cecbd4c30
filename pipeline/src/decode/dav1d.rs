//! AV1 by dav1d itself, where this build has it.
//!
//! GStreamer as Debian and Ubuntu package it decodes AV1 by libaom, which takes about three times as long; dav1d
//! is there (FFmpeg's library needs it), but its GStreamer element is not. It is called with one thread and
//! without delay, so that pictures come out of the packet that shows them. A decoder that returned an error is
//! dropped by its caller.
//!
//! Versions before 1.4 do not notice that most damage to samples ([`self_test`]). With those, packets that nobody has
//! verified go through libaom first, which does, and only then through dav1d for their pictures.

mod library;
pub(crate) mod self_test;

use bytes::Bytes;
use gstreamer as gst;
use gstreamer_video as gst_video;

use self::library::{Decoder, Error, PixelLayout, PlanarImageComponent, settings};
use super::{
    Extent, Joined, Keep, Naming, Request, Stay, Stream, TimeLimit, Work, av1_colour::StatedColour, copy,
    gstreamer::GstDecoder,
};
use crate::{
    PacketNumber, demux,
    error::VideoError,
    heartbeat,
    picture::{Layout, Matrix, Picture, Range, Sampling},
    plan::OutputIndex,
};

/// A decoder of AV1.
#[derive(Debug)]
pub(crate) struct Dav1d {
    decoder: Decoder,
    /// libaom, once it was needed.
    checker: Option<GstDecoder>,
    came: u64,
    /// What the packets so far state of colour.
    stated: StatedColour,
    stands_at: Option<PacketNumber>,
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
        let decoder = Decoder::with_settings(&settings())
            .map_err(|error| VideoError::Refused { packets: 0, reason: error.to_string() })?;
        Ok(Self { decoder, checker: None, came: 0, stated: StatedColour::default(), stands_at: None })
    }

    /// Lets libaom look at the packets of a request where this library would not find damage; gives the frames that
    /// it made of them, nothing where there was no need.
    fn check(
        &mut self,
        stream: Stream<'_>,
        request: Request<'_>,
        limit: TimeLimit<'_>,
    ) -> Result<Option<u64>, VideoError> {
        if stream.verified || self_test::finds_damage() {
            return Ok(None);
        }
        // A decoder that fails is not used again.
        let mut checker = match self.checker.take() {
            Some(checker) => checker,
            None => GstDecoder::of_libaom()?,
        };
        // It holds no picture back, either.
        let stay = request.joined.stay.map(|_| Stay { needed: 0, ahead: &[] });
        let request = Request { wanted: &[], joined: Joined { stay, ..request.joined }, ..request };
        checker.decode(stream, request, limit, &mut Work::default(), &mut |_, _| {})?;
        let came = checker.frames_that_came();
        self.checker = Some(checker);
        Ok(Some(came))
    }

    /// Sends the packets of `stream` that are requested and hands the wanted pictures to `keep`. No picture is held back,
    /// so that none needs the packets ahead, and the decoder stands behind the last packet of any request.
    pub(super) fn decode(
        &mut self,
        stream: Stream<'_>,
        request: Request<'_>,
        limit: TimeLimit<'_>,
        work: &mut Work,
        keep: &mut Keep<'_>,
    ) -> Result<(), VideoError> {
        let checked = self.check(stream, request, limit)?;
        let Request { runs, wanted, naming, extent, joined } = request;
        if !joined.goes_on {
            self.came = 0;
            self.stated = StatedColour::of(stream.caps);
        }
        let came_before = self.came;
        let mut taken = Taken {
            stated: std::mem::take(&mut self.stated),
            container: demux::colour_of(stream.caps).and_then(|colour| colour.parse().ok()),
            naming,
            wanted,
            keep,
            kept: 0,
            shape: None,
        };
        let mut pushed = 0;
        for (nth, run) in runs.iter().enumerate() {
            if nth > 0 || !joined.goes_on {
                self.decoder.flush();
            }
            for &number in &run.send {
                let at = number.0 as usize;
                let Some(packet) = stream.packets.get(at) else { continue };
                let place = stream.name_of(at, naming);
                pushed += 1;
                let body = packet.buffer(stream.file).into_mapped_buffer_readable();
                let body = body.map_err(|_| damaged(pushed, "a packet cannot be read"))?;
                taken.stated.note(body.as_slice());
                let sent = self.decoder.send_data(Body(body), None, i64::try_from(place).ok(), None);
                self.take_all(sent, &mut taken, pushed, limit)?;
                self.stands_at = Some(number);
                let all = request.last_needed().is_some_and(|last| self.came > u64::from(last.0));
                if naming == Naming::Counting && extent == Extent::Wanted && all {
                    break;
                }
            }
        }
        self.stated = taken.stated;
        // Frames that are counted end with the last one that is wanted.
        let is_whole = naming == Naming::ByPacket || extent == Extent::Video;
        if let Some(promised) = checked.filter(|&promised| promised != self.came && is_whole) {
            return Err(VideoError::FramesLost { promised, came: self.came });
        }
        work.packets += u64::from(pushed);
        work.left_out += runs.iter().map(|run| run.left_out()).sum::<u64>();
        work.frames += self.came - came_before;
        work.kept += taken.kept;
        Ok(())
    }

    /// How many frames came out since the decoder last began anew.
    pub(super) fn frames_that_came(&self) -> u64 {
        self.came
    }

    /// The last packet that was sent.
    pub(super) fn stands_at(&self) -> Option<PacketNumber> {
        self.stands_at
    }

    /// Takes the pictures that come until the packet that was `sent` is in the decoder.
    fn take_all(
        &mut self,
        mut sent: Result<(), Error>,
        taken: &mut Taken<'_, '_>,
        pushed: u32,
        limit: TimeLimit<'_>,
    ) -> Result<(), VideoError> {
        loop {
            self.take(taken, pushed)?;
            heartbeat::step();
            limit.check()?;
            match sent {
                Ok(()) => return Ok(()),
                Err(Error::Again) => sent = self.decoder.send_pending_data(),
                Err(error) => return Err(damaged(pushed, error)),
            }
        }
    }

    /// Takes all pictures that are ready.
    fn take(&mut self, taken: &mut Taken<'_, '_>, packets: u32) -> Result<(), VideoError> {
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
struct Taken<'a, 'k> {
    stated: StatedColour,
    /// What the container states, which counts where the stream says nothing.
    container: Option<gst_video::VideoColorimetry>,
    naming: Naming,
    wanted: &'a [OutputIndex],
    keep: &'a mut Keep<'k>,
    kept: u64,
    shape: Option<(Layout, u32, u32)>,
}

impl Taken<'_, '_> {
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
        if let Some(slot) = place.and_then(|place| self.wanted.binary_search(&OutputIndex(place)).ok()) {
            let stream = self.stated.colorimetry();
            let rule =
                copy::rule_of([stream.as_ref(), self.container.as_ref()], layout.colour, Range::Limited);
            if let Some(picture) = copied(picture, layout, rule) {
                (self.keep)(slot, picture);
                self.kept += 1;
            }
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
    let mut picture = Picture { layout, width, height, matrix, range, planes: Bytes::new() };
    let mut planes = Vec::new();
    let components = [PlanarImageComponent::Y, PlanarImageComponent::U, PlanarImageComponent::V];
    for (plane, component) in components.into_iter().enumerate().take(layout.colour.planes()) {
        let (columns, rows) = picture.plane_size(plane);
        let columns = columns * picture.sample_bytes();
        let stride = from.stride(component) as usize;
        let samples = from.plane(component);
        for row in 0..rows {
            planes.extend_from_slice(samples.get(row * stride..row * stride + columns)?);
        }
    }
    picture.planes = planes.into();
    Some(picture)
}

#[cfg(test)]
mod tests {
    use super::{
        self_test::{DAMAGED, PICTURE},
        *,
    };
    use crate::{
        codec::{Start, StreamHeader},
        demux::{Body, Packet},
        file::FileBytes,
        plan::{PacketFact, PacketRun, order::Stamp},
    };

    /// Decodes a film of one temporal unit; gives the number of its frames.
    fn decode(picture: [u8; 99], verified: bool) -> Result<u64, VideoError> {
        gst::init().unwrap();
        let empty = tempfile::NamedTempFile::new().unwrap();
        let stream = Stream {
            caps: &"video/x-av1,stream-format=obu-stream,alignment=tu,width=16,height=16".parse().unwrap(),
            header: &StreamHeader::default(),
            packets: &[Packet {
                body: Body::Held(Bytes::copy_from_slice(&picture)),
                stamp: Stamp::default(),
                key: true,
            }],
            file: &FileBytes::open(empty.path(), 0).unwrap(),
            index: &[PacketFact { place: Some(OutputIndex(0)), start: Start::Closed, disposable: false }],
            verified,
        };
        let runs = [PacketRun { send: vec![PacketNumber(0)] }];
        let request = Request {
            runs: &runs,
            wanted: &[OutputIndex(0)],
            naming: Naming::ByPacket,
            extent: Extent::Video,
            joined: Joined::default(),
        };
        let limit = TimeLimit { deadline: demux::deadline(60), seconds: 60, stop: None };
        let mut decoder = Dav1d::new()?;
        decoder.decode(stream, request, limit, &mut Work::default(), &mut |_, _| {})?;
        Ok(decoder.frames_that_came())
    }

    #[test]
    fn damage_to_samples_is_noticed_whichever_library_is_there() {
        let mut damaged = PICTURE;
        damaged[DAMAGED] ^= 0x10;
        assert!(matches!(decode(damaged, false), Err(VideoError::Damaged { .. })));
        assert_eq!(decode(PICTURE, false).unwrap(), 1);
    }

    #[test]
    fn libaom_is_spared_what_was_verified() {
        let mut damaged = PICTURE;
        damaged[DAMAGED] ^= 0x10;
        assert_eq!(decode(damaged, true).is_ok(), !self_test::finds_damage());
    }
}
