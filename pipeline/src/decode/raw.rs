//! Packets that are pictures by themselves and need no decoder of GStreamer: without compression, or PNG.

use gstreamer as gst;
use gstreamer_video as gst_video;

use super::{Keep, Naming, Request, Stream, Work, copy, png, raw_format::RawFormat};
use crate::{demux, error::VideoError, heartbeat, picture::Picture, plan::OutputIndex};

/// Takes packets for pictures.
#[derive(Debug, Default)]
pub(crate) struct RawPictures {
    came: u64,
}

impl RawPictures {
    /// Hands the wanted pictures of the packets that are requested to `keep`.
    pub(super) fn decode(
        &mut self,
        stream: Stream<'_>,
        request: Request<'_>,
        work: &mut Work,
        keep: &mut Keep<'_>,
    ) -> Result<(), VideoError> {
        self.came = 0;
        let form = Form::of(stream.caps)?;
        for number in request.runs.iter().flat_map(|run| &run.send) {
            let at = number.0 as usize;
            let Some(packet) = stream.packets.get(at) else { continue };
            let place = match request.naming {
                Naming::Counting => self.came,
                Naming::ByPacket => stream.name_of(at, request.naming),
            };
            let place = u32::try_from(place).ok().map(OutputIndex);
            let body = packet.buffer(stream.file).into_mapped_buffer_readable();
            let body = body.map_err(|_| wrong("a packet cannot be read"))?;
            // Also where it is not wanted: whatever is sent is found to be whole.
            let picture = form.picture(&body)?;
            if let Some(slot) = place.and_then(|place| request.wanted.binary_search(&place).ok()) {
                keep(slot, picture);
                work.kept += 1;
            }
            self.came += 1;
            heartbeat::step();
        }
        work.packets += self.came;
        work.frames += self.came;
        work.left_out += request.runs.iter().map(|run| run.left_out()).sum::<u64>();
        Ok(())
    }

    /// How many frames came out in the last decode.
    pub(super) fn frames_that_came(&self) -> u64 {
        self.came
    }
}

/// What the pictures of a stream are.
struct Form {
    size: (u32, u32),
    /// Nothing of PNG.
    format: Option<RawFormat>,
    /// The colour that the container states.
    stated: Option<gst_video::VideoColorimetry>,
}

impl Form {
    fn of(caps: &gst::Caps) -> Result<Self, VideoError> {
        let size = size(caps).ok_or_else(|| wrong("their size is not known"))?;
        let format = caps.structure(0).and_then(|structure| structure.get::<String>("format").ok());
        let named = |name: String| RawFormat::named(&name).ok_or(VideoError::UnknownFormat { format: name });
        let stated = demux::colour_of(caps).and_then(|colour| colour.parse().ok());
        Ok(Self { size, format: format.map(named).transpose()?, stated })
    }

    fn picture(&self, bytes: &[u8]) -> Result<Picture, VideoError> {
        let (width, height) = self.size;
        let Some(format) = self.format else { return png::picture(bytes, self.size) };
        let short = || wrong("a packet is too short for a picture");
        let mut picture = format.picture(bytes, width, height).ok_or_else(short)?;
        let (colour, bits) = (picture.layout.colour, picture.layout.bits);
        let samples =
            || picture.planes.chunks_exact(2).map(|sample| u16::from_le_bytes([sample[0], sample[1]]));
        if bits > 8 && samples().any(|sample| u32::from(sample) >> bits > 0) {
            return Err(wrong("a sample has more bits than its format"));
        }
        (picture.matrix, picture.range) = copy::rule_of([self.stated.as_ref(), None], colour, picture.range);
        Ok(picture)
    }
}

fn size(caps: &gst::Caps) -> Option<(u32, u32)> {
    let structure = caps.structure(0)?;
    let side = |name| u32::try_from(structure.get::<i32>(name).ok()?).ok();
    Some((side("width")?, side("height")?))
}

fn wrong(why: &str) -> VideoError {
    VideoError::Damaged { complaints: 1, packets: 0, first: why.to_owned() }
}
