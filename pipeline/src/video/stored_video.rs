//! What is kept of a video between runs: in shards with its packets, in the index of a manifest without them.

use serde::{Deserialize, Serialize};

use crate::{
    FrameRank, StreamTime, VideoNumber,
    codec::{Codec, Start},
    file::FileStamp,
    picture::Orientation,
    plan::{PacketFact, order::IndexMode},
    segment::Segment,
};

/// What is kept of a video besides the bytes of its packets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredVideo {
    /// Its place in the source.
    pub number: VideoNumber,
    /// Its file, as the dataset names it.
    pub video: String,
    /// The first half of the BLAKE3 digest of its file.
    pub digest: [u8; 16],
    /// Its class.
    pub label: Option<i32>,
    /// Name of the file's container.
    pub container: String,
    /// Codec of the packets.
    pub codec: Codec,
    /// Description of the stream for a decoder, as GStreamer writes caps, without `codec_data`.
    pub caps: String,
    /// The container's decoder configuration, or nothing.
    pub codec_data: Vec<u8>,
    /// Columns and rows of a picture before it is turned upright.
    pub size: (u32, u32),
    /// Coded columns and rows, where a header has them.
    pub coded: Option<(u32, u32)>,
    /// Where the visible window begins right of the first column: its distance from it, and its width.
    pub left: Option<(u32, u32)>,
    /// How pictures are turned upright.
    pub orientation: Orientation,
    /// Whether pictures are, or may be, interlaced.
    pub interlaced: bool,
    /// How frames are ranked.
    pub mode: IndexMode,
    /// Frames that come out of the decoder before frame 0, which an edit list hides.
    pub hidden: u32,
    /// Presentation time of each frame.
    pub times: Vec<StreamTime>,
    /// The packets, in decode order.
    pub packets: Vec<StoredPacket>,
    /// What it was transcoded from, and by what.
    pub made: Option<Made>,
    /// Which of its frames are the part that a list names; where shards hold parts.
    pub part: Option<StoredPart>,
}

impl StoredVideo {
    /// The same video as one whose frames are counted as they come out of its decoder.
    pub fn counted(mut self) -> Self {
        self.mode = IndexMode::Linear;
        if !self.begins_in_the_middle() {
            self.hidden = 0;
        }
        self.packets.iter_mut().for_each(|packet| packet.fact.place = None);
        self
    }

    /// Whether it is H.264 that does not begin with a start. Its hidden frames are those that lack what was cut off, also
    /// where frames are counted.
    pub(crate) fn begins_in_the_middle(&self) -> bool {
        let first = self.packets.first().map(|packet| packet.fact.start);
        self.codec == Codec::H264 && first == Some(Start::Open)
    }

    /// Frames that come out of the decoder before frame 0. Where frames are counted, packets that are hidden say so.
    #[cfg(feature = "video")]
    pub(crate) fn hidden_before(&self) -> u32 {
        if self.mode == IndexMode::Linear { 0 } else { self.hidden }
    }
}

/// What is kept of a packet besides its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredPacket {
    /// How many bytes it has.
    pub bytes: u32,
    /// When the container says that its frame is shown.
    pub pts: Option<StreamTime>,
    /// What a plan needs to know.
    pub fact: PacketFact,
    /// An edit list hides its frame.
    pub hidden: bool,
    /// The container marks it as a key frame.
    pub key: bool,
}

/// Which frames of a stored video are the part that a list names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredPart {
    /// The rank in the source of the first frame that is stored.
    pub first: u32,
    /// The first frame of the part, counted from the first that is stored.
    pub start: u32,
    /// The first frame behind it.
    pub stop: u32,
}

impl StoredPart {
    /// The part, counted from the first frame that is stored.
    pub fn segment(self) -> Segment {
        Segment::Frames { start: self.start, stop: Some(self.stop) }
    }

    /// The rank in the source of a frame that is stored.
    pub fn in_source(self, rank: FrameRank) -> FrameRank {
        FrameRank(rank.0.saturating_add(self.first))
    }
}

/// How the packets of a transcode came about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Rank in the source of each frame.
    pub source_frames: Vec<FrameRank>,
    /// The encoder and all that it was told.
    pub encoder: String,
}

/// A video, and where in its file its packets are.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexedVideo {
    /// What is kept of it.
    pub stored: StoredVideo,
    /// The first byte of each packet.
    pub places: Vec<u64>,
    /// By what its file is known again.
    pub stamp: FileStamp,
}
