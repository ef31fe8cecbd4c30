//! What parent and child say to each other. Nothing that a child says is believed without a look.

use std::{io, ops, path::Path};

use serde::{Deserialize, Serialize};

use crate::{
    FrameRank, VideoNumber,
    decode::Work,
    error::VideoError,
    file::FileStamp,
    picture::{Layout, Matrix, Range},
    store::{self, StoreFailure},
    system::SystemError,
    verdicts::verdict_named,
    video::{Limits, VideoFacts, stored_video::StoredVideo},
};
use schemas::settings::{Skip, Verify};

/// What a child is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    /// To open the file whose handle comes with this, in the place of the one before.
    Open(Box<Open>),
    /// To decode these frames of it.
    Decode {
        /// The distinct frames, rising.
        wanted: Vec<FrameRank>,
        /// However long that takes.
        unhurried: bool,
        /// What the parent knows of the video.
        known: Known,
        /// Packets that have come since it was opened, where it is one of a shard.
        loaded: Vec<ops::Range<u32>>,
    },
    /// To decode all of it.
    Verify(Known),
    /// For the video as a shard keeps it.
    Store { number: VideoNumber, video: String, label: Option<i32>, digest: [u8; 16], known: Known },
    /// The same, and for the places of its packets.
    Index { number: VideoNumber, video: String, label: Option<i32>, stamp: FileStamp, known: Known },
    /// For the bytes of its packets.
    Packets(Known),
    /// To go on: the bytes that it needs are there, or cannot be had for this reason.
    Fetched(Option<String>),
    /// To put what the answer before spoke of into this memory; where it is new its handle comes with this.
    Put { memory: u64, forget: Vec<u64> },
}

/// A file to open.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Open {
    /// The name of the file, for messages.
    pub path: Vec<u8>,
    /// Where in the file the film is; all of it where nothing is said.
    pub part: Option<ops::Range<u64>>,
    /// Whether its bytes must be asked for before they are read.
    pub fetched: bool,
    pub how: How,
    pub limits: Limits,
    pub skipping: Skip,
    pub verify: Verify,
}

/// How a file is opened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum How {
    /// To give frames, of which there are so many where that was counted before.
    Read { counted: Option<u32> },
    /// To give facts only.
    Scan,
    /// By what an index keeps of it.
    Indexed { stored: Box<StoredVideo>, places: Vec<u64> },
    /// By what a shard keeps of it; the handle is that of memory which its packets are put into, one after the other.
    Stored(Box<StoredVideo>),
}

/// What decoding finds out of a video, beyond its facts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    /// All of it was decoded without complaint.
    pub verified: bool,
    /// Its frames are counted.
    pub counted: bool,
}

/// What an answer cost.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Cost {
    /// What decoders did.
    pub work: Work,
    /// Bytes of the file that were read.
    pub read: u64,
    /// Nanoseconds of a processor, since the cost before was told.
    pub cpu: u64,
}

/// What a child says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// It is not stuck.
    Alive {
        steps: u64,
        reading: bool,
    },
    /// It needs these bytes of the film.
    Need {
        start: u64,
        end: u64,
    },
    /// The kernel has no filter for calls of the system, for this reason.
    Unfiltered(String),
    /// The file is open.
    Opened {
        facts: Box<VideoFacts>,
        known: Known,
        cost: Cost,
    },
    /// There are so many bytes to put.
    Ready {
        bytes: u64,
        known: Known,
        cost: Cost,
    },
    /// They are put: these are pictures.
    Pictures(Vec<Placed>),
    /// They are put: these are packets, one after the other; one that cannot be read has no length.
    Packets(Vec<Option<u32>>),
    /// All of it decodes.
    Verified {
        known: Known,
        cost: Cost,
    },
    Stored(Box<StoredVideo>),
    Indexed(Option<(Box<StoredVideo>, Vec<u64>)>),
    /// It cannot be done.
    Failed {
        failure: Failure,
        known: Known,
        cost: Cost,
    },
}

/// A picture, and where its planes are in the shared memory.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Placed {
    pub rank: FrameRank,
    pub layout: Layout,
    pub width: u32,
    pub height: u32,
    pub matrix: Matrix,
    pub range: Range,
    pub start: u64,
    pub length: u64,
}

/// A [`VideoError`], told.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Failure {
    /// What is wrong with the video.
    Video { verdict: String, reason: String, format: Option<String>, codec: Option<String> },
    /// What the system does not do.
    System { path: Vec<u8>, number: Option<i32>, words: String },
}

/// Letters of a reason that are kept.
const LONGEST_REASON: usize = 4096;

impl Failure {
    pub fn of(error: &VideoError) -> Self {
        if let VideoError::System(why) = error {
            let path = why.path().as_os_str().as_encoded_bytes().to_vec();
            return Self::System { path, number: why.cause().raw_os_error(), words: why.cause().to_string() };
        }
        Self::Video {
            verdict: error.verdict().to_owned(),
            reason: error.to_string(),
            format: error.format().map(str::to_owned),
            codec: error.codec().map(str::to_owned),
        }
    }

    /// The error; nothing where a word of it is none that this program says.
    pub fn into_error(self, path: &Path) -> Option<VideoError> {
        match self {
            Self::Video { verdict, reason, format, codec } => {
                // Statements about this system are the parent's to make.
                let told = |verdict| VideoError::Told { verdict, reason: cut(reason), format, codec };
                verdict_named(&verdict).map(told)
            }
            Self::System { number, words, .. } => {
                let told = |words: String| match store::is_address(path) {
                    true => StoreFailure::error(&words),
                    false => io::Error::other(words),
                };
                let cause = number.map_or_else(|| told(cut(words)), io::Error::from_raw_os_error);
                Some(VideoError::System(SystemError::new("read", path, cause)))
            }
        }
    }
}

/// At most so much of a text.
fn cut(mut text: String) -> String {
    if text.len() > LONGEST_REASON {
        text.truncate(text.floor_char_boundary(LONGEST_REASON));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_in_the_same_words() {
        let error =
            VideoError::Unsupported { format: "FLV".to_owned(), convert: Some("ffmpeg …".to_owned()) };
        let told = Failure::of(&error).into_error(Path::new("a.flv")).unwrap();
        assert_eq!(
            (told.verdict(), told.to_string(), told.format()),
            (error.verdict(), error.to_string(), Some("FLV"))
        );
    }

    #[test]
    fn a_child_does_not_speak_for_the_system_nor_in_other_words() {
        for verdict in ["system", "good", "", "so <b>wrong</b>", "a-word-that-is-longer-than-any-verdict"] {
            let (verdict, reason) = (verdict.to_owned(), "because".to_owned());
            let told = Failure::Video { verdict, reason, format: None, codec: None };
            assert!(told.into_error(Path::new("a.mp4")).is_none());
        }
    }

    #[test]
    fn what_the_system_said_keeps_its_number() {
        let cause = io::Error::from_raw_os_error(5);
        let error = VideoError::System(SystemError::new("read", Path::new("a.mp4"), cause));
        let told = Failure::of(&error).into_error(Path::new("a.mp4")).unwrap();
        assert_eq!(told.to_string(), error.to_string());
    }
}
