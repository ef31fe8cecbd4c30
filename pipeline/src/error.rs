//! Why a video, or a clip of it, cannot be given: one variant a cause, with how far it got.

use std::path::{Path, PathBuf};

use schemas::Kind;

use crate::{FrameRank, segment::SegmentError, system::SystemError, worker_pool::JobError};

/// Why a video gave no facts or no pictures. Wrong pixels are never given instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VideoError {
    /// The system cannot read the file: nothing is known of the video, and this is no verdict on it.
    #[error(transparent)]
    System(#[from] SystemError),
    /// Nothing, or no file, is under the path.
    #[error("cannot read {}: {cause}", crate::names::shown(path))]
    CannotOpen {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: std::io::Error,
    },
    /// The file is larger than may be held in memory.
    #[error("the file has {bytes} bytes, more than the limit of {limit}")]
    FileTooLarge {
        /// Bytes of the file.
        bytes: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// The first bytes are those of no container that is known.
    #[error("not a video: the first of its {bytes} bytes belong to no known container")]
    UnknownContainer {
        /// Bytes of the file.
        bytes: u64,
    },
    /// The content is that of something else.
    #[error("not a video: it is {what}")]
    NotAVideo {
        /// What it is, in words.
        what: String,
    },
    /// The content is a film of a format that is not read here.
    #[error("unsupported: {format} is not a supported format{}", converted(convert))]
    Unsupported {
        /// The format's name.
        format: String,
        /// The line that converts it, where there is one.
        convert: Option<String>,
    },
    /// The pictures are compressed in a way that is not read here.
    #[error("unsupported: {codec} is not a supported codec{}", converted(convert))]
    UnsupportedCodec {
        /// The codec's name.
        codec: String,
        /// The line that converts it, where there is one.
        convert: Option<String>,
    },
    /// The container cannot be read, or would lead its reader astray.
    #[error("the {container} container is damaged: {reason}")]
    ContainerDamaged {
        /// Name of the container.
        container: &'static str,
        /// What the demuxer, or the check before it, found.
        reason: String,
    },
    /// The container has no stream of pictures, or the stream has no packet.
    #[error("no video stream in the {container} container")]
    NoVideoStream {
        /// Name of the container.
        container: &'static str,
    },
    /// The stream is of a codec that is not read here.
    #[error("unknown codec: {codec}")]
    UnknownCodec {
        /// The stream's media type as the demuxer names it.
        codec: String,
    },
    /// The installation lacks a GStreamer element.
    #[error(
        "the GStreamer element {element} is not installed; `tubelet doctor` names the package that brings it"
    )]
    ElementMissing {
        /// Name of the element.
        element: &'static str,
    },
    /// The stream is encrypted.
    #[error("the video stream is encrypted")]
    Encrypted,
    /// The file ends before the data that its container promises.
    #[error("the file is truncated: {reason}")]
    Truncated {
        /// What is missing.
        reason: String,
    },
    /// The edit list puts the film together from several parts that cannot be joined.
    #[error("the edit list has {parts} parts: {reason}")]
    EditList {
        /// Parts that show anything.
        parts: usize,
        /// Why not.
        reason: &'static str,
    },
    /// The headers of stream and container speak of pictures of different size.
    #[error("the pictures are {}x{} in the stream, but {}x{} in the container", stream.0, stream.1, container.0, container.1)]
    SizesDiffer {
        /// Columns and rows by the stream's own header.
        stream: (u32, u32),
        /// Columns and rows by the container.
        container: (u32, u32),
    },
    /// All frames are hidden by the edit list, or none is shown at all.
    #[error("none of {packets} packets is shown")]
    NothingShown {
        /// Packets of the stream.
        packets: u32,
    },
    /// Pictures are larger than allowed.
    #[error("pictures of {width}x{height} are above the limit of {limit} pixels")]
    PictureTooLarge {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// Pixels allowed.
        limit: u64,
    },
    /// The decoder gives a pixel format that is not read here.
    #[error(
        "unknown pixel format: {format}; `ffmpeg -i IN -map 0:v:0 -c:v libx264 -crf 16 -pix_fmt yuv444p OUT.mp4` makes a film of \
         one that is known"
    )]
    UnknownFormat {
        /// GStreamer's name of the format.
        format: String,
    },
    /// Size or pixel format change in the middle.
    #[error("the pictures change from {before} to {after} in the middle of the stream")]
    CapsChanged {
        /// Size and format before.
        before: String,
        /// Size and format after.
        after: String,
    },
    /// Pictures are to be shown turned by an angle that is no quarter turn.
    #[error("the pictures are to be turned by {degrees}°, which is not a multiple of 90°")]
    OddTurn {
        /// Degrees clockwise.
        degrees: u16,
    },
    /// The stream ends and another one begins in its place.
    #[error("the video stream ends after {packets} packets and another begins")]
    CodecChanged {
        /// Packets until then.
        packets: u32,
    },
    /// Packets that others refer to are missing.
    #[error("a picture that others refer to is missing before packet {at} of {packets}")]
    PacketsMissing {
        /// The first packet behind the gap.
        at: u32,
        /// Packets that are there.
        packets: u32,
    },
    /// The stream does not begin with a picture that decoding may begin with, and this frame comes
    /// before the first one.
    #[error("frame {} comes before the first picture that decoding may begin with", rank.0)]
    NoStart {
        /// The frame.
        rank: FrameRank,
    },
    /// The decoder complained.
    #[error("the decoder complained {complaints} times within {packets} packets, first: {first}")]
    Damaged {
        /// Complaints until decoding was stopped.
        complaints: u32,
        /// Packets sent until then.
        packets: u32,
        /// The first complaint.
        first: String,
    },
    /// The decoder refuses the stream.
    #[error("the decoder refuses the stream after {packets} packets: {reason}")]
    Refused {
        /// Packets sent until then.
        packets: u32,
        /// The flow error.
        reason: String,
    },
    /// Frames that the index promises did not come out.
    #[error("{missing} of {wanted} frames did not come out of the decoder, first frame {}", first.0)]
    FramesMissing {
        /// Frames that were wanted.
        wanted: u32,
        /// Frames that did not come.
        missing: u32,
        /// The first that did not come.
        first: FrameRank,
    },
    /// The decoder gave another number of frames than the packets promise, without a complaint.
    #[error("the decoder gave {came} frames, but the packets promise {promised}")]
    FramesLost {
        /// Frames of the packets.
        promised: u64,
        /// Frames that came out.
        came: u64,
    },
    /// Frames come out of the decoder in another order than their packets' times say.
    #[error("the decoder gives frames in another order than their times, first after {came} frames")]
    OutOfOrder {
        /// Frames until then.
        came: u64,
    },
    /// Not one frame came out.
    #[error("the decoder gave no frame from {packets} packets")]
    NothingDecoded {
        /// Packets sent.
        packets: u32,
    },
    /// The caller wants a frame that the video does not have.
    #[error("frame {} does not exist: the video has {frames}", rank.0)]
    NoSuchFrame {
        /// The frame.
        rank: FrameRank,
        /// Frames of the video.
        frames: u32,
    },
    /// The list means a part of the video that it does not have.
    #[error(transparent)]
    NoSuchSegment(#[from] SegmentError),
    /// Opening or decoding took too long.
    #[error("{stage} did not finish within {seconds} s")]
    TimeLimit {
        /// What was being done.
        stage: &'static str,
        /// The limit.
        seconds: u32,
    },
    /// The process that decoded it ended, and did so again when it was tried once more.
    #[error("its decoder ended the process that it ran in, and did so again: {how}")]
    DecoderCrashed {
        /// How the process ended.
        how: String,
    },
    /// What a process that decodes says of it: one of the others, in its words.
    #[error("{reason}")]
    Told {
        /// The verdict.
        verdict: &'static str,
        /// The sentence.
        reason: String,
        /// The name of a format that is not read here.
        format: Option<String>,
        /// The name of a codec that is not read here.
        codec: Option<String>,
    },
    /// The thread that read it panicked or was stuck.
    #[error(transparent)]
    Unanswered(#[from] JobError),
}

/// What makes a film that is read here of one that is not.
fn converted(line: &Option<String>) -> String {
    line.as_ref().map_or_else(String::new, |line| format!("; `{line}` makes a film that is"))
}

impl VideoError {
    /// The name of a format that is not read here.
    pub fn format(&self) -> Option<&str> {
        match self {
            Self::Unsupported { format, .. } => Some(format),
            Self::Told { format, .. } => format.as_deref(),
            _ => None,
        }
    }

    /// The name of a codec that is not read here.
    pub fn codec(&self) -> Option<&str> {
        match self {
            Self::UnsupportedCodec { codec, .. } => Some(codec),
            Self::Told { codec, .. } => codec.as_deref(),
            _ => None,
        }
    }

    /// What a person does about it depends on this.
    pub fn kind(&self) -> Kind {
        Kind::of_verdict(self.verdict())
    }

    /// Why GStreamer gives no element of this name. Where it knows one, its plugin failed to load: too many open
    /// files or too little memory, and nothing that would be wrong with a video.
    pub(crate) fn no_element(element: &'static str) -> Self {
        if gstreamer::ElementFactory::find(element).is_none() {
            return Self::ElementMissing { element };
        }
        let cause = std::io::Error::other("its plugin does not load");
        Self::System(SystemError::new("use the GStreamer element", Path::new(element), cause))
    }

    /// The same error of a video that was there before: that it is gone is then no fault of the list that names it,
    /// but a state of the system.
    pub fn of_one_that_was_there(self) -> Self {
        match self {
            Self::CannotOpen { path, cause } if cause.kind() == std::io::ErrorKind::NotFound => {
                Self::System(SystemError::new("open", &path, cause))
            }
            other => other,
        }
    }

    /// The stable word that stands in manifest and quarantine; scripts may match on it.
    pub fn verdict(&self) -> &'static str {
        match self {
            Self::System(_) => "system",
            Self::CannotOpen { .. } => "cannot-open",
            Self::FileTooLarge { .. } | Self::PictureTooLarge { .. } => "too-large",
            Self::UnknownContainer { .. } | Self::NotAVideo { .. } => "not-a-video",
            Self::Unsupported { .. } => "unsupported",
            Self::ContainerDamaged { .. } => "container-damaged",
            Self::NoVideoStream { .. } => "no-video-stream",
            Self::UnknownCodec { .. } | Self::UnsupportedCodec { .. } | Self::UnknownFormat { .. } => {
                "unknown-codec"
            }
            Self::ElementMissing { .. } => "element-missing",
            Self::Encrypted => "encrypted",
            Self::Truncated { .. } => "truncated",
            Self::NothingShown { .. } => "nothing-shown",
            Self::EditList { .. } => "edit-list",
            Self::SizesDiffer { .. } => "sizes-differ",
            Self::CapsChanged { .. } => "caps-changed",
            Self::OddTurn { .. } => "odd-turn",
            Self::CodecChanged { .. } => "codec-changed",
            Self::Damaged { .. } | Self::Refused { .. } => "damaged",
            Self::PacketsMissing { .. } | Self::NoStart { .. } => "packets-missing",
            Self::OutOfOrder { .. } => "out-of-order",
            Self::FramesMissing { .. } | Self::FramesLost { .. } => "frames-missing",
            Self::NothingDecoded { .. } => "nothing-decoded",
            Self::NoSuchFrame { .. } | Self::NoSuchSegment(_) => "no-such-frame",
            Self::TimeLimit { .. } => "time-limit",
            Self::DecoderCrashed { .. } => "decoder-crashed",
            Self::Told { verdict, .. } => verdict,
            Self::Unanswered(why) => why.verdict(),
        }
    }
}
