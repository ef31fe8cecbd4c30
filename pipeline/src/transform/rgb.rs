//! The official code's way, byte for byte: planes to RGB first, then resized as Pillow does.

mod columns;
mod convert;
mod fixed_point;
pub mod resize;
mod rows;
mod simd;
pub(super) mod taps;
pub(super) mod weights;

pub use self::convert::{convert, convert_plain};
