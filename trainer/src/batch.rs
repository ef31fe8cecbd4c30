//! Record batches brought to the device: what a model is given.
//!
//! ```text
//! masked     clips with hidden cubes, for pre-training and reconstruction
//! labelled   whole clips with labels, for fine-tuning and inference
//! ```
//!
//! A clip's pixels may be erased in a box ([`pixel_box`]) and mixed with another clip's ([`mixup`]). What a model
//! gives back for the clips of a batch is checked for NaN and infinity ([`finite`]).

pub mod finite;
pub mod labelled;
pub mod masked;
pub mod mixup;
pub mod pixel_box;
