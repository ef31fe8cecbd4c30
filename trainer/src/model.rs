//! VideoMAE: a model that predicts the cubes of a clip which it was not shown, and the classifier on its encoder.
//!
//! ```text
//! patch_embedding   cubes to tokens at their positions ([`position_table`])
//! encoder, decoder  stacks of transformer blocks ([`drop_path`] leaves branches out in training)
//! videomae          the two together: visible cubes to hidden ones
//! classifier        the encoder over all cubes, their mean, a head behind [`dropout`]
//! layout, sizes     names, shapes and lengths; how weights begin ([`init_weights`])
//! stages            either model in parts that can be computed one at a time
//! macs, memory      what a step costs
//! ```

mod block;
pub mod classifier;
mod decoder;
pub mod drop_path;
pub mod dropout;
mod encoder;
pub mod init_weights;
pub mod layout;
pub mod macs;
pub mod memory;
pub mod mode;
mod patch_embedding;
pub mod position_table;
pub mod sizes;
pub mod stages;
mod videomae;

pub use self::{
    mode::Mode,
    sizes::{ModelShape, NormEpsilons, Size, Stack},
    videomae::VideoMae,
};
