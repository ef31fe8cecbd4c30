//! What a file is called whose tables cannot be.

use crate::{error::VideoError, file::Container};

/// The error for a file whose tables cannot be.
pub(super) fn damaged(reason: impl Into<String>) -> VideoError {
    VideoError::ContainerDamaged { container: Container::Mp4.name(), reason: reason.into() }
}
