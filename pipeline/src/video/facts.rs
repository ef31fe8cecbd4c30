//! What is known of a video once it is open: the row that `tubelet scan` writes of it.

use crate::{FrameRank, StreamTime, picture::Orientation};

/// How ranks of frames were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexMode {
    /// Every packet has its own presentation time: frames are ranked by it.
    Times,
    /// MPEG without complete times: the codec's rule of reordering ranks them.
    Reorder,
    /// Frames are counted as they come out of the decoder; always decoded from the start.
    Linear,
}

/// Facts of a video that was opened.
#[derive(Clone, Debug, PartialEq)]
pub struct VideoFacts {
    /// Bytes of the file.
    pub bytes: u64,
    /// Name of the container: `mp4`, `matroska`, `avi`, `mpeg-ps`, `mpeg-ts`.
    pub container: &'static str,
    /// Name of the codec: `h264`, `hevc`, `vp8`, `vp9`, `av1`, `mpeg4`, `mpeg2`, `mpeg1`, `mjpeg`.
    pub codec: &'static str,
    /// Columns of a picture before it is turned upright.
    pub width: u32,
    /// Rows of a picture before it is turned upright.
    pub height: u32,
    /// Width and height of a pixel, as a ratio.
    pub pixel_aspect: (u32, u32),
    /// How to turn pictures upright.
    pub orientation: Orientation,
    /// Frames. Exact, except that an [`IndexMode::Linear`] video opened for scanning has its packets
    /// counted instead.
    pub frames: u32,
    /// Packets, hidden ones included.
    pub packets: u32,
    /// Presentation time of each frame, rising. Where the container has none for a frame, it is
    /// interpolated between its neighbours.
    pub times: Vec<StreamTime>,
    /// Frames that the container marks as key frames, rising.
    pub key_frames: Vec<FrameRank>,
    /// Nanoseconds from the first frame to the end of the last.
    pub duration: i64,
    /// Whether the distances of frames differ by more than rounding to milliseconds explains.
    pub variable_rate: bool,
    /// Mean rate: frames over duration.
    pub frames_per_second: f64,
    /// Whether frames are presented in another order than they are decoded.
    pub has_b_frames: bool,
    /// Whether pictures are, or may be, interlaced.
    pub interlaced: bool,
    /// How ranks were found.
    pub index: IndexMode,
}
