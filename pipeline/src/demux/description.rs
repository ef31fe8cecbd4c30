//! What a stream's description (GStreamer's caps) says: codec, framing, decoder configuration.

use gst::prelude::*;
use gstreamer as gst;

use crate::{
    codec::{Codec, bits::Framing, other::OtherCodec},
    decode::raw_format::RawFormat,
};

/// The codec that caps name.
pub(crate) fn codec_of(structure: &gst::StructureRef) -> Option<Codec> {
    let version = |name| structure.get::<i32>(name).unwrap_or(0);
    Some(match structure.name().as_str() {
        "video/x-h264" => Codec::H264,
        "video/x-h265" => Codec::Hevc,
        "video/x-vp8" => Codec::Vp8,
        "video/x-vp9" => Codec::Vp9,
        "video/x-av1" => Codec::Av1,
        "image/jpeg" => Codec::Mjpeg,
        "video/x-xvid" => Codec::Mpeg4,
        "video/x-divx" if version("divxversion") >= 4 => Codec::Mpeg4,
        "video/mpeg" => match version("mpegversion") {
            1 => Codec::Mpeg1,
            2 => Codec::Mpeg2,
            4 => Codec::Mpeg4,
            _ => return None,
        },
        "video/x-theora" => Codec::Theora,
        "image/png" => Codec::Png,
        "video/x-raw" => {
            RawFormat::named(structure.get::<&str>("format").ok()?)?;
            Codec::Raw
        }
        _ => {
            return OtherCodec::all()
                .find(|codec| codec.caps().iter().any(|caps| says(structure, caps)))
                .map(Codec::Other);
        }
    })
}

/// Whether a description says all that `caps` do.
fn says(structure: &gst::StructureRef, caps: &str) -> bool {
    let stated: gst::Structure = caps.parse().expect("because the caps of codecs are written correctly");
    let is_said = |field: &str, value: &gst::glib::SendValue| {
        structure.value(field).is_ok_and(|said| value.intersect(said).is_some())
    };
    stated.name() == structure.name() && stated.iter().all(|(field, value)| is_said(field, value))
}

/// How NAL units are framed: by lengths as the decoder configuration says, or by start codes.
pub(crate) fn framing_of(structure: &gst::StructureRef) -> Framing {
    let setup = setup_of(structure);
    match (structure.name().as_str(), structure.get::<&str>("stream-format")) {
        ("video/x-h264", Ok("avc")) => Framing::Lengths(setup.get(4).map_or(4, |byte| (byte & 3) + 1)),
        ("video/x-h265", Ok("hvc1" | "hev1")) => {
            Framing::Lengths(setup.get(21).map_or(4, |byte| (byte & 3) + 1))
        }
        _ => Framing::StartCodes,
    }
}

/// The container's decoder configuration, or nothing.
pub(crate) fn setup_of(structure: &gst::StructureRef) -> Vec<u8> {
    let buffer = structure.get::<gst::Buffer>("codec_data").ok();
    let map = buffer.as_ref().and_then(|buffer| buffer.map_readable().ok());
    map.map(|map| map.to_vec()).unwrap_or_default()
}

/// The colour that a container states, in the caps that a decoder takes.
const CONTAINER_COLOUR: &str = "container-colorimetry";

/// The colour that the container, or a parser, states of a stream.
pub(crate) fn colour_of(caps: &gst::CapsRef) -> Option<&str> {
    caps.structure(0)?.get::<&str>(CONTAINER_COLOUR).ok()
}

/// The caps that a decoder takes.
///
/// Decoders of GStreamer hand on the colour that their input states, also where the stream itself states another,
/// which is the one that counts: so it is put aside. And avdec_mjpeg refuses a stream that is not said to be one
/// picture a packet, as not every description says.
pub(super) fn for_decoder(codec: Codec, caps: &gst::Caps) -> gst::Caps {
    let mut caps = caps.clone();
    if let Some(structure) = caps.make_mut().structure_mut(0) {
        if let Ok(colour) = structure.get::<String>("colorimetry") {
            structure.remove_field("colorimetry");
            structure.set(CONTAINER_COLOUR, colour);
        }
        if codec == Codec::Mjpeg {
            structure.set("parsed", true);
        }
        // FLV has whole pictures and says nothing of it.
        if codec == Codec::H264 && structure.get::<&str>("stream-format") == Ok("avc") {
            structure.set("alignment", "au");
        }
        // A packet is a frame, also where the demuxer takes it for a piece of a stream with sound.
        if structure.name() == "video/x-dv" {
            structure.set("systemstream", false);
        }
    }
    caps
}
