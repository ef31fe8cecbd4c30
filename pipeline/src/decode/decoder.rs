//! Which decoder a codec gets: GStreamer's element, or a library that is much faster than it.

#[cfg(any(feature = "dav1d", feature = "dav1d-1-0"))]
use super::dav1d::Dav1d;
use super::{Keep, Request, Stream, TimeLimit, Work, gstreamer::GstDecoder, raw::RawPictures};
use crate::{PacketNumber, codec::Codec, error::VideoError};

/// A decoder of one codec, whoever made it.
#[derive(Debug)]
pub(crate) enum Decoder {
    /// An element of GStreamer.
    Element(GstDecoder),
    /// None of GStreamer's: packets are pictures by themselves.
    Raw(RawPictures),
    /// dav1d, without GStreamer.
    #[cfg(any(feature = "dav1d", feature = "dav1d-1-0"))]
    Dav1d(Dav1d),
}

impl Decoder {
    /// Makes a decoder. GStreamer must be initialised.
    pub(crate) fn new(codec: Codec) -> Result<Self, VideoError> {
        match codec {
            #[cfg(any(feature = "dav1d", feature = "dav1d-1-0"))]
            Codec::Av1 => Ok(Self::Dav1d(Dav1d::new()?)),
            Codec::Rgb | Codec::Raw | Codec::Png => Ok(Self::Raw(RawPictures::default())),
            _ => Ok(Self::Element(GstDecoder::new(codec)?)),
        }
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
        match self {
            Self::Element(decoder) => decoder.decode(stream, request, limit, work, keep),
            Self::Raw(decoder) => decoder.decode(stream, request, work, keep),
            #[cfg(any(feature = "dav1d", feature = "dav1d-1-0"))]
            Self::Dav1d(decoder) => decoder.decode(stream, request, limit, work, keep),
        }
    }

    /// How many frames came out since it last began anew.
    pub(crate) fn frames_that_came(&self) -> u64 {
        match self {
            Self::Element(decoder) => decoder.frames_that_came(),
            Self::Raw(decoder) => decoder.frames_that_came(),
            #[cfg(any(feature = "dav1d", feature = "dav1d-1-0"))]
            Self::Dav1d(decoder) => decoder.frames_that_came(),
        }
    }

    /// The last packet that was sent, where the decoder was not drained after it: the next decode of the same stream may go
    /// on behind it.
    pub(crate) fn stands_at(&self) -> Option<PacketNumber> {
        match self {
            Self::Element(decoder) => decoder.stands_at(),
            Self::Raw(_) => None,
            #[cfg(any(feature = "dav1d", feature = "dav1d-1-0"))]
            Self::Dav1d(decoder) => decoder.stands_at(),
        }
    }
}
