//! What is wrong with a Matroska file, and which error of a video that is.

use crate::{demux::allowance::TooMuch, error::VideoError, file::Container};

/// Why a file's elements cannot be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    /// The file ends within an element.
    #[error("{missing} bytes are missing at the end")]
    Cut {
        /// Bytes that are missing at least.
        missing: u64,
    },
    /// An element is not what it must be.
    #[error("the element at byte {at} {what}")]
    Broken {
        /// Its place in the file.
        at: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The file asks for a newer reader.
    #[error("its header asks for version {version} of {of}, later than any that is known")]
    Newer {
        /// EBML, or Matroska.
        of: &'static str,
        /// The version.
        version: u64,
    },
    /// The index, or what blocks unpack to, would be much larger than the file.
    #[error("{0} would take much more memory than the file has bytes")]
    TooMuch(TooMuch),
    /// Other tracks begin behind the packets of the first.
    #[error("other tracks begin behind {packets} packets")]
    OtherTracks {
        /// Packets until then.
        packets: u32,
    },
    /// The time limit came first.
    #[error("the file was not read in time")]
    Late,
}

impl Fault {
    /// The error of the video; `seconds` is the time limit.
    pub(super) fn into_error(self, seconds: u32) -> VideoError {
        match self {
            Self::Late => VideoError::TimeLimit { stage: "taking the file apart", seconds },
            Self::Cut { .. } => VideoError::Truncated { reason: self.to_string() },
            Self::OtherTracks { packets } => VideoError::CodecChanged { packets },
            Self::Broken { .. } | Self::Newer { .. } | Self::TooMuch(_) => VideoError::ContainerDamaged {
                container: Container::Matroska.name(),
                reason: self.to_string(),
            },
        }
    }
}
