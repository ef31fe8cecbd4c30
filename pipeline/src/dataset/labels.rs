//! Classes of videos: where they come from, and what is wrong with them.
//!
//! ```text
//! list: second column (a number) ─┐
//! folder/class/video.mp4 ─────────┼─▶ a class number for every video, and the names of the classes
//! CSV or Parquet, joined by path ─┘      (classes.txt: a name a line, its line is its number)
//! ```
//!
//! A wrong label stops everything before a video is opened, and the error names the rows.

mod assign;
mod cells;
mod classes;
pub(crate) mod column_text;
mod error;
pub mod folders;
pub mod leaks;
mod numbers;
mod several;
mod source;
mod split;
mod table;
mod weights;

pub use assign::label;
pub use cells::Columns;
pub use classes::Classes;
pub use error::{LabelError, Rows};
pub use numbers::numbers;
pub use several::several;
pub use source::{LabelSource, unlabelled};
pub use split::{DrawnBy, Split, held_out_by_rows, is_held_out};
pub use table::Table;
pub use weights::{balanced_weights, counts, positive_weights};
