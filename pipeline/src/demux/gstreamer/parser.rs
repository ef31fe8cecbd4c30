//! Which parser stands behind a demuxer: where packets are not whole access units.

use gstreamer as gst;

use crate::{
    codec::bits::start_codes,
    file::{Container, FileBytes},
};

/// Names of the parsers that streams of a container may need.
pub(in super::super) fn parsers(container: Container) -> &'static [&'static str] {
    match container {
        Container::Avi | Container::Asf => &["h264parse", "h265parse"],
        Container::Flv | Container::Ogg | Container::Dv | Container::RawH264 | Container::RawHevc => &[],
        _ => &["h264parse", "h265parse", "mpegvideoparse", "mpeg4videoparse"],
    }
}

/// The parser that a stream needs before it can be indexed.
pub(super) struct Parser {
    pub(super) name: &'static str,
    /// What it shall put out.
    pub(super) output: gst::Caps,
    /// What it is told that it gets, where the demuxer is mistaken.
    pub(super) input: Option<gst::Caps>,
}

/// The parser for a stream of a container that is described so, if it needs one.
pub(super) fn parser_for(caps: &gst::Caps, container: Container, file: &FileBytes) -> Option<Parser> {
    let structure = caps.structure(0)?;
    let format = structure.get::<&str>("stream-format").unwrap_or("");
    let streamed =
        matches!(container, Container::ProgramStream | Container::TransportStream | Container::Mxf);
    let version = structure.get::<i32>("mpegversion").unwrap_or(4);
    let mistaken = container == Container::ProgramStream && version < 4 && holds_mpeg4(file);
    let (name, output) = match structure.name().as_str() {
        "video/x-h264" if format != "avc" => ("h264parse", H264_OF_PARSER),
        "video/x-h265" if !matches!(format, "hvc1" | "hev1") => ("h265parse", HEVC_OF_PARSER),
        "video/mpeg" if streamed && version < 4 && !mistaken => {
            ("mpegvideoparse", "video/mpeg,parsed=true,systemstream=false")
        }
        "video/mpeg" if streamed => {
            ("mpeg4videoparse", "video/mpeg,mpegversion=4,parsed=true,systemstream=false")
        }
        _ => return None,
    };
    let output = output.parse().expect("the caps are written correctly above");
    let input = "video/mpeg,mpegversion=4,systemstream=false,parsed=false";
    let input = mistaken.then(|| input.parse().expect("the caps are written correctly above"));
    Some(Parser { name, output, input })
}

/// What parsers put out.
const H264_OF_PARSER: &str = "video/x-h264,stream-format=byte-stream,alignment=au";
const HEVC_OF_PARSER: &str = "video/x-h265,stream-format=byte-stream,alignment=au";

/// What the parser of a stream without a container puts out.
pub(super) fn raw_caps(container: Container) -> Option<gst::Caps> {
    let caps = match container {
        Container::RawH264 => H264_OF_PARSER,
        Container::RawHevc => HEVC_OF_PARSER,
        _ => return None,
    };
    Some(caps.parse().expect("the caps are written correctly above"))
}

/// Whether the pictures of a program stream are MPEG-4, which the demuxer takes for MPEG-2 where no map of the
/// streams says it: the first header of a sequence or picture tells.
fn holds_mpeg4(file: &FileBytes) -> bool {
    let beginning = file.slice(0..LOOKED_AT);
    let mut codes = start_codes(beginning.as_ref()).map(|at| beginning.as_ref()[at]);
    let first = codes.find(|code| matches!(code, 0xb0 | 0xb3 | 0xb6 | 0xb8));
    first.is_some_and(|code| matches!(code, 0xb0 | 0xb6))
}

/// Bytes of a program stream that are looked into for a first picture.
const LOOKED_AT: u64 = 256 << 10;
