//! Files whose bytes are brought when they are read.

use std::{fmt::Debug, io, ops::Range};

/// Brings parts of a file that may not be there yet.
pub trait Fetch: Debug + Send + Sync {
    /// Lets the bytes of `range` be there, as far as the file goes.
    ///
    /// # Errors
    /// When they cannot be had.
    fn fetch(&self, range: Range<u64>) -> io::Result<()>;
}
