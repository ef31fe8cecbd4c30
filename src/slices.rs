//! Work that many processes share, each of which knows only its own number: slices, and what puts them together.
//!
//! ```text
//! out.parquet                    what one process would have written, and what the last process makes of the slices
//! .out.parquet.slices/           (in an output that is a folder: `.slices/`)
//!   00003-of-00016.parquet       what slice 3 of 16 wrote, until then
//!   00003-of-00016.json          its receipt, written last: the slice is done
//!   .00003-of-00016.lock         held while it is being done, so that of two the second is refused
//! ```
//!
//! While a slice is being done its process shares the lock of the output; whoever finishes has it alone.

pub mod folder;
pub mod receipt;

use schemas::Slice;

/// Which share of the work a process does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Share {
    /// All of it.
    #[default]
    All,
    /// A slice of it.
    Slice(Slice),
    /// The slices are put together.
    Finish,
}
