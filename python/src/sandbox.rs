//! Decoding processes, as Python starts them: an interpreter that loads this library and calls [`serve`].

use std::{ffi::OsString, path::PathBuf};

use pyo3::prelude::*;

/// Tells how a decoding process is started. Says whether there can be any.
#[pyfunction]
pub fn decode_by(program: PathBuf, arguments: Vec<OsString>) -> bool {
    #[cfg(all(feature = "video", target_os = "linux"))]
    {
        use tubelet::pipeline::sandbox::{Launch, launch, start_by};
        start_by(Launch { program, arguments });
        launch().is_some()
    }
    #[cfg(not(all(feature = "video", target_os = "linux")))]
    {
        let _ = (program, arguments);
        false
    }
}

/// Opens and decodes for the process at the other end of standard input until that is closed. Large blocks are kept, as the
/// command's decoding processes keep them: pictures are made and dropped again and again.
#[pyfunction]
pub fn serve() {
    #[cfg(all(feature = "video", target_os = "linux"))]
    {
        // What a decoding process reserves counts as what it has.
        tubelet::trainer::allocator::KeptMemory::reserve_at_once(32 << 20);
        crate::allocator::keep();
        let _ = tubelet::pipeline::sandbox::serve::serve();
    }
}
