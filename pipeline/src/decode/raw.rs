//! Packets that are pictures already: the planes of G, B and R of one each.

use bytes::Bytes;
use gstreamer as gst;

use super::{Keep, Naming, Request, Stream, Work};
use crate::{
    error::VideoError,
    picture::{Layout, Matrix, Picture, Range, Sampling},
    plan::OutputIndex,
};

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
        let (width, height) = size(stream.caps).ok_or_else(|| wrong("their size is not known"))?;
        for number in request.runs.iter().flat_map(|run| &run.send) {
            let at = number.0 as usize;
            let Some(packet) = stream.packets.get(at) else { continue };
            let place = match request.naming {
                Naming::Counting => self.came,
                Naming::ByPacket => stream.name_of(at, request.naming),
            };
            let place = u32::try_from(place).ok().map(OutputIndex);
            if let Some(slot) = place.and_then(|place| request.wanted.binary_search(&place).ok()) {
                let body = packet.buffer(stream.file).into_mapped_buffer_readable();
                let planes = body.map_err(|_| wrong("a packet cannot be read"))?;
                if planes.len() as u64 != 3 * u64::from(width) * u64::from(height) {
                    return Err(wrong("a picture is of another size"));
                }
                let planes = Bytes::copy_from_slice(&planes);
                let layout = Layout { colour: Sampling::Gbr, bits: 8 };
                let (matrix, range) = (Matrix::Bt601, Range::Full);
                keep(slot, Picture { layout, width, height, matrix, range, planes });
                work.kept += 1;
            }
            self.came += 1;
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

fn size(caps: &gst::Caps) -> Option<(u32, u32)> {
    let structure = caps.structure(0)?;
    let side = |name| u32::try_from(structure.get::<i32>(name).ok()?).ok();
    Some((side("width")?, side("height")?))
}

fn wrong(why: &str) -> VideoError {
    VideoError::Damaged { complaints: 1, packets: 0, first: why.to_owned() }
}
