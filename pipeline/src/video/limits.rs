//! What a video may cost, and what must have been decoded before a picture of it is given.

use serde::{Deserialize, Serialize};

/// What a video may cost before it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Seconds that one call of open or decode may take.
    pub seconds: u32,
    /// Pixels of a picture.
    pub pixels: u64,
    /// Bytes of a file that is held in memory while it is open. Of a larger one packets are read when they
    /// are sent, except that those of transport and program streams are held; they may be 512 MiB.
    pub file_bytes: u64,
    /// Pixels of all pictures of a video that is decoded whole before it gives its first clip.
    pub verified_pixels: u64,
    /// Whether a file is taken apart and decoded in a process of its own, where the program said how that is
    /// started (on Linux, `sandbox::start_by`); else on the thread of its reader. The pictures are the same.
    pub sandbox: bool,
}

impl Default for Limits {
    /// 60 s, 8192×8192 pixels, 64 MiB; 2²⁹ pixels are 3 minutes of 340×256 or 8 seconds of 1080p.
    fn default() -> Self {
        Self {
            seconds: 60,
            pixels: 8192 * 8192,
            file_bytes: 64 << 20,
            verified_pixels: 1 << 29,
            sandbox: true,
        }
    }
}
